#include "monitor/pages/report_quality.h"

#include "base/alloc.h"
#include "base/text.h"
#include "monitor/history/quality.h"
#include "monitor/json.h"

#include <math.h>
#include <string.h>

#define US_PER_S 1000000LL
/* Of a matrix that can be looked at; more are told as others. */
#define CLASSES_MAX 40

static json_t *or_null(bool known, double value)
{
    return known && isfinite(value) ? json_real(value) : json_null();
}

static json_t *estimate_json(const struct trivet_quality_estimate *estimate)
{
    return json_pack("{s:o, s:o, s:o}", "value", or_null(estimate->known, estimate->value), "lower",
                     or_null(estimate->known, estimate->lower), "upper",
                     or_null(estimate->known, estimate->upper));
}

static void set_metric(json_t *object, const char *name,
                       const struct trivet_quality_estimate *estimate, double test)
{
    json_t *metric = estimate_json(estimate);
    (void)json_object_set_new(metric, "test", or_null(true, test));
    (void)json_object_set_new(object, name, metric);
}

/* Those that are known: value, 95 % interval, and what the version's own test gave. */
static json_t *metrics_json(const struct trivet_quality_statement *at,
                            const struct trivet_live_test *test)
{
    json_t *object = json_object();
    double none = (double)NAN;
    if (at->accuracy.known) {
        set_metric(object, "accuracy", &at->accuracy, test->known ? test->accuracy : none);
    }
    if (at->f1_known) {
        const struct trivet_quality_estimate f1 = {true, at->f1_macro, none, none};
        set_metric(object, "f1_macro", &f1, test->known ? test->f1_macro : none);
    }
    if (at->mae.known) {
        set_metric(object, "mae", &at->mae, test->known ? test->mae : none);
        set_metric(object, "mse", &at->mse, test->known ? test->mse : none);
    }
    if (at->r2.known) {
        set_metric(object, "r2", &at->r2, test->known ? test->r2 : none);
    }
    return object;
}

/* Ever: what was logged, what came back of it. */
static void set_counts(json_t *object, const struct trivet_quality_sums *sums)
{
    static const struct {
        const char *name;
        enum trivet_quality_sum sum;
    } names[] = {{"logged", TRIVET_QUALITY_LOGGED},       {"labelled", TRIVET_QUALITY_LABELLED},
                 {"corrected", TRIVET_QUALITY_CORRECTED}, {"duplicate", TRIVET_QUALITY_DUPLICATE},
                 {"late", TRIVET_QUALITY_LATE},           {"invalid", TRIVET_QUALITY_INVALID}};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(names); i++) {
        double value = fmax(0.0, sums->values[names[i].sum]);
        (void)json_object_set_new(object, names[i].name, trivet_json_count((uint64_t)value));
    }
    (void)json_object_set_new(object, "coverage", or_null(true, trivet_quality_coverage(sums)));
}

/* The number of a class, in the order in which they were heard of; made when missing. */
static size_t class_at(const char **names, size_t *n, const char *name)
{
    for (size_t i = 0; i < *n; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    names[*n] = name;
    return (*n)++;
}

/* `order`: places of the classes as in a report of a test: by number where all are numbers, else as
 * text. */
static void sort_classes(const char *const *names, size_t n, size_t *order)
{
    double numbers[2 * CLASSES_MAX];
    bool all_numbers = true;
    for (size_t i = 0; i < n; i++) {
        all_numbers =
            all_numbers && trivet_text_parse_double(names[i], strlen(names[i]), &numbers[i]);
    }
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        while (at > 0 && (all_numbers ? numbers[i] < numbers[order[at - 1]]
                                      : strcmp(names[i], names[order[at - 1]]) < 0)) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
}

/* Rows are the truth, columns the predictions. NULL without memory. */
static json_t *confusion_json(const struct trivet_quality *quality,
                              const struct trivet_quality_sums *sums)
{
    const char *names[2 * CLASSES_MAX];
    double cells[CLASSES_MAX * CLASSES_MAX] = {0.0};
    double others[2] = {sums->values[TRIVET_QUALITY_OTHER_WRONG],
                        sums->values[TRIVET_QUALITY_OTHER_RIGHT]};
    size_t n = 0;
    for (size_t i = 0; i < sums->n_pairs; i++) {
        const struct trivet_quality_pair *pair = &quality->pairs[i];
        bool fits = n + 2 <= CLASSES_MAX;
        size_t truth = fits ? class_at(names, &n, pair->truth) : CLASSES_MAX;
        size_t predicted = fits ? class_at(names, &n, pair->predicted) : CLASSES_MAX;
        if (fits) {
            cells[truth * CLASSES_MAX + predicted] += sums->pairs[i];
        } else {
            others[strcmp(pair->truth, pair->predicted) == 0] += sums->pairs[i];
        }
    }
    size_t order[2 * CLASSES_MAX];
    json_t *labels = json_array();
    json_t *counts = json_array();
    sort_classes(names, n, order);
    for (size_t i = 0; i < n; i++) {
        json_t *row = json_array();
        for (size_t k = 0; k < n; k++) {
            (void)json_array_append_new(
                row, trivet_json_number(cells[order[i] * CLASSES_MAX + order[k]]));
        }
        (void)json_array_append_new(labels, json_string(names[order[i]]));
        (void)json_array_append_new(counts, row);
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "labels", labels, "counts", counts, "other_right",
                     trivet_json_number(others[1]), "other_wrong", trivet_json_number(others[0]));
}

static json_t *unjoined_json(const struct trivet_monitor *monitor, const char *model)
{
    struct trivet_unjoined_counts sum = {0};
    const struct trivet_unjoined *unjoined = trivet_live_unjoined_find(&monitor->live, model);
    if (unjoined != NULL) {
        trivet_live_unjoined_sum(unjoined, &sum);
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "unmatched", trivet_json_count(sum.unmatched),
                     "not_sampled", trivet_json_count(sum.not_sampled), "refused",
                     trivet_json_count(sum.refused), "invalid", trivet_json_count(sum.invalid));
}

/* Takes its part out of `object`; without outcomes "task" is null and the rest is missing. */
static enum trivet_status set_quality(json_t *object, const struct trivet_monitor_live *live,
                                      int64_t now_us, struct trivet_error *err)
{
    static const char *const tasks[] = {NULL, "classification", "regression"};
    struct trivet_quality_sums ever = {0};
    struct trivet_quality_sums sums = {0};
    struct trivet_quality_statement all = {0};
    struct trivet_quality_statement at = {0};
    int64_t window_us = 0;
    enum trivet_status status = TRIVET_OK;
    if (live->quality != NULL) {
        status = trivet_quality_ever(live->quality, &ever, err);
    }
    if (live->quality != NULL && status == TRIVET_OK) {
        trivet_quality_state(live->quality, &ever, &all);
        set_counts(object, &ever);
        status = trivet_quality_recent(live->quality, now_us, &window_us, &sums, &at, err);
    }
    json_t *task = tasks[all.task] != NULL ? json_string(tasks[all.task]) : json_null();
    (void)json_object_set_new(object, "task", task);
    if (live->quality != NULL && status == TRIVET_OK) {
        (void)json_object_set_new(object, "window_s", json_integer(window_us / US_PER_S));
        (void)json_object_set_new(object, "labels", trivet_json_count(at.labels));
        (void)json_object_set_new(object, "effective_labels", json_real(at.effective));
        (void)json_object_set_new(object, "enough", json_boolean(at.enough));
        (void)json_object_set_new(object, "metrics", metrics_json(&at, &live->test));
        (void)json_object_set_new(object, "bias", or_null(at.mae.known, at.bias));
        (void)json_object_set_new(object, "confusion",
                                  all.task == TRIVET_QUALITY_CLASSES
                                      ? confusion_json(live->quality, &sums)
                                      : json_null());
    }
    trivet_quality_sums_release(&ever);
    trivet_quality_sums_release(&sums);
    return status;
}

static enum trivet_status now_json(const struct trivet_monitor *monitor,
                                   const struct trivet_monitor_series *series, int64_t now_us,
                                   json_t **out, struct trivet_error *err)
{
    struct trivet_drift_summary drift;
    trivet_monitor_drift_summary(series, &drift);
    const char *doubt = drift.expected_doubt[0] != '\0' ? drift.expected_doubt : NULL;
    *out = json_pack("{s:s, s:o, s:i, s:o, s:o, s:o, s:s?}", "model", series->model, "version",
                     trivet_json_count(series->version), "labels_min", TRIVET_QUALITY_LABELS_MIN,
                     "unjoined", unjoined_json(monitor, series->model), "expected_accuracy",
                     or_null(true, drift.expected_accuracy), "reference_accuracy",
                     or_null(true, drift.reference_accuracy), "expected_accuracy_doubt", doubt);
    return set_quality(*out, &series->live, now_us, err);
}

static json_t *points_json(const struct trivet_quality_point *points, size_t n_points)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n_points; i++) {
        const struct trivet_quality_point *at = &points[i];
        json_t *point =
            json_pack("{s:I, s:o, s:o, s:o}", "t", (json_int_t)at->unix_s, "labels",
                      trivet_json_count(at->labels), "coverage", or_null(true, at->coverage),
                      "expected_accuracy", or_null(true, at->expected));
        if (at->metric[0] != '\0') {
            const struct trivet_quality_estimate estimate = {true, at->value, at->lower, at->upper};
            (void)json_object_set_new(point, at->metric, estimate_json(&estimate));
        }
        (void)json_array_append_new(list, point);
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
    enum trivet_status status = TRIVET_OK;
    if (found) {
        status = now_json(monitor, series, now_us, &json, err);
    }
    pthread_mutex_unlock(&monitor->lock);
    if (!found || status != TRIVET_OK) {
        json_decref(json);
        return found ? status : not_found(model, version, err);
    }
    struct trivet_quality_point *points =
        trivet_alloc_array(TRIVET_HISTORY_POINTS_MAX, sizeof(*points));
    int64_t now_s = now_us / US_PER_S;
    status =
        points == NULL
            ? trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a report")
            : trivet_history_quality_read(history, model, version, now_s - hours * 3600, now_s + 1,
                                          points, TRIVET_HISTORY_POINTS_MAX, &n_points, err);
    if (status != TRIVET_OK) {
        json_decref(json);
        trivet_free(points);
        return status;
    }
    if (json_object_set_new(json, "history", points_json(points, n_points)) != 0) {
        json_decref(json);
        json = NULL;
    }
    trivet_free(points);
    return trivet_json_finish(json, out, err);
}

static json_t *shadow_json(uint64_t version, const struct trivet_shadow *shadow)
{
    struct trivet_shadow_sums sum;
    trivet_live_shadow_sum(shadow, &sum);
    bool any = sum.compared > 0;
    bool any_number = sum.compared > sum.immense;
    double numbers = any_number ? (double)(sum.compared - sum.immense) : 1.0;
    bool timed = sum.compute.count > 0;
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "version", trivet_json_count(version),
        "answered_by", trivet_json_count(shadow->answered_by), "compared",
        trivet_json_count(sum.compared), "equal", trivet_json_count(sum.equal), "agreement",
        or_null(any, (double)sum.equal / (double)sum.compared), "mean_absolute_difference",
        or_null(any_number, sum.absolute_difference / numbers), "root_mean_squared_difference",
        or_null(any_number, sqrt(fmax(0.0, sum.squared_difference) / numbers)), "failed",
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
        (void)json_array_append_new(list, shadow_json(version, series->live.shadows[i]));
    }
    pthread_mutex_unlock(&monitor->lock);
    if (!found) {
        json_decref(list);
        return not_found(model, version, err);
    }
    return trivet_json_finish(json_pack("{s:s, s:o, s:o}", "model", model, "version",
                                        trivet_json_count(version), "shadows", list),
                              out, err);
}
