/* The CSV reader at its limits, and with memory failing. */
#include "csv_support.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>

static struct trivet_error err;

/* "a,b\n", then a row whose first field has n_bytes, quoted or not. */
static char *long_field(size_t n_bytes, bool quoted, bool closed)
{
    char *text = trivet_malloc(n_bytes + 16);
    assert_non_null(text);
    size_t used = (size_t)snprintf(text, 16, "a,b\n%s", quoted ? "\"" : "");
    memset(text + used, 'x', n_bytes);
    (void)snprintf(text + used + n_bytes, 8, "%s", closed ? (quoted ? "\",1\n" : ",1\n") : "");
    return text;
}

static void long_fields(void **state)
{
    (void)state;
    for (int quoted = 0; quoted < 2; quoted++) {
        char *text = long_field(TRIVET_CSV_FIELD_BYTES_MAX, quoted != 0, true);
        struct trivet_csv_reader *reader;
        struct trivet_table table = read_all(text, "a:c,b:n", &reader);
        assert_int_equal(strlen(text_at(&table, 0, 0)), TRIVET_CSV_FIELD_BYTES_MAX);
        trivet_csv_close(reader);
        trivet_free(text);
        for (size_t more = 1; more < 4; more++) {
            text = long_field(TRIVET_CSV_FIELD_BYTES_MAX + more, quoted != 0, true);
            assert_rows_refused(text, "b:n", ":2: column 'a': a field longer than 65536 bytes");
            trivet_free(text);
        }
    }
    char *text = long_field(1000000, true, false);
    assert_rows_refused(text, "b:n", ":2: column 'a': a field longer than 65536 bytes");
    trivet_free(text);
}

static void long_rows(void **state)
{
    (void)state;
    enum { COLUMNS = 40 };
    struct trivet_buffer text = {0};
    for (size_t i = 0; i < COLUMNS; i++) {
        assert_ok(trivet_buffer_printf(&text, &err, "%sc%zu", i > 0 ? "," : "", i));
    }
    assert_ok(trivet_buffer_append(&text, "\n", 1, &err));
    char field[60001];
    memset(field, 'x', sizeof(field));
    for (size_t i = 0; i < COLUMNS; i++) {
        field[0] = i > 0 ? ',' : 'x';
        assert_ok(trivet_buffer_append(&text, field, sizeof(field), &err));
    }
    refuse_rows((const char *)text.data, text.n_bytes, "c0:c", ":2: a row longer than 2097152");
    trivet_buffer_release(&text);
}

static void many_columns(void **state)
{
    (void)state;
    struct trivet_buffer text = {0};
    for (size_t row = 0; row < 3; row++) {
        for (size_t i = 0; i < TRIVET_COLUMNS_MAX; i++) {
            assert_ok(trivet_buffer_printf(&text, &err, "%s%s%zu", i > 0 ? "," : "",
                                           row == 0 ? "c" : "", i));
        }
        assert_ok(trivet_buffer_append(&text, "\n", 1, &err));
    }
    const char *path = write_temp(text.data, text.n_bytes);
    struct trivet_schema schema = {0};
    uint64_t n_rows = 0;
    assert_ok(trivet_csv_infer(path, NULL, &schema, &n_rows, &err));
    assert_int_equal(schema.n_columns, TRIVET_COLUMNS_MAX);
    assert_int_equal(n_rows, 2);
    struct trivet_csv_reader *reader = NULL;
    struct trivet_table table;
    assert_ok(trivet_csv_open(path, NULL, &reader, &err));
    assert_ok(trivet_csv_read(reader, &schema, 1000000, &table, &err));
    assert_int_equal(table.n_rows, 2);
    assert_number(number_at(&table, 4095, 1), 4095);
    trivet_csv_close(reader);
    trivet_schema_release(&schema);
    remove_temp();
    text.data[0] = ',';
    refuse_header((const char *)text.data, text.n_bytes, ":1: column 1 has no name");
    text.n_bytes = 0;
    for (size_t i = 0; i <= TRIVET_COLUMNS_MAX; i++) {
        assert_ok(trivet_buffer_printf(&text, &err, "%sc%zu", i > 0 ? "," : "", i));
    }
    refuse_header((const char *)text.data, text.n_bytes, ":1: more than 4096 columns");
    trivet_buffer_release(&text);
}

/* A table is cut by its size too, so that it can be packed into one chunk. */
static void big_rows_make_small_tables(void **state)
{
    (void)state;
    struct trivet_buffer text = {0};
    assert_ok(trivet_buffer_append(&text, "a\n", 2, &err));
    char field[60000];
    memset(field, 'x', sizeof(field));
    for (unsigned i = 0; i < 300; i++) {
        (void)snprintf(field, 8, "%07u", i);
        field[7] = 'x';
        field[sizeof(field) - 1] = '\n';
        assert_ok(trivet_buffer_append(&text, field, sizeof(field), &err));
    }
    struct trivet_csv_reader *reader = NULL;
    assert_ok(trivet_csv_open(write_temp(text.data, text.n_bytes), NULL, &reader, &err));
    remove_temp();
    struct trivet_schema schema = make_schema("a:c");
    size_t n_rows = 0;
    size_t n_tables = 0;
    struct trivet_table table;
    do {
        assert_ok(trivet_csv_read(reader, &schema, 1000000, &table, &err));
        assert_true(table.n_rows * sizeof(field) < TRIVET_CSV_TABLE_BYTES_MAX + 2 * sizeof(field));
        for (size_t i = 0; i < table.n_rows; i++) {
            assert_int_equal(strtoul(text_at(&table, 0, i), NULL, 10), n_rows + i);
        }
        n_rows += table.n_rows;
        n_tables++;
    } while (table.n_rows > 0);
    assert_int_equal(n_rows, 300);
    assert_true(n_tables >= 5);
    trivet_schema_release(&schema);
    trivet_csv_close(reader);
    trivet_buffer_release(&text);
}

static enum trivet_status read_for_faults(const char *path, const struct trivet_schema *schema,
                                          size_t *n_rows)
{
    struct trivet_csv_reader *reader = NULL;
    struct trivet_table table = {0};
    enum trivet_status status = trivet_csv_open(path, NULL, &reader, &err);
    do {
        if (status == TRIVET_OK) {
            status = trivet_csv_read(reader, schema, 40, &table, &err);
        }
        if (status == TRIVET_OK) {
            *n_rows += table.n_rows;
        }
    } while (status == TRIVET_OK && table.n_rows > 0);
    trivet_csv_close(reader);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct trivet_buffer text = {0};
    assert_ok(trivet_buffer_printf(&text, &err, "a,b,c\n"));
    for (unsigned i = 0; i < 100; i++) {
        assert_ok(trivet_buffer_printf(&text, &err, "%u,text %u,%0*u\n", i, i, 100 * (int)i, i));
    }
    const char *path = write_temp(text.data, text.n_bytes);
    trivet_buffer_release(&text);
    struct trivet_schema schema = make_schema("b:c,a:n,c:c");
    for (uint64_t k = 1;; k++) {
        size_t n_rows = 0;
        struct trivet_csv_inference found = {0};
        trivet_alloc_fail_at(k);
        enum trivet_status status = trivet_csv_inspect(path, NULL, &found, &err);
        if (status == TRIVET_OK) {
            status = read_for_faults(path, &schema, &n_rows);
        }
        uint64_t counted = trivet_alloc_fail_at(0);
        trivet_csv_inference_release(&found);
        /* libcsv asks again for less when it is refused, so a fault may pass unnoticed. */
        if (status == TRIVET_OK) {
            assert_int_equal(n_rows, 100);
        } else {
            assert_int_equal(status, TRIVET_RESOURCE_EXHAUSTED);
        }
        if (counted < k) {
            assert_int_equal(status, TRIVET_OK);
            break;
        }
    }
    trivet_schema_release(&schema);
    remove_temp();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_fields),
        cmocka_unit_test(long_rows),
        cmocka_unit_test(many_columns),
        cmocka_unit_test(big_rows_make_small_tables),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
