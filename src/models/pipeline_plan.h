/* A fitted pipeline compiled for serving: rows of numbers, where a request left them, to outputs in
 * one go, without columns, an arena or an allocation. Steps that are a function of one number
 * (imputers, scalers, selections) are fused with each other and, before linear equations, into
 * their weights; what is taken off a number is always taken off in double precision. */
#ifndef TRIVET_MODELS_PIPELINE_PLAN_H
#define TRIVET_MODELS_PIPELINE_PLAN_H

#include "base/compiler.h"
#include "data/table.h"
#include "linalg/row_view.h"
#include "models/pipeline.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>

struct trivet_plan;

/* For a fitted pipeline, which must outlive the plan. `*out` is NULL when the pipeline has no such
 * way: inputs that are not numbers, steps that look at other columns or rows, estimators that
 * cannot; it is then predicted by trivet_pipeline_transform and trivet_pipeline_estimate.
 * RESOURCE_EXHAUSTED. */
enum trivet_status trivet_plan_create(const struct trivet_pipeline *pipeline,
                                      struct trivet_plan **out,
                                      struct trivet_error *err) TRIVET_MUST_USE;
void trivet_plan_free(struct trivet_plan *plan);
size_t trivet_plan_memory_bytes(const struct trivet_plan *plan);
/* Whether floats are computed in single precision: within 1e-6 of double precision for
 * probabilities, and of the size of the output for others. */
bool trivet_plan_is_single(const struct trivet_plan *plan);

/* What trivet_plan_predict needs for up to n_rows rows; bounded, whatever n_rows. */
size_t trivet_plan_scratch_bytes(const struct trivet_plan *plan, size_t n_rows);
/* Rows of trivet_pipeline_inputs' numbers, in their order → out (n_rows, n_outputs), dense; what
 * both halves of a prediction make of the same numbers in a Matrix: doubles to the last places, and
 * faults of rows alike. A row with a fault, found or already there, is NaN in `out`. Only where a
 * feature overflows and its part in a linear equation does not, the row is no fault here.
 *
 * `nan_is_missing`: a NaN is a missing value, else a fault of its row. `scratch` is 64-byte
 * aligned. Returns how many rows have a fault. Any thread. */
size_t trivet_plan_predict(const struct trivet_plan *plan, const struct trivet_row_view *rows,
                           bool nan_is_missing, double *out, struct trivet_row_status *status,
                           void *scratch);

#endif
