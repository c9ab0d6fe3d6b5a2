#include "monitor/pages/exposition_drift.h"

#include "base/text.h"
#include "monitor/drift/series.h"

#include <math.h>

#define VERSION_TEXT_BYTES 24

enum drift_metric { COLUMNS, PSI, WINDOWS, ROWS, EXPECTED, REFERENCE };

static const struct {
    enum drift_metric metric;
    const char *name;
    const char *type;
    const char *help;
} families[] = {
    {COLUMNS, "trivet_monitor_drift_columns", "gauge",
     "Features and outputs in which something was found, confirmed (firing) or not yet (pending)."},
    {PSI, "trivet_monitor_drift_psi_max", "gauge",
     "Population stability index of the worst column in the last window."},
    {WINDOWS, "trivet_monitor_drift_windows_total", "counter",
     "Windows compared with the reference."},
    {ROWS, "trivet_monitor_drift_window_rows", "gauge", "Rows of the last window."},
    {EXPECTED, "trivet_monitor_expected_accuracy_ratio", "gauge",
     "Share of answers that a calibrated classifier expects to be right, in the last window."},
    {REFERENCE, "trivet_monitor_reference_accuracy_ratio", "gauge",
     "Share of the held-out rows of its training that a classifier decided right."},
};

static void write_columns(struct trivet_page *page, const char *name, struct trivet_label labels[4],
                          const struct trivet_drift_summary *summary)
{
    static const char *const findings[TRIVET_DRIFT_FINDING_COUNT] = {
        [TRIVET_DRIFT_DISTRIBUTION] = "distribution",
        [TRIVET_DRIFT_MISSING] = "missing",
        [TRIVET_DRIFT_OUT_OF_RANGE] = "out_of_range",
    };
    for (size_t f = 0; f < TRIVET_DRIFT_FINDING_COUNT; f++) {
        labels[2] = (struct trivet_label){"finding", findings[f]};
        labels[3] = (struct trivet_label){"state", "firing"};
        trivet_page_sample(page, name, labels, 4, (double)summary->told[f].n_firing);
        labels[3].value = "pending";
        trivet_page_sample(page, name, labels, 4, (double)summary->told[f].n_pending);
    }
}

static void write_version(struct trivet_page *page, size_t family,
                          const struct trivet_monitor_series *series)
{
    struct trivet_drift_summary summary;
    trivet_monitor_drift_summary(series, &summary);
    char version[VERSION_TEXT_BYTES];
    (void)trivet_text_format(version, sizeof(version), "%llu", (unsigned long long)series->version);
    struct trivet_label labels[4] = {{"model", series->model}, {"version", version}};
    double value = NAN;
    switch (families[family].metric) {
    case COLUMNS:
        if (summary.known) {
            write_columns(page, families[family].name, labels, &summary);
        }
        return;
    case PSI:
        value = summary.known ? summary.psi_max : NAN;
        break;
    case WINDOWS:
        value = summary.watched ? (double)summary.n_windows : NAN;
        break;
    case ROWS:
        value = summary.known ? summary.rows : NAN;
        break;
    case EXPECTED:
        value = summary.expected_accuracy;
        break;
    case REFERENCE:
        value = summary.reference_accuracy;
        break;
    }
    if (!isnan(value)) {
        trivet_page_sample(page, families[family].name, labels, 2, value);
    }
}

void trivet_exposition_write_drift(struct trivet_page *page, const struct trivet_monitor *monitor)
{
    for (size_t f = 0; f < TRIVET_ARRAY_COUNT(families); f++) {
        trivet_page_family(page, families[f].name, families[f].type, families[f].help);
        for (size_t i = 0; i < monitor->n_series; i++) {
            write_version(page, f, monitor->series[i]);
        }
    }
}
