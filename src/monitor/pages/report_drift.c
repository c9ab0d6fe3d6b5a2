#include "monitor/pages/report_drift.h"

#include "base/alloc.h"
#include "monitor/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define US_PER_S 1e6

static const char *const finding_names[TRIVET_DRIFT_FINDING_COUNT] = {
    [TRIVET_DRIFT_DISTRIBUTION] = "distribution",
    [TRIVET_DRIFT_MISSING] = "missing",
    [TRIVET_DRIFT_OUT_OF_RANGE] = "out_of_range",
};

static const char *const state_names[] = {
    [TRIVET_DRIFT_QUIET] = "quiet",
    [TRIVET_DRIFT_PENDING] = "pending",
    [TRIVET_DRIFT_FIRING] = "firing",
};

/* null where there is no number. */
static json_t *maybe(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *since_json(int64_t since_us)
{
    return since_us == 0 ? json_null() : json_integer(since_us);
}

/* --- columns --------------------------------------------------------------------------------- */

/* The finding that is furthest: of equal states the first. */
static const struct trivet_drift_track *worst_of(const struct trivet_drift_column *column)
{
    const struct trivet_drift_track *worst = &column->tracks[0];
    for (size_t k = 1; k < TRIVET_DRIFT_FINDING_COUNT; k++) {
        worst = column->tracks[k].state > worst->state ? &column->tracks[k] : worst;
    }
    return worst;
}

static json_t *findings_json(const struct trivet_drift_column *column)
{
    json_t *object = json_object();
    for (int k = 0; k < TRIVET_DRIFT_FINDING_COUNT; k++) {
        const struct trivet_drift_track *track = &column->tracks[k];
        (void)json_object_set_new(
            object, finding_names[k],
            json_pack("{s:s, s:o, s:o}", "state", state_names[track->state], "since_us",
                      since_json(track->since_us), "excess",
                      maybe(trivet_drift_excess(column, (enum trivet_drift_finding)k))));
    }
    return object;
}

static json_t *column_json(const struct trivet_drift_column *column)
{
    const struct trivet_drift_score *score = &column->score;
    const struct trivet_drift_track *worst = worst_of(column);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
        column->name, "kind", column->categorical ? "category" : "number", "role",
        column->prediction ? "prediction" : "feature", "state", state_names[worst->state],
        "since_us", since_json(worst->since_us), "findings", findings_json(column), "rows",
        trivet_json_number(score->rows), "psi", trivet_json_number(score->psi), "psi_limit",
        trivet_json_number(score->psi_limit), "ks",
        column->categorical ? json_null() : trivet_json_number(score->ks), "ks_limit",
        column->categorical ? json_null() : trivet_json_number(score->ks_limit), "js",
        trivet_json_number(score->js), "missing", trivet_json_number(score->missing),
        "reference_missing", trivet_json_number(score->reference_missing), "out_of_range",
        trivet_json_number(score->out_of_range), "expected_out_of_range",
        trivet_json_number(score->expected_out_of_range));
}

static json_t *columns_json(const struct trivet_drift_column *columns, size_t n_columns)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n_columns; i++) {
        (void)json_array_append_new(list, column_json(&columns[i]));
    }
    return list;
}

/* Shares of the column's rows: its cells, the missing last. */
static json_t *shares_json(const struct trivet_bins *bins, size_t column)
{
    double total = 0;
    json_t *list = json_array();
    for (size_t i = bins->first[column]; i < bins->first[column + 1]; i++) {
        total += bins->cells[i];
    }
    for (size_t i = bins->first[column]; i < bins->first[column + 1]; i++) {
        (void)json_array_append_new(list, json_real(total > 0 ? bins->cells[i] / total : 0));
    }
    return list;
}

static json_t *histograms_json(const struct trivet_monitor_drift *drift, size_t column)
{
    const Trivet__V1__FeatureProfile *profile = trivet_bins_column(drift->profile, column);
    json_t *edges = json_array();
    json_t *categories = json_array();
    for (size_t i = 0; i < profile->n_edges; i++) {
        (void)json_array_append_new(edges, json_real(profile->edges[i]));
    }
    for (size_t i = 0; i < profile->n_categories; i++) {
        (void)json_array_append_new(categories, json_string(profile->categories[i]));
    }
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name", profile->name, "kind",
                     profile->categorical ? "category" : "number", "edges", edges, "categories",
                     categories, "reference",
                     shares_json(trivet_drift_watch_reference(drift->watch), column), "window",
                     shares_json(trivet_drift_watch_window(drift->watch), column), "mean",
                     profile->categorical ? json_null() : maybe(profile->mean), "deviation",
                     profile->categorical ? json_null() : maybe(profile->deviation));
}

/* --- how it went ----------------------------------------------------------------------------- */

static json_t *window_json(const struct trivet_history_drift_window *window, size_t column)
{
    json_t *object = json_pack(
        "{s:o, s:o, s:o, s:o, s:o}", "t", json_integer(window->unix_s), "rows",
        trivet_json_number(window->rows), "firing", trivet_json_count(window->n_firing), "psi_max",
        trivet_json_number(window->psi_max), "expected_accuracy", maybe(window->expected_accuracy));
    if (column < window->n_columns) {
        const struct trivet_history_drift_score *score = &window->scores[column];
        (void)json_object_set_new(object, "psi", trivet_json_number((double)score->psi));
        (void)json_object_set_new(object, "ks", trivet_json_number((double)score->ks));
        (void)json_object_set_new(object, "js", trivet_json_number((double)score->js));
        (void)json_object_set_new(object, "missing", trivet_json_number((double)score->missing));
        (void)json_object_set_new(object, "out_of_range",
                                  trivet_json_number((double)score->out_of_range));
    }
    return object;
}

static json_t *history_json(const struct trivet_report_drift *what, size_t column)
{
    json_t *list = json_array();
    for (size_t i = 0; i < what->n_windows; i++) {
        (void)json_array_append_new(list, window_json(&what->windows[i], column));
    }
    return list;
}

struct heat {
    size_t column;
    double most; /* PSI over its limit, in any of the windows */
};

static int by_most(const void *a, const void *b)
{
    const struct heat *left = a;
    const struct heat *right = b;
    if (left->most != right->most) {
        return left->most < right->most ? 1 : -1;
    }
    return left->column < right->column ? -1 : left->column > right->column;
}

/* The columns to be shown, in `heats`; NULL when out of memory. */
static struct heat *choose(const struct trivet_report_drift *what,
                           const struct trivet_drift_column *columns, size_t n_columns)
{
    struct heat *heats = trivet_calloc(n_columns + 1, sizeof(*heats));
    for (size_t i = 0; heats != NULL && i < n_columns; i++) {
        const double limit = fmax(columns[i].score.psi_limit, TRIVET_DRIFT_PSI_MIN);
        heats[i].column = i;
        for (size_t k = 0; k < what->n_windows; k++) {
            if (i < what->windows[k].n_columns) {
                heats[i].most = fmax(heats[i].most, (double)what->windows[k].scores[i].psi / limit);
            }
        }
    }
    if (heats != NULL) {
        qsort(heats, n_columns, sizeof(*heats), by_most);
    }
    return heats;
}

static json_t *heat_json(const struct trivet_report_drift *what,
                         const struct trivet_drift_column *columns, size_t n_columns)
{
    struct heat *heats = choose(what, columns, n_columns);
    json_t *list = heats == NULL ? NULL : json_array();
    for (size_t i = 0; list != NULL && i < n_columns && i < TRIVET_REPORT_DRIFT_HEAT_MAX; i++) {
        json_t *psi = json_array();
        for (size_t k = 0; k < what->n_windows; k++) {
            const struct trivet_history_drift_window *window = &what->windows[k];
            (void)json_array_append_new(
                psi, heats[i].column < window->n_columns
                         ? trivet_json_number((double)window->scores[heats[i].column].psi)
                         : json_null());
        }
        (void)json_array_append_new(
            list,
            json_pack("{s:s, s:o, s:o}", "name", columns[heats[i].column].name, "psi_limit",
                      trivet_json_number(columns[heats[i].column].score.psi_limit), "psi", psi));
    }
    trivet_free(heats);
    return list;
}

/* --- the whole ------------------------------------------------------------------------------- */

static const char *state_of(const struct trivet_monitor_drift *drift,
                            const struct trivet_drift_summary *summary)
{
    size_t n_firing = 0;
    size_t n_pending = 0;
    for (size_t k = 0; k < TRIVET_DRIFT_FINDING_COUNT; k++) {
        n_firing += summary->told[k].n_firing;
        n_pending += summary->told[k].n_pending;
    }
    if (!summary->known) {
        return drift != NULL && drift->refused ? "unwatched" : "collecting";
    }
    return n_firing > 0 ? "firing" : n_pending > 0 ? "pending" : "quiet";
}

static json_t *drift_json(const struct trivet_monitor *monitor,
                          const struct trivet_monitor_series *series,
                          const struct trivet_report_drift *what, size_t column)
{
    const struct trivet_monitor_drift *drift = series->drift;
    const struct trivet_drift_options *options = &monitor->drift_options;
    struct trivet_drift_summary summary;
    size_t n_columns = 0;
    trivet_monitor_drift_summary(series, &summary);
    const struct trivet_drift_column *columns =
        summary.watched ? trivet_drift_watch_columns(drift->watch, &n_columns) : NULL;
    const double reference_rows =
        summary.watched ? trivet_bins_rows(trivet_drift_watch_reference(drift->watch)) : 0;
    json_t *object = json_pack(
        "{s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s?, s:o, s:o, s:o, s:i, s:o}",
        "model", series->model, "version", trivet_json_count(series->version), "state",
        state_of(drift, &summary), "windows", trivet_json_count(summary.n_windows), "closed_us",
        since_json(summary.closed_us), "rows", trivet_json_number(summary.rows), "open_rows",
        trivet_json_number(summary.open_rows), "reference_rows", trivet_json_number(reference_rows),
        "psi_max", trivet_json_number(summary.psi_max), "expected_accuracy",
        maybe(summary.expected_accuracy), "reference_accuracy", maybe(summary.reference_accuracy),
        "expected_accuracy_doubt",
        summary.expected_doubt[0] != '\0' ? summary.expected_doubt : NULL, "window_s",
        trivet_json_number((double)options->window_us / US_PER_S), "rows_min",
        trivet_json_number(options->rows_min), "level", trivet_json_number(options->level),
        "confirm", (int)options->confirm, "columns", columns_json(columns, n_columns));
    if (column < n_columns) {
        (void)json_object_set_new(object, "column", histograms_json(drift, column));
    }
    if (what->windows != NULL) {
        (void)json_object_set_new(object, "history", history_json(what, column));
    }
    if (what->windows != NULL && column >= n_columns) {
        (void)json_object_set_new(object, "heat", heat_json(what, columns, n_columns));
    }
    return object;
}

/* SIZE_MAX: there is no such column. */
static size_t find_column(const struct trivet_monitor_series *series, const char *name)
{
    size_t n_columns = 0;
    if (series->drift == NULL || series->drift->watch == NULL) {
        return SIZE_MAX;
    }
    const struct trivet_drift_column *columns =
        trivet_drift_watch_columns(series->drift->watch, &n_columns);
    for (size_t i = 0; i < n_columns; i++) {
        if (strcmp(columns[i].name, name) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

enum trivet_status trivet_report_drift(struct trivet_monitor *monitor,
                                       const struct trivet_report_drift *what,
                                       struct trivet_buffer *out, struct trivet_error *err)
{
    json_t *json = NULL;
    size_t column = SIZE_MAX;
    enum trivet_status status = TRIVET_OK;
    pthread_mutex_lock(&monitor->lock);
    const struct trivet_monitor_series *series =
        trivet_monitor_find(monitor, what->model, what->version);
    if (series == NULL) {
        status = trivet_error_set(err, TRIVET_NOT_FOUND,
                                  "no traffic of %s:%llu was seen; /api/v1/overview lists what was",
                                  what->model, (unsigned long long)what->version);
    }
    if (status == TRIVET_OK && what->column != NULL) {
        column = find_column(series, what->column);
        if (column == SIZE_MAX) {
            status = trivet_error_set(err, TRIVET_NOT_FOUND,
                                      "%s:%llu has no column '%.80s', or nothing of it was seen "
                                      "yet; \"columns\" lists those there are",
                                      what->model, (unsigned long long)what->version, what->column);
        }
    }
    if (status == TRIVET_OK) {
        json = drift_json(monitor, series, what, column);
    }
    pthread_mutex_unlock(&monitor->lock);
    return status == TRIVET_OK ? trivet_json_finish(json, out, err) : status;
}
