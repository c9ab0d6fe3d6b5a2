/* Specs, tables and pipelines for the tests of models, in few words. */
#ifndef TRIVET_TESTS_MODELS_FIXTURE_H
#define TRIVET_TESTS_MODELS_FIXTURE_H

#include "models/pipeline.h"

#include <stddef.h>
#include <stdint.h>

#define FIXTURE_STEPS_MAX  8
#define FIXTURE_PARAMS_MAX 8

/* A PipelineSpec with its parts; texts are borrowed. Does not move once built. */
struct fixture_spec {
    Trivet__V1__PipelineSpec spec;
    Trivet__V1__Parameter parameters[FIXTURE_PARAMS_MAX];
    Trivet__V1__Parameter *parameter_list[FIXTURE_PARAMS_MAX];
    Trivet__V1__TransformerSpec steps[FIXTURE_STEPS_MAX];
    Trivet__V1__TransformerSpec *step_list[FIXTURE_STEPS_MAX];
    Trivet__V1__Parameter step_parameters[FIXTURE_STEPS_MAX][FIXTURE_PARAMS_MAX];
    Trivet__V1__Parameter *step_parameter_list[FIXTURE_STEPS_MAX][FIXTURE_PARAMS_MAX];
    char *step_columns[FIXTURE_STEPS_MAX];
    size_t n_steps;
    size_t n_parameters;
};

void fixture_spec_init(struct fixture_spec *spec, const char *target, const char *estimator);
void fixture_spec_parameter(struct fixture_spec *spec, const char *name, const char *value);
/* One more step; `parameter` (with `value`) and `column` may be NULL. */
void fixture_spec_step(struct fixture_spec *spec, const char *name, const char *parameter,
                       const char *value, const char *column);
/* One more parameter of the last step. */
void fixture_spec_step_parameter(struct fixture_spec *spec, const char *name, const char *value);

struct trivet_column fixture_numbers(const char *name, const double *numbers);
struct trivet_column fixture_codes(const char *name, const uint32_t *codes,
                                   const char *const *dictionary, size_t n_dictionary);
/* Schema of a table; released by the caller. */
struct trivet_schema fixture_schema(const struct trivet_table *table);

/* Create and fit, failing the test with the message when that fails. */
struct trivet_pipeline *fixture_create(const struct fixture_spec *spec,
                                       const struct trivet_table *table);
struct trivet_pipeline *fixture_fit(const struct fixture_spec *spec,
                                    const struct trivet_table *table);
/* Create, and expect a refusal whose message has `words`. */
void fixture_refused(const struct fixture_spec *spec, const struct trivet_table *table,
                     const char *words);
/* Create and fit, and expect the fit to be refused. */
void fixture_fit_refused(const struct fixture_spec *spec, const struct trivet_table *table,
                         const char *words);
/* Predict `table`; rows has table->n_rows entries, out the outputs for each. */
void fixture_predict(const struct trivet_pipeline *pipeline, const struct trivet_table *table,
                     double *out, struct trivet_row_status *rows);
/* Features of all rows of `table`, row-major, and their faults. */
void fixture_transform(const struct trivet_pipeline *pipeline, const struct trivet_table *table,
                       double *x, struct trivet_row_status *rows);
void fixture_near(double value, double expected, double relative);

#endif
