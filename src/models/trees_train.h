/* Training of trees by XGBoost. */
#ifndef TRIVET_MODELS_TREES_TRAIN_H
#define TRIVET_MODELS_TREES_TRAIN_H

#include "base/compiler.h"
#include "models/estimator.h"
#include "models/trees.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>

struct trivet_trees_plan {
    size_t n_rounds;
    size_t n_parallel;            /* trees of one round, and of each class */
    size_t early_stopping_rounds; /* 0: all rounds */
    double validation_fraction;   /* of the rows, when stopping early */
    bool balanced;                /* rows weigh in inverse proportion to their class */
};

/* Fits `state` (zeroed) by n_rounds rounds of n_parallel trees. Every parameter that XGBoost has
 * too is handed on; learning_rate is 1 where there is none.
 *
 * Objective: sum of the losses (squared error, or cross-entropy of one or, of more than two
 * classes, of one margin a class) plus, a tree, gamma × leaves + reg_lambda / 2 × ||leaf values||²
 * + reg_alpha × ||leaf values||_1, by its second-order expansion in each round: Chen, Guestrin,
 * XGBoost: A scalable tree boosting system, 2016.
 *
 * With early stopping every so manieth row of each class is set aside, of a shuffled order; the
 * loss on them is the report's loss curve; rounds after the best are dropped. Rows are reordered
 * in place. CANCELLED between rounds; INVALID_ARGUMENT: numbers beyond single precision, or too few
 * rows; UNAVAILABLE without the library. */
enum trivet_status trivet_trees_train(const struct trivet_trees_plan *plan,
                                      const struct trivet_params *params,
                                      const struct trivet_fit_data *data,
                                      const struct trivet_fit_context *context, void *state,
                                      struct trivet_fit_report *report,
                                      struct trivet_error *err) TRIVET_MUST_USE;

#endif
