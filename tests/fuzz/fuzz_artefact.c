/* A stored version. The input is the packed Artefact; its header with the right checksum is put in
 * front here, as no random change would get past that. What loads must also predict. */
#include "artefact/artefact.h"
#include "base/hash.h"
#include "fuzz/fuzz.h"
#include "profile/profile.h"
#include "wire/codec.h"

#include <math.h>
#include <string.h>

#define ROWS         12
#define HEADER_BYTES 40
#define BUDGET_BYTES ((size_t)1 << 24)
/* What a change makes of the 3 columns of the seed; more are not predicted with. */
#define COLUMNS_MAX 32

static const double areas[ROWS] = {50, 60, NAN, 80, 95, 100, 110, 125, 130, 140, 155, 160};
static const double rooms[ROWS] = {1, 2, 2, 3, 3, 4, NAN, 4, 5, 5, 6, 6};
static const double prices[ROWS] = {100, 125, 130, 170, 190, 215, 220, 260, 275, 290, 325, 330};
static const uint32_t codes[ROWS] = {0, 1, 2, 0, TRIVET_CODE_NULL, 2, 0, 1, 1, 0, 2, 2};
static const char *const places[] = {"north", "south", "west"};

static const struct trivet_column seed_columns[] = {
    {.name = "area", .type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = areas},
    {.name = "rooms", .type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = rooms},
    {.name = "place",
     .type = TRIVET_COLUMN_CATEGORICAL,
     .stride = 1,
     .codes = codes,
     .dictionary = places,
     .n_dictionary = TRIVET_ARRAY_COUNT(places)},
    {.name = "price", .type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = prices},
};

/* Rows for whatever inputs the artefact says it has: values of the seed, by type. */
static void predict(const struct trivet_pipeline *pipeline)
{
    const struct trivet_schema *inputs = trivet_pipeline_inputs(pipeline);
    struct trivet_column columns[COLUMNS_MAX];
    size_t n_outputs = trivet_pipeline_n_outputs(pipeline);
    double out[ROWS * 4];
    struct trivet_row_status rows[ROWS] = {{0}};
    struct trivet_error err = {0};
    char text[256];
    if (inputs->n_columns > COLUMNS_MAX || n_outputs > 4) {
        return;
    }
    for (size_t j = 0; j < inputs->n_columns; j++) {
        bool numeric = inputs->columns[j].type == TRIVET_COLUMN_NUMERIC;
        columns[j] = seed_columns[numeric ? j % 2 : 2];
        columns[j].name = inputs->columns[j].name;
    }
    const struct trivet_table table = {ROWS, inputs->n_columns, columns};
    struct trivet_matrix matrix = {out, ROWS, n_outputs, n_outputs};
    if (trivet_pipeline_predict(pipeline, &table, matrix, rows, &err) == TRIVET_OK) {
        for (size_t i = 0; i < ROWS; i++) {
            FUZZ_REQUIRE(rows[i].fault == TRIVET_ROW_FINE || rows[i].column < table.n_columns);
            FUZZ_REQUIRE(rows[i].fault != TRIVET_ROW_FINE || !isnan(out[i * n_outputs]));
        }
    }
    for (size_t i = 0; trivet_pipeline_step_text(pipeline, i, text, sizeof(text)); i++) {
        FUZZ_REQUIRE(strlen(text) < sizeof(text));
    }
}

static void decode(const uint8_t *data, size_t n_bytes)
{
    struct trivet_artefact *artefact = NULL;
    struct trivet_error err = {0};
    enum trivet_status status = trivet_artefact_decode(data, n_bytes, &artefact, &err);
    FUZZ_REQUIRE((status == TRIVET_OK) == (artefact != NULL));
    FUZZ_REQUIRE(status == TRIVET_OK || status == TRIVET_DATA_LOSS ||
                 status == TRIVET_RESOURCE_EXHAUSTED || status == TRIVET_FAILED_PRECONDITION);
    FUZZ_REQUIRE(status == TRIVET_OK || (err.status == status && err.message[0] != '\0'));
    if (artefact) {
        predict(artefact->pipeline);
    }
    trivet_artefact_free(artefact);
}

int trivet_fuzz_one(const uint8_t *data, size_t n_bytes)
{
    struct trivet_buffer whole = {0};
    uint8_t header[HEADER_BYTES] = {'T', 'R', 'I', 'V', 'E', 'T', 0, 1};
    if (trivet_sha256_of(data, n_bytes, header + 8, NULL) == TRIVET_OK &&
        trivet_buffer_append(&whole, header, sizeof(header), NULL) == TRIVET_OK &&
        trivet_buffer_append(&whole, data, n_bytes, NULL) == TRIVET_OK) {
        decode(whole.data, whole.n_bytes);
    }
    trivet_buffer_release(&whole);
    decode(data, n_bytes); /* without the header */
    return 0;
}

static void must(enum trivet_status status)
{
    FUZZ_REQUIRE(status == TRIVET_OK);
}

static Trivet__V1__Profile *make_profile(struct trivet_arena *arena)
{
    static Trivet__V1__Profile profile = TRIVET__V1__PROFILE__INIT;
    static Trivet__V1__FeatureProfile parts[4];
    static Trivet__V1__FeatureProfile *list[4];
    for (size_t i = 0; i < 4; i++) {
        const struct trivet_column *column = &seed_columns[i];
        list[i] = &parts[i];
        trivet__v1__feature_profile__init(list[i]);
        if (column->type == TRIVET_COLUMN_NUMERIC) {
            must(trivet_profile_numeric(i == 3 ? "prediction" : column->name, column->numbers, ROWS,
                                        1, arena, list[i], NULL));
        } else {
            must(trivet_profile_categorical(column->name, column->codes, ROWS, 1,
                                            column->dictionary, column->n_dictionary, arena,
                                            list[i], NULL));
        }
    }
    profile.features = list;
    profile.n_features = 3;
    profile.predictions = list + 3;
    profile.n_predictions = 1;
    return &profile;
}

static struct trivet_pipeline *fit(const Trivet__V1__PipelineSpec *spec)
{
    struct trivet_error err = {0};
    const struct trivet_table table = {ROWS, TRIVET_ARRAY_COUNT(seed_columns), seed_columns};
    struct trivet_schema schema = {0};
    struct trivet_pipeline *pipeline = NULL;
    struct trivet_fit_report report = {0};
    const struct trivet_fit_context context = {.seed = 1};
    for (size_t i = 0; i < table.n_columns; i++) {
        must(trivet_schema_add(&schema, seed_columns[i].name, seed_columns[i].type, &err));
    }
    must(trivet_pipeline_create(spec, &schema, &pipeline, &err));
    must(trivet_pipeline_fit(pipeline, &table, NULL, ROWS, &context, &report, &err));
    trivet_fit_report_release(&report);
    trivet_schema_release(&schema);
    return pipeline;
}

bool trivet_fuzz_seed(size_t index, struct trivet_buffer *out)
{
    char target[] = "price";
    char estimator[] = "linear_regression";
    char model[] = "houses";
    Trivet__V1__PipelineSpec spec = TRIVET__V1__PIPELINE_SPEC__INIT;
    Trivet__V1__SplitSpec split = TRIVET__V1__SPLIT_SPEC__INIT;
    Trivet__V1__TrainingReport report = TRIVET__V1__TRAINING_REPORT__INIT;
    Trivet__V1__Lineage lineage = TRIVET__V1__LINEAGE__INIT;
    Trivet__V1__Artefact message = TRIVET__V1__ARTEFACT__INIT;
    if (index > 0) {
        return false;
    }
    spec.target = target;
    spec.estimator = estimator;
    spec.default_transformers = 1;
    struct trivet_arena *arena = trivet_arena_create(BUDGET_BYTES, 0);
    struct trivet_pipeline *pipeline = fit(&spec);
    message.model = model;
    message.spec = &spec;
    message.split = &split;
    message.report = &report;
    message.lineage = &lineage;
    message.profile = make_profile(arena);
    must(trivet_pipeline_save(pipeline, arena, &message.pipeline, NULL));
    must(trivet_artefact_signature(pipeline, arena, &message.signature, NULL));
    must(trivet_codec_pack(&message.base, out, NULL));
    trivet_pipeline_free(pipeline);
    trivet_arena_free(arena);
    return true;
}
