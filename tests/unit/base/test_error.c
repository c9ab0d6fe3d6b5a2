#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <trivet/error.h>

#include <cmocka.h>

#include <string.h>

static void codes_have_grpcs_names(void **state)
{
    (void)state;
    assert_string_equal(trivet_status_name(TRIVET_OK), "OK");
    assert_string_equal(trivet_status_name(TRIVET_INVALID_ARGUMENT), "INVALID_ARGUMENT");
    assert_string_equal(trivet_status_name(TRIVET_UNAUTHENTICATED), "UNAUTHENTICATED");
    for (int code = 0; code < TRIVET_STATUS_COUNT; code++) {
        assert_true(strlen(trivet_status_name((enum trivet_status)code)) > 1);
    }
    assert_string_equal(trivet_status_name((enum trivet_status)17), "UNKNOWN");
    assert_string_equal(trivet_status_name((enum trivet_status) - 1), "UNKNOWN");
}

static void set_fills_and_returns(void **state)
{
    (void)state;
    struct trivet_error err = {.n_violations = 3};
    assert_int_equal(trivet_error_set(&err, TRIVET_NOT_FOUND, "no model '%s'", "m"),
                     TRIVET_NOT_FOUND);
    assert_int_equal(err.status, TRIVET_NOT_FOUND);
    assert_string_equal(err.message, "no model 'm'");
    assert_int_equal(err.n_violations, 0);
    assert_int_equal(trivet_error_set(NULL, TRIVET_ABORTED, "x"), TRIVET_ABORTED);
}

static void long_messages_are_cut_between_characters(void **state)
{
    (void)state;
    /* "ä" is two bytes, "€" three, U+1F600 four: every way to be cut. */
    static const char *const characters[] = {"a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(characters); i++) {
        for (size_t lead = 0; lead < 4; lead++) {
            char text[2 * TRIVET_ERROR_MESSAGE_BYTES] = "";
            size_t step = strlen(characters[i]);
            memset(text, '.', lead);
            for (size_t at = lead; at < 600; at += step) {
                memcpy(text + at, characters[i], step);
            }
            struct trivet_error err;
            trivet_error_set(&err, TRIVET_INTERNAL, "%s", text);
            size_t n_bytes = strlen(err.message);
            assert_true(n_bytes > TRIVET_ERROR_MESSAGE_BYTES - 5);
            assert_true(trivet_text_is_utf8(err.message, n_bytes));
            trivet_error_prefix(&err, "%s: ", "file.csv");
            assert_true(trivet_text_is_utf8(err.message, strlen(err.message)));
            assert_memory_equal(err.message, "file.csv: ", 10);
        }
    }
}

static void a_prefix_goes_in_front(void **state)
{
    (void)state;
    struct trivet_error err;
    trivet_error_set(&err, TRIVET_INVALID_ARGUMENT, "line 3");
    trivet_error_prefix(&err, "%s: ", "a.csv");
    assert_string_equal(err.message, "a.csv: line 3");
    char long_prefix[600];
    memset(long_prefix, 'p', sizeof(long_prefix));
    long_prefix[599] = '\0';
    trivet_error_prefix(&err, "%s", long_prefix);
    assert_int_equal(strlen(err.message), TRIVET_ERROR_MESSAGE_BYTES - 1);
    trivet_error_prefix(NULL, "x");
}

static void violations_are_bounded(void **state)
{
    (void)state;
    struct trivet_error err;
    char long_field[100];
    memset(long_field, 'f', sizeof(long_field));
    long_field[99] = '\0';
    trivet_error_set(&err, TRIVET_INVALID_ARGUMENT, "bad");
    for (int i = 0; i < TRIVET_ERROR_VIOLATIONS_MAX + 2; i++) {
        trivet_error_add_violation(&err, i == 0 ? long_field : "rows", "reason %d", i);
    }
    assert_int_equal(err.n_violations, TRIVET_ERROR_VIOLATIONS_MAX);
    assert_int_equal(strlen(err.violations[0].field), TRIVET_ERROR_FIELD_BYTES - 1);
    assert_string_equal(err.violations[3].field, "rows");
    assert_string_equal(err.violations[3].reason, "reason 3");
    trivet_error_add_violation(NULL, "f", "r");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_have_grpcs_names),
        cmocka_unit_test(set_fills_and_returns),
        cmocka_unit_test(long_messages_are_cut_between_characters),
        cmocka_unit_test(a_prefix_goes_in_front),
        cmocka_unit_test(violations_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
