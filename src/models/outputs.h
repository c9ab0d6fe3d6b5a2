/* What a prediction tells: from an estimator's columns to the named outputs of a model. */
#ifndef TRIVET_MODELS_OUTPUTS_H
#define TRIVET_MODELS_OUTPUTS_H

#include "models/estimator.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_OUTPUTS_MAX 2

/* One named output. */
struct trivet_output {
    const char *name; /* static */
    bool is_text;     /* a label; else numbers */
    bool is_decision; /* one value a row that follows from all columns; else the columns themselves
                       */
};

/* The outputs of a kind, `n` of them: VALUE "prediction"; PROBABILITIES "label", "probabilities";
 * MARGINS and PAIR_MARGINS "label", "scores"; DISTANCES "cluster", "distances". Static. */
const struct trivet_output *trivet_outputs_of(enum trivet_output_kind kind, size_t *n);
/* Index of the class or cluster that a row of n_outputs columns stands for, as
 * enum trivet_output_kind says. `n_classes`: of PAIR_MARGINS. Not for VALUE. */
uint32_t trivet_outputs_decide(enum trivet_output_kind kind, const double *row, size_t n_outputs,
                               size_t n_classes);
/* Columns that an estimator of this kind must have for `n_classes`; 0 = any number from 1. */
size_t trivet_outputs_columns(enum trivet_output_kind kind, size_t n_classes);

#endif
