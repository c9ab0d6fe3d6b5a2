/* Prediction of a whole dataset: chunk by chunk, so that memory depends on a chunk and not on the
 * dataset. What comes out goes to the server in chunks too; the pipe holds us back while it stores.
 *
 * Features may look back over the end of a chunk: the last rows of one chunk are kept and put
 * before those of the next. */
#include "artefact/artefact.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "data/pack.h"
#include "models/prediction_table.h"
#include "training/trainer_internal.h"
#include "wire/codec.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CHUNK_MEMORY_BYTES  ((size_t)8 << 30)
#define ARENA_KEEP_BYTES    ((size_t)1 << 20)
#define OUTPUT_BYTES_TARGET ((size_t)2 << 20)
#define DETAIL_BYTES        128
#define WARNING_BYTES       512

struct predictor {
    struct trivet_trainer *trainer;
    struct trivet_artefact *artefact;
    const struct trivet_pipeline *pipeline; /* the artefact's */
    size_t n_keep;
    struct trivet_schema columns; /* of the output: those that are kept, then the predictions */
    size_t *kept;                 /* n_keep, indices into the dataset's schema */
    size_t slice_rows;            /* of one chunk of the output */
    struct trivet_arena *chunk_arena;
    struct trivet_arena *slice_arena;
    struct trivet_dataset *before; /* the rows of the last chunk, when features look back */
    int64_t started_ns;
    uint64_t n_rows; /* done */
    uint64_t n_failed;
    char first_failure[WARNING_BYTES];
};

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while a dataset is predicted");
}

/* --- what comes out -------------------------------------------------------------------------- */

static enum trivet_status send_columns(struct predictor *predictor, struct trivet_error *err)
{
    Trivet__V1__TrainerMessage message = TRIVET__V1__TRAINER_MESSAGE__INIT;
    message.body_case = TRIVET__V1__TRAINER_MESSAGE__BODY_COLUMNS;
    enum trivet_status status =
        trivet_schema_encode(&predictor->columns, predictor->slice_arena, &message.columns, err);
    return status == TRIVET_OK ? trivet_channel_send(predictor->trainer->channel, &message, err)
                               : status;
}

static enum trivet_status send_table(struct predictor *predictor, const struct trivet_table *table,
                                     bool *too_large, struct trivet_error *err)
{
    struct trivet_buffer packed = {0};
    Trivet__V1__Table *body = NULL;
    enum trivet_status status = trivet_table_encode(table, predictor->slice_arena, &body, err);
    if (status == TRIVET_OK) {
        status = trivet_codec_pack(&body->base, &packed, err);
    }
    *too_large = status == TRIVET_OK && packed.n_bytes > TRIVET_STORE_CHUNK_BYTES_MAX;
    if (status == TRIVET_OK && !*too_large) {
        Trivet__V1__TrainerChunk chunk = TRIVET__V1__TRAINER_CHUNK__INIT;
        Trivet__V1__TrainerMessage message = TRIVET__V1__TRAINER_MESSAGE__INIT;
        message.body_case = TRIVET__V1__TRAINER_MESSAGE__BODY_CHUNK;
        message.chunk = &chunk;
        chunk.rows = table->n_rows;
        chunk.table.data = packed.data;
        chunk.table.len = packed.n_bytes;
        status = trivet_channel_send(predictor->trainer->channel, &message, err);
    }
    trivet_buffer_release(&packed);
    return status;
}

static void count_failed(struct predictor *predictor, const struct trivet_table *bound,
                         const struct trivet_row_status *rows, size_t first)
{
    for (size_t i = first; i < bound->n_rows; i++) {
        if (rows[i].fault == TRIVET_ROW_FINE) {
            continue;
        }
        if (predictor->n_failed++ == 0) {
            char text[WARNING_BYTES - 64];
            trivet_row_fault_text(rows[i], bound, text, sizeof text);
            trivet_text_format(predictor->first_failure, sizeof predictor->first_failure,
                               "row %" PRIu64 ": %s", predictor->n_rows + (i - first), text);
        }
    }
}

static enum trivet_status show(struct predictor *predictor, bool force, struct trivet_error *err)
{
    char detail[DETAIL_BYTES];
    const uint64_t total = predictor->trainer->record.n_rows;
    const double seconds =
        (double)(trivet_clock_monotonic_ns() - predictor->started_ns) / (double)TRIVET_NS_PER_S;
    trivet_text_format(detail, sizeof detail, "%" PRIu64 " of %" PRIu64 " rows, %.0f rows/s",
                       predictor->n_rows, total,
                       seconds > 0 ? (double)predictor->n_rows / seconds : 0);
    return trivet_channel_progress(predictor->trainer->channel, "predict",
                                   total > 0 ? (double)predictor->n_rows / (double)total : 0,
                                   detail, force, err);
}

/* Rows [history, table->n_rows) of `table`, whose first `history` rows were told before. */
static enum trivet_status predict_slice(struct predictor *predictor,
                                        const struct trivet_table *table, size_t history,
                                        bool *too_large, struct trivet_error *err)
{
    const struct trivet_pipeline *pipeline = predictor->pipeline;
    struct trivet_arena *arena = predictor->slice_arena;
    const size_t n_outputs = trivet_pipeline_n_outputs(pipeline);
    const size_t n_rows = table->n_rows - history;
    trivet_arena_reset(arena);
    struct trivet_matrix out = {
        .data = trivet_arena_alloc_array(arena, table->n_rows * n_outputs, sizeof(double)),
        .n_rows = table->n_rows,
        .n_cols = n_outputs,
        .stride = n_outputs};
    struct trivet_row_status *rows = trivet_arena_alloc_array(arena, table->n_rows, sizeof *rows);
    struct trivet_column *columns =
        trivet_arena_alloc_array(arena, predictor->columns.n_columns, sizeof *columns);
    struct trivet_column *own = trivet_arena_alloc_array(arena, table->n_columns, sizeof *own);
    struct trivet_table bound;
    if (out.data == NULL || rows == NULL || columns == NULL || own == NULL) {
        return no_memory(err);
    }
    memset(rows, 0, table->n_rows * sizeof *rows);
    enum trivet_status status =
        trivet_table_bind(table, trivet_pipeline_inputs(pipeline), arena, &bound, err);
    if (status == TRIVET_OK) {
        status = trivet_pipeline_predict(pipeline, &bound, out, rows, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_column *inputs = trivet_arena_alloc_array(arena, bound.n_columns, sizeof *inputs);
    if (inputs == NULL) {
        return no_memory(err);
    }
    const struct trivet_table told = trivet_table_slice(&bound, history, n_rows, inputs);
    (void)trivet_table_slice(table, history, n_rows, own);
    for (size_t j = 0; j < predictor->n_keep; j++) {
        columns[j] = own[predictor->kept[j]];
    }
    status = trivet_prediction_fill(pipeline, &told, &out.data[history * n_outputs], &rows[history],
                                    &predictor->columns, arena, columns, err);
    if (status == TRIVET_OK) {
        const struct trivet_table made = {
            .n_rows = n_rows, .n_columns = predictor->columns.n_columns, .columns = columns};
        status = send_table(predictor, &made, too_large, err);
    }
    if (status == TRIVET_OK && !*too_large) {
        count_failed(predictor, &bound, rows, history);
        predictor->n_rows += n_rows;
        status = show(predictor, false, err);
    }
    return status;
}

/* --- what goes in ---------------------------------------------------------------------------- */

/* Rows [first, …) of `table` in slices; those before are there to be looked back to. */
static enum trivet_status predict_rows(struct predictor *predictor,
                                       const struct trivet_table *table, size_t first,
                                       struct trivet_error *err)
{
    const size_t look_back = trivet_pipeline_history_rows(predictor->pipeline);
    enum trivet_status status = TRIVET_OK;
    struct trivet_column *columns =
        trivet_arena_alloc_array(predictor->chunk_arena, table->n_columns, sizeof *columns);
    if (columns == NULL) {
        return no_memory(err);
    }
    while (status == TRIVET_OK && first < table->n_rows) {
        const size_t left = table->n_rows - first;
        const size_t n_rows = left < predictor->slice_rows ? left : predictor->slice_rows;
        const size_t history = first < look_back ? first : look_back;
        const struct trivet_table slice =
            trivet_table_slice(table, first - history, history + n_rows, columns);
        bool too_large = false;
        status = predict_slice(predictor, &slice, history, &too_large, err);
        if (status == TRIVET_OK && !too_large) {
            first += n_rows;
        } else if (status == TRIVET_OK && n_rows > 1) {
            predictor->slice_rows = n_rows / 2; /* long texts */
        } else if (status == TRIVET_OK) {
            status = trivet_error_set(err, TRIVET_OUT_OF_RANGE,
                                      "one row of the output takes more than %u bytes; keep fewer "
                                      "columns",
                                      TRIVET_STORE_CHUNK_BYTES_MAX);
        }
    }
    return status;
}

/* The end of the chunk before, then this chunk, as one; `*n_before` rows are of the first. */
static enum trivet_status join_before(struct predictor *predictor, const struct trivet_table *chunk,
                                      size_t look_back, size_t *n_before, struct trivet_error *err)
{
    struct trivet_dataset *joined = NULL;
    size_t n_kept = 0;
    enum trivet_status status =
        trivet_dataset_create(&predictor->trainer->schema, chunk->n_rows, &joined, err);
    if (status == TRIVET_OK && predictor->before != NULL) {
        const struct trivet_table old = trivet_dataset_table(predictor->before);
        n_kept = old.n_rows < look_back ? old.n_rows : look_back;
        struct trivet_column *columns =
            trivet_arena_alloc_array(predictor->chunk_arena, old.n_columns, sizeof *columns);
        if (columns == NULL) {
            status = no_memory(err);
        } else {
            const struct trivet_table end =
                trivet_table_slice(&old, old.n_rows - n_kept, n_kept, columns);
            status = trivet_dataset_append(joined, &end, err);
        }
    }
    if (status == TRIVET_OK) {
        status = trivet_dataset_append(joined, chunk, err);
    }
    if (status != TRIVET_OK) {
        trivet_dataset_free(joined);
        return status;
    }
    trivet_dataset_free(predictor->before);
    predictor->before = joined;
    *n_before = n_kept;
    return TRIVET_OK;
}

static enum trivet_status predict_chunk(struct predictor *predictor, uint32_t number,
                                        struct trivet_buffer *bytes, struct trivet_error *err)
{
    struct trivet_trainer *trainer = predictor->trainer;
    const size_t look_back = trivet_pipeline_history_rows(predictor->pipeline);
    struct trivet_table chunk;
    struct trivet_table rows;
    uint64_t n_rows = 0;
    size_t n_before = 0;
    bytes->n_bytes = 0;
    trivet_arena_reset(predictor->chunk_arena);
    enum trivet_status status = trivet_store_dataset_read(trainer->store, trainer->spec->dataset_id,
                                                          number, bytes, &n_rows, err);
    if (status == TRIVET_OK) {
        status =
            trivet_table_unpack(bytes->data, bytes->n_bytes, predictor->chunk_arena, &chunk, err);
    }
    /* In the order of the schema, as what is kept is found. */
    if (status == TRIVET_OK) {
        status = trivet_table_bind(&chunk, &trainer->schema, predictor->chunk_arena, &rows, err);
    }
    if (status == TRIVET_OK && look_back > 0) {
        status = join_before(predictor, &rows, look_back, &n_before, err);
        if (status == TRIVET_OK) {
            rows = trivet_dataset_table(predictor->before);
        }
    }
    if (status != TRIVET_OK) {
        trivet_error_prefix(err, "dataset %s, chunk %u: ", trainer->spec->dataset_id,
                            (unsigned)number);
        return status;
    }
    return predict_rows(predictor, &rows, n_before, err);
}

static enum trivet_status predict_all(struct predictor *predictor, struct trivet_error *err)
{
    struct trivet_buffer bytes = {0};
    predictor->started_ns = trivet_clock_monotonic_ns();
    const uint32_t n_chunks = (uint32_t)predictor->trainer->record.n_chunks;
    enum trivet_status status = show(predictor, true, err);
    for (uint32_t chunk = 0; status == TRIVET_OK && chunk < n_chunks; chunk++) {
        status = predict_chunk(predictor, chunk, &bytes, err);
    }
    trivet_buffer_release(&bytes);
    return status;
}

/* --- the job --------------------------------------------------------------------------------- */

static enum trivet_status load_version(struct predictor *predictor, struct trivet_error *err)
{
    const Trivet__V1__JobSpec *spec = predictor->trainer->spec;
    struct trivet_store_version record;
    struct trivet_buffer bytes = {0};
    enum trivet_status status = trivet_store_version_get(predictor->trainer->store, spec->model,
                                                         spec->version, &record, &bytes, NULL, err);
    if (status == TRIVET_OK) {
        status = trivet_artefact_decode(bytes.data, bytes.n_bytes, &predictor->artefact, err);
    }
    trivet_buffer_release(&bytes);
    if (status == TRIVET_OK) {
        predictor->pipeline = predictor->artefact->pipeline;
    }
    return status;
}

static enum trivet_status read_schema(struct trivet_trainer *trainer, struct trivet_error *err)
{
    struct trivet_buffer bytes = {0};
    enum trivet_status status = trivet_store_dataset_get(trainer->store, trainer->spec->dataset_id,
                                                         &trainer->record, &bytes, err);
    if (status == TRIVET_OK) {
        status = trivet_schema_unpack(bytes.data, bytes.n_bytes, &trainer->schema, err);
    }
    trivet_buffer_release(&bytes);
    return status;
}

/* Which columns go through, and how many rows of output make a chunk. */
static enum trivet_status lay_out(struct predictor *predictor, struct trivet_error *err)
{
    const Trivet__V1__JobSpec *spec = predictor->trainer->spec;
    const struct trivet_schema *schema = &predictor->trainer->schema;
    enum trivet_status status =
        trivet_predict_columns(predictor->pipeline, schema, spec->keep_columns,
                               spec->n_keep_columns, &predictor->columns, err);
    if (status != TRIVET_OK) {
        return status;
    }
    predictor->n_keep = spec->n_keep_columns;
    predictor->kept = trivet_alloc_array(predictor->n_keep + 1, sizeof *predictor->kept);
    predictor->chunk_arena = trivet_arena_create(CHUNK_MEMORY_BYTES, ARENA_KEEP_BYTES);
    predictor->slice_arena = trivet_arena_create(CHUNK_MEMORY_BYTES, ARENA_KEEP_BYTES);
    if (predictor->kept == NULL || predictor->chunk_arena == NULL ||
        predictor->slice_arena == NULL) {
        return no_memory(err);
    }
    for (size_t j = 0; j < predictor->n_keep; j++) {
        predictor->kept[j] = trivet_schema_find(schema, spec->keep_columns[j]);
    }
    predictor->slice_rows = OUTPUT_BYTES_TARGET / (predictor->columns.n_columns * sizeof(double));
    predictor->slice_rows = predictor->slice_rows == 0 ? 1 : predictor->slice_rows;
    return send_columns(predictor, err);
}

static enum trivet_status send_result(struct predictor *predictor, struct trivet_error *err)
{
    char warning[WARNING_BYTES + 64];
    char *warnings[] = {warning};
    Trivet__V1__TrainerResult result = TRIVET__V1__TRAINER_RESULT__INIT;
    Trivet__V1__TrainingReport report = TRIVET__V1__TRAINING_REPORT__INIT;
    Trivet__V1__FitReport fit = TRIVET__V1__FIT_REPORT__INIT;
    result.report = &report;
    report.rows_total = predictor->n_rows;
    report.rows_dropped = predictor->n_failed;
    report.total_seconds = (double)(trivet_clock_monotonic_ns() - predictor->trainer->started_ns) /
                           (double)TRIVET_NS_PER_S;
    report.peak_rss_bytes = trivet_trainer_peak_rss_bytes();
    report.threads = predictor->trainer->spec->threads;
    if (predictor->n_failed > 0) {
        trivet_text_format(warning, sizeof warning,
                           "%" PRIu64 " of %" PRIu64 " rows have no prediction; the first, %s",
                           predictor->n_failed, predictor->n_rows, predictor->first_failure);
        fit.warnings = warnings;
        fit.n_warnings = 1;
        report.fit = &fit;
    }
    const enum trivet_status status = show(predictor, true, err);
    return status == TRIVET_OK ? trivet_channel_result(predictor->trainer->channel, &result, err)
                               : status;
}

enum trivet_status trivet_trainer_predict(struct trivet_trainer *trainer, struct trivet_error *err)
{
    struct predictor predictor = {.trainer = trainer};
    enum trivet_status status = trivet_channel_progress(trainer->channel, "load", 0, "", true, err);
    if (status == TRIVET_OK) {
        status = trivet_store_open(trainer->spec->data_dir, TRIVET_STORE_READ_ONLY, &trainer->store,
                                   err);
    }
    if (status == TRIVET_OK) {
        status = read_schema(trainer, err);
    }
    if (status == TRIVET_OK) {
        status = load_version(&predictor, err);
    }
    if (status == TRIVET_OK) {
        status = lay_out(&predictor, err);
    }
    if (status == TRIVET_OK) {
        status = predict_all(&predictor, err);
    }
    if (status == TRIVET_OK) {
        status = send_result(&predictor, err);
    }
    trivet_dataset_free(predictor.before);
    trivet_arena_free(predictor.slice_arena);
    trivet_arena_free(predictor.chunk_arena);
    trivet_free(predictor.kept);
    trivet_schema_release(&predictor.columns);
    trivet_artefact_free(predictor.artefact);
    return status;
}
