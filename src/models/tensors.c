#include "models/tensors.h"

#include <math.h>
#include <string.h>

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while saving the state of a step");
}

enum trivet_status trivet_tensors_begin(struct trivet_arena *arena, size_t n_max,
                                        Trivet__V1__Step *step, struct trivet_error *err)
{
    Trivet__V1__Tensor **state =
        trivet_arena_alloc_array(arena, n_max, sizeof(Trivet__V1__Tensor *));
    if (state == NULL) {
        return no_memory(err);
    }
    step->state = state;
    step->n_state = 0;
    return TRIVET_OK;
}

/* A tensor without values at the end of step->state, whose room trivet_tensors_begin made. */
static Trivet__V1__Tensor *append(struct trivet_arena *arena, Trivet__V1__Step *step,
                                  const char *name, size_t n)
{
    Trivet__V1__Tensor *tensor = trivet_arena_alloc(arena, sizeof *tensor);
    uint64_t *shape = trivet_arena_alloc(arena, sizeof *shape);
    char *copy = trivet_arena_strdup(arena, name);
    if (tensor == NULL || shape == NULL || copy == NULL) {
        return NULL;
    }
    *shape = n;
    trivet__v1__tensor__init(tensor);
    tensor->name = copy;
    tensor->n_shape = 1;
    tensor->shape = shape;
    step->state[step->n_state++] = tensor;
    return tensor;
}

enum trivet_status trivet_tensors_put_f64(struct trivet_arena *arena, Trivet__V1__Step *step,
                                          const char *name, const double *values, size_t n,
                                          struct trivet_error *err)
{
    Trivet__V1__Tensor *tensor = append(arena, step, name, n);
    if (tensor == NULL) {
        return no_memory(err);
    }
    tensor->n_f64 = n;
    tensor->f64 = (double *)(uintptr_t)values; /* packing only reads it */
    return TRIVET_OK;
}

enum trivet_status trivet_tensors_put_i64(struct trivet_arena *arena, Trivet__V1__Step *step,
                                          const char *name, const int64_t *values, size_t n,
                                          struct trivet_error *err)
{
    Trivet__V1__Tensor *tensor = append(arena, step, name, n);
    if (tensor == NULL) {
        return no_memory(err);
    }
    tensor->n_i64 = n;
    tensor->i64 = (int64_t *)(uintptr_t)values; /* packing only reads it */
    return TRIVET_OK;
}

enum trivet_status trivet_tensors_put_text(struct trivet_arena *arena, Trivet__V1__Step *step,
                                           const char *name, char **values, size_t n,
                                           struct trivet_error *err)
{
    Trivet__V1__Tensor *tensor = append(arena, step, name, n);
    if (tensor == NULL) {
        return no_memory(err);
    }
    tensor->n_text = n;
    tensor->text = values;
    return TRIVET_OK;
}

enum trivet_status trivet_tensors_expect(const Trivet__V1__Step *step, size_t n,
                                         struct trivet_error *err)
{
    if (step->n_state != n) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the saved state of '%s' is damaged: %zu tensors where %zu are due",
                                step->name, step->n_state, n);
    }
    return TRIVET_OK;
}

enum trivet_status trivet_tensors_wrong_count(const Trivet__V1__Step *step, const char *name,
                                              size_t n, size_t expected, struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_DATA_LOSS,
                            "the saved state of '%s' is damaged: tensor '%s' has %zu values where "
                            "%zu are due",
                            step->name, name, n, expected);
}

/* The only tensor of that name. */
static const Trivet__V1__Tensor *find(const Trivet__V1__Step *step, const char *name,
                                      struct trivet_error *err)
{
    const Trivet__V1__Tensor *found = NULL;
    for (size_t i = 0; i < step->n_state; i++) {
        if (strcmp(step->state[i]->name, name) == 0) {
            if (found != NULL) {
                trivet_error_set(err, TRIVET_DATA_LOSS,
                                 "the saved state of '%s' is damaged: two tensors '%s'", step->name,
                                 name);
                return NULL;
            }
            found = step->state[i];
        }
    }
    if (found == NULL) {
        trivet_error_set(err, TRIVET_DATA_LOSS,
                         "the saved state of '%s' is damaged: no tensor '%s'", step->name, name);
    }
    return found;
}

static enum trivet_status check_shape(const Trivet__V1__Step *step,
                                      const Trivet__V1__Tensor *tensor, size_t n_values,
                                      struct trivet_error *err)
{
    size_t n_all = tensor->n_f64 + tensor->n_i64 + tensor->n_text;
    if (tensor->n_shape != 1 || tensor->shape[0] != n_values || n_all != n_values) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the saved state of '%s' is damaged: the shape of tensor '%s' is "
                                "not that of its values",
                                step->name, tensor->name);
    }
    return TRIVET_OK;
}

enum trivet_status trivet_tensors_get_f64(const Trivet__V1__Step *step, const char *name,
                                          const double **values, size_t *n,
                                          struct trivet_error *err)
{
    const Trivet__V1__Tensor *tensor = find(step, name, err);
    if (tensor == NULL) {
        return TRIVET_DATA_LOSS;
    }
    enum trivet_status status = check_shape(step, tensor, tensor->n_f64, err);
    if (status != TRIVET_OK) {
        return status;
    }
    for (size_t i = 0; i < tensor->n_f64; i++) {
        if (!isfinite(tensor->f64[i])) {
            return trivet_error_set(err, TRIVET_DATA_LOSS,
                                    "the saved state of '%s' is damaged: value %zu of tensor '%s' "
                                    "is not a finite number",
                                    step->name, i, name);
        }
    }
    *values = tensor->f64;
    *n = tensor->n_f64;
    return TRIVET_OK;
}

enum trivet_status trivet_tensors_get_i64(const Trivet__V1__Step *step, const char *name,
                                          const int64_t **values, size_t *n,
                                          struct trivet_error *err)
{
    const Trivet__V1__Tensor *tensor = find(step, name, err);
    if (tensor == NULL) {
        return TRIVET_DATA_LOSS;
    }
    enum trivet_status status = check_shape(step, tensor, tensor->n_i64, err);
    if (status != TRIVET_OK) {
        return status;
    }
    *values = tensor->i64;
    *n = tensor->n_i64;
    return TRIVET_OK;
}

enum trivet_status trivet_tensors_get_text(const Trivet__V1__Step *step, const char *name,
                                           char *const **values, size_t *n,
                                           struct trivet_error *err)
{
    const Trivet__V1__Tensor *tensor = find(step, name, err);
    if (tensor == NULL) {
        return TRIVET_DATA_LOSS;
    }
    enum trivet_status status = check_shape(step, tensor, tensor->n_text, err);
    if (status != TRIVET_OK) {
        return status;
    }
    *values = tensor->text;
    *n = tensor->n_text;
    return TRIVET_OK;
}

enum trivet_status trivet_tensors_get_f64_exactly(const Trivet__V1__Step *step, const char *name,
                                                  size_t n, const double **values,
                                                  struct trivet_error *err)
{
    size_t n_found = 0;
    const double *found = NULL;
    enum trivet_status status = trivet_tensors_get_f64(step, name, &found, &n_found, err);
    if (status != TRIVET_OK) {
        return status;
    }
    if (n_found != n) {
        return trivet_tensors_wrong_count(step, name, n_found, n, err);
    }
    *values = found;
    return TRIVET_OK;
}
