#include "models/rows.h"

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while gathering rows; use fewer rows or columns");
}

static enum trivet_status gather_column(const struct trivet_column *from, const size_t *rows,
                                        size_t n_rows, struct trivet_arena *arena,
                                        struct trivet_column *out, struct trivet_error *err)
{
    struct trivet_column column = *from;
    column.stride = 1;
    if (from->type == TRIVET_COLUMN_NUMERIC) {
        double *numbers = trivet_arena_alloc_array(arena, n_rows, sizeof(double));
        if (numbers == NULL) {
            return no_memory(err);
        }
        for (size_t i = 0; i < n_rows; i++) {
            numbers[i] = from->numbers[rows[i] * from->stride];
        }
        column.numbers = numbers;
    } else {
        uint32_t *codes = trivet_arena_alloc_array(arena, n_rows, sizeof(uint32_t));
        if (codes == NULL) {
            return no_memory(err);
        }
        for (size_t i = 0; i < n_rows; i++) {
            codes[i] = from->codes[rows[i] * from->stride];
        }
        column.codes = codes;
    }
    *out = column;
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
    for (size_t j = 0; j < table->n_columns; j++) {
        enum trivet_status status =
            gather_column(&table->columns[j], rows, n_rows, arena, &columns[j], err);
        if (status != TRIVET_OK) {
            return status;
        }
    }
    *out =
        (struct trivet_table){.n_rows = n_rows, .n_columns = table->n_columns, .columns = columns};
    return TRIVET_OK;
}
