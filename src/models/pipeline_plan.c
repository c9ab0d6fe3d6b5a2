/* What a plan is made of. */
#include "models/pipeline_plan.h"

#include "base/alloc.h"
#include "models/pipeline_internal.h"
#include "models/pipeline_plan_internal.h"

#include <math.h>
#include <string.h>

/* Arrays of `scaling`. */
enum { CENTRES, DIVISORS, OFFSETS, RATES, N_SCALING };

/* Of floats against doubles, on training rows that the artefact keeps; half of what is promised. */
#define SINGLE_ERROR_MAX 5e-7

void trivet_plan_free(struct trivet_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    if (plan->single != NULL) {
        plan->estimator->single->free(plan->single);
    }
    trivet_free(plan->columns);
    trivet_free(plan->arrays);
    trivet_free(plan);
}

size_t trivet_plan_memory_bytes(const struct trivet_plan *plan)
{
    size_t n_numbers = N_SCALING * (plan->n_features + TRIVET_LINALG_ROW_PADDING);
    if (plan->is_linear) {
        n_numbers += plan->n_inputs + plan->model.n_equations * (plan->n_inputs + 1);
    }
    size_t bytes = sizeof *plan + plan->n_features * sizeof(struct trivet_plan_column) +
                   n_numbers * sizeof(double);
    return plan->single == NULL ? bytes
                                : bytes + plan->estimator->single->memory_bytes(plan->single);
}

bool trivet_plan_is_single(const struct trivet_plan *plan)
{
    return plan->single != NULL;
}

/* The columns after `step`, from those before it. */
static bool fuse_step(const struct trivet_step *step, const struct trivet_plan_column *before,
                      struct trivet_plan_column *after)
{
    if (step->ops->fuse == NULL) {
        return false;
    }
    for (size_t n = 0; n < step->n_after; n++) {
        const size_t from = step->placement[n];
        if (from < step->n_before) {
            after[n] = before[from];
            continue;
        }
        const size_t output = from - step->n_before;
        after[n] = before[step->columns[step->ops->output_source(step->state, output)]];
        if (!step->ops->fuse(step->state, output, &after[n].fused)) {
            return false;
        }
    }
    return true;
}

/* The features as functions of the inputs. False: they are not. The columns are made anew for each
 * step: at most n_columns_max of them. */
static bool fuse_steps(const struct trivet_pipeline *pipeline, struct trivet_plan_column *room,
                       struct trivet_plan *plan)
{
    struct trivet_plan_column *now = plan->columns;
    struct trivet_plan_column *next = room;
    for (size_t j = 0; j < plan->n_inputs; j++) {
        if (pipeline->inputs.columns[j].type != TRIVET_COLUMN_NUMERIC) {
            return false;
        }
        now[j] = (struct trivet_plan_column){(uint32_t)j, trivet_fused_identity()};
    }
    for (size_t i = 0; i < pipeline->n_steps; i++) {
        if (!fuse_step(&pipeline->steps[i], now, next)) {
            return false;
        }
        struct trivet_plan_column *made = next;
        next = now;
        now = made;
    }
    if (now != plan->columns) {
        memcpy(plan->columns, now, plan->n_features * sizeof *now);
    }
    plan->in_place = plan->n_features == plan->n_inputs;
    for (size_t k = 0; k < plan->n_features; k++) {
        const struct trivet_plan_column *column = &plan->columns[k];
        plan->in_place = plan->in_place && column->source == k;
        plan->scales = plan->scales || !trivet_fused_is_identity(&column->fused);
        if (plan->exact && !column->fused.exact) {
            return false;
        }
    }
    return true;
}

static void set_scaling(struct trivet_plan *plan, double *arrays)
{
    const size_t width = plan->n_features + TRIVET_LINALG_ROW_PADDING;
    for (size_t k = 0; k < width; k++) {
        struct trivet_fused fused = trivet_fused_identity();
        if (k < plan->n_features) {
            fused = plan->columns[k].fused;
        }
        arrays[CENTRES * width + k] = fused.centre;
        arrays[DIVISORS * width + k] = fused.divisor;
        arrays[OFFSETS * width + k] = fused.offset;
        arrays[RATES * width + k] = 1.0 / fused.divisor;
    }
    plan->scaling = (struct trivet_linalg_scaling){
        .centres = &arrays[CENTRES * width],
        .divisors = &arrays[DIVISORS * width],
        .offsets = &arrays[OFFSETS * width],
        .rates = &arrays[RATES * width],
    };
}

/* w·((x - c) / d + o) of each feature becomes (w / d)·(x - c) of its input, and w o of the
 * intercept. False: a number overflows. */
static bool set_equations(struct trivet_plan *plan, double *arrays)
{
    const size_t n_equations = plan->model.n_equations;
    double *centres = arrays;
    double *weights = &arrays[plan->n_inputs];
    double *intercepts = &weights[n_equations * plan->n_inputs];
    memset(arrays, 0, plan->n_inputs * (n_equations + 1) * sizeof *arrays);
    memcpy(intercepts, plan->model.intercepts, n_equations * sizeof *intercepts);
    bool ok = true;
    for (size_t k = 0; k < plan->n_features; k++) {
        const struct trivet_fused *fused = &plan->columns[k].fused;
        const size_t source = plan->columns[k].source;
        if (!isinf(fused->divisor)) {
            centres[source] = fused->centre;
        }
        for (size_t e = 0; e < n_equations; e++) {
            const double w = plan->model.coefficients[e * plan->n_features + k];
            double *to = &weights[e * plan->n_inputs + source];
            *to += w / fused->divisor;
            intercepts[e] += w * fused->offset;
            ok = ok && isfinite(*to) && isfinite(intercepts[e]);
        }
    }
    plan->equations = (struct trivet_linalg_equations){.n_equations = n_equations,
                                                       .n_cols = plan->n_inputs,
                                                       .weights = weights,
                                                       .centres = centres,
                                                       .intercepts = intercepts};
    return ok;
}

/* No two features of an input take different centres off it: `equations` have the last one's. */
static bool centres_agree(const struct trivet_plan *plan)
{
    for (size_t k = 0; k < plan->n_features; k++) {
        const struct trivet_plan_column *column = &plan->columns[k];
        if (!isinf(column->fused.divisor) &&
            plan->equations.centres[column->source] != column->fused.centre) {
            return false;
        }
    }
    return true;
}

/* Whether the single-precision copy is good enough on rows of the training data. */
static enum trivet_status check_single(struct trivet_plan *plan, bool *good,
                                       struct trivet_error *err)
{
    const struct trivet_pipeline *pipeline = plan->pipeline;
    const struct trivet_single_ops *ops = plan->estimator->single;
    const size_t n_rows = pipeline->n_background;
    const size_t n = plan->n_features;
    double *out = trivet_alloc_array(2 * n_rows, plan->n_outputs * sizeof *out);
    float *x = trivet_alloc_array(n_rows, n * sizeof *x);
    void *scratch = trivet_alloc_aligned(ops->scratch_bytes(plan->single, n_rows), 1);
    enum trivet_status status = TRIVET_OK;
    *good = true;
    if (out == NULL || x == NULL || scratch == NULL) {
        status = trivet_pipeline_no_memory(err);
        goto done;
    }
    for (size_t i = 0; i < n_rows * n; i++) {
        x[i] = (float)pipeline->background[i];
    }
    double *exact = &out[n_rows * plan->n_outputs];
    ops->predict(plan->single,
                 &(struct trivet_row_view){
                     .n_rows = n_rows, .single = true, .first = x, .stride_bytes = n * sizeof *x},
                 (struct trivet_matrix){out, n_rows, plan->n_outputs, plan->n_outputs}, scratch);
    status = trivet_pipeline_estimate(
        pipeline, (struct trivet_const_matrix){pipeline->background, n_rows, n, n},
        (struct trivet_matrix){exact, n_rows, plan->n_outputs, plan->n_outputs}, err);
    for (size_t i = 0; status == TRIVET_OK && i < n_rows * plan->n_outputs; i++) {
        double size = plan->probabilities ? 1.0 : fmax(1.0, fabs(exact[i]));
        *good = *good && fabs(out[i] - exact[i]) <= SINGLE_ERROR_MAX * size;
    }
done:
    trivet_free(out);
    trivet_free(x);
    trivet_free(scratch);
    return status;
}

static enum trivet_status make_single(struct trivet_plan *plan, struct trivet_error *err)
{
    bool good = false;
    enum trivet_status status = plan->estimator->single->create(plan->state, &plan->single, err);
    if (status == TRIVET_OK && plan->pipeline->n_background > 0) {
        status = check_single(plan, &good, err);
    }
    if (status == TRIVET_OK && !good) {
        plan->estimator->single->free(plan->single);
        plan->single = NULL;
    }
    return status;
}

/* *possible: the pipeline has such a way. */
static enum trivet_status compile(struct trivet_plan *plan, struct trivet_plan_column *room,
                                  bool *possible, struct trivet_error *err)
{
    const struct trivet_estimator_ops *estimator = plan->estimator;
    const size_t n_scaling = N_SCALING * (plan->n_features + TRIVET_LINALG_ROW_PADDING);
    plan->is_linear = estimator->linear != NULL && estimator->linear(plan->state, &plan->model);
    *possible = (plan->is_linear || estimator->predict_in != NULL) &&
                fuse_steps(plan->pipeline, room, plan);
    if (!*possible) {
        return TRIVET_OK;
    }
    const size_t n_linear =
        plan->is_linear ? plan->n_inputs + plan->model.n_equations * (plan->n_inputs + 1) : 0;
    plan->arrays = trivet_alloc_aligned(n_scaling + n_linear, sizeof(double));
    if (plan->arrays == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    set_scaling(plan, plan->arrays);
    if (plan->is_linear) {
        *possible = set_equations(plan, &plan->arrays[n_scaling]) && centres_agree(plan);
    } else if (estimator->single != NULL) {
        return make_single(plan, err);
    }
    return TRIVET_OK;
}

enum trivet_status trivet_plan_create(const struct trivet_pipeline *pipeline,
                                      struct trivet_plan **out, struct trivet_error *err)
{
    bool possible = false;
    if (pipeline->state == NULL) {
        return trivet_pipeline_refuse_unfitted(err);
    }
    struct trivet_plan *plan = trivet_calloc(1, sizeof *plan);
    struct trivet_plan_column *room = trivet_alloc_array(pipeline->n_columns_max + 1, sizeof *room);
    enum trivet_status status = TRIVET_OK;
    if (plan == NULL || room == NULL) {
        status = trivet_pipeline_no_memory(err);
        goto done;
    }
    *plan = (struct trivet_plan){
        .pipeline = pipeline,
        .estimator = pipeline->estimator,
        .state = pipeline->state,
        .n_inputs = pipeline->inputs.n_columns,
        .n_features = pipeline->layout.n_features,
        .n_outputs = trivet_pipeline_n_outputs(pipeline),
        .probabilities = trivet_pipeline_output_kind(pipeline) == TRIVET_OUTPUT_PROBABILITIES,
        .exact = pipeline->estimator->exact_features,
    };
    plan->columns = trivet_alloc_array(pipeline->n_columns_max + 1, sizeof *plan->columns);
    status = plan->columns == NULL ? trivet_pipeline_no_memory(err)
                                   : compile(plan, room, &possible, err);
    if (status == TRIVET_OK) {
        *out = possible ? plan : NULL;
        plan = possible ? NULL : plan;
    }
done:
    trivet_free(room);
    trivet_plan_free(plan);
    return status;
}
