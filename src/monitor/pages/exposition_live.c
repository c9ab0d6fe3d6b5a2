#include "monitor/pages/exposition_live.h"

#include "base/alloc.h"
#include "base/text.h"
#include "monitor/live.h"
#include "monitor/quality/quality.h"

#include <math.h>

#define VERSION_TEXT_BYTES 24

enum quality_metric {
    LOGGED,
    LABELLED,
    INVALID,
    COVERAGE,
    ACCURACY,
    ACCURACY_LOWER,
    F1_MACRO,
    ABSOLUTE_ERROR,
    SQUARED_ERROR,
    R2,
};

static const struct {
    enum quality_metric metric;
    const char *name;
    const char *type;
    const char *help;
} quality_families[] = {
    {LOGGED, "trivet_monitor_logged_predictions_total", "counter",
     "Predictions whose outcome can be taken."},
    {LABELLED, "trivet_monitor_labelled_predictions_total", "counter",
     "Predictions whose outcome came back."},
    {INVALID, "trivet_monitor_invalid_outcomes_total", "counter",
     "Outcomes of logged predictions that were nothing the target can be."},
    {COVERAGE, "trivet_monitor_label_coverage_ratio", "gauge",
     "Share of the logged predictions with an outcome, ever."},
    {ACCURACY, "trivet_monitor_live_accuracy_ratio", "gauge",
     "Accuracy by the outcomes of the last hour, or of the last day with too few in it."},
    {ACCURACY_LOWER, "trivet_monitor_live_accuracy_lower_ratio", "gauge",
     "Lower end of its 95 % interval."},
    {F1_MACRO, "trivet_monitor_live_f1_macro_ratio", "gauge", "Mean F1 of the classes, likewise."},
    {ABSOLUTE_ERROR, "trivet_monitor_live_absolute_error", "gauge",
     "Mean absolute error, likewise."},
    {SQUARED_ERROR, "trivet_monitor_live_squared_error", "gauge", "Mean squared error, likewise."},
    {R2, "trivet_monitor_live_r2", "gauge", "Coefficient of determination, likewise."},
};

/* Of one series, read once for all families. */
struct told {
    const struct trivet_monitor_series *series;
    double logged;
    double labelled;
    double invalid;
    double coverage;
    struct trivet_quality_statement recent;
};

static enum trivet_status read_quality(const struct trivet_monitor_series *series, int64_t now_us,
                                       struct told *out, struct trivet_error *err)
{
    struct trivet_quality_sums sums = {0};
    int64_t window_us = 0;
    *out = (struct told){.series = series};
    enum trivet_status status = trivet_quality_ever(series->live.quality, &sums, err);
    if (status == TRIVET_OK) {
        out->logged = fmax(0.0, sums.values[TRIVET_QUALITY_LOGGED]);
        out->labelled = fmax(0.0, sums.values[TRIVET_QUALITY_LABELLED]);
        out->invalid = fmax(0.0, sums.values[TRIVET_QUALITY_INVALID]);
        out->coverage = trivet_quality_coverage(&sums);
        trivet_quality_sums_release(&sums);
        status = trivet_quality_recent(series->live.quality, now_us, &window_us, &sums,
                                       &out->recent, err);
    }
    trivet_quality_sums_release(&sums);
    return status;
}

static double value_of(const struct trivet_quality_estimate *estimate)
{
    return estimate->known ? estimate->value : (double)NAN;
}

static double metric_of(const struct told *told, enum quality_metric metric)
{
    const struct trivet_quality_statement *recent = &told->recent;
    switch (metric) {
    case LOGGED:
        return told->logged;
    case LABELLED:
        return told->labelled;
    case INVALID:
        return told->invalid;
    case COVERAGE:
        return told->coverage;
    case ACCURACY:
        return value_of(&recent->accuracy);
    case ACCURACY_LOWER:
        return recent->accuracy.known ? recent->accuracy.lower : (double)NAN;
    case F1_MACRO:
        return recent->f1_known ? recent->f1_macro : (double)NAN;
    case ABSOLUTE_ERROR:
        return value_of(&recent->mae);
    case SQUARED_ERROR:
        return value_of(&recent->mse);
    case R2:
        return value_of(&recent->r2);
    }
    return (double)NAN;
}

static void write_quality(struct trivet_page *page, const struct told *told, size_t n_told)
{
    for (size_t f = 0; f < TRIVET_ARRAY_COUNT(quality_families); f++) {
        const char *name = quality_families[f].name;
        trivet_page_family(page, name, quality_families[f].type, quality_families[f].help);
        for (size_t i = 0; i < n_told; i++) {
            double value = metric_of(&told[i], quality_families[f].metric);
            char version[VERSION_TEXT_BYTES];
            (void)trivet_text_format(version, sizeof(version), "%llu",
                                     (unsigned long long)told[i].series->version);
            const struct trivet_label labels[] = {{"model", told[i].series->model},
                                                  {"version", version}};
            if (isfinite(value)) {
                trivet_page_sample(page, name, labels, TRIVET_ARRAY_COUNT(labels), value);
            }
        }
    }
}

static void write_shadow(struct trivet_page *page, const char *name,
                         const struct trivet_monitor_series *series,
                         const struct trivet_shadow *shadow)
{
    struct trivet_shadow_sums sums;
    char version[VERSION_TEXT_BYTES];
    char answered_by[VERSION_TEXT_BYTES];
    trivet_live_shadow_sum(shadow, &sums);
    (void)trivet_text_format(version, sizeof(version), "%llu", (unsigned long long)series->version);
    (void)trivet_text_format(answered_by, sizeof(answered_by), "%llu",
                             (unsigned long long)shadow->answered_by);
    const struct {
        const char *result;
        uint64_t rows;
    } results[] = {{"equal", sums.equal},
                   {"different", sums.compared - sums.equal},
                   {"failed", sums.failed},
                   {"skipped", sums.skipped}};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(results); i++) {
        const struct trivet_label labels[] = {{"model", series->model},
                                              {"version", version},
                                              {"answered_by", answered_by},
                                              {"result", results[i].result}};
        trivet_page_sample(page, name, labels, TRIVET_ARRAY_COUNT(labels), (double)results[i].rows);
    }
}

static void write_shadows(struct trivet_page *page, const struct trivet_monitor *monitor)
{
    static const char name[] = "trivet_monitor_shadow_rows_total";
    trivet_page_family(page, name, "counter",
                       "Rows that a version predicted as the shadow of the one that answered.");
    for (size_t i = 0; i < monitor->n_series; i++) {
        const struct trivet_monitor_live *live = &monitor->series[i]->live;
        for (size_t s = 0; s < live->n_shadows; s++) {
            write_shadow(page, name, monitor->series[i], live->shadows[s]);
        }
    }
}

static void write_unjoined(struct trivet_page *page, const struct trivet_monitor *monitor)
{
    static const char name[] = "trivet_monitor_unjoined_outcomes_total";
    trivet_page_family(page, name, "counter", "Outcomes that joined to no prediction.");
    for (size_t i = 0; i < monitor->live.n_models; i++) {
        const struct trivet_unjoined *unjoined = monitor->live.models[i];
        struct trivet_unjoined_counts sum;
        trivet_live_unjoined_sum(unjoined, &sum);
        const struct {
            const char *reason;
            uint64_t outcomes;
        } reasons[] = {{"unmatched", sum.unmatched},
                       {"not_sampled", sum.not_sampled},
                       {"refused", sum.refused},
                       {"invalid", sum.invalid}};
        for (size_t k = 0; k < TRIVET_ARRAY_COUNT(reasons); k++) {
            const struct trivet_label labels[] = {{"model", unjoined->model},
                                                  {"reason", reasons[k].reason}};
            trivet_page_sample(page, name, labels, TRIVET_ARRAY_COUNT(labels),
                               (double)reasons[k].outcomes);
        }
    }
}

void trivet_exposition_write_live(struct trivet_page *page, const struct trivet_monitor *monitor,
                                  int64_t now_us)
{
    struct told *told = trivet_alloc_array(monitor->n_series + 1, sizeof(*told));
    size_t n_told = 0;
    if (told == NULL) {
        page->status = trivet_error_set(page->err, TRIVET_RESOURCE_EXHAUSTED,
                                        "out of memory for a page of metrics");
        return;
    }
    for (size_t i = 0; i < monitor->n_series && page->status == TRIVET_OK; i++) {
        if (monitor->series[i]->live.quality != NULL) {
            page->status = read_quality(monitor->series[i], now_us, &told[n_told++], page->err);
        }
    }
    write_quality(page, told, n_told);
    write_shadows(page, monitor);
    write_unjoined(page, monitor);
    trivet_free(told);
}
