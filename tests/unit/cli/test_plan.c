/* From a file and options to the pipeline that `trivet train` asks for. */
#include "base/alloc.h"
#include "clients/cli/estimators.h"
#include "clients/cli/train_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "plan-XXXXXX";
static struct trivet_arena *arena;

static const char file[] = "area,city,rooms,price\n"
                           "50,Graz,2,100\n,Wien,3,200\n70,,1,300\n80,Linz,x,400\n"
                           "1,a,1,1\n2,a,1,1\n3,a,1,1\n4,a,1,1\n5,a,1,1\n6,a,1,1\n7,a,1,1\n";

static int write_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    ssize_t written = write(fd, file, sizeof(file) - 1);
    close(fd);
    arena = trivet_arena_create(1 << 20, 0);
    return written == (ssize_t)sizeof(file) - 1 && arena != NULL ? 0 : -1;
}

static int remove_file(void **state)
{
    (void)state;
    trivet_arena_free(arena);
    return unlink(path);
}

static void add(struct trivet_cli_list *list, const char *names)
{
    assert_int_equal(trivet_cli_list_parse(list, names, NULL), TRIVET_OK);
}

/* The pipeline as text: "imputer(strategy=mean): area; …". */
static void pipeline_text(const struct trivet_cli_recipe *recipe, char *text, size_t text_bytes)
{
    struct trivet_cli_plan plan = {0};
    Trivet__V1__PipelineSpec *spec = NULL;
    struct trivet_error err = {0};
    size_t used = 0;
    trivet_arena_reset(arena);
    assert_int_equal(trivet_cli_plan_make(recipe, &plan, &err), TRIVET_OK);
    assert_int_equal(trivet_cli_plan_pipeline(recipe, &plan, arena, &spec, &err), TRIVET_OK);
    assert_string_equal(spec->target, recipe->target);
    assert_int_equal(spec->n_columns, 0); /* only what is used is sent */
    text[0] = '\0';
    for (size_t i = 0; i < spec->n_transformers; i++) {
        const Trivet__V1__TransformerSpec *step = spec->transformers[i];
        used += (size_t)snprintf(text + used, text_bytes - used, "%s", step->name);
        for (size_t j = 0; j < step->n_parameters; j++) {
            used += (size_t)snprintf(text + used, text_bytes - used, "%c%s=%s", j == 0 ? '(' : ' ',
                                     step->parameters[j]->name, step->parameters[j]->value);
        }
        used +=
            (size_t)snprintf(text + used, text_bytes - used, step->n_parameters > 0 ? "):" : ":");
        for (size_t j = 0; j < step->n_columns; j++) {
            used += (size_t)snprintf(text + used, text_bytes - used, " %s", step->columns[j]);
        }
        used += (size_t)snprintf(text + used, text_bytes - used, "; ");
    }
    snprintf(text + used, text_bytes - used, "%s%s", spec->default_transformers ? "default; " : "",
             spec->estimator);
    trivet_cli_plan_release(&plan);
}

static void test_columns_and_types(void **state)
{
    (void)state;
    struct trivet_cli_recipe recipe = {.data = path, .target = "price", .estimator = "e"};
    struct trivet_cli_plan plan = {0};
    add(&recipe.exclude, "rooms");
    assert_int_equal(trivet_cli_plan_make(&recipe, &plan, NULL), TRIVET_OK);
    assert_int_equal(plan.file.n_rows, 11);
    assert_int_equal(plan.sent.n_columns, 3);
    assert_string_equal(plan.sent.columns[1].name, "city");
    assert_int_equal(plan.sent.columns[1].type, TRIVET_COLUMN_CATEGORICAL);
    assert_int_equal(plan.n_numeric, 1);
    assert_int_equal(plan.n_categorical, 1);

    char *text = NULL;
    size_t n_bytes = 0;
    FILE *out = open_memstream(&text, &n_bytes);
    assert_non_null(out);
    trivet_cli_plan_print(&recipe, &plan, out);
    fclose(out);
    assert_non_null(strstr(text, "11 rows"));
    assert_non_null(strstr(text, "rooms   categorical        0  left out"));
    assert_non_null(strstr(text, "price   numeric            0  target"));
    assert_non_null(
        strstr(text, "note: 'rooms' is taken as categorical because of 1 value that is not"));
    assert_non_null(strstr(text, "line 5"));
    free(text);
    trivet_cli_plan_release(&plan);
    trivet_cli_list_release(&recipe.exclude);
}

/* What the plan of a file of `n_columns` says below its table of 40. */
static void shown_below(size_t n_columns, const char *part, bool there)
{
    char wide[] = "wide-XXXXXX";
    struct trivet_cli_recipe recipe = {.data = wide, .target = "x0", .estimator = "e"};
    struct trivet_cli_plan plan = {0};
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *csv = fdopen(mkstemp(wide), "w");
    FILE *out = open_memstream(&text, &n_bytes);
    assert_true(csv != NULL && out != NULL);
    for (size_t i = 0; i < n_columns; i++) {
        fprintf(csv, "%sx%zu", i > 0 ? "," : "", i);
    }
    for (size_t i = 0; i < n_columns; i++) {
        fprintf(csv, "%s1", i > 0 ? "," : "\n");
    }
    fclose(csv);
    assert_int_equal(trivet_cli_plan_make(&recipe, &plan, NULL), TRIVET_OK);
    trivet_cli_plan_print(&recipe, &plan, out);
    fclose(out);
    assert_int_equal(strstr(text, part) != NULL, there);
    free(text);
    trivet_cli_plan_release(&plan);
    assert_int_equal(unlink(wide), 0);
}

static void test_many_columns(void **state)
{
    (void)state;
    shown_below(40, "more\n", false);
    shown_below(41, "\nand 1 column more\n", true);
    shown_below(42, "\nand 2 columns more\n", true);
}

static void test_pipelines(void **state)
{
    (void)state;
    char text[512];
    struct trivet_cli_recipe recipe = {.data = path, .target = "price", .estimator = "e"};
    pipeline_text(&recipe, text, sizeof(text));
    assert_string_equal(text, "default; e");

    recipe.scale = "none";
    pipeline_text(&recipe, text, sizeof(text));
    assert_string_equal(text, "imputer(strategy=mean): area; "
                              "imputer(strategy=most_frequent): city rooms; "
                              "one_hot_encoder: city rooms; e");
    recipe.impute = "constant=-1";
    recipe.encode = "none";
    pipeline_text(&recipe, text, sizeof(text));
    assert_string_equal(text, "imputer(strategy=constant fill_value=-1): area; "
                              "imputer(strategy=constant): city rooms; e");
    recipe.impute = "none";
    recipe.scale = "standard";
    add(&recipe.columns, "area");
    pipeline_text(&recipe, text, sizeof(text));
    assert_string_equal(text, "standard_scaler: area; e");
    trivet_cli_list_release(&recipe.columns);
}

static void test_parameters_of_the_estimator(void **state)
{
    (void)state;
    struct trivet_cli_recipe recipe = {.data = path, .target = "price", .estimator = "e"};
    struct trivet_cli_plan plan = {0};
    Trivet__V1__PipelineSpec *spec = NULL;
    assert_int_equal(trivet_cli_pairs_parse(&recipe.params, "alpha=2", NULL), TRIVET_OK);
    assert_int_equal(trivet_cli_plan_make(&recipe, &plan, NULL), TRIVET_OK);
    assert_int_equal(trivet_cli_plan_pipeline(&recipe, &plan, arena, &spec, NULL), TRIVET_OK);
    assert_int_equal(spec->n_parameters, 1);
    assert_string_equal(spec->parameters[0]->name, "alpha");
    assert_string_equal(spec->parameters[0]->value, "2");
    trivet_cli_plan_release(&plan);
    trivet_cli_pairs_release(&recipe.params);
}

/* Refused with a message that holds `part`. */
static void refuse(struct trivet_cli_recipe recipe, const char *columns, const char *exclude,
                   const char *part)
{
    struct trivet_cli_plan plan = {0};
    struct trivet_error err = {0};
    if (columns != NULL) {
        add(&recipe.columns, columns);
    }
    if (exclude != NULL) {
        add(&recipe.exclude, exclude);
    }
    assert_int_not_equal(trivet_cli_plan_make(&recipe, &plan, &err), TRIVET_OK);
    print_message("%s\n", err.message);
    assert_non_null(strstr(err.message, part));
    trivet_cli_plan_release(&plan);
    trivet_cli_list_release(&recipe.columns);
    trivet_cli_list_release(&recipe.exclude);
}

static void test_refusals(void **state)
{
    (void)state;
    struct trivet_cli_recipe recipe = {.data = path, .target = "price", .estimator = "e"};
    refuse(recipe, "area,size", NULL, "'size'");
    refuse(recipe, NULL, "size", "it has area, city, rooms, price");
    refuse(recipe, "area,price", NULL, "the target");
    refuse(recipe, NULL, "price", "the target");
    refuse(recipe, NULL, "area,city,rooms", "no columns are left");
    recipe.target = "cost";
    refuse(recipe, NULL, NULL, "--target 'cost'");
    recipe.target = "price";
    recipe.impute = "constantly";
    refuse(recipe, NULL, NULL, "--impute");
    recipe.impute = NULL;
    recipe.scale = "minmax";
    refuse(recipe, NULL, NULL, "--scale");
    recipe.scale = NULL;
    recipe.encode = "ordinal";
    refuse(recipe, NULL, NULL, "--encode");
    recipe.encode = NULL;
    recipe.data = "no-such-file.csv";
    refuse(recipe, NULL, NULL, "no-such-file.csv");
}

/* What a server lists: an estimator "e" with a parameter of each type, and the imputer. */
static void make_list(Trivet__V1__ListEstimatorsResponse *out)
{
    static const char *const rows[][3] = {{"alpha", "real", "[0, inf)"},
                                          {"depth", "int", "[1, 64]"},
                                          {"intercept", "bool", ""},
                                          {"penalty", "enum", ""},
                                          {"shape", "of another server", ""}};
    static Trivet__V1__ParameterInfo parameters[7];
    static Trivet__V1__ParameterInfo *of_estimator[5];
    static Trivet__V1__ParameterInfo *of_imputer[2];
    static Trivet__V1__EstimatorInfo infos[2];
    static Trivet__V1__EstimatorInfo *list[2] = {&infos[0], &infos[1]};
    static char *choices[2];
    choices[0] = trivet_cli_field("none");
    choices[1] = trivet_cli_field("l2");
    for (size_t i = 0; i < 5; i++) {
        trivet__v1__parameter_info__init(&parameters[i]);
        parameters[i].name = trivet_cli_field(rows[i][0]);
        parameters[i].type = trivet_cli_field(rows[i][1]);
        parameters[i].range = trivet_cli_field(rows[i][2]);
        of_estimator[i] = &parameters[i];
    }
    parameters[3].choices = choices;
    parameters[3].n_choices = 2;
    parameters[5] = parameters[0];
    parameters[5].name = trivet_cli_field("fill_value");
    of_imputer[0] = &parameters[5];
    parameters[6] = parameters[4];
    parameters[6].name = trivet_cli_field("strategy");
    of_imputer[1] = &parameters[6];
    for (size_t i = 0; i < 2; i++) {
        trivet__v1__estimator_info__init(&infos[i]);
        infos[i].name = trivet_cli_field(i == 0 ? "e" : "imputer");
        infos[i].kind = trivet_cli_field(i == 0 ? "estimator" : "transformer");
        infos[i].parameters = i == 0 ? of_estimator : of_imputer;
        infos[i].n_parameters = i == 0 ? 5 : 2;
    }
    infos[0].task = TRIVET__V1__TASK__TASK_REGRESSION;
    trivet__v1__list_estimators_response__init(out);
    out->estimators = list;
    out->n_estimators = 2;
}

/* `part` NULL: the check passes; else it refuses with a message that holds `part`. */
static void check(struct trivet_cli_recipe recipe, const char *const *params, const char *part)
{
    struct trivet_cli_plan plan = {0};
    struct trivet_error err = {0};
    Trivet__V1__PipelineSpec *spec = NULL;
    Trivet__V1__ListEstimatorsResponse known;
    make_list(&known);
    trivet_arena_reset(arena);
    for (size_t i = 0; params != NULL && params[i] != NULL; i++) {
        assert_int_equal(trivet_cli_pairs_parse(&recipe.params, params[i], NULL), TRIVET_OK);
    }
    assert_int_equal(trivet_cli_plan_make(&recipe, &plan, &err), TRIVET_OK);
    assert_int_equal(trivet_cli_plan_pipeline(&recipe, &plan, arena, &spec, &err), TRIVET_OK);
    enum trivet_status status = trivet_cli_check_plan(&recipe, &plan, spec, &known, &err);
    print_message("%s\n", err.message);
    assert_int_equal(status, part == NULL ? TRIVET_OK : TRIVET_INVALID_ARGUMENT);
    assert_true(part == NULL || strstr(err.message, part) != NULL);
    trivet_cli_plan_release(&plan);
    trivet_cli_pairs_release(&recipe.params);
}

static void test_checks_of_parameters(void **state)
{
    (void)state;
    static const char *const good[] = {"alpha=-1e3", "depth=-2", "intercept=0",
                                       "penalty=l2", "shape=?",  NULL};
    static const struct {
        const char *params[3];
        const char *part;
    } bad[] = {
        {{"nope=1"}, "no parameter 'nope'; it has: alpha, depth, intercept, penalty, shape"},
        {{"alpha=abc"}, "--param alpha=abc: give a number in [0, inf)"},
        {{"alpha="}, "give a number in [0, inf)"},
        {{"depth=1.5"}, "give a whole number in [1, 64]"},
        {{"intercept=yes"}, "give true or false"},
        {{"penalty=L2"}, "give one of: none, l2"},
        {{"alpha=1", "alpha=1"}, "twice"},
    };
    struct trivet_cli_recipe recipe = {.data = path, .target = "price", .estimator = "e"};
    check(recipe, NULL, NULL);
    check(recipe, good, NULL);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        check(recipe, bad[i].params, bad[i].part);
    }
}

static void test_checks_of_estimator_and_target(void **state)
{
    (void)state;
    struct trivet_cli_recipe recipe = {.data = path, .target = "price", .estimator = "foo"};
    check(recipe, NULL, "--estimator 'foo': the server has no such estimator; choose one of: e");
    recipe.estimator = "imputer";
    check(recipe, NULL, "choose one of: e");
    recipe.estimator = "e";
    recipe.impute = "constant=abc";
    check(recipe, NULL, "imputer fill_value=abc: give a number in [0, inf)");
    recipe.impute = NULL;
    recipe.target = "rooms";
    check(recipe, NULL, "--target 'rooms' holds text, first 'x' in line 5 of");
    recipe.target = "city";
    check(recipe, NULL, "first 'Graz' in line 2 of");
}

/* Without memory the value may be missing from the message, never the line. */
static void test_check_without_memory(void **state)
{
    (void)state;
    struct trivet_cli_recipe recipe = {.data = path, .target = "rooms", .estimator = "e"};
    struct trivet_cli_plan plan = {0};
    Trivet__V1__PipelineSpec *spec = NULL;
    Trivet__V1__ListEstimatorsResponse known;
    make_list(&known);
    trivet_arena_reset(arena);
    assert_int_equal(trivet_cli_plan_make(&recipe, &plan, NULL), TRIVET_OK);
    assert_int_equal(trivet_cli_plan_pipeline(&recipe, &plan, arena, &spec, NULL), TRIVET_OK);
    bool named = false;
    for (uint64_t k = 1; !named; k++) {
        struct trivet_error err = {0};
        trivet_alloc_fail_at(k);
        assert_int_equal(trivet_cli_check_plan(&recipe, &plan, spec, &known, &err),
                         TRIVET_INVALID_ARGUMENT);
        trivet_alloc_fail_at(0);
        assert_non_null(strstr(err.message, "in line 5"));
        named = strstr(err.message, "'x'") != NULL;
        assert_true(k < 1000);
    }
    trivet_cli_plan_release(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_and_types),
        cmocka_unit_test(test_many_columns),
        cmocka_unit_test(test_pipelines),
        cmocka_unit_test(test_parameters_of_the_estimator),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_checks_of_parameters),
        cmocka_unit_test(test_checks_of_estimator_and_target),
        cmocka_unit_test(test_check_without_memory),
    };
    return cmocka_run_group_tests(tests, write_file, remove_file);
}
