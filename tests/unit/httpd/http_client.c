#include "http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

int http_connect(const char *address)
{
    const char *colon = strrchr(address, ':');
    assert_non_null(colon);
    struct sockaddr_in to = {.sin_family = AF_INET};
    to.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct timeval wait = {.tv_sec = 60};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

void http_write(int fd, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t n = send(fd, text, left, MSG_NOSIGNAL);
        if (n <= 0) {
            return; /* the server may refuse and close early; the answer tells */
        }
        text += n;
        left -= (size_t)n;
    }
}

size_t http_read_until(int fd, const char *needle, char *out, size_t out_bytes)
{
    size_t used = 0;
    out[0] = '\0';
    while (used + 1 < out_bytes) {
        ssize_t n = recv(fd, out + used, out_bytes - 1 - used, 0);
        if (n <= 0) {
            break;
        }
        used += (size_t)n;
        out[used] = '\0';
        if (needle != NULL && strstr(out, needle) != NULL) {
            break;
        }
    }
    return used;
}

void http_exchange(const char *address, const char *request, char *out, size_t out_bytes)
{
    int fd = http_connect(address);
    http_write(fd, request);
    (void)http_read_until(fd, NULL, out, out_bytes);
    assert_int_equal(close(fd), 0);
}

int http_status(const char *answer)
{
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

const char *http_body(const char *answer)
{
    const char *gap = strstr(answer, "\r\n\r\n");
    return gap != NULL ? gap + 4 : "";
}
