#include "models/linear_model.h"

#include "base/alloc.h"
#include "linalg/affine.h"
#include "models/tensors.h"

#include <math.h>
#include <string.h>

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory for linear equations; use fewer features");
}

static bool take_parameters(const double *theta, size_t n_equations, size_t n_features,
                            bool intercept, double **coefficients, double **intercepts)
{
    const size_t width = n_features + (intercept ? 1 : 0);
    *coefficients = trivet_alloc_array(n_equations * n_features, sizeof(double));
    *intercepts = trivet_calloc(n_equations, sizeof(double));
    if (*coefficients == NULL || *intercepts == NULL) {
        return false;
    }
    for (size_t k = 0; k < n_equations; k++) {
        memcpy(&(*coefficients)[k * n_features], &theta[k * width], n_features * sizeof(double));
        if (intercept) {
            (*intercepts)[k] = theta[k * width + n_features];
        }
    }
    return true;
}

enum trivet_status trivet_linear_model_set(struct trivet_linear_model *model, const double *theta,
                                           size_t n_equations, size_t n_features, bool intercept,
                                           struct trivet_fit_report *report,
                                           struct trivet_error *err)
{
    report->n_features = n_features;
    if (!take_parameters(theta, n_equations, n_features, intercept, &report->coefficients,
                         &report->intercepts) ||
        !take_parameters(theta, n_equations, n_features, intercept, &model->coefficients,
                         &model->intercepts)) {
        trivet_linear_model_release(model);
        return no_memory(err);
    }
    report->n_equations = n_equations;
    model->n_equations = n_equations;
    model->n_features = n_features;
    return TRIVET_OK;
}

void trivet_linear_model_margins(const struct trivet_linear_model *model,
                                 struct trivet_const_matrix x, struct trivet_matrix out)
{
    for (size_t k = 0; k < model->n_equations; k++) {
        trivet_linalg_affine(x, &model->coefficients[k * model->n_features], model->intercepts[k],
                             &out.data[k], out.stride);
    }
}

/* Two classes: 1 - p and p of the margin in the first column. */
static void expand(double *row)
{
    const double power = exp(-fabs(row[0]));
    const double smaller = power / (1.0 + power);
    const bool positive = row[0] >= 0.0;
    row[0] = positive ? smaller : 1.0 - smaller;
    row[1] = positive ? 1.0 - smaller : smaller;
}

static void softmax(double *row, size_t n)
{
    double greatest = row[0];
    double sum = 0.0;
    for (size_t k = 1; k < n; k++) {
        greatest = fmax(greatest, row[k]);
    }
    for (size_t k = 0; k < n; k++) {
        row[k] = exp(row[k] - greatest);
        sum += row[k];
    }
    for (size_t k = 0; k < n; k++) {
        row[k] /= sum;
    }
}

void trivet_linear_model_probabilities(double *row, size_t n_equations)
{
    if (n_equations == 1) {
        expand(row);
    } else {
        softmax(row, n_equations);
    }
}

enum trivet_status trivet_linear_model_check(const struct trivet_linear_model *model,
                                             const char *name, struct trivet_const_matrix x,
                                             struct trivet_matrix out, size_t n_outputs,
                                             struct trivet_error *err)
{
    if (x.n_cols == model->n_features && out.n_cols == n_outputs && out.n_rows == x.n_rows) {
        return TRIVET_OK;
    }
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "%s was trained on %zu features and has %zu outputs; given are %zu "
                            "features and %zu outputs",
                            name, model->n_features, n_outputs, x.n_cols, out.n_cols);
}

enum trivet_status trivet_linear_model_predict(const struct trivet_linear_model *model,
                                               const char *name, struct trivet_const_matrix x,
                                               struct trivet_matrix out, struct trivet_error *err)
{
    enum trivet_status status =
        trivet_linear_model_check(model, name, x, out, model->n_equations, err);
    if (status == TRIVET_OK) {
        trivet_linear_model_margins(model, x, out);
    }
    return status;
}

enum trivet_status trivet_linear_model_save(const void *state, struct trivet_arena *arena,
                                            Trivet__V1__Step *out, struct trivet_error *err)
{
    const struct trivet_linear_model *model = state;
    enum trivet_status status = trivet_tensors_begin(arena, 2, out, err);
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_f64(arena, out, "coefficients", model->coefficients,
                                        model->n_equations * model->n_features, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_f64(arena, out, "intercepts", model->intercepts,
                                        model->n_equations, err);
    }
    return status;
}

enum trivet_status trivet_linear_model_load(void *state, const struct trivet_params *params,
                                            const Trivet__V1__Step *step, struct trivet_error *err)
{
    (void)params;
    struct trivet_linear_model *model = state;
    const double *coefficients = NULL;
    const double *intercepts = NULL;
    size_t n_coefficients = 0;
    size_t n_equations = 0;
    enum trivet_status status = trivet_tensors_expect(step, 2, err);
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_f64(step, "coefficients", &coefficients, &n_coefficients, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_f64(step, "intercepts", &intercepts, &n_equations, err);
    }
    if (status == TRIVET_OK && n_equations == 0) {
        status = trivet_tensors_wrong_count(step, "intercepts", 0, 1, err);
    }
    if (status == TRIVET_OK && (n_coefficients == 0 || n_coefficients % n_equations != 0)) {
        status = trivet_tensors_wrong_count(step, "coefficients", n_coefficients, n_equations, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    model->coefficients = trivet_memdup(coefficients, n_coefficients * sizeof(double));
    model->intercepts = trivet_memdup(intercepts, n_equations * sizeof(double));
    if (model->coefficients == NULL || model->intercepts == NULL) {
        trivet_linear_model_release(model);
        return no_memory(err);
    }
    model->n_equations = n_equations;
    model->n_features = n_coefficients / n_equations;
    return TRIVET_OK;
}

enum trivet_status trivet_linear_model_load_classifier(void *state,
                                                       const struct trivet_params *params,
                                                       const Trivet__V1__Step *step,
                                                       struct trivet_error *err)
{
    const struct trivet_linear_model *model = state;
    enum trivet_status status = trivet_linear_model_load(state, params, step, err);
    if (status == TRIVET_OK && model->n_equations == 2) {
        trivet_linear_model_release(state);
        status = trivet_error_set(err, TRIVET_DATA_LOSS,
                                  "%s has two equations; two classes have one", step->name);
    }
    return status;
}

enum trivet_status trivet_linear_model_explain(const void *state, struct trivet_const_matrix x,
                                               const double *means, double *contributions,
                                               double *base, struct trivet_error *err)
{
    (void)err;
    const struct trivet_linear_model *model = state;
    const size_t n = model->n_features;
    for (size_t k = 0; k < model->n_equations; k++) {
        const double *w = &model->coefficients[k * n];
        base[k] = model->intercepts[k] + trivet_linalg_dot(w, means, n);
        for (size_t i = 0; i < x.n_rows; i++) {
            const double *row = &x.data[i * x.stride];
            double *out = &contributions[(i * model->n_equations + k) * n];
            for (size_t j = 0; j < n; j++) {
                out[j] = w[j] * (row[j] - means[j]);
            }
        }
    }
    return TRIVET_OK;
}

bool trivet_linear_model_linear(const void *state, struct trivet_linear_model *equations)
{
    *equations = *(const struct trivet_linear_model *)state;
    return true;
}

size_t trivet_linear_model_n_features(const void *state)
{
    return ((const struct trivet_linear_model *)state)->n_features;
}

size_t trivet_linear_model_n_equations(const void *state)
{
    return ((const struct trivet_linear_model *)state)->n_equations;
}

size_t trivet_linear_model_memory_bytes(const void *state)
{
    const struct trivet_linear_model *model = state;
    return sizeof *model + model->n_equations * (model->n_features + 1) * sizeof(double);
}

void trivet_linear_model_release(void *state)
{
    struct trivet_linear_model *model = state;
    trivet_free(model->coefficients);
    trivet_free(model->intercepts);
    *model = (struct trivet_linear_model){0};
}
