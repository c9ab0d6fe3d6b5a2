#include "artefact/check.h"

#include "artefact/artefact.h"
#include "base/text.h"
#include "profile/calibration.h"
#include "profile/profile.h"

#include <stdbool.h>
#include <string.h>

#define MODEL_NAME_BYTES_MAX 64

enum trivet_status trivet_artefact_check_parts(const Trivet__V1__Artefact *message,
                                               struct trivet_error *err)
{
    const struct {
        const char *name;
        const void *part;
    } parts[] = {
        {"pipeline", message->pipeline}, {"signature", message->signature},
        {"spec", message->spec},         {"split", message->split},
        {"report", message->report},     {"profile", message->profile},
        {"lineage", message->lineage},
    };
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(parts); i++) {
        if (parts[i].part == NULL) {
            return trivet_error_set(err, TRIVET_DATA_LOSS, "the artefact has no %s", parts[i].name);
        }
    }
    if (!trivet_text_is_name(message->model, MODEL_NAME_BYTES_MAX)) {
        return trivet_error_set(err, TRIVET_DATA_LOSS, "the artefact's model has no valid name");
    }
    return TRIVET_OK;
}

size_t trivet_artefact_n_prediction_profiles(const struct trivet_pipeline *pipeline)
{
    return trivet_pipeline_output_kind(pipeline) == TRIVET_OUTPUT_PROBABILITIES ? 2 : 1;
}

static bool same_spec(const Trivet__V1__TensorSpec *a, const Trivet__V1__TensorSpec *b)
{
    return strcmp(a->name, b->name) == 0 && a->type == b->type &&
           a->n_row_shape == b->n_row_shape &&
           (a->n_row_shape == 0 ||
            memcmp(a->row_shape, b->row_shape, a->n_row_shape * sizeof a->row_shape[0]) == 0);
}

static enum trivet_status check_signature(const Trivet__V1__Signature *given,
                                          const Trivet__V1__Signature *made,
                                          struct trivet_error *err)
{
    if (given->n_inputs != made->n_inputs || given->n_outputs != made->n_outputs) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the artefact's signature has %zu inputs and %zu outputs, its "
                                "pipeline %zu and %zu",
                                given->n_inputs, given->n_outputs, made->n_inputs, made->n_outputs);
    }
    for (size_t i = 0; i < made->n_inputs; i++) {
        if (!same_spec(given->inputs[i], made->inputs[i])) {
            return trivet_error_set(err, TRIVET_DATA_LOSS,
                                    "input %zu of the artefact's signature is not the pipeline's "
                                    "'%s'",
                                    i, made->inputs[i]->name);
        }
    }
    for (size_t i = 0; i < made->n_outputs; i++) {
        if (!same_spec(given->outputs[i], made->outputs[i])) {
            return trivet_error_set(err, TRIVET_DATA_LOSS,
                                    "output %zu of the artefact's signature is not the pipeline's "
                                    "'%s'",
                                    i, made->outputs[i]->name);
        }
    }
    return TRIVET_OK;
}

static enum trivet_status check_profile(const Trivet__V1__Profile *profile,
                                        const struct trivet_schema *inputs, size_t n_predictions,
                                        struct trivet_error *err)
{
    if (profile->n_features != inputs->n_columns || profile->n_predictions != n_predictions) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the artefact's profile has %zu features and %zu predictions, its "
                                "pipeline %zu and %zu",
                                profile->n_features, profile->n_predictions, inputs->n_columns,
                                n_predictions);
    }
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; i < profile->n_features && status == TRIVET_OK; i++) {
        const Trivet__V1__FeatureProfile *feature = profile->features[i];
        const struct trivet_column_spec *column = &inputs->columns[i];
        if (strcmp(feature->name, column->name) != 0 ||
            (feature->categorical != 0) != (column->type == TRIVET_COLUMN_CATEGORICAL)) {
            return trivet_error_set(err, TRIVET_DATA_LOSS,
                                    "the artefact's profile has no %s column '%s' at its place",
                                    trivet_column_type_name(column->type), column->name);
        }
        status = trivet_profile_check(feature, err);
    }
    for (size_t i = 0; i < profile->n_predictions && status == TRIVET_OK; i++) {
        status = trivet_profile_check(profile->predictions[i], err);
    }
    if (status == TRIVET_OK && profile->calibration != NULL &&
        !trivet_calibration_is_sound(profile->calibration)) {
        status = trivet_error_set(err, TRIVET_DATA_LOSS,
                                  "the artefact's profile has a calibration that cannot be");
    }
    return status;
}

enum trivet_status trivet_artefact_check_fit(const Trivet__V1__Artefact *message,
                                             const struct trivet_pipeline *pipeline,
                                             struct trivet_arena *arena, struct trivet_error *err)
{
    Trivet__V1__Signature *made = NULL;
    enum trivet_status status = trivet_artefact_signature(pipeline, arena, &made, err);
    if (status == TRIVET_OK) {
        status = check_signature(message->signature, made, err);
    }
    if (status == TRIVET_OK) {
        status = check_profile(message->profile, trivet_pipeline_inputs(pipeline),
                               trivet_artefact_n_prediction_profiles(pipeline), err);
    }
    return status;
}
