#include "fixture.h"

#include "artefact/artefact.h"
#include "base/alloc.h"
#include "base/rng.h"
#include "base/text.h"
#include "linalg/blas.h"
#include "models/pipeline.h"
#include "support/normal.h"

#include <math.h>
#include <string.h>

#define TRAIN_ROWS 300
#define NAME_BYTES 16

static void *zeroed(size_t count, size_t bytes)
{
    void *memory = trivet_calloc(count, bytes);
    assert_non_null(memory);
    return memory;
}

static struct trivet_pipeline *fit(Trivet__V1__PipelineSpec *spec, size_t n_columns, uint64_t seed)
{
    struct trivet_error err;
    struct trivet_schema schema = {0};
    struct trivet_rng rng;
    trivet_blas_init(); /* as every program of ours does */
    trivet_rng_seed(&rng, seed);
    double *values = zeroed(TRAIN_ROWS * (n_columns + 1), sizeof(double));
    struct trivet_column *columns = zeroed(n_columns + 1, sizeof(*columns));
    for (size_t i = 0; i <= n_columns; i++) {
        char name[NAME_BYTES] = "y";
        if (i < n_columns) {
            trivet_text_format(name, sizeof(name), "x%zu", i);
        }
        assert_int_equal(trivet_schema_add(&schema, name, TRIVET_COLUMN_NUMERIC, &err), TRIVET_OK);
    }
    for (size_t row = 0; row < TRAIN_ROWS; row++) {
        double *x = values + row * (n_columns + 1);
        for (size_t j = 0; j < n_columns; j++) {
            x[j] = 3 + normal_next(&rng);
            x[n_columns] += x[j] * (double)(j + seed % 7 + 1);
        }
        x[n_columns] += 0.1 * normal_next(&rng);
    }
    for (size_t i = 0; i <= n_columns; i++) {
        columns[i] = (struct trivet_column){.name = schema.columns[i].name,
                                            .type = TRIVET_COLUMN_NUMERIC,
                                            .stride = n_columns + 1,
                                            .numbers = values + i};
    }
    struct trivet_table table = {TRAIN_ROWS, n_columns + 1, columns};
    struct trivet_pipeline *pipeline = NULL;
    struct trivet_fit_context context = {.seed = seed};
    struct trivet_fit_report report = {0};
    if (trivet_pipeline_create(spec, &schema, &pipeline, &err) != TRIVET_OK ||
        trivet_pipeline_fit(pipeline, &table, NULL, TRAIN_ROWS, &context, &report, &err) !=
            TRIVET_OK) {
        fail_msg("%s", err.message);
    }
    trivet_fit_report_release(&report);
    trivet_schema_release(&schema);
    trivet_free(columns);
    trivet_free(values);
    return pipeline;
}

/* Profiles without bins: nothing here reads them. */
static void add_profile(struct trivet_arena *arena, const struct trivet_pipeline *pipeline,
                        Trivet__V1__Profile *profile)
{
    static uint64_t no_counts[1] = {0};
    const struct trivet_schema *inputs = trivet_pipeline_inputs(pipeline);
    size_t n = inputs->n_columns + 1;
    Trivet__V1__FeatureProfile **list = trivet_arena_alloc_array(arena, n, sizeof(*list));
    assert_non_null(list);
    for (size_t i = 0; i < n; i++) {
        list[i] = trivet_arena_alloc(arena, sizeof(*list[i]));
        assert_non_null(list[i]);
        trivet__v1__feature_profile__init(list[i]);
        list[i]->name = trivet_arena_strdup(arena, i + 1 < n ? inputs->columns[i].name : "y");
        list[i]->counts = no_counts;
        list[i]->n_counts = 1;
    }
    profile->features = list;
    profile->n_features = n - 1;
    profile->predictions = list + n - 1;
    profile->n_predictions = 1;
}

void fixture_artefact(const char *model, size_t n_columns, uint64_t seed, bool imputes,
                      struct trivet_buffer *out)
{
    struct trivet_error err;
    struct trivet_arena *arena = trivet_arena_create(64u << 20, 4096);
    assert_non_null(arena);
    Trivet__V1__PipelineSpec spec = TRIVET__V1__PIPELINE_SPEC__INIT;
    spec.target = trivet_arena_strdup(arena, "y");
    spec.estimator = trivet_arena_strdup(arena, "linear_regression");
    spec.default_transformers = imputes;
    struct trivet_pipeline *pipeline = fit(&spec, n_columns, seed);
    Trivet__V1__SplitSpec split = TRIVET__V1__SPLIT_SPEC__INIT;
    Trivet__V1__TrainingReport report = TRIVET__V1__TRAINING_REPORT__INIT;
    Trivet__V1__Lineage lineage = TRIVET__V1__LINEAGE__INIT;
    Trivet__V1__Profile profile = TRIVET__V1__PROFILE__INIT;
    Trivet__V1__Artefact message = TRIVET__V1__ARTEFACT__INIT;
    add_profile(arena, pipeline, &profile);
    message.model = trivet_arena_strdup(arena, model);
    message.spec = &spec;
    message.split = &split;
    message.report = &report;
    message.lineage = &lineage;
    message.profile = &profile;
    if (trivet_pipeline_save(pipeline, arena, &message.pipeline, &err) != TRIVET_OK ||
        trivet_artefact_signature(pipeline, arena, &message.signature, &err) != TRIVET_OK ||
        trivet_artefact_encode(&message, out, &err) != TRIVET_OK) {
        fail_msg("%s", err.message);
    }
    trivet_pipeline_free(pipeline);
    trivet_arena_free(arena);
}

struct trivet_servable *fixture_servable(const char *model, uint64_t version, size_t n_columns,
                                         uint64_t seed, bool imputes)
{
    struct trivet_error err;
    struct trivet_buffer bytes = {0};
    struct trivet_servable *servable = NULL;
    fixture_artefact(model, n_columns, seed, imputes, &bytes);
    if (trivet_servable_create(model, version, bytes.data, bytes.n_bytes, &servable, &err) !=
        TRIVET_OK) {
        fail_msg("%s", err.message);
    }
    trivet_buffer_release(&bytes);
    return servable;
}

/* Most rows are fine. */
static void make_row(struct trivet_rng *rng, double *x, size_t n_columns,
                     struct trivet_row_status *fault)
{
    for (size_t j = 0; j < n_columns; j++) {
        x[j] = 3 + normal_next(rng);
    }
    size_t column = (size_t)trivet_rng_below(rng, n_columns);
    switch (trivet_rng_below(rng, 20)) {
    case 0: /* as the decoder leaves it */
        fault->fault = TRIVET_ROW_NAN;
        fault->column = (uint32_t)column;
        x[column] = NAN;
        break;
    case 1:
        x[column] = NAN;
        break;
    case 2: /* the prediction overflows, or nearly */
        x[column] = 1.7e308;
        break;
    default:
        break;
    }
}

void fixture_rows_make(struct fixture_rows *rows, struct trivet_servable *servable, size_t n_rows,
                       uint64_t seed)
{
    const struct trivet_pipeline *pipeline = trivet_servable_pipeline(servable);
    const struct trivet_schema *inputs = trivet_pipeline_inputs(pipeline);
    size_t n_columns = inputs->n_columns;
    struct trivet_rng rng;
    trivet_rng_seed(&rng, seed);
    double *values = zeroed(n_rows * n_columns, sizeof(*values));
    struct trivet_column *columns = zeroed(n_columns, sizeof(*columns));
    rows->faults_in = zeroed(n_rows, sizeof(*rows->faults_in));
    rows->faults_out = zeroed(n_rows, sizeof(*rows->faults_out));
    rows->outputs = zeroed(n_rows, sizeof(*rows->outputs));
    for (size_t i = 0; i < n_rows; i++) {
        make_row(&rng, values + i * n_columns, n_columns, &rows->faults_in[i]);
    }
    for (size_t j = 0; j < n_columns; j++) {
        columns[j] = (struct trivet_column){.name = inputs->columns[j].name,
                                            .type = TRIVET_COLUMN_NUMERIC,
                                            .stride = n_columns,
                                            .numbers = values + j};
    }
    rows->table = (struct trivet_table){n_rows, n_columns, columns};
    memcpy(rows->faults_out, rows->faults_in, n_rows * sizeof(*rows->faults_in));
    struct trivet_matrix out = {rows->outputs, n_rows, 1, 1};
    struct trivet_error err;
    if (trivet_pipeline_predict(pipeline, &rows->table, out, rows->faults_out, &err) != TRIVET_OK) {
        fail_msg("%s", err.message);
    }
}

void fixture_rows_release(struct fixture_rows *rows)
{
    trivet_free((void *)(uintptr_t)rows->table.columns[0].numbers);
    trivet_free((void *)(uintptr_t)rows->table.columns);
    trivet_free(rows->faults_in);
    trivet_free(rows->faults_out);
    trivet_free(rows->outputs);
}
