/* Messages → views. The usual column, finite and without nulls, costs one pass of a loop that the
 * compiler can turn into vector code, and no copy. Only a column with nulls or faults is copied,
 * value by value, because the message is the caller's. */
#include "base/text.h"
#include "data/bind.h"
#include "data/names.h"
#include "data/table.h"

#include <math.h>
#include <string.h>

/* All bits of the exponent are set in infinity and NaN alone: one more carries into the sign, which
 * runs in vectors on any CPU. */
bool trivet_values_are_finite(const double *values, size_t count)
{
    static const uint64_t exponent = UINT64_C(0x7ff0000000000000);
    static const uint64_t one = UINT64_C(0x0010000000000000);
    uint64_t carried = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof(bits));
        carried |= (bits & exponent) + one;
    }
    return carried >> 63 == 0;
}

static bool all_below(const uint32_t *codes, size_t count, size_t n_dictionary)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        largest = codes[i] > largest ? codes[i] : largest;
    }
    return count == 0 || largest < n_dictionary;
}

static bool bitmap_bit(const ProtobufCBinaryData *bitmap, size_t row)
{
    return bitmap->len > 0 && (bitmap->data[row / 8] >> (row % 8) & 1) != 0;
}

static bool bitmap_any(const ProtobufCBinaryData *bitmap)
{
    uint8_t any = 0;
    for (size_t i = 0; i < bitmap->len; i++) {
        any |= bitmap->data[i];
    }
    return any != 0;
}

/* True when every row is null. */
static bool bitmap_all(const ProtobufCBinaryData *bitmap, size_t n_rows)
{
    for (size_t i = 0; i < n_rows; i++) {
        if (!bitmap_bit(bitmap, i)) {
            return false;
        }
    }
    return true;
}

static void set_fault(struct trivet_row_status *row, enum trivet_row_fault fault, size_t column)
{
    if (row->fault == TRIVET_ROW_FINE) {
        row->fault = fault;
        row->column = (uint32_t)column;
    }
}

/* A column's type and number of values. */
static enum trivet_status check_values(const Trivet__V1__TableColumn *column, size_t n_rows,
                                       struct trivet_error *err)
{
    size_t n_values = 0;
    if (column->values_case == TRIVET__V1__TABLE_COLUMN__VALUES_NUMERIC &&
        column->numeric != NULL) {
        n_values = column->numeric->n_values;
    } else if (column->values_case == TRIVET__V1__TABLE_COLUMN__VALUES_CATEGORICAL &&
               column->categorical != NULL) {
        n_values = column->categorical->n_codes;
    } else {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "column '%s' has no values; set numeric or categorical",
                                column->name);
    }
    if (n_values != n_rows) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "column '%s' has %zu values and the table has %zu rows; send one "
                                "value per row",
                                column->name, n_values, n_rows);
    }
    size_t bitmap_bytes = (n_rows + 7) / 8;
    if (column->null_bitmap.len != 0 && column->null_bitmap.len != bitmap_bytes) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the null bitmap of column '%s' has %zu bytes and %zu rows need "
                                "%zu; send one bit per row, or none at all",
                                column->name, column->null_bitmap.len, n_rows, bitmap_bytes);
    }
    return TRIVET_OK;
}

static enum trivet_status check_dictionary(const Trivet__V1__TableColumn *column,
                                           struct trivet_error *err)
{
    if (column->values_case != TRIVET__V1__TABLE_COLUMN__VALUES_CATEGORICAL) {
        return TRIVET_OK;
    }
    const Trivet__V1__CategoricalColumn *values = column->categorical;
    if (values->n_dictionary > TRIVET_ROWS_MAX_PER_CALL) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the dictionary of column '%s' has %zu entries; at most %d are "
                                "allowed, send only those that are used",
                                column->name, values->n_dictionary, TRIVET_ROWS_MAX_PER_CALL);
    }
    for (size_t i = 0; i < values->n_dictionary; i++) {
        const char *text = values->dictionary[i];
        if (text == NULL || !trivet_text_is_utf8(text, strlen(text))) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "entry %zu of the dictionary of column '%s' is not UTF-8; send "
                                    "text as UTF-8",
                                    i, column->name);
        }
    }
    return TRIVET_OK;
}

static enum trivet_status check_shape(const Trivet__V1__Table *message, struct trivet_error *err)
{
    if (message == NULL || message->n_columns == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the table has no columns; send at least one");
    }
    if (message->n_columns > TRIVET_COLUMNS_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the table has %zu columns; at most %d are allowed",
                                message->n_columns, TRIVET_COLUMNS_MAX);
    }
    if (message->rows > TRIVET_ROWS_MAX_PER_CALL) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the table has %u rows; at most %d are allowed in one call",
                                message->rows, TRIVET_ROWS_MAX_PER_CALL);
    }
    for (size_t i = 0; i < message->n_columns; i++) {
        const Trivet__V1__TableColumn *column = message->columns[i];
        enum trivet_status status =
            trivet_names_check(column != NULL ? column->name : NULL, i + 1, err);
        if (status == TRIVET_OK) {
            status = check_values(column, message->rows, err);
        }
        if (status == TRIVET_OK) {
            status = check_dictionary(column, err);
        }
        if (status != TRIVET_OK) {
            return status;
        }
    }
    return TRIVET_OK;
}

static enum trivet_status check_unique(const Trivet__V1__Table *message, struct trivet_arena *arena,
                                       struct trivet_error *err)
{
    struct trivet_name_ref *refs =
        trivet_arena_alloc_array(arena, message->n_columns, sizeof(*refs));
    if (refs == NULL) {
        return trivet_bind_out_of_memory(err);
    }
    for (size_t i = 0; i < message->n_columns; i++) {
        refs[i] = (struct trivet_name_ref){.name = message->columns[i]->name, .index = i};
    }
    trivet_names_sort(refs, message->n_columns);
    const char *duplicate = trivet_names_duplicate(refs, message->n_columns);
    if (duplicate != NULL) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "column '%s' stands twice; names must be unique", duplicate);
    }
    return TRIVET_OK;
}

/* Statuses of all rows, fine; NULL when the arena is spent. */
static struct trivet_row_status *make_rows(struct trivet_arena *arena, size_t n_rows)
{
    struct trivet_row_status *rows = trivet_arena_alloc_array(arena, n_rows, sizeof(*rows));
    if (rows != NULL) {
        memset(rows, 0, n_rows * sizeof(*rows));
    }
    return rows;
}

/* `message` is the column, `column` its number in the outcome. NULL: the arena is spent. */
static const double *view_numbers(const Trivet__V1__TableColumn *message, size_t n_rows,
                                  size_t column, struct trivet_arena *arena,
                                  struct trivet_row_status *rows)
{
    static const double nothing[1];
    const double *values = message->numeric->values;
    const ProtobufCBinaryData *bitmap = &message->null_bitmap;
    if (!bitmap_any(bitmap) && trivet_values_are_finite(values, n_rows)) {
        return n_rows > 0 ? values : nothing;
    }
    double *copy = trivet_arena_alloc_array(arena, n_rows, sizeof(*copy));
    if (copy == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < n_rows; i++) {
        copy[i] = values[i];
        if (bitmap_bit(bitmap, i)) {
            copy[i] = (double)NAN;
        } else if (!isfinite(values[i])) {
            set_fault(&rows[i], isnan(values[i]) ? TRIVET_ROW_NAN : TRIVET_ROW_INFINITE, column);
            copy[i] = (double)NAN;
        }
    }
    return copy;
}

static const uint32_t *view_codes(const Trivet__V1__TableColumn *message, size_t n_rows,
                                  size_t column, struct trivet_arena *arena,
                                  struct trivet_row_status *rows)
{
    static const uint32_t nothing[1];
    const uint32_t *codes = message->categorical->codes;
    size_t n_dictionary = message->categorical->n_dictionary;
    const ProtobufCBinaryData *bitmap = &message->null_bitmap;
    if (!bitmap_any(bitmap) && all_below(codes, n_rows, n_dictionary)) {
        return n_rows > 0 ? codes : nothing;
    }
    uint32_t *copy = trivet_arena_alloc_array(arena, n_rows, sizeof(*copy));
    if (copy == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < n_rows; i++) {
        copy[i] = codes[i];
        if (bitmap_bit(bitmap, i)) {
            copy[i] = TRIVET_CODE_NULL;
        } else if (codes[i] >= n_dictionary) {
            set_fault(&rows[i], TRIVET_ROW_BAD_CODE, column);
            copy[i] = TRIVET_CODE_NULL;
        }
    }
    return copy;
}

static enum trivet_column_type type_of(const Trivet__V1__TableColumn *message)
{
    return message->values_case == TRIVET__V1__TABLE_COLUMN__VALUES_NUMERIC
               ? TRIVET_COLUMN_NUMERIC
               : TRIVET_COLUMN_CATEGORICAL;
}

/* A column whose shape has been checked; `index` is its number in the outcome. */
static enum trivet_status view_column(const Trivet__V1__TableColumn *message, size_t n_rows,
                                      size_t index, struct trivet_arena *arena,
                                      struct trivet_column *out, struct trivet_row_status *rows,
                                      struct trivet_error *err)
{
    struct trivet_column column = {.name = message->name, .type = type_of(message), .stride = 1};
    if (column.type == TRIVET_COLUMN_NUMERIC) {
        column.numbers = view_numbers(message, n_rows, index, arena, rows);
    } else {
        column.codes = view_codes(message, n_rows, index, arena, rows);
        column.dictionary = (const char *const *)message->categorical->dictionary;
        column.n_dictionary = message->categorical->n_dictionary;
    }
    if (column.numbers == NULL && column.codes == NULL) {
        return trivet_bind_out_of_memory(err);
    }
    *out = column;
    return TRIVET_OK;
}

enum trivet_status trivet_table_decode(const Trivet__V1__Table *message, struct trivet_arena *arena,
                                       struct trivet_table *out, struct trivet_row_status **rows,
                                       struct trivet_error *err)
{
    enum trivet_status status = check_shape(message, err);
    if (status == TRIVET_OK) {
        status = check_unique(message, arena, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_column *columns =
        trivet_arena_alloc_array(arena, message->n_columns, sizeof(*columns));
    struct trivet_row_status *statuses = make_rows(arena, message->rows);
    if (columns == NULL || statuses == NULL) {
        return trivet_bind_out_of_memory(err);
    }
    for (size_t i = 0; i < message->n_columns; i++) {
        status =
            view_column(message->columns[i], message->rows, i, arena, &columns[i], statuses, err);
        if (status != TRIVET_OK) {
            return status;
        }
    }
    *out = (struct trivet_table){
        .n_rows = message->rows, .n_columns = message->n_columns, .columns = columns};
    *rows = statuses;
    return TRIVET_OK;
}

/* For every input the number of the message's column. When the columns are the inputs in their
 * order, they are unique as the inputs are, and nothing need be sorted. */
static enum trivet_status find_inputs(const Trivet__V1__Table *message,
                                      const struct trivet_schema *inputs,
                                      struct trivet_arena *arena, size_t **found,
                                      struct trivet_error *err)
{
    const char **names = trivet_arena_alloc_array(arena, message->n_columns, sizeof(*names));
    if (names == NULL) {
        return trivet_bind_out_of_memory(err);
    }
    bool in_order = message->n_columns == inputs->n_columns;
    for (size_t i = 0; i < message->n_columns; i++) {
        names[i] = message->columns[i]->name;
        in_order = in_order && strcmp(names[i], inputs->columns[i].name) == 0;
    }
    enum trivet_status status = in_order ? TRIVET_OK : check_unique(message, arena, err);
    if (status != TRIVET_OK) {
        return status;
    }
    return trivet_bind_names(names, message->n_columns, inputs, arena, found, err);
}

enum trivet_status trivet_table_decode_inputs(const Trivet__V1__Table *message,
                                              const struct trivet_schema *inputs,
                                              struct trivet_arena *arena, struct trivet_table *out,
                                              struct trivet_row_status **rows,
                                              struct trivet_error *err)
{
    size_t *found = NULL;
    enum trivet_status status = check_shape(message, err);
    if (status == TRIVET_OK) {
        status = find_inputs(message, inputs, arena, &found, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_column *columns =
        trivet_arena_alloc_array(arena, inputs->n_columns, sizeof(*columns));
    struct trivet_row_status *statuses = make_rows(arena, message->rows);
    if (columns == NULL || statuses == NULL) {
        return trivet_bind_out_of_memory(err);
    }
    for (size_t i = 0; status == TRIVET_OK && i < inputs->n_columns; i++) {
        const Trivet__V1__TableColumn *column = message->columns[found[i]];
        const struct trivet_column_spec *input = &inputs->columns[i];
        if (type_of(column) == input->type) {
            status = view_column(column, message->rows, i, arena, &columns[i], statuses, err);
        } else if (bitmap_all(&column->null_bitmap, message->rows)) {
            status = trivet_bind_null_column(input, message->rows, arena, &columns[i], err);
        } else {
            status = trivet_bind_wrong_type(input, type_of(column), err);
        }
    }
    if (status == TRIVET_OK) {
        *out = (struct trivet_table){
            .n_rows = message->rows, .n_columns = inputs->n_columns, .columns = columns};
        *rows = statuses;
    }
    return status;
}

static enum trivet_status check_matrix(const Trivet__V1__Matrix *message,
                                       const struct trivet_schema *inputs, struct trivet_error *err)
{
    if (message == NULL) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "no matrix; send one");
    }
    if (message->rows > TRIVET_ROWS_MAX_PER_CALL) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the matrix has %u rows; at most %d are allowed in one call",
                                message->rows, TRIVET_ROWS_MAX_PER_CALL);
    }
    for (size_t i = 0; i < inputs->n_columns; i++) {
        if (inputs->columns[i].type != TRIVET_COLUMN_NUMERIC) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "input '%s' is categorical, which a matrix cannot hold; send a "
                                    "table",
                                    inputs->columns[i].name);
        }
    }
    if (message->cols != inputs->n_columns) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the matrix has %u columns and the model takes %zu; send one "
                                "column per input, in their order",
                                message->cols, inputs->n_columns);
    }
    /* No overflow: rows <= 1,000,000 and cols < 2^32. */
    size_t n_values = (size_t)message->rows * message->cols;
    bool is_f64 = message->n_f32 == 0 && message->n_f64 == n_values;
    bool is_f32 = message->n_f64 == 0 && message->n_f32 == n_values;
    if (!is_f64 && !is_f32) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the matrix holds %zu float64 and %zu float32 values, and %u rows "
                                "by %u columns need %zu of one kind",
                                message->n_f64, message->n_f32, message->rows, message->cols,
                                n_values);
    }
    return TRIVET_OK;
}

/* Marks rows with infinity, or NaN where that is no missing value; infinities become nulls. */
static void mark_matrix(double *values, size_t n_rows, size_t n_cols, bool nan_is_missing,
                        struct trivet_row_status *rows)
{
    for (size_t i = 0; i < n_rows; i++) {
        for (size_t j = 0; j < n_cols; j++) {
            double value = values[i * n_cols + j];
            if (isinf(value)) {
                set_fault(&rows[i], TRIVET_ROW_INFINITE, j);
                values[i * n_cols + j] = (double)NAN;
            } else if (isnan(value) && !nan_is_missing) {
                set_fault(&rows[i], TRIVET_ROW_NAN, j);
            }
        }
    }
}

/* The values as double, row-major, with their faults marked; NULL: the arena is spent. */
static const double *matrix_values(const Trivet__V1__Matrix *message, struct trivet_arena *arena,
                                   struct trivet_row_status *rows)
{
    static const double nothing[1];
    size_t n_values = message->n_f64 + message->n_f32;
    if (n_values == 0) {
        return nothing;
    }
    if (message->n_f64 > 0 && trivet_values_are_finite(message->f64, n_values)) {
        return message->f64;
    }
    double *values = trivet_arena_alloc_array(arena, n_values, sizeof(*values));
    if (values == NULL) {
        return NULL;
    }
    if (message->n_f64 > 0) {
        memcpy(values, message->f64, n_values * sizeof(*values));
    } else {
        for (size_t i = 0; i < n_values; i++) {
            values[i] = (double)message->f32[i];
        }
        if (trivet_values_are_finite(values, n_values)) {
            return values;
        }
    }
    mark_matrix(values, message->rows, message->cols, message->nan_is_missing, rows);
    return values;
}

enum trivet_status trivet_table_decode_matrix(const Trivet__V1__Matrix *message,
                                              const struct trivet_schema *inputs,
                                              struct trivet_arena *arena, struct trivet_table *out,
                                              struct trivet_row_status **rows,
                                              struct trivet_error *err)
{
    enum trivet_status status = check_matrix(message, inputs, err);
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_column *columns =
        trivet_arena_alloc_array(arena, inputs->n_columns, sizeof(*columns));
    struct trivet_row_status *statuses = make_rows(arena, message->rows);
    const double *values = statuses != NULL ? matrix_values(message, arena, statuses) : NULL;
    if (columns == NULL || values == NULL) {
        return trivet_bind_out_of_memory(err);
    }
    for (size_t j = 0; j < inputs->n_columns; j++) {
        columns[j] = (struct trivet_column){
            .name = inputs->columns[j].name,
            .type = TRIVET_COLUMN_NUMERIC,
            .stride = inputs->n_columns,
            .numbers = values + (message->rows > 0 ? j : 0),
        };
    }
    *out = (struct trivet_table){
        .n_rows = message->rows, .n_columns = inputs->n_columns, .columns = columns};
    *rows = statuses;
    return TRIVET_OK;
}
