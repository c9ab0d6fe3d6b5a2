/* A fitted pipeline from a message, which may be damaged: nothing in it is believed unchecked. */
#include "base/alloc.h"
#include "models/pipeline_internal.h"

#include <string.h>

/* What checks from elsewhere call a bad argument is lost data here. */
static enum trivet_status as_data_loss(enum trivet_status status, struct trivet_error *err)
{
    if (status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED || status == TRIVET_DATA_LOSS) {
        return status;
    }
    if (err != NULL) {
        err->status = TRIVET_DATA_LOSS;
        err->n_violations = 0;
        trivet_error_prefix(err, "the saved pipeline is damaged: ");
    }
    return TRIVET_DATA_LOSS;
}

static enum trivet_status check_parts(const Trivet__V1__Pipeline *message, struct trivet_error *err)
{
    const char *missing = NULL;
    if (message->inputs == NULL) {
        missing = "inputs";
    } else if (message->estimator == NULL) {
        missing = "estimator";
    }
    if (missing != NULL) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the saved pipeline is damaged: it has no %s", missing);
    }
    if (message->n_transformers > TRIVET_TRANSFORMERS_MAX) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the saved pipeline is damaged: %zu transformers are more than %d",
                                message->n_transformers, TRIVET_TRANSFORMERS_MAX);
    }
    return TRIVET_OK;
}

static enum trivet_status load_target(struct trivet_pipeline *pipeline,
                                      const Trivet__V1__Column *target, struct trivet_error *err)
{
    const enum trivet_task task = pipeline->estimator->task;
    if ((task == TRIVET_TASK_CLUSTERING) != (target == NULL)) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the saved pipeline is damaged: %s has %s target",
                                pipeline->estimator->name, target == NULL ? "no" : "a");
    }
    if (target == NULL) {
        return TRIVET_OK;
    }
    bool good_type = target->type == TRIVET__V1__COLUMN_TYPE__COLUMN_TYPE_NUMERIC ||
                     (target->type == TRIVET__V1__COLUMN_TYPE__COLUMN_TYPE_CATEGORICAL &&
                      task == TRIVET_TASK_CLASSIFICATION);
    if (!good_type || target->name[0] == '\0' ||
        strlen(target->name) > TRIVET_COLUMN_NAME_BYTES_MAX ||
        trivet_schema_find(&pipeline->inputs, target->name) != TRIVET_COLUMN_NOT_FOUND) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the saved pipeline is damaged: '%.128s' cannot be its target",
                                target->name);
    }
    pipeline->target.type = (enum trivet_column_type)target->type;
    pipeline->target.name = trivet_strdup(target->name);
    return pipeline->target.name != NULL ? TRIVET_OK : trivet_pipeline_no_memory(err);
}

static enum trivet_status load_ends(struct trivet_pipeline *pipeline,
                                    const Trivet__V1__Pipeline *message, struct trivet_error *err)
{
    enum trivet_status status =
        as_data_loss(trivet_schema_decode(message->inputs, &pipeline->inputs, err), err);
    if (status == TRIVET_OK) {
        status = load_target(pipeline, message->target, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    if (pipeline->estimator->task == TRIVET_TASK_CLASSIFICATION) {
        return trivet_labels_load(message->labels, message->n_labels, pipeline->target.type,
                                  &pipeline->labels, err);
    }
    if (message->n_labels > 0) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the saved pipeline is damaged: %s has no labels",
                                pipeline->estimator->name);
    }
    return TRIVET_OK;
}

/* Indices: ascending, within the layout, of types that the step takes. */
static enum trivet_status check_columns(const struct trivet_layout *layout,
                                        const struct trivet_step *step,
                                        const Trivet__V1__Step *message, struct trivet_error *err)
{
    bool good = message->n_columns > 0;
    for (size_t k = 0; good && k < message->n_columns; k++) {
        uint32_t index = message->columns[k];
        good = index < layout->n_features && (k == 0 || index > message->columns[k - 1]) &&
               step->ops->accepts(&step->params, layout->features[index].type);
    }
    if (!good) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the saved pipeline is damaged: %s has columns that it cannot have",
                                step->ops->name);
    }
    return TRIVET_OK;
}

/* The origins of the step's columns, each once: what a new fit would apply it to. */
static enum trivet_status load_sources(const struct trivet_schema *inputs,
                                       const struct trivet_layout *layout, struct trivet_step *step,
                                       struct trivet_error *err)
{
    bool *chosen = trivet_calloc(inputs->n_columns, sizeof(bool));
    step->sources = trivet_alloc_array(inputs->n_columns, sizeof(uint32_t));
    if (chosen == NULL || step->sources == NULL) {
        trivet_free(chosen);
        return trivet_pipeline_no_memory(err);
    }
    for (size_t k = 0; k < step->n_columns; k++) {
        chosen[layout->features[step->columns[k]].origin] = true;
    }
    for (size_t j = 0; j < inputs->n_columns; j++) {
        if (chosen[j]) {
            step->sources[step->n_sources++] = (uint32_t)j;
        }
    }
    trivet_free(chosen);
    return TRIVET_OK;
}

static enum trivet_status load_step_state(const struct trivet_layout *layout,
                                          struct trivet_step *step, const Trivet__V1__Step *message,
                                          struct trivet_error *err)
{
    enum trivet_column_type *types = trivet_alloc_array(step->n_columns, sizeof *types);
    void *state = trivet_calloc(1, step->ops->state_bytes);
    if (types == NULL || state == NULL) {
        trivet_free(types);
        trivet_free(state);
        return trivet_pipeline_no_memory(err);
    }
    for (size_t k = 0; k < step->n_columns; k++) {
        types[k] = layout->features[step->columns[k]].type;
    }
    enum trivet_status status =
        step->ops->load(state, &step->params, types, step->n_columns, message, err);
    trivet_free(types);
    if (status != TRIVET_OK) {
        trivet_free(state);
        return status;
    }
    step->state = state;
    return TRIVET_OK;
}

static enum trivet_status load_step(const struct trivet_schema *inputs,
                                    struct trivet_layout *layout, struct trivet_step *step,
                                    const Trivet__V1__Step *message, struct trivet_error *err)
{
    enum trivet_status status =
        as_data_loss(trivet_registry_transformer(message->name, &step->ops, err), err);
    if (status == TRIVET_OK) {
        status = as_data_loss(trivet_params_parse(step->ops->params, step->ops->name,
                                                  message->parameters, message->n_parameters,
                                                  &step->params, err),
                              err);
    }
    if (status == TRIVET_OK) {
        status = check_columns(layout, step, message, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    step->columns = trivet_memdup(message->columns, message->n_columns * sizeof(uint32_t));
    if (step->columns == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    step->n_columns = message->n_columns;
    status = load_sources(inputs, layout, step, err);
    if (status == TRIVET_OK) {
        status = load_step_state(layout, step, message, err);
    }
    if (status == TRIVET_OK) {
        status = as_data_loss(trivet_layout_advance(layout, step, err), err);
    }
    return status;
}

static enum trivet_status load_steps(struct trivet_pipeline *pipeline,
                                     const Trivet__V1__Pipeline *message,
                                     struct trivet_layout *layout, struct trivet_error *err)
{
    enum trivet_status status = trivet_layout_of_inputs(&pipeline->inputs, layout, err);
    if (status != TRIVET_OK) {
        return status;
    }
    pipeline->steps = trivet_calloc(message->n_transformers + 1, sizeof(struct trivet_step));
    if (pipeline->steps == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    for (size_t i = 0; status == TRIVET_OK && i < message->n_transformers; i++) {
        pipeline->n_steps = i + 1;
        status = load_step(&pipeline->inputs, layout, &pipeline->steps[i], message->transformers[i],
                           err);
    }
    if (status == TRIVET_OK) {
        trivet_pipeline_set_history(pipeline);
    }
    for (size_t j = 0; status == TRIVET_OK && j < layout->n_features; j++) {
        if (layout->features[j].type != TRIVET_COLUMN_NUMERIC) {
            status = trivet_error_set(err, TRIVET_DATA_LOSS,
                                      "the saved pipeline is damaged: feature '%s' is not numeric",
                                      layout->features[j].name);
        }
    }
    return status;
}

static enum trivet_status load_estimator(struct trivet_pipeline *pipeline,
                                         const Trivet__V1__Step *message, size_t n_features,
                                         struct trivet_error *err)
{
    enum trivet_status status =
        as_data_loss(trivet_params_parse(pipeline->estimator->params, pipeline->estimator->name,
                                         message->parameters, message->n_parameters,
                                         &pipeline->estimator_params, err),
                     err);
    if (status != TRIVET_OK) {
        return status;
    }
    void *state = trivet_calloc(1, pipeline->estimator->state_bytes);
    if (state == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    status = pipeline->estimator->load(state, &pipeline->estimator_params, message, err);
    if (status != TRIVET_OK) {
        trivet_free(state);
        return status;
    }
    pipeline->state = state;
    if (pipeline->estimator->n_features(state) != n_features) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the saved pipeline is damaged: its transformers make %zu "
                                "features, but %s takes %zu",
                                n_features, pipeline->estimator->name,
                                pipeline->estimator->n_features(state));
    }
    if (!trivet_pipeline_outputs_fit(pipeline)) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the saved pipeline is damaged: %s has outputs that do not fit "
                                "%zu labels",
                                pipeline->estimator->name, pipeline->labels.n_labels);
    }
    return TRIVET_OK;
}

static enum trivet_status load_parts(struct trivet_pipeline *pipeline,
                                     const Trivet__V1__Pipeline *message, struct trivet_error *err)
{
    struct trivet_layout layout = {0};
    enum trivet_status status = as_data_loss(
        trivet_registry_estimator(message->estimator->name, &pipeline->estimator, err), err);
    if (status == TRIVET_OK) {
        status = load_ends(pipeline, message, err);
    }
    if (status == TRIVET_OK) {
        status = load_steps(pipeline, message, &layout, err);
    }
    if (status == TRIVET_OK) {
        status = load_estimator(pipeline, message->estimator, layout.n_features, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_pipeline_load_background(pipeline, message, layout.n_features, err);
    }
    if (status == TRIVET_OK) {
        trivet_pipeline_set_layout(pipeline, &layout);
    }
    trivet_layout_release(&layout);
    return status;
}

enum trivet_status trivet_pipeline_load(const Trivet__V1__Pipeline *message,
                                        struct trivet_pipeline **out, struct trivet_error *err)
{
    enum trivet_status status = check_parts(message, err);
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_pipeline *pipeline = trivet_calloc(1, sizeof *pipeline);
    if (pipeline == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    status = load_parts(pipeline, message, err);
    if (status != TRIVET_OK) {
        trivet_pipeline_free(pipeline);
        return status;
    }
    *out = pipeline;
    return TRIVET_OK;
}
