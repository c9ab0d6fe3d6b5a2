#include "base/alloc.h"
#include "linalg/affine.h"
#include "models/labels.h"
#include "models/linear_model.h"
#include "models/svm.h"
#include "models/tensors.h"

#include <string.h>

size_t trivet_svm_n_groups(const struct trivet_svm *model)
{
    return model->n_classes == 0 ? 1 : model->n_classes;
}

size_t trivet_svm_n_columns(const struct trivet_svm *model)
{
    return model->n_classes == 0 ? 1 : model->n_classes - 1;
}

size_t trivet_svm_pair(const struct trivet_svm *model, size_t i, size_t j)
{
    return i * (2 * model->n_classes - i - 1) / 2 + (j - i - 1);
}

void trivet_svm_set_norms(struct trivet_svm *model)
{
    size_t p = model->n_features;
    for (size_t s = 0; s < model->n_vectors; s++) {
        const double *vector = &model->vectors[s * p];
        model->norms[s] = trivet_linalg_dot(vector, vector, p);
    }
}

enum trivet_status trivet_svm_no_memory(struct trivet_error *err)
{
    return trivet_error_set(
        err, TRIVET_RESOURCE_EXHAUSTED,
        "out of memory in a support vector machine; use fewer rows or features");
}

static enum trivet_status put(struct trivet_arena *arena, Trivet__V1__Step *out, const char *name,
                              const double *values, size_t n, enum trivet_status status,
                              struct trivet_error *err)
{
    return status == TRIVET_OK ? trivet_tensors_put_f64(arena, out, name, values, n, err) : status;
}

enum trivet_status trivet_svm_save(const void *state, struct trivet_arena *arena,
                                   Trivet__V1__Step *out, struct trivet_error *err)
{
    const struct trivet_svm *model = state;
    size_t p = model->n_features;
    enum trivet_status status = trivet_tensors_begin(arena, 7, out, err);
    status = put(arena, out, "intercepts", model->intercepts, model->n_equations, status, err);
    if (model->weights != NULL) {
        status = put(arena, out, "weights", model->weights, model->n_equations * p, status, err);
    } else {
        status = put(arena, out, "gamma", &model->kernel.gamma, 1, status, err);
        status = put(arena, out, "shift", model->shift, p, status, err);
        status = put(arena, out, "vectors", model->vectors, model->n_vectors * p, status, err);
        status = put(arena, out, "coefficients", model->coefficients,
                     model->n_vectors * trivet_svm_n_columns(model), status, err);
        if (status == TRIVET_OK) {
            status = trivet_tensors_put_i64(arena, out, "counts", model->counts,
                                            trivet_svm_n_groups(model), err);
        }
    }
    if (model->calibration != NULL) {
        status =
            put(arena, out, "calibration", model->calibration, 2 * model->n_equations, status, err);
    }
    return status;
}

/* A copy of tensor `name`; `*n` values where it is not 0, else as many as there are. */
static enum trivet_status take(const Trivet__V1__Step *step, const char *name, size_t *n,
                               double **out, struct trivet_error *err)
{
    const double *values = NULL;
    size_t n_found = 0;
    enum trivet_status status = trivet_tensors_get_f64(step, name, &values, &n_found, err);
    if (status == TRIVET_OK && n_found != *n && (*n != 0 || n_found == 0)) {
        status = trivet_tensors_wrong_count(step, name, n_found, *n == 0 ? 1 : *n, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    *out = trivet_memdup(values, n_found * sizeof(double));
    *n = n_found;
    return *out != NULL ? TRIVET_OK : trivet_svm_no_memory(err);
}

/* Classes of that many pairs; 0: of no number of classes. */
static size_t classes_of(size_t n_pairs)
{
    for (size_t k = 2; k <= TRIVET_CLASSES_MAX; k++) {
        if (k * (k - 1) / 2 == n_pairs) {
            return k;
        }
    }
    return 0;
}

static enum trivet_status load_equations(struct trivet_svm *model, bool calibrated,
                                         const Trivet__V1__Step *step, struct trivet_error *err)
{
    enum trivet_status status =
        take(step, "intercepts", &model->n_equations, &model->intercepts, err);
    if (status != TRIVET_OK) {
        return status;
    }
    if (model->n_classes == 0) {
        if (model->n_equations != 1) {
            return trivet_tensors_wrong_count(step, "intercepts", model->n_equations, 1, err);
        }
    } else {
        model->n_classes = classes_of(model->n_equations);
        if (model->n_classes == 0) {
            return trivet_error_set(err, TRIVET_DATA_LOSS,
                                    "the saved state of '%s' is damaged: %zu intercepts are those "
                                    "of no number of classes",
                                    step->name, model->n_equations);
        }
    }
    size_t n_calibration = 2 * model->n_equations;
    return calibrated ? take(step, "calibration", &n_calibration, &model->calibration, err)
                      : TRIVET_OK;
}

static enum trivet_status load_counts(struct trivet_svm *model, const Trivet__V1__Step *step,
                                      struct trivet_error *err)
{
    const int64_t *counts = NULL;
    size_t n = 0;
    size_t n_groups = trivet_svm_n_groups(model);
    enum trivet_status status = trivet_tensors_get_i64(step, "counts", &counts, &n, err);
    if (status == TRIVET_OK && n != n_groups) {
        status = trivet_tensors_wrong_count(step, "counts", n, n_groups, err);
    }
    for (size_t g = 0; status == TRIVET_OK && g < n_groups; g++) {
        if (counts[g] < 0 || counts[g] > INT32_MAX) {
            status = trivet_error_set(err, TRIVET_DATA_LOSS,
                                      "the saved state of '%s' is damaged: %lld support vectors",
                                      step->name, (long long)counts[g]);
        } else {
            model->n_vectors += (size_t)counts[g];
        }
    }
    if (status != TRIVET_OK) {
        return status;
    }
    model->counts = trivet_memdup(counts, n_groups * sizeof *counts);
    return model->counts != NULL ? TRIVET_OK : trivet_svm_no_memory(err);
}

/* A regression whose rows all lie within epsilon has no support vectors. */
static enum trivet_status take_vectors(const Trivet__V1__Step *step, const char *name, size_t n,
                                       double **out, struct trivet_error *err)
{
    const double *values = NULL;
    if (n > 0) {
        return take(step, name, &n, out, err);
    }
    enum trivet_status status = trivet_tensors_get_f64_exactly(step, name, 0, &values, err);
    if (status != TRIVET_OK) {
        return status;
    }
    *out = trivet_alloc_array(1, sizeof **out);
    return *out != NULL ? TRIVET_OK : trivet_svm_no_memory(err);
}

static enum trivet_status load_vectors(struct trivet_svm *model, const Trivet__V1__Step *step,
                                       struct trivet_error *err)
{
    const double *gamma = NULL;
    enum trivet_status status = trivet_tensors_get_f64_exactly(step, "gamma", 1, &gamma, err);
    if (status == TRIVET_OK) {
        model->kernel.gamma = *gamma;
        status = take(step, "shift", &model->n_features, &model->shift, err);
    }
    if (status == TRIVET_OK) {
        status = load_counts(model, step, err);
    }
    if (status == TRIVET_OK) {
        status = take_vectors(step, "vectors", model->n_vectors * model->n_features,
                              &model->vectors, err);
    }
    if (status == TRIVET_OK) {
        status = take_vectors(step, "coefficients", model->n_vectors * trivet_svm_n_columns(model),
                              &model->coefficients, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    model->norms = trivet_alloc_array(model->n_vectors, sizeof(double));
    if (model->norms == NULL) {
        return trivet_svm_no_memory(err);
    }
    trivet_svm_set_norms(model);
    return TRIVET_OK;
}

static enum trivet_status load_weights(struct trivet_svm *model, const Trivet__V1__Step *step,
                                       struct trivet_error *err)
{
    size_t n = 0;
    enum trivet_status status = take(step, "weights", &n, &model->weights, err);
    if (status == TRIVET_OK && n % model->n_equations != 0) {
        status = trivet_tensors_wrong_count(step, "weights", n, n - n % model->n_equations, err);
    }
    model->n_features = n / model->n_equations;
    return status;
}

enum trivet_status trivet_svm_load(struct trivet_svm *model, bool calibrated,
                                   const Trivet__V1__Step *step, struct trivet_error *err)
{
    bool linear = model->kernel.kind == TRIVET_SVM_LINEAR;
    enum trivet_status status =
        trivet_tensors_expect(step, (linear ? 2U : 6U) + (calibrated ? 1U : 0U), err);
    if (status == TRIVET_OK) {
        status = load_equations(model, calibrated, step, err);
    }
    if (status == TRIVET_OK) {
        status = linear ? load_weights(model, step, err) : load_vectors(model, step, err);
    }
    if (status != TRIVET_OK) {
        trivet_svm_release(model);
    }
    return status;
}

bool trivet_svm_linear(const void *state, struct trivet_linear_model *equations)
{
    const struct trivet_svm *model = state;
    if (model->weights == NULL || model->calibration != NULL) {
        return false;
    }
    *equations = (struct trivet_linear_model){.n_equations = model->n_equations,
                                              .n_features = model->n_features,
                                              .coefficients = model->weights,
                                              .intercepts = model->intercepts};
    return true;
}

size_t trivet_svm_n_features(const void *state)
{
    return ((const struct trivet_svm *)state)->n_features;
}

size_t trivet_svm_n_outputs(const void *state)
{
    const struct trivet_svm *model = state;
    return model->calibration != NULL ? model->n_classes : model->n_equations;
}

enum trivet_output_kind trivet_svm_output_kind(const void *state)
{
    const struct trivet_svm *model = state;
    if (model->n_classes == 0) {
        return TRIVET_OUTPUT_VALUE;
    }
    if (model->calibration != NULL) {
        return TRIVET_OUTPUT_PROBABILITIES;
    }
    return model->n_classes == 2 ? TRIVET_OUTPUT_MARGINS : TRIVET_OUTPUT_PAIR_MARGINS;
}

size_t trivet_svm_memory_bytes(const void *state)
{
    const struct trivet_svm *model = state;
    size_t p = model->n_features;
    size_t vectors = model->n_vectors * (p + 1 + trivet_svm_n_columns(model));
    size_t equations = model->n_equations * (3 + (model->weights != NULL ? p : 0));
    return sizeof *model + (vectors + equations + p) * sizeof(double);
}

void trivet_svm_release(void *state)
{
    struct trivet_svm *model = state;
    trivet_free(model->intercepts);
    trivet_free(model->weights);
    trivet_free(model->counts);
    trivet_free(model->shift);
    trivet_free(model->vectors);
    trivet_free(model->norms);
    trivet_free(model->coefficients);
    trivet_free(model->calibration);
    memset(model, 0, sizeof *model);
}
