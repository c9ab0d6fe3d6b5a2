#include "base/alloc.h"
#include "rpc/fast_lane_internal.h"
#include "rpc/log_rows.h"
#include "trivet/v1/prediction.pb-c.h"

#include <string.h>

#define BATCH_ROWS_MAX    256
#define BATCH_BYTES_MAX   ((size_t)256 << 10)
#define OUTPUT_NAME_BYTES 128
#define PARTS_BYTES_MAX   ((size_t)512 << 10)

/* --- what every reply of the version repeats ------------------------------------------------- */

/* Into `memory`, exactly; false when it has no room. */
static bool pack(const ProtobufCMessage *message, struct trivet_arena *memory, const uint8_t **part,
                 size_t *n_bytes)
{
    *n_bytes = protobuf_c_message_get_packed_size(message);
    uint8_t *to = trivet_arena_alloc(memory, *n_bytes + 1);
    *part = to;
    return to != NULL && protobuf_c_message_pack(message, to) == *n_bytes;
}

static bool pack_head(const struct trivet_output *output, size_t cols, struct trivet_arena *memory,
                      struct trivet_predict_output_parts *parts)
{
    Trivet__V1__Output message = TRIVET__V1__OUTPUT__INIT;
    /* Packing only reads; protobuf-c's structs have no const. */
    char name[OUTPUT_NAME_BYTES];
    (void)strncpy(name, output->name, sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    message.name = name;
    message.cols = (uint32_t)cols;
    return pack(&message.base, memory, &parts->head, &parts->head_bytes);
}

static bool pack_columns(const struct fast_version *version, struct trivet_arena *scratch,
                         struct trivet_predict_output_parts *parts)
{
    Trivet__V1__Output message = TRIVET__V1__OUTPUT__INIT;
    if (version->kind != TRIVET_OUTPUT_VALUE) {
        message.columns = trivet_arena_alloc_array(scratch, version->n_outputs, sizeof(char *));
        for (size_t k = 0; message.columns != NULL && k < version->n_outputs; k++) {
            char name[OUTPUT_NAME_BYTES];
            trivet_pipeline_output_name(version->pipeline, k, name, sizeof(name));
            message.columns[k] = trivet_arena_strdup(scratch, name);
            if (message.columns[k] == NULL) {
                return false;
            }
        }
        message.n_columns = version->n_outputs;
        if (message.columns == NULL) {
            return false;
        }
    }
    return pack(&message.base, version->parts, &parts->tail, &parts->tail_bytes);
}

static bool pack_labels(const struct fast_version *version,
                        struct trivet_predict_output_parts *parts)
{
    const struct trivet_labels *labels = trivet_pipeline_labels(version->pipeline);
    Trivet__V1__Output message = TRIVET__V1__OUTPUT__INIT;
    message.text = labels->texts;
    message.n_text = labels->n_labels;
    return pack(&message.base, version->parts, &parts->tail, &parts->tail_bytes);
}

static bool pack_output(struct fast_version *version, size_t i, struct trivet_arena *scratch)
{
    static const uint8_t nothing[1];
    const struct trivet_output *output = &version->outputs[i];
    struct trivet_predict_output_parts *parts = &version->output_parts[i];
    parts->tail = nothing;
    if (!pack_head(output, output->is_decision ? 1 : version->n_outputs, version->parts, parts)) {
        return false;
    }
    if (!output->is_decision) {
        return pack_columns(version, scratch, parts);
    }
    return !output->is_text || pack_labels(version, parts);
}

/* A version with many long labels is the general way's. */
static bool pack_parts(struct fast_version *version)
{
    struct trivet_arena *scratch = trivet_arena_create(PARTS_BYTES_MAX, 0);
    version->parts = trivet_arena_create(PARTS_BYTES_MAX, 0);
    Trivet__V1__PredictResponse response = TRIVET__V1__PREDICT_RESPONSE__INIT;
    bool fine = scratch != NULL && version->parts != NULL;
    if (fine) {
        response.model = trivet_arena_strdup(scratch, trivet_servable_model(version->servable));
        response.version = trivet_servable_version(version->servable);
        fine = response.model != NULL && pack(&response.base, version->parts,
                                              &version->version_part, &version->version_bytes);
    }
    for (size_t i = 0; fine && i < version->n_output_parts; i++) {
        fine = pack_output(version, i, scratch);
    }
    trivet_arena_free(scratch);
    return fine;
}

/* --- life ------------------------------------------------------------------------------------ */

static bool takes_matrices(const struct trivet_pipeline *pipeline)
{
    const struct trivet_schema *inputs = trivet_pipeline_inputs(pipeline);
    for (size_t i = 0; i < inputs->n_columns; i++) {
        if (inputs->columns[i].type != TRIVET_COLUMN_NUMERIC) {
            return false;
        }
    }
    return trivet_pipeline_history_rows(pipeline) == 0;
}

static bool keep_key(struct fast_version *version, const struct trivet_predict_view *view)
{
    version->model_bytes = view->model.n_bytes;
    version->alias_bytes = view->alias.n_bytes;
    version->number = view->version;
    version->key = trivet_calloc(1, view->model.n_bytes + 1 + view->alias.n_bytes + 1);
    if (version->key == NULL) {
        return false;
    }
    memcpy(version->key, view->model.data, view->model.n_bytes);
    if (view->alias.n_bytes > 0) {
        memcpy(version->key + view->model.n_bytes + 1, view->alias.data, view->alias.n_bytes);
    }
    return true;
}

static bool make_columns(struct fast_version *version)
{
    version->x = trivet_alloc_aligned(version->rows_max * version->n_inputs, sizeof(double));
    version->columns = trivet_calloc(version->n_inputs, sizeof(*version->columns));
    if (version->x == NULL || version->columns == NULL) {
        return false;
    }
    const struct trivet_schema *inputs = trivet_pipeline_inputs(version->pipeline);
    for (size_t j = 0; j < version->n_inputs; j++) {
        version->columns[j] = (struct trivet_column){
            .name = inputs->columns[j].name,
            .type = TRIVET_COLUMN_NUMERIC,
            .stride = version->n_inputs,
            .numbers = version->x + j,
        };
    }
    return true;
}

static bool make_batch(struct fast_version *version)
{
    size_t fit = BATCH_BYTES_MAX / (version->n_inputs * sizeof(double));
    version->rows_max = fit > BATCH_ROWS_MAX ? BATCH_ROWS_MAX : fit > 0 ? fit : 1;
    version->calls_end = &version->calls;
    version->plan = trivet_servable_plan(version->servable);
    if (version->plan == NULL) {
        return make_columns(version);
    }
    version->rows = trivet_alloc_array(version->rows_max, sizeof(*version->rows));
    version->scratch = trivet_alloc_aligned(
        trivet_plan_scratch_bytes(version->plan, TRIVET_ROWS_MAX_PER_CALL) + 1, 1);
    return version->rows != NULL && version->scratch != NULL;
}

struct fast_version *trivet_fast_version_create(struct trivet_servable_set *set,
                                                const struct trivet_predict_view *view)
{
    struct fast_version *version = trivet_calloc(1, sizeof(*version));
    if (version == NULL || !keep_key(version, view)) {
        trivet_fast_version_free(version);
        return NULL;
    }
    if (view->version == 0) {
        version->traffic = trivet_servable_set_peek_traffic(
            set, version->key, version->key + version->model_bytes + 1);
    }
    if (version->traffic != NULL) {
        size_t n_shadows;
        (void)trivet_traffic_shadows(version->traffic, &n_shadows);
        version->has_shadows = n_shadows > 0;
        return version;
    }
    /* Why there is none is the general way's to find out, which may read the store. */
    version->servable = trivet_servable_set_peek(set, version->key, version->number,
                                                 version->key + version->model_bytes + 1);
    if (version->servable == NULL) {
        trivet_fast_version_free(version);
        return NULL;
    }
    version->pipeline = trivet_servable_pipeline(version->servable);
    version->n_inputs = trivet_pipeline_inputs(version->pipeline)->n_columns;
    version->n_features = trivet_pipeline_n_features(version->pipeline);
    version->n_outputs = trivet_pipeline_n_outputs(version->pipeline);
    version->kind = trivet_pipeline_output_kind(version->pipeline);
    version->outputs = trivet_outputs_of(version->kind, &version->n_output_parts);
    version->cost = trivet_servable_cost(version->servable);
    version->fit = takes_matrices(version->pipeline) && make_batch(version) && pack_parts(version);
    return version;
}

void trivet_fast_version_free(struct fast_version *version)
{
    if (version == NULL) {
        return;
    }
    trivet_log_version_release(version->log);
    trivet_servable_unref(version->servable);
    trivet_traffic_unref(version->traffic);
    trivet_free(version->key);
    trivet_arena_free(version->parts);
    trivet_free(version->rows);
    trivet_free(version->scratch);
    trivet_free(version->x);
    trivet_free(version->columns);
    trivet_free(version);
}

bool trivet_fast_version_is(const struct fast_version *version,
                            const struct trivet_predict_view *view)
{
    return version->number == view->version && version->model_bytes == view->model.n_bytes &&
           version->alias_bytes == view->alias.n_bytes &&
           memcmp(version->key, view->model.data, view->model.n_bytes) == 0 &&
           (view->alias.n_bytes == 0 || memcmp(version->key + version->model_bytes + 1,
                                               view->alias.data, view->alias.n_bytes) == 0);
}

/* --- prediction ------------------------------------------------------------------------------ */

/* Rows [first, first + n_rows) of the request to rows [at …) of x; false: one is not finite. */
static bool copy_rows(struct fast_version *version, const struct trivet_predict_view *view,
                      size_t first, size_t n_rows, size_t at)
{
    size_t n_values = n_rows * version->n_inputs;
    double *to = version->x + at * version->n_inputs;
    if (!view->single_precision) {
        memcpy(to, view->values + first * version->n_inputs * sizeof(double),
               n_values * sizeof(double));
    } else {
        const uint8_t *from = view->values + first * version->n_inputs * sizeof(float);
        for (size_t i = 0; i < n_values; i++) {
            float value;
            memcpy(&value, from + i * sizeof(value), sizeof(value));
            to[i] = (double)value;
        }
    }
    return trivet_values_are_finite(to, n_values);
}

static size_t row_bytes(const struct fast_version *version, const struct trivet_predict_view *view)
{
    return version->n_inputs * (view->single_precision ? sizeof(float) : sizeof(double));
}

bool trivet_fast_version_add_rows(struct fast_version *version,
                                  const struct trivet_predict_view *view)
{
    if (version->plan == NULL) {
        return copy_rows(version, view, 0, view->rows, version->n_rows);
    }
    version->single_precision = view->single_precision;
    size_t stride_bytes = row_bytes(version, view);
    for (size_t i = 0; i < view->rows; i++) {
        version->rows[version->n_rows + i] = view->values + i * stride_bytes;
    }
    return true;
}

/* The first n_rows of x. */
static bool predict_columns(struct fast_version *version, size_t n_rows, struct trivet_arena *arena,
                            double *out, struct trivet_row_status *faults)
{
    struct trivet_error err;
    struct trivet_table table = {
        .n_rows = n_rows, .n_columns = version->n_inputs, .columns = version->columns};
    double *features =
        trivet_arena_alloc_array(arena, n_rows * version->n_features + 1, sizeof(*features));
    struct trivet_matrix x = {features, n_rows, version->n_features, version->n_features};
    struct trivet_const_matrix read = {features, n_rows, version->n_features, version->n_features};
    struct trivet_matrix y = {out, n_rows, version->n_outputs, version->n_outputs};
    if (features == NULL ||
        trivet_pipeline_transform(version->pipeline, &table, arena, x, faults, &err) != TRIVET_OK ||
        trivet_pipeline_estimate(version->pipeline, read, y, &err) != TRIVET_OK) {
        return false;
    }
    for (size_t i = 0; i < n_rows; i++) {
        if (!trivet_values_are_finite(&out[i * version->n_outputs], version->n_outputs)) {
            faults[i].fault = TRIVET_ROW_OVERFLOW; /* which one, the general way tells */
        }
    }
    return true;
}

static bool any_fault(const struct trivet_row_status *faults, size_t n_rows)
{
    for (size_t i = 0; i < n_rows; i++) {
        if (faults[i].fault != TRIVET_ROW_FINE) {
            return true;
        }
    }
    return false;
}

static struct trivet_row_status *make_faults(struct trivet_arena *arena, size_t n_rows)
{
    struct trivet_row_status *faults = trivet_arena_alloc_array(arena, n_rows, sizeof(*faults));
    if (faults != NULL) {
        memset(faults, 0, n_rows * sizeof(*faults));
    }
    return faults;
}

bool trivet_fast_version_predict(struct fast_version *version, struct trivet_arena *arena,
                                 double *out, struct trivet_row_status **faults)
{
    size_t n_rows = version->n_rows;
    struct trivet_row_status *found = make_faults(arena, n_rows);
    if (found == NULL) {
        return false;
    }
    bool any;
    if (version->plan != NULL) {
        const struct trivet_row_view rows = {
            .n_rows = n_rows, .single = version->single_precision, .rows = version->rows};
        any = trivet_plan_predict(version->plan, &rows, false, out, found, version->scratch) > 0;
    } else if (predict_columns(version, n_rows, arena, out, found)) {
        any = any_fault(found, n_rows);
    } else {
        return false;
    }
    *faults = any ? found : NULL;
    return true;
}

bool trivet_fast_version_predict_request(struct fast_version *version,
                                         const struct trivet_predict_view *view,
                                         struct trivet_arena *arena, double *out)
{
    struct trivet_row_status *faults = make_faults(arena, view->rows);
    if (faults == NULL) {
        return false;
    }
    if (version->plan != NULL) {
        const struct trivet_row_view rows = {.n_rows = view->rows,
                                             .single = view->single_precision,
                                             .first = view->values,
                                             .stride_bytes = row_bytes(version, view)};
        return trivet_plan_predict(version->plan, &rows, false, out, faults, version->scratch) == 0;
    }
    for (size_t first = 0; first < view->rows; first += version->rows_max) {
        size_t n_rows = view->rows - first;
        n_rows = n_rows < version->rows_max ? n_rows : version->rows_max;
        if (!copy_rows(version, view, first, n_rows, 0) ||
            !predict_columns(version, n_rows, arena, out + first * version->n_outputs, faults) ||
            any_fault(faults, n_rows)) {
            return false;
        }
    }
    return true;
}

void trivet_fast_version_log(const struct fast_version *version, struct trivet_log_round *round,
                             const struct trivet_predict_view *view, struct trivet_text_view id,
                             uint32_t row, uint64_t hash, const double *out,
                             struct trivet_arena *arena)
{
    const struct trivet_log_numbers logged = {
        .id = id.data,
        .id_bytes = id.n_bytes,
        .row = row,
        .hash = hash,
        .out = out,
        .values = view->values + row * row_bytes(version, view),
        .single_precision = view->single_precision,
        .n_values = version->n_inputs,
    };
    trivet_log_put_numbers(round, version->pipeline, &logged, arena);
}
