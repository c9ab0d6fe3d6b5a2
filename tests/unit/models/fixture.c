#include "fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

/* Messages are not const; nothing writes to the texts. */
static char *text(const char *borrowed)
{
    return (char *)(uintptr_t)borrowed;
}

void fixture_spec_init(struct fixture_spec *spec, const char *target, const char *estimator)
{
    memset(spec, 0, sizeof *spec);
    trivet__v1__pipeline_spec__init(&spec->spec);
    spec->spec.target = text(target);
    spec->spec.estimator = text(estimator);
    spec->spec.transformers = spec->step_list;
    spec->spec.parameters = spec->parameter_list;
}

void fixture_spec_parameter(struct fixture_spec *spec, const char *name, const char *value)
{
    size_t i = spec->n_parameters++;
    assert_true(i < FIXTURE_PARAMS_MAX);
    trivet__v1__parameter__init(&spec->parameters[i]);
    spec->parameters[i].name = text(name);
    spec->parameters[i].value = text(value);
    spec->parameter_list[i] = &spec->parameters[i];
    spec->spec.n_parameters = spec->n_parameters;
}

void fixture_spec_step(struct fixture_spec *spec, const char *name, const char *parameter,
                       const char *value, const char *column)
{
    size_t i = spec->n_steps++;
    assert_true(i < FIXTURE_STEPS_MAX);
    Trivet__V1__TransformerSpec *step = &spec->steps[i];
    trivet__v1__transformer_spec__init(step);
    step->name = text(name);
    step->parameters = spec->step_parameter_list[i];
    if (parameter != NULL) {
        fixture_spec_step_parameter(spec, parameter, value);
    }
    if (column != NULL) {
        spec->step_columns[i] = text(column);
        step->columns = &spec->step_columns[i];
        step->n_columns = 1;
    }
    spec->step_list[i] = step;
    spec->spec.n_transformers = spec->n_steps;
}

void fixture_spec_step_parameter(struct fixture_spec *spec, const char *name, const char *value)
{
    size_t i = spec->n_steps - 1;
    size_t k = spec->steps[i].n_parameters++;
    assert_true(k < FIXTURE_PARAMS_MAX);
    trivet__v1__parameter__init(&spec->step_parameters[i][k]);
    spec->step_parameters[i][k].name = text(name);
    spec->step_parameters[i][k].value = text(value);
    spec->step_parameter_list[i][k] = &spec->step_parameters[i][k];
}

struct trivet_column fixture_numbers(const char *name, const double *numbers)
{
    return (struct trivet_column){
        .name = name, .type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = numbers};
}

struct trivet_column fixture_codes(const char *name, const uint32_t *codes,
                                   const char *const *dictionary, size_t n_dictionary)
{
    return (struct trivet_column){.name = name,
                                  .type = TRIVET_COLUMN_CATEGORICAL,
                                  .stride = 1,
                                  .codes = codes,
                                  .dictionary = dictionary,
                                  .n_dictionary = n_dictionary};
}

struct trivet_schema fixture_schema(const struct trivet_table *table)
{
    struct trivet_schema schema = {0};
    struct trivet_error err = {0};
    for (size_t j = 0; j < table->n_columns; j++) {
        assert_int_equal(
            trivet_schema_add(&schema, table->columns[j].name, table->columns[j].type, &err),
            TRIVET_OK);
    }
    return schema;
}

struct trivet_pipeline *fixture_create(const struct fixture_spec *spec,
                                       const struct trivet_table *table)
{
    struct trivet_error err = {0};
    struct trivet_pipeline *pipeline = NULL;
    struct trivet_schema schema = fixture_schema(table);
    enum trivet_status status = trivet_pipeline_create(&spec->spec, &schema, &pipeline, &err);
    trivet_schema_release(&schema);
    if (status != TRIVET_OK) {
        fail_msg("%s", err.message);
    }
    return pipeline;
}

struct trivet_pipeline *fixture_fit(const struct fixture_spec *spec,
                                    const struct trivet_table *table)
{
    struct trivet_error err = {0};
    struct trivet_fit_report report = {0};
    struct trivet_fit_context context = {.seed = 7};
    struct trivet_pipeline *pipeline = fixture_create(spec, table);
    enum trivet_status status =
        trivet_pipeline_fit(pipeline, table, NULL, 0, &context, &report, &err);
    trivet_fit_report_release(&report);
    if (status != TRIVET_OK) {
        fail_msg("%s", err.message);
    }
    return pipeline;
}

static void assert_words(const struct trivet_error *err, enum trivet_status status,
                         const char *words)
{
    assert_int_equal(status, TRIVET_INVALID_ARGUMENT);
    assert_int_equal(err->status, TRIVET_INVALID_ARGUMENT);
    if (strstr(err->message, words) == NULL) {
        fail_msg("'%s' does not say '%s'", err->message, words);
    }
}

void fixture_refused(const struct fixture_spec *spec, const struct trivet_table *table,
                     const char *words)
{
    struct trivet_error err = {0};
    struct trivet_pipeline *pipeline = NULL;
    struct trivet_schema schema = fixture_schema(table);
    enum trivet_status status = trivet_pipeline_create(&spec->spec, &schema, &pipeline, &err);
    trivet_schema_release(&schema);
    assert_null(pipeline);
    assert_words(&err, status, words);
}

void fixture_fit_refused(const struct fixture_spec *spec, const struct trivet_table *table,
                         const char *words)
{
    struct trivet_error err = {0};
    struct trivet_fit_report report = {0};
    struct trivet_fit_context context = {.seed = 7};
    struct trivet_pipeline *pipeline = fixture_create(spec, table);
    enum trivet_status status =
        trivet_pipeline_fit(pipeline, table, NULL, 0, &context, &report, &err);
    trivet_fit_report_release(&report);
    assert_words(&err, status, words);
    assert_int_equal(trivet_pipeline_n_features(pipeline), 0);
    trivet_pipeline_free(pipeline);
}

void fixture_predict(const struct trivet_pipeline *pipeline, const struct trivet_table *table,
                     double *out, struct trivet_row_status *rows)
{
    struct trivet_error err = {0};
    size_t n_outputs = trivet_pipeline_n_outputs(pipeline);
    struct trivet_matrix matrix = {out, table->n_rows, n_outputs, n_outputs};
    memset(rows, 0, table->n_rows * sizeof *rows);
    if (trivet_pipeline_predict(pipeline, table, matrix, rows, &err) != TRIVET_OK) {
        fail_msg("%s", err.message);
    }
}

void fixture_transform(const struct trivet_pipeline *pipeline, const struct trivet_table *table,
                       double *x, struct trivet_row_status *rows)
{
    struct trivet_error err = {0};
    struct trivet_table bound;
    size_t n_features = trivet_pipeline_n_features(pipeline);
    struct trivet_matrix matrix = {x, table->n_rows, n_features, n_features};
    struct trivet_arena *arena = trivet_arena_create((size_t)1 << 30, 0);
    assert_non_null(arena);
    memset(rows, 0, table->n_rows * sizeof *rows);
    assert_int_equal(
        trivet_table_bind(table, trivet_pipeline_inputs(pipeline), arena, &bound, &err), TRIVET_OK);
    assert_int_equal(trivet_pipeline_transform(pipeline, &bound, arena, matrix, rows, &err),
                     TRIVET_OK);
    trivet_arena_free(arena);
}

void fixture_near(double value, double expected, double relative)
{
    if (!(fabs(value - expected) <= relative * fmax(fabs(expected), 1e-300))) {
        fail_msg("%.17g is not %.17g", value, expected);
    }
}
