/* Lloyd's algorithm from several starts at once.
 *
 * Symbols: x (n_rows, n_cols) with the mean of each column taken off, k clusters, runs r. All runs
 * read a block of rows together: one product gives the distances to the centres of all of them
 * (||x||² - 2 x·c + ||c||²). Sums of a cluster's rows change by the rows that change clusters. */
#ifndef TRIVET_MODELS_KMEANS_ENGINE_H
#define TRIVET_MODELS_KMEANS_ENGINE_H

#include "base/compiler.h"
#include "linalg/matrix.h"
#include "models/estimator.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How the first centres are chosen; order of the words of the parameter `init`. */
enum trivet_kmeans_init {
    /* One after the other: of 2 + ln k candidates, drawn by their squared distance to the nearest
     * centre, the one that lowers the sum of these most (Arthur, Vassilvitskii 2007). */
    TRIVET_KMEANS_PLUS_PLUS,
    TRIVET_KMEANS_RANDOM,  /* k different rows, drawn */
    TRIVET_KMEANS_FIRST_K, /* the first k rows */
};

struct trivet_kmeans_problem {
    struct trivet_const_matrix x; /* dense, centred */
    const double *norms;          /* (n_rows): ||x_i||² */
    size_t n_clusters;            /* <= n_rows */
    size_t n_init;
    size_t iterations_max;
    double shift2_max; /* a run ends when its centres move by this, squared and summed */
    enum trivet_kmeans_init init;
    const struct trivet_fit_context *context;
};

/* Of the best run. */
struct trivet_kmeans_result {
    double *centres; /* (n_clusters, n_cols), caller's */
    double inertia;  /* sum of squared distances to the nearest centre */
    uint64_t n_iterations;
    size_t n_occupied; /* clusters that have rows */
    bool converged;
};

/* One run for each start, the least inertia wins. A cluster that loses all rows moves to the row
 * that is farthest from its centre. RESOURCE_EXHAUSTED, CANCELLED. */
enum trivet_status trivet_kmeans_run(const struct trivet_kmeans_problem *problem,
                                     struct trivet_kmeans_result *result,
                                     struct trivet_error *err) TRIVET_MUST_USE;

#endif
