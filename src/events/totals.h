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
#define TRIVET_TOTALS_MODEL_BYTES  65 /* with its NUL */

struct trivet_totals;
/* Totals of one model version, while a reference is held. */
struct trivet_version_totals;

struct trivet_totals *trivet_totals_create(void); /* NULL when out of memory */
void trivet_totals_free(struct trivet_totals *totals);

/* The slot of a version, made at first use: a reference, to be given back after the last addition.
 * Of more than TRIVET_TOTALS_VERSIONS_MAX versions the one that nobody has a reference to for the
 * longest time makes room, and begins again at zero, in another life, when it is back; where all
 * are in use, the rest share one named "(other)". NULL when out of memory. Any thread. */
struct trivet_version_totals *trivet_totals_version(struct trivet_totals *totals, const char *model,
                                                    uint64_t version);
/* Of a slot; NULL is fine. Before trivet_totals_free. Any thread. */
void trivet_version_totals_release(void *held);

/* Whether the version is loaded now: for who shows only those. The one slot of what is not counted
 * apart always counts as loaded. NULL is fine. Any thread. */
void trivet_version_totals_set_loaded(struct trivet_version_totals *slot, bool loaded);

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
/* Finished calls of any method; `method` is its full name, NULL = unknown method. Any thread. */
void trivet_totals_add_calls(struct trivet_totals *totals, const char *method,
                             enum trivet_status status, uint64_t n_calls);
static inline void trivet_totals_add_call(struct trivet_totals *totals, const char *method,
                                          enum trivet_status status)
{
    trivet_totals_add_calls(totals, method, status, 1);
}

/* How much of the server's limits is used now: fields 7 and 9 to 18 of ServerTotals. */
struct trivet_saturation {
    uint64_t queue_rows;
    uint64_t queue_rows_max;
    uint32_t calls_in_hand;
    uint32_t calls_max;
    uint32_t connections;
    uint32_t connections_max;
    uint64_t model_bytes;
    uint64_t model_bytes_max;
    uint32_t models_loaded;
    uint32_t jobs_queued;
    uint32_t jobs_running;
};
/* Where they come from; NULL: all are 0. Any thread; when it returns, the source before is not
 * called any more. `read` runs under a lock of its own on the threads that encode: it must not
 * block, and not call back. */
void trivet_totals_set_source(struct trivet_totals *totals,
                              void (*read)(void *ctx, struct trivet_saturation *out), void *ctx);
void trivet_totals_read_saturation(struct trivet_totals *totals, struct trivet_saturation *out);
/* Events that could not be sent. Any thread. */
void trivet_totals_add_dropped_events(struct trivet_totals *totals, uint64_t count);
uint64_t trivet_totals_dropped_events(const struct trivet_totals *totals);

/* Running totals of a version, or of a method, as they are at one moment. */
struct trivet_version_counts {
    uint64_t calls[TRIVET_STATUS_COUNT];
    uint64_t rows[TRIVET_STATUS_COUNT];
    struct trivet_histogram queue;
    struct trivet_histogram compute;
    struct trivet_histogram total;
    uint64_t batches;
};
/* Slots so far, and the i-th of them: false when its version is not loaded. Any thread. */
size_t trivet_totals_n_versions(struct trivet_totals *totals);
bool trivet_totals_read_version(struct trivet_totals *totals, size_t i,
                                char model[TRIVET_TOTALS_MODEL_BYTES], uint64_t *version,
                                struct trivet_version_counts *out);
/* Methods that were called, and the i-th: calls by status. The one after the last, `name` NULL, is
 * that of unknown methods. Any thread. */
size_t trivet_totals_n_methods(struct trivet_totals *totals);
void trivet_totals_read_method(struct trivet_totals *totals, size_t i, const char **name,
                               uint64_t calls[TRIVET_STATUS_COUNT]);

/* Messages in `arena`. `changed_only`: versions with calls since
 * the last encode with it; its one user is the publisher. Without: all versions, also those without
 * calls. */
enum trivet_status trivet_totals_encode_predictions(struct trivet_totals *totals, bool changed_only,
                                                    struct trivet_arena *arena,
                                                    Trivet__V1__PredictionTotals ***out,
                                                    size_t *n_out,
                                                    struct trivet_error *err) TRIVET_MUST_USE;
/* Methods, saturation, events dropped, and the resource use of this process (from /proc/self). */
enum trivet_status trivet_totals_encode_server(struct trivet_totals *totals,
                                               struct trivet_arena *arena,
                                               Trivet__V1__ServerTotals **out,
                                               struct trivet_error *err) TRIVET_MUST_USE;

#endif
