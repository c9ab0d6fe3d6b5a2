/* Which CPUs a loop is compiled for must not depend on what was included before. */
#include "base/compiler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define TEXT_OF(...) #__VA_ARGS__
#define TEXT(x)      TEXT_OF(x)

static void test_loops_are_compiled_for_each_cpu(void **state)
{
    (void)state;
    const char *attribute = TEXT(TRIVET_FOR_EACH_CPU);
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__) &&             \
    !defined(__SANITIZE_THREAD__)
    assert_non_null(strstr(attribute, "x86-64-v4"));
#else
    assert_string_equal(attribute, "");
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_loops_are_compiled_for_each_cpu)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
