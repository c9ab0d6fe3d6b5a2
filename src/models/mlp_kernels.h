/* The loops over single numbers of a multi-layer perceptron: everything that is not a matrix
 * product. Each is written so that the compiler makes vectors of it. Any thread. */
#ifndef TRIVET_MODELS_MLP_KERNELS_H
#define TRIVET_MODELS_MLP_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

/* Order of the words of the parameter `activation`. */
enum trivet_mlp_activation {
    TRIVET_MLP_RELU,
    TRIVET_MLP_TANH,
    TRIVET_MLP_LOGISTIC,
    TRIVET_MLP_IDENTITY,
};

/* z (n_rows, n_cols) dense = activation(z + bias), bias (n_cols). exp is within 2 units of the last
 * place. */
void trivet_mlp_activate(enum trivet_mlp_activation activation, double *z, size_t n_rows,
                         size_t n_cols, const double *bias);
/* Row by row z = softmax(z + bias), rows at `stride`. */
void trivet_mlp_softmax(double *z, size_t n_rows, size_t n_cols, size_t stride, const double *bias);
/* Through one activation backwards: delta *= the activation's derivative, told by its value a; both
 * (n_rows, n_cols) dense. sums (n_cols) = column sums of the new delta. */
void trivet_mlp_derive(enum trivet_mlp_activation activation, const double *a, double *delta,
                       size_t n_rows, size_t n_cols, double *sums);
/* a[i] *= b[i] */
void trivet_mlp_multiply(double *a, const double *b, size_t n);
/* a[i] *= factor */
void trivet_mlp_scale(double *a, double factor, size_t n);
/* out (n_rows, n_cols) = a bᵀ */
void trivet_mlp_outer(const double *a, size_t n_rows, const double *b, size_t n_cols, double *out);

/* One step of a solver, the same for all parameters. */
struct trivet_mlp_step {
    double decay;   /* of weights: alpha of the penalty 0.5 alpha ||W||²; 0 for biases */
    double divisor; /* rows of the batch: the gradient is (sum + decay * w) / divisor */
    double rate;    /* of Adam: with its bias corrections */
    double beta_1;
    double beta_2;
    double epsilon;
    double momentum; /* of SGD */
};

/* Adam (Kingma, Ba 2014, in the efficient order of section 2), in one pass over w, m, v and the
 * gradient's sums g, n each:
 *   m = beta_1 m + (1 - beta_1) g, v = beta_2 v + (1 - beta_2) g², w -= rate m / (sqrt(v) + eps) */
void trivet_mlp_adam(const struct trivet_mlp_step *step, double *w, double *m, double *v,
                     const double *g, size_t n);
/* Gradient descent with momentum: v = momentum v - rate g, w += v; with `nesterov`
 * w += momentum v - rate g. */
void trivet_mlp_descend(const struct trivet_mlp_step *step, bool nesterov, double *w, double *v,
                        const double *g, size_t n);

#endif
