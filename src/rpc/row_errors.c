#include "rpc/row_errors.h"

#define TEXT_BYTES 192

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "the call needs more memory than it may have; send fewer rows");
}

enum trivet_status trivet_row_errors_encode(const struct trivet_table *table,
                                            const struct trivet_row_status *rows,
                                            struct trivet_arena *arena, Trivet__V1__RowError ***out,
                                            size_t *n_out, struct trivet_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < table->n_rows; i++) {
        n += rows[i].fault != TRIVET_ROW_FINE ? 1 : 0;
    }
    Trivet__V1__RowError *errors = trivet_arena_alloc_array(arena, n, sizeof(*errors));
    Trivet__V1__RowError **list = trivet_arena_alloc_array(arena, n, sizeof(errors));
    if (errors == NULL || list == NULL) {
        return no_memory(err);
    }
    n = 0;
    for (size_t i = 0; i < table->n_rows; i++) {
        char text[TEXT_BYTES];
        if (rows[i].fault == TRIVET_ROW_FINE) {
            continue;
        }
        trivet_row_fault_text(rows[i], table, text, sizeof(text));
        trivet__v1__row_error__init(&errors[n]);
        errors[n].row = (uint32_t)i;
        errors[n].status = (Trivet__V1__Status)trivet_row_fault_status(rows[i].fault);
        errors[n].message = trivet_arena_strdup(arena, text);
        if (errors[n].message == NULL) {
            return no_memory(err);
        }
        list[n] = &errors[n];
        n++;
    }
    *out = list;
    *n_out = n;
    return TRIVET_OK;
}
