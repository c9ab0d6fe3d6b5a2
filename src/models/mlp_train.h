/* Training of a network by epochs of mini-batches, as scikit-learn's MLPClassifier and
 * MLPRegressor do it. */
#ifndef TRIVET_MODELS_MLP_TRAIN_H
#define TRIVET_MODELS_MLP_TRAIN_H

#include "base/compiler.h"
#include "models/estimator.h"
#include "models/mlp_network.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>

/* Order of the words of the parameter `solver`. */
enum trivet_mlp_solver {
    TRIVET_MLP_ADAM,
    TRIVET_MLP_SGD,
};

/* Order of the words of the parameter `schedule`. */
enum trivet_mlp_schedule {
    TRIVET_MLP_CONSTANT,
    TRIVET_MLP_INVERSE_SCALING, /* learning_rate / (rows seen + 1)^power_t */
    TRIVET_MLP_ADAPTIVE,        /* a fifth, whenever nothing improves */
};

struct trivet_mlp_settings {
    enum trivet_mlp_solver solver;
    enum trivet_mlp_schedule schedule; /* of SGD */
    double learning_rate;
    double power_t;
    double momentum;
    bool nesterov;
    double beta_1;
    double beta_2;
    double epsilon;
    double alpha;
    size_t batch_size; /* 0: min(200, rows) */
    size_t epochs;
    double tol;
    size_t n_iter_no_change;
    bool early_stopping;
    double validation_fraction;
    double dropout;
    bool shuffle;
};

struct trivet_mlp_outcome {
    bool converged; /* stopped by tol, not by epochs */
    size_t n_epochs;
    size_t n_validation;          /* rows; 0 without early stopping */
    double best_validation_score; /* accuracy or R² */
    double learning_rate;         /* at the end */
    double *loss_curve;           /* owned, n_epochs */
};

/* Improve the network's parameters, from what they are, on data->x (only read) and data->y (numbers
 * or class indices). Minimises mean loss + 0.5 alpha ||W||² / rows of the batch, batch by batch;
 * the loss of an epoch is the mean over its batches, each before its step. Training ends when the
 * loss has been above best - tol for more than n_iter_no_change epochs in a row. With early
 * stopping, rows are set aside (stratified for classes, of which each keeps a row to train on),
 * their score takes the place of the loss, and the parameters of the best epoch are kept.
 *
 * BLAS has context->n_threads threads (a process that trains); while products are too small to be
 * shared, it is told to use one. Cost of an epoch: 6 operations a row and weight. Memory: three or
 * four copies of the parameters, and the units of a batch. Deterministic for a seed and a number of
 * BLAS threads. INVALID_ARGUMENT: the numbers overflow, or too few rows to set aside;
 * RESOURCE_EXHAUSTED; CANCELLED: asked for after each epoch, and now and then in a long one. On
 * error the parameters are what they have become. */
enum trivet_status trivet_mlp_train(struct trivet_mlp_network *network,
                                    const struct trivet_mlp_settings *settings,
                                    const struct trivet_fit_data *data,
                                    const struct trivet_fit_context *context,
                                    struct trivet_rng *rng, struct trivet_mlp_outcome *out,
                                    struct trivet_error *err) TRIVET_MUST_USE;

#endif
