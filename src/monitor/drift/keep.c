/* All of it is doubles: counts and times are far below 2^53, in microseconds too. One function
 * walks over the state in both directions, so that they cannot differ. */
#include "monitor/drift/keep.h"

#include "base/alloc.h"

#include <math.h>
#include <string.h>

#define FORMAT 1

struct walk {
    struct trivet_buffer *out; /* NULL when reading */
    const char *data;
    size_t n_bytes;
    bool failed;
    struct trivet_error *err;
};

static void doubles(struct walk *walk, double *values, size_t n)
{
    const size_t n_bytes = n * sizeof(*values);
    if (walk->failed) {
        return;
    }
    if (walk->out != NULL) {
        walk->failed = trivet_buffer_append(walk->out, values, n_bytes, walk->err) != TRIVET_OK;
        return;
    }
    if (walk->n_bytes < n_bytes) {
        walk->failed = true;
        return;
    }
    memcpy(values, walk->data, n_bytes);
    walk->data += n_bytes;
    walk->n_bytes -= n_bytes;
    for (size_t i = 0; i < n; i++) {
        walk->failed = walk->failed || !isfinite(values[i]);
    }
}

/* A whole number in [min, max]. */
static int64_t whole(struct walk *walk, int64_t value, int64_t min, int64_t max)
{
    double number = (double)value;
    doubles(walk, &number, 1);
    if (walk->failed || !(number >= (double)min && number <= (double)max)) {
        walk->failed = true;
        return value;
    }
    return (int64_t)number;
}

static void bins(struct walk *walk, struct trivet_bins *bins)
{
    doubles(walk, &bins->weights, 1);
    doubles(walk, &bins->squares, 1);
    doubles(walk, bins->cells, bins->first[bins->n_columns]);
}

static void score(struct walk *walk, struct trivet_drift_score *score)
{
    double *const fields[] = {&score->rows,
                              &score->reference_rows,
                              &score->psi,
                              &score->psi_limit,
                              &score->ks,
                              &score->ks_limit,
                              &score->js,
                              &score->missing,
                              &score->reference_missing,
                              &score->out_of_range,
                              &score->expected_out_of_range};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(fields); i++) {
        doubles(walk, fields[i], 1);
    }
    for (size_t k = 0; k < TRIVET_DRIFT_FINDING_COUNT; k++) {
        score->found[k] = whole(walk, score->found[k], 0, 1) != 0;
    }
}

static void track(struct walk *walk, struct trivet_drift_track *track)
{
    track->state =
        (enum trivet_drift_state)whole(walk, track->state, TRIVET_DRIFT_QUIET, TRIVET_DRIFT_FIRING);
    track->n_in_a_row = (uint32_t)whole(walk, track->n_in_a_row, 0, UINT32_MAX);
    track->since_us = whole(walk, track->since_us, 0, (int64_t)1 << 53);
}

static void confidence(struct walk *walk, struct trivet_drift_confidence *confidence)
{
    doubles(walk, &confidence->sum, 1);
    doubles(walk, &confidence->weights, 1);
}

static void state(struct walk *walk, struct trivet_monitor_drift *drift)
{
    const struct trivet_drift_inside inside = trivet_drift_watch_inside(drift->watch);
    const int64_t n_columns = (int64_t)inside.n_columns;
    const int64_t n_cells = (int64_t)inside.open->first[inside.n_columns];
    const int64_t time_max = (int64_t)1 << 53;
    (void)whole(walk, FORMAT, FORMAT, FORMAT);
    (void)whole(walk, n_columns, n_columns, n_columns);
    (void)whole(walk, n_cells, n_cells, n_cells);
    *inside.n_windows = (uint64_t)whole(walk, (int64_t)*inside.n_windows, 0, time_max);
    *inside.opened = whole(walk, *inside.opened, 0, 1) != 0;
    *inside.opened_us = whole(walk, *inside.opened_us, 0, time_max);
    drift->closed_us = whole(walk, drift->closed_us, 0, time_max);
    confidence(walk, &drift->open);
    confidence(walk, &drift->closed);
    bins(walk, inside.reference);
    bins(walk, inside.open);
    bins(walk, inside.closed);
    for (size_t i = 0; i < inside.n_columns; i++) {
        score(walk, &inside.columns[i].score);
        for (size_t k = 0; k < TRIVET_DRIFT_FINDING_COUNT; k++) {
            track(walk, &inside.columns[i].tracks[k]);
        }
    }
}

enum trivet_status trivet_drift_keep(const struct trivet_monitor_drift *drift,
                                     struct trivet_buffer *out, struct trivet_error *err)
{
    struct walk walk = {.out = out, .err = err};
    struct trivet_monitor_drift copy = *drift; /* written to with what it holds */
    state(&walk, &copy);
    return walk.failed ? err->status : TRIVET_OK;
}

enum trivet_status trivet_drift_restore(struct trivet_monitor_drift *drift, const void *data,
                                        size_t n_bytes, struct trivet_error *err)
{
    struct walk walk = {.data = data, .n_bytes = n_bytes, .err = err};
    state(&walk, drift);
    if (walk.failed || walk.n_bytes > 0) {
        return trivet_error_set(err, TRIVET_DATA_LOSS, "a stored state of drift cannot be read");
    }
    return TRIVET_OK;
}
