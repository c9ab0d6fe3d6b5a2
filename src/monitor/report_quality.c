#include "monitor/report_quality.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "monitor/history_quality.h"
#include "monitor/json.h"

#include <math.h>

#define US_PER_S 1000000LL
#define DAY_S    (24 * 3600)

static json_t *or_null(bool known, double value)
{
    return known && isfinite(value) ? json_real(value) : json_null();
}

static json_t *estimate_json(const struct trivet_quality_estimate *estimate)
{
    return estimate->known
               ? json_pack("{s:o, s:o, s:o}", "value", trivet_json_number(estimate->value), "lower",
                           trivet_json_number(estimate->lower), "upper",
                           trivet_json_number(estimate->upper))
               : json_null();
}

static json_t *counts_json(const struct trivet_quality_sums *sums)
{
    static const struct {
        const char *name;
        enum trivet_quality_sum sum;
    } names[] = {{"logged", TRIVET_QUALITY_LOGGED},
                 {"labelled", TRIVET_QUALITY_LABELLED},
                 {"corrected", TRIVET_QUALITY_CORRECTED},
                 {"duplicate", TRIVET_QUALITY_DUPLICATE},
                 {"late", TRIVET_QUALITY_LATE}};
    json_t *object = json_object();
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(names); i++) {
        double value = fmax(0.0, sums->values[names[i].sum]);
        (void)json_object_set_new(object, names[i].name, trivet_json_count((uint64_t)value));
    }
    double logged = sums->values[TRIVET_QUALITY_LOGGED_WEIGHT];
    double labelled = sums->values[TRIVET_QUALITY_LABELLED_WEIGHT];
    (void)json_object_set_new(object, "coverage",
                              or_null(logged > 0.0, fmin(1.0, fmax(0.0, labelled / logged))));
    return object;
}

/* Takes nothing; NULL without memory. */
static json_t *state_json(const struct trivet_quality *quality,
                          const struct trivet_quality_sums *sums)
{
    struct trivet_quality_statement at;
    trivet_quality_state(quality, sums, &at);
    return json_pack("{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "counts", counts_json(sums),
                     "labels", trivet_json_count(at.labels), "enough_labels", at.enough, "accuracy",
                     estimate_json(&at.accuracy), "f1_macro", or_null(at.f1_known, at.f1_macro),
                     "mae", estimate_json(&at.mae), "mse", estimate_json(&at.mse), "r2",
                     estimate_json(&at.r2), "bias", or_null(at.mae.known, at.bias));
}

static json_t *confusion_json(const struct trivet_quality *quality,
                              const struct trivet_quality_sums *sums)
{
    json_t *list = json_array();
    for (size_t i = 0; i < sums->n_pairs; i++) {
        if (sums->pairs[i] != 0.0) {
            (void)json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "truth",
                                                        quality->pairs[i].truth, "predicted",
                                                        quality->pairs[i].predicted, "weight",
                                                        trivet_json_number(sums->pairs[i])));
        }
    }
    return json_pack("{s:o, s:o, s:o}", "pairs", list, "other_right",
                     trivet_json_number(sums->values[TRIVET_QUALITY_OTHER_RIGHT]), "other_wrong",
                     trivet_json_number(sums->values[TRIVET_QUALITY_OTHER_WRONG]));
}

static const char *task_of(const struct trivet_quality *quality, int64_t now_us)
{
    static const char *const names[] = {"none", "classification", "regression"};
    struct trivet_quality_sums sums;
    struct trivet_quality_statement at = {0};
    struct trivet_error err;
    (void)now_us;
    if (quality != NULL && trivet_quality_ever(quality, &sums, &err) == TRIVET_OK) {
        trivet_quality_state(quality, &sums, &at);
        trivet_quality_sums_release(&sums);
    }
    return names[at.task];
}

/* Sets "hour", "day", "ever" and "confusion"; null where there is no outcome. */
static void set_windows(json_t *object, const struct trivet_quality *quality, int64_t now_us)
{
    static const struct {
        const char *name;
        int64_t window_s; /* 0 = ever */
    } windows[] = {{"hour", TRIVET_REPORT_QUALITY_WINDOW_S}, {"day", DAY_S}, {"ever", 0}};
    json_t *confusion = NULL;
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(windows); i++) {
        struct trivet_quality_sums sums = {0};
        struct trivet_error err;
        enum trivet_status status = TRIVET_OK;
        if (quality != NULL) {
            status = windows[i].window_s > 0
                         ? trivet_quality_window(quality, now_us, windows[i].window_s * US_PER_S,
                                                 &sums, &err)
                         : trivet_quality_ever(quality, &sums, &err);
        }
        bool known = quality != NULL && status == TRIVET_OK;
        (void)json_object_set_new(object, windows[i].name,
                                  known ? state_json(quality, &sums) : json_null());
        if (known && windows[i].window_s == DAY_S) {
            confusion = confusion_json(quality, &sums);
        }
        trivet_quality_sums_release(&sums);
    }
    (void)json_object_set_new(object, "confusion", confusion != NULL ? confusion : json_null());
}

static json_t *unjoined_json(const struct trivet_monitor *monitor, const char *model)
{
    struct trivet_unjoined_counts sum = {0};
    const struct trivet_unjoined *unjoined = trivet_live_unjoined_find(&monitor->live, model);
    if (unjoined != NULL) {
        trivet_live_unjoined_sum(unjoined, &sum);
    }
    return json_pack("{s:o, s:o, s:o}", "unmatched", trivet_json_count(sum.unmatched),
                     "not_sampled", trivet_json_count(sum.not_sampled), "refused",
                     trivet_json_count(sum.refused));
}

static json_t *test_json(const struct trivet_live_test *test)
{
    return test->known ? json_pack("{s:o, s:o, s:o, s:o, s:o}", "accuracy",
                                   or_null(true, test->accuracy), "f1_macro",
                                   or_null(true, test->f1_macro), "mae", or_null(true, test->mae),
                                   "mse", or_null(true, test->mse), "r2", or_null(true, test->r2))
                       : json_null();
}

static json_t *now_json(const struct trivet_monitor *monitor,
                        const struct trivet_monitor_series *series, int64_t now_us)
{
    struct trivet_drift_summary drift;
    trivet_monitor_drift_summary(series, &drift);
    json_t *object =
        json_pack("{s:s, s:o, s:s, s:i, s:o, s:o, s:o, s:o}", "model", series->model, "version",
                  trivet_json_count(series->version), "task", task_of(series->live.quality, now_us),
                  "labels_min", TRIVET_QUALITY_LABELS_MIN, "unjoined_of_model",
                  unjoined_json(monitor, series->model), "test", test_json(&series->live.test),
                  "expected_accuracy", or_null(true, drift.expected_accuracy),
                  "reference_confidence", or_null(true, drift.reference_confidence));
    set_windows(object, series->live.quality, now_us);
    return object;
}

static json_t *points_json(const struct trivet_quality_point *points, size_t n_points)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n_points; i++) {
        const struct trivet_quality_point *at = &points[i];
        (void)json_array_append_new(
            list, json_pack("{s:I, s:o, s:s?, s:o, s:o, s:o, s:o}", "t", (json_int_t)at->unix_s,
                            "labels", trivet_json_count(at->labels), "metric",
                            at->metric[0] != '\0' ? at->metric : NULL, "value",
                            or_null(at->metric[0] != '\0', at->value), "lower",
                            or_null(at->metric[0] != '\0', at->lower), "upper",
                            or_null(at->metric[0] != '\0', at->upper), "expected_accuracy",
                            or_null(true, at->expected)));
    }
    return list;
}

static enum trivet_status not_found(const char *model, uint64_t version, struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_NOT_FOUND,
                            "nothing of %s:%llu was seen; /api/v1/overview lists what was", model,
                            (unsigned long long)version);
}

enum trivet_status trivet_report_quality(struct trivet_monitor *monitor,
                                         struct trivet_history *history, const char *model,
                                         uint64_t version, int64_t hours, int64_t now_us,
                                         struct trivet_buffer *out, struct trivet_error *err)
{
    size_t n_points = 0;
    json_t *json = NULL;
    pthread_mutex_lock(&monitor->lock);
    const struct trivet_monitor_series *series = trivet_monitor_find(monitor, model, version);
    bool found = series != NULL;
    if (found) {
        json = now_json(monitor, series, now_us);
    }
    pthread_mutex_unlock(&monitor->lock);
    if (!found) {
        return not_found(model, version, err);
    }
    struct trivet_quality_point *points =
        trivet_alloc_array(TRIVET_HISTORY_POINTS_MAX, sizeof(*points));
    int64_t now_s = now_us / US_PER_S;
    enum trivet_status status =
        points == NULL
            ? trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a report")
            : trivet_history_quality_read(history, model, version, now_s - hours * 3600, now_s + 1,
                                          points, TRIVET_HISTORY_POINTS_MAX, &n_points, err);
    if (status != TRIVET_OK) {
        json_decref(json);
        trivet_free(points);
        return status;
    }
    if (json_object_set_new(json, "points", points_json(points, n_points)) != 0) {
        json_decref(json);
        json = NULL;
    }
    trivet_free(points);
    return trivet_json_finish(json, out, err);
}

static json_t *shadow_json(const struct trivet_shadow *shadow)
{
    struct trivet_shadow_sums sum;
    trivet_live_shadow_sum(shadow, &sum);
    double compared = (double)sum.compared;
    bool any = sum.compared > 0;
    bool timed = sum.compute.count > 0;
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "answered_by",
        trivet_json_count(shadow->answered_by), "compared", trivet_json_count(sum.compared),
        "equal", trivet_json_count(sum.equal), "agreement",
        or_null(any, (double)sum.equal / compared), "mean_absolute_difference",
        or_null(any, sum.absolute_difference / compared), "root_mean_squared_difference",
        or_null(any, sqrt(fmax(0.0, sum.squared_difference) / compared)), "failed",
        trivet_json_count(sum.failed), "skipped", trivet_json_count(sum.skipped), "compute_p99_us",
        or_null(timed, trivet_histogram_quantile_us(&sum.compute, 0.99)));
}

enum trivet_status trivet_report_shadow(struct trivet_monitor *monitor, const char *model,
                                        uint64_t version, struct trivet_buffer *out,
                                        struct trivet_error *err)
{
    json_t *list = json_array();
    pthread_mutex_lock(&monitor->lock);
    const struct trivet_monitor_series *series = trivet_monitor_find(monitor, model, version);
    bool found = series != NULL;
    for (size_t i = 0; found && i < series->live.n_shadows; i++) {
        (void)json_array_append_new(list, shadow_json(series->live.shadows[i]));
    }
    pthread_mutex_unlock(&monitor->lock);
    if (!found) {
        json_decref(list);
        return not_found(model, version, err);
    }
    return trivet_json_finish(json_pack("{s:s, s:o, s:o}", "model", model, "version",
                                        trivet_json_count(version), "shadow_of", list),
                              out, err);
}
