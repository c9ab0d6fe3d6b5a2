#include "models/outputs.h"

#include "models/labels.h"

#include <assert.h>

const struct trivet_output *trivet_outputs_of(enum trivet_output_kind kind, size_t *n)
{
    static const struct trivet_output value[] = {{.name = "prediction"}};
    static const struct trivet_output probabilities[] = {
        {.name = "label", .is_text = true, .is_decision = true}, {.name = "probabilities"}};
    static const struct trivet_output scores[] = {
        {.name = "label", .is_text = true, .is_decision = true}, {.name = "scores"}};
    static const struct trivet_output distances[] = {{.name = "cluster", .is_decision = true},
                                                     {.name = "distances"}};
    *n = kind == TRIVET_OUTPUT_VALUE ? 1 : TRIVET_OUTPUTS_MAX;
    switch (kind) {
    case TRIVET_OUTPUT_VALUE:
        return value;
    case TRIVET_OUTPUT_PROBABILITIES:
        return probabilities;
    case TRIVET_OUTPUT_MARGINS:
    case TRIVET_OUTPUT_PAIR_MARGINS:
        return scores;
    case TRIVET_OUTPUT_DISTANCES:
        return distances;
    }
    assert(!"a kind of the enum");
    return value;
}

static uint32_t greatest(const double *row, size_t n)
{
    size_t best = 0;
    for (size_t k = 1; k < n; k++) {
        best = row[k] > row[best] ? k : best;
    }
    return (uint32_t)best;
}

static uint32_t least(const double *row, size_t n)
{
    size_t best = 0;
    for (size_t k = 1; k < n; k++) {
        best = row[k] < row[best] ? k : best;
    }
    return (uint32_t)best;
}

static uint32_t most_votes(const double *row, size_t n_classes)
{
    uint32_t votes[TRIVET_CLASSES_MAX] = {0};
    size_t pair = 0;
    for (size_t i = 0; i < n_classes; i++) {
        for (size_t j = i + 1; j < n_classes; j++, pair++) {
            votes[row[pair] > 0.0 ? i : j]++;
        }
    }
    size_t best = 0;
    for (size_t k = 1; k < n_classes; k++) {
        best = votes[k] > votes[best] ? k : best;
    }
    return (uint32_t)best;
}

uint32_t trivet_outputs_decide(enum trivet_output_kind kind, const double *row, size_t n_outputs,
                               size_t n_classes)
{
    switch (kind) {
    case TRIVET_OUTPUT_VALUE:
        break;
    case TRIVET_OUTPUT_PROBABILITIES:
        return greatest(row, n_outputs);
    case TRIVET_OUTPUT_MARGINS:
        return n_outputs == 1 ? (row[0] > 0.0 ? 1 : 0) : greatest(row, n_outputs);
    case TRIVET_OUTPUT_PAIR_MARGINS:
        return most_votes(row, n_classes);
    case TRIVET_OUTPUT_DISTANCES:
        return least(row, n_outputs);
    }
    assert(!"a value is no choice");
    return 0;
}

size_t trivet_outputs_columns(enum trivet_output_kind kind, size_t n_classes)
{
    switch (kind) {
    case TRIVET_OUTPUT_VALUE:
        return 1;
    case TRIVET_OUTPUT_PROBABILITIES:
        return n_classes;
    case TRIVET_OUTPUT_MARGINS:
        return n_classes == 2 ? 1 : n_classes;
    case TRIVET_OUTPUT_PAIR_MARGINS:
        return n_classes * (n_classes - 1) / 2;
    case TRIVET_OUTPUT_DISTANCES:
        break;
    }
    return 0;
}
