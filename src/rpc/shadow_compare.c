#include "rpc/shadow_compare.h"

#include "models/outputs.h"

#include <math.h>
#include <string.h>

static const struct trivet_labels *labels_of(const struct trivet_pipeline *pipeline)
{
    const struct trivet_labels *labels = trivet_pipeline_labels(pipeline);
    return labels->n_labels > 0 ? labels : NULL;
}

struct trivet_shadow_kinds trivet_shadow_kinds_of(const struct trivet_pipeline *shadow,
                                                  const struct trivet_pipeline *answered_by)
{
    bool value = trivet_pipeline_output_kind(shadow) == TRIVET_OUTPUT_VALUE;
    bool answered_value = trivet_pipeline_output_kind(answered_by) == TRIVET_OUTPUT_VALUE;
    struct trivet_shadow_kinds kinds = {.shadow = shadow,
                                        .labels = labels_of(shadow),
                                        .answered_labels = labels_of(answered_by),
                                        .numbers = value && answered_value};
    kinds.same_kind =
        value == answered_value && (kinds.labels == NULL) == (kinds.answered_labels == NULL);
    return kinds;
}

static bool is_equal(const struct trivet_shadow_kinds *kinds, double answered, double number)
{
    if (!kinds->same_kind) {
        return false;
    }
    if (kinds->numbers) {
        double greater = fmax(fabs(answered), fabs(number));
        return isfinite(greater) && fabs(number - answered) <= TRIVET_SHADOW_TOLERANCE * greater;
    }
    if (kinds->labels == NULL) {
        return number == answered; /* clusters go by their number */
    }
    /* Two versions may know the classes in different orders. */
    return strcmp(kinds->labels->texts[(size_t)number],
                  kinds->answered_labels->texts[(size_t)answered]) == 0;
}

static void add_difference(double difference, struct trivet_shadow_counts *counts)
{
    if (!(fabs(difference) <= TRIVET_SHADOW_DIFFERENCE_MAX)) {
        counts->immense++; /* no number either */
        return;
    }
    counts->absolute_difference += fabs(difference);
    counts->squared_difference += difference * difference;
}

void trivet_shadow_compare(const struct trivet_shadow_kinds *kinds, const double *answered,
                           size_t n_rows, const double *outputs,
                           const struct trivet_row_status *faults,
                           struct trivet_shadow_counts *counts)
{
    size_t n_outputs = trivet_pipeline_n_outputs(kinds->shadow);
    for (size_t i = 0; i < n_rows; i++) {
        if (isnan(answered[i])) {
            continue;
        }
        if (outputs == NULL || faults[i].fault != TRIVET_ROW_FINE) {
            counts->failed++;
            continue;
        }
        double number = trivet_pipeline_number(kinds->shadow, &outputs[i * n_outputs]);
        counts->compared++;
        counts->equal += is_equal(kinds, answered[i], number);
        if (kinds->numbers) {
            add_difference(number - answered[i], counts);
        }
    }
}
