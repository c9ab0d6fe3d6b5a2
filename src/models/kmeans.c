#include "models/kmeans.h"

#include "base/alloc.h"
#include "linalg/affine.h"
#include "linalg/blas.h"
#include "linalg/product.h"
#include "models/kmeans_engine.h"
#include "models/tensors.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define CLUSTERS_MAX 10000
/* Rows of a prediction that are measured together. */
#define ROWS_MAX 128
/* A squared distance that is less than this part of ||x||² + ||c||² has lost digits in
 * ||x||² - 2 x·c + ||c||², and is taken from differences. */
#define NEAR 1e-3

struct kmeans {
    size_t n_clusters;
    size_t n_features;
    double *shift;   /* owned, (n_features): taken off rows before they meet centres */
    double *centres; /* owned, (n_clusters, n_features), with the shift taken off */
    double *norms;   /* owned, (n_clusters): ||centre||²; follows from them */
};

static const char *const inits[] = {"k-means++", "random", "first_k", NULL};

static const struct trivet_param_spec kmeans_params[] = {
    {.name = "n_clusters",
     .type = TRIVET_PARAM_INT,
     .default_text = "8",
     .min = 1,
     .max = CLUSTERS_MAX,
     .help = "number of clusters"},
    {.name = "init",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "k-means++",
     .choices = inits,
     .help = "first centres: k-means++: rows far from each other; random: any rows; first_k: the "
             "first n_clusters rows of the training data, one start"},
    {.name = "n_init",
     .type = TRIVET_PARAM_INT,
     .default_text = "10",
     .min = 1,
     .max = 1000,
     .help = "starts, of which the best is kept"},
    {.name = "max_iter",
     .type = TRIVET_PARAM_INT,
     .default_text = "300",
     .min = 1,
     .max = 1e6,
     .help = "iterations of one start, at most"},
    {.name = "tol",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.0001",
     .min = 0.0,
     .max = INFINITY,
     .max_open = true,
     .help =
         "a start ends when its centres move by less, squared, relative to the mean variance of "
         "the features"},
    {.name = NULL},
};

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory in kmeans; use fewer rows, features or clusters");
}

static void kmeans_release(void *state)
{
    struct kmeans *model = state;
    trivet_free(model->shift);
    trivet_free(model->centres);
    trivet_free(model->norms);
    memset(model, 0, sizeof *model);
}

static bool kmeans_alloc(struct kmeans *model, size_t n_clusters, size_t n_features)
{
    model->n_clusters = n_clusters;
    model->n_features = n_features;
    model->shift = trivet_alloc_array(n_features, sizeof(double));
    model->centres = trivet_alloc_aligned(n_clusters * n_features, sizeof(double));
    model->norms = trivet_alloc_array(n_clusters, sizeof(double));
    return model->shift != NULL && model->centres != NULL && model->norms != NULL;
}

static void set_norms(struct kmeans *model)
{
    size_t p = model->n_features;
    for (size_t c = 0; c < model->n_clusters; c++) {
        model->norms[c] = trivet_linalg_dot(&model->centres[c * p], &model->centres[c * p], p);
    }
}

/* Takes the mean off each column; returns the mean of the columns' variances. */
static double centre_columns(struct trivet_matrix x, double *means, double *norms)
{
    double variance = 0.0;
    memset(means, 0, x.n_cols * sizeof(double));
    for (size_t i = 0; i < x.n_rows; i++) {
        for (size_t j = 0; j < x.n_cols; j++) {
            means[j] += x.data[i * x.stride + j];
        }
    }
    for (size_t j = 0; j < x.n_cols; j++) {
        means[j] /= (double)x.n_rows;
    }
    for (size_t i = 0; i < x.n_rows; i++) {
        double *row = &x.data[i * x.stride];
        for (size_t j = 0; j < x.n_cols; j++) {
            row[j] -= means[j];
        }
        norms[i] = trivet_linalg_dot(row, row, x.n_cols);
        variance += norms[i];
    }
    return variance / (double)x.n_rows / (double)x.n_cols;
}

static void tell(const struct trivet_kmeans_problem *problem,
                 const struct trivet_kmeans_result *result, struct trivet_fit_report *report)
{
    report->converged = result->converged;
    report->iterations = result->n_iterations;
    trivet_fit_report_fact(report, "inertia", result->inertia);
    if (result->n_occupied < problem->n_clusters) {
        trivet_fit_report_warn(report,
                               "only %zu of %zu clusters have rows: there are no more distinct "
                               "rows; use fewer clusters",
                               result->n_occupied, problem->n_clusters);
    }
    if (!result->converged) {
        trivet_fit_report_warn(report,
                               "the best start had not converged after %zu iterations; raise "
                               "max_iter",
                               problem->iterations_max);
    }
}

static enum trivet_kmeans_init init_of(const struct trivet_params *params)
{
    const char *name = trivet_params_choice(params, "init");
    size_t i = 0;
    while (strcmp(inits[i], name) != 0) {
        i++;
        assert(inits[i] != NULL);
    }
    return (enum trivet_kmeans_init)i;
}

static enum trivet_status kmeans_fit(void *state, const struct trivet_params *params,
                                     const struct trivet_fit_data *data,
                                     const struct trivet_fit_context *context,
                                     struct trivet_fit_report *report, struct trivet_error *err)
{
    struct kmeans *model = state;
    struct trivet_matrix x = data->x;
    size_t k = (size_t)trivet_params_int(params, "n_clusters");
    if (k > x.n_rows) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "n_clusters=%zu is more than the %zu training rows; use fewer "
                                "clusters or more rows",
                                k, x.n_rows);
    }
    double *norms = trivet_alloc_array(x.n_rows, sizeof(double));
    enum trivet_status status = TRIVET_OK;
    if (norms == NULL || !kmeans_alloc(model, k, x.n_cols)) {
        status = no_memory(err);
        goto done;
    }
    double variance = centre_columns(x, model->shift, norms);
    struct trivet_kmeans_problem problem = {
        .x = trivet_matrix_read(x),
        .norms = norms,
        .n_clusters = k,
        .n_init = (size_t)trivet_params_int(params, "n_init"),
        .iterations_max = (size_t)trivet_params_int(params, "max_iter"),
        .shift2_max = trivet_params_real(params, "tol") * variance,
        .init = init_of(params),
        .context = context,
    };
    problem.n_init = problem.init == TRIVET_KMEANS_FIRST_K ? 1 : problem.n_init;
    struct trivet_kmeans_result result = {.centres = model->centres};
    /* Threads are ours; those of BLAS would wait for each other. */
    trivet_blas_set_threads(1);
    status = trivet_kmeans_run(&problem, &result, err);
    trivet_blas_set_threads(context->n_threads > 1 ? context->n_threads : 1);
    if (status == TRIVET_OK) {
        set_norms(model);
        tell(&problem, &result, report);
    }
done:
    trivet_free(norms);
    if (status != TRIVET_OK) {
        kmeans_release(model);
    }
    return status;
}

/* rows (n_rows, n_features) and their norms, with the shift taken off. */
static void take_rows(const struct kmeans *model, struct trivet_const_matrix x, double *rows,
                      double *norms)
{
    size_t p = model->n_features;
    for (size_t i = 0; i < x.n_rows; i++) {
        for (size_t j = 0; j < p; j++) {
            rows[i * p + j] = x.data[i * x.stride + j] - model->shift[j];
        }
        norms[i] = trivet_linalg_dot(&rows[i * p], &rows[i * p], p);
    }
}

/* out (n_rows, n_clusters): products on entry, distances on return. */
static void finish_distances(const struct kmeans *model, const double *rows, const double *norms,
                             struct trivet_matrix out)
{
    size_t p = model->n_features;
    for (size_t i = 0; i < out.n_rows; i++) {
        double *to = &out.data[i * out.stride];
        for (size_t c = 0; c < model->n_clusters; c++) {
            double scale = norms[i] + model->norms[c];
            double distance2 = scale - 2.0 * to[c];
            if (distance2 < NEAR * scale) {
                distance2 = 0.0;
                for (size_t j = 0; j < p; j++) {
                    double d = rows[i * p + j] - model->centres[c * p + j];
                    distance2 += d * d;
                }
            }
            to[c] = sqrt(distance2);
        }
    }
}

static enum trivet_status kmeans_predict(const void *state, struct trivet_const_matrix x,
                                         struct trivet_matrix out, struct trivet_error *err)
{
    const struct kmeans *model = state;
    size_t p = model->n_features;
    if (x.n_cols != p || out.n_cols != model->n_clusters || out.n_rows != x.n_rows) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "kmeans was trained on %zu features and has %zu outputs; given are "
                                "%zu features and %zu outputs",
                                p, model->n_clusters, x.n_cols, out.n_cols);
    }
    size_t rows_max = x.n_rows < ROWS_MAX ? x.n_rows : ROWS_MAX;
    double *rows = trivet_alloc_aligned(rows_max * (p + 1), sizeof(double));
    if (rows == NULL) {
        return no_memory(err);
    }
    double *norms = &rows[rows_max * p];
    for (size_t first = 0; first < x.n_rows; first += ROWS_MAX) {
        size_t n = x.n_rows - first < ROWS_MAX ? x.n_rows - first : ROWS_MAX;
        struct trivet_const_matrix from = {&x.data[first * x.stride], n, p, x.stride};
        struct trivet_matrix to = {&out.data[first * out.stride], n, out.n_cols, out.stride};
        struct trivet_const_matrix centred = {rows, n, p, p};
        struct trivet_const_matrix centres = {model->centres, model->n_clusters, p, p};
        take_rows(model, from, rows, norms);
        if (n == 1) {
            trivet_linalg_gemv(false, 1.0, centres, rows, 0.0, to.data);
        } else {
            trivet_linalg_gemm(false, true, 1.0, centred, centres, 0.0, to);
        }
        finish_distances(model, rows, norms, to);
    }
    trivet_free(rows);
    return TRIVET_OK;
}

static enum trivet_status kmeans_save(const void *state, struct trivet_arena *arena,
                                      Trivet__V1__Step *out, struct trivet_error *err)
{
    const struct kmeans *model = state;
    enum trivet_status status = trivet_tensors_begin(arena, 2, out, err);
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_f64(arena, out, "shift", model->shift, model->n_features, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_f64(arena, out, "centres", model->centres,
                                        model->n_clusters * model->n_features, err);
    }
    return status;
}

static enum trivet_status kmeans_load(void *state, const struct trivet_params *params,
                                      const Trivet__V1__Step *step, struct trivet_error *err)
{
    struct kmeans *model = state;
    const double *shift = NULL;
    const double *centres = NULL;
    size_t k = (size_t)trivet_params_int(params, "n_clusters");
    size_t p = 0;
    enum trivet_status status = trivet_tensors_expect(step, 2, err);
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_f64(step, "shift", &shift, &p, err);
    }
    if (status == TRIVET_OK && p == 0) {
        status = trivet_tensors_wrong_count(step, "shift", 0, 1, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_f64_exactly(step, "centres", k * p, &centres, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    if (!kmeans_alloc(model, k, p)) {
        kmeans_release(model);
        return no_memory(err);
    }
    memcpy(model->shift, shift, p * sizeof(double));
    memcpy(model->centres, centres, k * p * sizeof(double));
    set_norms(model);
    return TRIVET_OK;
}

static size_t kmeans_n_features(const void *state)
{
    return ((const struct kmeans *)state)->n_features;
}

static size_t kmeans_n_outputs(const void *state)
{
    return ((const struct kmeans *)state)->n_clusters;
}

static enum trivet_output_kind kmeans_output_kind(const void *state)
{
    (void)state;
    return TRIVET_OUTPUT_DISTANCES;
}

static size_t kmeans_memory_bytes(const void *state)
{
    const struct kmeans *model = state;
    return sizeof *model +
           (model->n_clusters * (model->n_features + 1) + model->n_features) * sizeof(double);
}

const struct trivet_estimator_ops trivet_kmeans_ops = {
    .name = "kmeans",
    .summary = "clusters of rows round their means",
    .task = TRIVET_TASK_CLUSTERING,
    .state_bytes = sizeof(struct kmeans),
    .params = kmeans_params,
    .fit = kmeans_fit,
    .predict = kmeans_predict,
    .save = kmeans_save,
    .load = kmeans_load,
    .n_features = kmeans_n_features,
    .n_outputs = kmeans_n_outputs,
    .output_kind = kmeans_output_kind,
    .memory_bytes = kmeans_memory_bytes,
    .release = kmeans_release,
};
