/* Rows in blocks, support vectors in tiles: a tile of kernel values, made by one product and one
 * function, stays in the cache until the product with its coefficients. */
#include "base/alloc.h"
#include "linalg/affine.h"
#include "linalg/kernels.h"
#include "linalg/product.h"
#include "models/svm.h"
#include "models/svm_coupling.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define ROWS_MAX    96
#define VECTORS_MAX 512
/* Doubles; keeps parts of the scratch memory on cache lines. */
#define LINE 8
/* libsvm's bounds of the probability of a pair. */
#define PAIR_LEAST 1e-7

/* Memory of one call, all in one piece. */
struct scratch {
    double *rows;    /* (n_rows, n_features), with the shift taken off */
    double *norms;   /* (n_rows) */
    double *kernel;  /* (n_rows, a tile's vectors) */
    double *sums;    /* (n_rows, n_columns) of one class */
    double *values;  /* (n_rows, n_equations) */
    double *pairs;   /* (n_classes, n_classes) probabilities of pairs of one row */
    double *classes; /* (n_classes) */
    double *coupling;
};

static size_t rounded(size_t n)
{
    return (n + LINE - 1) / LINE * LINE;
}

#define N_PARTS 8

/* Doubles of each part, in the order of struct scratch; returns all of them together. */
static size_t part_sizes(const struct trivet_svm *model, size_t n_rows, size_t sizes[N_PARTS])
{
    const size_t tile = model->n_vectors < VECTORS_MAX ? model->n_vectors : VECTORS_MAX;
    const size_t k = model->calibration != NULL ? model->n_classes : 0;
    const size_t vectors = model->weights == NULL ? 1 : 0;
    const size_t needed[N_PARTS] = {n_rows * model->n_features * vectors,
                                    n_rows * vectors,
                                    n_rows * tile * vectors,
                                    n_rows * trivet_svm_n_columns(model) * vectors,
                                    n_rows * model->n_equations,
                                    k * k,
                                    k,
                                    trivet_svm_coupling_scratch(k)};
    size_t n = 0;
    for (size_t i = 0; i < N_PARTS; i++) {
        sizes[i] = rounded(needed[i]);
        n += sizes[i];
    }
    return n;
}

static size_t block_rows(size_t n_rows)
{
    return n_rows < ROWS_MAX ? n_rows : ROWS_MAX;
}

static void scratch_place(const struct trivet_svm *model, size_t n_rows, double *memory,
                          struct scratch *scratch)
{
    double **parts[N_PARTS] = {&scratch->rows,    &scratch->norms,   &scratch->kernel,
                               &scratch->sums,    &scratch->values,  &scratch->pairs,
                               &scratch->classes, &scratch->coupling};
    size_t sizes[N_PARTS];
    part_sizes(model, n_rows, sizes);
    for (size_t i = 0; i < N_PARTS; i++) {
        *parts[i] = memory;
        memory += sizes[i];
    }
}

static void take_rows(const struct trivet_svm *model, struct trivet_const_matrix x,
                      const struct scratch *scratch)
{
    size_t p = model->n_features;
    for (size_t i = 0; i < x.n_rows; i++) {
        const double *from = &x.data[i * x.stride];
        double *to = &scratch->rows[i * p];
        for (size_t j = 0; j < p; j++) {
            to[j] = from[j] - model->shift[j];
        }
        scratch->norms[i] = trivet_linalg_dot(to, to, p);
    }
}

/* kernel (n_rows, n) of the rows and vectors [first, first + n). */
static void make_kernel(const struct trivet_svm *model, size_t n_rows, size_t first, size_t n,
                        const struct scratch *scratch)
{
    size_t p = model->n_features;
    const struct trivet_svm_kernel *kernel = &model->kernel;
    struct trivet_const_matrix rows = {scratch->rows, n_rows, p, p};
    struct trivet_const_matrix vectors = {&model->vectors[first * p], n, p, p};
    struct trivet_matrix out = {scratch->kernel, n_rows, n, n};
    if (n_rows == 1) {
        trivet_linalg_gemv(false, 1.0, vectors, scratch->rows, 0.0, out.data);
    } else {
        trivet_linalg_gemm(false, true, 1.0, rows, vectors, 0.0, out);
    }
    if (kernel->kind == TRIVET_SVM_POLYNOMIAL) {
        trivet_linalg_kernel_polynomial(out.data, kernel->gamma, kernel->coef0, kernel->degree,
                                        n_rows * n);
    } else if (kernel->kind == TRIVET_SVM_SIGMOID) {
        trivet_linalg_kernel_sigmoid(out.data, kernel->gamma, kernel->coef0, n_rows * n);
    } else {
        for (size_t i = 0; i < n_rows; i++) {
            trivet_linalg_kernel_rbf(&out.data[i * n], &model->norms[first], scratch->norms[i],
                                     kernel->gamma, n);
        }
    }
}

/* sums (n_rows, n_columns) = kernel of vectors [first, end) times their coefficients. */
static void sum_group(const struct trivet_svm *model, size_t n_rows, size_t first, size_t end,
                      const struct scratch *scratch)
{
    size_t n_columns = trivet_svm_n_columns(model);
    memset(scratch->sums, 0, n_rows * n_columns * sizeof(double));
    for (size_t at = first; at < end; at += VECTORS_MAX) {
        size_t n = end - at < VECTORS_MAX ? end - at : VECTORS_MAX;
        make_kernel(model, n_rows, at, n, scratch);
        struct trivet_const_matrix kernel = {scratch->kernel, n_rows, n, n};
        struct trivet_const_matrix coefficients = {&model->coefficients[at * n_columns], n,
                                                   n_columns, n_columns};
        struct trivet_matrix sums = {scratch->sums, n_rows, n_columns, n_columns};
        if (n_columns == 1) {
            trivet_linalg_gemv(false, 1.0, kernel, coefficients.data, 1.0, sums.data);
        } else if (n_rows == 1) {
            trivet_linalg_gemv(true, 1.0, coefficients, kernel.data, 1.0, sums.data);
        } else {
            trivet_linalg_gemm(false, false, 1.0, kernel, coefficients, 1.0, sums);
        }
    }
}

/* A class's sums go to the equations with each other class. */
static void add_group(const struct trivet_svm *model, size_t n_rows, size_t group,
                      const struct scratch *scratch)
{
    size_t n_columns = trivet_svm_n_columns(model);
    for (size_t c = 0; c < n_columns; c++) {
        size_t other = c < group ? c : c + 1;
        size_t equation = model->n_classes == 0 ? 0
                          : group < other       ? trivet_svm_pair(model, group, other)
                                                : trivet_svm_pair(model, other, group);
        for (size_t i = 0; i < n_rows; i++) {
            scratch->values[i * model->n_equations + equation] += scratch->sums[i * n_columns + c];
        }
    }
}

/* values (n_rows, n_equations) of the block x. */
static void evaluate(const struct trivet_svm *model, struct trivet_const_matrix x,
                     const struct scratch *scratch)
{
    size_t n_equations = model->n_equations;
    if (model->weights != NULL) {
        for (size_t e = 0; e < n_equations; e++) {
            trivet_linalg_affine(x, &model->weights[e * model->n_features], model->intercepts[e],
                                 &scratch->values[e], n_equations);
        }
        return;
    }
    for (size_t i = 0; i < x.n_rows; i++) {
        memcpy(&scratch->values[i * n_equations], model->intercepts, n_equations * sizeof(double));
    }
    take_rows(model, x, scratch);
    size_t first = 0;
    for (size_t group = 0; group < trivet_svm_n_groups(model); group++) {
        size_t end = first + (size_t)model->counts[group];
        sum_group(model, x.n_rows, first, end, scratch);
        add_group(model, x.n_rows, group, scratch);
        first = end;
    }
}

/* 1 / (1 + exp(z)), without overflow. */
static double logistic(double z)
{
    return z >= 0.0 ? exp(-z) / (1.0 + exp(-z)) : 1.0 / (1.0 + exp(z));
}

static void calibrate(const struct trivet_svm *model, const double *values,
                      const struct scratch *scratch, double *out)
{
    size_t k = model->n_classes;
    size_t equation = 0;
    for (size_t i = 0; i < k; i++) {
        for (size_t j = i + 1; j < k; j++, equation++) {
            const double *ab = &model->calibration[2 * equation];
            double p = logistic(ab[0] * values[equation] + ab[1]);
            p = fmin(fmax(p, PAIR_LEAST), 1.0 - PAIR_LEAST);
            scratch->pairs[i * k + j] = p;
            scratch->pairs[j * k + i] = 1.0 - p;
        }
    }
    if (k == 2) {
        out[0] = scratch->pairs[1];
        out[1] = scratch->pairs[2];
        return;
    }
    trivet_svm_couple(scratch->pairs, k, scratch->classes, scratch->coupling);
    memcpy(out, scratch->classes, k * sizeof(double));
}

size_t trivet_svm_scratch_bytes(const void *state, size_t n_rows)
{
    size_t sizes[N_PARTS];
    return part_sizes(state, block_rows(n_rows), sizes) * sizeof(double);
}

void trivet_svm_predict_in(const void *state, struct trivet_const_matrix x,
                           struct trivet_matrix out, void *memory)
{
    const struct trivet_svm *model = state;
    struct scratch scratch = {0};
    scratch_place(model, block_rows(x.n_rows), memory, &scratch);
    for (size_t first = 0; first < x.n_rows; first += ROWS_MAX) {
        size_t n = block_rows(x.n_rows - first);
        struct trivet_const_matrix block = {&x.data[first * x.stride], n, x.n_cols, x.stride};
        evaluate(model, block, &scratch);
        for (size_t i = 0; i < n; i++) {
            const double *values = &scratch.values[i * model->n_equations];
            double *to = &out.data[(first + i) * out.stride];
            if (model->calibration != NULL) {
                calibrate(model, values, &scratch, to);
            } else {
                memcpy(to, values, model->n_equations * sizeof(double));
            }
        }
    }
}

enum trivet_status trivet_svm_predict(const void *state, struct trivet_const_matrix x,
                                      struct trivet_matrix out, struct trivet_error *err)
{
    const struct trivet_svm *model = state;
    if (x.n_cols != model->n_features || out.n_cols != trivet_svm_n_outputs(model) ||
        out.n_rows != x.n_rows) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the support vector machine was trained on %zu features and has "
                                "%zu outputs; given are %zu features and %zu outputs",
                                model->n_features, trivet_svm_n_outputs(model), x.n_cols,
                                out.n_cols);
    }
    void *memory = trivet_alloc_aligned(trivet_svm_scratch_bytes(model, x.n_rows), 1);
    if (memory == NULL) {
        return trivet_svm_no_memory(err);
    }
    trivet_svm_predict_in(model, x, out, memory);
    trivet_free(memory);
    return TRIVET_OK;
}
