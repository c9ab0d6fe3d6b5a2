/* Parameters: defaults, ranges, refusals, and text back to the same value. */
#include "models/params.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

static const char *const colours[] = {"red", "green", NULL};

static const struct trivet_param_spec specs[] = {
    {.name = "flag", .type = TRIVET_PARAM_BOOL, .default_text = "true"},
    {.name = "count", .type = TRIVET_PARAM_INT, .default_text = "8", .min = 1, .max = 100},
    {.name = "rate",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.5",
     .min = 0.0,
     .max = INFINITY,
     .min_open = true},
    {.name = "colour", .type = TRIVET_PARAM_ENUM, .default_text = "red", .choices = colours},
    {.name = NULL},
};

static enum trivet_status parse(const char *name, const char *value, struct trivet_params *params,
                                struct trivet_error *err)
{
    char name_copy[32];
    char value_copy[64];
    Trivet__V1__Parameter parameter = TRIVET__V1__PARAMETER__INIT;
    Trivet__V1__Parameter *given[1] = {&parameter};
    snprintf(name_copy, sizeof name_copy, "%s", name);
    snprintf(value_copy, sizeof value_copy, "%s", value);
    parameter.name = name_copy;
    parameter.value = value_copy;
    return trivet_params_parse(specs, "thing", given, 1, params, err);
}

static void defaults(void **state)
{
    (void)state;
    struct trivet_params params;
    struct trivet_error err = {0};
    assert_int_equal(trivet_params_parse(specs, "thing", NULL, 0, &params, &err), TRIVET_OK);
    assert_int_equal(params.n_params, 4);
    assert_true(trivet_params_bool(&params, "flag"));
    assert_int_equal(trivet_params_int(&params, "count"), 8);
    assert_true(trivet_params_real(&params, "rate") == 0.5);
    assert_string_equal(trivet_params_choice(&params, "colour"), "red");
}

static void values_and_their_text(void **state)
{
    (void)state;
    static const char *const given[][2] = {
        {"flag", "false"}, {"count", "1"},    {"count", "100"},
        {"rate", "0.1"},   {"rate", "1e-09"}, {"colour", "green"},
    };
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
        struct trivet_params params;
        struct trivet_error err = {0};
        char text[64];
        assert_int_equal(parse(given[i][0], given[i][1], &params, &err), TRIVET_OK);
        for (size_t k = 0; k < params.n_params; k++) {
            if (strcmp(specs[k].name, given[i][0]) == 0) {
                trivet_params_format(&params, k, text, sizeof text);
                assert_string_equal(text, given[i][1]);
            }
        }
    }
}

static void refusals_say_what_is_allowed(void **state)
{
    (void)state;
    static const char *const given[][3] = {
        {"flag", "yes", "true or false"},
        {"count", "0", "[1, 100]"},
        {"count", "101", "[1, 100]"},
        {"count", "1.5", "whole number"},
        {"rate", "0", "(0, inf)"},
        {"rate", "nan", "(0, inf)"},
        {"rate", "", "(0, inf)"},
        {"colour", "blue", "red, green"},
        {"size", "1", "flag, count, rate, colour"},
    };
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
        struct trivet_params params = {.n_params = 99};
        struct trivet_error err = {0};
        assert_int_equal(parse(given[i][0], given[i][1], &params, &err), TRIVET_INVALID_ARGUMENT);
        assert_int_equal(params.n_params, 99);
        assert_non_null(strstr(err.message, given[i][2]));
        assert_non_null(strstr(err.message, "thing"));
        assert_int_equal(err.n_violations, 1);
        assert_string_equal(err.violations[0].field, given[i][0]);
    }
}

static void given_twice(void **state)
{
    (void)state;
    char name[] = "count";
    char value[] = "2";
    Trivet__V1__Parameter parameter = TRIVET__V1__PARAMETER__INIT;
    Trivet__V1__Parameter *given[2] = {&parameter, &parameter};
    struct trivet_params params;
    struct trivet_error err = {0};
    parameter.name = name;
    parameter.value = value;
    assert_int_equal(trivet_params_parse(specs, "thing", given, 2, &params, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "twice"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(values_and_their_text),
        cmocka_unit_test(refusals_say_what_is_allowed),
        cmocka_unit_test(given_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
