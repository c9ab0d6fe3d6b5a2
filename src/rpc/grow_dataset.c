/* GrowDataset: the columns are the inputs of the version in production (else of the newest) and its
 * target. Rows of other versions give what they have under those names; the rest is null.
 *
 * A base that was grown from the same log gives its first rows only, those that are not of the log:
 * the log gives the others again, once each, with the outcomes as they are now. So a model that
 * renews itself again and again is never trained on copies, and its rows of the log stand beside
 * the same base each time. */
#include "rpc/grow_dataset.h"

#include "base/alloc.h"
#include "base/text.h"
#include "data/pack.h"
#include "lifecycle/feedback.h"
#include "rpc/dataset_writer.h"
#include "rpc/feature_bytes.h"
#include "rpc/model_settings.h"
#include "rpc/services.h"
#include "trivet/v1/datasets.pb-c.h"
#include "trivet/v1/feedback.pb-c.h"
#include "wire/codec.h"

#include <math.h>
#include <string.h>

#define PAGE_ROWS             256
#define ARENA_BYTES           ((size_t)512 << 20) /* of one page, or a chunk of the base */
#define HOLDOUT_SHARE_DEFAULT 0.2

struct grower {
    const struct trivet_feedback_service *service;
    const Trivet__V1__GrowDatasetRequest *request;
    struct trivet_schema schema; /* inputs, then the target */
    struct trivet_arena *arena;  /* of the page */
    struct trivet_dataset_writer writer;
    /* Of the rows read last: what their features hold, and where each column of the schema is
     * among it, or TRIVET_COLUMN_NOT_FOUND. */
    uint64_t columns_key;
    struct trivet_schema columns;
    size_t *places;
    struct trivet_feature_value *values; /* of one row */
    uint64_t n_base_rows;                /* that are not of the log */
    uint64_t n_grown;
};

static enum trivet_status out_of_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
}

/* --- the schema ------------------------------------------------------------------------------ */

static enum trivet_status load_version(const struct grower *grower, struct trivet_servable **out,
                                       struct trivet_error *err)
{
    struct trivet_servable_set *servables = grower->service->servables;
    const char *model = grower->request->model;
    struct trivet_store_version newest = {.version = 0};
    size_t count = 0;
    enum trivet_status status =
        trivet_servable_set_load(servables, model, 0, TRIVET_ALIAS_PRODUCTION, out, err);
    if (status != TRIVET_NOT_FOUND) {
        return status;
    }
    status = trivet_store_version_list(grower->service->store, model, &newest, 1, &count, err);
    return status == TRIVET_OK
               ? trivet_servable_set_load(servables, model, newest.version, NULL, out, err)
               : status;
}

static enum trivet_status make_schema(struct grower *grower, struct trivet_error *err)
{
    struct trivet_servable *servable = NULL;
    enum trivet_status status = load_version(grower, &servable, err);
    if (status != TRIVET_OK) {
        return status;
    }
    const struct trivet_pipeline *pipeline = trivet_servable_pipeline(servable);
    const struct trivet_column_spec *target = trivet_pipeline_target(pipeline);
    if (target == NULL) {
        status = trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                  "model '%s' has no target: its predictions have no outcomes",
                                  grower->request->model);
    } else {
        status = trivet_schema_copy(trivet_pipeline_inputs(pipeline), &grower->schema, err);
        if (status == TRIVET_OK) {
            status = trivet_schema_add(&grower->schema, target->name, target->type, err);
        }
    }
    trivet_servable_unref(servable);
    return status;
}

/* --- rows of the base ------------------------------------------------------------------------ */

/* Its first `rows_max` rows. */
static enum trivet_status add_base_chunk(struct grower *grower, const struct trivet_buffer *bytes,
                                         uint64_t rows_max, struct trivet_error *err)
{
    ProtobufCMessage *message = NULL;
    struct trivet_table table;
    struct trivet_table bound;
    struct trivet_row_status *faults = NULL;
    enum trivet_status status = trivet_codec_unpack(&trivet__v1__table__descriptor, grower->arena,
                                                    bytes->data, bytes->n_bytes, &message, err);
    if (status == TRIVET_OK) {
        status = trivet_table_decode((const Trivet__V1__Table *)message, grower->arena, &table,
                                     &faults, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_table_bind(&table, &grower->schema, grower->arena, &bound, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    bound.n_rows = bound.n_rows < rows_max ? bound.n_rows : (size_t)rows_max;
    grower->n_base_rows += bound.n_rows;
    return trivet_dataset_writer_add(&grower->writer, &bound, err);
}

static enum trivet_status add_base(struct grower *grower, struct trivet_error *err)
{
    const char *id = grower->request->base_dataset_id;
    struct trivet_store *store = grower->service->store;
    struct trivet_store_dataset record = {.n_rows = 0};
    struct trivet_buffer bytes = {0};
    if (id[0] == '\0') {
        return TRIVET_OK;
    }
    enum trivet_status status = trivet_store_dataset_get(store, id, &record, NULL, err);
    if (status == TRIVET_OK && !record.committed) {
        status = trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                  "the base dataset %s is not committed", id);
    }
    uint64_t rows_max = record.n_rows;
    if (status == TRIVET_OK && strcmp(record.grown_from, grower->request->model) == 0) {
        rows_max = record.n_base_rows;
    }
    for (uint32_t chunk = 0;
         status == TRIVET_OK && chunk < record.n_chunks && grower->n_base_rows < rows_max;
         chunk++) {
        uint64_t n_rows = 0;
        bytes.n_bytes = 0;
        trivet_arena_reset(grower->arena);
        status = trivet_store_dataset_read(store, id, chunk, &bytes, &n_rows, err);
        if (status == TRIVET_OK) {
            status = add_base_chunk(grower, &bytes, rows_max - grower->n_base_rows, err);
            if (status != TRIVET_OK) {
                trivet_error_prefix(err, "base dataset %s: ", id);
            }
        }
    }
    trivet_buffer_release(&bytes);
    return status;
}

/* --- rows of the log ------------------------------------------------------------------------- */

/* Makes the grower's columns those of the row. */
static enum trivet_status follow_columns(struct grower *grower, uint64_t columns_key,
                                         struct trivet_error *err)
{
    struct trivet_buffer bytes = {0};
    if (grower->columns_key == columns_key) {
        return TRIVET_OK;
    }
    trivet_schema_release(&grower->columns);
    trivet_free(grower->values);
    grower->values = NULL;
    grower->columns_key = 0;
    enum trivet_status status =
        trivet_store_log_get_columns(grower->service->store, columns_key, &bytes, err);
    if (status == TRIVET_OK) {
        status = trivet_schema_unpack(bytes.data, bytes.n_bytes, &grower->columns, err);
    }
    trivet_buffer_release(&bytes);
    if (status != TRIVET_OK) {
        return status;
    }
    grower->values = trivet_alloc_array(grower->columns.n_columns, sizeof(*grower->values));
    if (grower->values == NULL) {
        return out_of_memory(err);
    }
    for (size_t k = 0; k < grower->schema.n_columns; k++) {
        const struct trivet_column_spec *spec = &grower->schema.columns[k];
        size_t place = trivet_schema_find(&grower->columns, spec->name);
        bool fits =
            place != TRIVET_COLUMN_NOT_FOUND && grower->columns.columns[place].type == spec->type;
        grower->places[k] = fits ? place : TRIVET_COLUMN_NOT_FOUND;
    }
    grower->columns_key = columns_key;
    return TRIVET_OK;
}

/* The outcome as a value of the target; false: it is none. */
static bool read_target(const struct trivet_store_outcome *outcome, enum trivet_column_type type,
                        struct trivet_feature_value *out)
{
    *out = (struct trivet_feature_value){
        .number = outcome->number, .text = outcome->label, .text_bytes = strlen(outcome->label)};
    if (type == TRIVET_COLUMN_CATEGORICAL) {
        return outcome->is_label;
    }
    return !outcome->is_label ||
           trivet_text_parse_double(outcome->label, out->text_bytes, &out->number);
}

static bool is_wanted(const struct grower *grower, const char *prediction)
{
    const Trivet__V1__GrowDatasetRequest *request = grower->request;
    double share = request->holdout_share == 0 ? HOLDOUT_SHARE_DEFAULT : request->holdout_share;
    if (request->part == TRIVET__V1__FEEDBACK_PART__FEEDBACK_PART_UNSPECIFIED) {
        return true;
    }
    bool wants_holdout = request->part == TRIVET__V1__FEEDBACK_PART__FEEDBACK_PART_HOLDOUT;
    return trivet_feedback_is_held_out(grower->service->log, prediction, share) == wants_holdout;
}

/* A page of values as columns, in the grower's arena. A text has a dictionary entry per row; the
 * dataset merges equal ones. */
struct page {
    struct trivet_column *columns;
    double **numbers;
    uint32_t **codes;
    char ***texts;
    size_t n_rows;
};

static bool make_page(const struct grower *grower, size_t n_rows, struct page *page)
{
    size_t n_columns = grower->schema.n_columns;
    struct trivet_arena *arena = grower->arena;
    page->n_rows = 0;
    page->columns = trivet_arena_alloc_array(arena, n_columns, sizeof(*page->columns));
    page->numbers = trivet_arena_alloc_array(arena, n_columns, sizeof(double *));
    page->codes = trivet_arena_alloc_array(arena, n_columns, sizeof(uint32_t *));
    page->texts = trivet_arena_alloc_array(arena, n_columns, sizeof(char **));
    bool whole = page->columns != NULL && page->numbers != NULL && page->codes != NULL &&
                 page->texts != NULL;
    for (size_t k = 0; whole && k < n_columns; k++) {
        const struct trivet_column_spec *spec = &grower->schema.columns[k];
        page->numbers[k] = trivet_arena_alloc_array(arena, n_rows, sizeof(double));
        page->codes[k] = trivet_arena_alloc_array(arena, n_rows, sizeof(uint32_t));
        page->texts[k] = trivet_arena_alloc_array(arena, n_rows, sizeof(char *));
        whole = page->numbers[k] != NULL && page->codes[k] != NULL && page->texts[k] != NULL;
        page->columns[k] = (struct trivet_column){
            .name = spec->name,
            .type = spec->type,
            .stride = 1,
            .numbers = page->numbers[k],
            .codes = page->codes[k],
            .dictionary = (const char *const *)page->texts[k],
        };
    }
    return whole;
}

static bool put_value(const struct grower *grower, struct page *page, size_t k,
                      const struct trivet_feature_value *value)
{
    struct trivet_column *column = &page->columns[k];
    size_t row = page->n_rows;
    page->numbers[k][row] = value->is_null ? (double)NAN : value->number;
    page->codes[k][row] = TRIVET_CODE_NULL;
    if (column->type == TRIVET_COLUMN_CATEGORICAL && !value->is_null) {
        char *text = trivet_arena_alloc(grower->arena, value->text_bytes + 1);
        if (text == NULL) {
            return false;
        }
        memcpy(text, value->text, value->text_bytes);
        text[value->text_bytes] = '\0';
        page->codes[k][row] = (uint32_t)column->n_dictionary;
        page->texts[k][column->n_dictionary++] = text;
    }
    return true;
}

static enum trivet_status put_row(struct grower *grower, struct page *page,
                                  const struct trivet_store_labelled *row, const uint8_t *features,
                                  struct trivet_error *err)
{
    static const struct trivet_feature_value missing = {.is_null = true, .text = ""};
    size_t last = grower->schema.n_columns - 1;
    struct trivet_feature_value target;
    if (!is_wanted(grower, row->id) ||
        !read_target(&row->outcome, grower->schema.columns[last].type, &target)) {
        return TRIVET_OK;
    }
    enum trivet_status status = follow_columns(grower, row->columns_key, err);
    if (status == TRIVET_OK) {
        status = trivet_feature_bytes_read(&grower->columns, features + row->features_at,
                                           row->features_bytes, grower->values, err);
    }
    bool whole = true;
    for (size_t k = 0; status == TRIVET_OK && whole && k <= last; k++) {
        size_t place = grower->places[k];
        const struct trivet_feature_value *value =
            place == TRIVET_COLUMN_NOT_FOUND ? &missing : &grower->values[place];
        whole = put_value(grower, page, k, k == last ? &target : value);
    }
    page->n_rows += status == TRIVET_OK && whole;
    return status == TRIVET_OK && !whole ? out_of_memory(err) : status;
}

static enum trivet_status add_page(struct grower *grower, const struct trivet_store_labelled *rows,
                                   size_t count, const uint8_t *features, struct trivet_error *err)
{
    struct page page;
    trivet_arena_reset(grower->arena);
    if (!make_page(grower, count, &page)) {
        return out_of_memory(err);
    }
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; status == TRIVET_OK && i < count; i++) {
        status = put_row(grower, &page, &rows[i], features, err);
    }
    const struct trivet_table table = {
        .n_rows = page.n_rows, .n_columns = grower->schema.n_columns, .columns = page.columns};
    if (status == TRIVET_OK) {
        grower->n_grown += page.n_rows;
        status = trivet_dataset_writer_add(&grower->writer, &table, err);
    }
    return status;
}

static enum trivet_status add_log(struct grower *grower, struct trivet_error *err)
{
    const Trivet__V1__GrowDatasetRequest *request = grower->request;
    struct trivet_store *store = grower->service->store;
    struct trivet_store_labelled *rows = trivet_alloc_array(PAGE_ROWS, sizeof(*rows));
    struct trivet_buffer features = {0};
    uint64_t after = 0;
    size_t count = PAGE_ROWS;
    enum trivet_status status =
        rows == NULL ? out_of_memory(err)
                     : trivet_store_log_grown_from(store, request->model, request->since_unix_us,
                                                   request->rows_max, &after, err);
    while (status == TRIVET_OK && count == PAGE_ROWS) {
        features.n_bytes = 0;
        status = trivet_store_log_list_labelled(store, request->model, request->since_unix_us,
                                                after, rows, PAGE_ROWS, &count, &features, err);
        if (status == TRIVET_OK && count > 0) {
            after = rows[count - 1].key;
            status = add_page(grower, rows, count, features.data, err);
        }
    }
    trivet_buffer_release(&features);
    trivet_free(rows);
    return status;
}

/* --- the call -------------------------------------------------------------------------------- */

static enum trivet_status nothing_grown(struct trivet_call *call, const struct grower *grower,
                                        struct trivet_error *err)
{
    Trivet__V1__ModelSettings *settings = NULL;
    const char *model = grower->request->model;
    enum trivet_status status =
        trivet_model_settings_read(grower->service->store, call->arena, model, &settings, err);
    if (status != TRIVET_OK) {
        return status;
    }
    if (!settings->keep_features) {
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "model '%s' keeps no features of its predictions, so there are no "
                                "rows to train on; keep them from now on with: trivet configure %s "
                                "--keep-features on",
                                model, model);
    }
    return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                            "no prediction of model '%s' with features has an outcome yet, in what "
                            "was asked for; record outcomes with: trivet feedback %s --data F.csv",
                            model, model);
}

static enum trivet_status fill(struct trivet_call *call, struct grower *grower,
                               struct trivet_error *err)
{
    const Trivet__V1__GrowDatasetRequest *request = grower->request;
    char name[TRIVET_STORE_TITLE_BYTES];
    if (request->name[0] != '\0') {
        (void)trivet_text_copy(name, sizeof(name), request->name);
    } else {
        (void)trivet_text_format(name, sizeof(name), "%s-feedback", request->model);
    }
    grower->arena = trivet_arena_create(ARENA_BYTES, 0);
    if (grower->arena == NULL) {
        return out_of_memory(err);
    }
    enum trivet_status status = make_schema(grower, err);
    if (status != TRIVET_OK) {
        return status;
    }
    grower->places = trivet_alloc_array(grower->schema.n_columns, sizeof(*grower->places));
    if (grower->places == NULL) {
        return out_of_memory(err);
    }
    status = trivet_dataset_writer_create(&grower->writer, grower->service->store, &grower->schema,
                                          name, err);
    if (status == TRIVET_OK) {
        status = add_base(grower, err);
    }
    if (status == TRIVET_OK) {
        status = add_log(grower, err);
    }
    if (status == TRIVET_OK && grower->n_grown == 0) {
        status = nothing_grown(call, grower, err);
    }
    return status == TRIVET_OK ? trivet_dataset_writer_finish(&grower->writer, err) : status;
}

/* Commits the dataset with the answer; a call that was made before answers as it did, and what was
 * written is dropped. */
static enum trivet_status commit(struct trivet_call *call, struct grower *grower,
                                 ProtobufCMessage **response, struct trivet_error *err)
{
    struct trivet_store *store = grower->service->store;
    struct trivet_store_dataset record;
    struct trivet_store_txn *txn = NULL;
    Trivet__V1__Schema *schema = NULL;
    enum trivet_status status = trivet_schema_encode(&grower->schema, call->arena, &schema, err);
    if (status == TRIVET_OK) {
        status = trivet_call_begin_change(call, store, TRIVET_STORE_DATA, &txn, response, err);
    }
    if (status != TRIVET_OK || txn == NULL) {
        return status;
    }
    status = trivet_store_dataset_set_origin(txn, grower->writer.id, grower->request->model,
                                             grower->n_base_rows, err);
    if (status == TRIVET_OK) {
        status = trivet_store_dataset_commit(txn, grower->writer.id, grower->writer.n_chunks,
                                             &record, err);
    }
    Trivet__V1__Dataset *made = NULL;
    if (status == TRIVET_OK) {
        made = trivet_dataset_message(call->arena, &record);
        status = made == NULL ? out_of_memory(err) : TRIVET_OK;
    }
    if (status != TRIVET_OK) {
        trivet_store_abort(txn);
        return status;
    }
    made->schema = schema;
    *response = &made->base;
    /* The schema's names are packed before the grower goes; for the reply they are needed longer.
     */
    status = trivet_call_commit_change(call, txn, *response, err);
    for (size_t i = 0; i < schema->n_columns; i++) {
        schema->columns[i]->name = trivet_arena_strdup(call->arena, schema->columns[i]->name);
        if (schema->columns[i]->name == NULL) {
            made->schema = NULL; /* the dataset is there; who needs the columns asks for them */
            break;
        }
    }
    return status;
}

static enum trivet_status check_request(const Trivet__V1__GrowDatasetRequest *request,
                                        struct trivet_error *err)
{
    if (strlen(request->name) >= TRIVET_STORE_TITLE_BYTES) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the dataset's name has more than %d bytes",
                                TRIVET_STORE_TITLE_BYTES - 1);
    }
    if (!(request->holdout_share >= 0 && request->holdout_share <= 1)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the share that is held out must be from 0 to 1");
    }
    return TRIVET_OK;
}

enum trivet_status trivet_grow_dataset(struct trivet_call *call,
                                       const struct trivet_feedback_service *service,
                                       ProtobufCMessage **response, struct trivet_error *err)
{
    struct grower grower = {.service = service,
                            .request = (const Trivet__V1__GrowDatasetRequest *)call->request};
    struct trivet_store_txn *txn = NULL;
    enum trivet_status status = check_request(grower.request, err);
    if (status == TRIVET_OK) {
        /* A repeated call is answered before anything is read. */
        status =
            trivet_call_begin_change(call, service->store, TRIVET_STORE_DATA, &txn, response, err);
        trivet_store_abort(txn);
    }
    if (status == TRIVET_OK && !call->replayed) {
        status = fill(call, &grower, err);
        if (status == TRIVET_OK) {
            status = commit(call, &grower, response, err);
        }
        trivet_dataset_writer_release(&grower.writer, status != TRIVET_OK || call->replayed);
    }
    trivet_free(grower.places);
    trivet_free(grower.values);
    trivet_schema_release(&grower.columns);
    trivet_schema_release(&grower.schema);
    trivet_arena_free(grower.arena);
    return status;
}
