/* What trivetd tells Prometheus. All names begin with trivet_ or process_; labels are model,
 * version, method and code, never a text out of user data. A version's series are there while it is
 * loaded. */
#ifndef TRIVET_HTTP_METRICS_H
#define TRIVET_HTTP_METRICS_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "events/prediction_log.h"
#include "events/publisher.h"
#include "events/totals.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trivet_metrics_source {
    struct trivet_totals *totals;
    struct trivet_publisher *publisher;
    struct trivet_prediction_log *log; /* NULL = none */
    int64_t started_unix_us;
    /* Whether the server is ready, else why not; any thread. */
    bool (*is_ready)(void *ctx, char *reason, size_t reason_bytes);
    void *ctx;
};

/* The whole page. RESOURCE_EXHAUSTED. Any thread; what it reads is locked piece by piece, so that
 * families may be of moments a little apart. */
enum trivet_status trivet_metrics_write(const struct trivet_metrics_source *source,
                                        struct trivet_buffer *out,
                                        struct trivet_error *err) TRIVET_MUST_USE;

#endif
