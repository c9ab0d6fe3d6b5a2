/* A fitted pipeline as a message. */
#include "models/pipeline_internal.h"

#include <stdint.h>

static enum trivet_status save_params(const struct trivet_params *params,
                                      struct trivet_arena *arena, Trivet__V1__Step *out,
                                      struct trivet_error *err)
{
    out->parameters =
        trivet_arena_alloc_array(arena, params->n_params + 1, sizeof(Trivet__V1__Parameter *));
    if (out->parameters == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    for (size_t i = 0; i < params->n_params; i++) {
        char value[TRIVET_PARAM_VALUE_BYTES];
        Trivet__V1__Parameter *parameter = trivet_arena_alloc(arena, sizeof *parameter);
        if (parameter == NULL) {
            return trivet_pipeline_no_memory(err);
        }
        trivet_params_format(params, i, value, sizeof value);
        trivet__v1__parameter__init(parameter);
        parameter->name = trivet_arena_strdup(arena, params->specs[i].name);
        parameter->value = trivet_arena_strdup(arena, value);
        if (parameter->name == NULL || parameter->value == NULL) {
            return trivet_pipeline_no_memory(err);
        }
        out->parameters[out->n_parameters++] = parameter;
    }
    return TRIVET_OK;
}

/* A step with its name and parameters, without a state. */
static enum trivet_status begin_step(const char *name, const struct trivet_params *params,
                                     struct trivet_arena *arena, Trivet__V1__Step **out,
                                     struct trivet_error *err)
{
    Trivet__V1__Step *step = trivet_arena_alloc(arena, sizeof *step);
    if (step == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    trivet__v1__step__init(step);
    step->name = trivet_arena_strdup(arena, name);
    if (step->name == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    enum trivet_status status = save_params(params, arena, step, err);
    if (status == TRIVET_OK) {
        *out = step;
    }
    return status;
}

static enum trivet_status save_transformer(const struct trivet_step *step,
                                           struct trivet_arena *arena, Trivet__V1__Step **out,
                                           struct trivet_error *err)
{
    Trivet__V1__Step *message = NULL;
    enum trivet_status status = begin_step(step->ops->name, &step->params, arena, &message, err);
    if (status != TRIVET_OK) {
        return status;
    }
    message->n_columns = step->n_columns;
    message->columns = step->columns;
    status = step->ops->save(step->state, arena, message, err);
    if (status == TRIVET_OK) {
        *out = message;
    }
    return status;
}

static enum trivet_status save_ends(const struct trivet_pipeline *pipeline,
                                    struct trivet_arena *arena, Trivet__V1__Pipeline *message,
                                    struct trivet_error *err)
{
    enum trivet_status status =
        trivet_schema_encode(&pipeline->inputs, arena, &message->inputs, err);
    if (status != TRIVET_OK) {
        return status;
    }
    if (pipeline->target.name != NULL) {
        message->target = trivet_arena_alloc(arena, sizeof *message->target);
        if (message->target == NULL) {
            return trivet_pipeline_no_memory(err);
        }
        trivet__v1__column__init(message->target);
        message->target->name = pipeline->target.name;
        message->target->type = (Trivet__V1__ColumnType)pipeline->target.type;
    }
    message->n_labels = pipeline->labels.n_labels;
    message->labels = pipeline->labels.texts;
    message->n_feature_means = pipeline->layout.n_features;
    message->feature_means = pipeline->feature_means;
    message->n_background = pipeline->n_background * pipeline->layout.n_features;
    message->background = pipeline->background;
    status = begin_step(pipeline->estimator->name, &pipeline->estimator_params, arena,
                        &message->estimator, err);
    if (status == TRIVET_OK) {
        status = pipeline->estimator->save(pipeline->state, arena, message->estimator, err);
    }
    return status;
}

enum trivet_status trivet_pipeline_save(const struct trivet_pipeline *pipeline,
                                        struct trivet_arena *arena, Trivet__V1__Pipeline **out,
                                        struct trivet_error *err)
{
    if (pipeline->state == NULL) {
        return trivet_pipeline_refuse_unfitted(err);
    }
    Trivet__V1__Pipeline *message = trivet_arena_alloc(arena, sizeof *message);
    Trivet__V1__Step **steps =
        trivet_arena_alloc_array(arena, pipeline->n_steps + 1, sizeof(Trivet__V1__Step *));
    if (message == NULL || steps == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    trivet__v1__pipeline__init(message);
    message->transformers = steps;
    enum trivet_status status = save_ends(pipeline, arena, message, err);
    for (size_t i = 0; status == TRIVET_OK && i < pipeline->n_steps; i++) {
        status = save_transformer(&pipeline->steps[i], arena, &steps[i], err);
        message->n_transformers = i + 1;
    }
    if (status == TRIVET_OK) {
        *out = message;
    }
    return status;
}
