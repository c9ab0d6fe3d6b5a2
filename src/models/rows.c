#include "models/rows.h"

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while gathering rows; use fewer rows or columns");
}

/* `room` of n_rows numbers or codes. */
static void gather_column(const struct trivet_column *from, const size_t *rows, size_t n_rows,
                          void *room, struct trivet_column *out)
{
    *out = *from;
    out->stride = 1;
    if (from->type == TRIVET_COLUMN_NUMERIC) {
        double *numbers = room;
        for (size_t i = 0; i < n_rows; i++) {
            numbers[i] = from->numbers[rows[i] * from->stride];
        }
        out->numbers = numbers;
    } else {
        uint32_t *codes = room;
        for (size_t i = 0; i < n_rows; i++) {
            codes[i] = from->codes[rows[i] * from->stride];
        }
        out->codes = codes;
    }
}

/* All columns of a type in one piece of memory, which may have huge pages. */
static enum trivet_status gather_columns(const struct trivet_table *table, const size_t *rows,
                                         size_t n_rows, struct trivet_arena *arena,
                                         struct trivet_column *columns, struct trivet_error *err)
{
    size_t n_numeric = 0;
    for (size_t j = 0; j < table->n_columns; j++) {
        n_numeric += table->columns[j].type == TRIVET_COLUMN_NUMERIC;
    }
    const size_t n_coded = table->n_columns - n_numeric;
    if (n_rows > SIZE_MAX / sizeof(double) / (table->n_columns + 1)) {
        return no_memory(err);
    }
    double *numbers = trivet_arena_alloc_array(arena, n_rows * n_numeric, sizeof(double));
    uint32_t *codes = trivet_arena_alloc_array(arena, n_rows * n_coded, sizeof(uint32_t));
    if (numbers == NULL || codes == NULL) {
        return no_memory(err);
    }
    for (size_t j = 0; j < table->n_columns; j++) {
        const bool numeric = table->columns[j].type == TRIVET_COLUMN_NUMERIC;
        gather_column(&table->columns[j], rows, n_rows, numeric ? (void *)numbers : codes,
                      &columns[j]);
        numbers += numeric ? n_rows : 0;
        codes += numeric ? 0 : n_rows;
    }
    return TRIVET_OK;
}

enum trivet_status trivet_rows_gather(const struct trivet_table *table, const size_t *rows,
                                      size_t n_rows, struct trivet_arena *arena,
                                      struct trivet_table *out, struct trivet_error *err)
{
    for (size_t i = 0; i < n_rows; i++) {
        if (rows[i] >= table->n_rows) {
            return trivet_error_set(err, TRIVET_OUT_OF_RANGE,
                                    "row %zu is not in a table of %zu rows", rows[i],
                                    table->n_rows);
        }
    }
    struct trivet_column *columns =
        trivet_arena_alloc_array(arena, table->n_columns, sizeof *columns);
    if (columns == NULL) {
        return no_memory(err);
    }
    enum trivet_status status = gather_columns(table, rows, n_rows, arena, columns, err);
    if (status != TRIVET_OK) {
        return status;
    }
    *out =
        (struct trivet_table){.n_rows = n_rows, .n_columns = table->n_columns, .columns = columns};
    return TRIVET_OK;
}
