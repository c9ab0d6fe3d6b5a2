#include "linalg/gradient_descent.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "linalg/affine.h"
#include "linalg/centre.h"
#include "linalg/product.h"

#include <math.h>
#include <string.h>

#define BLOCK_ROWS    512
#define DIVERGED      1e6 /* times the objective at the start */
#define STEP_PARTS    10
#define PROGRESS_MASK 15

/* One descent on its way. */
struct descending {
    const struct trivet_descent_problem *problem;
    size_t batch_rows;
    size_t *order;    /* n_rows; NULL: as they stand */
    double *block;    /* (BLOCK_ROWS, n_features): rows of a batch */
    double *residual; /* BLOCK_ROWS */
    double *gradient; /* n_features + 1: the intercept last */
    double *mean;     /* n_features */
    double *w;
    double b; /* of centred features */
};

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory in gradient descent; use fewer rows");
}

/* Rows [first, first + count) of the order as a matrix. */
static struct trivet_const_matrix rows_of(struct descending *descending, size_t first, size_t count)
{
    const struct trivet_const_matrix x = trivet_matrix_read(descending->problem->x);
    struct trivet_const_matrix rows = {
        .n_rows = count, .n_cols = x.n_cols, .stride = x.stride, .data = &x.data[first * x.stride]};
    if (descending->order == NULL) {
        return rows;
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(&descending->block[i * x.n_cols], &x.data[descending->order[first + i] * x.stride],
               x.n_cols * sizeof(double));
    }
    rows.data = descending->block;
    rows.stride = x.n_cols;
    return rows;
}

/* Sum of squared residuals of rows [first, last), and the gradient of half of it. */
static double accumulate(struct descending *descending, size_t first, size_t last)
{
    const struct trivet_descent_problem *problem = descending->problem;
    const size_t p = problem->x.n_cols;
    double squares = 0.0;
    memset(descending->gradient, 0, (p + 1) * sizeof(double));
    for (size_t start = first; start < last; start += BLOCK_ROWS) {
        const size_t count = last - start < BLOCK_ROWS ? last - start : BLOCK_ROWS;
        const struct trivet_const_matrix rows = rows_of(descending, start, count);
        double *residual = descending->residual;
        trivet_linalg_gemv(false, 1.0, rows, descending->w, 0.0, residual);
        for (size_t i = 0; i < count; i++) {
            const size_t row = descending->order != NULL ? descending->order[start + i] : start + i;
            residual[i] += descending->b - problem->y[row];
            squares += residual[i] * residual[i];
            descending->gradient[p] += residual[i];
        }
        trivet_linalg_gemv(true, 1.0, rows, residual, 1.0, descending->gradient);
    }
    return squares;
}

static double penalty(const struct descending *descending)
{
    const size_t p = descending->problem->x.n_cols;
    return descending->problem->alpha * trivet_linalg_dot(descending->w, descending->w, p);
}

static double rate_of(const struct trivet_descent_problem *problem, uint64_t epoch)
{
    switch (problem->schedule) {
    case TRIVET_DESCENT_CONSTANT:
        break;
    case TRIVET_DESCENT_INVERSE_SCALING:
        return problem->learning_rate / sqrt((double)epoch + 1.0);
    case TRIVET_DESCENT_STEP:
        return problem->learning_rate *
               pow(0.5, floor((double)(epoch * STEP_PARTS) / (double)problem->epochs));
    }
    return problem->learning_rate;
}

static void run_epoch(struct descending *descending, double rate)
{
    const struct trivet_descent_problem *problem = descending->problem;
    const size_t n = problem->x.n_rows;
    const size_t p = problem->x.n_cols;
    for (size_t first = 0; first < n; first += descending->batch_rows) {
        const size_t last = n - first < descending->batch_rows ? n : first + descending->batch_rows;
        const double scale = rate / (double)(last - first);
        (void)accumulate(descending, first, last);
        for (size_t j = 0; j < p; j++) {
            descending->w[j] -= scale * descending->gradient[j] +
                                rate * problem->alpha / (double)n * descending->w[j];
        }
        if (problem->intercept) {
            descending->b -= scale * descending->gradient[p];
        }
    }
}

/* The objective; leaves the gradient of all rows. */
static double objective(struct descending *descending)
{
    const size_t n = descending->problem->x.n_rows;
    return (accumulate(descending, 0, n) + penalty(descending)) / (2.0 * (double)n);
}

static double gradient_norm(const struct descending *descending)
{
    const struct trivet_descent_problem *problem = descending->problem;
    const size_t p = problem->x.n_cols;
    const double n = (double)problem->x.n_rows;
    double greatest = problem->intercept ? fabs(descending->gradient[p]) / n : 0.0;
    for (size_t j = 0; j < p; j++) {
        greatest =
            fmax(greatest, fabs(descending->gradient[j] + problem->alpha * descending->w[j]) / n);
    }
    return greatest;
}

static enum trivet_status descend(struct descending *descending,
                                  struct trivet_descent_solution *out, struct trivet_error *err)
{
    const struct trivet_descent_problem *problem = descending->problem;
    struct trivet_rng rng;
    trivet_rng_seed(&rng, problem->seed);
    const double at_start = objective(descending);
    double loss = at_start;
    for (uint64_t epoch = 0; epoch < problem->epochs && !out->converged; epoch++) {
        if ((epoch & PROGRESS_MASK) == 0 && problem->progress != NULL &&
            !problem->progress(problem->progress_ctx, (double)epoch / (double)problem->epochs)) {
            return trivet_error_set(err, TRIVET_CANCELLED, "the fit was cancelled");
        }
        if (descending->order != NULL) {
            trivet_rng_shuffle(&rng, descending->order, problem->x.n_rows);
        }
        run_epoch(descending, rate_of(problem, epoch));
        const double next = objective(descending);
        if (!(next < DIVERGED * at_start)) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "gradient descent diverges in epoch %llu: the learning_rate %g "
                                    "is too large for these features; give a smaller one, or scale "
                                    "the features",
                                    (unsigned long long)epoch + 1, problem->learning_rate);
        }
        out->losses[epoch] = next;
        out->epochs = epoch + 1;
        if (problem->loss != NULL) {
            problem->loss(problem->progress_ctx, out->epochs, next);
        }
        out->converged = fabs(loss - next) <= problem->tol * fabs(next);
        loss = next;
    }
    out->gradient_norm = gradient_norm(descending);
    out->intercept =
        descending->b - trivet_linalg_dot(descending->mean, descending->w, problem->x.n_cols);
    return TRIVET_OK;
}

enum trivet_status trivet_descent_solve(const struct trivet_descent_problem *problem,
                                        struct trivet_descent_solution *out,
                                        struct trivet_error *err)
{
    const size_t n = problem->x.n_rows;
    const size_t p = problem->x.n_cols;
    struct trivet_descent_solution solution = {.coefficients = out->coefficients,
                                               .losses = out->losses};
    struct descending descending = {
        .problem = problem,
        .batch_rows = problem->batch_rows == 0 || problem->batch_rows > n ? n : problem->batch_rows,
        .w = out->coefficients,
    };
    const bool shuffled = descending.batch_rows < n;
    descending.block = trivet_alloc_aligned(shuffled ? BLOCK_ROWS * p : 1, sizeof(double));
    descending.residual = trivet_alloc_array(BLOCK_ROWS, sizeof(double));
    descending.gradient = trivet_alloc_array(p + 1, sizeof(double));
    descending.mean = trivet_calloc(p, sizeof(double));
    descending.order = shuffled ? trivet_alloc_array(n, sizeof(size_t)) : NULL;
    enum trivet_status status = TRIVET_OK;
    if (descending.block == NULL || descending.residual == NULL || descending.gradient == NULL ||
        descending.mean == NULL || (shuffled && descending.order == NULL)) {
        status = no_memory(err);
    }
    for (size_t i = 0; status == TRIVET_OK && shuffled && i < n; i++) {
        descending.order[i] = i;
    }
    if (status == TRIVET_OK) {
        memset(descending.w, 0, p * sizeof(double));
        if (problem->intercept) {
            trivet_linalg_centre(problem->x, descending.mean);
        }
        status = descend(&descending, &solution, err);
    }
    if (status == TRIVET_OK) {
        *out = solution;
    }
    trivet_free(descending.block);
    trivet_free(descending.residual);
    trivet_free(descending.gradient);
    trivet_free(descending.mean);
    trivet_free(descending.order);
    return status;
}
