#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    assert_null(trivet_alloc_array(SIZE_MAX / 2, 3));
    assert_null(trivet_alloc_aligned(SIZE_MAX / 2, 3));
    assert_null(trivet_alloc_aligned(1, SIZE_MAX - 8));
    assert_null(trivet_realloc_array(NULL, SIZE_MAX / 2, 3));
}

static void nothing_is_still_a_pointer(void **state)
{
    (void)state;
    void *pieces[] = {trivet_malloc(0),           trivet_calloc(0, 8),     trivet_alloc_array(8, 0),
                      trivet_alloc_aligned(0, 8), trivet_realloc(NULL, 0), trivet_memdup("", 0)};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(pieces); i++) {
        assert_non_null(pieces[i]);
        trivet_free(pieces[i]);
    }
    trivet_free(NULL);
}

static void big_pieces_are_aligned(void **state)
{
    (void)state;
    for (size_t count = 1; count < 200; count += 13) {
        double *piece = trivet_alloc_aligned(count, sizeof(double));
        assert_non_null(piece);
        assert_int_equal((uintptr_t)piece % 64, 0);
        memset(piece, 0xff, count * sizeof(double));
        trivet_free(piece);
    }
}

static void copies_are_equal(void **state)
{
    (void)state;
    char *whole = trivet_strdup("trivet");
    char *part = trivet_strndup("trivet", 3);
    char *unterminated = trivet_strndup((const char[]){'a', 'b'}, 2);
    char *longer = trivet_strndup("abc", 100);
    uint8_t *bytes = trivet_memdup("a\0b", 3);
    assert_string_equal(whole, "trivet");
    assert_string_equal(part, "tri");
    assert_string_equal(unterminated, "ab");
    assert_string_equal(longer, "abc");
    assert_memory_equal(bytes, "a\0b", 3);
    trivet_free(whole);
    trivet_free(part);
    trivet_free(unterminated);
    trivet_free(longer);
    trivet_free(bytes);
}

static void the_chosen_allocation_fails_once(void **state)
{
    (void)state;
    trivet_alloc_fail_at(3);
    void *first = trivet_malloc(1);
    void *second = trivet_calloc(1, 1);
    void *third = trivet_realloc(second, 10);
    assert_null(third); /* and second is still there */
    third = trivet_strdup("x");
    assert_int_equal(trivet_alloc_fail_at(0), 4);
    assert_non_null(first);
    assert_non_null(second);
    assert_non_null(third);
    trivet_free(first);
    trivet_free(second);
    trivet_free(third);
}

static void counting_needs_no_fault(void **state)
{
    (void)state;
    trivet_alloc_fail_at(UINT64_MAX);
    trivet_free(trivet_malloc(1));
    trivet_free(trivet_alloc_aligned(1, 1));
    assert_int_equal(trivet_alloc_fail_at(0), 2);
    trivet_free(trivet_malloc(1));
    assert_int_equal(trivet_alloc_fail_at(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(nothing_is_still_a_pointer),
        cmocka_unit_test(big_pieces_are_aligned),
        cmocka_unit_test(copies_are_equal),
        cmocka_unit_test(the_chosen_allocation_fails_once),
        cmocka_unit_test(counting_needs_no_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
