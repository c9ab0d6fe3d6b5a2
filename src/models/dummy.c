#include "models/dummy.h"

#include "base/alloc.h"
#include "models/tensors.h"
#include "models/transformer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Shares of classes that were saved add up to 1 but for rounding. */
#define SUM_TOLERANCE 1e-9

struct dummy {
    int64_t n_features;
    size_t n_values;
    double *values; /* owned; what every row is answered with */
};

static const char *const regressor_strategies[] = {"mean", "median", "quantile", "constant", NULL};
static const char *const classifier_strategies[] = {"prior", "most_frequent", "uniform", NULL};

static const struct trivet_param_spec regressor_params[] = {
    {.name = "strategy",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "mean",
     .choices = regressor_strategies,
     .help = "what of the training target is predicted for every row"},
    {.name = "quantile",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.5",
     .min = 0.0,
     .max = 1.0,
     .help = "of strategy=quantile: 0 is the least target, 0.5 the median, 1 the greatest"},
    {.name = "constant",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0",
     .min = -INFINITY,
     .max = INFINITY,
     .min_open = true,
     .max_open = true,
     .help = "the prediction of strategy=constant"},
    {.name = NULL},
};

static const struct trivet_param_spec classifier_params[] = {
    {.name = "strategy",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "prior",
     .choices = classifier_strategies,
     .help = "prior: the classes' shares of the training rows; most_frequent: 1 for the most "
             "frequent class; uniform: the same for each"},
    {.name = NULL},
};

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory in a dummy estimator");
}

static void dummy_release(void *state)
{
    struct dummy *model = state;
    trivet_free(model->values);
    model->values = NULL;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static double mean_of(const double *y, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += y[i];
    }
    double mean = sum / (double)n;
    double rest = 0.0; /* what rounding of a great sum took away */
    for (size_t i = 0; i < n; i++) {
        rest += y[i] - mean;
    }
    return mean + rest / (double)n;
}

/* Quantile q of n >= 1 values, which are sorted here. */
static double quantile_of(double *values, size_t n, double q)
{
    qsort(values, n, sizeof *values, compare);
    double at = q * (double)(n - 1);
    size_t below = (size_t)at;
    size_t above = below + 1 < n ? below + 1 : below;
    return values[below] + (at - (double)below) * (values[above] - values[below]);
}

static enum trivet_status answer_with(struct dummy *model, const struct trivet_fit_data *data,
                                      double *values, size_t n_values,
                                      struct trivet_fit_report *report)
{
    model->n_features = (int64_t)data->x.n_cols;
    model->values = values;
    model->n_values = n_values;
    report->converged = true;
    return TRIVET_OK;
}

static enum trivet_status regressor_fit(void *state, const struct trivet_params *params,
                                        const struct trivet_fit_data *data,
                                        const struct trivet_fit_context *context,
                                        struct trivet_fit_report *report, struct trivet_error *err)
{
    (void)context;
    const char *strategy = trivet_params_choice(params, "strategy");
    size_t n = data->x.n_rows;
    double *value = trivet_alloc_array(1, sizeof *value);
    double *sorted = NULL;
    if (value == NULL) {
        return no_memory(err);
    }
    if (strcmp(strategy, "mean") == 0) {
        *value = mean_of(data->y, n);
    } else if (strcmp(strategy, "constant") == 0) {
        *value = trivet_params_real(params, "constant");
    } else {
        double q = strcmp(strategy, "median") == 0 ? 0.5 : trivet_params_real(params, "quantile");
        sorted = trivet_memdup(data->y, n * sizeof(double));
        if (sorted == NULL) {
            trivet_free(value);
            return no_memory(err);
        }
        *value = quantile_of(sorted, n, q);
        trivet_free(sorted);
    }
    return answer_with(state, data, value, 1, report);
}

static enum trivet_status classifier_fit(void *state, const struct trivet_params *params,
                                         const struct trivet_fit_data *data,
                                         const struct trivet_fit_context *context,
                                         struct trivet_fit_report *report, struct trivet_error *err)
{
    (void)context;
    const char *strategy = trivet_params_choice(params, "strategy");
    size_t n_classes = data->n_classes;
    double *shares = trivet_calloc(n_classes, sizeof *shares);
    if (shares == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < data->x.n_rows; i++) {
        shares[(size_t)data->y[i]] += 1.0;
    }
    size_t most = 0;
    for (size_t k = 1; k < n_classes; k++) {
        most = shares[k] > shares[most] ? k : most;
    }
    for (size_t k = 0; k < n_classes; k++) {
        if (strcmp(strategy, "prior") == 0) {
            shares[k] /= (double)data->x.n_rows;
        } else if (strcmp(strategy, "uniform") == 0) {
            shares[k] = 1.0 / (double)n_classes;
        } else {
            shares[k] = k == most ? 1.0 : 0.0;
        }
    }
    return answer_with(state, data, shares, n_classes, report);
}

static enum trivet_status dummy_predict(const void *state, struct trivet_const_matrix x,
                                        struct trivet_matrix out, struct trivet_error *err)
{
    const struct dummy *model = state;
    if (x.n_cols != (size_t)model->n_features || out.n_cols != model->n_values ||
        out.n_rows != x.n_rows) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the model was trained on %zu features and has %zu outputs; given "
                                "are %zu features and %zu outputs",
                                (size_t)model->n_features, model->n_values, x.n_cols, out.n_cols);
    }
    for (size_t i = 0; i < x.n_rows; i++) {
        memcpy(&out.data[i * out.stride], model->values, model->n_values * sizeof(double));
    }
    return TRIVET_OK;
}

static enum trivet_status dummy_save(const void *state, struct trivet_arena *arena,
                                     Trivet__V1__Step *out, struct trivet_error *err)
{
    const struct dummy *model = state;
    enum trivet_status status = trivet_tensors_begin(arena, 2, out, err);
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_i64(arena, out, "n_features", &model->n_features, 1, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_f64(arena, out, "values", model->values, model->n_values, err);
    }
    return status;
}

static enum trivet_status load_values(struct dummy *model, const Trivet__V1__Step *step,
                                      const double **values, struct trivet_error *err)
{
    const int64_t *n_features = NULL;
    size_t n = 0;
    enum trivet_status status = trivet_tensors_expect(step, 2, err);
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_i64(step, "n_features", &n_features, &n, err);
    }
    if (status == TRIVET_OK && n != 1) {
        status = trivet_tensors_wrong_count(step, "n_features", n, 1, err);
    }
    if (status == TRIVET_OK && (*n_features < 1 || *n_features > TRIVET_FEATURES_MAX)) {
        status = trivet_error_set(err, TRIVET_DATA_LOSS,
                                  "the saved state of '%s' is damaged: it has %lld features",
                                  step->name, (long long)*n_features);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_f64(step, "values", values, &model->n_values, err);
    }
    if (status == TRIVET_OK) {
        model->n_features = *n_features;
    }
    return status;
}

static enum trivet_status keep_values(struct dummy *model, const struct dummy *loaded,
                                      const double *values, struct trivet_error *err)
{
    double *copy = trivet_memdup(values, loaded->n_values * sizeof(double));
    if (copy == NULL) {
        return no_memory(err);
    }
    *model = *loaded;
    model->values = copy;
    return TRIVET_OK;
}

static enum trivet_status regressor_load(void *state, const struct trivet_params *params,
                                         const Trivet__V1__Step *step, struct trivet_error *err)
{
    (void)params;
    struct dummy loaded = {0};
    const double *values = NULL;
    enum trivet_status status = load_values(&loaded, step, &values, err);
    if (status == TRIVET_OK && loaded.n_values != 1) {
        status = trivet_tensors_wrong_count(step, "values", loaded.n_values, 1, err);
    }
    return status == TRIVET_OK ? keep_values(state, &loaded, values, err) : status;
}

static enum trivet_status classifier_load(void *state, const struct trivet_params *params,
                                          const Trivet__V1__Step *step, struct trivet_error *err)
{
    (void)params;
    struct dummy loaded = {0};
    const double *values = NULL;
    enum trivet_status status = load_values(&loaded, step, &values, err);
    if (status != TRIVET_OK) {
        return status;
    }
    if (loaded.n_values < 2) {
        return trivet_tensors_wrong_count(step, "values", loaded.n_values, 2, err);
    }
    double sum = 0.0;
    bool negative = false;
    for (size_t k = 0; k < loaded.n_values; k++) {
        sum += values[k];
        negative = negative || values[k] < 0.0;
    }
    if (negative || !(fabs(sum - 1.0) <= SUM_TOLERANCE)) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the saved state of '%s' is damaged: its values are not "
                                "probabilities",
                                step->name);
    }
    return keep_values(state, &loaded, values, err);
}

static size_t dummy_n_features(const void *state)
{
    return (size_t)((const struct dummy *)state)->n_features;
}

static size_t dummy_n_outputs(const void *state)
{
    return ((const struct dummy *)state)->n_values;
}

static enum trivet_output_kind regressor_output_kind(const void *state)
{
    (void)state;
    return TRIVET_OUTPUT_VALUE;
}

static enum trivet_output_kind classifier_output_kind(const void *state)
{
    (void)state;
    return TRIVET_OUTPUT_PROBABILITIES;
}

static size_t dummy_memory_bytes(const void *state)
{
    const struct dummy *model = state;
    return sizeof *model + model->n_values * sizeof(double);
}

const struct trivet_estimator_ops trivet_dummy_regressor_ops = {
    .name = "dummy_regressor",
    .summary = "baseline: the same number for every row",
    .task = TRIVET_TASK_REGRESSION,
    .state_bytes = sizeof(struct dummy),
    .params = regressor_params,
    .fit = regressor_fit,
    .predict = dummy_predict,
    .save = dummy_save,
    .load = regressor_load,
    .n_features = dummy_n_features,
    .n_outputs = dummy_n_outputs,
    .output_kind = regressor_output_kind,
    .memory_bytes = dummy_memory_bytes,
    .release = dummy_release,
};

const struct trivet_estimator_ops trivet_dummy_classifier_ops = {
    .name = "dummy_classifier",
    .summary = "baseline: the same probabilities for every row",
    .task = TRIVET_TASK_CLASSIFICATION,
    .state_bytes = sizeof(struct dummy),
    .params = classifier_params,
    .fit = classifier_fit,
    .predict = dummy_predict,
    .save = dummy_save,
    .load = classifier_load,
    .n_features = dummy_n_features,
    .n_outputs = dummy_n_outputs,
    .output_kind = classifier_output_kind,
    .memory_bytes = dummy_memory_bytes,
    .release = dummy_release,
};
