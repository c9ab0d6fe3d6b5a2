/* The inside of a plan: shared by pipeline_plan*.c only. */
#ifndef TRIVET_MODELS_PIPELINE_PLAN_INTERNAL_H
#define TRIVET_MODELS_PIPELINE_PLAN_INTERNAL_H

#include "linalg/row_kernels.h"
#include "models/fused.h"
#include "models/linear_model.h"
#include "models/pipeline_plan.h"

#include <stdint.h>

/* One column of the layout: a function of a raw input. */
struct trivet_plan_column {
    uint32_t source;
    struct trivet_fused fused;
};

struct trivet_plan {
    const struct trivet_pipeline *pipeline;
    const struct trivet_estimator_ops *estimator;
    const void *state; /* the estimator's */
    size_t n_inputs;
    size_t n_features;
    size_t n_outputs;
    bool probabilities;                 /* what the outputs are */
    struct trivet_plan_column *columns; /* owned, n_features */
    bool in_place;                      /* feature j is made of input j, for all j */
    bool exact;                         /* features must be those of the transformers bit for bit */
    bool scales;
    struct trivet_linalg_scaling scaling; /* of the features */
    double *arrays;                       /* owned: of `scaling`, and of `equations` */
    bool is_linear;
    struct trivet_linear_model model;         /* borrowed: of the features */
    struct trivet_linalg_equations equations; /* of the inputs */
    void *single; /* owned, by estimator->single: the single-precision copy; NULL: none */
};

/* Rows that are computed at once. */
size_t trivet_plan_block_rows(const struct trivet_plan *plan, size_t n_rows);

#endif
