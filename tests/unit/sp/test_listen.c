#include "sp/listen.h"

#include "base/text.h"

#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static enum trivet_status try_url(const char *url)
{
    nng_socket socket;
    struct trivet_sp_listen *listen = NULL;
    struct trivet_error err;
    assert_int_equal(nng_rep0_open(&socket), 0);
    enum trivet_status status =
        trivet_sp_listen_open(socket, TRIVET_SP_REQ, &url, 1, &listen, &err);
    trivet_sp_listen_stop(listen);
    nng_close(socket);
    trivet_sp_listen_free(listen);
    return status;
}

static void addresses(void **state)
{
    (void)state;
    char long_url[400];
    memset(long_url, 'x', sizeof(long_url));
    memcpy(long_url, "tcp://", 6);
    long_url[sizeof(long_url) - 1] = '\0';
    assert_int_equal(try_url("tcp://127.0.0.1:0"), TRIVET_OK);
    assert_int_equal(try_url("inproc://sp-listen"), TRIVET_OK);
    assert_int_equal(try_url("ws://127.0.0.1:0/"), TRIVET_INVALID_ARGUMENT);
    assert_int_equal(try_url("tcp"), TRIVET_INVALID_ARGUMENT);
    assert_int_equal(try_url(""), TRIVET_INVALID_ARGUMENT);
    assert_int_equal(try_url("ipc://relative"), TRIVET_INVALID_ARGUMENT);
    assert_int_equal(try_url(long_url), TRIVET_INVALID_ARGUMENT);
    assert_int_equal(try_url("tcp://127.0.0.1:notaport"), TRIVET_UNAVAILABLE);
}

static void real_port(void **state)
{
    (void)state;
    nng_socket socket;
    struct trivet_sp_listen *listen;
    struct trivet_error err;
    assert_int_equal(nng_rep0_open(&socket), 0);
    const char *urls[] = {"tcp://127.0.0.1:0"};
    assert_int_equal(trivet_sp_listen_open(socket, TRIVET_SP_REQ, urls, 1, &listen, &err),
                     TRIVET_OK);
    assert_true(strtoul(strrchr(trivet_sp_listen_url(listen, 0), ':') + 1, NULL, 10) > 1023);
    assert_int_equal(try_url(trivet_sp_listen_url(listen, 0)), TRIVET_UNAVAILABLE);
    trivet_sp_listen_stop(listen);
    nng_close(socket);
    trivet_sp_listen_free(listen);
}

static void connect_and_close(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    trivet_text_copy(address.sun_path, sizeof(address.sun_path), path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    (void)connect(fd, (struct sockaddr *)&address, sizeof(address));
    close(fd);
}

static void echo_once(nng_socket rep, nng_socket req)
{
    char word[] = "hello";
    void *got;
    size_t n_bytes;
    assert_int_equal(nng_send(req, word, sizeof(word), 0), 0);
    assert_int_equal(nng_recv(rep, &got, &n_bytes, NNG_FLAG_ALLOC), 0);
    assert_int_equal(nng_send(rep, got, n_bytes, NNG_FLAG_ALLOC), 0);
    assert_int_equal(nng_recv(req, &got, &n_bytes, NNG_FLAG_ALLOC), 0);
    nng_free(got, n_bytes);
}

static nng_socket open_req(const char *url)
{
    nng_socket req;
    assert_int_equal(nng_req0_open(&req), 0);
    nng_socket_set_ms(req, NNG_OPT_RECVTIMEO, 60000);
    nng_socket_set_ms(req, NNG_OPT_SENDTIMEO, 60000);
    nng_socket_set_ms(req, NNG_OPT_REQ_RESENDTIME, 10000); /* what went to the dead one */
    nng_socket_set_ms(req, NNG_OPT_RECONNMINT, 50);
    assert_int_equal(nng_dial(req, url, NULL, NNG_FLAG_NONBLOCK), 0);
    return req;
}

/* Peers that connect and close kill nng's ipc listener: it comes back by itself, and clients, also
 * those that dialled while it was dead, find their way back. */
static void ipc_survives_connect_and_close(void **state)
{
    (void)state;
    char folder[] = "/tmp/trivet-listen-XXXXXX";
    char path[64];
    char url[80];
    nng_socket rep;
    struct trivet_sp_listen *listen;
    struct trivet_error err;
    assert_non_null(mkdtemp(folder));
    trivet_text_format(path, sizeof(path), "%s/s", folder);
    trivet_text_format(url, sizeof(url), "ipc://%s", path);
    assert_int_equal(nng_rep0_open(&rep), 0);
    nng_socket_set_ms(rep, NNG_OPT_RECVTIMEO, 60000);
    const char *urls[] = {url};
    assert_int_equal(trivet_sp_listen_open(rep, TRIVET_SP_REQ, urls, 1, &listen, &err), TRIVET_OK);
    nng_socket before = open_req(url);
    echo_once(rep, before);
    for (int i = 0; i < 100; i++) {
        connect_and_close(path);
    }
    nng_socket after = open_req(url);
    sleep(4); /* it dies meanwhile */
    echo_once(rep, after);
    echo_once(rep, before);
    nng_close(before);
    nng_close(after);
    trivet_sp_listen_stop(listen);
    nng_close(rep);
    trivet_sp_listen_free(listen);
    trivet_text_format(path, sizeof(path), "%s/s.lock", folder);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(real_port),
        cmocka_unit_test(ipc_survives_connect_and_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
