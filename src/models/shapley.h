/* Shapley values of any estimator's outputs, by sampling: what each feature adds to an output of
 * one row, compared to the outputs of background rows. */
#ifndef TRIVET_MODELS_SHAPLEY_H
#define TRIVET_MODELS_SHAPLEY_H

#include "base/compiler.h"
#include "linalg/matrix.h"
#include "models/estimator.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

/* Of features, up to which every subset may be tried. */
#define TRIVET_SHAPLEY_EXACT_MAX 12

struct trivet_shapley_problem {
    const struct trivet_estimator_ops *ops;
    const void *state;
    struct trivet_const_matrix background; /* (at least 1, n_features), training rows */
    /* Pairs of permutations for each background row and explained row, at least 2. */
    size_t n_rounds;
    uint64_t seed;
};

/* For x (n_rows, n_features), with f the outputs of predict:
 *   base          (n_outputs)                     mean of f over the background
 *   contributions (n_rows, n_outputs, n_features) base + their sum over features = f(row), but for
 *                                                 rounding
 *   errors        the same shape                  standard error of each
 *
 * The worth of a set of features is the mean, over background rows b, of f of b with those features
 * taken from x; a contribution is the Shapley value in that game: the mean over all orders of the
 * features of what f changes by when the feature is switched from b to x. For each b, n_rounds
 * random orders are walked, forwards and backwards (antithetic pairs: the mean of both varies
 * less). Along a walk the changes add up to f(x) - f(b), and every b is walked from equally often,
 * so the contributions of a row add up to f(x) - base whatever orders were drawn, and a linear f
 * is explained exactly. The error is that of a stratified mean, each b a stratum of n_rounds pairs.
 * Štrumbelj, Kononenko: Explaining prediction models and individual predictions with feature
 * contributions, 2014; Castro, Gómez, Tejada: Polynomial calculation of the Shapley value based on
 * sampling, 2009.
 *
 * Where trying all subsets costs at most four times as much, that is done: the values are exact and
 * the errors 0.
 *
 * Cost: at most 2 n_rounds n_background n_features predictions a row, fewer where x and b agree;
 * asked for in batches of at most 2 MiB. A row's result depends on the seed, not on its neighbours
 * (but for the last bits of predictions in batches). Any thread; only reads the state. The arrays
 * are the caller's; on error their content is not defined. RESOURCE_EXHAUSTED, and what predict
 * says. */
enum trivet_status trivet_shapley_explain(const struct trivet_shapley_problem *problem,
                                          struct trivet_const_matrix x, double *contributions,
                                          double *base, double *errors,
                                          struct trivet_error *err) TRIVET_MUST_USE;

#endif
