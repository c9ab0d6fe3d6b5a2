#include "clients/cli/names.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void test_model_names(void **state)
{
    (void)state;
    struct trivet_cli_model model = {0};
    struct trivet_error err = {0};
    assert_int_equal(trivet_cli_parse_model("houses", &model, &err), TRIVET_OK);
    assert_string_equal(model.name, "houses");
    assert_int_equal(model.version, 0);
    assert_string_equal(model.alias, "");
    assert_int_equal(trivet_cli_parse_model("h-2_x:17", &model, &err), TRIVET_OK);
    assert_string_equal(model.name, "h-2_x");
    assert_int_equal(model.version, 17);
    assert_int_equal(trivet_cli_parse_model("h@staging", &model, &err), TRIVET_OK);
    assert_string_equal(model.alias, "staging");
    assert_int_equal(model.version, 0);
}

static void test_bad_model_names(void **state)
{
    (void)state;
    const char *const bad[] = {"",        ":1",    "@a",    "h:",    "h:0",
                               "h:-1",    "h:1x",  "h@",    "h@a b", "h h",
                               "-h",      "h:1@a", "h@a:1", "h/x",   "h:99999999999999999999",
                               "\xc3\xa4"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct trivet_cli_model model = {.name = "before"};
        struct trivet_error err = {0};
        print_message("'%s'\n", bad[i]);
        assert_int_equal(trivet_cli_parse_model(bad[i], &model, &err), TRIVET_INVALID_ARGUMENT);
        assert_string_equal(model.name, "before");
        assert_string_not_equal(err.message, "");
    }
    char longest[66];
    struct trivet_cli_model model = {0};
    memset(longest, 'a', sizeof(longest));
    longest[64] = '\0';
    assert_int_equal(trivet_cli_parse_model(longest, &model, NULL), TRIVET_OK);
    longest[64] = 'a';
    longest[65] = '\0';
    assert_int_equal(trivet_cli_parse_model(longest, &model, NULL), TRIVET_INVALID_ARGUMENT);
    assert_int_equal(trivet_cli_parse_name("h:1", &model, NULL), TRIVET_INVALID_ARGUMENT);
    assert_int_equal(trivet_cli_parse_name("h", &model, NULL), TRIVET_OK);
}

static void test_lists(void **state)
{
    (void)state;
    struct trivet_cli_list list = {0};
    assert_int_equal(trivet_cli_list_parse(&list, "a, b c ,d", NULL), TRIVET_OK);
    assert_int_equal(list.n_items, 3);
    assert_string_equal(list.items[1], "b c");
    assert_true(trivet_cli_list_has(&list, "d"));
    assert_false(trivet_cli_list_has(&list, "b"));
    /* A second option adds to the first, and twice the same is a mistake in either. */
    assert_int_equal(trivet_cli_list_parse(&list, "e", NULL), TRIVET_OK);
    assert_int_equal(trivet_cli_list_parse(&list, "a", NULL), TRIVET_INVALID_ARGUMENT);
    trivet_cli_list_release(&list);
    const char *const bad[] = {"", ",", "a,", ",a", "a,,b", "a,a", " "};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(trivet_cli_list_parse(&list, bad[i], NULL), TRIVET_INVALID_ARGUMENT);
        trivet_cli_list_release(&list);
    }
}

static void test_pairs(void **state)
{
    (void)state;
    struct trivet_cli_pairs pairs = {0};
    assert_int_equal(trivet_cli_pairs_parse(&pairs, "alpha=0.5", NULL), TRIVET_OK);
    assert_int_equal(trivet_cli_pairs_parse(&pairs, "text=a=b", NULL), TRIVET_OK);
    assert_int_equal(trivet_cli_pairs_parse(&pairs, "empty=", NULL), TRIVET_OK);
    assert_int_equal(trivet_cli_pairs_parse(&pairs, "alpha", NULL), TRIVET_INVALID_ARGUMENT);
    assert_int_equal(trivet_cli_pairs_parse(&pairs, "=1", NULL), TRIVET_INVALID_ARGUMENT);
    assert_int_equal(pairs.keys.n_items, 3);
    assert_string_equal(pairs.keys.items[0], "alpha");
    assert_string_equal(pairs.values.items[0], "0.5");
    assert_string_equal(pairs.values.items[1], "a=b");
    assert_string_equal(pairs.values.items[2], "");
    trivet_cli_pairs_release(&pairs);
}

static void test_file_titles(void **state)
{
    (void)state;
    char title[16];
    trivet_cli_file_title("/data/houses.csv", title, sizeof(title));
    assert_string_equal(title, "houses");
    trivet_cli_file_title("-", title, sizeof(title));
    assert_string_equal(title, "-");
    trivet_cli_file_title(".csv", title, sizeof(title));
    assert_string_equal(title, ".csv");
    trivet_cli_file_title("a-very-long-name-of-a-file.csv", title, sizeof(title));
    assert_string_equal(title, "a-very-long-nam");
}

static void test_urls(void **state)
{
    (void)state;
    static const char *const good[] = {"tcp://127.0.0.1:1", "tcp://[::1]:65535", "tcp://host:7300",
                                       "ipc:///run/trivet.sock", "inproc://x"};
    static const char *const bad[] = {"tcp://127.0.0.1:22222222",
                                      "tcp://127.0.0.1:0",
                                      "tcp://127.0.0.1:65536",
                                      "tcp://127.0.0.1",
                                      "tcp://127.0.0.1:",
                                      "tcp://127.0.0.1:http",
                                      "tcp://[::1]"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(trivet_cli_check_url(good[i], NULL), TRIVET_OK);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct trivet_error err = {0};
        assert_int_equal(trivet_cli_check_url(bad[i], &err), TRIVET_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, bad[i]));
    }
}

static void test_lists_without_memory(void **state)
{
    (void)state;
    enum trivet_status status = TRIVET_UNKNOWN;
    for (uint64_t k = 1; status != TRIVET_OK; k++) {
        struct trivet_cli_list list = {0};
        trivet_alloc_fail_at(k);
        status = trivet_cli_list_parse(&list, "a,b,c", NULL);
        trivet_alloc_fail_at(0);
        assert_true(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
        trivet_cli_list_release(&list);
        assert_true(k < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model_names),
        cmocka_unit_test(test_bad_model_names),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_file_titles),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_lists_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
