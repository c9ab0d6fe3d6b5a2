#include "base/alloc.h"
#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void bytes_add_up(void **state)
{
    (void)state;
    struct trivet_buffer buffer = {0};
    assert_int_equal(trivet_buffer_append(&buffer, NULL, 0, NULL), TRIVET_OK);
    assert_null(buffer.data);
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t byte = (uint8_t)i;
        assert_int_equal(trivet_buffer_append(&buffer, &byte, 1, NULL), TRIVET_OK);
    }
    assert_int_equal(buffer.n_bytes, 1000);
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(buffer.data[i], (uint8_t)i);
    }
    trivet_buffer_release(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.n_bytes, 0);
}

static void printf_ends_with_a_nul_that_does_not_count(void **state)
{
    (void)state;
    struct trivet_buffer buffer = {0};
    char long_text[300];
    memset(long_text, 'x', sizeof(long_text));
    long_text[sizeof(long_text) - 1] = '\0';
    assert_int_equal(trivet_buffer_printf(&buffer, NULL, "%d-%s;", 7, "a"), TRIVET_OK);
    assert_int_equal(trivet_buffer_printf(&buffer, NULL, "%s", long_text), TRIVET_OK);
    assert_int_equal(buffer.n_bytes, 4 + 299);
    assert_memory_equal(buffer.data, "7-a;xxx", 7);
    assert_int_equal(buffer.data[buffer.n_bytes], '\0');
    trivet_buffer_release(&buffer);
}

static void reserve_makes_room_for_more(void **state)
{
    (void)state;
    struct trivet_buffer buffer = {0};
    assert_int_equal(trivet_buffer_append(&buffer, "abc", 3, NULL), TRIVET_OK);
    assert_int_equal(trivet_buffer_reserve(&buffer, 5000, NULL), TRIVET_OK);
    assert_true(buffer.capacity_bytes >= 5003);
    assert_int_equal(buffer.n_bytes, 3);
    trivet_buffer_release(&buffer);
}

static void no_memory_keeps_what_was_there(void **state)
{
    (void)state;
    struct trivet_buffer buffer = {0};
    struct trivet_error err = {0};
    assert_int_equal(trivet_buffer_append(&buffer, "abc", 3, &err), TRIVET_OK);
    assert_int_equal(trivet_buffer_reserve(&buffer, SIZE_MAX - 1, &err), TRIVET_RESOURCE_EXHAUSTED);
    trivet_alloc_fail_at(1);
    assert_int_equal(trivet_buffer_printf(&buffer, &err, "%500d", 1), TRIVET_RESOURCE_EXHAUSTED);
    assert_int_equal(err.status, TRIVET_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(err.message, "out of memory"));
    trivet_alloc_fail_at(1);
    assert_int_equal(trivet_buffer_append(&buffer, err.message, 200, &err),
                     TRIVET_RESOURCE_EXHAUSTED);
    trivet_alloc_fail_at(0);
    assert_int_equal(buffer.n_bytes, 3);
    assert_memory_equal(buffer.data, "abc", 3);
    trivet_buffer_release(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_add_up),
        cmocka_unit_test(printf_ends_with_a_nul_that_does_not_count),
        cmocka_unit_test(reserve_makes_room_for_more),
        cmocka_unit_test(no_memory_keeps_what_was_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
