/* The floor: a raw socket that moves the same bytes. Each connection has a blocking thread, which
 * answers every REQUEST bytes with REPLY bytes that begin like them; what one read brought in is
 * answered by one write.
 *
 *   echo URL REQUEST REPLY [--wrong N] [--delay-us N]
 *
 * The faults are for the load generator's own test: every N-th answer is wrong, or each is late. */
#include "base/text.h"
#include "bench/wire/dial.h"
#include "bench/wire/work.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define INPUT_BYTES  ((size_t)1 << 18)
#define OUTPUT_BYTES ((size_t)1 << 20)
#define STACK_BYTES  ((size_t)1 << 16)

static uint64_t request_bytes, reply_bytes, wrong_every, delay_us;

struct stream {
    int fd;
    size_t at; /* in the request that is coming in */
    size_t n_output;
    uint64_t n_replies;
    uint8_t *input;
    uint8_t *output; /* whole replies, then room for the one that is being made */
};

static void end_reply(struct stream *stream)
{
    uint8_t *reply = stream->output + stream->n_output;
    if (request_bytes < reply_bytes) {
        memset(reply + request_bytes, 0, reply_bytes - request_bytes);
    }
    stream->n_replies++;
    if (wrong_every > 0 && stream->n_replies % wrong_every == 0) {
        reply[reply_bytes < request_bytes ? reply_bytes - 1 : request_bytes - 1] ^= 1;
    }
    stream->n_output += reply_bytes;
    stream->at = 0;
}

static bool flush(struct stream *stream)
{
    size_t n_bytes = stream->n_output;
    /* The part of a reply that is already there moves to the front. */
    size_t begun = stream->at < reply_bytes ? stream->at : reply_bytes;
    if (n_bytes == 0) {
        return true;
    }
    if (delay_us > 0) {
        (void)nanosleep(&(struct timespec){.tv_nsec = (long)delay_us * 1000}, NULL);
    }
    bool sent = write_all(stream->fd, stream->output, n_bytes);
    memmove(stream->output, stream->output + n_bytes, begun);
    stream->n_output = 0;
    return sent;
}

static bool take(struct stream *stream, const uint8_t *data, size_t n_bytes)
{
    while (n_bytes > 0) {
        size_t n = request_bytes - stream->at;
        n = n < n_bytes ? n : n_bytes;
        if (stream->at < reply_bytes) {
            size_t wanted = reply_bytes - stream->at;
            memcpy(stream->output + stream->n_output + stream->at, data, n < wanted ? n : wanted);
        }
        stream->at += n;
        data += n;
        n_bytes -= n;
        if (stream->at == request_bytes) {
            end_reply(stream);
            if (stream->n_output + 2 * reply_bytes > OUTPUT_BYTES && !flush(stream)) {
                return false;
            }
        }
    }
    return flush(stream);
}

static void *serve(void *argument)
{
    struct stream stream = {.fd = (int)(intptr_t)argument};
    stream.input = malloc(INPUT_BYTES);
    stream.output = malloc(OUTPUT_BYTES);
    while (stream.input != NULL && stream.output != NULL) {
        ssize_t n = recv(stream.fd, stream.input, INPUT_BYTES, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0 || !take(&stream, stream.input, (size_t)n)) {
            break;
        }
    }
    free(stream.input);
    free(stream.output);
    (void)close(stream.fd);
    return NULL;
}

static uint64_t number(const char *text)
{
    uint64_t value = 0;
    if (text == NULL || !trivet_text_parse_uint64(text, &value)) {
        die("echo URL REQUEST REPLY [--wrong N] [--delay-us N]");
    }
    return value;
}

int main(int argc, char **argv)
{
    int port = 0;
    if (argc < 4) {
        die("echo URL REQUEST REPLY [--wrong N] [--delay-us N]");
    }
    request_bytes = number(argv[2]);
    reply_bytes = number(argv[3]);
    for (int k = 4; k < argc; k += 2) {
        uint64_t *option = strcmp(argv[k], "--wrong") == 0 ? &wrong_every : &delay_us;
        *option = number(argv[k + 1]);
    }
    if (request_bytes == 0 || reply_bytes == 0 || reply_bytes > OUTPUT_BYTES / 4) {
        die("echo: from 1 byte to %zu", OUTPUT_BYTES / 4);
    }
    int listener = listen_at(argv[1], &port);
    if (port == 0) {
        (void)printf("ready listen=%s\n", argv[1]);
    } else {
        (void)printf("ready listen=tcp://127.0.0.1:%d\n", port);
    }
    (void)fflush(stdout);
    pthread_attr_t attributes;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    for (;;) {
        pthread_t thread;
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) {
            continue;
        }
        if (port != 0) {
            set_no_delay(fd);
        }
        if (pthread_create(&thread, &attributes, serve, (void *)(intptr_t)fd) != 0) {
            (void)close(fd);
        }
    }
}
