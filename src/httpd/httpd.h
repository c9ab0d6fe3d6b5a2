/* A small HTTP server on libmicrohttpd: routes, limits, and the checks a page on a local port needs
 * (Host allow-list, foreign Origin refused, strict security headers). HTTP only. */
#ifndef TRIVET_HTTPD_HTTPD_H
#define TRIVET_HTTPD_HTTPD_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "httpd/sse.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_HTTPD_PATH_BYTES_MAX 1024
#define TRIVET_HTTPD_PARAMS_MAX     4

struct trivet_httpd;

/* One request, valid for the call of its handler. */
struct trivet_httpd_request {
    const char *method;
    const char *path;                            /* percent-decoded, without the query */
    const char *params[TRIVET_HTTPD_PARAMS_MAX]; /* the text of each "{}" of the route */
    const uint8_t *body;                         /* NULL when there is none */
    size_t body_bytes;
    void *connection; /* the server's */
};

/* Value of a query parameter; NULL when absent. Borrowed for the handler's call. */
const char *trivet_httpd_query(const struct trivet_httpd_request *request, const char *name);

/* What a handler fills. It starts as 200 with an empty JSON body. */
struct trivet_httpd_reply {
    unsigned status;
    const char *content_type;  /* static text */
    struct trivet_buffer body; /* taken by the server */
};

/* Turn the reply into `{"error": message}`; drops what the body held. */
void trivet_httpd_reply_error(struct trivet_httpd_reply *reply, unsigned status, const char *format,
                              ...) TRIVET_PRINTF(3, 4);

/* Runs on a thread of the server, several at a time: must not block for long. */
typedef void (*trivet_httpd_handler)(void *context, const struct trivet_httpd_request *request,
                                     struct trivet_httpd_reply *reply);

/* One path. A "{}" segment matches any one segment that is not empty. Exactly one of `handler`,
 * `data`, `file` and `stream` is set. A GET route answers HEAD as well. */
struct trivet_httpd_route {
    const char *method;
    const char *path;
    trivet_httpd_handler handler;
    void *context;
    const void *data; /* static bytes */
    size_t data_bytes;
    const char *file;              /* read at each request; 404 when it is not there */
    const char *content_type;      /* of data and file */
    struct trivet_sse_hub *stream; /* Server-Sent Events, GET only */
};

struct trivet_httpd_options {
    const char *address;                     /* "HOST:PORT", "[::1]:0"; port 0 picks one */
    const struct trivet_httpd_route *routes; /* borrowed until stop */
    size_t n_routes;
    /* Host names allowed beside the bound host, "localhost", "127.0.0.1" and "[::1]"; the port is
     * not compared. Borrowed until stop. */
    const char *const *hosts;
    size_t n_hosts;
    unsigned threads;            /* 0 = 2 */
    unsigned connections_max;    /* 0 = 256 */
    unsigned connections_per_ip; /* 0 = 64 */
    unsigned idle_timeout_s;     /* a connection without progress is closed; 0 = 15 */
    size_t body_bytes_max;       /* of a request; 0 = 64 KiB */
    /* Only the address is taken before start returns; the library is loaded and the threads are
     * started by another thread, and connections wait so long. When that fails, the log says so and
     * the address is given up. */
    bool later;
};

/* Listens and serves. UNAVAILABLE when the address cannot be had, INVALID_ARGUMENT when it is
 * malformed. Request line and headers together are bounded at 32 KiB (431 or 414 beyond). */
enum trivet_status trivet_httpd_start(const struct trivet_httpd_options *options,
                                      struct trivet_httpd **out,
                                      struct trivet_error *err) TRIVET_MUST_USE;
/* "127.0.0.1:7603", with the real port. */
const char *trivet_httpd_address(const struct trivet_httpd *server);
/* Refuses what comes (503), ends the streams, gives requests in flight up to one second, closes. */
void trivet_httpd_stop(struct trivet_httpd *server);

#endif
