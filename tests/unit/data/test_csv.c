/* The CSV reader: what it takes, and what it refuses with which line. */
#include "csv_support.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

static struct trivet_error err;

/* --- what is taken --- */

static void columns_are_read_by_name_and_type(void **state)
{
    (void)state;
    struct trivet_csv_reader *reader;
    struct trivet_table table = read_all("area,rooms,city,price\n"
                                         "50.5,2,Oslo,1e5\n"
                                         "61,,Bern,-2.5E-3\n"
                                         "NA,3,,.5\n",
                                         "price:n,city:c,area:n", &reader);
    assert_int_equal(table.n_rows, 3);
    assert_int_equal(table.n_columns, 3);
    assert_string_equal(table.columns[0].name, "price");
    assert_number(number_at(&table, 0, 0), 1e5);
    assert_number(number_at(&table, 0, 1), -2.5e-3);
    assert_number(number_at(&table, 0, 2), 0.5);
    assert_string_equal(text_at(&table, 1, 0), "Oslo");
    assert_string_equal(text_at(&table, 1, 1), "Bern");
    assert_string_equal(text_at(&table, 1, 2), "(null)");
    assert_number(number_at(&table, 2, 0), 50.5);
    assert_true(isnan(number_at(&table, 2, 2)));
    assert_int_equal(trivet_csv_find_column(reader, "price"), 3);
    assert_int_equal(trivet_csv_find_column(reader, "nope"), TRIVET_COLUMN_NOT_FOUND);
    assert_int_equal(trivet_csv_row_line(reader, 2), 4);
    assert_int_equal(trivet_csv_row_line(reader, 3), 0);
    assert_int_equal(trivet_csv_bytes_read(reader), trivet_csv_bytes_total(reader));
    trivet_csv_close(reader);
    trivet_csv_close(NULL);
}

static void quotes_keep_commas_quotes_and_line_breaks(void **state)
{
    (void)state;
    struct trivet_csv_reader *reader;
    struct trivet_table table = read_all("\"a\",\" b;c\",d\r\n"
                                         "\"x,y\",\"say \"\"hi\"\"\",\"1\"\r\n"
                                         "\"two\r\nlines\n\",  plain  , 2 \r\n"
                                         "\"\"\"\",\" kept \",\"3\" \r\n"
                                         "last,\"\",4",
                                         "a:c, b;c:c,d:n", &reader);
    assert_int_equal(table.n_rows, 4);
    assert_string_equal(text_at(&table, 0, 0), "x,y");
    assert_string_equal(text_at(&table, 1, 0), "say \"hi\"");
    assert_string_equal(text_at(&table, 0, 1), "two\r\nlines\n");
    assert_string_equal(text_at(&table, 1, 1), "plain");
    assert_string_equal(text_at(&table, 0, 2), "\"");
    assert_string_equal(text_at(&table, 1, 2), " kept ");
    assert_string_equal(text_at(&table, 1, 3), "(null)");
    static const unsigned lines[] = {2, 3, 6, 7};
    for (size_t i = 0; i < 4; i++) {
        assert_number(number_at(&table, 2, i), (double)i + 1);
        assert_int_equal(trivet_csv_row_line(reader, i), lines[i]);
    }
    trivet_csv_close(reader);
}

static void line_endings_are_all_the_same(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "a,b\n1,x\n2,y\n",
        "a,b\n1,x\n2,y",
        "a,b\r\n1,x\r\n2,y\r\n",
        "a,b\r\n1,x\r\n2,y",
        "a,b\r1,x\r2,y\r",
        "a,b\r1,x\r2,y",
        "\na,b\n\n1,x\n \n2,y",
        "\r\na,b\r\n1,x\r\n\r\n2,y",
        "\xef\xbb\xbf"
        "a,b\n1,x\n2,y\n",
    };
    static const unsigned lines[][2] = {{2, 3}, {2, 3}, {2, 3}, {2, 3}, {2, 3},
                                        {2, 3}, {4, 6}, {3, 5}, {2, 3}};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(texts); i++) {
        struct trivet_csv_reader *reader;
        struct trivet_table table = read_all(texts[i], "a:n,b:c", &reader);
        assert_int_equal(table.n_rows, 2);
        assert_number(number_at(&table, 0, 1), 2);
        assert_string_equal(text_at(&table, 1, 1), "y");
        assert_int_equal(trivet_csv_row_line(reader, 0), lines[i][0]);
        assert_int_equal(trivet_csv_row_line(reader, 1), lines[i][1]);
        trivet_csv_close(reader);
    }
}

static void missing_values(void **state)
{
    (void)state;
    static const char *const missing[] = {"",    "?",    "NA",    "na",      "N/A",     "n/a",
                                          "NaN", "nan",  "NAN",   "null",    "NULL",    "Null",
                                          "  ",  "\"\"", "\"?\"", "\"NaN\"", "\"null\""};
    static const char *const present[] = {"None", "nil",      "-",     "??",
                                          "NAs",  "nullable", "\" \"", "0"};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(missing); i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "a,b,c\n%s,%s,1\n", missing[i], missing[i]);
        struct trivet_csv_reader *reader;
        struct trivet_table table = read_all(text, "a:n,b:c", &reader);
        assert_int_equal(table.n_rows, 1);
        assert_true(isnan(number_at(&table, 0, 0)));
        assert_string_equal(text_at(&table, 1, 0), "(null)");
        assert_int_equal(table.columns[1].n_dictionary, 0);
        trivet_csv_close(reader);
    }
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(present); i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "b,c\n%s,1\n", present[i]);
        struct trivet_csv_reader *reader;
        struct trivet_table table = read_all(text, "b:c", &reader);
        assert_string_not_equal(text_at(&table, 0, 0), "(null)");
        trivet_csv_close(reader);
    }
    assert_true(trivet_csv_is_missing("n/A", 3));
    assert_false(trivet_csv_is_missing("n/A ", 4));
}

static void a_header_alone_is_zero_rows(void **state)
{
    (void)state;
    static const char *const texts[] = {"a,b", "a,b\n", "a,b\r\n\r\n", "\n\na,b"};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(texts); i++) {
        struct trivet_csv_reader *reader;
        struct trivet_table table = read_all(texts[i], "a:n,b:c", &reader);
        assert_int_equal(table.n_rows, 0);
        assert_int_equal(table.n_columns, 2);
        trivet_csv_close(reader);
    }
}

static void reads_go_on_where_the_last_stopped(void **state)
{
    (void)state;
    struct trivet_csv_reader *reader = open_text("a,b\n1,x\n2,y\n3,x\n4,\n5,z\n");
    struct trivet_schema numbers = make_schema("a:n");
    struct trivet_schema texts = make_schema("b:c");
    struct trivet_table table;
    assert_ok(trivet_csv_read(reader, &numbers, 2, &table, &err));
    assert_int_equal(table.n_rows, 2);
    assert_number(number_at(&table, 0, 1), 2);
    /* The dictionary is the chunk's alone, and the columns may change from read to read. */
    assert_ok(trivet_csv_read(reader, &texts, 2, &table, &err));
    assert_int_equal(table.n_rows, 2);
    assert_string_equal(text_at(&table, 0, 0), "x");
    assert_string_equal(text_at(&table, 0, 1), "(null)");
    assert_int_equal(table.columns[0].n_dictionary, 1);
    assert_int_equal(trivet_csv_row_line(reader, 0), 4);
    assert_ok(trivet_csv_read(reader, &texts, 2, &table, &err));
    assert_int_equal(table.n_rows, 1);
    assert_string_equal(text_at(&table, 0, 0), "z");
    for (int i = 0; i < 2; i++) {
        assert_ok(trivet_csv_read(reader, &texts, 2, &table, &err));
        assert_int_equal(table.n_rows, 0);
    }
    assert_refused(trivet_csv_read(reader, &texts, 0, &table, &err), TRIVET_INVALID_ARGUMENT,
                   "rows_max is 0");
    trivet_schema_release(&numbers);
    trivet_schema_release(&texts);
    trivet_csv_close(reader);
}

static void other_delimiters(void **state)
{
    (void)state;
    static const char delimiters[] = {';', '\t', '|'};
    for (size_t i = 0; i < sizeof(delimiters); i++) {
        char text[64];
        char d = delimiters[i];
        (void)snprintf(text, sizeof(text), "a%cb%cc\n1,5%c%c\n%c%c\n", d, d, d, d, d, d);
        const struct trivet_csv_options options = {.delimiter = d};
        struct trivet_csv_reader *reader = NULL;
        assert_ok(trivet_csv_open(write_temp_text(text), &options, &reader, &err));
        remove_temp();
        struct trivet_schema schema = make_schema("a:c,c:n");
        struct trivet_table table;
        assert_ok(trivet_csv_read(reader, &schema, 10, &table, &err));
        assert_int_equal(table.n_rows, 2);
        assert_string_equal(text_at(&table, 0, 0), "1,5");
        trivet_schema_release(&schema);
        trivet_csv_close(reader);
    }
    const struct trivet_csv_options options = {.delimiter = '"'};
    struct trivet_csv_reader *reader = NULL;
    assert_refused(trivet_csv_open("x.csv", &options, &reader, &err), TRIVET_INVALID_ARGUMENT,
                   "delimiter");
}

static void standard_input_is_read(void **state)
{
    (void)state;
    int ends[2];
    int saved = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "a\n1\n2\n", 6), 6);
    assert_int_equal(close(ends[1]), 0);
    assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
    struct trivet_csv_reader *reader = NULL;
    assert_ok(trivet_csv_open("-", NULL, &reader, &err));
    struct trivet_schema schema = make_schema("a:n");
    struct trivet_table table;
    assert_ok(trivet_csv_read(reader, &schema, 10, &table, &err));
    assert_int_equal(table.n_rows, 2);
    assert_int_equal(trivet_csv_bytes_total(reader), 0);
    trivet_csv_close(reader);
    trivet_schema_release(&schema);
    /* An open standard input is left open. */
    assert_refused(trivet_csv_open("-", NULL, &reader, &err), TRIVET_INVALID_ARGUMENT,
                   "standard input: the file is empty");
    assert_true(dup2(saved, STDIN_FILENO) >= 0);
    (void)close(saved);
    (void)close(ends[0]);
}

/* --- what is refused --- */

static void text_in_a_numeric_column_names_line_and_column(void **state)
{
    (void)state;
    assert_rows_refused("area,city\n1,x\n2,y\nabc,z\n", "area:n",
                        ":4: column 'area': 'abc' is not a number; correct it");
    assert_rows_refused("city,area\n\"two\nlines\",1\n\"more\nlines\",12x\n", "area:n",
                        ":4: column 'area': '12x' is not a number");
    assert_rows_refused("area\ninf\n", "area:n", ":2: column 'area': 'inf' is not a number");
    assert_rows_refused("area\n0x10\n", "area:n", ":2: column 'area': '0x10' is not a number");
    assert_rows_refused("area\n1e999\n", "area:n", ":2: column 'area': '1e999' is not a number");
    assert_rows_refused("area\n\"1\n2\"\n", "area:n", ":2: column 'area': '1?2' is not a number");
    assert_rows_refused("area\n0123456789012345678901234567890123456789012345x\n", "area:n",
                        ":2: column 'area': '0123456789012345678901234567890123456789...' is not");
    assert_rows_refused("area\n0123456789012345678901234567890123456\xc3\xa4\xe2\x82\xac\n",
                        "area:n",
                        ":2: column 'area': '0123456789012345678901234567890123456\xc3\xa4...' is");
    assert_rows_refused("area\n\xff\n", "area:n", ":2: column 'area': '?' is not a number");
    /* In a column that is not asked for, anything goes. */
    struct trivet_csv_reader *reader;
    struct trivet_table table = read_all("a,b\n1,\xff\n", "a:n", &reader);
    assert_int_equal(table.n_rows, 1);
    trivet_csv_close(reader);
}

static void ragged_rows_name_their_line(void **state)
{
    (void)state;
    assert_rows_refused("a,b,c\n1,2,3\n1,2\n", "a:n", ":3: 2 fields, and the header names 3");
    assert_rows_refused("a,b,c\n1,2,3,4\n", "a:n", ":2: 4 fields, and the header names 3");
    assert_rows_refused("a,b,c\n\n\n1\n", "a:n", ":4: 1 field, and the header names 3");
    assert_rows_refused("a,b,c\n1,2,3,", "a:n", ":2: 4 fields");
    /* The comma in a text is what is wrong, not the number behind it. */
    assert_rows_refused("a,b,c\nx,y,z,1\n", "c:n", ":2: 4 fields");
}

static void stray_and_open_quotes_name_their_line(void **state)
{
    (void)state;
    assert_rows_refused("a,b\n1,x\n2,5\"\n", "b:c", ":3: column 'b': a stray quote");
    assert_rows_refused("a,b\n\"x\"y,1\n", "a:c", ":2: column 'a': a stray quote");
    assert_rows_refused("a,b\n1,2\n3,\"x\n4,5\n6,7\n", "a:n",
                        ":3: column 'b': the quote that opens here is never closed");
    assert_header_refused("a,\"b\nc", ":1: the quote that opens here is never closed");
    assert_header_refused("a,b\"c", ":1: a stray quote");
}

static void bad_headers_are_refused(void **state)
{
    (void)state;
    assert_header_refused("", "the file is empty; its first line must name the columns");
    assert_header_refused("\xef\xbb\xbf", "the file is empty");
    assert_header_refused("\n \r\n", "the file is empty");
    assert_header_refused("a,b,a\n", ":1: column 'a' stands twice in the header");
    assert_header_refused("\na,,b\n", ":2: column 2 has no name");
    assert_header_refused("a,b,\n", ":1: column 3 has no name");
    assert_header_refused("a,gr\xf6\n", ":1: the name of column 2 is not UTF-8");
    refuse_header("a\0b,c\n", 6, ":1: the name of column 1 has a NUL byte");
    refuse_header("\xff\xfe"
                  "a\0\n\0",
                  6, "NUL byte");
    char text[8 + TRIVET_COLUMN_NAME_BYTES_MAX] = "a,";
    memset(text + 2, 'x', TRIVET_COLUMN_NAME_BYTES_MAX + 1);
    assert_header_refused(text, ":1: the name of column 2 has 129 bytes");
}

static void bad_text_is_refused(void **state)
{
    (void)state;
    assert_rows_refused("a,b\n1,gr\xfc"
                        "n\n",
                        "b:c", ":2: column 'b': 'gr?n' is not UTF-8; save the file as UTF-8");
    refuse_rows("a,b\n1,x\0y\n", 10, "b:c", ":2: column 'b': a NUL byte");
    refuse_rows("a,b\n1\0,x\n", 9, "a:n", ":2: column 'a': '1?' is not a number");
}

static void columns_that_are_not_there(void **state)
{
    (void)state;
    struct trivet_csv_reader *reader = open_text("a,b\n1,2\n");
    struct trivet_schema wrong = make_schema("a:n,c:n");
    struct trivet_schema right = make_schema("b:n");
    struct trivet_schema empty = {0};
    struct trivet_table table;
    assert_refused(trivet_csv_read(reader, &wrong, 10, &table, &err), TRIVET_INVALID_ARGUMENT,
                   "no column 'c'; the header names a, b");
    assert_refused(trivet_csv_read(reader, &empty, 10, &table, &err), TRIVET_INVALID_ARGUMENT,
                   "no columns are asked for");
    /* Nothing has been read yet: the right question still gets its answer. */
    assert_ok(trivet_csv_read(reader, &right, 10, &table, &err));
    assert_int_equal(table.n_rows, 1);
    trivet_csv_close(reader);
    reader = open_text("c1,c2,c3,c4,c5,c6,c7,c8,c9\n");
    assert_refused(trivet_csv_read(reader, &wrong, 10, &table, &err), TRIVET_INVALID_ARGUMENT,
                   "c7, c8, ...");
    trivet_csv_close(reader);
    trivet_schema_release(&wrong);
    trivet_schema_release(&right);
}

static void files_that_cannot_be_opened(void **state)
{
    (void)state;
    struct trivet_csv_reader *reader = NULL;
    assert_refused(trivet_csv_open("/nonexistent/x.csv", NULL, &reader, &err), TRIVET_NOT_FOUND,
                   "/nonexistent/x.csv: cannot open: No such file");
    assert_refused(trivet_csv_open("/tmp", NULL, &reader, &err), TRIVET_INVALID_ARGUMENT,
                   "/tmp: it is a directory");
    struct trivet_schema schema = {0};
    uint64_t n_rows = 0;
    assert_refused(trivet_csv_infer("-", NULL, &schema, &n_rows, &err), TRIVET_INVALID_ARGUMENT,
                   "cannot be read twice");
    assert_null(reader);
}

/* --- inference --- */

static void types_are_inferred(void **state)
{
    (void)state;
    const char *path = write_temp_text("id,price,note,empty,mixed\n"
                                       "1,2.5,x,,1\n"
                                       "2,?,3,NA,\n"
                                       "3,1e3,,null,\"two\nlines\"\n"
                                       "4,-0,?,,5\n");
    struct trivet_csv_inference found = {0};
    assert_ok(trivet_csv_inspect(path, NULL, &found, &err));
    static const char *const types[] = {"numeric", "numeric", "categorical", "numeric",
                                        "categorical"};
    static const struct trivet_csv_column_counts counts[] = {
        {.n_numbers = 4},
        {.n_missing = 1, .n_numbers = 3},
        {.n_missing = 2, .n_numbers = 1, .n_texts = 1, .first_text_line = 2, .texts_differ = true},
        {.n_missing = 4},
        {.n_missing = 1, .n_numbers = 2, .n_texts = 1, .first_text_line = 4, .texts_differ = true},
    };
    assert_int_equal(found.n_rows, 4);
    assert_int_equal(found.schema.n_columns, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(trivet_column_type_name(found.schema.columns[i].type), types[i]);
        const struct trivet_csv_column_counts *is = &found.columns[i];
        assert_int_equal(is->n_missing, counts[i].n_missing);
        assert_int_equal(is->n_numbers, counts[i].n_numbers);
        assert_int_equal(is->n_texts, counts[i].n_texts);
        assert_int_equal(is->first_text_line, counts[i].first_text_line);
        assert_int_equal(is->n_infinite, counts[i].n_infinite);
        assert_int_equal(is->texts_differ, counts[i].texts_differ);
    }
    trivet_csv_inference_release(&found);
    struct trivet_schema schema = {0};
    uint64_t n_rows = 0;
    assert_ok(trivet_csv_infer(path, NULL, &schema, &n_rows, &err));
    assert_int_equal(n_rows, 4);
    assert_int_equal(schema.columns[4].type, TRIVET_COLUMN_CATEGORICAL);
    trivet_schema_release(&schema);
    remove_temp();
    assert_ok(trivet_csv_infer(write_temp_text("a,b\n"), NULL, &schema, &n_rows, &err));
    remove_temp();
    assert_int_equal(n_rows, 0);
    assert_int_equal(schema.columns[1].type, TRIVET_COLUMN_NUMERIC);
    trivet_schema_release(&schema);
    assert_refused(trivet_csv_infer(write_temp_text("a,b\n1\n"), NULL, &schema, &n_rows, &err),
                   TRIVET_INVALID_ARGUMENT, ":2: 1 field");
    remove_temp();
    assert_int_equal(schema.n_columns, 0);
}

static void an_infinity_among_numbers_is_found(void **state)
{
    (void)state;
    const char *path = write_temp_text("a,b,c,d\n"
                                       "1,inf,inf,1\n"
                                       "2,x,-Infinity,2\n"
                                       "1e999,3,,3\n"
                                       "-inf,4,inf,4\n");
    struct trivet_csv_inference found = {0};
    assert_ok(trivet_csv_inspect(path, NULL, &found, &err));
    assert_int_equal(found.columns[0].n_infinite, 2);
    assert_int_equal(found.columns[0].first_infinite_line, 4);
    assert_refused(trivet_csv_check_finite("p.csv", &found, 0, &err), TRIVET_INVALID_ARGUMENT,
                   "p.csv:4: column 'a': an infinite value among numbers, one of 2 there; correct");
    for (size_t i = 1; i < 4; i++) { /* texts too, no numbers, no infinity */
        assert_ok(trivet_csv_check_finite("p.csv", &found, i, &err));
    }
    trivet_csv_inference_release(&found);
    remove_temp();
}

/* One text that comes again is found, however many come between, up to the bound. */
static void a_text_that_comes_twice_is_found(void **state)
{
    (void)state;
    struct trivet_buffer text = {0};
    struct trivet_csv_inference found = {0};
    assert_ok(trivet_buffer_printf(&text, &err, "all,last,late\n"));
    for (int i = 0; i < TRIVET_CSV_DISTINCT_MAX + 10; i++) {
        bool last = i == TRIVET_CSV_DISTINCT_MAX - 1;
        bool late = i == TRIVET_CSV_DISTINCT_MAX;
        assert_ok(
            trivet_buffer_printf(&text, &err, "a%d,b%d,c%d\n", i, last ? 0 : i, late ? 0 : i));
    }
    assert_ok(
        trivet_csv_inspect(write_temp((const char *)text.data, text.n_bytes), NULL, &found, &err));
    assert_true(found.columns[0].texts_differ);
    assert_false(found.columns[1].texts_differ);
    assert_true(found.columns[2].texts_differ);
    trivet_csv_inference_release(&found);
    trivet_buffer_release(&text);
    remove_temp();
}

/* --- output --- */

static void fields_are_quoted_when_they_must_be(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"plain", "plain"},
        {"two words", "two words"},
        {"", "\"\""},
        {"a,b", "\"a,b\""},
        {"say \"hi\"", "\"say \"\"hi\"\"\""},
        {"a\nb", "\"a\nb\""},
        {"a\rb", "\"a\rb\""},
        {" a", "\" a\""},
        {"a\t", "\"a\t\""},
        {"\"", "\"\"\"\""},
        {"Ärö;'", "Ärö;'"},
    };
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(cases); i++) {
        struct trivet_buffer out = {0};
        assert_ok(trivet_csv_append_text(&out, cases[i][0], strlen(cases[i][0]), &err));
        assert_int_equal(out.n_bytes, strlen(cases[i][1]));
        assert_memory_equal(out.data, cases[i][1], out.n_bytes);
        trivet_buffer_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_read_by_name_and_type),
        cmocka_unit_test(quotes_keep_commas_quotes_and_line_breaks),
        cmocka_unit_test(line_endings_are_all_the_same),
        cmocka_unit_test(missing_values),
        cmocka_unit_test(a_header_alone_is_zero_rows),
        cmocka_unit_test(reads_go_on_where_the_last_stopped),
        cmocka_unit_test(other_delimiters),
        cmocka_unit_test(standard_input_is_read),
        cmocka_unit_test(text_in_a_numeric_column_names_line_and_column),
        cmocka_unit_test(ragged_rows_name_their_line),
        cmocka_unit_test(stray_and_open_quotes_name_their_line),
        cmocka_unit_test(bad_headers_are_refused),
        cmocka_unit_test(bad_text_is_refused),
        cmocka_unit_test(columns_that_are_not_there),
        cmocka_unit_test(files_that_cannot_be_opened),
        cmocka_unit_test(types_are_inferred),
        cmocka_unit_test(an_infinity_among_numbers_is_found),
        cmocka_unit_test(a_text_that_comes_twice_is_found),
        cmocka_unit_test(fields_are_quoted_when_they_must_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
