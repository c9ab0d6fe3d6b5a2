#include "base/rng.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void copies_say_when_they_are_cut(void **state)
{
    (void)state;
    char to[4];
    assert_true(trivet_text_copy(to, sizeof(to), "abc"));
    assert_string_equal(to, "abc");
    assert_false(trivet_text_copy(to, sizeof(to), "abcd"));
    assert_string_equal(to, "abc");
    assert_false(trivet_text_copy(to, 0, ""));
    assert_true(trivet_text_format(to, sizeof(to), "%d", 123));
    assert_false(trivet_text_format(to, sizeof(to), "%d", 1234));
    assert_string_equal(to, "123");
    /* Between two characters. */
    assert_false(trivet_text_copy(to, sizeof(to), "ab\xc3\xa4"));
    assert_string_equal(to, "ab");
    assert_false(trivet_text_format(to, sizeof(to), "%s", "\xe2\x82\xac\xe2\x82\xac"));
    assert_string_equal(to, "\xe2\x82\xac");
}

static void numbers_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } rows[] = {
        {"0", 0},
        {"-0", -0.0},
        {"1", 1},
        {"+1.5", 1.5},
        {" 2.25\t", 2.25},
        {".5", .5},
        {"5.", 5},
        {"1e3", 1000},
        {"1E-3", 0.001},
        {"-1.7976931348623157e308", -DBL_MAX},
        {"5e-324", 5e-324},
        {"1e-400", 0},
        {"0e999999999999", 0},
        {"123456789012345678901234567890", 123456789012345678901234567890.0},
        {"0.1", 0.1},
        {"9007199254740993", 9007199254740992.0},
        {"00000000000000000000000000001", 1},
        {"3.141592653589793238462643", 3.141592653589793238462643},
        {"1e23", 1e23},
        {"8.41e21", 8.41e21},
    };
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(rows); i++) {
        double value = 77;
        assert_true(trivet_text_parse_double(rows[i].text, strlen(rows[i].text), &value));
        assert_memory_equal(&value, &rows[i].value, sizeof(value));
    }
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",      " ",     "x",     "1x",     "inf", "nan", "-inf", "NaN", "0x10",
        "1e",    "1e+",   "e5",    ".",      "-",   "+-1", "--1",  "1 2", "1,5",
        "1.2.3", "1e5.0", "1e999", "-1e999", "1_0", "\n1", "1\r",
    };
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(rows); i++) {
        double value = 77;
        assert_false(trivet_text_parse_double(rows[i], strlen(rows[i]), &value));
        assert_true(value == 77);
    }
    char digits[600];
    double value;
    memset(digits, '1', sizeof(digits));
    assert_false(trivet_text_parse_double(digits, 512, &value));
    assert_true(trivet_text_parse_double(digits, 300, &value));
    assert_true(trivet_text_parse_double("1234", 2, &value)); /* not past its length */
    assert_true(value == 12);
}

static void infinities_are_told_from_other_texts(void **state)
{
    (void)state;
    static const char *const infinite[] = {"inf", " -INF ", "+Infinity", "1e999", "-2.5E400"};
    static const char *const others[] = {"",        "-",   "in",    "info",
                                         "infinit", "nan", "1e308", "x1e999"};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(infinite); i++) {
        assert_true(trivet_text_is_infinite(infinite[i], strlen(infinite[i])));
    }
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(others); i++) {
        assert_false(trivet_text_is_infinite(others[i], strlen(others[i])));
    }
}

/* Any bit pattern, written shortest, reads back as itself; and we read as strtod does. */
static void doubles_survive_a_round_trip(void **state)
{
    (void)state;
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 11);
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = trivet_rng_next(&rng);
        double value;
        memcpy(&value, &bits, sizeof(value));
        if (i % 2 == 0) { /* everyday numbers: few digits */
            value = (double)(int64_t)trivet_rng_below(&rng, 2000001) / 1000.0 - 1000.0;
        }
        if (!isfinite(value)) {
            continue;
        }
        char text[TRIVET_DOUBLE_TEXT_BYTES];
        size_t n_bytes = trivet_text_double(value, text);
        double back;
        assert_true(trivet_text_parse_double(text, n_bytes, &back));
        assert_memory_equal(&back, &value, sizeof(value));
        char digits[64];
        assert_true(trivet_text_format(digits, sizeof(digits), "%.*e", i % 25, value));
        double reference = strtod(digits, NULL);
        if (isfinite(reference)) {
            assert_true(trivet_text_parse_double(digits, strlen(digits), &back));
            assert_memory_equal(&back, &reference, sizeof(reference));
        }
    }
}

static void doubles_are_written_shortest(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0.1, "0.1"},
        {1e-9, "1e-09"},
        {100, "100"},
        {0.1 + 0.2, "0.30000000000000004"},
        {5e-324, "5e-324"},
        {-0.0, "-0"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {-DBL_MIN, "-2.2250738585072014e-308"},
        {NAN, "nan"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
    };
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(rows); i++) {
        char text[TRIVET_DOUBLE_TEXT_BYTES];
        assert_int_equal(trivet_text_double(rows[i].value, text), strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
    }
}

static void integers_are_read_whole(void **state)
{
    (void)state;
    int64_t i64 = 7;
    uint64_t u64 = 7;
    assert_true(trivet_text_parse_int64("-9223372036854775808", &i64));
    assert_true(i64 == INT64_MIN);
    assert_true(trivet_text_parse_uint64("18446744073709551615", &u64));
    assert_true(u64 == UINT64_MAX);
    static const char *const bad[] = {
        "", "-", "+1", " 1", "1 ", "1.0", "0x1", "99999999999999999999", "--1"};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(bad); i++) {
        assert_false(trivet_text_parse_int64(bad[i], &i64));
        assert_false(trivet_text_parse_uint64(bad[i], &u64));
    }
    assert_false(trivet_text_parse_int64("9223372036854775808", &i64));
    assert_false(trivet_text_parse_uint64("-1", &u64));
    assert_true(i64 == INT64_MIN && u64 == UINT64_MAX);
}

static void utf8_is_checked(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "abc",
                                       "\xc2\x80",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2"
                                      "a",
                                      "\xe0\x9f\x80",
                                      "\xed\xa0\x80",
                                      "\xe2\x82",
                                      "\xf0\x8f\x80\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "ok\xf0\x9f\x98"};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(good); i++) {
        assert_true(trivet_text_is_utf8(good[i], strlen(good[i])));
    }
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(bad); i++) {
        assert_false(trivet_text_is_utf8(bad[i], strlen(bad[i])));
    }
    assert_true(trivet_text_is_utf8("a\0b", 3));
}

static void cut_texts_are_trimmed(void **state)
{
    (void)state;
    static const struct {
        const char *cut;
        const char *trimmed;
    } rows[] = {
        {"", ""},       {"ab", "ab"},       {"a\xc3\xa4", "a\xc3\xa4"},
        {"a\xc3", "a"}, {"a\xe2\x82", "a"}, {"a\xf0\x9f\x98", "a"},
        {"\xf0", ""},
    };
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(rows); i++) {
        char text[16];
        assert_true(trivet_text_copy(text, sizeof(text), rows[i].cut));
        trivet_text_trim_utf8(text);
        assert_string_equal(text, rows[i].trimmed);
    }
}

static void names_can_stand_in_topics(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "house-prices_2", "7up"};
    static const char *const bad[] = {"", "-a", "_a", "a.b", "a/b", "a b", "\xc3\xa4", "a\n", ".."};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(good); i++) {
        assert_true(trivet_text_is_name(good[i], 64));
    }
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(bad); i++) {
        assert_false(trivet_text_is_name(bad[i], 64));
    }
    assert_true(trivet_text_is_name("abc", 3));
    assert_false(trivet_text_is_name("abcd", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_say_when_they_are_cut),
        cmocka_unit_test(numbers_are_read),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(infinities_are_told_from_other_texts),
        cmocka_unit_test(doubles_survive_a_round_trip),
        cmocka_unit_test(doubles_are_written_shortest),
        cmocka_unit_test(integers_are_read_whole),
        cmocka_unit_test(utf8_is_checked),
        cmocka_unit_test(cut_texts_are_trimmed),
        cmocka_unit_test(names_can_stand_in_topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
