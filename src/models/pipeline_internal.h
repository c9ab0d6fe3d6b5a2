/* The inside of a pipeline: shared by pipeline_*.c only.
 *
 * At any point of the pipeline there is a list of columns, the layout: first the raw inputs, at
 * the end the features. Every column has an origin, the raw input it is made of; a step applies to
 * the columns whose origin is among its sources. Outputs take the places of the inputs when there
 * are as many, else the inputs go and the outputs come last. */
#ifndef TRIVET_MODELS_PIPELINE_INTERNAL_H
#define TRIVET_MODELS_PIPELINE_INTERNAL_H

#include "models/labels.h"
#include "models/outputs.h"
#include "models/pipeline.h"
#include "models/registry.h"

#include <stdbool.h>
#include <stdint.h>

#define TRIVET_TRANSFORMERS_MAX    64
#define TRIVET_PIPELINE_SLICE_ROWS 4096
/* Training rows that are kept for sampled explanations. */
#define TRIVET_BACKGROUND_ROWS 100

struct trivet_feature {
    char *name; /* owned */
    enum trivet_column_type type;
    uint32_t origin; /* index into the inputs */
};

struct trivet_layout {
    size_t n_features;
    struct trivet_feature *features; /* owned */
};

struct trivet_step {
    const struct trivet_transformer_ops *ops;
    struct trivet_params params;
    size_t n_sources;
    uint32_t *sources; /* owned: raw inputs it applies to, ascending */
    /* Fitted only. */
    void *state; /* owned; NULL when unfitted */
    size_t n_columns;
    uint32_t *columns; /* owned: indices into the layout before the step, ascending */
    uint32_t *origins; /* owned: of these columns */
    size_t n_outputs;
    size_t n_before;     /* length of the layout before the step */
    size_t n_after;      /* and after it */
    uint32_t *placement; /* owned, n_after: < n_before keeps that column, else output - n_before */
};

struct trivet_pipeline {
    struct trivet_schema inputs;
    struct trivet_column_spec target; /* name owned; NULL for clustering */
    size_t n_steps;
    struct trivet_step *steps; /* owned */
    const struct trivet_estimator_ops *estimator;
    struct trivet_params estimator_params;
    /* Fitted only. */
    void *state; /* owned, of the estimator; NULL when unfitted */
    struct trivet_labels labels;
    size_t history_rows;   /* rows before a row that its features depend on */
    double *feature_means; /* owned, n_features: of the training rows */
    size_t n_background;
    double *background; /* owned, (n_background, n_features) training rows; NULL = none */
    struct trivet_layout layout;
    size_t n_columns_max; /* of the layouts */
    size_t n_step_max;    /* most columns in or out of a step */
};

enum trivet_status trivet_pipeline_no_memory(struct trivet_error *err);
enum trivet_status trivet_pipeline_refuse_unfitted(struct trivet_error *err);
/* Back to unfitted. */
void trivet_pipeline_reset(struct trivet_pipeline *pipeline);

void trivet_layout_release(struct trivet_layout *layout);
enum trivet_status trivet_layout_of_inputs(const struct trivet_schema *inputs,
                                           struct trivet_layout *out,
                                           struct trivet_error *err) TRIVET_MUST_USE;
/* The layout after a step whose columns and state are there; fills the step's origins, outputs and
 * placement. INVALID_ARGUMENT: more than TRIVET_FEATURES_MAX. */
enum trivet_status trivet_layout_advance(struct trivet_layout *layout, struct trivet_step *step,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* Columns and kind of the estimator's outputs suit the labels: an assertion of fit, a check of
 * load. */
bool trivet_pipeline_outputs_fit(const struct trivet_pipeline *pipeline);
/* Means of the features, and TRIVET_BACKGROUND_ROWS rows by chance where the estimator has no exact
 * explanation. */
enum trivet_status trivet_pipeline_keep_background(struct trivet_pipeline *pipeline,
                                                   struct trivet_const_matrix x, uint64_t seed,
                                                   struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_pipeline_load_background(struct trivet_pipeline *pipeline,
                                                   const Trivet__V1__Pipeline *message,
                                                   size_t n_features,
                                                   struct trivet_error *err) TRIVET_MUST_USE;
/* history_rows of the fitted steps together. */
void trivet_pipeline_set_history(struct trivet_pipeline *pipeline);
/* The final layout becomes the pipeline's, with the maxima over the steps. Takes `layout`. */
void trivet_pipeline_set_layout(struct trivet_pipeline *pipeline, struct trivet_layout *layout);

/* Columns of the layout before the step → after it. `columns` (n_before) and `out` (n_after) are
 * the caller's; values and scratch come from `arena`. */
enum trivet_status trivet_step_transform(const struct trivet_step *step,
                                         const struct trivet_column *columns, size_t n_rows,
                                         struct trivet_arena *arena, struct trivet_column *out,
                                         struct trivet_row_status *rows,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* Feature columns → x (n_rows, n_features). An infinity is a fault of its row (INFINITE) with the
 * feature's origin, and so is a NaN (MISSING) unless the estimator accepts it; rows with a fault
 * are zeros. */
void trivet_layout_fill(const struct trivet_layout *layout, bool accepts_missing,
                        const struct trivet_column *columns, size_t n_rows, struct trivet_matrix x,
                        struct trivet_row_status *rows);

#endif
