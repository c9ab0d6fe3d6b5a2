#include "models/mlp.h"

#include "base/alloc.h"
#include "base/text.h"
#include "models/mlp_network.h"
#include "models/mlp_params.h"
#include "models/mlp_single.h"
#include "models/mlp_train.h"
#include "models/tensors.h"

#include <math.h>
#include <string.h>

#define TENSOR_NAME_BYTES 32
/* A feature whose root mean square is above this is far from what initial weights expect: 1. */
#define ROOT_MEAN_SQUARE_MAX 30.0

struct mlp {
    struct trivet_mlp_network network;
    int64_t widths[TRIVET_MLP_LAYERS_MAX + 1]; /* the network's, as saved */
};

static enum trivet_status mlp_init(struct mlp *model, const struct trivet_params *params,
                                   enum trivet_mlp_output output, size_t n_features,
                                   size_t n_classes, struct trivet_error *err)
{
    struct trivet_mlp_network *network = &model->network;
    enum trivet_status status =
        trivet_mlp_network_init(network, trivet_mlp_params_activation(params), output, n_features,
                                trivet_params_int_list(params, "hidden_layers"), n_classes, err);
    if (status == TRIVET_OK) {
        for (size_t l = 0; l <= network->n_layers; l++) {
            model->widths[l] = (int64_t)network->widths[l];
        }
    }
    return status;
}

static void mlp_release(void *state)
{
    trivet_mlp_network_release(&((struct mlp *)state)->network);
}

/* Mean and deviation of `n` numbers, in two passes. */
static void moments(const double *values, size_t n, double *mean, double *deviation)
{
    double sum = 0.0;
    double squares = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += (values[i] - sum) / (double)(i + 1);
    }
    for (size_t i = 0; i < n; i++) {
        double d = values[i] - sum;
        squares += d * d;
    }
    *mean = sum;
    *deviation = sqrt(squares / (double)n);
}

/* Which features say nothing, and whether some are far from the scale that layers expect. */
static enum trivet_status look_at_features(struct trivet_const_matrix x,
                                           struct trivet_fit_report *report,
                                           struct trivet_error *err)
{
    size_t n_constant = 0;
    size_t n_large = 0;
    double largest = 0.0;
    size_t worst = 0;
    double *sums = trivet_calloc(x.n_cols, 2 * sizeof(double));
    bool *constant = trivet_calloc(x.n_cols, sizeof(bool));
    if (sums == NULL || constant == NULL) {
        trivet_free(sums);
        trivet_free(constant);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory while looking at %zu features; use fewer", x.n_cols);
    }
    double *changes = &sums[x.n_cols];
    for (size_t i = 0; i < x.n_rows; i++) {
        const double *row = &x.data[i * x.stride];
        for (size_t j = 0; j < x.n_cols; j++) {
            sums[j] += row[j] * row[j];
            changes[j] += row[j] != x.data[j] ? 1.0 : 0.0;
        }
    }
    for (size_t j = 0; j < x.n_cols; j++) {
        double size = sqrt(sums[j] / (double)x.n_rows);
        constant[j] = changes[j] == 0.0;
        n_constant += constant[j] ? 1 : 0;
        n_large += size > ROOT_MEAN_SQUARE_MAX ? 1 : 0;
        if (size > largest) {
            largest = size;
            worst = j;
        }
    }
    trivet_free(sums);
    report->n_features = x.n_cols;
    report->constant = constant;
    if (n_constant > 0) {
        trivet_fit_report_warn(report, "%zu of %zu features have a single value and say nothing",
                               n_constant, x.n_cols);
    }
    if (n_large > 0) {
        trivet_fit_report_warn(report,
                               "%zu of %zu features look unscaled, feature %zu with values round "
                               "%.3g: a network trains badly on them; scale them first",
                               n_large, x.n_cols, worst, largest);
    }
    return TRIVET_OK;
}

static void tell(const struct trivet_mlp_settings *settings,
                 const struct trivet_mlp_network *network, const struct trivet_mlp_outcome *outcome,
                 struct trivet_fit_report *report)
{
    size_t n_weights = 0;
    for (size_t l = 0; l < network->n_layers; l++) {
        n_weights += (network->widths[l] + 1) * network->widths[l + 1];
    }
    report->converged = outcome->converged;
    report->iterations = outcome->n_epochs;
    report->loss_curve = outcome->loss_curve;
    report->n_losses = outcome->n_epochs;
    trivet_fit_report_fact(report, "loss", outcome->loss_curve[outcome->n_epochs - 1]);
    trivet_fit_report_fact(report, "weights", (double)n_weights);
    if (settings->solver == TRIVET_MLP_SGD) {
        trivet_fit_report_fact(report, "last_learning_rate", outcome->learning_rate);
    }
    if (settings->early_stopping) {
        trivet_fit_report_fact(report, "validation_rows", (double)outcome->n_validation);
        trivet_fit_report_fact(report, "best_validation_score", outcome->best_validation_score);
    }
    if (!outcome->converged) {
        trivet_fit_report_warn(report,
                               "the %zu epochs ran out before the training had converged; give "
                               "more epochs or a greater learning_rate",
                               outcome->n_epochs);
    }
}

/* Weights from Glorot's distribution, then training on data->y. */
static enum trivet_status train(struct mlp *model, const struct trivet_params *params,
                                const struct trivet_fit_data *data,
                                const struct trivet_fit_context *context,
                                struct trivet_fit_report *report, struct trivet_error *err)
{
    struct trivet_mlp_settings settings = trivet_mlp_params_settings(params);
    struct trivet_mlp_outcome outcome = {0};
    struct trivet_rng rng;
    trivet_rng_seed(&rng, context->seed);
    trivet_mlp_network_randomise(&model->network, &rng);
    enum trivet_status status =
        trivet_mlp_train(&model->network, &settings, data, context, &rng, &outcome, err);
    if (status == TRIVET_OK) {
        struct trivet_const_matrix x = {data->x.data, data->x.n_rows, data->x.n_cols,
                                        data->x.stride};
        status = look_at_features(x, report, err);
    }
    if (status == TRIVET_OK) {
        tell(&settings, &model->network, &outcome, report);
        outcome.loss_curve = NULL;
    }
    trivet_free(outcome.loss_curve);
    return status;
}

static enum trivet_status mlp_classifier_fit(void *state, const struct trivet_params *params,
                                             const struct trivet_fit_data *data,
                                             const struct trivet_fit_context *context,
                                             struct trivet_fit_report *report,
                                             struct trivet_error *err)
{
    struct mlp model = {0};
    enum trivet_mlp_output output = data->n_classes == 2 ? TRIVET_MLP_BINARY : TRIVET_MLP_CLASSES;
    enum trivet_status status =
        mlp_init(&model, params, output, data->x.n_cols, data->n_classes, err);
    if (status == TRIVET_OK) {
        status = train(&model, params, data, context, report, err);
    }
    if (status != TRIVET_OK) {
        mlp_release(&model);
        return status;
    }
    *(struct mlp *)state = model;
    return TRIVET_OK;
}

/* The network of (y - mean) / deviation becomes that of y: its last layer is linear. */
static void unscale(struct trivet_mlp_network *network, double mean, double deviation)
{
    size_t last = network->n_layers - 1;
    double *weights = &network->parameters[network->weights[last]];
    double *bias = &network->parameters[network->biases[last]];
    trivet_mlp_scale(weights, deviation, network->widths[last]);
    *bias = *bias * deviation + mean;
}

static enum trivet_status fit_scaled(struct mlp *model, const struct trivet_params *params,
                                     const struct trivet_fit_data *data,
                                     const struct trivet_fit_context *context,
                                     struct trivet_fit_report *report, struct trivet_error *err)
{
    size_t n_rows = data->x.n_rows;
    double mean = 0.0;
    double deviation = 0.0;
    double *y = trivet_alloc_array(n_rows, sizeof(double));
    if (y == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory in mlp_regressor; use fewer rows");
    }
    moments(data->y, n_rows, &mean, &deviation);
    /* A constant target, rounding apart, is met by the last bias. */
    if (!(deviation > 1e-14 * fabs(mean))) {
        deviation = 1.0;
    }
    for (size_t i = 0; i < n_rows; i++) {
        y[i] = (data->y[i] - mean) / deviation;
    }
    if (!isfinite(deviation)) {
        trivet_free(y);
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the numbers of the target are too large for their deviation to be "
                                "a number; divide them by a constant");
    }
    struct trivet_fit_data scaled = *data;
    scaled.y = y;
    enum trivet_status status = train(model, params, &scaled, context, report, err);
    if (status == TRIVET_OK) {
        unscale(&model->network, mean, deviation);
    }
    trivet_free(y);
    return status;
}

static enum trivet_status mlp_regressor_fit(void *state, const struct trivet_params *params,
                                            const struct trivet_fit_data *data,
                                            const struct trivet_fit_context *context,
                                            struct trivet_fit_report *report,
                                            struct trivet_error *err)
{
    struct mlp model = {0};
    enum trivet_status status = mlp_init(&model, params, TRIVET_MLP_VALUE, data->x.n_cols, 0, err);
    if (status == TRIVET_OK) {
        status = trivet_params_bool(params, "scale_target")
                     ? fit_scaled(&model, params, data, context, report, err)
                     : train(&model, params, data, context, report, err);
    }
    if (status != TRIVET_OK) {
        mlp_release(&model);
        return status;
    }
    *(struct mlp *)state = model;
    return TRIVET_OK;
}

static enum trivet_status mlp_classifier_predict(const void *state, struct trivet_const_matrix x,
                                                 struct trivet_matrix out, struct trivet_error *err)
{
    return trivet_mlp_network_predict(&((const struct mlp *)state)->network, "mlp_classifier", x,
                                      out, err);
}

static enum trivet_status mlp_regressor_predict(const void *state, struct trivet_const_matrix x,
                                                struct trivet_matrix out, struct trivet_error *err)
{
    return trivet_mlp_network_predict(&((const struct mlp *)state)->network, "mlp_regressor", x,
                                      out, err);
}

static size_t mlp_scratch_bytes(const void *state, size_t n_rows)
{
    return trivet_mlp_network_scratch_bytes(&((const struct mlp *)state)->network, n_rows);
}

static void mlp_predict_in(const void *state, struct trivet_const_matrix x,
                           struct trivet_matrix out, void *scratch)
{
    trivet_mlp_network_predict_in(&((const struct mlp *)state)->network, x, out, scratch);
}

static enum trivet_status mlp_single_create(const void *state, void **out, struct trivet_error *err)
{
    struct trivet_mlp_single *single = NULL;
    enum trivet_status status =
        trivet_mlp_single_create(&((const struct mlp *)state)->network, &single, err);
    if (status == TRIVET_OK) {
        *out = single;
    }
    return status;
}

static size_t mlp_single_scratch_bytes(const void *single, size_t n_rows)
{
    return trivet_mlp_single_scratch_bytes(single, n_rows);
}

static void mlp_single_predict(const void *single, const struct trivet_row_view *x,
                               struct trivet_matrix out, void *scratch)
{
    trivet_mlp_single_predict(single, x, out, scratch);
}

static size_t mlp_single_memory_bytes(const void *single)
{
    return trivet_mlp_single_memory_bytes(single);
}

static void mlp_single_free(void *single)
{
    trivet_mlp_single_free(single);
}

static const struct trivet_single_ops mlp_single_ops = {
    .create = mlp_single_create,
    .scratch_bytes = mlp_single_scratch_bytes,
    .predict = mlp_single_predict,
    .memory_bytes = mlp_single_memory_bytes,
    .free = mlp_single_free,
};

/* "weights_1" for layer 0 */
static void tensor_name(char name[TENSOR_NAME_BYTES], const char *what, size_t l)
{
    trivet_text_format(name, TENSOR_NAME_BYTES, "%s_%zu", what, l + 1);
}

static enum trivet_status mlp_save(const void *state, struct trivet_arena *arena,
                                   Trivet__V1__Step *out, struct trivet_error *err)
{
    const struct mlp *model = state;
    const struct trivet_mlp_network *network = &model->network;
    enum trivet_status status = trivet_tensors_begin(arena, 1 + 2 * network->n_layers, out, err);
    if (status == TRIVET_OK) {
        status =
            trivet_tensors_put_i64(arena, out, "widths", model->widths, network->n_layers + 1, err);
    }
    for (size_t l = 0; l < network->n_layers && status == TRIVET_OK; l++) {
        char name[TENSOR_NAME_BYTES];
        tensor_name(name, "weights", l);
        status = trivet_tensors_put_f64(arena, out, name, &network->parameters[network->weights[l]],
                                        network->widths[l] * network->widths[l + 1], err);
        if (status == TRIVET_OK) {
            tensor_name(name, "biases", l);
            status =
                trivet_tensors_put_f64(arena, out, name, &network->parameters[network->biases[l]],
                                       network->widths[l + 1], err);
        }
    }
    return status;
}

/* The widths that the parameters leave open: of the first and the last layer. */
static enum trivet_status load_widths(const struct trivet_params *params,
                                      const Trivet__V1__Step *step, bool classifier,
                                      size_t *n_features, size_t *n_units, struct trivet_error *err)
{
    const struct trivet_int_list *hidden = trivet_params_int_list(params, "hidden_layers");
    const int64_t *widths = NULL;
    size_t n = 0;
    enum trivet_status status = trivet_tensors_get_i64(step, "widths", &widths, &n, err);
    if (status != TRIVET_OK) {
        return status;
    }
    if (n != hidden->n_items + 2) {
        return trivet_tensors_wrong_count(step, "widths", n, hidden->n_items + 2, err);
    }
    bool fits = widths[0] >= 1 && widths[0] <= INT32_MAX && widths[n - 1] >= 1 &&
                widths[n - 1] <= INT32_MAX &&
                memcmp(&widths[1], hidden->items, hidden->n_items * sizeof(int64_t)) == 0;
    /* Two classes have one unit. */
    fits = fits && (classifier ? widths[n - 1] != 2 : widths[n - 1] == 1);
    if (!fits) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the saved state of '%s' is damaged: the widths of its layers are "
                                "not those of its parameters",
                                step->name);
    }
    *n_features = (size_t)widths[0];
    *n_units = (size_t)widths[n - 1];
    return TRIVET_OK;
}

/* Tensors of all layers, of the lengths that the widths ask for; the first time only checked, when
 * the network has no parameters yet. */
static enum trivet_status load_layers(struct trivet_mlp_network *network, const size_t *widths,
                                      size_t n_layers, const Trivet__V1__Step *step,
                                      struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    for (size_t l = 0; l < n_layers && status == TRIVET_OK; l++) {
        char name[TENSOR_NAME_BYTES];
        const double *weights = NULL;
        const double *biases = NULL;
        tensor_name(name, "weights", l);
        status =
            trivet_tensors_get_f64_exactly(step, name, widths[l] * widths[l + 1], &weights, err);
        if (status == TRIVET_OK) {
            tensor_name(name, "biases", l);
            status = trivet_tensors_get_f64_exactly(step, name, widths[l + 1], &biases, err);
        }
        if (status == TRIVET_OK && network->parameters != NULL) {
            memcpy(&network->parameters[network->weights[l]], weights,
                   widths[l] * widths[l + 1] * sizeof(double));
            memcpy(&network->parameters[network->biases[l]], biases,
                   widths[l + 1] * sizeof(double));
        }
    }
    return status;
}

static enum trivet_status load(struct mlp *model, const struct trivet_params *params,
                               const Trivet__V1__Step *step, bool classifier,
                               struct trivet_error *err)
{
    const struct trivet_int_list *hidden = trivet_params_int_list(params, "hidden_layers");
    size_t n_layers = hidden->n_items + 1;
    size_t widths[TRIVET_MLP_LAYERS_MAX + 1];
    enum trivet_status status = trivet_tensors_expect(step, 1 + 2 * n_layers, err);
    if (status == TRIVET_OK) {
        status = load_widths(params, step, classifier, &widths[0], &widths[n_layers], err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    for (size_t l = 0; l < hidden->n_items; l++) {
        widths[l + 1] = (size_t)hidden->items[l];
    }
    /* Checked before memory is taken on the message's word. */
    status = load_layers(&model->network, widths, n_layers, step, err);
    if (status != TRIVET_OK) {
        return status;
    }
    enum trivet_mlp_output output = TRIVET_MLP_VALUE;
    if (classifier) {
        output = widths[n_layers] == 1 ? TRIVET_MLP_BINARY : TRIVET_MLP_CLASSES;
    }
    status = mlp_init(model, params, output, widths[0], widths[n_layers], err);
    if (status == TRIVET_OK) {
        status = load_layers(&model->network, widths, n_layers, step, err);
    }
    if (status != TRIVET_OK) {
        mlp_release(model);
    }
    return status;
}

static enum trivet_status mlp_classifier_load(void *state, const struct trivet_params *params,
                                              const Trivet__V1__Step *step,
                                              struct trivet_error *err)
{
    return load(state, params, step, true, err);
}

static enum trivet_status mlp_regressor_load(void *state, const struct trivet_params *params,
                                             const Trivet__V1__Step *step, struct trivet_error *err)
{
    return load(state, params, step, false, err);
}

static size_t mlp_n_features(const void *state)
{
    return ((const struct mlp *)state)->network.widths[0];
}

static size_t mlp_n_outputs(const void *state)
{
    return trivet_mlp_network_n_outputs(&((const struct mlp *)state)->network);
}

static enum trivet_output_kind mlp_output_kind(const void *state)
{
    bool value = ((const struct mlp *)state)->network.output == TRIVET_MLP_VALUE;
    return value ? TRIVET_OUTPUT_VALUE : TRIVET_OUTPUT_PROBABILITIES;
}

static size_t mlp_memory_bytes(const void *state)
{
    const struct mlp *model = state;
    return sizeof *model + model->network.n_parameters * sizeof(double);
}

const struct trivet_estimator_ops trivet_mlp_classifier_ops = {
    .name = "mlp_classifier",
    .summary = "multi-layer perceptron for classes, trained on log loss by Adam or SGD",
    .task = TRIVET_TASK_CLASSIFICATION,
    .state_bytes = sizeof(struct mlp),
    .params = &trivet_mlp_params[1],
    .fit = mlp_classifier_fit,
    .predict = mlp_classifier_predict,
    .save = mlp_save,
    .load = mlp_classifier_load,
    .scratch_bytes = mlp_scratch_bytes,
    .predict_in = mlp_predict_in,
    .single = &mlp_single_ops,
    .n_features = mlp_n_features,
    .n_outputs = mlp_n_outputs,
    .output_kind = mlp_output_kind,
    .memory_bytes = mlp_memory_bytes,
    .release = mlp_release,
};

const struct trivet_estimator_ops trivet_mlp_regressor_ops = {
    .name = "mlp_regressor",
    .summary = "multi-layer perceptron for numbers, trained on squared error by Adam or SGD",
    .task = TRIVET_TASK_REGRESSION,
    .state_bytes = sizeof(struct mlp),
    .params = trivet_mlp_params,
    .fit = mlp_regressor_fit,
    .predict = mlp_regressor_predict,
    .save = mlp_save,
    .load = mlp_regressor_load,
    .scratch_bytes = mlp_scratch_bytes,
    .predict_in = mlp_predict_in,
    .single = &mlp_single_ops,
    .n_features = mlp_n_features,
    .n_outputs = mlp_n_outputs,
    .output_kind = mlp_output_kind,
    .memory_bytes = mlp_memory_bytes,
    .release = mlp_release,
};
