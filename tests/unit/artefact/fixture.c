#include "fixture.h"

#include "profile/profile.h"

#include <string.h>

#define ROWS 8

static const double a_values[ROWS] = {1, 2, 3, 4, 5, 6, 7, 8};
static const double b_values[ROWS] = {2, 1, 4, 3, 6, 5, 8, 9};

static Trivet__V1__PipelineSpec *make_spec(struct trivet_arena *arena)
{
    Trivet__V1__PipelineSpec *spec = trivet_arena_alloc(arena, sizeof *spec);
    assert_non_null(spec);
    trivet__v1__pipeline_spec__init(spec);
    spec->target = trivet_arena_strdup(arena, "y");
    spec->estimator = trivet_arena_strdup(arena, "linear_regression");
    spec->default_transformers = true;
    return spec;
}

static void fit(struct fixture *fixture, const Trivet__V1__PipelineSpec *spec)
{
    struct trivet_error err = {0};
    double y_values[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        y_values[i] = 2 * a_values[i] - 3 * b_values[i] + 1;
    }
    const struct trivet_column columns[] = {
        {.name = "a", .type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = a_values},
        {.name = "b", .type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = b_values},
        {.name = "y", .type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = y_values},
    };
    const struct trivet_table table = {.n_rows = ROWS, .n_columns = 3, .columns = columns};
    struct trivet_schema schema = {0};
    for (size_t i = 0; i < table.n_columns; i++) {
        assert_int_equal(trivet_schema_add(&schema, columns[i].name, TRIVET_COLUMN_NUMERIC, &err),
                         TRIVET_OK);
    }
    assert_int_equal(trivet_pipeline_create(spec, &schema, &fixture->pipeline, &err), TRIVET_OK);
    const struct trivet_fit_context context = {.seed = 1};
    assert_int_equal(
        trivet_pipeline_fit(fixture->pipeline, &table, NULL, ROWS, &context, &fixture->fit, &err),
        TRIVET_OK);
    trivet_schema_release(&schema);
}

static Trivet__V1__FeatureProfile *profile_of(struct trivet_arena *arena, const char *name,
                                              const double *values)
{
    struct trivet_error err = {0};
    Trivet__V1__FeatureProfile *profile = trivet_arena_alloc(arena, sizeof *profile);
    assert_non_null(profile);
    trivet__v1__feature_profile__init(profile);
    assert_int_equal(trivet_profile_numeric(name, values, ROWS, 1, arena, profile, &err),
                     TRIVET_OK);
    return profile;
}

static Trivet__V1__Profile *make_profile(struct trivet_arena *arena)
{
    Trivet__V1__Profile *profile = trivet_arena_alloc(arena, sizeof *profile);
    Trivet__V1__FeatureProfile **list = trivet_arena_alloc_array(arena, 3, sizeof list[0]);
    assert_non_null(profile);
    assert_non_null(list);
    trivet__v1__profile__init(profile);
    list[0] = profile_of(arena, "a", a_values);
    list[1] = profile_of(arena, "b", b_values);
    list[2] = profile_of(arena, "prediction", b_values);
    profile->features = list;
    profile->n_features = 2;
    profile->predictions = list + 2;
    profile->n_predictions = 1;
    return profile;
}

static void *zeroed(struct trivet_arena *arena, size_t bytes)
{
    void *memory = trivet_arena_alloc(arena, bytes);
    assert_non_null(memory);
    memset(memory, 0, bytes);
    return memory;
}

void fixture_init(struct fixture *fixture)
{
    struct trivet_error err = {0};
    memset(fixture, 0, sizeof *fixture);
    fixture->arena = trivet_arena_create((size_t)16 << 20, 4096);
    assert_non_null(fixture->arena);
    Trivet__V1__Artefact *message = &fixture->message;
    trivet__v1__artefact__init(message);
    message->model = trivet_arena_strdup(fixture->arena, "houses");
    message->spec = make_spec(fixture->arena);
    fit(fixture, message->spec);
    assert_int_equal(
        trivet_pipeline_save(fixture->pipeline, fixture->arena, &message->pipeline, &err),
        TRIVET_OK);
    assert_int_equal(
        trivet_artefact_signature(fixture->pipeline, fixture->arena, &message->signature, &err),
        TRIVET_OK);
    message->profile = make_profile(fixture->arena);
    message->split = zeroed(fixture->arena, sizeof *message->split);
    trivet__v1__split_spec__init(message->split);
    message->report = zeroed(fixture->arena, sizeof *message->report);
    trivet__v1__training_report__init(message->report);
    message->lineage = zeroed(fixture->arena, sizeof *message->lineage);
    trivet__v1__lineage__init(message->lineage);
}

void fixture_release(struct fixture *fixture)
{
    trivet_fit_report_release(&fixture->fit);
    trivet_pipeline_free(fixture->pipeline);
    trivet_arena_free(fixture->arena);
}

void fixture_encode(const struct fixture *fixture, struct trivet_buffer *out)
{
    struct trivet_error err = {0};
    assert_int_equal(trivet_artefact_encode(&fixture->message, out, &err), TRIVET_OK);
}
