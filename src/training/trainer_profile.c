/* The reference profile of a version: what its inputs and its predictions looked like. */
#include "artefact/artefact.h"
#include "base/alloc.h"
#include "base/text.h"
#include "profile/calibration.h"
#include "profile/profile.h"
#include "training/trainer_internal.h"

#include <math.h>

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while the reference profile is made");
}

static enum trivet_status profile_numbers(struct trivet_trainer *trainer, const char *name,
                                          const double *values, size_t stride, double *scratch,
                                          Trivet__V1__FeatureProfile *out, struct trivet_error *err)
{
    for (size_t i = 0; i < trainer->n_rows; i++) {
        scratch[i] = values[trainer->rows[i] * stride];
    }
    return trivet_profile_numeric(name, scratch, trainer->n_rows, 1, trainer->arena, out, err);
}

static enum trivet_status profile_codes(struct trivet_trainer *trainer,
                                        const struct trivet_column *column, uint32_t *scratch,
                                        Trivet__V1__FeatureProfile *out, struct trivet_error *err)
{
    for (size_t i = 0; i < trainer->n_rows; i++) {
        scratch[i] = column->codes[trainer->rows[i] * column->stride];
    }
    return trivet_profile_categorical(column->name, scratch, trainer->n_rows, 1, column->dictionary,
                                      column->n_dictionary, trainer->arena, out, err);
}

static enum trivet_status profile_inputs(struct trivet_trainer *trainer, double *numbers,
                                         uint32_t *codes, Trivet__V1__FeatureProfile *out,
                                         struct trivet_error *err)
{
    const struct trivet_schema *inputs = trivet_pipeline_inputs(trainer->pipeline);
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; i < inputs->n_columns && status == TRIVET_OK; i++) {
        const size_t index = trivet_schema_find(&trainer->schema, inputs->columns[i].name);
        const struct trivet_column *column = &trainer->table.columns[index];
        status = column->type == TRIVET_COLUMN_NUMERIC
                     ? profile_numbers(trainer, column->name, column->numbers, column->stride,
                                       numbers, &out[i], err)
                     : profile_codes(trainer, column, codes, &out[i], err);
    }
    return status;
}

/* Names of the decisions: labels, or the numbers of the clusters. In the trainer's arena. */
static enum trivet_status decision_names(struct trivet_trainer *trainer, const char ***out,
                                         size_t *n_out, struct trivet_error *err)
{
    const struct trivet_labels *labels = trivet_pipeline_labels(trainer->pipeline);
    size_t n =
        labels->n_labels > 0 ? labels->n_labels : trivet_pipeline_n_outputs(trainer->pipeline);
    const char **names = trivet_arena_alloc_array(trainer->arena, n, sizeof *names);
    for (size_t k = 0; names != NULL && k < n; k++) {
        char number[24];
        trivet_text_format(number, sizeof number, "%zu", k);
        names[k] =
            labels->n_labels > 0 ? labels->texts[k] : trivet_arena_strdup(trainer->arena, number);
        if (names[k] == NULL) {
            return no_memory(err);
        }
    }
    *out = names;
    *n_out = n;
    return names != NULL ? TRIVET_OK : no_memory(err);
}

/* out[0]: what was decided; out[1], for probabilities: how surely. */
static enum trivet_status profile_decisions(struct trivet_trainer *trainer, struct trivet_matrix y,
                                            double *numbers, uint32_t *codes,
                                            Trivet__V1__FeatureProfile *out,
                                            struct trivet_error *err)
{
    const char **names = NULL;
    size_t n_names = 0;
    const enum trivet_output_kind kind = trivet_pipeline_output_kind(trainer->pipeline);
    const char *name = kind == TRIVET_OUTPUT_DISTANCES ? "cluster" : "label";
    for (size_t i = 0; i < trainer->n_rows; i++) {
        const double *row = &y.data[trainer->rows[i] * y.stride];
        const bool failed = isnan(row[0]);
        codes[i] = failed ? UINT32_MAX : trivet_pipeline_decide(trainer->pipeline, row);
        numbers[i] = failed || kind != TRIVET_OUTPUT_PROBABILITIES ? (double)NAN : row[codes[i]];
    }
    enum trivet_status status = decision_names(trainer, &names, &n_names, err);
    if (status == TRIVET_OK) {
        status = trivet_profile_categorical(name, codes, trainer->n_rows, 1, names, n_names,
                                            trainer->arena, &out[0], err);
    }
    if (status == TRIVET_OK && kind == TRIVET_OUTPUT_PROBABILITIES) {
        status = trivet_profile_numeric("confidence", numbers, trainer->n_rows, 1, trainer->arena,
                                        &out[1], err);
    }
    return status;
}

/* Of the held-out rows, by the decisions and confidences of profile_decisions; these are moved.
 * Stays NULL without such rows. */
static enum trivet_status measure_calibration(struct trivet_trainer *trainer, double *numbers,
                                              const uint32_t *codes, Trivet__V1__Calibration **out,
                                              struct trivet_error *err)
{
    const size_t n_test = trainer->n_rows - trainer->n_train;
    const size_t *rows = trainer->rows + trainer->n_train;
    const size_t target = trivet_schema_find(&trainer->schema, trainer->spec->pipeline->target);
    if (trivet_pipeline_output_kind(trainer->pipeline) != TRIVET_OUTPUT_PROBABILITIES ||
        n_test == 0) {
        return TRIVET_OK;
    }
    Trivet__V1__Calibration *calibration = trivet_arena_alloc(trainer->arena, sizeof *calibration);
    uint32_t *truth = trivet_alloc_array(n_test, sizeof *truth);
    bool *right = trivet_alloc_array(n_test, sizeof *right);
    size_t n = 0;
    enum trivet_status status =
        calibration == NULL || truth == NULL || right == NULL ? no_memory(err) : TRIVET_OK;
    if (status == TRIVET_OK) {
        status = trivet_labels_index(trivet_pipeline_labels(trainer->pipeline),
                                     &trainer->table.columns[target], rows, n_test, truth, err);
    }
    for (size_t i = 0; i < n_test && status == TRIVET_OK; i++) {
        const double confidence = numbers[trainer->n_train + i];
        if (!isnan(confidence)) {
            right[n] = truth[i] == codes[trainer->n_train + i];
            numbers[n++] = confidence;
        }
    }
    if (status == TRIVET_OK && n > 0) {
        trivet_calibration_measure(numbers, right, n, calibration);
        *out = calibration;
    }
    trivet_free(truth);
    trivet_free(right);
    return status;
}

static enum trivet_status profile_predictions(struct trivet_trainer *trainer, double *numbers,
                                              uint32_t *codes, Trivet__V1__Profile *profile,
                                              struct trivet_error *err)
{
    Trivet__V1__FeatureProfile *out = profile->predictions[0];
    const size_t n_rows = trainer->table.n_rows;
    const size_t n_outputs = trivet_pipeline_n_outputs(trainer->pipeline);
    struct trivet_row_status *faults = trivet_calloc(n_rows, sizeof *faults);
    struct trivet_matrix y = {.n_rows = n_rows, .n_cols = n_outputs, .stride = n_outputs};
    y.data = n_rows > SIZE_MAX / n_outputs
                 ? NULL
                 : trivet_alloc_aligned(n_rows * n_outputs, sizeof(double));
    enum trivet_status status = faults == NULL || y.data == NULL ? no_memory(err) : TRIVET_OK;
    if (status == TRIVET_OK) {
        status = trivet_pipeline_predict(trainer->pipeline, &trainer->table, y, faults, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_pipeline_output_kind(trainer->pipeline) == TRIVET_OUTPUT_VALUE
                     ? profile_numbers(trainer, "prediction", y.data, n_outputs, numbers, out, err)
                     : profile_decisions(trainer, y, numbers, codes, out, err);
    }
    if (status == TRIVET_OK) {
        status = measure_calibration(trainer, numbers, codes, &profile->calibration, err);
    }
    trivet_free(y.data);
    trivet_free(faults);
    return status;
}

/* `count` messages and the list of them, in the arena; NULL when it is spent. */
static Trivet__V1__FeatureProfile **make_list(struct trivet_arena *arena, size_t count)
{
    Trivet__V1__FeatureProfile **list =
        trivet_arena_alloc_array(arena, count, sizeof(Trivet__V1__FeatureProfile *));
    Trivet__V1__FeatureProfile *messages = trivet_arena_alloc_array(arena, count, sizeof *messages);
    if (list == NULL || messages == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        trivet__v1__feature_profile__init(&messages[i]);
        list[i] = &messages[i];
    }
    return list;
}

enum trivet_status trivet_trainer_profile(struct trivet_trainer *trainer, Trivet__V1__Profile **out,
                                          struct trivet_error *err)
{
    const size_t n_inputs = trivet_pipeline_inputs(trainer->pipeline)->n_columns;
    const size_t n_predictions = trivet_artefact_n_prediction_profiles(trainer->pipeline);
    Trivet__V1__Profile *profile = trivet_arena_alloc(trainer->arena, sizeof *profile);
    Trivet__V1__FeatureProfile **features = make_list(trainer->arena, n_inputs);
    Trivet__V1__FeatureProfile **predictions = make_list(trainer->arena, n_predictions);
    double *numbers = trivet_alloc_array(trainer->n_rows, sizeof *numbers);
    uint32_t *codes = trivet_alloc_array(trainer->n_rows, sizeof *codes);
    enum trivet_status status = TRIVET_OK;
    if (profile == NULL || features == NULL || predictions == NULL || numbers == NULL ||
        codes == NULL) {
        status = no_memory(err);
        goto done;
    }
    trivet__v1__profile__init(profile);
    profile->features = features;
    profile->n_features = n_inputs;
    profile->predictions = predictions;
    profile->n_predictions = n_predictions;
    status = profile_inputs(trainer, numbers, codes, features[0], err);
    if (status == TRIVET_OK) {
        status = profile_predictions(trainer, numbers, codes, profile, err);
    }
    if (status == TRIVET_OK) {
        *out = profile;
    }
done:
    trivet_free(numbers);
    trivet_free(codes);
    return status;
}
