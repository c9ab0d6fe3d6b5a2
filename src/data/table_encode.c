#include "data/bind.h"
#include "data/table.h"

#include <math.h>
#include <string.h>

/* The generated messages have no const. What is reached through this is only read. */
static void *unconst(const void *memory)
{
    return (void *)(uintptr_t)memory;
}

static bool is_null(const struct trivet_column *column, size_t row)
{
    return column->type == TRIVET_COLUMN_NUMERIC
               ? isnan(column->numbers[row * column->stride])
               : column->codes[row * column->stride] == TRIVET_CODE_NULL;
}

/* Leaves the bitmap empty when there are no nulls. */
static enum trivet_status encode_nulls(const struct trivet_column *column, size_t n_rows,
                                       struct trivet_arena *arena, ProtobufCBinaryData *bitmap,
                                       struct trivet_error *err)
{
    size_t first = 0;
    while (first < n_rows && !is_null(column, first)) {
        first++;
    }
    if (first == n_rows) {
        return TRIVET_OK;
    }
    size_t n_bytes = (n_rows + 7) / 8;
    uint8_t *bits = trivet_arena_alloc(arena, n_bytes);
    if (bits == NULL) {
        return trivet_bind_out_of_memory(err);
    }
    memset(bits, 0, n_bytes);
    for (size_t i = first; i < n_rows; i++) {
        if (is_null(column, i)) {
            bits[i / 8] = (uint8_t)(bits[i / 8] | 1u << (i % 8));
        }
    }
    bitmap->data = bits;
    bitmap->len = n_bytes;
    return TRIVET_OK;
}

static enum trivet_status encode_numeric(const struct trivet_column *column, size_t n_rows,
                                         struct trivet_arena *arena,
                                         Trivet__V1__TableColumn *message, struct trivet_error *err)
{
    Trivet__V1__NumericColumn *numeric = trivet_arena_alloc(arena, sizeof(*numeric));
    if (numeric == NULL) {
        return trivet_bind_out_of_memory(err);
    }
    trivet__v1__numeric_column__init(numeric);
    numeric->n_values = n_rows;
    numeric->values = unconst(column->numbers);
    if (column->stride != 1) {
        double *values = trivet_arena_alloc_array(arena, n_rows, sizeof(*values));
        if (values == NULL) {
            return trivet_bind_out_of_memory(err);
        }
        for (size_t i = 0; i < n_rows; i++) {
            values[i] = column->numbers[i * column->stride];
        }
        numeric->values = values;
    }
    message->values_case = TRIVET__V1__TABLE_COLUMN__VALUES_NUMERIC;
    message->numeric = numeric;
    return TRIVET_OK;
}

/* New codes for those in use, counted in the order of the rows: open addressing over the old code,
 * so that a slice of few rows does not pay for the size of its dictionary. */
struct compaction {
    size_t mask;
    uint32_t *old_codes; /* (mask + 1); TRIVET_CODE_NULL = free */
    uint32_t *new_codes;
    char **used;
    uint32_t n_used;
};

static bool compaction_init(struct compaction *compaction, size_t n_rows,
                            struct trivet_arena *arena)
{
    size_t n_slots = 4;
    while (n_slots < 2 * n_rows) {
        n_slots *= 2;
    }
    compaction->mask = n_slots - 1;
    compaction->old_codes =
        trivet_arena_alloc_array(arena, n_slots, sizeof(*compaction->old_codes));
    compaction->new_codes =
        trivet_arena_alloc_array(arena, n_slots, sizeof(*compaction->new_codes));
    compaction->used = trivet_arena_alloc_array(arena, n_rows, sizeof(*compaction->used));
    compaction->n_used = 0;
    if (compaction->old_codes == NULL || compaction->new_codes == NULL ||
        compaction->used == NULL) {
        return false;
    }
    memset(compaction->old_codes, 0xff, n_slots * sizeof(*compaction->old_codes));
    return true;
}

static uint32_t compaction_code(struct compaction *compaction, uint32_t old_code,
                                const char *const *dictionary)
{
    size_t slot = (size_t)(old_code * UINT32_C(2654435769)) & compaction->mask;
    while (compaction->old_codes[slot] != TRIVET_CODE_NULL) {
        if (compaction->old_codes[slot] == old_code) {
            return compaction->new_codes[slot];
        }
        slot = (slot + 1) & compaction->mask;
    }
    compaction->old_codes[slot] = old_code;
    compaction->new_codes[slot] = compaction->n_used;
    compaction->used[compaction->n_used] = unconst(dictionary[old_code]);
    return compaction->n_used++;
}

/* Codes as they travel: a null's is 0, which is the shortest. */
static enum trivet_status encode_codes(const struct trivet_column *column, size_t n_rows,
                                       struct trivet_arena *arena,
                                       Trivet__V1__CategoricalColumn *message,
                                       struct trivet_error *err)
{
    uint32_t *codes = trivet_arena_alloc_array(arena, n_rows, sizeof(*codes));
    if (codes == NULL) {
        return trivet_bind_out_of_memory(err);
    }
    bool compact = column->n_dictionary > n_rows;
    struct compaction compaction = {0};
    if (compact && !compaction_init(&compaction, n_rows, arena)) {
        return trivet_bind_out_of_memory(err);
    }
    for (size_t i = 0; i < n_rows; i++) {
        uint32_t code = column->codes[i * column->stride];
        if (code == TRIVET_CODE_NULL) {
            code = 0;
        } else if (compact) {
            code = compaction_code(&compaction, code, column->dictionary);
        }
        codes[i] = code;
    }
    message->n_codes = n_rows;
    message->codes = codes;
    message->n_dictionary = compact ? compaction.n_used : column->n_dictionary;
    message->dictionary = compact ? compaction.used : unconst(column->dictionary);
    return TRIVET_OK;
}

static enum trivet_status encode_column(const struct trivet_column *column, size_t n_rows,
                                        struct trivet_arena *arena,
                                        Trivet__V1__TableColumn *message, struct trivet_error *err)
{
    trivet__v1__table_column__init(message);
    message->name = unconst(column->name);
    enum trivet_status status = encode_nulls(column, n_rows, arena, &message->null_bitmap, err);
    if (status != TRIVET_OK) {
        return status;
    }
    if (column->type == TRIVET_COLUMN_NUMERIC) {
        return encode_numeric(column, n_rows, arena, message, err);
    }
    Trivet__V1__CategoricalColumn *categorical = trivet_arena_alloc(arena, sizeof(*categorical));
    if (categorical == NULL) {
        return trivet_bind_out_of_memory(err);
    }
    trivet__v1__categorical_column__init(categorical);
    message->values_case = TRIVET__V1__TABLE_COLUMN__VALUES_CATEGORICAL;
    message->categorical = categorical;
    return encode_codes(column, n_rows, arena, categorical, err);
}

enum trivet_status trivet_table_encode(const struct trivet_table *table, struct trivet_arena *arena,
                                       Trivet__V1__Table **out, struct trivet_error *err)
{
    if (table->n_rows > TRIVET_ROWS_MAX_PER_CALL) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the table has %zu rows; at most %d fit one message", table->n_rows,
                                TRIVET_ROWS_MAX_PER_CALL);
    }
    Trivet__V1__Table *message = trivet_arena_alloc(arena, sizeof(*message));
    Trivet__V1__TableColumn **pointers =
        trivet_arena_alloc_array(arena, table->n_columns, sizeof(*pointers));
    Trivet__V1__TableColumn *columns =
        trivet_arena_alloc_array(arena, table->n_columns, sizeof(*columns));
    if (message == NULL || pointers == NULL || columns == NULL) {
        return trivet_bind_out_of_memory(err);
    }
    trivet__v1__table__init(message);
    for (size_t i = 0; i < table->n_columns; i++) {
        enum trivet_status status =
            encode_column(&table->columns[i], table->n_rows, arena, &columns[i], err);
        if (status != TRIVET_OK) {
            return status;
        }
        pointers[i] = &columns[i];
    }
    message->rows = (uint32_t)table->n_rows;
    message->n_columns = table->n_columns;
    message->columns = pointers;
    *out = message;
    return TRIVET_OK;
}
