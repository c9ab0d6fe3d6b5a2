/* A feed-forward network of dense layers: prediction, and the gradient of its loss.
 *
 * With a[0] a row of x and L layers, z[l] = a[l] W[l] + b[l]; a[l + 1] = activation(z[l]) for the
 * hidden ones, and the last is z itself (squared error), its logistic (two classes) or its softmax.
 */
#ifndef TRIVET_MODELS_MLP_NETWORK_H
#define TRIVET_MODELS_MLP_NETWORK_H

#include "base/compiler.h"
#include "base/rng.h"
#include "linalg/matrix.h"
#include "models/mlp_kernels.h"
#include "models/params.h"

#include <trivet/error.h>

#include <stddef.h>

#define TRIVET_MLP_HIDDEN_MAX TRIVET_PARAM_LIST_MAX
#define TRIVET_MLP_LAYERS_MAX (TRIVET_MLP_HIDDEN_MAX + 1)
/* Units of one layer. */
#define TRIVET_MLP_WIDTH_MAX 65536

/* What the last layer is, and with it the loss. */
enum trivet_mlp_output {
    TRIVET_MLP_VALUE,  /* one unit; squared error / 2 */
    TRIVET_MLP_BINARY, /* one unit, the probability of class 1; log loss */
    TRIVET_MLP_CLASSES /* one unit a class, softmax; log loss */
};

struct trivet_mlp_network {
    enum trivet_mlp_activation activation;
    enum trivet_mlp_output output;
    size_t n_layers;                          /* hidden ones and the last */
    size_t widths[TRIVET_MLP_LAYERS_MAX + 1]; /* features, hidden units …, units of the last */
    size_t weights[TRIVET_MLP_LAYERS_MAX];    /* where in `parameters` W[l] begins:
                                               * (widths[l], widths[l + 1]) row-major */
    size_t biases[TRIVET_MLP_LAYERS_MAX];     /* and b[l] */
    size_t n_parameters;                      /* with the gaps that keep each 64-byte aligned */
    double *parameters;                       /* owned */
};

/* Layout and zeroed parameters. `hidden` (n_hidden <= TRIVET_MLP_HIDDEN_MAX), n_classes for
 * TRIVET_MLP_CLASSES alone. RESOURCE_EXHAUSTED. */
enum trivet_status trivet_mlp_network_init(struct trivet_mlp_network *network,
                                           enum trivet_mlp_activation activation,
                                           enum trivet_mlp_output output, size_t n_features,
                                           const struct trivet_int_list *hidden, size_t n_classes,
                                           struct trivet_error *err) TRIVET_MUST_USE;
void trivet_mlp_network_release(struct trivet_mlp_network *network);
/* Weights and biases uniform in ±sqrt(6 / (inputs + units)), 2 in place of 6 for logistic units
 * (Glorot, Bengio 2010, as scikit-learn has it). */
void trivet_mlp_network_randomise(struct trivet_mlp_network *network, struct trivet_rng *rng);
/* Columns of a prediction: 1, 2 or the classes. */
size_t trivet_mlp_network_n_outputs(const struct trivet_mlp_network *network);
/* x (n_rows, n_features) → out (n_rows, n_outputs): the value, or a probability of each class.
 * Blocks of rows at a time; scratch from the stack for few rows, else of the call. Any thread.
 * INVALID_ARGUMENT when widths differ, RESOURCE_EXHAUSTED; `out` is untouched then. */
enum trivet_status trivet_mlp_network_predict(const struct trivet_mlp_network *network,
                                              const char *owner, struct trivet_const_matrix x,
                                              struct trivet_matrix out,
                                              struct trivet_error *err) TRIVET_MUST_USE;

/* The same in memory of the caller (64-byte aligned), bounded whatever n_rows; widths are right and
 * there is at least a row. */
size_t trivet_mlp_network_scratch_bytes(const struct trivet_mlp_network *network, size_t n_rows);
void trivet_mlp_network_predict_in(const struct trivet_mlp_network *network,
                                   struct trivet_const_matrix x, struct trivet_matrix out,
                                   void *memory);

/* What a pass forth and back needs for up to `n_rows_max` rows; one allocation. */
struct trivet_mlp_scratch {
    size_t n_rows_max;
    double dropout;                             /* share of hidden units left out; 0: none */
    double *activations[TRIVET_MLP_LAYERS_MAX]; /* a[l + 1] (n_rows_max, widths[l + 1]) */
    double *masks[TRIVET_MLP_LAYERS_MAX];       /* with dropout, of hidden layers: 0, or
                                                 * 1 / (1 - dropout) */
    double *deltas[2];                          /* by turns */
    double *gradient;                           /* n_parameters, laid out as they are */
    double *memory;                             /* owned */
};

enum trivet_status trivet_mlp_scratch_init(struct trivet_mlp_scratch *scratch,
                                           const struct trivet_mlp_network *network,
                                           size_t n_rows_max, double dropout,
                                           struct trivet_error *err) TRIVET_MUST_USE;
void trivet_mlp_scratch_release(struct trivet_mlp_scratch *scratch);
/* Activations of every layer for x (at most n_rows_max rows). Returns the last: (n_rows, units).
 * `rng` draws what is left out (inverted dropout: Srivastava et al. 2014); NULL: nothing is. */
const double *trivet_mlp_forward(const struct trivet_mlp_network *network,
                                 struct trivet_mlp_scratch *scratch, struct trivet_const_matrix x,
                                 struct trivet_rng *rng);
/* Forward and back: scratch->gradient = that of the *summed* loss of the rows, y (n_rows) values or
 * class indices. Returns the summed loss. Probabilities are kept 2^-52 away from 0 and 1 in it, as
 * scikit-learn does. */
double trivet_mlp_gradient(const struct trivet_mlp_network *network,
                           struct trivet_mlp_scratch *scratch, struct trivet_const_matrix x,
                           const double *y, struct trivet_rng *rng);

#endif
