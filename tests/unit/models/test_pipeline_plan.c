/* A plan against both halves of a prediction, on random batches: every estimator, behind steps that
 * are fused and others. */
#include "models/pipeline_plan.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "linalg/matrix.h"
#include "models/registry.h"
#include "support/normal.h"
#include "unit/models/fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS_MAX    600
#define COLUMNS_MAX 24
#define OUTPUTS_MAX 8
#define BATCHES     40
/* Relative to the size of an output, where that is above 1: numbers around 1e6 are added up. */
#define TOLERANCE        1e-8
#define TOLERANCE_SINGLE 1e-6

struct step {
    const char *name;
    const char *parameter;
    const char *value;
};

struct chain {
    struct step steps[3];
    bool fused;
    bool exact;  /* trees may be behind it */
    bool scored; /* it needs a target */
};

static const struct chain chains[] = {
    {.fused = true, .exact = true},
    {.steps = {{"standard_scaler", NULL, NULL}}, .fused = true, .exact = true},
    {.steps = {{"imputer", "strategy", "median"}}, .fused = true, .exact = true},
    {.steps = {{"imputer", "add_indicator", "true"}, {"robust_scaler", NULL, NULL}},
     .fused = true,
     .exact = true},
    {.steps = {{"standard_scaler", NULL, NULL}, {"imputer", NULL, NULL}},
     .fused = true,
     .exact = true},
    {.steps = {{"min_max_scaler", NULL, NULL}, {"imputer", NULL, NULL}}, .fused = true},
    {.steps = {{"imputer", NULL, NULL},
               {"select_k_best", "k", "0.5"},
               {"max_abs_scaler", NULL, NULL}},
     .fused = true,
     .exact = true,
     .scored = true},
    {.steps = {{"imputer", NULL, NULL}, {"min_max_scaler", "clip", "true"}}},
    {.steps = {{"imputer", NULL, NULL},
               {"standard_scaler", NULL, NULL},
               {"robust_scaler", NULL, NULL}}},
};

/* Training rows and what is asked of them. */
struct data {
    size_t n_columns;
    size_t n_classes;
    double numbers[COLUMNS_MAX + 1][ROWS_MAX]; /* the last is the target */
    char names[COLUMNS_MAX + 1][8];
    struct trivet_column columns[COLUMNS_MAX + 1];
    struct trivet_table table;
};

static struct data *make_data(size_t n_columns, size_t n_classes, bool with_missing,
                              struct trivet_rng *rng)
{
    struct data *data = trivet_calloc(1, sizeof *data);
    assert_non_null(data);
    data->n_columns = n_columns;
    data->n_classes = n_classes;
    for (size_t j = 0; j <= n_columns; j++) {
        const double mean = j % 3 == 0 ? 1e6 : 0.0;
        for (size_t i = 0; i < ROWS_MAX; i++) {
            data->numbers[j][i] = mean + normal_next(rng);
        }
        (void)memcpy(data->names[j], "n00", 4);
        data->names[j][1] = (char)('a' + j);
        data->columns[j] = fixture_numbers(data->names[j], data->numbers[j]);
    }
    double *y = data->numbers[n_columns];
    for (size_t i = 0; i < ROWS_MAX; i++) {
        double sum = 0.3 * normal_next(rng);
        for (size_t j = 0; j < n_columns; j++) {
            const double x = data->numbers[j][i] - (j % 3 == 0 ? 1e6 : 0.0);
            sum += (j % 2 == 0 ? 1.0 : -0.5) * x;
        }
        y[i] = n_classes == 2   ? (sum > 0.0 ? 1.0 : 0.0)
               : n_classes == 3 ? (sum > 0.7    ? 2.0
                                   : sum > -0.7 ? 1.0
                                                : 0.0)
                                : sum;
    }
    for (size_t j = 0; with_missing && j < n_columns; j += 2) {
        for (size_t i = j; i < ROWS_MAX; i += 19) {
            data->numbers[j][i] = (double)NAN;
        }
    }
    (void)memcpy(data->names[n_columns], "y", 2);
    data->table = (struct trivet_table){
        .n_rows = ROWS_MAX, .n_columns = n_columns + 1, .columns = data->columns};
    return data;
}

/* One batch: the same numbers as a matrix of a request and as rows anywhere in memory. */
struct batch {
    size_t n_rows;
    bool single;
    bool nan_is_missing;
    double values[ROWS_MAX * COLUMNS_MAX];
    float floats[ROWS_MAX * COLUMNS_MAX];
    char bytes[ROWS_MAX * COLUMNS_MAX * sizeof(double) + 64];
    const void *pointers[ROWS_MAX];
    struct trivet_row_view view;
};

static double a_number(const struct data *data, size_t j, double strangeness,
                       struct trivet_rng *rng)
{
    const double chance = trivet_rng_uniform(rng);
    if (chance < strangeness) {
        return (double)NAN;
    }
    if (chance < 1.2 * strangeness) {
        return chance < 1.1 * strangeness ? (double)INFINITY : -(double)INFINITY;
    }
    const double value = data->numbers[j][trivet_rng_below(rng, ROWS_MAX)];
    return isnan(value) ? 1.5 : value;
}

static void fill_batch(const struct data *data, struct trivet_rng *rng, struct batch *batch)
{
    static const size_t sizes[] = {1, 2, 7, 8, 9, 33, 200, ROWS_MAX};
    const double strangeness = trivet_rng_below(rng, 2) == 0 ? 0.0 : 0.02;
    const size_t n = data->n_columns;
    batch->n_rows = sizes[trivet_rng_below(rng, TRIVET_ARRAY_COUNT(sizes))];
    batch->single = trivet_rng_below(rng, 2) == 0;
    batch->nan_is_missing = trivet_rng_below(rng, 2) == 0;
    for (size_t i = 0; i < batch->n_rows * n; i++) {
        batch->values[i] = a_number(data, i % n, strangeness, rng);
        batch->floats[i] = (float)batch->values[i];
    }
    const size_t row_bytes = n * (batch->single ? sizeof(float) : sizeof(double));
    const char *from = batch->single ? (const char *)batch->floats : (const char *)batch->values;
    char *to = &batch->bytes[trivet_rng_below(rng, 32)];
    memcpy(to, from, batch->n_rows * row_bytes);
    for (size_t i = 0; i < batch->n_rows; i++) {
        batch->pointers[i] = &to[i * row_bytes];
    }
    batch->view = (struct trivet_row_view){
        .n_rows = batch->n_rows, .single = batch->single, .first = to, .stride_bytes = row_bytes};
    if (trivet_rng_below(rng, 2) == 0) {
        batch->view.rows = batch->pointers;
        batch->view.first = NULL;
    }
}

/* By a matrix, columns, features and the estimator. */
static void predict_generally(const struct trivet_pipeline *pipeline, struct batch *batch,
                              double *out, struct trivet_row_status *status)
{
    struct trivet_arena *arena = trivet_arena_create((size_t)64 << 20, 0);
    struct trivet_table table;
    struct trivet_row_status *rows = NULL;
    struct trivet_error err = {0};
    Trivet__V1__Matrix matrix = TRIVET__V1__MATRIX__INIT;
    const size_t n_outputs = trivet_pipeline_n_outputs(pipeline);
    const size_t n_features = trivet_pipeline_n_features(pipeline);
    matrix.rows = (uint32_t)batch->n_rows;
    matrix.cols = (uint32_t)trivet_pipeline_inputs(pipeline)->n_columns;
    matrix.nan_is_missing = batch->nan_is_missing;
    matrix.f32 = batch->single ? batch->floats : NULL;
    matrix.n_f32 = batch->single ? batch->n_rows * matrix.cols : 0;
    matrix.f64 = batch->single ? NULL : batch->values;
    matrix.n_f64 = batch->single ? 0 : batch->n_rows * matrix.cols;
    double *x = trivet_alloc_aligned(batch->n_rows * n_features + 1, sizeof(double));
    assert_true(arena != NULL && x != NULL);
    struct trivet_matrix features = {x, batch->n_rows, n_features, n_features};
    assert_int_equal(trivet_table_decode_matrix(&matrix, trivet_pipeline_inputs(pipeline), arena,
                                                &table, &rows, &err),
                     TRIVET_OK);
    assert_int_equal(trivet_pipeline_transform(pipeline, &table, arena, features, rows, &err),
                     TRIVET_OK);
    assert_int_equal(trivet_pipeline_estimate(
                         pipeline,
                         (struct trivet_const_matrix){x, batch->n_rows, n_features, n_features},
                         (struct trivet_matrix){out, batch->n_rows, n_outputs, n_outputs}, &err),
                     TRIVET_OK);
    memcpy(status, rows, batch->n_rows * sizeof *status);
    for (size_t i = 0; i < batch->n_rows; i++) {
        for (size_t k = 0; k < n_outputs; k++) {
            if (status[i].fault == TRIVET_ROW_FINE && !isfinite(out[i * n_outputs + k])) {
                status[i] = (struct trivet_row_status){.fault = TRIVET_ROW_OVERFLOW};
            }
        }
    }
    trivet_free(x);
    trivet_arena_free(arena);
}

static void compare(const struct trivet_pipeline *pipeline, const struct trivet_plan *plan,
                    struct batch *batch, const char *name)
{
    static double expected[ROWS_MAX * OUTPUTS_MAX];
    static double found[ROWS_MAX * OUTPUTS_MAX];
    struct trivet_row_status general[ROWS_MAX];
    struct trivet_row_status status[ROWS_MAX] = {0};
    const size_t n_outputs = trivet_pipeline_n_outputs(pipeline);
    const double tolerance =
        batch->single && trivet_plan_is_single(plan) ? TOLERANCE_SINGLE : TOLERANCE;
    size_t n_faults = 0;
    assert_true(n_outputs <= OUTPUTS_MAX);
    void *scratch = trivet_alloc_aligned(trivet_plan_scratch_bytes(plan, batch->n_rows), 1);
    assert_non_null(scratch);
    predict_generally(pipeline, batch, expected, general);
    const size_t returned =
        trivet_plan_predict(plan, &batch->view, batch->nan_is_missing, found, status, scratch);
    for (size_t i = 0; i < batch->n_rows; i++) {
        if (status[i].fault != general[i].fault || status[i].column != general[i].column) {
            fail_msg("%s: row %zu of %zu has fault %d of column %u, not %d of %u", name, i,
                     batch->n_rows, (int)status[i].fault, status[i].column, (int)general[i].fault,
                     general[i].column);
        }
        n_faults += status[i].fault != TRIVET_ROW_FINE;
        for (size_t k = 0; k < n_outputs; k++) {
            const double a = found[i * n_outputs + k];
            const double b = expected[i * n_outputs + k];
            if (status[i].fault != TRIVET_ROW_FINE) {
                assert_true(isnan(a));
            } else if (!(fabs(a - b) <= tolerance * fmax(1.0, fabs(b)))) {
                fail_msg("%s: output %zu of row %zu of %zu is %.17g, not %.17g", name, k, i,
                         batch->n_rows, a, b);
            }
        }
    }
    assert_int_equal(returned, n_faults);
    trivet_free(scratch);
}

/* The pipeline, or NULL when such data cannot be fitted. */
static struct trivet_pipeline *fit(const struct data *data, const char *estimator,
                                   const struct chain *chain, bool clustering)
{
    struct fixture_spec spec;
    fixture_spec_init(&spec, clustering ? "" : "y", estimator);
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(chain->steps) && chain->steps[i].name != NULL; i++) {
        fixture_spec_step(&spec, chain->steps[i].name, chain->steps[i].parameter,
                          chain->steps[i].value, NULL);
    }
    struct trivet_table table = data->table;
    table.n_columns -= clustering ? 1 : 0;
    return fixture_fit(&spec, &table);
}

static void try_pipeline(const struct trivet_estimator_ops *ops, const struct chain *chain,
                         size_t n_columns, size_t n_classes, struct trivet_rng *rng)
{
    static struct batch batch;
    struct trivet_plan *plan = NULL;
    struct trivet_error err = {0};
    char name[128];
    const bool with_missing =
        chain->steps[0].name != NULL && strcmp(chain->steps[0].name, "imputer") == 0;
    struct data *data = make_data(n_columns, n_classes, with_missing, rng);
    struct trivet_pipeline *pipeline =
        fit(data, ops->name, chain, ops->task == TRIVET_TASK_CLUSTERING);
    (void)snprintf(name, sizeof name, "%s, chain %zu, %zu columns, %zu classes", ops->name,
                   (size_t)(chain - chains), n_columns, n_classes);
    assert_int_equal(trivet_plan_create(pipeline, &plan, &err), TRIVET_OK);
    const bool able = ops->linear != NULL || ops->predict_in != NULL;
    const bool expected = able && chain->fused && (chain->exact || !ops->exact_features);
    if ((plan != NULL) != expected) {
        fail_msg("%s: %s plan", name, plan != NULL ? "a" : "no");
    }
    for (size_t i = 0; plan != NULL && i < BATCHES; i++) {
        fill_batch(data, rng, &batch);
        compare(pipeline, plan, &batch, name);
    }
    trivet_plan_free(plan);
    trivet_pipeline_free(pipeline);
    trivet_free(data);
}

static void plans_predict_as_pipelines(void **state)
{
    static const size_t widths[] = {1, 5, 8, 19};
    struct trivet_rng rng;
    (void)state;
    trivet_rng_seed(&rng, 12);
    for (size_t e = 0; trivet_registry_estimators()[e] != NULL; e++) {
        const struct trivet_estimator_ops *ops = trivet_registry_estimators()[e];
        for (size_t c = 0; c < TRIVET_ARRAY_COUNT(chains); c++) {
            const size_t n_columns = widths[(e + c) % TRIVET_ARRAY_COUNT(widths)];
            const size_t n_classes =
                ops->task == TRIVET_TASK_CLASSIFICATION ? 2 + (e + c / 2) % 2 : 0;
            /* Columns cannot be scored without a target. */
            if (ops->task != TRIVET_TASK_CLUSTERING || !chains[c].scored) {
                try_pipeline(ops, &chains[c], n_columns, n_classes, &rng);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_predict_as_pipelines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
