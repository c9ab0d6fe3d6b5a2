/* Reading one column in a transformer. */
#ifndef TRIVET_MODELS_TRANSFORMERS_COLUMN_H
#define TRIVET_MODELS_TRANSFORMERS_COLUMN_H

#include "data/table.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>

static inline double trivet_column_number(const struct trivet_column *column, size_t row)
{
    return column->numbers[row * column->stride];
}

static inline size_t trivet_column_count_missing(const struct trivet_column *column, size_t n_rows)
{
    size_t n = 0;
    if (column->type == TRIVET_COLUMN_NUMERIC) {
        for (size_t i = 0; i < n_rows; i++) {
            n += isnan(trivet_column_number(column, i)) ? 1 : 0;
        }
        return n;
    }
    for (size_t i = 0; i < n_rows; i++) {
        n += column->codes[i * column->stride] >= column->n_dictionary ? 1 : 0;
    }
    return n;
}

/* The first fault of a row stays. */
static inline void trivet_row_set_fault(struct trivet_row_status *row, enum trivet_row_fault fault,
                                        uint32_t column)
{
    if (row->fault == TRIVET_ROW_FINE) {
        row->fault = fault;
        row->column = column;
    }
}

#endif
