/* DESIGN
 *
 * Rows are taken in blocks that fit the cache with all that is made of them, so that the matrix is
 * read once for value, gradient and Hessian. With several threads each has every n-th block and
 * sums of its own, which are added in the order of the threads: the same bits every time. The
 * calling thread is one of them; the others live for one evaluation. */
#include "models/logistic_objective.h"

#include "base/alloc.h"
#include "linalg/affine.h"
#include "linalg/kernels.h"
#include "linalg/product.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#define BLOCK_ROWS  256
#define THREADS_MAX 64

/* What one thread works in, and its sums. */
struct worker {
    struct trivet_logistic_objective *objective;
    size_t index;
    const double *theta;
    size_t part;
    bool wants_hessian;
    double *block;    /* (BLOCK_ROWS, n_parameters) centred rows, a 1 at the end */
    double *scaled;   /* (BLOCK_ROWS, n_parameters) */
    double *z;        /* (BLOCK_ROWS, n_equations) */
    double *scratch;  /* BLOCK_ROWS */
    double *gradient; /* as theta */
    double *hessian;  /* (n, n) */
    double value;
    size_t n_rows; /* looked at */
    pthread_t thread;
    bool started;
};

struct trivet_logistic_objective {
    const struct trivet_logistic_problem *problem;
    size_t n_equations;
    size_t n_parameters;
    double *means;
    size_t n_workers;
    struct worker *workers;
};

size_t trivet_logistic_n_equations(const struct trivet_logistic_problem *problem)
{
    return problem->n_classes == 2 ? 1 : problem->n_classes;
}

size_t trivet_logistic_n_parameters(const struct trivet_logistic_problem *problem)
{
    return problem->x.n_cols + (problem->intercept ? 1 : 0);
}

const double *trivet_logistic_objective_means(const struct trivet_logistic_objective *objective)
{
    return objective->means;
}

void trivet_logistic_uncentre(const struct trivet_logistic_problem *problem, const double *means,
                              double *theta)
{
    const size_t width = trivet_logistic_n_parameters(problem);
    for (size_t k = 0; problem->intercept && k < trivet_logistic_n_equations(problem); k++) {
        double *equation = &theta[k * width];
        equation[problem->x.n_cols] -= trivet_linalg_dot(equation, means, problem->x.n_cols);
    }
}

double trivet_logistic_l1(const struct trivet_logistic_problem *problem, const double *theta)
{
    const size_t n_parameters = trivet_logistic_n_parameters(problem);
    double sum = 0.0;
    for (size_t k = 0; k < trivet_logistic_n_equations(problem); k++) {
        for (size_t j = 0; j < problem->x.n_cols; j++) {
            sum += fabs(theta[k * n_parameters + j]);
        }
    }
    return problem->l1 * sum;
}

/* --- one block ------------------------------------------------------------------------------- */

static void load_block(const struct worker *worker, size_t first, size_t count)
{
    const struct trivet_logistic_problem *problem = worker->objective->problem;
    const double *means = worker->objective->means;
    const size_t width = worker->objective->n_parameters;
    for (size_t i = 0; i < count; i++) {
        const double *row = &problem->x.data[(first + i) * problem->x.stride];
        double *out = &worker->block[i * width];
        for (size_t j = 0; j < problem->x.n_cols; j++) {
            out[j] = row[j] - means[j];
        }
        if (problem->intercept) {
            out[problem->x.n_cols] = 1.0;
        }
    }
}

static struct trivet_const_matrix rows_of(const double *data, size_t n_rows, size_t n_cols)
{
    return (struct trivet_const_matrix){
        .data = data, .n_rows = n_rows, .n_cols = n_cols, .stride = n_cols};
}

/* The block's rows times the roots of `scale`, and their products with themselves. */
static void add_gram(struct worker *worker, const double *scale, size_t count)
{
    const size_t width = worker->objective->n_parameters;
    const struct trivet_matrix hessian = {
        .data = worker->hessian, .n_rows = width, .n_cols = width, .stride = width};
    for (size_t i = 0; i < count; i++) {
        const double root = sqrt(scale[i]);
        for (size_t j = 0; j < width; j++) {
            worker->scaled[i * width + j] = root * worker->block[i * width + j];
        }
    }
    trivet_linalg_gram(1.0, rows_of(worker->scaled, count, width), 1.0, hessian);
}

/* z is the margin of class 1; it becomes the derivative of the loss by it. */
static void binary_block(struct worker *worker, size_t first, size_t count)
{
    const struct trivet_logistic_problem *problem = worker->objective->problem;
    const size_t width = worker->objective->n_parameters;
    const struct trivet_const_matrix block = rows_of(worker->block, count, width);
    double *z = worker->z;
    double *e = worker->scratch;
    trivet_linalg_gemv(false, 1.0, block, worker->theta, 0.0, z);
    for (size_t i = 0; i < count; i++) {
        e[i] = -fabs(z[i]);
    }
    trivet_linalg_exp(e, count);
    for (size_t i = 0; i < count; i++) {
        const double truth = problem->y[first + i];
        const double weight = problem->weights[(size_t)truth];
        const double smaller = e[i] / (1.0 + e[i]);
        const double p = z[i] >= 0.0 ? 1.0 - smaller : smaller;
        worker->value += weight * (log1p(e[i]) + fmax(z[i], 0.0) - truth * z[i]);
        e[i] = weight * p * (1.0 - p);
        z[i] = weight * (z[i] >= 0.0 ? 1.0 - truth - smaller : smaller - truth);
    }
    trivet_linalg_gemv(true, 1.0, block, z, 1.0, worker->gradient);
    if (worker->wants_hessian) {
        add_gram(worker, e, count);
    }
}

/* z (count, n_equations) becomes probabilities. */
static void softmax(struct worker *worker, size_t first, size_t count)
{
    const struct trivet_logistic_problem *problem = worker->objective->problem;
    const size_t n = worker->objective->n_equations;
    double *z = worker->z;
    for (size_t i = 0; i < count; i++) {
        const size_t truth = (size_t)problem->y[first + i];
        double *row = &z[i * n];
        double greatest = row[0];
        for (size_t k = 1; k < n; k++) {
            greatest = fmax(greatest, row[k]);
        }
        worker->value += problem->weights[truth] * (greatest - row[truth]);
        for (size_t k = 0; k < n; k++) {
            row[k] -= greatest;
        }
    }
    trivet_linalg_exp(z, count * n);
    for (size_t i = 0; i < count; i++) {
        double *row = &z[i * n];
        double sum = 0.0;
        for (size_t k = 0; k < n; k++) {
            sum += row[k];
        }
        worker->value += problem->weights[(size_t)problem->y[first + i]] * log(sum);
        for (size_t k = 0; k < n; k++) {
            row[k] /= sum;
        }
    }
}

/* Block (k, l) of the Hessian gets the rows' weight p_k ([k = l] - p_l). */
static void add_cross(struct worker *worker, size_t first, size_t count, size_t k, size_t l)
{
    const struct trivet_logistic_problem *problem = worker->objective->problem;
    const size_t width = worker->objective->n_parameters;
    const size_t n = worker->objective->n_equations;
    const struct trivet_matrix into = {.data = &worker->hessian[k * width * n * width + l * width],
                                       .n_rows = width,
                                       .n_cols = width,
                                       .stride = n * width};
    for (size_t i = 0; i < count; i++) {
        const double *p = &worker->z[i * n];
        const double scale =
            problem->weights[(size_t)problem->y[first + i]] * p[k] * ((k == l ? 1.0 : 0.0) - p[l]);
        for (size_t j = 0; j < width; j++) {
            worker->scaled[i * width + j] = scale * worker->block[i * width + j];
        }
    }
    trivet_linalg_gemm(true, false, 1.0, rows_of(worker->block, count, width),
                       rows_of(worker->scaled, count, width), 1.0, into);
}

static void multinomial_block(struct worker *worker, size_t first, size_t count)
{
    const struct trivet_logistic_problem *problem = worker->objective->problem;
    const size_t width = worker->objective->n_parameters;
    const size_t n = worker->objective->n_equations;
    const struct trivet_const_matrix block = rows_of(worker->block, count, width);
    const struct trivet_matrix z = {.data = worker->z, .n_rows = count, .n_cols = n, .stride = n};
    const struct trivet_matrix gradient = {
        .data = worker->gradient, .n_rows = n, .n_cols = width, .stride = width};
    trivet_linalg_gemm(false, true, 1.0, block, rows_of(worker->theta, n, width), 0.0, z);
    softmax(worker, first, count);
    for (size_t k = 0; worker->wants_hessian && k < n; k++) {
        for (size_t l = k; l < n; l++) {
            add_cross(worker, first, count, k, l);
        }
    }
    for (size_t i = 0; i < count; i++) {
        const size_t truth = (size_t)problem->y[first + i];
        worker->z[i * n + truth] -= 1.0;
        for (size_t k = 0; k < n; k++) {
            worker->z[i * n + k] *= problem->weights[truth];
        }
    }
    trivet_linalg_gemm(true, false, 1.0, trivet_matrix_read(z), block, 1.0, gradient);
}

/* --- all blocks ------------------------------------------------------------------------------ */

static void *work(void *arg)
{
    struct worker *worker = arg;
    const struct trivet_logistic_objective *objective = worker->objective;
    const size_t n_rows = objective->problem->x.n_rows;
    const size_t n = objective->n_equations * objective->n_parameters;
    const size_t step = worker->part * BLOCK_ROWS;
    worker->value = 0.0;
    worker->n_rows = 0;
    memset(worker->gradient, 0, n * sizeof(double));
    if (worker->wants_hessian) {
        memset(worker->hessian, 0, n * n * sizeof(double));
    }
    for (size_t first = worker->index * step; first < n_rows;
         first += objective->n_workers * step) {
        const size_t count = n_rows - first < BLOCK_ROWS ? n_rows - first : BLOCK_ROWS;
        load_block(worker, first, count);
        if (objective->n_equations == 1) {
            binary_block(worker, first, count);
        } else {
            multinomial_block(worker, first, count);
        }
        worker->n_rows += count;
    }
    return NULL;
}

static void run_workers(struct trivet_logistic_objective *objective, const double *theta,
                        size_t part, bool wants_hessian)
{
    for (size_t w = objective->n_workers; w-- > 0;) {
        struct worker *worker = &objective->workers[w];
        worker->theta = theta;
        worker->part = part;
        worker->wants_hessian = wants_hessian;
        worker->started = w > 0 && pthread_create(&worker->thread, NULL, work, worker) == 0;
        if (!worker->started) {
            work(worker);
        }
    }
    for (size_t w = 1; w < objective->n_workers; w++) {
        if (objective->workers[w].started) {
            pthread_join(objective->workers[w].thread, NULL);
        }
    }
}

static void add_penalty(const struct trivet_logistic_objective *objective, const double *theta,
                        double *value, double *gradient, double *hessian)
{
    const struct trivet_logistic_problem *problem = objective->problem;
    const size_t n = objective->n_equations * objective->n_parameters;
    for (size_t k = 0; k < objective->n_equations; k++) {
        for (size_t j = 0; j < problem->x.n_cols; j++) {
            const size_t i = k * objective->n_parameters + j;
            *value += 0.5 * problem->l2 * theta[i] * theta[i];
            gradient[i] += problem->l2 * theta[i];
            if (hessian != NULL) {
                hessian[i * n + i] += problem->l2;
            }
        }
    }
}

void trivet_logistic_objective_evaluate(struct trivet_logistic_objective *objective,
                                        const double *theta, size_t part, double *value,
                                        double *gradient, double *hessian)
{
    const size_t n = objective->n_equations * objective->n_parameters;
    size_t n_rows = 0;
    run_workers(objective, theta, part, hessian != NULL);
    for (size_t w = 0; w < objective->n_workers; w++) {
        n_rows += objective->workers[w].n_rows;
    }
    const double scale = (double)objective->problem->x.n_rows / (double)n_rows;
    *value = 0.0;
    memset(gradient, 0, n * sizeof(double));
    for (size_t w = 0; w < objective->n_workers; w++) {
        const struct worker *worker = &objective->workers[w];
        *value += scale * worker->value;
        for (size_t i = 0; i < n; i++) {
            gradient[i] += scale * worker->gradient[i];
        }
    }
    /* Only the upper triangle of blocks was made. */
    for (size_t i = 0; hessian != NULL && i < n; i++) {
        for (size_t j = i; j < n; j++) {
            double sum = 0.0;
            for (size_t w = 0; w < objective->n_workers; w++) {
                sum += objective->workers[w].hessian[i * n + j];
            }
            hessian[i * n + j] = scale * sum;
            hessian[j * n + i] = scale * sum;
        }
    }
    add_penalty(objective, theta, value, gradient, hessian);
}

/* --- creation -------------------------------------------------------------------------------- */

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory in logistic_regression; use fewer features");
}

static bool make_worker(struct worker *worker, struct trivet_logistic_objective *objective,
                        size_t index, bool with_hessian)
{
    const size_t width = objective->n_parameters;
    const size_t n = objective->n_equations * width;
    worker->objective = objective;
    worker->index = index;
    worker->block = trivet_alloc_aligned(BLOCK_ROWS * width, sizeof(double));
    worker->scaled = trivet_alloc_aligned(BLOCK_ROWS * width, sizeof(double));
    worker->z = trivet_alloc_aligned(BLOCK_ROWS * objective->n_equations, sizeof(double));
    worker->scratch = trivet_alloc_aligned(BLOCK_ROWS, sizeof(double));
    worker->gradient = trivet_alloc_array(n, sizeof(double));
    worker->hessian = trivet_alloc_array(with_hessian ? n * n : 1, sizeof(double));
    return worker->block != NULL && worker->scaled != NULL && worker->z != NULL &&
           worker->scratch != NULL && worker->gradient != NULL && worker->hessian != NULL;
}

static void find_means(struct trivet_logistic_objective *objective)
{
    const struct trivet_const_matrix x = objective->problem->x;
    for (size_t i = 0; objective->problem->intercept && i < x.n_rows; i++) {
        for (size_t j = 0; j < x.n_cols; j++) {
            objective->means[j] += x.data[i * x.stride + j] / (double)x.n_rows;
        }
    }
}

enum trivet_status trivet_logistic_objective_create(const struct trivet_logistic_problem *problem,
                                                    bool with_hessian,
                                                    struct trivet_logistic_objective **out,
                                                    struct trivet_error *err)
{
    struct trivet_logistic_objective *objective = trivet_calloc(1, sizeof *objective);
    size_t n_workers = problem->n_threads < 1 ? 1 : problem->n_threads;
    if (objective == NULL) {
        return no_memory(err);
    }
    objective->problem = problem;
    objective->n_equations = trivet_logistic_n_equations(problem);
    objective->n_parameters = trivet_logistic_n_parameters(problem);
    objective->n_workers = n_workers < THREADS_MAX ? n_workers : THREADS_MAX;
    objective->means = trivet_calloc(problem->x.n_cols, sizeof(double));
    objective->workers = trivet_calloc(objective->n_workers, sizeof *objective->workers);
    bool complete = objective->means != NULL && objective->workers != NULL;
    for (size_t w = 0; complete && w < objective->n_workers; w++) {
        complete = make_worker(&objective->workers[w], objective, w, with_hessian);
    }
    if (!complete) {
        trivet_logistic_objective_free(objective);
        return no_memory(err);
    }
    find_means(objective);
    *out = objective;
    return TRIVET_OK;
}

void trivet_logistic_objective_free(struct trivet_logistic_objective *objective)
{
    if (objective == NULL) {
        return;
    }
    for (size_t w = 0; objective->workers != NULL && w < objective->n_workers; w++) {
        trivet_free(objective->workers[w].block);
        trivet_free(objective->workers[w].scaled);
        trivet_free(objective->workers[w].z);
        trivet_free(objective->workers[w].scratch);
        trivet_free(objective->workers[w].gradient);
        trivet_free(objective->workers[w].hessian);
    }
    trivet_free(objective->workers);
    trivet_free(objective->means);
    trivet_free(objective);
}
