#include "models/mlp_network.h"

#include "base/alloc.h"
#include "linalg/product.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdalign.h>
#include <string.h>

#define ALIGNED_DOUBLES 8 /* 64 bytes */
/* Of a prediction: rows multiplied at once, and the units' values that fit beside the weights in
 * the second-level cache. */
#define BLOCK_ROWS    256
#define BLOCK_DOUBLES 65536
/* Scratch of a prediction that is taken from the stack. */
#define STACK_DOUBLES 1024

static size_t align_up(size_t n)
{
    return (n + ALIGNED_DOUBLES - 1) / ALIGNED_DOUBLES * ALIGNED_DOUBLES;
}

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory in the layers of a network; use fewer or smaller ones, "
                            "or a smaller batch");
}

enum trivet_status trivet_mlp_network_init(struct trivet_mlp_network *network,
                                           enum trivet_mlp_activation activation,
                                           enum trivet_mlp_output output, size_t n_features,
                                           const struct trivet_int_list *hidden, size_t n_classes,
                                           struct trivet_error *err)
{
    struct trivet_mlp_network made = {.activation = activation, .output = output};
    assert(hidden->n_items <= TRIVET_MLP_HIDDEN_MAX);
    made.widths[0] = n_features;
    for (size_t l = 0; l < hidden->n_items; l++) {
        made.widths[l + 1] = (size_t)hidden->items[l];
    }
    made.n_layers = hidden->n_items + 1;
    made.widths[made.n_layers] = output == TRIVET_MLP_CLASSES ? n_classes : 1;
    for (size_t l = 0; l < made.n_layers; l++) {
        made.weights[l] = made.n_parameters;
        made.n_parameters += align_up(made.widths[l] * made.widths[l + 1]);
        made.biases[l] = made.n_parameters;
        made.n_parameters += align_up(made.widths[l + 1]);
    }
    made.parameters = trivet_alloc_aligned(made.n_parameters, sizeof(double));
    if (made.parameters == NULL) {
        return no_memory(err);
    }
    memset(made.parameters, 0, made.n_parameters * sizeof(double));
    *network = made;
    return TRIVET_OK;
}

void trivet_mlp_network_release(struct trivet_mlp_network *network)
{
    trivet_free(network->parameters);
    network->parameters = NULL;
}

void trivet_mlp_network_randomise(struct trivet_mlp_network *network, struct trivet_rng *rng)
{
    double factor = network->activation == TRIVET_MLP_LOGISTIC ? 2.0 : 6.0;
    for (size_t l = 0; l < network->n_layers; l++) {
        size_t n_in = network->widths[l];
        size_t n_units = network->widths[l + 1];
        double bound = sqrt(factor / (double)(n_in + n_units));
        double *weights = &network->parameters[network->weights[l]];
        double *biases = &network->parameters[network->biases[l]];
        for (size_t i = 0; i < n_in * n_units; i++) {
            weights[i] = bound * (2.0 * trivet_rng_uniform(rng) - 1.0);
        }
        for (size_t i = 0; i < n_units; i++) {
            biases[i] = bound * (2.0 * trivet_rng_uniform(rng) - 1.0);
        }
    }
}

size_t trivet_mlp_network_n_outputs(const struct trivet_mlp_network *network)
{
    return network->output == TRIVET_MLP_BINARY ? 2 : network->widths[network->n_layers];
}

static struct trivet_const_matrix weights_of(const struct trivet_mlp_network *network, size_t l)
{
    size_t n_units = network->widths[l + 1];
    return (struct trivet_const_matrix){&network->parameters[network->weights[l]],
                                        network->widths[l], n_units, n_units};
}

static struct trivet_const_matrix dense(const double *data, size_t n_rows, size_t n_cols)
{
    return (struct trivet_const_matrix){data, n_rows, n_cols, n_cols};
}

/* z (a.n_rows, units) = a W[l]: a product with a vector where one of them is one. */
static void multiply(const struct trivet_mlp_network *network, size_t l,
                     struct trivet_const_matrix a, double *z, size_t stride)
{
    struct trivet_const_matrix w = weights_of(network, l);
    if (a.n_rows == 1) {
        trivet_linalg_gemv(true, 1.0, w, a.data, 0.0, z);
    } else if (w.n_cols == 1 && stride == 1) {
        trivet_linalg_gemv(false, 1.0, a, w.data, 0.0, z);
    } else {
        struct trivet_matrix to = {z, a.n_rows, w.n_cols, stride};
        trivet_linalg_gemm(false, false, 1.0, a, w, 0.0, to);
    }
}

/* The last layer of a block: from its inputs to the rows of out. `spare` has a number a row. */
static void predict_last(const struct trivet_mlp_network *network, struct trivet_const_matrix a,
                         double *spare, struct trivet_matrix out)
{
    size_t last = network->n_layers - 1;
    const double *bias = &network->parameters[network->biases[last]];
    if (network->output == TRIVET_MLP_CLASSES) {
        multiply(network, last, a, out.data, out.stride);
        trivet_mlp_softmax(out.data, out.n_rows, out.n_cols, out.stride, bias);
        return;
    }
    bool binary = network->output == TRIVET_MLP_BINARY;
    multiply(network, last, a, spare, 1);
    trivet_mlp_activate(binary ? TRIVET_MLP_LOGISTIC : TRIVET_MLP_IDENTITY, spare, out.n_rows, 1,
                        bias);
    for (size_t i = 0; i < out.n_rows; i++) {
        double *row = &out.data[i * out.stride];
        row[0] = binary ? 1.0 - spare[i] : spare[i];
        if (binary) {
            row[1] = spare[i];
        }
    }
}

static void predict_block(const struct trivet_mlp_network *network, struct trivet_const_matrix x,
                          double *scratch[2], struct trivet_matrix out)
{
    struct trivet_const_matrix a = x;
    for (size_t l = 0; l + 1 < network->n_layers; l++) {
        double *z = scratch[l % 2];
        size_t n_units = network->widths[l + 1];
        multiply(network, l, a, z, n_units);
        trivet_mlp_activate(network->activation, z, a.n_rows, n_units,
                            &network->parameters[network->biases[l]]);
        a = dense(z, a.n_rows, n_units);
    }
    predict_last(network, a, scratch[(network->n_layers - 1) % 2], out);
}

/* Of the layers whose values a prediction keeps: at least a number a row. */
static size_t widest(const struct trivet_mlp_network *network)
{
    size_t width = 1;
    for (size_t l = 1; l < network->n_layers; l++) {
        width = network->widths[l] > width ? network->widths[l] : width;
    }
    return width;
}

static size_t block_rows(const struct trivet_mlp_network *network, size_t n_rows)
{
    const size_t width = widest(network);
    size_t most = BLOCK_DOUBLES / width > 1 ? BLOCK_DOUBLES / width : 1;
    most = most < BLOCK_ROWS ? most : BLOCK_ROWS;
    return most < n_rows ? most : n_rows;
}

size_t trivet_mlp_network_scratch_bytes(const struct trivet_mlp_network *network, size_t n_rows)
{
    return 2 * align_up(block_rows(network, n_rows) * widest(network)) * sizeof(double);
}

void trivet_mlp_network_predict_in(const struct trivet_mlp_network *network,
                                   struct trivet_const_matrix x, struct trivet_matrix out,
                                   void *memory)
{
    const size_t n_block = block_rows(network, x.n_rows);
    double *first = memory;
    double *scratch[2] = {first, first + align_up(n_block * widest(network))};
    for (size_t i = 0; i < x.n_rows; i += n_block) {
        size_t n = x.n_rows - i < n_block ? x.n_rows - i : n_block;
        struct trivet_const_matrix rows = {&x.data[i * x.stride], n, x.n_cols, x.stride};
        struct trivet_matrix to = {&out.data[i * out.stride], n, out.n_cols, out.stride};
        predict_block(network, rows, scratch, to);
    }
}

enum trivet_status trivet_mlp_network_predict(const struct trivet_mlp_network *network,
                                              const char *owner, struct trivet_const_matrix x,
                                              struct trivet_matrix out, struct trivet_error *err)
{
    alignas(64) double stack[STACK_DOUBLES];
    size_t n_outputs = trivet_mlp_network_n_outputs(network);
    if (x.n_cols != network->widths[0] || out.n_cols != n_outputs || out.n_rows != x.n_rows) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%s was trained on %zu features and has %zu outputs; given are "
                                "%zu features and %zu outputs",
                                owner, network->widths[0], n_outputs, x.n_cols, out.n_cols);
    }
    const size_t bytes = trivet_mlp_network_scratch_bytes(network, x.n_rows);
    void *memory = NULL;
    if (bytes > sizeof stack) {
        memory = trivet_alloc_aligned(bytes, 1);
        if (memory == NULL) {
            return no_memory(err);
        }
    }
    trivet_mlp_network_predict_in(network, x, out, memory != NULL ? memory : stack);
    trivet_free(memory);
    return TRIVET_OK;
}

enum trivet_status trivet_mlp_scratch_init(struct trivet_mlp_scratch *scratch,
                                           const struct trivet_mlp_network *network,
                                           size_t n_rows_max, double dropout,
                                           struct trivet_error *err)
{
    struct trivet_mlp_scratch made = {.n_rows_max = n_rows_max, .dropout = dropout};
    size_t per_row = 2 * widest(network);
    for (size_t l = 0; l < network->n_layers; l++) {
        bool masked = dropout > 0.0 && l + 1 < network->n_layers;
        per_row += network->widths[l + 1] * (masked ? 2 : 1);
    }
    /* Each part may be rounded up. */
    size_t n_parts = 2 * TRIVET_MLP_LAYERS_MAX + 3;
    size_t total;
    if (__builtin_mul_overflow(per_row, n_rows_max, &total) ||
        __builtin_add_overflow(total, network->n_parameters + n_parts * ALIGNED_DOUBLES, &total)) {
        return no_memory(err);
    }
    made.memory = trivet_alloc_aligned(total, sizeof(double));
    if (made.memory == NULL) {
        return no_memory(err);
    }
    double *next = made.memory;
    for (size_t l = 0; l < network->n_layers; l++) {
        size_t n = align_up(n_rows_max * network->widths[l + 1]);
        made.activations[l] = next;
        next += n;
        if (dropout > 0.0 && l + 1 < network->n_layers) {
            made.masks[l] = next;
            next += n;
        }
    }
    for (size_t k = 0; k < 2; k++) {
        made.deltas[k] = next;
        next += align_up(n_rows_max * widest(network));
    }
    made.gradient = next;
    /* The gaps are never written and go through the solver. */
    memset(made.gradient, 0, network->n_parameters * sizeof(double));
    *scratch = made;
    return TRIVET_OK;
}

void trivet_mlp_scratch_release(struct trivet_mlp_scratch *scratch)
{
    trivet_free(scratch->memory);
    *scratch = (struct trivet_mlp_scratch){0};
}

static void leave_out(struct trivet_mlp_scratch *scratch, size_t l, size_t n,
                      struct trivet_rng *rng)
{
    double kept = 1.0 / (1.0 - scratch->dropout);
    double *mask = scratch->masks[l];
    for (size_t i = 0; i < n; i++) {
        mask[i] = trivet_rng_uniform(rng) < scratch->dropout ? 0.0 : kept;
    }
    trivet_mlp_multiply(scratch->activations[l], mask, n);
}

const double *trivet_mlp_forward(const struct trivet_mlp_network *network,
                                 struct trivet_mlp_scratch *scratch, struct trivet_const_matrix x,
                                 struct trivet_rng *rng)
{
    assert(x.n_rows <= scratch->n_rows_max);
    static const enum trivet_mlp_activation last[] = {
        [TRIVET_MLP_VALUE] = TRIVET_MLP_IDENTITY,
        [TRIVET_MLP_BINARY] = TRIVET_MLP_LOGISTIC,
    };
    struct trivet_const_matrix a = x;
    double *z = NULL;
    for (size_t l = 0; l < network->n_layers; l++) {
        size_t n_units = network->widths[l + 1];
        const double *bias = &network->parameters[network->biases[l]];
        z = scratch->activations[l];
        multiply(network, l, a, z, n_units);
        if (l + 1 < network->n_layers) {
            trivet_mlp_activate(network->activation, z, a.n_rows, n_units, bias);
            if (rng != NULL && scratch->dropout > 0.0) {
                leave_out(scratch, l, a.n_rows * n_units, rng);
            }
        } else if (network->output == TRIVET_MLP_CLASSES) {
            trivet_mlp_softmax(z, a.n_rows, n_units, n_units, bias);
        } else {
            trivet_mlp_activate(last[network->output], z, a.n_rows, n_units, bias);
        }
        a = dense(z, a.n_rows, n_units);
    }
    return z;
}

static double log_of(double probability)
{
    double p = probability < DBL_EPSILON ? DBL_EPSILON : probability;
    return log(p > 1.0 - DBL_EPSILON ? 1.0 - DBL_EPSILON : p);
}

/* From the last activations to their delta, in place: the same difference for every loss, because
 * each belongs to its activation. `sums` (units): of its columns. Returns the summed loss. */
static double output_delta(const struct trivet_mlp_network *network, double *a, const double *y,
                           size_t n_rows, double *sums)
{
    size_t n_units = network->widths[network->n_layers];
    double loss = 0.0;
    for (size_t i = 0; i < n_rows; i++) {
        double *row = &a[i * n_units];
        if (network->output == TRIVET_MLP_CLASSES) {
            double *right = &row[(size_t)y[i]];
            loss -= log_of(*right);
            *right -= 1.0;
        } else {
            double value = row[0];
            row[0] = value - y[i];
            if (network->output == TRIVET_MLP_VALUE) {
                loss += 0.5 * row[0] * row[0];
            } else {
                loss -= log_of(y[i] > 0.5 ? value : 1.0 - value);
            }
        }
    }
    trivet_mlp_derive(TRIVET_MLP_IDENTITY, a, a, n_rows, n_units, sums);
    return loss;
}

/* to (n_rows, widths[l]) = delta W[l]ᵀ */
static void delta_back(const struct trivet_mlp_network *network, size_t l,
                       struct trivet_const_matrix delta, double *to)
{
    size_t n_in = network->widths[l];
    if (delta.n_cols == 1) {
        trivet_mlp_outer(delta.data, delta.n_rows, &network->parameters[network->weights[l]], n_in,
                         to);
    } else {
        struct trivet_matrix c = {to, delta.n_rows, n_in, n_in};
        trivet_linalg_gemm(false, true, 1.0, delta, weights_of(network, l), 0.0, c);
    }
}

/* gradient of W[l] = aᵀ delta */
static void weights_gradient(const struct trivet_mlp_network *network, size_t l,
                             struct trivet_const_matrix a, struct trivet_const_matrix delta,
                             double *gradient)
{
    size_t n_units = network->widths[l + 1];
    double *to = &gradient[network->weights[l]];
    if (n_units == 1) {
        trivet_linalg_gemv(true, 1.0, a, delta.data, 0.0, to);
    } else {
        struct trivet_matrix c = {to, network->widths[l], n_units, n_units};
        trivet_linalg_gemm(true, false, 1.0, a, delta, 0.0, c);
    }
}

double trivet_mlp_gradient(const struct trivet_mlp_network *network,
                           struct trivet_mlp_scratch *scratch, struct trivet_const_matrix x,
                           const double *y, struct trivet_rng *rng)
{
    size_t n_rows = x.n_rows;
    size_t l = network->n_layers - 1;
    bool masked = rng != NULL && scratch->dropout > 0.0;
    trivet_mlp_forward(network, scratch, x, rng);
    double loss = output_delta(network, scratch->activations[l], y, n_rows,
                               &scratch->gradient[network->biases[l]]);
    struct trivet_const_matrix delta =
        dense(scratch->activations[l], n_rows, network->widths[l + 1]);
    for (; l > 0; l--) {
        size_t n_units = network->widths[l];
        double *a = scratch->activations[l - 1];
        double *before = scratch->deltas[l % 2];
        weights_gradient(network, l, dense(a, n_rows, n_units), delta, scratch->gradient);
        delta_back(network, l, delta, before);
        if (masked) {
            /* The derivative is told by the activation as it was before units were left out. */
            trivet_mlp_multiply(before, scratch->masks[l - 1], n_rows * n_units);
            trivet_mlp_scale(a, 1.0 - scratch->dropout, n_rows * n_units);
        }
        trivet_mlp_derive(network->activation, a, before, n_rows, n_units,
                          &scratch->gradient[network->biases[l - 1]]);
        delta = dense(before, n_rows, n_units);
    }
    weights_gradient(network, 0, x, delta, scratch->gradient);
    return loss;
}
