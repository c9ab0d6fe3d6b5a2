#include "data/bind.h"

#include "base/text.h"
#include "data/names.h"

#include <math.h>
#include <string.h>

/* How many names of missing columns a message spells out. */
#define NAMES_TOLD_MAX 3

enum trivet_status trivet_bind_out_of_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "a table needs more memory than a call may use; send fewer rows");
}

static enum trivet_status refuse_missing(const struct trivet_schema *inputs, const size_t *found,
                                         struct trivet_error *err)
{
    char names[NAMES_TOLD_MAX * (TRIVET_COLUMN_NAME_BYTES_MAX + 8)] = "";
    size_t n_missing = 0;
    for (size_t i = 0; i < inputs->n_columns; i++) {
        if (found[i] != TRIVET_COLUMN_NOT_FOUND) {
            continue;
        }
        if (n_missing < NAMES_TOLD_MAX) {
            size_t used = strlen(names);
            (void)trivet_text_format(names + used, sizeof(names) - used, "%s'%s'",
                                     n_missing > 0 ? ", " : "", inputs->columns[i].name);
        }
        n_missing++;
    }
    if (n_missing == 1) {
        trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                         "the data has no column %s; add it (all nulls if it is not known)", names);
    } else if (n_missing <= NAMES_TOLD_MAX) {
        trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                         "the data lacks %zu columns: %s; add them (all nulls if not known)",
                         n_missing, names);
    } else {
        trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                         "the data lacks %zu columns: %s and %zu more; add them (all nulls if not "
                         "known)",
                         n_missing, names, n_missing - NAMES_TOLD_MAX);
    }
    for (size_t i = 0; i < inputs->n_columns; i++) {
        if (found[i] == TRIVET_COLUMN_NOT_FOUND) {
            trivet_error_add_violation(err, inputs->columns[i].name,
                                       "this %s column is required and is not in the data",
                                       trivet_column_type_name(inputs->columns[i].type));
        }
    }
    return TRIVET_INVALID_ARGUMENT;
}

/* True when the first columns of the data are the inputs in their order: the usual case. */
static bool match_in_order(const char *const *names, size_t n_names,
                           const struct trivet_schema *inputs, size_t *found)
{
    if (n_names < inputs->n_columns) {
        return false;
    }
    for (size_t i = 0; i < inputs->n_columns; i++) {
        if (strcmp(names[i], inputs->columns[i].name) != 0) {
            return false;
        }
        found[i] = i;
    }
    return true;
}

enum trivet_status trivet_bind_names(const char *const *names, size_t n_names,
                                     const struct trivet_schema *inputs, struct trivet_arena *arena,
                                     size_t **out, struct trivet_error *err)
{
    size_t *found = trivet_arena_alloc_array(arena, inputs->n_columns, sizeof(*found));
    if (found == NULL) {
        return trivet_bind_out_of_memory(err);
    }
    if (!match_in_order(names, n_names, inputs, found)) {
        struct trivet_name_ref *refs = trivet_arena_alloc_array(arena, n_names, sizeof(*refs));
        if (refs == NULL) {
            return trivet_bind_out_of_memory(err);
        }
        for (size_t i = 0; i < n_names; i++) {
            refs[i] = (struct trivet_name_ref){.name = names[i], .index = i};
        }
        trivet_names_sort(refs, n_names);
        size_t n_missing = 0;
        for (size_t i = 0; i < inputs->n_columns; i++) {
            found[i] = trivet_names_find(refs, n_names, inputs->columns[i].name);
            n_missing += found[i] == TRIVET_COLUMN_NOT_FOUND;
        }
        if (n_missing > 0) {
            return refuse_missing(inputs, found, err);
        }
    }
    *out = found;
    return TRIVET_OK;
}

enum trivet_status trivet_bind_wrong_type(const struct trivet_column_spec *input,
                                          enum trivet_column_type type, struct trivet_error *err)
{
    trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "column '%s' is %s and must be %s; send %s",
                     input->name, trivet_column_type_name(type),
                     trivet_column_type_name(input->type),
                     input->type == TRIVET_COLUMN_NUMERIC ? "numbers" : "text");
    trivet_error_add_violation(err, input->name, "%s, must be %s", trivet_column_type_name(type),
                               trivet_column_type_name(input->type));
    return TRIVET_INVALID_ARGUMENT;
}

enum trivet_status trivet_bind_null_column(const struct trivet_column_spec *input, size_t n_rows,
                                           struct trivet_arena *arena, struct trivet_column *out,
                                           struct trivet_error *err)
{
    struct trivet_column column = {.name = input->name, .type = input->type, .stride = 1};
    if (input->type == TRIVET_COLUMN_NUMERIC) {
        double *numbers = trivet_arena_alloc_array(arena, n_rows, sizeof(*numbers));
        if (numbers == NULL) {
            return trivet_bind_out_of_memory(err);
        }
        for (size_t i = 0; i < n_rows; i++) {
            numbers[i] = (double)NAN;
        }
        column.numbers = numbers;
    } else {
        uint32_t *codes = trivet_arena_alloc_array(arena, n_rows, sizeof(*codes));
        if (codes == NULL) {
            return trivet_bind_out_of_memory(err);
        }
        memset(codes, 0xff, n_rows * sizeof(*codes));
        column.codes = codes;
    }
    *out = column;
    return TRIVET_OK;
}

static bool is_all_null(const struct trivet_column *column, size_t n_rows)
{
    for (size_t i = 0; i < n_rows; i++) {
        bool null = column->type == TRIVET_COLUMN_NUMERIC
                        ? isnan(column->numbers[i * column->stride])
                        : column->codes[i * column->stride] == TRIVET_CODE_NULL;
        if (!null) {
            return false;
        }
    }
    return true;
}

enum trivet_status trivet_table_bind(const struct trivet_table *table,
                                     const struct trivet_schema *inputs, struct trivet_arena *arena,
                                     struct trivet_table *out, struct trivet_error *err)
{
    const char **names = trivet_arena_alloc_array(arena, table->n_columns, sizeof(*names));
    struct trivet_column *columns =
        trivet_arena_alloc_array(arena, inputs->n_columns, sizeof(*columns));
    if (names == NULL || columns == NULL) {
        return trivet_bind_out_of_memory(err);
    }
    for (size_t i = 0; i < table->n_columns; i++) {
        names[i] = table->columns[i].name;
    }
    size_t *found;
    enum trivet_status status =
        trivet_bind_names(names, table->n_columns, inputs, arena, &found, err);
    for (size_t i = 0; status == TRIVET_OK && i < inputs->n_columns; i++) {
        const struct trivet_column *column = &table->columns[found[i]];
        if (column->type == inputs->columns[i].type) {
            columns[i] = *column;
        } else if (is_all_null(column, table->n_rows)) {
            status = trivet_bind_null_column(&inputs->columns[i], table->n_rows, arena, &columns[i],
                                             err);
        } else {
            status = trivet_bind_wrong_type(&inputs->columns[i], column->type, err);
        }
    }
    if (status == TRIVET_OK) {
        *out = (struct trivet_table){
            .n_rows = table->n_rows, .n_columns = inputs->n_columns, .columns = columns};
    }
    return status;
}
