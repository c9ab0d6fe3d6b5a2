#include "csv_support.h"

#include <stdio.h>

static struct trivet_error err;

struct trivet_csv_reader *open_text(const char *text)
{
    struct trivet_csv_reader *reader = NULL;
    assert_ok(trivet_csv_open(write_temp_text(text), NULL, &reader, &err));
    remove_temp();
    return reader;
}

struct trivet_table read_all(const char *text, const char *schema_text,
                             struct trivet_csv_reader **reader)
{
    struct trivet_schema schema = make_schema(schema_text);
    struct trivet_table table = {0};
    *reader = open_text(text);
    assert_ok(trivet_csv_read(*reader, &schema, 1000, &table, &err));
    trivet_schema_release(&schema);
    return table;
}

void refuse_rows(const char *text, size_t n_bytes, const char *schema_text, const char *part)
{
    struct trivet_csv_reader *reader = NULL;
    const char *path = write_temp(text, n_bytes);
    assert_ok(trivet_csv_open(path, NULL, &reader, &err));
    struct trivet_schema schema = make_schema(schema_text);
    struct trivet_table table = {.n_rows = 77};
    enum trivet_status status;
    while ((status = trivet_csv_read(reader, &schema, 1, &table, &err)) == TRIVET_OK) {
        assert_true(table.n_rows > 0);
    }
    char wanted[512];
    (void)snprintf(wanted, sizeof(wanted), "%s%s", path, part);
    assert_int_equal(status, TRIVET_INVALID_ARGUMENT);
    if (strncmp(err.message, wanted, strlen(wanted)) != 0) {
        fail_msg("'%s' instead of '%s…'", err.message, wanted);
    }
    struct trivet_error first = err;
    err = (struct trivet_error){0};
    assert_int_equal(trivet_csv_read(reader, &schema, 1, &table, &err), TRIVET_INVALID_ARGUMENT);
    assert_string_equal(first.message, err.message);
    trivet_schema_release(&schema);
    trivet_csv_close(reader);
    remove_temp();
}

void refuse_header(const char *text, size_t n_bytes, const char *part)
{
    struct trivet_csv_reader *reader = NULL;
    const char *path = write_temp(text, n_bytes);
    assert_refused(trivet_csv_open(path, NULL, &reader, &err), TRIVET_INVALID_ARGUMENT, part);
    assert_non_null(strstr(err.message, path));
    assert_null(reader);
    remove_temp();
}
