#include "monitor/pages/report_summary.h"

#include "monitor/json.h"

static const char *const finding_names[TRIVET_DRIFT_FINDING_COUNT] = {
    [TRIVET_DRIFT_DISTRIBUTION] = "distribution",
    [TRIVET_DRIFT_MISSING] = "missing",
    [TRIVET_DRIFT_OUT_OF_RANGE] = "out_of_range",
};

/* The finding to name: a firing one before a pending one, then the farthest over its limit. */
static int worst_finding(const struct trivet_drift_summary *summary)
{
    int worst = -1;
    for (int k = 0; k < TRIVET_DRIFT_FINDING_COUNT; k++) {
        const struct trivet_drift_told *told = &summary->told[k];
        if (told->worst == NULL) {
            continue;
        }
        bool more = worst < 0;
        if (!more) {
            const struct trivet_drift_told *than = &summary->told[worst];
            bool firing = told->n_firing > 0;
            more = firing != (than->n_firing > 0) ? firing : told->excess > than->excess;
        }
        worst = more ? k : worst;
    }
    return worst;
}

json_t *trivet_report_drift_summary(const struct trivet_monitor_series *series)
{
    struct trivet_drift_summary summary;
    if (series->drift == NULL) {
        return json_null();
    }
    trivet_monitor_drift_summary(series, &summary);
    int worst = worst_finding(&summary);
    const struct trivet_drift_told *told = worst >= 0 ? &summary.told[worst] : NULL;
    const char *state = "quiet";
    if (!summary.watched) {
        state = series->drift->refused ? "unwatched" : "collecting";
    } else if (!summary.known) {
        state = "collecting";
    } else if (told != NULL) {
        state = told->n_firing > 0 ? "firing" : "pending";
    }
    return json_pack(
        "{s:s, s:s?, s:s?, s:o, s:o, s:o, s:o, s:o}", "state", state, "finding",
        told != NULL ? finding_names[worst] : NULL, "worst", told != NULL ? told->worst : NULL,
        "value", told != NULL ? trivet_json_number(told->value) : json_null(), "rows",
        trivet_json_number(summary.rows), "open_rows", trivet_json_number(summary.open_rows),
        "windows", trivet_json_count(summary.n_windows), "psi_max",
        trivet_json_number(summary.psi_max));
}

json_t *trivet_report_quality_summary(const struct trivet_monitor_series *series, int64_t now_us)
{
    const struct trivet_quality *quality = series->live.quality;
    struct trivet_quality_sums sums = {0};
    struct trivet_quality_statement at = {0};
    struct trivet_error err;
    if (quality == NULL || trivet_quality_window(quality, now_us, TRIVET_QUALITY_WINDOW_US, &sums,
                                                 &err) != TRIVET_OK) {
        return json_null();
    }
    trivet_quality_state(quality, &sums, &at);
    trivet_quality_sums_release(&sums);
    bool classes = at.task == TRIVET_QUALITY_CLASSES;
    const struct trivet_quality_estimate *estimate = classes ? &at.accuracy : &at.mae;
    if (!estimate->known) {
        return json_null();
    }
    return json_pack("{s:s, s:o, s:o, s:o, s:o}", "metric", classes ? "accuracy" : "mae", "value",
                     trivet_json_number(estimate->value), "lower",
                     trivet_json_number(estimate->lower), "upper",
                     trivet_json_number(estimate->upper), "labelled", trivet_json_count(at.labels));
}
