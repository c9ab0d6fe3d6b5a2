/* What a person sees: tables, numbers, the progress line. */
#include "base/alloc.h"
#include "base/text.h"
#include "clients/cli/format.h"
#include "clients/cli/progress.h"
#include "clients/cli/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <string.h>

static const struct trivet_cli_column columns[] = {
    {"name", false, true},
    {"rows_total", true, false},
    {"note", false, true},
};

static struct trivet_cli_table *sample(bool csv)
{
    struct trivet_cli_table *table = trivet_cli_table_create(columns, 3, csv);
    if (table != NULL) {
        trivet_cli_table_text(table, "%s", "z\xc3\xbcrich");
        trivet_cli_table_count(table, 1234567);
        trivet_cli_table_text(table, "a, \"b\"");
        trivet_cli_table_text(table, "x\033[31m");
        trivet_cli_table_count(table, 0);
        trivet_cli_table_empty(table);
    }
    return table;
}

/* Renders and compares. */
static void expect(struct trivet_cli_table *table, size_t width_max, bool bold, const char *text)
{
    struct trivet_buffer out = {0};
    struct trivet_error err = {0};
    assert_non_null(table);
    assert_int_equal(trivet_cli_table_render(table, width_max, bold, &out, &err), TRIVET_OK);
    assert_int_equal(trivet_buffer_append(&out, "", 1, &err), TRIVET_OK);
    assert_string_equal((const char *)out.data, text);
    trivet_buffer_release(&out);
    trivet_cli_table_free(table);
}

static void test_for_a_person(void **state)
{
    (void)state;
    expect(sample(false), 0, false,
           "NAME    ROWS TOTAL  NOTE\n"
           "z\xc3\xbcrich   1,234,567  a, \"b\"\n"
           "x?[31m           0\n");
    expect(sample(false), 0, true,
           "\033[1mNAME    ROWS TOTAL  NOTE\033[0m\n"
           "z\xc3\xbcrich   1,234,567  a, \"b\"\n"
           "x?[31m           0\n");
}

static void test_as_csv(void **state)
{
    (void)state;
    expect(sample(true), 10, true,
           "name,rows_total,note\n"
           "z\xc3\xbcrich,1234567,\"a, \"\"b\"\"\"\n"
           "x\033[31m,0,\n");
}

static void test_empty_table_is_its_header(void **state)
{
    (void)state;
    expect(trivet_cli_table_create(columns, 3, false), 0, false, "NAME  ROWS TOTAL  NOTE\n");
    expect(trivet_cli_table_create(columns, 3, true), 0, false, "name,rows_total,note\n");
}

static void test_narrow_terminal(void **state)
{
    (void)state;
    struct trivet_cli_table *table = trivet_cli_table_create(columns, 3, false);
    trivet_cli_table_text(table, "a-name-that-is-long");
    trivet_cli_table_count(table, 7);
    trivet_cli_table_text(table, "words that go on below");
    expect(table, 36, false,
           "NAME         ROWS TOTAL  NOTE\n"
           "a-name-tha\xe2\x80\xa6           7  words that\n"
           "                         go on below\n");
    /* Too narrow for anything: no column below its least width, and no endless loop. */
    table = trivet_cli_table_create(columns, 3, false);
    trivet_cli_table_text(table, "a-name-that-is-long");
    trivet_cli_table_count(table, 7);
    trivet_cli_table_empty(table);
    expect(table, 1, false, "NAME      ROWS TOTAL\na-name-\xe2\x80\xa6           7\n");
}

static void test_columns_without_values_are_left_out(void **state)
{
    (void)state;
    struct trivet_cli_table *table = trivet_cli_table_create(columns, 3, false);
    trivet_cli_table_text(table, "a");
    trivet_cli_table_empty(table);
    trivet_cli_table_text(table, "b");
    expect(table, 0, false, "NAME  NOTE\na     b\n");
}

static void test_table_without_memory(void **state)
{
    (void)state;
    enum trivet_status status = TRIVET_UNKNOWN;
    for (uint64_t k = 1; status != TRIVET_OK; k++) {
        struct trivet_buffer out = {0};
        trivet_alloc_fail_at(k);
        struct trivet_cli_table *table = sample(false);
        status = table == NULL ? TRIVET_RESOURCE_EXHAUSTED
                               : trivet_cli_table_render(table, 40, false, &out, NULL);
        trivet_alloc_fail_at(0);
        assert_true(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
        trivet_buffer_release(&out);
        trivet_cli_table_free(table);
        assert_true(k < 100);
    }
}

static void test_counts_and_sizes(void **state)
{
    (void)state;
    char text[TRIVET_CLI_TEXT_BYTES];
    trivet_cli_format_count(0, text);
    assert_string_equal(text, "0");
    trivet_cli_format_count(999, text);
    assert_string_equal(text, "999");
    trivet_cli_format_count(1000, text);
    assert_string_equal(text, "1,000");
    trivet_cli_format_count(UINT64_MAX, text);
    assert_string_equal(text, "18,446,744,073,709,551,615");
    trivet_cli_format_bytes(1023, text);
    assert_string_equal(text, "1023 B");
    trivet_cli_format_bytes(1024, text);
    assert_string_equal(text, "1.0 KiB");
    trivet_cli_format_bytes(1048575, text);
    assert_string_equal(text, "1.0 MiB");
    static const struct {
        double value;
        bool sign;
        const char *text;
    } shorts[] = {{37604.4, true, "+37604"},
                  {999999, false, "999999"},
                  {1e6, false, "1e+06"},
                  {-0.0208, true, "-0.02080"},
                  {1.5, false, "1.500"},
                  {1e-4, false, "0.0001"},
                  {0, true, "+0"}};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(shorts); i++) {
        trivet_cli_format_short(shorts[i].value, shorts[i].sign, text);
        assert_string_equal(text, shorts[i].text);
    }
    trivet_cli_format_number(0.1 + 0.2, text);
    assert_string_equal(text, "0.3");
}

static void test_times(void **state)
{
    (void)state;
    const struct {
        double seconds;
        const char *text;
    } lengths[] = {
        {-1, "0.0 ms"}, {0.0015, "1.5 ms"},  {0.42, "420 ms"},    {3.1, "3.10 s"},
        {42, "42.0 s"}, {190, "3 min 10 s"}, {7500, "2 h 5 min"},
    };
    char text[TRIVET_CLI_TEXT_BYTES];
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        trivet_cli_format_seconds(lengths[i].seconds, text);
        assert_string_equal(text, lengths[i].text);
    }
    const int64_t now = 1000000000000000;
    const struct {
        int64_t seconds;
        const char *text;
    } ages[] = {
        {-5, "just now"},   {4, "just now"},   {119, "119 s ago"},
        {120, "2 min ago"}, {7200, "2 h ago"}, {48 * 3600, "2 days ago"},
    };
    for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
        trivet_cli_format_age(now - ages[i].seconds * 1000000, now, text);
        assert_string_equal(text, ages[i].text);
    }
    trivet_cli_format_age(0, now, text);
    assert_string_equal(text, "-");
}

static void test_widths(void **state)
{
    (void)state;
    assert_int_equal(trivet_cli_text_width("abc"), 3);
    assert_int_equal(trivet_cli_text_width("z\xc3\xbc"), 2);
    assert_int_equal(trivet_cli_text_width("\xe6\x97\xa5"), 2); /* takes two columns */
    assert_int_equal(trivet_cli_text_width("\xff\xfe"), 2);     /* not UTF-8 */
    assert_int_equal(trivet_cli_text_fit("\xe6\x97\xa5\xe6\x97\xa5", 3), 3);
    assert_int_equal(trivet_cli_text_line("one two three", 9), 7);
    assert_int_equal(trivet_cli_text_line("onetwothree", 9), 9);
    assert_int_equal(trivet_cli_text_line("one two", 9), 7);
}

static void test_progress_line(void **state)
{
    (void)state;
    char text[TRIVET_CLI_PROGRESS_BYTES];
    trivet_cli_progress_text("fit", 0.5, "fold 2 of 5", 3.1, 80, false, text);
    assert_string_equal(text,
                        "fit            [############------------]  50 %  3.10 s  fold 2 of 5");
    trivet_cli_progress_text("fit", 0.5, "", 3.1, 40, false, text);
    assert_string_equal(text, "fit              50 %  3.10 s");
    trivet_cli_progress_text("queued", -1, "job-1", 3.1, 80, false, text);
    assert_string_equal(text, "queued           3.10 s  job-1");
    trivet_cli_progress_text("fit", 7, "", 3.1, 80, true, text);
    assert_non_null(strstr(text, "100 %"));
    /* Never wider than the terminal, whatever the texts are. */
    char detail[2000];
    memset(detail, 'x', sizeof(detail) - 1);
    detail[sizeof(detail) - 1] = '\0';
    for (size_t width = 0; width < 120; width += 7) {
        trivet_cli_progress_text(detail, 0.33, detail, 1e9, width, true, text);
        assert_true(trivet_cli_text_width(text) <= width);
    }
}

int main(void)
{
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_for_a_person),
        cmocka_unit_test(test_as_csv),
        cmocka_unit_test(test_empty_table_is_its_header),
        cmocka_unit_test(test_narrow_terminal),
        cmocka_unit_test(test_columns_without_values_are_left_out),
        cmocka_unit_test(test_table_without_memory),
        cmocka_unit_test(test_counts_and_sizes),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_progress_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
