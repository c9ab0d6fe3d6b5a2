#include "models/transformers/pca.h"

#include "base/alloc.h"
#include "base/text.h"
#include "linalg/product.h"
#include "linalg/svd.h"
#include "models/tensors.h"
#include "models/transformers/column.h"
#include "models/transformers/numeric.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define BLOCK_ROWS 256
#define TOLD_MAX   5

struct pca {
    size_t n_columns;
    size_t n_components;
    double *mean;       /* owned: n_columns */
    double *components; /* owned: (n_components, n_columns) */
    double *scale;      /* owned: n_components, > 0; ones without whitening */
};

static const char *const words[] = {"all", NULL};
static const char *const told[TOLD_MAX] = {
    "explained_variance_ratio_1", "explained_variance_ratio_2", "explained_variance_ratio_3",
    "explained_variance_ratio_4", "explained_variance_ratio_5"};

static const struct trivet_param_spec pca_params[] = {
    {.name = "n_components",
     .type = TRIVET_PARAM_REAL,
     .default_text = "all",
     .min = 0.0,
     .max = TRIVET_FEATURES_MAX,
     .min_open = true,
     .words = words,
     .help = "components to keep; below 1: as many as explain more than that part of the variance"},
    {.name = "whiten",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "false",
     .help = "divide each component by its deviation"},
    {.name = NULL},
};

static void pca_release(void *state)
{
    struct pca *pca = state;
    trivet_free(pca->mean);
    trivet_free(pca->components);
    trivet_free(pca->scale);
    memset(pca, 0, sizeof *pca);
}

/* Rows [first, first + count) minus the means, row-major. */
static void gather(const struct trivet_column *columns, size_t p, const double *mean, size_t first,
                   size_t count, double *block)
{
    for (size_t j = 0; j < p; j++) {
        for (size_t i = 0; i < count; i++) {
            block[i * p + j] = trivet_column_number(&columns[j], first + i) - mean[j];
        }
    }
}

/* out (n_components, count) at `stride` = components · blockᵀ. */
static void project(const struct pca *pca, const double *block, size_t count, double *out,
                    size_t stride)
{
    const struct trivet_const_matrix components = {.data = pca->components,
                                                   .n_rows = pca->n_components,
                                                   .n_cols = pca->n_columns,
                                                   .stride = pca->n_columns};
    const struct trivet_const_matrix rows = {
        .data = block, .n_rows = count, .n_cols = pca->n_columns, .stride = pca->n_columns};
    const struct trivet_matrix to = {
        .data = out, .n_rows = pca->n_components, .n_cols = count, .stride = stride};
    trivet_linalg_gemm(false, true, 1.0, components, rows, 0.0, to);
}

/* How many of the `k` components, whose singular values are `s`, are kept. */
static enum trivet_status count_components(const struct trivet_params *params, const double *s,
                                           size_t k, size_t *out, struct trivet_error *err)
{
    double total = 0.0;
    double sum = 0.0;
    size_t n = 0;
    if (trivet_params_word(params, "n_components") != NULL) {
        *out = k;
        return TRIVET_OK;
    }
    double wanted = trivet_params_real(params, "n_components");
    if (wanted >= 1.0) {
        if (wanted != floor(wanted) || wanted > (double)k) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "pca: n_components=%g is neither below 1 nor a whole number "
                                    "up to %zu, the lesser of rows and columns",
                                    wanted, k);
        }
        *out = (size_t)wanted;
        return TRIVET_OK;
    }
    for (size_t i = 0; i < k; i++) {
        total += s[i] * s[i];
    }
    do {
        sum += s[n] * s[n];
        n++;
    } while (n < k && sum / total <= wanted);
    *out = n;
    return TRIVET_OK;
}

static void tell(const double *s, size_t k, size_t n_kept, struct trivet_fit_report *report)
{
    double total = 0.0;
    double kept = 0.0;
    for (size_t i = 0; i < k; i++) {
        total += s[i] * s[i];
        kept += i < n_kept ? s[i] * s[i] : 0.0;
    }
    trivet_fit_report_fact(report, "pca_components", (double)n_kept);
    if (total > 0.0) {
        trivet_fit_report_fact(report, "explained_variance_ratio", kept / total);
        for (size_t i = 0; i < n_kept && i < TOLD_MAX; i++) {
            trivet_fit_report_fact(report, told[i], s[i] * s[i] / total);
        }
    }
}

/* Turns every component so that the training row furthest out on it is on its positive side.
 * `block` has room for BLOCK_ROWS rows, `scores` for as many by components and as many more. */
static void flip(struct pca *pca, const struct trivet_transform_data *data, double *block,
                 double *scores)
{
    double *furthest = &scores[BLOCK_ROWS * pca->n_components];
    memset(furthest, 0, pca->n_components * sizeof(double));
    for (size_t first = 0; first < data->n_rows; first += BLOCK_ROWS) {
        size_t count = data->n_rows - first < BLOCK_ROWS ? data->n_rows - first : BLOCK_ROWS;
        gather(data->columns, pca->n_columns, pca->mean, first, count, block);
        project(pca, block, count, scores, count);
        for (size_t k = 0; k < pca->n_components; k++) {
            for (size_t i = 0; i < count; i++) {
                double score = scores[k * count + i];
                furthest[k] = fabs(score) > fabs(furthest[k]) ? score : furthest[k];
            }
        }
    }
    for (size_t k = 0; k < pca->n_components; k++) {
        double *component = &pca->components[k * pca->n_columns];
        for (size_t j = 0; furthest[k] < 0.0 && j < pca->n_columns; j++) {
            component[j] = -component[j];
        }
    }
}

/* Means; INVALID_ARGUMENT when a value is missing or too large. */
static enum trivet_status find_means(struct pca *pca, const struct trivet_transform_data *data,
                                     struct trivet_error *err)
{
    for (size_t j = 0; j < data->n_columns; j++) {
        const struct trivet_column *column = &data->columns[j];
        enum trivet_status status = trivet_numeric_refuse_missing("pca", column, data->n_rows, err);
        if (status != TRIVET_OK) {
            return status;
        }
        struct trivet_moments moments = trivet_numeric_moments(column, data->n_rows);
        pca->mean[j] = moments.mean;
        if (!isfinite(moments.mean) || !isfinite(moments.variance)) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "pca: the values of column '%s' are too large to be squared; "
                                    "scale it first",
                                    column->name);
        }
    }
    return TRIVET_OK;
}

/* Components and scales from singular values and vectors. */
static enum trivet_status keep_components(struct pca *pca, const struct trivet_params *params,
                                          const struct trivet_transform_data *data, const double *s,
                                          const double *vt, struct trivet_fit_report *report,
                                          struct trivet_error *err)
{
    const size_t p = data->n_columns;
    const size_t k = data->n_rows < p ? data->n_rows : p;
    const size_t longest = data->n_rows < p ? p : data->n_rows;
    const bool whiten = trivet_params_bool(params, "whiten");
    const double least = (double)longest * DBL_EPSILON * s[0];
    double *scratch = NULL;
    enum trivet_status status = count_components(params, s, k, &pca->n_components, err);
    if (status != TRIVET_OK) {
        return status;
    }
    pca->components = trivet_memdup(vt, pca->n_components * p * sizeof(double));
    pca->scale = trivet_alloc_array(pca->n_components, sizeof(double));
    scratch =
        trivet_alloc_aligned(BLOCK_ROWS * p + (BLOCK_ROWS + 1) * pca->n_components, sizeof(double));
    if (pca->components == NULL || pca->scale == NULL || scratch == NULL) {
        trivet_free(scratch);
        return trivet_transformer_no_memory("pca", err);
    }
    for (size_t i = 0; i < pca->n_components; i++) {
        bool scaled = whiten && s[i] > least && s[i] > 0.0;
        pca->scale[i] = scaled ? s[i] / sqrt((double)(data->n_rows - 1)) : 1.0;
    }
    flip(pca, data, scratch, &scratch[BLOCK_ROWS * p]);
    tell(s, k, pca->n_components, report);
    trivet_free(scratch);
    return TRIVET_OK;
}

static enum trivet_status pca_fit(void *state, const struct trivet_params *params,
                                  const struct trivet_transform_data *data,
                                  const struct trivet_fit_context *context,
                                  struct trivet_fit_report *report, struct trivet_error *err)
{
    struct pca *pca = state;
    const size_t p = data->n_columns;
    const size_t n = data->n_rows;
    const size_t k = n < p ? n : p;
    double *s = NULL;
    double *vt = NULL;
    struct trivet_matrix x = {.n_rows = n, .n_cols = p, .stride = p};
    if (n < 2) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "pca: one row has no variance; give more rows");
    }
    pca->n_columns = p;
    pca->mean = trivet_alloc_array(p, sizeof(double));
    s = trivet_alloc_array(k, sizeof(double));
    vt = trivet_alloc_aligned(k * p, sizeof(double));
    x.data =
        n <= (size_t)-1 / sizeof(double) / p ? trivet_alloc_aligned(n * p, sizeof(double)) : NULL;
    enum trivet_status status = TRIVET_OK;
    if (pca->mean == NULL || s == NULL || vt == NULL || x.data == NULL) {
        status = trivet_transformer_no_memory("pca", err);
        goto done;
    }
    status = find_means(pca, data, err);
    if (status == TRIVET_OK) {
        gather(data->columns, p, pca->mean, 0, n, x.data);
        status = trivet_linalg_svd_right(x, s, vt, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_fit_progress(context, 0.0, err);
    }
    if (status == TRIVET_OK) {
        status = keep_components(pca, params, data, s, vt, report, err);
    }
done:
    trivet_free(s);
    trivet_free(vt);
    trivet_free(x.data);
    if (status != TRIVET_OK) {
        pca_release(pca);
    }
    return status;
}

static size_t pca_n_outputs(const void *state)
{
    return ((const struct pca *)state)->n_components;
}

static size_t pca_output_source(const void *state, size_t output)
{
    (void)state;
    (void)output;
    return 0;
}

static char *pca_output_name(const void *state, size_t output, const char *const *input_names)
{
    (void)state;
    (void)input_names;
    char name[32];
    trivet_text_format(name, sizeof name, "pca%zu", output);
    return trivet_strdup(name);
}

static void mark_faults(const struct trivet_transform_input *input, struct trivet_row_status *rows)
{
    for (size_t j = 0; j < input->n_columns; j++) {
        for (size_t i = 0; i < input->n_rows; i++) {
            double value = trivet_column_number(&input->columns[j], i);
            if (!isfinite(value)) {
                trivet_row_set_fault(&rows[i],
                                     isnan(value) ? TRIVET_ROW_MISSING : TRIVET_ROW_INFINITE,
                                     input->origins[j]);
            }
        }
    }
}

static enum trivet_status pca_transform(const void *state,
                                        const struct trivet_transform_input *input,
                                        struct trivet_arena *arena, struct trivet_column *out,
                                        struct trivet_row_status *rows, struct trivet_error *err)
{
    const struct pca *pca = state;
    const size_t p = pca->n_columns;
    const size_t n_rows = input->n_rows;
    const size_t block_rows = n_rows < BLOCK_ROWS ? n_rows : BLOCK_ROWS;
    double *all = NULL;
    double *block = trivet_arena_alloc_array(arena, block_rows * p + 1, sizeof(double));
    if (block == NULL) {
        return trivet_transformer_no_memory("pca", err);
    }
    enum trivet_status status =
        trivet_numeric_make(arena, "pca", pca->n_components, n_rows, out, &all, err);
    if (status != TRIVET_OK) {
        return status;
    }
    mark_faults(input, rows);
    for (size_t first = 0; first < n_rows; first += BLOCK_ROWS) {
        size_t count = n_rows - first < BLOCK_ROWS ? n_rows - first : BLOCK_ROWS;
        gather(input->columns, p, pca->mean, first, count, block);
        project(pca, block, count, &all[first], n_rows);
    }
    for (size_t k = 0; k < pca->n_components; k++) {
        for (size_t i = 0; i < n_rows; i++) {
            all[k * n_rows + i] /= pca->scale[k];
        }
    }
    return TRIVET_OK;
}

static enum trivet_status pca_save(const void *state, struct trivet_arena *arena,
                                   Trivet__V1__Step *out, struct trivet_error *err)
{
    const struct pca *pca = state;
    enum trivet_status status = trivet_tensors_begin(arena, 3, out, err);
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_f64(arena, out, "mean", pca->mean, pca->n_columns, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_f64(arena, out, "components", pca->components,
                                        pca->n_components * pca->n_columns, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_f64(arena, out, "scale", pca->scale, pca->n_components, err);
    }
    return status;
}

static enum trivet_status check_scale(const Trivet__V1__Step *step, const double *scale,
                                      size_t n_components, size_t n_columns,
                                      struct trivet_error *err)
{
    bool good = n_components > 0 && n_components <= n_columns;
    for (size_t k = 0; good && k < n_components; k++) {
        good = scale[k] > 0.0;
    }
    return good ? TRIVET_OK
                : trivet_error_set(err, TRIVET_DATA_LOSS,
                                   "the saved state of '%s' is damaged: %zu columns cannot have "
                                   "such scales of components",
                                   step->name, n_columns);
}

static enum trivet_status pca_load(void *state, const struct trivet_params *params,
                                   const enum trivet_column_type *types, size_t n_columns,
                                   const Trivet__V1__Step *step, struct trivet_error *err)
{
    (void)params;
    (void)types;
    struct pca *pca = state;
    const double *mean = NULL;
    const double *components = NULL;
    const double *scale = NULL;
    size_t n_components = 0;
    enum trivet_status status = trivet_tensors_expect(step, 3, err);
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_f64_exactly(step, "mean", n_columns, &mean, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_f64(step, "scale", &scale, &n_components, err);
    }
    if (status == TRIVET_OK) {
        status = check_scale(step, scale, n_components, n_columns, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_f64_exactly(step, "components", n_components * n_columns,
                                                &components, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    pca->n_columns = n_columns;
    pca->n_components = n_components;
    pca->mean = trivet_memdup(mean, n_columns * sizeof(double));
    pca->components = trivet_memdup(components, n_components * n_columns * sizeof(double));
    pca->scale = trivet_memdup(scale, n_components * sizeof(double));
    if (pca->mean == NULL || pca->components == NULL || pca->scale == NULL) {
        pca_release(pca);
        return trivet_transformer_no_memory("pca", err);
    }
    return TRIVET_OK;
}

static size_t pca_memory_bytes(const void *state)
{
    const struct pca *pca = state;
    return sizeof *pca +
           (pca->n_columns + pca->n_components * (pca->n_columns + 1)) * sizeof(double);
}

const struct trivet_transformer_ops trivet_pca_ops = {
    .name = "pca",
    .summary = "columns turned to their principal components",
    .state_bytes = sizeof(struct pca),
    .params = pca_params,
    .accepts = trivet_numeric_accepts,
    .output_type = trivet_numeric_output_type,
    .fit = pca_fit,
    .n_outputs = pca_n_outputs,
    .output_source = pca_output_source,
    .output_name = pca_output_name,
    .transform = pca_transform,
    .save = pca_save,
    .load = pca_load,
    .memory_bytes = pca_memory_bytes,
    .release = pca_release,
};
