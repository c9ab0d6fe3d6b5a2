/* What a pipeline is and what can be asked of it. */
#include "models/pipeline.h"

#include "base/alloc.h"
#include "base/text.h"
#include "models/pipeline_internal.h"

#include <string.h>

enum trivet_status trivet_pipeline_no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory in the pipeline; use fewer rows or columns");
}

enum trivet_status trivet_pipeline_refuse_unfitted(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                            "the pipeline is not fitted; fit or load it first");
}

static void step_reset(struct trivet_step *step)
{
    if (step->state != NULL) {
        step->ops->release(step->state);
    }
    trivet_free(step->state);
    trivet_free(step->columns);
    trivet_free(step->origins);
    trivet_free(step->placement);
    step->state = NULL;
    step->columns = NULL;
    step->origins = NULL;
    step->placement = NULL;
    step->n_columns = 0;
    step->n_outputs = 0;
    step->n_before = 0;
    step->n_after = 0;
}

void trivet_pipeline_reset(struct trivet_pipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->n_steps; i++) {
        step_reset(&pipeline->steps[i]);
    }
    if (pipeline->state != NULL) {
        pipeline->estimator->release(pipeline->state);
    }
    trivet_free(pipeline->state);
    pipeline->state = NULL;
    trivet_layout_release(&pipeline->layout);
    pipeline->n_columns_max = 0;
    pipeline->n_step_max = 0;
}

void trivet_pipeline_free(struct trivet_pipeline *pipeline)
{
    if (pipeline == NULL) {
        return;
    }
    trivet_pipeline_reset(pipeline);
    for (size_t i = 0; i < pipeline->n_steps; i++) {
        trivet_free(pipeline->steps[i].sources);
    }
    for (size_t i = 0; i < pipeline->n_labels; i++) {
        trivet_free(pipeline->labels[i]);
    }
    trivet_free(pipeline->labels);
    trivet_free(pipeline->steps);
    trivet_free(pipeline->target.name);
    trivet_schema_release(&pipeline->inputs);
    trivet_free(pipeline);
}

enum trivet_task trivet_pipeline_task(const struct trivet_pipeline *pipeline)
{
    return pipeline->estimator->task;
}

const struct trivet_schema *trivet_pipeline_inputs(const struct trivet_pipeline *pipeline)
{
    return &pipeline->inputs;
}

const struct trivet_column_spec *trivet_pipeline_target(const struct trivet_pipeline *pipeline)
{
    return &pipeline->target;
}

size_t trivet_pipeline_n_features(const struct trivet_pipeline *pipeline)
{
    return pipeline->layout.n_features;
}

const char *trivet_pipeline_feature_name(const struct trivet_pipeline *pipeline, size_t feature)
{
    return pipeline->layout.features[feature].name;
}

size_t trivet_pipeline_n_outputs(const struct trivet_pipeline *pipeline)
{
    return pipeline->state != NULL ? pipeline->estimator->n_outputs(pipeline->state) : 0;
}

size_t trivet_pipeline_n_labels(const struct trivet_pipeline *pipeline)
{
    return pipeline->n_labels;
}

const char *trivet_pipeline_label(const struct trivet_pipeline *pipeline, size_t index)
{
    return pipeline->labels[index];
}

size_t trivet_pipeline_memory_bytes(const struct trivet_pipeline *pipeline)
{
    size_t bytes = sizeof *pipeline;
    for (size_t j = 0; j < pipeline->inputs.n_columns; j++) {
        bytes += sizeof(struct trivet_column_spec) + strlen(pipeline->inputs.columns[j].name) + 1;
    }
    for (size_t j = 0; j < pipeline->layout.n_features; j++) {
        bytes += sizeof(struct trivet_feature) + strlen(pipeline->layout.features[j].name) + 1;
    }
    for (size_t i = 0; i < pipeline->n_steps; i++) {
        const struct trivet_step *step = &pipeline->steps[i];
        size_t n_indices = step->n_sources + 2 * step->n_columns + step->n_after;
        bytes += sizeof *step + n_indices * sizeof(uint32_t);
        bytes += step->state != NULL ? step->ops->memory_bytes(step->state) : 0;
    }
    bytes += pipeline->state != NULL ? pipeline->estimator->memory_bytes(pipeline->state) : 0;
    return bytes;
}

static void append(char *text, size_t text_bytes, const char *separator, const char *more)
{
    size_t used = strlen(text);
    trivet_text_format(&text[used], text_bytes - used, "%s%s", separator, more);
}

/* "(mean)" or "(penalty=l2, alpha=0.5)": the strategy by its value alone, and what is not the
 * default; nothing when there is nothing to say. */
static void append_params(const struct trivet_params *params, char *text, size_t text_bytes)
{
    bool any = false;
    for (size_t i = 0; i < params->n_params; i++) {
        const struct trivet_param_spec *spec = &params->specs[i];
        bool strategy = strcmp(spec->name, "strategy") == 0;
        char value[64];
        trivet_params_format(params, i, value, sizeof value);
        if (!strategy && strcmp(value, spec->default_text) == 0) {
            continue;
        }
        append(text, text_bytes, any ? ", " : "(", strategy ? "" : spec->name);
        append(text, text_bytes, strategy ? "" : "=", value);
        any = true;
    }
    if (any) {
        append(text, text_bytes, ")", "");
    }
}

bool trivet_pipeline_step_text(const struct trivet_pipeline *pipeline, size_t i, char *text,
                               size_t text_bytes)
{
    if (i > pipeline->n_steps || text_bytes == 0) {
        return false;
    }
    text[0] = '\0';
    if (i == pipeline->n_steps) {
        append(text, text_bytes, "", pipeline->estimator->name);
        append_params(&pipeline->estimator_params, text, text_bytes);
        return true;
    }
    const struct trivet_step *step = &pipeline->steps[i];
    append(text, text_bytes, "", step->ops->name);
    append_params(&step->params, text, text_bytes);
    for (size_t k = 0; k < step->n_sources; k++) {
        append(text, text_bytes, k == 0 ? ": " : ", ",
               pipeline->inputs.columns[step->sources[k]].name);
    }
    return true;
}
