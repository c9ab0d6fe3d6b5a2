#include "rpc/log_rows.h"

#include "models/outputs.h"
#include "rpc/feature_bytes.h"
#include "wire/codec.h"

#include <string.h>

#define COLUMNS_ARENA_BYTES (4u << 20)

/* --- versions -------------------------------------------------------------------------------- */

static struct trivet_log_version *add_version(struct trivet_prediction_log *log,
                                              const struct trivet_servable *servable)
{
    const struct trivet_schema *inputs = trivet_pipeline_inputs(trivet_servable_pipeline(servable));
    struct trivet_arena *arena = trivet_arena_create(COLUMNS_ARENA_BYTES, 0);
    Trivet__V1__Schema *message = NULL;
    struct trivet_buffer columns = {0};
    struct trivet_error err;
    struct trivet_log_version *made = NULL;
    if (arena != NULL && trivet_schema_encode(inputs, arena, &message, &err) == TRIVET_OK &&
        trivet_codec_pack(&message->base, &columns, &err) == TRIVET_OK) {
        made = trivet_prediction_log_add(log, trivet_servable_model(servable),
                                         trivet_servable_version(servable), columns.data,
                                         columns.n_bytes);
    }
    trivet_buffer_release(&columns);
    trivet_arena_free(arena);
    return made;
}

struct trivet_log_version *trivet_log_version_of(struct trivet_prediction_log *log,
                                                 const struct trivet_servable *servable)
{
    if (log == NULL || trivet_pipeline_output_kind(trivet_servable_pipeline(servable)) ==
                           TRIVET_OUTPUT_DISTANCES) {
        return NULL;
    }
    struct trivet_log_version *found = trivet_prediction_log_find(
        log, trivet_servable_model(servable), trivet_servable_version(servable));
    return found != NULL ? found : add_version(log, servable);
}

/* --- rows ------------------------------------------------------------------------------------ */

/* What was predicted, into the row. */
static void fill_value(const struct trivet_pipeline *pipeline, const double *out,
                       struct trivet_log_row *row)
{
    enum trivet_output_kind kind = trivet_pipeline_output_kind(pipeline);
    row->probability = -1;
    if (kind == TRIVET_OUTPUT_VALUE) {
        row->number = trivet_pipeline_number(pipeline, out);
        return;
    }
    uint32_t chosen = trivet_pipeline_decide(pipeline, out);
    row->label = trivet_pipeline_labels(pipeline)->texts[chosen];
    if (kind == TRIVET_OUTPUT_PROBABILITIES) {
        row->probability = out[chosen];
    }
}

/* The values as doubles; NULL when out of memory: then the row is logged without. */
static const void *widen(const struct trivet_log_numbers *row, struct trivet_arena *arena)
{
    if (!row->single_precision) {
        return row->values;
    }
    double *wide = trivet_arena_alloc_array(arena, row->n_values, sizeof(*wide));
    for (size_t k = 0; wide != NULL && k < row->n_values; k++) {
        float value;
        memcpy(&value, (const uint8_t *)row->values + k * sizeof(value), sizeof(value));
        wide[k] = (double)value;
    }
    return wide;
}

void trivet_log_put_numbers(struct trivet_log_round *round, const struct trivet_pipeline *pipeline,
                            const struct trivet_log_numbers *row, struct trivet_arena *arena)
{
    struct trivet_log_row logged = {
        .id = row->id, .id_bytes = row->id_bytes, .row = row->row, .hash = row->hash};
    fill_value(pipeline, row->out, &logged);
    if (round->keeps_features) {
        logged.features = widen(row, arena);
        logged.features_bytes = row->n_values * sizeof(double);
    }
    trivet_log_put(round, &logged);
}

void trivet_log_put_table(struct trivet_log_round *round, const struct trivet_pipeline *pipeline,
                          const char *id, const struct trivet_table *table,
                          const struct trivet_row_status *faults, const double *outputs)
{
    size_t n_outputs = trivet_pipeline_n_outputs(pipeline);
    struct trivet_log_row logged = {.id = id, .id_bytes = strlen(id)};
    uint64_t id_hash = trivet_prediction_log_hash(round->log, id, logged.id_bytes);
    struct trivet_buffer features = {0};
    struct trivet_error err;
    for (size_t i = 0; i < table->n_rows; i++) {
        logged.row = (uint32_t)i;
        logged.hash = trivet_log_row_hash(id_hash, logged.row);
        if (!trivet_log_chooses(round, logged.hash) || faults[i].fault != TRIVET_ROW_FINE) {
            continue;
        }
        fill_value(pipeline, &outputs[i * n_outputs], &logged);
        features.n_bytes = 0;
        logged.features = NULL;
        if (round->keeps_features &&
            trivet_feature_bytes_append(table, i, &features, &err) == TRIVET_OK) {
            logged.features = features.data;
            logged.features_bytes = features.n_bytes;
        }
        trivet_log_put(round, &logged);
    }
    trivet_buffer_release(&features);
}
