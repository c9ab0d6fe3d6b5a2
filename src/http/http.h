/* trivetd over HTTP: /metrics for Prometheus, /live and /ready for whoever starts and stops it.
 * Read only, and nothing in it is a secret of a model: names of models and methods, and counts. */
#ifndef TRIVET_HTTP_HTTP_H
#define TRIVET_HTTP_HTTP_H

#include "base/compiler.h"
#include "http/metrics.h"

#include <trivet/error.h>

#include <stddef.h>

struct trivet_http;

struct trivet_http_options {
    const char *address; /* "HOST:PORT"; port 0 picks one */
    /* Names under which it may be asked, beside the host of the address and localhost; borrowed
     * until stop. */
    const char *const *hosts;
    size_t n_hosts;
    struct trivet_metrics_source source; /* what it points at is borrowed until stop */
};

/* The address is taken at once; answers come as soon as the HTTP library is loaded, by another
 * thread. UNAVAILABLE, INVALID_ARGUMENT: the address. */
enum trivet_status trivet_http_start(const struct trivet_http_options *options,
                                     struct trivet_http **out,
                                     struct trivet_error *err) TRIVET_MUST_USE;
/* "127.0.0.1:7602", with the real port. */
const char *trivet_http_address(const struct trivet_http *http);
void trivet_http_stop(struct trivet_http *http);

#endif
