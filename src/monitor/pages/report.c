/* jansson's functions take NULL for "out of memory" and pass it on: one check at the end. */
#include "monitor/pages/report.h"

#include "base/clock.h"
#include "base/text.h"
#include "monitor/json.h"
#include "monitor/pages/report_alerts.h"
#include "monitor/pages/report_summary.h"

#include <jansson.h>

#include <math.h>

#define US_PER_S 1000000

static json_t *codes_json(const uint64_t counts[TRIVET_STATUS_COUNT])
{
    json_t *object = json_object();
    for (int code = 0; code < TRIVET_STATUS_COUNT; code++) {
        if (counts[code] > 0) {
            (void)json_object_set_new(object, trivet_status_name((enum trivet_status)code),
                                      trivet_json_count(counts[code]));
        }
    }
    return object;
}

static json_t *quantiles_json(const struct trivet_histogram *histogram)
{
    if (histogram->count == 0) {
        return json_null();
    }
    double mean_us = (double)histogram->sum_ns / (double)histogram->count / TRIVET_NS_PER_US;
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "p50",
                     trivet_json_number(trivet_histogram_quantile_us(histogram, 0.50)), "p90",
                     trivet_json_number(trivet_histogram_quantile_us(histogram, 0.90)), "p99",
                     trivet_json_number(trivet_histogram_quantile_us(histogram, 0.99)), "mean",
                     trivet_json_number(mean_us), "calls", trivet_json_count(histogram->count));
}

static double ratio(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0.0;
}

/* Counts of ever, of the last ten seconds and of the last minute. */
struct view {
    struct trivet_monitor_counts ever;
    struct trivet_monitor_counts rate;
    struct trivet_monitor_counts window;
};

static void view_add(struct view *view, const struct trivet_monitor_series *series, int64_t now_s)
{
    struct trivet_monitor_counts sum;
    trivet_monitor_series_sum(series, &sum);
    trivet_monitor_counts_add(&view->ever, &sum);
    if (series->window != NULL) {
        int64_t end = now_s - TRIVET_REPORT_LAG_S + 1;
        trivet_window_sum(series->window, end - TRIVET_REPORT_RATE_S, end, &view->rate);
        trivet_window_sum(series->window, now_s - TRIVET_REPORT_WINDOW_S, now_s + 1, &view->window);
    }
}

/* Members that totals and each model share, into `object`. */
static void set_view(json_t *object, const struct view *view, double rate_s)
{
    const struct trivet_monitor_counts *ever = &view->ever;
    const struct trivet_monitor_counts *window = &view->window;
    (void)json_object_set_new(object, "predictions", trivet_json_count(ever->rows[TRIVET_OK]));
    (void)json_object_set_new(object, "calls",
                              trivet_json_count(trivet_monitor_counts_calls(ever)));
    (void)json_object_set_new(object, "rows", trivet_json_count(trivet_monitor_counts_rows(ever)));
    (void)json_object_set_new(object, "failed_calls",
                              trivet_json_count(trivet_monitor_counts_failed_calls(ever)));
    (void)json_object_set_new(object, "failed_rows",
                              trivet_json_count(trivet_monitor_counts_failed_rows(ever)));
    (void)json_object_set_new(object, "batches", trivet_json_count(ever->batches));
    (void)json_object_set_new(object, "calls_by_code", codes_json(ever->calls));
    (void)json_object_set_new(object, "rows_by_code", codes_json(ever->rows));
    (void)json_object_set_new(object, "predictions_per_s",
                              trivet_json_number((double)view->rate.rows[TRIVET_OK] / rate_s));
    (void)json_object_set_new(
        object, "calls_per_s",
        trivet_json_number((double)trivet_monitor_counts_calls(&view->rate) / rate_s));
    (void)json_object_set_new(object, "call_error_ratio",
                              trivet_json_number(ratio(trivet_monitor_counts_failed_calls(window),
                                                       trivet_monitor_counts_calls(window))));
    (void)json_object_set_new(object, "row_error_ratio",
                              trivet_json_number(ratio(trivet_monitor_counts_failed_rows(window),
                                                       trivet_monitor_counts_rows(window))));
    (void)json_object_set_new(object, "latency_us",
                              json_pack("{s:o, s:o, s:o}", "total", quantiles_json(&window->total),
                                        "queue", quantiles_json(&window->queue), "compute",
                                        quantiles_json(&window->compute)));
}

static json_t *resources_json(const struct trivet_monitor_resources *resources)
{
    if (!resources->known) {
        return json_null();
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "cpu_seconds",
                     trivet_json_number(resources->cpu_seconds), "rss_bytes",
                     trivet_json_count(resources->rss_bytes), "threads",
                     trivet_json_count(resources->threads), "open_files",
                     trivet_json_count(resources->open_files), "queue_rows",
                     trivet_json_count(resources->queue_rows), "events_dropped",
                     trivet_json_count(resources->events_dropped));
}

static json_t *source_json(const struct trivet_monitor_source *source, int64_t now_us)
{
    char epoch[24] = "";
    const struct trivet_sequence *sequence = &source->sequence;
    if (sequence->epoch != 0) {
        (void)trivet_text_format(epoch, sizeof(epoch), "%016llx",
                                 (unsigned long long)sequence->epoch);
    }
    return json_pack(
        "{s:s, s:s, s:b, s:s, s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "server",
        source->server_url, "events", source->events_url, "server_up", source->server_up,
        "server_message", source->server_why, "subscribed", atomic_load(&source->pipe) != 0,
        "epoch", epoch, "sequence", trivet_json_count(sequence->last), "events_received",
        trivet_json_count(sequence->events), "lost_events", trivet_json_count(sequence->lost),
        "duplicate_events", trivet_json_count(sequence->duplicates), "malformed",
        trivet_json_count(source->malformed), "refused_totals",
        trivet_json_count(source->refusals.n), "restarts", trivet_json_count(sequence->restarts),
        "last_event_age_s", trivet_json_age(source->last_event_us, now_us), "resources",
        resources_json(&source->resources));
}

static json_t *jobs_json(const struct trivet_monitor *monitor)
{
    json_t *list = json_array();
    for (size_t i = monitor->jobs.n; i-- > 0;) {
        const struct trivet_monitor_job *job = &monitor->jobs.items[i];
        const char *server = monitor->sources[job->source].server_url;
        (void)json_array_append_new(list, trivet_monitor_job_json(job, server));
    }
    return list;
}

static json_t *sources_json(const struct trivet_monitor *monitor, int64_t now_us)
{
    json_t *list = json_array();
    for (size_t i = 0; i < monitor->n_sources; i++) {
        (void)json_array_append_new(list, source_json(&monitor->sources[i], now_us));
    }
    return list;
}

/* The seconds that a rate is over: fewer while the monitor is young. */
static double rate_seconds(const struct trivet_monitor *monitor, int64_t now_us)
{
    double age_s = (double)(now_us - monitor->started_us) / US_PER_S - (TRIVET_REPORT_LAG_S - 1);
    return fmin(fmax(age_s, 1.0), TRIVET_REPORT_RATE_S);
}

static json_t *models_json(const struct trivet_monitor *monitor, int64_t now_us,
                           struct view *everything)
{
    json_t *list = json_array();
    double rate_s = rate_seconds(monitor, now_us);
    for (size_t i = 0; i < monitor->n_series; i++) {
        const struct trivet_monitor_series *series = monitor->series[i];
        struct view view = {0};
        view_add(&view, series, now_us / US_PER_S);
        trivet_monitor_counts_add(&everything->ever, &view.ever);
        trivet_monitor_counts_add(&everything->rate, &view.rate);
        trivet_monitor_counts_add(&everything->window, &view.window);
        json_t *object = json_pack("{s:s, s:o, s:o, s:o, s:o}", "model", series->model, "version",
                                   trivet_json_count(series->version), "last_change_age_s",
                                   trivet_json_age(series->last_change_us, now_us), "drift",
                                   trivet_report_drift_summary(series), "quality",
                                   trivet_report_quality_summary(series, now_us));
        set_view(object, &view, rate_s);
        (void)json_array_append_new(list, object);
    }
    return list;
}

static json_t *overview_json(const struct trivet_monitor *monitor, int64_t now_us)
{
    struct view everything = {0};
    uint64_t lost = 0;
    uint64_t events = 0;
    json_t *totals = json_object();
    json_t *models = models_json(monitor, now_us, &everything);
    for (size_t i = 0; i < monitor->n_sources; i++) {
        lost += monitor->sources[i].sequence.lost;
        events += monitor->sources[i].sequence.events;
    }
    set_view(totals, &everything, rate_seconds(monitor, now_us));
    return json_pack("{s:o, s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o, s:o, s:b}}",
                     "unix_us", json_integer(now_us), "uptime_s",
                     trivet_json_number((double)(now_us - monitor->started_us) / US_PER_S),
                     "rate_seconds", TRIVET_REPORT_RATE_S, "window_seconds", TRIVET_REPORT_WINDOW_S,
                     "events_received", trivet_json_count(events), "lost_events",
                     trivet_json_count(lost), "totals", totals, "models", models, "sources",
                     sources_json(monitor, now_us), "jobs", jobs_json(monitor), "monitor",
                     "untracked_totals", trivet_json_count(monitor->untracked), "stale_totals",
                     trivet_json_count(monitor->stale), "dropped_slots",
                     trivet_json_count(monitor->budget.dropped_slots), "history_failing",
                     monitor->history_failing);
}

enum trivet_status trivet_report_overview(struct trivet_monitor *monitor,
                                          struct trivet_alert_watch *alerts, int64_t now_us,
                                          struct trivet_buffer *out, struct trivet_error *err)
{
    json_t *counts = alerts != NULL ? trivet_report_alert_counts(alerts) : json_null();
    pthread_mutex_lock(&monitor->lock);
    json_t *json = overview_json(monitor, now_us);
    pthread_mutex_unlock(&monitor->lock);
    if (json_object_set_new(json, "alerts", counts) != 0) {
        json_decref(json);
        json = NULL;
    }
    return trivet_json_finish(json, out, err);
}

/* Columns of a series; any may be NULL when out of memory. */
struct columns {
    json_t *t;
    json_t *predictions_per_s;
    json_t *calls_per_s;
    json_t *failed_calls_per_s;
    json_t *failed_rows_per_s;
    json_t *p50_us;
    json_t *p90_us;
    json_t *p99_us;
    json_t *queue_p50_us;
    json_t *queue_p99_us;
    json_t *compute_p50_us;
    json_t *compute_p99_us;
    json_t *by_code[TRIVET_STATUS_COUNT]; /* calls per second */
    bool has_code[TRIVET_STATUS_COUNT];   /* some call ended so */
};

static void append_quantile(json_t *column, const struct trivet_histogram *histogram, double q)
{
    (void)json_array_append_new(
        column, histogram->count == 0
                    ? json_null()
                    : trivet_json_number(trivet_histogram_quantile_us(histogram, q)));
}

/* `known` is false before the monitor started: nothing counted is not nothing then. */
static void append_rate(json_t *column, uint64_t n, int64_t step_s, bool known)
{
    (void)json_array_append_new(column, known ? trivet_json_number((double)n / (double)step_s)
                                              : json_null());
}

static void append_point(struct columns *columns, int64_t second,
                         const struct trivet_monitor_counts *sum, int64_t step_s, bool known)
{
    (void)json_array_append_new(columns->t, json_integer(second));
    append_rate(columns->predictions_per_s, sum->rows[TRIVET_OK], step_s, known);
    append_rate(columns->calls_per_s, trivet_monitor_counts_calls(sum), step_s, known);
    append_rate(columns->failed_calls_per_s, trivet_monitor_counts_failed_calls(sum), step_s,
                known);
    append_rate(columns->failed_rows_per_s, trivet_monitor_counts_failed_rows(sum), step_s, known);
    append_quantile(columns->p50_us, &sum->total, 0.50);
    append_quantile(columns->p90_us, &sum->total, 0.90);
    append_quantile(columns->p99_us, &sum->total, 0.99);
    append_quantile(columns->queue_p50_us, &sum->queue, 0.50);
    append_quantile(columns->queue_p99_us, &sum->queue, 0.99);
    append_quantile(columns->compute_p50_us, &sum->compute, 0.50);
    append_quantile(columns->compute_p99_us, &sum->compute, 0.99);
    for (int code = 0; code < TRIVET_STATUS_COUNT; code++) {
        append_rate(columns->by_code[code], sum->calls[code], step_s, known);
        columns->has_code[code] |= sum->calls[code] > 0;
    }
}

/* The columns of codes that occurred, by their names; takes all. */
static json_t *codes_columns_json(struct columns *columns)
{
    json_t *object = json_object();
    for (int code = 0; code < TRIVET_STATUS_COUNT; code++) {
        if (columns->has_code[code]) {
            (void)json_object_set(object, trivet_status_name((enum trivet_status)code),
                                  columns->by_code[code]);
        }
        json_decref(columns->by_code[code]);
    }
    return object;
}

static json_t *series_json(const struct trivet_monitor *monitor,
                           const struct trivet_monitor_series *only, int64_t seconds,
                           int64_t now_us)
{
    int64_t step = (seconds + TRIVET_REPORT_POINTS_MAX - 1) / TRIVET_REPORT_POINTS_MAX;
    /* Steps begin at multiples of the step, so that a point does not change as time goes on. */
    int64_t end = (now_us / US_PER_S - TRIVET_REPORT_LAG_S + 1) / step * step;
    int64_t started_s = monitor->started_us / US_PER_S;
    struct columns columns = {.t = json_array(),
                              .predictions_per_s = json_array(),
                              .calls_per_s = json_array(),
                              .failed_calls_per_s = json_array(),
                              .failed_rows_per_s = json_array(),
                              .p50_us = json_array(),
                              .p90_us = json_array(),
                              .p99_us = json_array(),
                              .queue_p50_us = json_array(),
                              .queue_p99_us = json_array(),
                              .compute_p50_us = json_array(),
                              .compute_p99_us = json_array()};
    for (int code = 0; code < TRIVET_STATUS_COUNT; code++) {
        columns.by_code[code] = json_array();
    }
    for (int64_t at = end - seconds / step * step; at < end; at += step) {
        struct trivet_monitor_counts sum = {0};
        for (size_t i = 0; i < monitor->n_series; i++) {
            const struct trivet_monitor_series *series = monitor->series[i];
            if (series->window != NULL && (only == NULL || only == series)) {
                trivet_window_sum(series->window, at, at + step, &sum);
            }
        }
        append_point(&columns, at, &sum, step, at + step > started_s);
    }
    return json_pack(
        "{s:s?, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "model", only != NULL ? only->model : NULL, "version",
        only != NULL ? trivet_json_count(only->version) : json_null(), "step_s", (json_int_t)step,
        "t", columns.t, "predictions_per_s", columns.predictions_per_s, "calls_per_s",
        columns.calls_per_s, "failed_calls_per_s", columns.failed_calls_per_s, "failed_rows_per_s",
        columns.failed_rows_per_s, "p50_us", columns.p50_us, "p90_us", columns.p90_us, "p99_us",
        columns.p99_us, "queue_p50_us", columns.queue_p50_us, "queue_p99_us", columns.queue_p99_us,
        "compute_p50_us", columns.compute_p50_us, "compute_p99_us", columns.compute_p99_us,
        "calls_per_s_by_code", codes_columns_json(&columns));
}

enum trivet_status trivet_report_series(struct trivet_monitor *monitor, const char *model,
                                        uint64_t version, int64_t seconds, int64_t now_us,
                                        struct trivet_buffer *out, struct trivet_error *err)
{
    if (seconds < 10 || seconds > TRIVET_WINDOW_SECONDS) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "seconds must be 10 to %d",
                                TRIVET_WINDOW_SECONDS);
    }
    json_t *json = NULL;
    pthread_mutex_lock(&monitor->lock);
    const struct trivet_monitor_series *only =
        model != NULL ? trivet_monitor_find(monitor, model, version) : NULL;
    bool found = model == NULL || only != NULL;
    if (found) {
        json = series_json(monitor, only, seconds, now_us);
    }
    pthread_mutex_unlock(&monitor->lock);
    if (!found) {
        return trivet_error_set(err, TRIVET_NOT_FOUND,
                                "no traffic of %s:%llu was seen; /api/v1/overview lists what was",
                                model, (unsigned long long)version);
    }
    return trivet_json_finish(json, out, err);
}

enum trivet_status trivet_report_history(const char *model, uint64_t version,
                                         const struct trivet_history_point *points, size_t n_points,
                                         struct trivet_buffer *out, struct trivet_error *err)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n_points; i++) {
        const struct trivet_history_point *point = &points[i];
        (void)json_array_append_new(
            list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "t", json_integer(point->unix_s),
                            "predictions", trivet_json_count(point->predictions), "calls",
                            trivet_json_count(point->calls), "failed_calls",
                            trivet_json_count(point->failed_calls), "failed_rows",
                            trivet_json_count(point->failed_rows), "p50_us",
                            trivet_json_number(point->p50_us), "p99_us",
                            trivet_json_number(point->p99_us)));
    }
    return trivet_json_finish(json_pack("{s:s, s:o, s:o}", "model", model, "version",
                                        trivet_json_count(version), "points", list),
                              out, err);
}
