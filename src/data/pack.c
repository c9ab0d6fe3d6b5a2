#include "data/pack.h"

#include "base/arena.h"
#include "wire/codec.h"

#include <stdint.h>

/* Unpacking tiny texts takes up to 16 times their bytes, and
 * codes and nulls are copied. */
#define ARENA_KEEP_BYTES   4096
#define UNPACK_FACTOR      64
#define UNPACK_BYTES_EXTRA (64u << 20)

static struct trivet_arena *unpack_arena(size_t n_bytes)
{
    size_t budget = SIZE_MAX;
    if (n_bytes <= (SIZE_MAX - UNPACK_BYTES_EXTRA) / UNPACK_FACTOR) {
        budget = n_bytes * UNPACK_FACTOR + UNPACK_BYTES_EXTRA;
    }
    return trivet_arena_create(budget, ARENA_KEEP_BYTES);
}

static enum trivet_status out_of_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for packed data");
}

enum trivet_status trivet_schema_unpack(const void *data, size_t n_bytes, struct trivet_schema *out,
                                        struct trivet_error *err)
{
    struct trivet_arena *arena = unpack_arena(n_bytes);
    if (arena == NULL) {
        return out_of_memory(err);
    }
    ProtobufCMessage *message = NULL;
    enum trivet_status status =
        trivet_codec_unpack(&trivet__v1__schema__descriptor, arena, data, n_bytes, &message, err);
    if (status == TRIVET_OK) {
        status = trivet_schema_decode((const Trivet__V1__Schema *)message, out, err);
    }
    trivet_arena_free(arena);
    return status;
}

static enum trivet_status refuse_faults(const struct trivet_table *table,
                                        const struct trivet_row_status *rows,
                                        struct trivet_error *err)
{
    for (size_t i = 0; i < table->n_rows; i++) {
        if (rows[i].fault != TRIVET_ROW_FINE) {
            char text[TRIVET_ERROR_REASON_BYTES * 2];
            trivet_row_fault_text(rows[i], table, text, sizeof(text));
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "row %zu: %s", i + 1, text);
        }
    }
    return TRIVET_OK;
}

enum trivet_status trivet_table_unpack(const void *data, size_t n_bytes, struct trivet_arena *arena,
                                       struct trivet_table *out, struct trivet_error *err)
{
    ProtobufCMessage *message = NULL;
    struct trivet_table table = {0};
    struct trivet_row_status *rows = NULL;
    enum trivet_status status =
        trivet_codec_unpack(&trivet__v1__table__descriptor, arena, data, n_bytes, &message, err);
    if (status == TRIVET_OK) {
        status = trivet_table_decode((const Trivet__V1__Table *)message, arena, &table, &rows, err);
    }
    if (status == TRIVET_OK) {
        status = refuse_faults(&table, rows, err);
    }
    if (status == TRIVET_OK) {
        *out = table;
    }
    return status;
}

enum trivet_status trivet_dataset_append_packed(struct trivet_dataset *dataset, const void *data,
                                                size_t n_bytes, struct trivet_error *err)
{
    struct trivet_arena *arena = unpack_arena(n_bytes);
    struct trivet_table table;
    if (arena == NULL) {
        return out_of_memory(err);
    }
    enum trivet_status status = trivet_table_unpack(data, n_bytes, arena, &table, err);
    if (status == TRIVET_OK) {
        status = trivet_dataset_append(dataset, &table, err);
    }
    trivet_arena_free(arena);
    return status;
}
