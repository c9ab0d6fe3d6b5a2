/* Rows in blocks: features where the estimator wants them, the estimator, faults. The usual row is
 * finite and is never looked at number by number; only where a result is not finite is the row
 * walked through as the pipeline would. */
#include "base/checks.h"
#include "models/pipeline_internal.h"
#include "models/pipeline_plan_internal.h"
#include "models/transformers/column.h"

#include <math.h>
#include <string.h>

#define BLOCK_ROWS_MAX 1008
/* Whole tiles of products, whole lanes of trees. */
#define BLOCK_ROWS_STEP 24
/* Features of a block, so that they stay in the second-level cache. */
#define BLOCK_NUMBERS_MAX 131072
#define LINE_BYTES        64

static size_t line_up(size_t bytes)
{
    return (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

/* Doubles, or as many floats, from a row of features to the next; a whole number of cache lines. */
static size_t width_of(const struct trivet_plan *plan)
{
    return line_up((plan->n_features + TRIVET_LINALG_ROW_PADDING) * sizeof(double)) /
           sizeof(double);
}

size_t trivet_plan_block_rows(const struct trivet_plan *plan, size_t n_rows)
{
    size_t most = BLOCK_NUMBERS_MAX / width_of(plan) / BLOCK_ROWS_STEP * BLOCK_ROWS_STEP;
    most = most > 0 ? most : BLOCK_ROWS_STEP;
    most = most < BLOCK_ROWS_MAX ? most : BLOCK_ROWS_MAX;
    return n_rows < most ? n_rows : most;
}

size_t trivet_plan_scratch_bytes(const struct trivet_plan *plan, size_t n_rows)
{
    const size_t row_bytes = width_of(plan) * sizeof(double);
    const size_t n_block = trivet_plan_block_rows(plan, n_rows);
    if (plan->is_linear) {
        return row_bytes;
    }
    size_t bytes = plan->estimator->scratch_bytes(plan->state, n_block);
    if (plan->single != NULL) {
        const size_t single = plan->estimator->single->scratch_bytes(plan->single, n_block);
        bytes = bytes > single ? bytes : single;
    }
    const size_t pointers = line_up(n_block * sizeof(void *));
    /* One row to spare for doubles, two for floats. */
    return (n_block + 2) * row_bytes + LINE_BYTES + pointers + line_up(bytes);
}

static double number_at(const void *row, bool single, size_t j)
{
    if (single) {
        float number;
        memcpy(&number, (const char *)row + j * sizeof number, sizeof number);
        return (double)number;
    }
    double number;
    memcpy(&number, (const char *)row + j * sizeof number, sizeof number);
    return number;
}

/* The features of one row as the transformers make them; its fault and zeros when it has one. */
static void make_features(const struct trivet_plan *plan, const void *row, bool single,
                          bool nan_is_missing, double *features, struct trivet_row_status *status)
{
    for (size_t j = 0; j < plan->n_inputs; j++) {
        const double value = number_at(row, single, j);
        if (isinf(value)) {
            trivet_row_set_fault(status, TRIVET_ROW_INFINITE, (uint32_t)j);
        } else if (isnan(value) && !nan_is_missing) {
            trivet_row_set_fault(status, TRIVET_ROW_NAN, (uint32_t)j);
        }
    }
    for (size_t k = 0; k < plan->n_features; k++) {
        const struct trivet_plan_column *column = &plan->columns[k];
        features[k] = trivet_fused_apply(&column->fused, number_at(row, single, column->source));
        if (isinf(features[k])) {
            trivet_row_set_fault(status, TRIVET_ROW_INFINITE, column->source);
        } else if (isnan(features[k]) && !plan->estimator->accepts_missing) {
            trivet_row_set_fault(status, TRIVET_ROW_MISSING, column->source);
        }
    }
    if (status->fault != TRIVET_ROW_FINE) {
        memset(features, 0, plan->n_features * sizeof *features);
    }
}

static bool all_finite(const double *numbers, size_t n)
{
    for (size_t k = 0; TRIVET_CHECKS && k < n; k++) {
        if (!isfinite(numbers[k])) {
            return false;
        }
    }
    return true;
}

/* The outputs of a row are there; returns 1 when it has a fault or gets one. */
static size_t finish_row(double *out, size_t n_outputs, struct trivet_row_status *status)
{
    if (!TRIVET_CHECKS || (status->fault == TRIVET_ROW_FINE && all_finite(out, n_outputs))) {
        return 0;
    }
    trivet_row_set_fault(status, TRIVET_ROW_OVERFLOW, 0);
    for (size_t k = 0; k < n_outputs; k++) {
        out[k] = (double)NAN;
    }
    return 1;
}

/* One whose sums are not finite: by its features, one after the other. */
static void walk_linear(const struct trivet_plan *plan, const void *row, bool single,
                        bool nan_is_missing, double *out, struct trivet_row_status *status,
                        double *features)
{
    const size_t n = plan->n_features;
    make_features(plan, row, single, nan_is_missing, features, status);
    trivet_linear_model_margins(&plan->model, (struct trivet_const_matrix){features, 1, n, n},
                                (struct trivet_matrix){out, 1, plan->n_outputs, plan->n_outputs});
}

static bool are_fine(const struct trivet_row_status *status, size_t n_rows)
{
    unsigned faults = 0;
    for (size_t i = 0; i < n_rows; i++) {
        faults |= status[i].fault;
    }
    return faults == TRIVET_ROW_FINE;
}

static size_t predict_linear(const struct trivet_plan *plan, const struct trivet_row_view *rows,
                             bool nan_is_missing, double *out, struct trivet_row_status *status,
                             void *scratch)
{
    const size_t n_outputs = plan->n_outputs;
    const size_t n_equations = plan->equations.n_equations;
    size_t n_faults = 0;
    trivet_linalg_centred(rows, &plan->equations, out, n_outputs);
    if (!plan->probabilities &&
        (!TRIVET_CHECKS || (are_fine(status, rows->n_rows) &&
                            trivet_values_are_finite(out, rows->n_rows * n_outputs)))) {
        return 0;
    }
    for (size_t i = 0; i < rows->n_rows; i++) {
        double *z = &out[i * n_outputs];
        if (!all_finite(z, n_equations)) {
            walk_linear(plan, trivet_row_view_at(rows, i), rows->single, nan_is_missing, z,
                        &status[i], scratch);
        }
        if (plan->probabilities) {
            trivet_linear_model_probabilities(z, n_equations);
        }
        n_faults += finish_row(z, n_outputs, &status[i]);
    }
    return n_faults;
}

/* A row's features in their order, of inputs in another one; false when an input is not finite. */
static bool gather(const struct trivet_plan *plan, const void *row, bool single, double *gathered)
{
    for (size_t k = 0; k < plan->n_features; k++) {
        gathered[k] = number_at(row, single, plan->columns[k].source);
    }
    return trivet_linalg_row_is_finite(row, single, plan->n_inputs);
}

/* Features of a row as doubles. `spare` is a row's room. */
static void fill_row(const struct trivet_plan *plan, const void *row, bool single,
                     bool nan_is_missing, double *features, struct trivet_row_status *status,
                     double *spare)
{
    const struct trivet_linalg_scaling *scaling = plan->scales ? &plan->scaling : NULL;
    const void *from = row;
    bool from_single = single;
    bool finite = status->fault == TRIVET_ROW_FINE;
    if (finite && !plan->in_place) {
        finite = gather(plan, row, single, spare);
        from = spare;
        from_single = false;
    }
    if (!finite || !trivet_linalg_scale_row(from, from_single, plan->n_features, scaling,
                                            plan->exact, features)) {
        make_features(plan, row, single, nan_is_missing, features, status);
    }
}

static void predict_block(const struct trivet_plan *plan, const struct trivet_row_view *rows,
                          bool nan_is_missing, double *out, struct trivet_row_status *status,
                          void *scratch)
{
    const size_t width = width_of(plan);
    double *features = scratch;
    double *spare = &features[rows->n_rows * width];
    for (size_t i = 0; i < rows->n_rows; i++) {
        fill_row(plan, trivet_row_view_at(rows, i), rows->single, nan_is_missing,
                 &features[i * width], &status[i], spare);
    }
    plan->estimator->predict_in(
        plan->state, (struct trivet_const_matrix){features, rows->n_rows, plan->n_features, width},
        (struct trivet_matrix){out, rows->n_rows, plan->n_outputs, plan->n_outputs}, &spare[width]);
}

/* Features of a row as floats, at `features` if they have to be made; returns where they are. */
static const void *fill_single(const struct trivet_plan *plan, const void *row, bool nan_is_missing,
                               float *features, struct trivet_row_status *status, double *spare)
{
    if (status->fault == TRIVET_ROW_FINE && plan->in_place) {
        if (!plan->scales && trivet_linalg_row_is_finite(row, true, plan->n_features)) {
            return row;
        }
        if (plan->scales &&
            trivet_linalg_scale_row_single(row, plan->n_features, &plan->scaling, features)) {
            return features;
        }
    }
    fill_row(plan, row, true, nan_is_missing, spare, status, &spare[width_of(plan)]);
    for (size_t k = 0; k < plan->n_features; k++) {
        features[k] = (float)spare[k];
        if (isinf(features[k])) {
            trivet_row_set_fault(status, TRIVET_ROW_OVERFLOW, 0);
        }
    }
    return features;
}

/* The same in single precision. */
static void predict_block_single(const struct trivet_plan *plan, const struct trivet_row_view *rows,
                                 bool nan_is_missing, double *out, struct trivet_row_status *status,
                                 void *scratch)
{
    const size_t width = width_of(plan);
    const size_t n_rows = rows->n_rows;
    const void **pointers = scratch;
    float *features = (float *)(void *)((char *)scratch + line_up(n_rows * sizeof(void *)));
    double *spare =
        (double *)(void *)((char *)features + line_up(n_rows * width * sizeof *features));
    for (size_t i = 0; i < n_rows; i++) {
        pointers[i] = fill_single(plan, trivet_row_view_at(rows, i), nan_is_missing,
                                  &features[i * width], &status[i], spare);
    }
    const struct trivet_row_view view = {.n_rows = n_rows, .single = true, .rows = pointers};
    plan->estimator->single->predict(
        plan->single, &view, (struct trivet_matrix){out, n_rows, plan->n_outputs, plan->n_outputs},
        &spare[2 * width]);
}

size_t trivet_plan_predict(const struct trivet_plan *plan, const struct trivet_row_view *rows,
                           bool nan_is_missing, double *out, struct trivet_row_status *status,
                           void *scratch)
{
    const size_t n_outputs = plan->n_outputs;
    if (plan->is_linear) {
        return predict_linear(plan, rows, nan_is_missing, out, status, scratch);
    }
    const bool single = rows->single && plan->single != NULL;
    const size_t n_block = trivet_plan_block_rows(plan, rows->n_rows);
    size_t n_faults = 0;
    for (size_t first = 0; first < rows->n_rows; first += n_block) {
        const size_t n = rows->n_rows - first < n_block ? rows->n_rows - first : n_block;
        const struct trivet_row_view part = trivet_row_view_part(rows, first, n);
        double *to = &out[first * n_outputs];
        (single ? predict_block_single : predict_block)(plan, &part, nan_is_missing, to,
                                                        &status[first], scratch);
        for (size_t i = 0; i < n; i++) {
            n_faults += finish_row(&to[i * n_outputs], n_outputs, &status[first + i]);
        }
    }
    return n_faults;
}
