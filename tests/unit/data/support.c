#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char temp_path[64];

const char *write_temp(const void *bytes, size_t n_bytes)
{
    (void)snprintf(temp_path, sizeof(temp_path), "/tmp/trivet-csv-XXXXXX");
    int fd = mkstemp(temp_path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n_bytes), n_bytes);
    assert_int_equal(close(fd), 0);
    return temp_path;
}

const char *write_temp_text(const char *text)
{
    return write_temp(text, strlen(text));
}

void remove_temp(void)
{
    assert_int_equal(unlink(temp_path), 0);
}

struct trivet_schema make_schema(const char *text)
{
    struct trivet_schema schema = {0};
    struct trivet_error err = {0};
    while (*text != '\0') {
        size_t name_bytes = strcspn(text, ":");
        char name[64];
        assert_true(name_bytes < sizeof(name) && text[name_bytes] == ':');
        memcpy(name, text, name_bytes);
        name[name_bytes] = '\0';
        enum trivet_column_type type =
            text[name_bytes + 1] == 'n' ? TRIVET_COLUMN_NUMERIC : TRIVET_COLUMN_CATEGORICAL;
        assert_ok(trivet_schema_add(&schema, name, type, &err));
        text += name_bytes + 2;
        text += *text == ',';
    }
    return schema;
}

const char *text_at(const struct trivet_table *table, size_t column, size_t row)
{
    const struct trivet_column *values = &table->columns[column];
    assert_int_equal(values->type, TRIVET_COLUMN_CATEGORICAL);
    uint32_t code = values->codes[row * values->stride];
    if (code == TRIVET_CODE_NULL) {
        return "(null)";
    }
    assert_true(code < values->n_dictionary);
    return values->dictionary[code];
}

double number_at(const struct trivet_table *table, size_t column, size_t row)
{
    const struct trivet_column *values = &table->columns[column];
    assert_int_equal(values->type, TRIVET_COLUMN_NUMERIC);
    return values->numbers[row * values->stride];
}

void assert_tables_equal(const struct trivet_table *a, const struct trivet_table *b)
{
    assert_int_equal(a->n_rows, b->n_rows);
    assert_int_equal(a->n_columns, b->n_columns);
    for (size_t j = 0; j < a->n_columns; j++) {
        assert_string_equal(a->columns[j].name, b->columns[j].name);
        assert_int_equal(a->columns[j].type, b->columns[j].type);
        for (size_t i = 0; i < a->n_rows; i++) {
            if (a->columns[j].type == TRIVET_COLUMN_CATEGORICAL) {
                assert_string_equal(text_at(a, j, i), text_at(b, j, i));
                continue;
            }
            double x = number_at(a, j, i);
            double y = number_at(b, j, i);
            assert_true(isnan(x) ? isnan(y) : memcmp(&x, &y, sizeof(x)) == 0);
        }
    }
}
