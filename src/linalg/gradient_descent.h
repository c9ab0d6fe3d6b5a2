/* Least squares by gradient descent: the textbook method. */
#ifndef TRIVET_LINALG_GRADIENT_DESCENT_H
#define TRIVET_LINALG_GRADIENT_DESCENT_H

#include "base/compiler.h"
#include "linalg/matrix.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trivet_descent_schedule {
    TRIVET_DESCENT_CONSTANT,
    TRIVET_DESCENT_INVERSE_SCALING, /* learning_rate / √epoch */
    TRIVET_DESCENT_STEP,            /* halved after each tenth of the epochs */
};

/* Minimise (||y - b - X w||² + alpha ||w||²) / (2n): the objective of ridge, scaled. An epoch goes
 * once over all rows, in batches that are drawn anew by `seed`; a batch of all rows makes it plain
 * gradient descent. w, b -= rate · gradient of the batch. Bottou, Curtis, Nocedal: Optimization
 * methods for large-scale machine learning, 2018. */
struct trivet_descent_problem {
    struct trivet_matrix x; /* (n_rows, n_features); centred in place with an intercept */
    const double *y;
    double alpha;
    bool intercept;
    double learning_rate;
    enum trivet_descent_schedule schedule;
    uint64_t epochs;
    size_t batch_rows; /* 0 = all */
    double tol;        /* stop when the objective changes by less than this part in an epoch */
    uint64_t seed;
    bool (*progress)(void *ctx, double fraction);
    /* Called with the objective after each epoch, which is counted from 1. May be NULL. */
    void (*loss)(void *ctx, uint64_t epoch, double loss);
    void *progress_ctx; /* of both */
};

struct trivet_descent_solution {
    double *coefficients; /* caller's, n_features */
    double intercept;
    bool converged;
    uint64_t epochs;
    double gradient_norm; /* greatest, at the end */
    double *losses;       /* caller's, room for problem->epochs: the objective after each epoch */
};

/* INVALID_ARGUMENT: it diverges; the message says what to do. CANCELLED, RESOURCE_EXHAUSTED. */
enum trivet_status trivet_descent_solve(const struct trivet_descent_problem *problem,
                                        struct trivet_descent_solution *out,
                                        struct trivet_error *err) TRIVET_MUST_USE;

#endif
