/* Running totals since the publisher's epoch: what every event and Server.Stats carry. */
#ifndef TRIVET_EVENTS_TOTALS_H
#define TRIVET_EVENTS_TOTALS_H

#include "base/arena.h"
#include "base/compiler.h"
#include "telemetry/histogram.h"
#include "trivet/v1/events.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_TOTALS_VERSIONS_MAX 4096

struct trivet_totals;
/* Totals of one model version; never moves or goes away before trivet_totals_free. */
struct trivet_version_totals;

struct trivet_totals *trivet_totals_create(void); /* NULL when out of memory */
void trivet_totals_free(struct trivet_totals *totals);

/* The slot of a version, made at first use; beyond TRIVET_TOTALS_VERSIONS_MAX all share one named
 * "(other)". NULL when out of memory. Any thread. */
struct trivet_version_totals *trivet_totals_version(struct trivet_totals *totals, const char *model,
                                                    uint64_t version);

/* One finished Predict call. */
struct trivet_prediction_record {
    enum trivet_status status;          /* of the call */
    uint64_t rows[TRIVET_STATUS_COUNT]; /* rows by status */
    uint64_t queue_ns;
    uint64_t compute_ns;
    uint64_t total_ns;
    uint64_t batches; /* batches it is the first task of: 0 or 1 (or slices) */
};
/* Any thread; a short lock of that version. */
void trivet_version_totals_add(struct trivet_version_totals *slot,
                               const struct trivet_prediction_record *record);
/* Calls that were answered OK from one batch, all rows fine; one lock for all. */
struct trivet_served_call {
    uint64_t rows;
    int64_t arrival_ns;
};
void trivet_version_totals_add_batch(struct trivet_version_totals *slot,
                                     const struct trivet_served_call *calls, size_t n_calls,
                                     int64_t started_ns, int64_t computed_ns, int64_t ended_ns);
/* One finished call of any method; `method` is its full name, NULL = unknown method. Any thread. */
void trivet_totals_add_call(struct trivet_totals *totals, const char *method,
                            enum trivet_status status);
void trivet_totals_add_calls(struct trivet_totals *totals, const char *method,
                             enum trivet_status status, uint64_t n_calls);

/* Where ServerTotals.queue_rows comes from; set once, before other threads use `totals`. */
void trivet_totals_set_queue(struct trivet_totals *totals, uint64_t (*queue_rows)(void *ctx),
                             void *ctx);
/* Events that could not be sent. Any thread. */
void trivet_totals_add_dropped_events(struct trivet_totals *totals, uint64_t count);

/* Messages in `arena`, which borrow names from `totals`. `changed_only`: versions with calls since
 * the last encode with it; its one user is the publisher. Without: all versions, also those without
 * calls. */
enum trivet_status trivet_totals_encode_predictions(struct trivet_totals *totals, bool changed_only,
                                                    struct trivet_arena *arena,
                                                    Trivet__V1__PredictionTotals ***out,
                                                    size_t *n_out,
                                                    struct trivet_error *err) TRIVET_MUST_USE;
/* Methods, queue, events dropped, and the resource use of this process (from /proc/self). */
enum trivet_status trivet_totals_encode_server(struct trivet_totals *totals,
                                               struct trivet_arena *arena,
                                               Trivet__V1__ServerTotals **out,
                                               struct trivet_error *err) TRIVET_MUST_USE;

#endif
