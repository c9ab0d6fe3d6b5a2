/* From a spec and a schema to an unfitted pipeline; refuses what can be refused before a fit. */
#include "base/alloc.h"
#include "base/text.h"
#include "models/pipeline_internal.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_BYTES 256

/* "a, b, c, …" of the schema's columns, for messages. */
static void list_columns(const struct trivet_schema *schema, char *text, size_t text_bytes)
{
    text[0] = '\0';
    size_t used = 0;
    for (size_t j = 0; j < schema->n_columns; j++) {
        const char *name = schema->columns[j].name;
        if (used + strlen(name) + sizeof ", …" + 2 > text_bytes) {
            trivet_text_copy(&text[used], text_bytes - used, ", …");
            return;
        }
        trivet_text_format(&text[used], text_bytes - used, "%s%s", j > 0 ? ", " : "", name);
        used += strlen(&text[used]);
    }
}

static enum trivet_status refuse_column(const struct trivet_schema *schema, const char *field,
                                        const char *what, const char *name,
                                        struct trivet_error *err)
{
    char names[NAMES_BYTES];
    list_columns(schema, names, sizeof names);
    trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                     "%s '%s' is not in the data; its columns are: %s", what, name, names);
    trivet_error_add_violation(err, field, "no column '%s'", name);
    return TRIVET_INVALID_ARGUMENT;
}

static enum trivet_status refuse_target(const struct trivet_pipeline *pipeline, const char *target,
                                        struct trivet_error *err)
{
    trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                     "%s finds clusters and takes no target; leave '%s' out, and name the columns "
                     "to use",
                     pipeline->estimator->name, target);
    trivet_error_add_violation(err, "target", "must be empty for clustering");
    return TRIVET_INVALID_ARGUMENT;
}

static enum trivet_status set_target(struct trivet_pipeline *pipeline, const char *target,
                                     const struct trivet_schema *schema, struct trivet_error *err)
{
    char names[NAMES_BYTES];
    const enum trivet_task task = pipeline->estimator->task;
    if (task == TRIVET_TASK_CLUSTERING) {
        return target[0] == '\0' ? TRIVET_OK : refuse_target(pipeline, target, err);
    }
    if (target[0] == '\0') {
        list_columns(schema, names, sizeof names);
        trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                         "no target is named; name the column to predict, one of: %s", names);
        trivet_error_add_violation(err, "target", "must be named");
        return TRIVET_INVALID_ARGUMENT;
    }
    size_t index = trivet_schema_find(schema, target);
    if (index == TRIVET_COLUMN_NOT_FOUND) {
        return refuse_column(schema, "target", "target", target, err);
    }
    if (task == TRIVET_TASK_REGRESSION && schema->columns[index].type != TRIVET_COLUMN_NUMERIC) {
        trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                         "target '%s' holds text, but %s predicts numbers; choose a numeric "
                         "target, or an estimator for classes",
                         target, pipeline->estimator->name);
        trivet_error_add_violation(err, "target", "must be numeric");
        return TRIVET_INVALID_ARGUMENT;
    }
    pipeline->target.type = schema->columns[index].type;
    pipeline->target.name = trivet_strdup(target);
    return pipeline->target.name != NULL ? TRIVET_OK : trivet_pipeline_no_memory(err);
}

static bool is_target(const struct trivet_pipeline *pipeline, const char *name)
{
    return pipeline->target.name != NULL && strcmp(name, pipeline->target.name) == 0;
}

static enum trivet_status add_named_inputs(struct trivet_pipeline *pipeline,
                                           const Trivet__V1__PipelineSpec *spec,
                                           const struct trivet_schema *schema,
                                           struct trivet_error *err)
{
    for (size_t i = 0; i < spec->n_columns; i++) {
        const char *name = spec->columns[i];
        size_t index = trivet_schema_find(schema, name);
        if (index == TRIVET_COLUMN_NOT_FOUND) {
            return refuse_column(schema, "columns", "feature", name, err);
        }
        if (is_target(pipeline, name)) {
            trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                             "column '%s' is the target and cannot be a feature; leave it out of "
                             "the columns",
                             name);
            trivet_error_add_violation(err, "columns", "'%s' is the target", name);
            return TRIVET_INVALID_ARGUMENT;
        }
        enum trivet_status status =
            trivet_schema_add(&pipeline->inputs, name, schema->columns[index].type, err);
        if (status != TRIVET_OK) {
            return status;
        }
    }
    return TRIVET_OK;
}

static enum trivet_status set_inputs(struct trivet_pipeline *pipeline,
                                     const Trivet__V1__PipelineSpec *spec,
                                     const struct trivet_schema *schema, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    if (spec->n_columns > 0) {
        return add_named_inputs(pipeline, spec, schema, err);
    }
    for (size_t j = 0; status == TRIVET_OK && j < schema->n_columns; j++) {
        if (!is_target(pipeline, schema->columns[j].name)) {
            status = trivet_schema_add(&pipeline->inputs, schema->columns[j].name,
                                       schema->columns[j].type, err);
        }
    }
    if (status == TRIVET_OK && pipeline->inputs.n_columns == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the data has no column besides the target '%s'; add features",
                                pipeline->target.name);
    }
    return status;
}

/* Types of the raw columns as the steps so far leave them. */
struct flow {
    enum trivet_column_type *types;
    size_t n_types;
};

static enum trivet_status refuse_type(const struct trivet_step *step, const char *column,
                                      enum trivet_column_type type, struct trivet_error *err)
{
    const char *advice = type == TRIVET_COLUMN_NUMERIC
                             ? "name only text columns for it"
                             : "put a one_hot_encoder for that column before it, or leave it out";
    if (strcmp(step->ops->name, "imputer") == 0) {
        advice = "use strategy=most_frequent or constant for text";
    }
    trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "%s does not take the %s column '%s'; %s",
                     step->ops->name, trivet_column_type_name(type), column, advice);
    trivet_error_add_violation(err, "transformers", "%s cannot take '%s'", step->ops->name, column);
    return TRIVET_INVALID_ARGUMENT;
}

/* Marks in `chosen` the inputs that the spec names. */
static enum trivet_status choose_named(const struct trivet_pipeline *pipeline,
                                       const struct trivet_step *step,
                                       const Trivet__V1__TransformerSpec *spec,
                                       const struct flow *flow, bool *chosen,
                                       struct trivet_error *err)
{
    for (size_t i = 0; i < spec->n_columns; i++) {
        const char *name = spec->columns[i];
        size_t index = trivet_schema_find(&pipeline->inputs, name);
        if (index == TRIVET_COLUMN_NOT_FOUND) {
            enum trivet_status status =
                refuse_column(&pipeline->inputs, "transformers", "feature", name, err);
            trivet_error_prefix(err, "%s: ", step->ops->name);
            return status;
        }
        if (!step->ops->accepts(&step->params, flow->types[index])) {
            return refuse_type(step, name, flow->types[index], err);
        }
        chosen[index] = true;
    }
    return TRIVET_OK;
}

/* The sources of a step, and what it makes of their types. */
static enum trivet_status set_sources(struct trivet_step *step, const bool *chosen,
                                      const struct flow *flow, struct trivet_error *err)
{
    for (size_t j = 0; j < flow->n_types; j++) {
        step->n_sources += chosen[j] ? 1 : 0;
    }
    if (step->n_sources == 0) {
        trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                         "%s finds no column of the type it takes; leave it out", step->ops->name);
        trivet_error_add_violation(err, "transformers", "%s has no columns", step->ops->name);
        return TRIVET_INVALID_ARGUMENT;
    }
    step->sources = trivet_alloc_array(step->n_sources, sizeof(uint32_t));
    if (step->sources == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    size_t n = 0;
    for (size_t j = 0; j < flow->n_types; j++) {
        if (chosen[j]) {
            step->sources[n++] = (uint32_t)j;
            flow->types[j] = step->ops->output_type(flow->types[j]);
        }
    }
    return TRIVET_OK;
}

static enum trivet_status create_step(const struct trivet_pipeline *pipeline,
                                      const Trivet__V1__TransformerSpec *spec,
                                      const struct flow *flow, struct trivet_step *step,
                                      struct trivet_error *err)
{
    enum trivet_status status = trivet_registry_transformer(spec->name, &step->ops, err);
    if (status == TRIVET_OK) {
        status = trivet_params_parse(step->ops->params, step->ops->name, spec->parameters,
                                     spec->n_parameters, &step->params, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    bool *chosen = trivet_calloc(flow->n_types, sizeof(bool));
    if (chosen == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    status = choose_named(pipeline, step, spec, flow, chosen, err);
    for (size_t j = 0; spec->n_columns == 0 && j < flow->n_types; j++) {
        chosen[j] = step->ops->accepts(&step->params, pipeline->inputs.columns[j].type) &&
                    step->ops->accepts(&step->params, flow->types[j]);
    }
    if (status == TRIVET_OK) {
        status = set_sources(step, chosen, flow, err);
    }
    trivet_free(chosen);
    return status;
}

static enum trivet_status create_steps(struct trivet_pipeline *pipeline,
                                       Trivet__V1__TransformerSpec *const *specs, size_t n_specs,
                                       const struct flow *flow, struct trivet_error *err)
{
    if (n_specs > TRIVET_TRANSFORMERS_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%zu transformers are more than %d; use fewer", n_specs,
                                TRIVET_TRANSFORMERS_MAX);
    }
    pipeline->steps = trivet_calloc(n_specs + 1, sizeof(struct trivet_step));
    if (pipeline->steps == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    for (size_t i = 0; i < n_specs; i++) {
        pipeline->n_steps = i + 1;
        enum trivet_status status = create_step(pipeline, specs[i], flow, &pipeline->steps[i], err);
        if (status != TRIVET_OK) {
            return status;
        }
    }
    return TRIVET_OK;
}

static bool any_of_type(const struct trivet_schema *inputs, enum trivet_column_type type)
{
    for (size_t j = 0; j < inputs->n_columns; j++) {
        if (inputs->columns[j].type == type) {
            return true;
        }
    }
    return false;
}

/* Numeric: imputer(mean), standard_scaler, or nothing where the estimator takes missing values, as
 * trees do, which do not ask for scale either. Categorical: imputer(most_frequent),
 * one_hot_encoder, whose names are the columns that a plain imputer(most_frequent) must be kept to.
 */
static enum trivet_status create_default_steps(struct trivet_pipeline *pipeline,
                                               const struct flow *flow, struct trivet_error *err)
{
    const struct trivet_schema *inputs = &pipeline->inputs;
    char strategy_name[] = "strategy";
    char most_frequent[] = "most_frequent";
    char names[3][32] = {"imputer", "standard_scaler", "one_hot_encoder"};
    Trivet__V1__Parameter parameter = TRIVET__V1__PARAMETER__INIT;
    Trivet__V1__Parameter *parameters[1] = {&parameter};
    Trivet__V1__TransformerSpec specs[4];
    Trivet__V1__TransformerSpec *chosen[4];
    size_t n = 0;
    char **text_columns = trivet_calloc(inputs->n_columns, sizeof(char *));
    if (text_columns == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(specs); i++) {
        trivet__v1__transformer_spec__init(&specs[i]);
    }
    parameter.name = strategy_name;
    parameter.value = most_frequent;
    specs[0].name = names[0];
    specs[1].name = names[1];
    specs[2].name = names[0];
    specs[2].parameters = parameters;
    specs[2].n_parameters = 1;
    specs[2].columns = text_columns;
    specs[3].name = names[2];
    for (size_t j = 0; j < inputs->n_columns; j++) {
        if (inputs->columns[j].type == TRIVET_COLUMN_CATEGORICAL) {
            text_columns[specs[2].n_columns++] = inputs->columns[j].name;
        }
    }
    if (any_of_type(inputs, TRIVET_COLUMN_NUMERIC) && !pipeline->estimator->accepts_missing) {
        chosen[n++] = &specs[0];
        chosen[n++] = &specs[1];
    }
    if (specs[2].n_columns > 0) {
        chosen[n++] = &specs[2];
        chosen[n++] = &specs[3];
    }
    enum trivet_status status = create_steps(pipeline, chosen, n, flow, err);
    trivet_free(text_columns);
    return status;
}

static enum trivet_status check_all_numeric(const struct trivet_pipeline *pipeline,
                                            const struct flow *flow, struct trivet_error *err)
{
    for (size_t j = 0; j < flow->n_types; j++) {
        if (flow->types[j] != TRIVET_COLUMN_NUMERIC) {
            const char *name = pipeline->inputs.columns[j].name;
            trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                             "column '%s' holds text, but %s takes numbers; add a one_hot_encoder, "
                             "use the default transformers, or leave the column out",
                             name, pipeline->estimator->name);
            trivet_error_add_violation(err, "transformers", "'%s' needs a one_hot_encoder", name);
            return TRIVET_INVALID_ARGUMENT;
        }
    }
    return TRIVET_OK;
}

static enum trivet_status set_steps(struct trivet_pipeline *pipeline,
                                    const Trivet__V1__PipelineSpec *spec, struct trivet_error *err)
{
    struct flow flow = {.n_types = pipeline->inputs.n_columns};
    flow.types = trivet_alloc_array(flow.n_types, sizeof *flow.types);
    if (flow.types == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    for (size_t j = 0; j < flow.n_types; j++) {
        flow.types[j] = pipeline->inputs.columns[j].type;
    }
    enum trivet_status status =
        spec->n_transformers == 0 && spec->default_transformers
            ? create_default_steps(pipeline, &flow, err)
            : create_steps(pipeline, spec->transformers, spec->n_transformers, &flow, err);
    if (status == TRIVET_OK) {
        status = check_all_numeric(pipeline, &flow, err);
    }
    trivet_free(flow.types);
    return status;
}

enum trivet_status trivet_pipeline_create(const Trivet__V1__PipelineSpec *spec,
                                          const struct trivet_schema *schema,
                                          struct trivet_pipeline **out, struct trivet_error *err)
{
    struct trivet_pipeline *pipeline = trivet_calloc(1, sizeof *pipeline);
    if (pipeline == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    enum trivet_status status =
        trivet_registry_estimator(spec->estimator, &pipeline->estimator, err);
    if (status == TRIVET_OK) {
        status = trivet_params_parse(pipeline->estimator->params, pipeline->estimator->name,
                                     spec->parameters, spec->n_parameters,
                                     &pipeline->estimator_params, err);
    }
    if (status == TRIVET_OK) {
        status = set_target(pipeline, spec->target, schema, err);
    }
    if (status == TRIVET_OK) {
        status = set_inputs(pipeline, spec, schema, err);
    }
    if (status == TRIVET_OK) {
        status = set_steps(pipeline, spec, err);
    }
    if (status != TRIVET_OK) {
        trivet_pipeline_free(pipeline);
        return status;
    }
    *out = pipeline;
    return TRIVET_OK;
}
