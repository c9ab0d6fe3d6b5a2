#include "models/transformers/series.h"

#include "models/transformers/column.h"
#include "models/transformers/numeric.h"

#include <math.h>

double trivet_series_before(const struct trivet_column *column, size_t row)
{
    double value = trivet_column_number(column, row);
    return isinf(value) ? NAN : value;
}

static size_t width(const struct trivet_series *series)
{
    return series->n_made + (series->keep ? 1 : 0);
}

enum trivet_status trivet_series_begin(const struct trivet_series *series, const char *owner,
                                       const struct trivet_transform_input *input,
                                       struct trivet_arena *arena, struct trivet_column *out,
                                       struct trivet_row_status *rows, double **values,
                                       struct trivet_error *err)
{
    const size_t n_made = input->n_columns * series->n_made;
    double *all = NULL;
    struct trivet_column *made = trivet_arena_alloc_array(arena, n_made, sizeof *made);
    if (made == NULL) {
        return trivet_transformer_no_memory(owner, err);
    }
    enum trivet_status status =
        trivet_numeric_make(arena, owner, n_made, input->n_rows, made, &all, err);
    if (status != TRIVET_OK) {
        return status;
    }
    size_t n = 0;
    for (size_t j = 0; j < input->n_columns; j++) {
        trivet_numeric_fault_infinite(&input->columns[j], input->n_rows, input->origins[j], rows);
        if (series->keep) {
            out[n++] = input->columns[j];
        }
        for (size_t k = 0; k < series->n_made; k++) {
            out[n++] = made[j * series->n_made + k];
        }
    }
    *values = all;
    return TRIVET_OK;
}

size_t trivet_series_n_outputs(const void *state)
{
    const struct trivet_series *series = state;
    return (size_t)series->n_columns * width(series);
}

size_t trivet_series_output_source(const void *state, size_t output)
{
    return output / width(state);
}

size_t trivet_series_output_made(const struct trivet_series *series, size_t output)
{
    size_t place = output % width(series);
    if (!series->keep) {
        return place;
    }
    return place == 0 ? series->n_made : place - 1;
}
