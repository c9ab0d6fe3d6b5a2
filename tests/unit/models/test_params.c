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

static const char *const words[] = {"scale", "auto", NULL};
static const char *const colours[] = {"red", "green", NULL};

static const struct trivet_param_spec specs[] = {
    {.name = "flag", .type = TRIVET_PARAM_BOOL, .default_text = "true"},
    {.name = "count",
     .type = TRIVET_PARAM_INT,
     .default_text = "8",
     .min = 1,
     .max = 100,
     .needs = "colour=blue|green"},
    {.name = "rate",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.5",
     .min = 0.0,
     .max = INFINITY,
     .min_open = true},
    {.name = "colour", .type = TRIVET_PARAM_ENUM, .default_text = "red", .choices = colours},
    {.name = "layers",
     .type = TRIVET_PARAM_INT_LIST,
     .default_text = "100,50",
     .min = 1,
     .max = 1000},
    {.name = "fill", .type = TRIVET_PARAM_TEXT, .default_text = "missing"},
    {.name = "gamma",
     .type = TRIVET_PARAM_REAL,
     .default_text = "scale",
     .min = 0.0,
     .max = INFINITY,
     .words = words},
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
    assert_int_equal(params.n_params, 7);
    assert_true(trivet_params_bool(&params, "flag"));
    assert_int_equal(trivet_params_int(&params, "count"), 8);
    assert_true(trivet_params_real(&params, "rate") == 0.5);
    assert_string_equal(trivet_params_choice(&params, "colour"), "red");
}

static void lists_texts_and_words(void **state)
{
    (void)state;
    struct trivet_params params;
    struct trivet_error err = {0};
    char text[TRIVET_PARAM_VALUE_BYTES];
    assert_int_equal(parse("layers", "7", &params, &err), TRIVET_OK);
    assert_int_equal(trivet_params_int_list(&params, "layers")->n_items, 1);
    assert_int_equal(parse("layers", "3,2,1", &params, &err), TRIVET_OK);
    assert_int_equal(trivet_params_int_list(&params, "layers")->items[2], 1);
    trivet_params_format(&params, 4, text, sizeof text);
    assert_string_equal(text, "3,2,1");
    static const char *const wrong[] = {
        "", ",", "3,", "3,,2", "0", "3,1001", "3,x", "3, 2", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(parse("layers", wrong[i], &params, &err), TRIVET_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, "whole numbers in [1, 1000]"));
    }
    assert_int_equal(parse("fill", "not there", &params, &err), TRIVET_OK);
    assert_string_equal(trivet_params_text(&params, "fill"), "not there");
    assert_string_equal(trivet_params_word(&params, "gamma"), "scale");
    assert_int_equal(parse("gamma", "auto", &params, &err), TRIVET_OK);
    assert_string_equal(trivet_params_word(&params, "gamma"), "auto");
    assert_int_equal(parse("gamma", "0.25", &params, &err), TRIVET_OK);
    assert_null(trivet_params_word(&params, "gamma"));
    assert_true(trivet_params_real(&params, "gamma") == 0.25);
    assert_int_equal(parse("gamma", "scales", &params, &err), TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "or scale, auto"));
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

static void idle_beside_another_value(void **state)
{
    (void)state;
    struct trivet_params params;
    struct trivet_error err = {0};
    char why[64] = "";
    assert_int_equal(parse("count", "2", &params, &err), TRIVET_OK);
    assert_true(trivet_params_is_idle(&params, 1, why, sizeof why));
    assert_string_equal(why, "colour=red");
    assert_false(trivet_params_is_idle(&params, 0, why, sizeof why)); /* needs nothing */
    assert_int_equal(parse("colour", "green", &params, &err), TRIVET_OK);
    assert_false(trivet_params_is_idle(&params, 1, why, sizeof why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(lists_texts_and_words),
        cmocka_unit_test(values_and_their_text),
        cmocka_unit_test(refusals_say_what_is_allowed),
        cmocka_unit_test(given_twice),
        cmocka_unit_test(idle_beside_another_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
