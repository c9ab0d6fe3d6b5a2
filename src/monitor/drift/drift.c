#include "monitor/drift/drift.h"

#include "base/alloc.h"
#include "profile/profile.h"

#include <math.h>

struct trivet_drift_watch {
    struct trivet_drift_options options;
    size_t n_columns;
    struct trivet_drift_column *columns;
    struct trivet_bins *reference;
    struct trivet_bins *open;
    struct trivet_bins *closed; /* the last one */
    bool opened;                /* rows are in `open`, since … */
    int64_t opened_us;
    uint64_t n_windows;
};

static enum trivet_status check(const Trivet__V1__Profile *profile,
                                const struct trivet_drift_options *options,
                                struct trivet_error *err)
{
    if (!(options->level > 0) || !(options->level < 1) ||
        !(options->rows_min >= TRIVET_DRIFT_ROWS_MIN) || options->window_us < 0 ||
        options->confirm < 1 || !(options->reference_rows_wanted >= 0)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "drift needs a level between 0 and 1, windows of at least %.0f "
                                "rows, and 1 window or more to confirm it",
                                TRIVET_DRIFT_ROWS_MIN);
    }
    enum trivet_status status = TRIVET_OK;
    const size_t n_columns = profile->n_features + profile->n_predictions;
    for (size_t i = 0; i < n_columns && status == TRIVET_OK; i++) {
        status = trivet_profile_check(trivet_bins_column(profile, i), err);
    }
    return status;
}

enum trivet_status trivet_drift_watch_create(const Trivet__V1__Profile *profile,
                                             const struct trivet_drift_options *options,
                                             struct trivet_drift_watch **out,
                                             struct trivet_error *err)
{
    enum trivet_status status = check(profile, options, err);
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_drift_watch *watch = trivet_calloc(1, sizeof(*watch));
    const size_t n_columns = profile->n_features + profile->n_predictions;
    if (watch != NULL) {
        watch->columns = trivet_calloc(n_columns + 1, sizeof(*watch->columns));
    }
    if (watch == NULL || watch->columns == NULL) {
        trivet_drift_watch_free(watch);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory to watch drift");
    }
    watch->options = *options;
    watch->n_columns = n_columns;
    for (size_t i = 0; i < n_columns; i++) {
        const Trivet__V1__FeatureProfile *column = trivet_bins_column(profile, i);
        watch->columns[i].name = column->name;
        watch->columns[i].categorical = column->categorical != 0;
        watch->columns[i].prediction = i >= profile->n_features;
    }
    struct trivet_bins **bins[] = {&watch->reference, &watch->open, &watch->closed};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(bins) && status == TRIVET_OK; i++) {
        status = trivet_bins_create(profile, bins[i], err);
    }
    if (status != TRIVET_OK) {
        trivet_drift_watch_free(watch);
        return status;
    }
    trivet_bins_add_profile(watch->reference, profile);
    *out = watch;
    return TRIVET_OK;
}

void trivet_drift_watch_free(struct trivet_drift_watch *watch)
{
    if (watch != NULL) {
        trivet_bins_free(watch->reference);
        trivet_bins_free(watch->open);
        trivet_bins_free(watch->closed);
        trivet_free(watch->columns);
        trivet_free(watch);
    }
}

static void set_state(struct trivet_drift_track *track, enum trivet_drift_state state,
                      int64_t now_us)
{
    track->state = state;
    track->since_us = now_us;
    track->n_in_a_row = 0;
}

static void follow(struct trivet_drift_track *track, bool found, uint32_t confirm, int64_t now_us)
{
    if (track->state == TRIVET_DRIFT_FIRING) {
        track->n_in_a_row = found ? 0 : track->n_in_a_row + 1;
        if (track->n_in_a_row >= confirm) {
            set_state(track, TRIVET_DRIFT_QUIET, now_us);
        }
        return;
    }
    if (!found) {
        if (track->state == TRIVET_DRIFT_PENDING) {
            set_state(track, TRIVET_DRIFT_QUIET, now_us);
        }
        return;
    }
    if (track->state == TRIVET_DRIFT_QUIET) {
        set_state(track, TRIVET_DRIFT_PENDING, now_us);
    }
    track->n_in_a_row++;
    if (track->n_in_a_row >= confirm) {
        set_state(track, TRIVET_DRIFT_FIRING, now_us);
    }
}

double trivet_drift_excess(const struct trivet_drift_column *column,
                           enum trivet_drift_finding finding)
{
    const struct trivet_drift_score *score = &column->score;
    switch (finding) {
    case TRIVET_DRIFT_MISSING:
        return (score->missing - score->reference_missing) / TRIVET_DRIFT_MISSING_MIN;
    case TRIVET_DRIFT_OUT_OF_RANGE:
        return (score->out_of_range - score->expected_out_of_range) / TRIVET_DRIFT_OUT_OF_RANGE_MIN;
    default:
        return fmax(score->psi / score->psi_limit, score->ks / score->ks_limit);
    }
}

/* Scores the open window. True when no column is over a limit, whether or not it may be judged. */
static bool score_all(struct trivet_drift_watch *watch, int64_t now_us)
{
    bool clean = true;
    const double level = watch->options.level / (double)watch->n_columns;
    for (size_t i = 0; i < watch->n_columns; i++) {
        struct trivet_drift_column *column = &watch->columns[i];
        trivet_drift_score(watch->reference, watch->open, i, column->categorical, level,
                           &column->score);
        clean = clean && trivet_drift_excess(column, TRIVET_DRIFT_DISTRIBUTION) < 1;
        for (size_t k = 0; k < TRIVET_DRIFT_FINDING_COUNT; k++) {
            const bool found = column->score.found[k];
            clean = clean && !found;
            follow(&column->tracks[k], found, watch->options.confirm, now_us);
        }
    }
    return clean;
}

bool trivet_drift_watch_tick(struct trivet_drift_watch *watch, int64_t now_us)
{
    if (watch->opened && now_us < watch->opened_us) {
        watch->opened_us = now_us; /* the clock was set back */
    }
    if (!watch->opened || now_us - watch->opened_us < watch->options.window_us ||
        trivet_bins_rows(watch->open) < watch->options.rows_min) {
        return false;
    }
    const bool clean = score_all(watch, now_us);
    if (clean && trivet_bins_rows(watch->reference) < watch->options.reference_rows_wanted) {
        trivet_bins_merge_rows(watch->reference, watch->open);
    }
    struct trivet_bins *closed = watch->open;
    watch->open = watch->closed;
    watch->closed = closed;
    trivet_bins_clear(watch->open);
    watch->opened = false;
    watch->n_windows++;
    return true;
}

enum trivet_status trivet_drift_watch_take(struct trivet_drift_watch *watch,
                                           const struct trivet_bins *rows, int64_t now_us,
                                           struct trivet_error *err)
{
    if (!trivet_bins_same_layout(watch->open, rows)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the bins served are not those of the version's profile");
    }
    if (rows->weights > 0) {
        if (!watch->opened) {
            watch->opened = true;
            watch->opened_us = now_us;
        }
        trivet_bins_merge(watch->open, rows);
    }
    (void)trivet_drift_watch_tick(watch, now_us);
    return TRIVET_OK;
}

const struct trivet_drift_column *trivet_drift_watch_columns(const struct trivet_drift_watch *watch,
                                                             size_t *n_columns)
{
    *n_columns = watch->n_columns;
    return watch->columns;
}

uint64_t trivet_drift_watch_n_windows(const struct trivet_drift_watch *watch)
{
    return watch->n_windows;
}

double trivet_drift_watch_open_rows(const struct trivet_drift_watch *watch)
{
    return trivet_bins_rows(watch->open);
}

const struct trivet_bins *trivet_drift_watch_reference(const struct trivet_drift_watch *watch)
{
    return watch->reference;
}

const struct trivet_bins *trivet_drift_watch_window(const struct trivet_drift_watch *watch)
{
    return watch->closed;
}

size_t trivet_drift_watch_firing(const struct trivet_drift_watch *watch,
                                 enum trivet_drift_finding finding, size_t *out, size_t n_max)
{
    size_t n_firing = 0;
    size_t n_kept = 0;
    for (size_t i = 0; i < watch->n_columns; i++) {
        if (watch->columns[i].tracks[finding].state != TRIVET_DRIFT_FIRING) {
            continue;
        }
        n_firing++;
        /* By insertion, farthest first: those that are shown are few. */
        size_t at = n_kept;
        while (at > 0 && trivet_drift_excess(&watch->columns[out[at - 1]], finding) <
                             trivet_drift_excess(&watch->columns[i], finding)) {
            at--;
        }
        if (at == n_max) {
            continue;
        }
        n_kept += n_kept < n_max;
        for (size_t k = n_kept - 1; k > at; k--) {
            out[k] = out[k - 1];
        }
        out[at] = i;
    }
    return n_firing;
}

struct trivet_drift_inside trivet_drift_watch_inside(struct trivet_drift_watch *watch)
{
    return (struct trivet_drift_inside){
        .reference = watch->reference,
        .open = watch->open,
        .closed = watch->closed,
        .columns = watch->columns,
        .n_columns = watch->n_columns,
        .n_windows = &watch->n_windows,
        .opened_us = &watch->opened_us,
        .opened = &watch->opened,
    };
}
