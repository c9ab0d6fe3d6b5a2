/* Two layers' units of a block of rows, by turns, stay in the cache beside the weights. */
#include "models/mlp_single.h"

#include "base/alloc.h"
#include "linalg/kernels.h"
#include "linalg/packed.h"

#include <math.h>
#include <string.h>

#define BLOCK_ROWS 192

struct trivet_mlp_single {
    enum trivet_mlp_activation activation;
    enum trivet_mlp_output output;
    size_t n_layers;
    size_t width; /* of the widest layer, padded */
    struct trivet_packed layers[TRIVET_MLP_LAYERS_MAX];
};

enum trivet_status trivet_mlp_single_create(const struct trivet_mlp_network *network,
                                            struct trivet_mlp_single **out,
                                            struct trivet_error *err)
{
    struct trivet_mlp_single *made = trivet_calloc(1, sizeof *made);
    bool ok = made != NULL;
    for (size_t l = 0; ok && l < network->n_layers; l++) {
        const size_t n_units = network->widths[l + 1];
        ok = trivet_packed_init(
            &made->layers[l],
            (struct trivet_const_matrix){&network->parameters[network->weights[l]],
                                         network->widths[l], n_units, n_units},
            &network->parameters[network->biases[l]]);
        made->n_layers = l + 1;
        made->width = made->layers[l].stride > made->width ? made->layers[l].stride : made->width;
    }
    if (!ok) {
        trivet_mlp_single_free(made);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory for a network in single precision; free memory, or "
                                "serve smaller networks");
    }
    made->activation = network->activation;
    made->output = network->output;
    *out = made;
    return TRIVET_OK;
}

void trivet_mlp_single_free(struct trivet_mlp_single *single)
{
    for (size_t l = 0; single != NULL && l < single->n_layers; l++) {
        trivet_packed_release(&single->layers[l]);
    }
    trivet_free(single);
}

size_t trivet_mlp_single_memory_bytes(const struct trivet_mlp_single *single)
{
    size_t bytes = sizeof *single;
    for (size_t l = 0; l < single->n_layers; l++) {
        bytes += trivet_packed_bytes(&single->layers[l]);
    }
    return bytes;
}

static size_t block_rows(size_t n_rows)
{
    return n_rows < BLOCK_ROWS ? n_rows : BLOCK_ROWS;
}

/* Doubles of the last units of a row; a whole number of cache lines. */
static size_t last_width(const struct trivet_mlp_single *single)
{
    return single->layers[single->n_layers - 1].stride;
}

size_t trivet_mlp_single_scratch_bytes(const struct trivet_mlp_single *single, size_t n_rows)
{
    return 2 * block_rows(n_rows) * single->width * sizeof(float) +
           last_width(single) * sizeof(double);
}

/* Of n units in single precision, by their doubles at `spare`. */
static void activate(enum trivet_mlp_activation activation, float *z, size_t n, double *spare)
{
    for (size_t j = 0; j < n; j++) {
        spare[j] = activation == TRIVET_MLP_TANH ? -2.0 * fabs((double)z[j]) : -(double)z[j];
    }
    trivet_linalg_exp(spare, n);
    for (size_t j = 0; j < n; j++) {
        z[j] = activation == TRIVET_MLP_TANH
                   ? copysignf((float)((1.0 - spare[j]) / (1.0 + spare[j])), z[j])
                   : (float)(1.0 / (1.0 + spare[j]));
    }
}

static void softmax(const float *z, size_t n, double *out)
{
    float greatest = z[0];
    double sum = 0.0;
    for (size_t k = 1; k < n; k++) {
        greatest = z[k] > greatest ? z[k] : greatest;
    }
    for (size_t k = 0; k < n; k++) {
        out[k] = (double)z[k] - (double)greatest;
    }
    trivet_linalg_exp(out, n);
    for (size_t k = 0; k < n; k++) {
        sum += out[k];
    }
    for (size_t k = 0; k < n; k++) {
        out[k] /= sum;
    }
}

static void finish(const struct trivet_mlp_single *single, const float *z, double *out)
{
    const size_t n_units = single->layers[single->n_layers - 1].n_units;
    if (single->output == TRIVET_MLP_CLASSES) {
        softmax(z, n_units, out);
    } else if (single->output == TRIVET_MLP_BINARY) {
        out[1] = 1.0 / (1.0 + exp(-(double)z[0]));
        out[0] = 1.0 - out[1];
    } else {
        out[0] = (double)z[0];
    }
}

static void predict_block(const struct trivet_mlp_single *single, struct trivet_row_view x,
                          float *const units[2], double *spare, struct trivet_matrix out)
{
    const bool by_products = single->activation == TRIVET_MLP_RELU;
    const float *z = NULL;
    for (size_t l = 0; l < single->n_layers; l++) {
        const struct trivet_packed *layer = &single->layers[l];
        const bool hidden = l + 1 < single->n_layers;
        float *to = units[l % 2];
        trivet_packed_multiply(layer, &x, hidden && by_products, to);
        for (size_t i = 0; i < x.n_rows && hidden && !by_products; i++) {
            for (size_t j = 0; j < layer->n_units && single->activation != TRIVET_MLP_IDENTITY;
                 j += last_width(single)) {
                const size_t left = layer->n_units - j;
                activate(single->activation, &to[i * layer->stride + j],
                         left < last_width(single) ? left : last_width(single), spare);
            }
        }
        x = (struct trivet_row_view){.n_rows = x.n_rows,
                                     .single = true,
                                     .first = to,
                                     .stride_bytes = layer->stride * sizeof *to};
        z = to;
    }
    for (size_t i = 0; i < x.n_rows; i++) {
        finish(single, &z[i * last_width(single)], &out.data[i * out.stride]);
    }
}

void trivet_mlp_single_predict(const struct trivet_mlp_single *single,
                               const struct trivet_row_view *x, struct trivet_matrix out,
                               void *scratch)
{
    const size_t n_block = block_rows(x->n_rows);
    float *first = scratch;
    float *const units[2] = {first, &first[n_block * single->width]};
    double *spare = (double *)(void *)&first[2 * n_block * single->width];
    for (size_t i = 0; i < x->n_rows; i += n_block) {
        const size_t n = x->n_rows - i < n_block ? x->n_rows - i : n_block;
        predict_block(single, trivet_row_view_part(x, i, n), units, spare,
                      (struct trivet_matrix){&out.data[i * out.stride], n, out.n_cols, out.stride});
    }
}
