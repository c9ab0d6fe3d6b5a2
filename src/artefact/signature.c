#include "artefact/artefact.h"
#include "models/outputs.h"

static enum trivet_status make_spec(struct trivet_arena *arena, const char *name,
                                    Trivet__V1__TensorType type, uint32_t n_columns,
                                    Trivet__V1__TensorSpec **out, struct trivet_error *err)
{
    Trivet__V1__TensorSpec *spec = trivet_arena_alloc(arena, sizeof *spec);
    uint32_t *shape = trivet_arena_alloc(arena, sizeof *shape);
    if (spec == NULL || shape == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory while a model's signature is made");
    }
    trivet__v1__tensor_spec__init(spec);
    /* The message is only read: its fields are not const because protobuf-c has none. */
    spec->name = trivet_arena_strdup(arena, name);
    if (spec->name == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory while a model's signature is made");
    }
    spec->type = type;
    if (n_columns > 1) {
        shape[0] = n_columns;
        spec->row_shape = shape;
        spec->n_row_shape = 1;
    }
    *out = spec;
    return TRIVET_OK;
}

/* A decision is a scalar; the columns behind it are a row of their own. */
static enum trivet_status make_outputs(const struct trivet_pipeline *pipeline,
                                       struct trivet_arena *arena, Trivet__V1__TensorSpec **specs,
                                       size_t *n_out, struct trivet_error *err)
{
    size_t n = 0;
    const struct trivet_output *outputs =
        trivet_outputs_of(trivet_pipeline_output_kind(pipeline), &n);
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; i < n && status == TRIVET_OK; i++) {
        const size_t n_columns = outputs[i].is_decision ? 1 : trivet_pipeline_n_outputs(pipeline);
        const Trivet__V1__TensorType type = outputs[i].is_text
                                                ? TRIVET__V1__TENSOR_TYPE__TENSOR_TYPE_TEXT
                                                : TRIVET__V1__TENSOR_TYPE__TENSOR_TYPE_FLOAT64;
        status = make_spec(arena, outputs[i].name, type, (uint32_t)n_columns, &specs[i], err);
    }
    *n_out = n;
    return status;
}

enum trivet_status trivet_artefact_signature(const struct trivet_pipeline *pipeline,
                                             struct trivet_arena *arena,
                                             Trivet__V1__Signature **out, struct trivet_error *err)
{
    const struct trivet_schema *inputs = trivet_pipeline_inputs(pipeline);
    Trivet__V1__Signature *signature = trivet_arena_alloc(arena, sizeof *signature);
    Trivet__V1__TensorSpec **specs = trivet_arena_alloc_array(
        arena, inputs->n_columns + TRIVET_OUTPUTS_MAX, sizeof(Trivet__V1__TensorSpec *));
    if (signature == NULL || specs == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory while a model's signature is made");
    }
    trivet__v1__signature__init(signature);
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; i < inputs->n_columns && status == TRIVET_OK; i++) {
        const Trivet__V1__TensorType type = inputs->columns[i].type == TRIVET_COLUMN_NUMERIC
                                                ? TRIVET__V1__TENSOR_TYPE__TENSOR_TYPE_FLOAT64
                                                : TRIVET__V1__TENSOR_TYPE__TENSOR_TYPE_TEXT;
        status = make_spec(arena, inputs->columns[i].name, type, 1, &specs[i], err);
    }
    if (status == TRIVET_OK) {
        status =
            make_outputs(pipeline, arena, &specs[inputs->n_columns], &signature->n_outputs, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    signature->inputs = specs;
    signature->n_inputs = inputs->n_columns;
    signature->outputs = specs + inputs->n_columns;
    *out = signature;
    return TRIVET_OK;
}
