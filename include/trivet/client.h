/* libtrivet: a client of trivetd.
 *
 * A client may be used by any number of threads. To tcp:// and ipc:// it has connections of its
 * own: a blocking call has one to itself while it runs, in the caller's thread (as many connections
 * as threads that call at once; up to 64 are kept), and each stream and pipeline has one. Other
 * addresses (inproc://, ws://) go through nng. No call ever raises SIGPIPE. Host names are resolved
 * by the system, which keeps to its own time-outs; addresses in numbers need none.
 *
 * Errors fill the caller's struct trivet_error; the server's own message comes through unchanged.
 * Every call carries a request id, the caller's or a random one, so that a change is made once
 * however often the call is sent.
 *
 * When the connection breaks during a call, libtrivet connects again, at growing intervals with
 * some jitter, and sends the call once more with the same request id. Errors of its own:
 * UNAVAILABLE (no connection for connect_timeout_ms: not sent, or broken off; or it broke twice),
 * DEADLINE_EXCEEDED (no reply in time: the call may have been made), DATA_LOSS (the reply is not
 * one to this call, or longer than reply_bytes_max), RESOURCE_EXHAUSTED (out of memory). */
#ifndef TRIVET_CLIENT_H
#define TRIVET_CLIENT_H

#include <trivet/error.h>
#include <trivet/status.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TRIVET_DEFAULT_URL        "tcp://127.0.0.1:7600"
#define TRIVET_DEFAULT_EVENTS_URL "tcp://127.0.0.1:7601"

/* Where the time of a call went on the server, in µs. */
struct trivet_timings {
    uint64_t queue_us;
    uint64_t batch_wait_us;
    uint64_t compute_us;
    uint64_t total_us;
};

struct trivet_client_options {
    const char *url;        /* NULL = TRIVET_DEFAULT_URL */
    int connect_timeout_ms; /* 0 = 5,000 */
    int call_timeout_ms;    /* default of a call; 0 = 30,000 */
    size_t reply_bytes_max; /* 0 = 64 MiB */
    /* While nobody answers: the first pause between two attempts, which doubles up to the slowest;
     * each is cut by up to a half at random. 0 = 50 and 1,000. */
    int reconnect_first_ms;
    int reconnect_slowest_ms;
};

struct trivet_client;

/* Connects; UNAVAILABLE names the address and how to start a server, INVALID_ARGUMENT: `url` is not
 * an address. */
enum trivet_status trivet_client_open(const struct trivet_client_options *options,
                                      struct trivet_client **out, struct trivet_error *err);
/* No other thread may be using the client, and its streams must be closed. NULL is fine. */
void trivet_client_close(struct trivet_client *client);

/* Bytes owned by libtrivet: release with trivet_reply_release. */
struct trivet_reply {
    const uint8_t *body; /* packed response message */
    size_t body_bytes;
    struct trivet_timings timings;
    int replayed;  /* the change had been made by an earlier call with this request id */
    void *message; /* libtrivet's */
};
void trivet_reply_release(struct trivet_reply *reply);

/* One call, blocking: `method` is "trivet.v1.Training/Train", `body` the packed request (see
 * proto/trivet/v1). `request_id` (at most 64 bytes) may be NULL: then libtrivet makes one.
 * `timeout_ms` 0 = the client's default; the server is told it. Any thread. */
enum trivet_status trivet_client_call(struct trivet_client *client, const char *method,
                                      const void *body, size_t body_bytes, const char *request_id,
                                      int timeout_ms, struct trivet_reply *out,
                                      struct trivet_error *err);

/* Pipelined calls of one method over one connection: at most `window` in flight, results in the
 * order of the submits. One thread at a time; no thread of its own. A submit writes at once when
 * nothing else is in flight or 16 KiB have gathered, and then until all is written, while it takes
 * in replies; smaller ones go with the next, at the latest when a result is waited for. After a
 * break what is in flight is sent once more. */
struct trivet_stream;
enum trivet_status trivet_stream_open(struct trivet_client *client, const char *method,
                                      size_t window, struct trivet_stream **out,
                                      struct trivet_error *err);
/* Drops the results of calls in flight; by nng it waits for them up to a second. NULL is fine. */
void trivet_stream_close(struct trivet_stream *stream);
/* RESOURCE_EXHAUSTED when the window is full: take a result first. `body` is copied. */
enum trivet_status trivet_stream_submit(struct trivet_stream *stream, const void *body,
                                        size_t body_bytes, struct trivet_error *err);
size_t trivet_stream_in_flight(const struct trivet_stream *stream);
/* Wait for the oldest call. FAILED_PRECONDITION when none is in flight. A failed call gives its
 * status and leaves the stream usable. */
enum trivet_status trivet_stream_next(struct trivet_stream *stream, struct trivet_reply *out,
                                      struct trivet_error *err);

/* Pipelined calls that end by a callback: like a stream, but of any method and in the order in
 * which they end (by nng: of the submits). The callback runs in the thread that submits, waits,
 * flushes or closes, inside that call: no thread of libtrivet's, and no queue beyond the window. It
 * may submit, and nothing else of the same pipeline. */
struct trivet_pipeline;
/* `reply` (NULL unless OK) and `err` are libtrivet's and valid until the callback returns: copy
 * what is to stay. `tag` is what the submit was given. */
typedef void (*trivet_pipeline_done)(void *context, void *tag, enum trivet_status status,
                                     const struct trivet_reply *reply,
                                     const struct trivet_error *err);
/* What a submit does when the window is full. */
enum trivet_when_full {
    TRIVET_WHEN_FULL_REFUSE, /* RESOURCE_EXHAUSTED */
    TRIVET_WHEN_FULL_WAIT,   /* for a call to end; inside a callback it refuses */
};
/* `window` is 1 to 4,096. One thread at a time uses it. */
enum trivet_status trivet_pipeline_open(struct trivet_client *client, size_t window,
                                        enum trivet_when_full when_full, trivet_pipeline_done done,
                                        void *context, struct trivet_pipeline **out,
                                        struct trivet_error *err);
/* As trivet_client_call; `body` is copied. When it is not OK the callback is not called for it. */
enum trivet_status trivet_pipeline_submit(struct trivet_pipeline *pipeline, const char *method,
                                          const void *body, size_t body_bytes,
                                          const char *request_id, int timeout_ms, void *tag,
                                          struct trivet_error *err);
size_t trivet_pipeline_in_flight(const struct trivet_pipeline *pipeline);
/* Until at least one call has ended: DEADLINE_EXCEEDED when none has within `timeout_ms` (< 0 = no
 * limit: each call has its own), FAILED_PRECONDITION when none is in flight. */
enum trivet_status trivet_pipeline_wait(struct trivet_pipeline *pipeline, int timeout_ms,
                                        struct trivet_error *err);
/* Writes what is held back to go with the next. */
enum trivet_status trivet_pipeline_flush(struct trivet_pipeline *pipeline, int timeout_ms,
                                         struct trivet_error *err);
/* Calls in flight end with CANCELLED. NULL is fine. */
void trivet_pipeline_close(struct trivet_pipeline *pipeline);

/* One batch of numbers: x (n_rows, n_cols) row-major → y, the model's first output (n_rows, 1).
 * `version` 0 = the alias "production". A failed row is NaN in y; *n_failed counts them. */
enum trivet_status trivet_client_predict(struct trivet_client *client, const char *model,
                                         uint64_t version, const double *x, size_t n_rows,
                                         size_t n_cols, double *y, size_t *n_failed,
                                         uint64_t *answered_version, struct trivet_error *err);

/* A subscriber to the server's events: those whose topic begins with `topic` (NULL or "" = all).
 * One thread receives; another may interrupt it. UNAVAILABLE when nobody publishes at `url` (NULL =
 * the default); afterwards it reconnects by itself, and a gap in the sequence numbers tells what
 * was missed. */
struct trivet_subscriber;
enum trivet_status trivet_subscriber_open(const char *url, const char *topic,
                                          struct trivet_subscriber **out, struct trivet_error *err);
/* Blocks for the next event: its topic (without the NUL, in `topic`) and packed Event (release it).
 * CANCELLED after trivet_subscriber_interrupt; DATA_LOSS: a message that is no event, or a topic
 * longer than topic_bytes - 1; the next one can be received. */
enum trivet_status trivet_subscriber_next(struct trivet_subscriber *subscriber, char *topic,
                                          size_t topic_bytes, struct trivet_reply *out,
                                          struct trivet_error *err);
/* Wakes a blocked trivet_subscriber_next; from any thread. */
void trivet_subscriber_interrupt(struct trivet_subscriber *subscriber);
/* No thread may be receiving any more. NULL is fine. */
void trivet_subscriber_close(struct trivet_subscriber *subscriber);

#ifdef __cplusplus
}
#endif
#endif
