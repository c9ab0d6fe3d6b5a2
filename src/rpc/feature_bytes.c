#include "rpc/feature_bytes.h"

#include <math.h>
#include <string.h>

static enum trivet_status append_text(const struct trivet_column *column, size_t row,
                                      struct trivet_buffer *out, struct trivet_error *err)
{
    uint32_t code = column->codes[row * column->stride];
    bool is_null = code == TRIVET_CODE_NULL || code >= column->n_dictionary;
    const char *text = is_null ? "" : column->dictionary[code];
    uint32_t n_bytes = is_null ? UINT32_MAX : (uint32_t)strlen(text);
    enum trivet_status status = trivet_buffer_append(out, &n_bytes, sizeof(n_bytes), err);
    if (status == TRIVET_OK && !is_null && n_bytes > 0) {
        status = trivet_buffer_append(out, text, n_bytes, err);
    }
    return status;
}

enum trivet_status trivet_feature_bytes_append(const struct trivet_table *table, size_t row,
                                               struct trivet_buffer *out, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    for (size_t k = 0; status == TRIVET_OK && k < table->n_columns; k++) {
        const struct trivet_column *column = &table->columns[k];
        if (column->type == TRIVET_COLUMN_NUMERIC) {
            double number = column->numbers[row * column->stride];
            status = trivet_buffer_append(out, &number, sizeof(number), err);
        } else {
            status = append_text(column, row, out, err);
        }
    }
    return status;
}

static bool read_value(enum trivet_column_type type, const uint8_t **at, size_t *n_left,
                       struct trivet_feature_value *value)
{
    uint32_t n_bytes = 0;
    size_t head_bytes = type == TRIVET_COLUMN_NUMERIC ? sizeof(value->number) : sizeof(n_bytes);
    *value = (struct trivet_feature_value){.text = ""};
    if (*n_left < head_bytes) {
        return false;
    }
    if (type == TRIVET_COLUMN_NUMERIC) {
        memcpy(&value->number, *at, sizeof(value->number));
        value->is_null = isnan(value->number);
    } else {
        memcpy(&n_bytes, *at, sizeof(n_bytes));
        value->is_null = n_bytes == UINT32_MAX;
        n_bytes = value->is_null ? 0 : n_bytes;
    }
    *at += head_bytes;
    *n_left -= head_bytes;
    if (*n_left < n_bytes) {
        return false;
    }
    if (type != TRIVET_COLUMN_NUMERIC) {
        value->text = (const char *)*at;
        value->text_bytes = n_bytes;
        *at += n_bytes;
        *n_left -= n_bytes;
    }
    return true;
}

enum trivet_status trivet_feature_bytes_read(const struct trivet_schema *columns, const void *data,
                                             size_t n_bytes, struct trivet_feature_value *values,
                                             struct trivet_error *err)
{
    const uint8_t *at = data;
    bool whole = true;
    for (size_t k = 0; whole && k < columns->n_columns; k++) {
        whole = read_value(columns->columns[k].type, &at, &n_bytes, &values[k]);
    }
    return whole && n_bytes == 0
               ? TRIVET_OK
               : trivet_error_set(err, TRIVET_DATA_LOSS,
                                  "the features of a prediction in the log are not those of its "
                                  "columns; the log is damaged");
}
