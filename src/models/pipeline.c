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
    trivet_labels_release(&pipeline->labels);
    trivet_free(pipeline->feature_means);
    trivet_free(pipeline->background);
    pipeline->feature_means = NULL;
    pipeline->background = NULL;
    pipeline->n_background = 0;
    pipeline->history_rows = 0;
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
    return pipeline->target.name != NULL ? &pipeline->target : NULL;
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

enum trivet_output_kind trivet_pipeline_output_kind(const struct trivet_pipeline *pipeline)
{
    return pipeline->estimator->output_kind(pipeline->state);
}

uint32_t trivet_pipeline_decide(const struct trivet_pipeline *pipeline, const double *row)
{
    return trivet_outputs_decide(trivet_pipeline_output_kind(pipeline), row,
                                 trivet_pipeline_n_outputs(pipeline), pipeline->labels.n_labels);
}

double trivet_pipeline_number(const struct trivet_pipeline *pipeline, const double *row)
{
    return trivet_pipeline_output_kind(pipeline) == TRIVET_OUTPUT_VALUE
               ? row[0]
               : (double)trivet_pipeline_decide(pipeline, row);
}

const struct trivet_labels *trivet_pipeline_labels(const struct trivet_pipeline *pipeline)
{
    return &pipeline->labels;
}

size_t trivet_pipeline_history_rows(const struct trivet_pipeline *pipeline)
{
    return pipeline->history_rows;
}

/* Indices of pair number `pair` in the order (0, 1), (0, 2) … */
static void pair_members(size_t pair, size_t n_classes, size_t *i, size_t *j)
{
    size_t first = 0;
    while (pair >= n_classes - 1 - first) {
        pair -= n_classes - 1 - first;
        first++;
    }
    *i = first;
    *j = first + 1 + pair;
}

void trivet_pipeline_output_name(const struct trivet_pipeline *pipeline, size_t column, char *text,
                                 size_t text_bytes)
{
    const struct trivet_labels *labels = &pipeline->labels;
    const size_t n_outputs = trivet_pipeline_n_outputs(pipeline);
    size_t i;
    size_t j;
    switch (trivet_pipeline_output_kind(pipeline)) {
    case TRIVET_OUTPUT_VALUE:
        trivet_text_copy(text, text_bytes, "prediction");
        break;
    case TRIVET_OUTPUT_PROBABILITIES:
        trivet_text_copy(text, text_bytes, labels->texts[column]);
        break;
    case TRIVET_OUTPUT_MARGINS:
        trivet_text_copy(text, text_bytes, labels->texts[n_outputs == 1 ? 1 : column]);
        break;
    case TRIVET_OUTPUT_PAIR_MARGINS:
        pair_members(column, labels->n_labels, &i, &j);
        trivet_text_format(text, text_bytes, "%s/%s", labels->texts[i], labels->texts[j]);
        break;
    case TRIVET_OUTPUT_DISTANCES:
        trivet_text_format(text, text_bytes, "%zu", column);
        break;
    }
}

bool trivet_pipeline_outputs_fit(const struct trivet_pipeline *pipeline)
{
    const size_t n_labels = pipeline->labels.n_labels;
    const size_t n_outputs = trivet_pipeline_n_outputs(pipeline);
    const enum trivet_output_kind kind = trivet_pipeline_output_kind(pipeline);
    bool of_task = false;
    switch (pipeline->estimator->task) {
    case TRIVET_TASK_REGRESSION:
        of_task = kind == TRIVET_OUTPUT_VALUE;
        break;
    case TRIVET_TASK_CLASSIFICATION:
        of_task = kind == TRIVET_OUTPUT_PROBABILITIES || kind == TRIVET_OUTPUT_MARGINS ||
                  (kind == TRIVET_OUTPUT_PAIR_MARGINS && n_labels > 2);
        break;
    case TRIVET_TASK_CLUSTERING:
        return kind == TRIVET_OUTPUT_DISTANCES && n_outputs > 0;
    }
    return of_task && n_outputs == trivet_outputs_columns(kind, n_labels);
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
    for (size_t k = 0; k < pipeline->labels.n_labels; k++) {
        bytes += sizeof(char *) + sizeof(double) + strlen(pipeline->labels.texts[k]) + 1;
    }
    bytes += (pipeline->n_background + 1) * pipeline->layout.n_features * sizeof(double);
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
        char value[TRIVET_PARAM_VALUE_BYTES];
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
