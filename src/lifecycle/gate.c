#include "lifecycle/gate.h"

#include "base/text.h"
#include "metrics/bound.h"
#include "metrics/catalog.h"

#include <stdbool.h>
#include <string.h>

static enum trivet_status unknown_metric(const char *metric, const struct trivet_metric *metrics,
                                         size_t n_metrics, struct trivet_error *err)
{
    char known[TRIVET_ERROR_MESSAGE_BYTES / 2] = "";
    size_t used = 0;
    for (size_t i = 0; i < n_metrics; i++) {
        if (trivet_text_format(known + used, sizeof(known) - used, "%s%s", used > 0 ? ", " : "",
                               metrics[i].name)) {
            used = strlen(known);
        }
    }
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "the version's evaluation has no metric '%.64s'; it has: %s", metric,
                            used > 0 ? known : "none");
}

enum trivet_status trivet_gate_check(const char *text, const struct trivet_metric *metrics,
                                     size_t n_metrics, struct trivet_error *err)
{
    struct trivet_metric_bound gate;
    enum trivet_status status = trivet_metric_bound_parse(text, &gate, err);
    if (status != TRIVET_OK) {
        return status;
    }
    for (size_t i = 0; i < n_metrics; i++) {
        if (strcmp(metrics[i].name, gate.metric) != 0) {
            continue;
        }
        if (!metrics[i].defined) {
            return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                    "the gate '%s' is not met: %s is not defined on the version's "
                                    "evaluation",
                                    text, gate.metric);
        }
        if (!trivet_metric_bound_holds(&gate, metrics[i].value)) {
            char value[TRIVET_DOUBLE_TEXT_BYTES];
            trivet_text_double(metrics[i].value, value);
            return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                    "the gate '%s' is not met: %s is %s", text, gate.metric, value);
        }
        return TRIVET_OK;
    }
    return unknown_metric(gate.metric, metrics, n_metrics, err);
}

static const struct trivet_metric *find_metric(const struct trivet_metric *metrics,
                                               size_t n_metrics, const char *name)
{
    for (size_t i = 0; i < n_metrics; i++) {
        if (strcmp(metrics[i].name, name) == 0) {
            return &metrics[i];
        }
    }
    return NULL;
}

static const struct trivet_metric *main_metric(const struct trivet_metric *metrics,
                                               size_t n_metrics)
{
    const enum trivet_metric_task tasks[] = {TRIVET_METRIC_REGRESSION, TRIVET_METRIC_CLASSIFICATION,
                                             TRIVET_METRIC_CLUSTERING};
    const struct trivet_metric *found = NULL;
    for (size_t i = 0; found == NULL && i < sizeof(tasks) / sizeof(tasks[0]); i++) {
        found = find_metric(metrics, n_metrics, trivet_metric_info_main(tasks[i])->name);
    }
    return found;
}

enum trivet_status trivet_gate_check_metric(const char *metric, const struct trivet_metric *metrics,
                                            size_t n_metrics, struct trivet_error *err)
{
    return metric == NULL || metric[0] == '\0' || find_metric(metrics, n_metrics, metric) != NULL
               ? TRIVET_OK
               : unknown_metric(metric, metrics, n_metrics, err);
}

enum trivet_status trivet_gate_better(const char *metric, const struct trivet_metric *ours,
                                      size_t n_ours, const struct trivet_metric *theirs,
                                      size_t n_theirs, struct trivet_error *err)
{
    const bool by_name = metric != NULL && metric[0] != '\0';
    const struct trivet_metric *our =
        by_name ? find_metric(ours, n_ours, metric) : main_metric(ours, n_ours);
    const struct trivet_metric_info *info = our == NULL ? NULL : trivet_metric_info_find(our->name);
    if (info == NULL) {
        return unknown_metric(by_name ? metric : "r2", ours, n_ours, err);
    }
    const struct trivet_metric *their = find_metric(theirs, n_theirs, our->name);
    if (!our->defined || their == NULL || !their->defined) {
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "%s is not defined on the evaluation of %s version; compare by "
                                "another metric",
                                our->name, our->defined ? "the other" : "the");
    }
    if (info->greater_is_better ? our->value > their->value : our->value < their->value) {
        return TRIVET_OK;
    }
    char value[TRIVET_DOUBLE_TEXT_BYTES];
    char other[TRIVET_DOUBLE_TEXT_BYTES];
    trivet_text_double(our->value, value);
    trivet_text_double(their->value, other);
    return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                            "the version is not better than the other: on the same holdout its %s "
                            "is %s, the other's %s",
                            our->name, value, other);
}
