#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void dates_are_utc_with_milliseconds(void **state)
{
    (void)state;
    static const struct {
        int64_t unix_us;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1772366400123999, "2026-03-01T12:00:00.123Z"},
        {1709164800000000, "2024-02-29T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[25];
        trivet_clock_format_unix_us(rows[i].unix_us, text, sizeof(text));
        assert_string_equal(text, rows[i].text);
    }
}

static void a_date_never_leaves_its_room(void **state)
{
    (void)state;
    char text[30];
    trivet_clock_format_unix_us(INT64_MAX, text, 25);
    assert_int_equal(text[24], '\0');
    trivet_clock_format_unix_us(INT64_MIN, text, 25);
    assert_int_equal(text[24], '\0');
}

static void deadlines_do_not_overflow(void **state)
{
    (void)state;
    assert_true(trivet_clock_after_ns(5, 7) == 12);
    assert_true(trivet_clock_after_ns(5, TRIVET_NEVER_NS) == TRIVET_NEVER_NS);
    assert_true(trivet_clock_after_ns(TRIVET_NEVER_NS, 1) == TRIVET_NEVER_NS);
    struct timespec spec = trivet_clock_timespec(3 * TRIVET_NS_PER_S + 5);
    assert_int_equal(spec.tv_sec, 3);
    assert_int_equal(spec.tv_nsec, 5);
    assert_int_equal(trivet_clock_timespec(-1).tv_nsec, 0);
}

static void time_goes_on(void **state)
{
    (void)state;
    int64_t before = trivet_clock_monotonic_ns();
    for (int i = 0; i < 1000; i++) {
        int64_t now = trivet_clock_monotonic_ns();
        assert_true(now >= before);
        before = now;
    }
    int64_t off_us = trivet_clock_unix_us() - (int64_t)time(NULL) * 1000000;
    assert_true(off_us > -2000000 && off_us < 2000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_utc_with_milliseconds),
        cmocka_unit_test(a_date_never_leaves_its_room),
        cmocka_unit_test(deadlines_do_not_overflow),
        cmocka_unit_test(time_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
