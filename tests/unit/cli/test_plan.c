/* From a file and options to the pipeline that `trivet train` asks for. */
#include "plan_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The pipeline as text: "imputer(strategy=mean): area; …". */
static void pipeline_text(const struct trivet_cli_recipe *recipe, char *text, size_t text_bytes)
{
    struct trivet_cli_plan plan = {0};
    Trivet__V1__PipelineSpec *spec = NULL;
    struct trivet_error err = {0};
    size_t used = 0;
    enum trivet_status status = plan_make_all(recipe, &plan, &spec, &err);
    print_message("%s\n", err.message);
    assert_int_equal(status, TRIVET_OK);
    assert_string_equal(spec->target, recipe->target != NULL ? recipe->target : "");
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
    struct trivet_cli_recipe recipe = {.data = plan_path, .target = "price", .estimator = "e"};
    struct trivet_cli_plan plan = {0};
    Trivet__V1__PipelineSpec *spec = NULL;
    plan_add(&recipe.exclude, "rooms");
    assert_int_equal(plan_make_all(&recipe, &plan, &spec, NULL), TRIVET_OK);
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
    trivet_cli_plan_print(&recipe, &plan, NULL, out);
    fclose(out);
    assert_non_null(strstr(text, "11 rows"));
    assert_non_null(strstr(text, "rooms   categorical        0  left out"));
    assert_non_null(strstr(text, "price   numeric            0  target"));
    assert_non_null(
        strstr(text, "note: 'rooms' is taken as categorical because of 1 value that is not"));
    assert_non_null(strstr(text, "line 5"));
    assert_non_null(strstr(text, "numeric: impute mean, scale standard\ncategorical: impute "
                                 "most_frequent, encode one_hot\nestimator: e\n"));
    free(text);
    trivet_cli_plan_release(&plan);
    plan_release(&recipe);
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
    Trivet__V1__PipelineSpec *spec = NULL;
    assert_int_equal(plan_make_all(&recipe, &plan, &spec, NULL), TRIVET_OK);
    trivet_cli_plan_print(&recipe, &plan, NULL, out);
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

/* The pipeline of a recipe that is released then. */
static void expect(struct trivet_cli_recipe *recipe, const char *text)
{
    char made[1024];
    pipeline_text(recipe, made, sizeof(made));
    assert_string_equal(made, text);
    plan_release(recipe);
}

static void test_pipelines(void **state)
{
    (void)state;
    struct trivet_cli_recipe recipe = {.data = plan_path, .target = "price", .estimator = "e"};
    expect(&recipe, "default; e");

    plan_give(&recipe.scale, "none");
    expect(&recipe, "imputer(strategy=mean): area; imputer(strategy=most_frequent): city rooms; "
                    "one_hot_encoder: city rooms; e");
    plan_give(&recipe.impute, "constant:-1");
    plan_give(&recipe.scale, "robust");
    plan_give(&recipe.encode, "ordinal");
    expect(&recipe, "imputer(strategy=constant fill_value=-1): area; "
                    "imputer(strategy=constant): city rooms; robust_scaler: area; "
                    "ordinal_encoder: city rooms; e");
    plan_give(&recipe.impute, "none");
    plan_give(&recipe.scale, "standard");
    plan_add(&recipe.columns, "area");
    expect(&recipe, "standard_scaler: area; e");
}

/* What is said of a column stands, then of a type, in whatever order. */
static void test_ways_by_column(void **state)
{
    (void)state;
    struct trivet_cli_recipe recipe = {.data = plan_path, .target = "price", .estimator = "e"};
    plan_give(&recipe.impute, "city=none");
    plan_give(&recipe.impute, "categorical=constant");
    plan_give(&recipe.impute, "median");
    expect(&recipe, "imputer(strategy=median): area; imputer(strategy=constant): rooms; "
                    "standard_scaler: area; one_hot_encoder: city rooms; e");
    plan_give(&recipe.encode, "city,rooms=ordinal");
    plan_give(&recipe.impute, "area=constant:0");
    plan_give(&recipe.scale, "numeric=min_max");
    expect(&recipe,
           "imputer(strategy=constant fill_value=0): area; imputer(strategy=most_frequent): city "
           "rooms; min_max_scaler: area; ordinal_encoder: city rooms; e");
    /* A number as a category. */
    plan_give(&recipe.encode, "area=one_hot");
    expect(&recipe, "imputer(strategy=most_frequent): area city rooms; one_hot_encoder: area city "
                    "rooms; e");
}

static void test_numbers_as_categories_are_sent_so(void **state)
{
    (void)state;
    struct trivet_cli_recipe recipe = {.data = plan_path, .target = "price", .estimator = "e"};
    struct trivet_cli_plan plan = {0};
    Trivet__V1__PipelineSpec *spec = NULL;
    plan_give(&recipe.encode, "area=ordinal");
    assert_int_equal(plan_make_all(&recipe, &plan, &spec, NULL), TRIVET_OK);
    assert_int_equal(plan.sent.columns[0].type, TRIVET_COLUMN_CATEGORICAL);
    assert_int_equal(plan.n_numeric, 0);
    assert_int_equal(plan.n_categorical, 3);
    trivet_cli_plan_release(&plan);
    plan_release(&recipe);
}

static void test_transforms(void **state)
{
    (void)state;
    struct trivet_cli_recipe recipe = {.data = plan_path, .target = "price", .estimator = "e"};
    plan_give(&recipe.transforms, "pca(n_components=5)");
    plan_give(&recipe.transforms, "power: area");
    expect(&recipe, "imputer(strategy=mean): area; imputer(strategy=most_frequent): city rooms; "
                    "power: area; standard_scaler: area; one_hot_encoder: city rooms; "
                    "pca(n_components=5):; e");
    /* A text's step has its column to itself. */
    plan_give(&recipe.transforms, "tfidf : city");
    expect(&recipe, "imputer(strategy=mean): area; imputer(strategy=most_frequent): rooms; "
                    "tfidf: city; standard_scaler: area; one_hot_encoder: rooms; e");
    plan_give(&recipe.transforms, "tfidf");
    expect(&recipe, "imputer(strategy=mean): area; tfidf:; standard_scaler: area; e");
    /* What a given step does is not done twice; what is asked for is. */
    plan_give(&recipe.transforms, "standard_scaler");
    plan_give(&recipe.transforms, "one_hot_encoder");
    plan_give(&recipe.encode, "city=ordinal");
    expect(&recipe, "imputer(strategy=mean): area; imputer(strategy=most_frequent): city rooms; "
                    "standard_scaler:; one_hot_encoder:; ordinal_encoder: city; e");
}

static void test_an_estimator_that_takes_missing_values(void **state)
{
    (void)state;
    struct trivet_cli_recipe recipe = {.data = plan_path, .target = "price", .estimator = "tree"};
    expect(&recipe, "imputer(strategy=most_frequent): city rooms; one_hot_encoder: city rooms; "
                    "tree");
    plan_give(&recipe.impute, "median");
    expect(&recipe, "imputer(strategy=median): area; imputer(strategy=most_frequent): city rooms; "
                    "one_hot_encoder: city rooms; tree");
    plan_give(&recipe.transforms, "pca(n_components=1)");
    expect(&recipe, "imputer(strategy=mean): area; imputer(strategy=most_frequent): city rooms; "
                    "standard_scaler: area; one_hot_encoder: city rooms; pca(n_components=1):; "
                    "tree");
}

static void test_the_estimator_follows_the_target(void **state)
{
    (void)state;
    struct trivet_cli_recipe recipe = {.data = plan_path, .target = "price"};
    struct trivet_cli_plan plan = {0};
    Trivet__V1__PipelineSpec *spec = NULL;
    expect(&recipe, "default; linear_regression");
    recipe.target = "city";
    expect(&recipe, "default; logistic_regression");
    /* Numbers that are classes are sent as texts. */
    recipe.target = "price";
    recipe.task = "classification";
    assert_int_equal(plan_make_all(&recipe, &plan, &spec, NULL), TRIVET_OK);
    assert_string_equal(spec->estimator, "logistic_regression");
    assert_int_equal(plan.sent.columns[3].type, TRIVET_COLUMN_CATEGORICAL);
    trivet_cli_plan_release(&plan);
    recipe.task = NULL;
    recipe.target = NULL;
    recipe.estimator = "kmeans";
    expect(&recipe, "default; kmeans");
    recipe.estimator = NULL;
    recipe.task = "clustering";
    expect(&recipe, "default; kmeans");
    /* The server chooses, and knows the steps that each one needs. */
    recipe.task = NULL;
    recipe.target = "price";
    recipe.estimator = "auto";
    expect(&recipe, "default; ");
}

static void test_groups_are_sent_and_no_features(void **state)
{
    (void)state;
    struct trivet_cli_recipe recipe = {
        .data = plan_path, .target = "price", .estimator = "e", .group = "city"};
    struct trivet_cli_plan plan = {0};
    Trivet__V1__PipelineSpec *spec = NULL;
    assert_int_equal(plan_make_all(&recipe, &plan, &spec, NULL), TRIVET_OK);
    assert_int_equal(plan.sent.n_columns, 4);
    assert_int_equal(plan.n_categorical, 1);
    assert_int_equal(spec->n_columns, 0);
    trivet_cli_plan_release(&plan);
    plan_add(&recipe.columns, "city,area");
    plan = (struct trivet_cli_plan){0};
    assert_int_equal(plan_make_all(&recipe, &plan, &spec, NULL), TRIVET_OK);
    assert_int_equal(spec->n_columns, 2);
    assert_string_equal(spec->columns[0], "area");
    assert_string_equal(spec->columns[1], "city");
    trivet_cli_plan_release(&plan);
    plan_release(&recipe);
}

static void test_parameters_of_the_estimator(void **state)
{
    (void)state;
    struct trivet_cli_recipe recipe = {.data = plan_path, .target = "price", .estimator = "e"};
    struct trivet_cli_plan plan = {0};
    Trivet__V1__PipelineSpec *spec = NULL;
    assert_int_equal(trivet_cli_pairs_parse(&recipe.params, "alpha=2", NULL), TRIVET_OK);
    assert_int_equal(plan_make_all(&recipe, &plan, &spec, NULL), TRIVET_OK);
    assert_int_equal(spec->n_parameters, 1);
    assert_string_equal(spec->parameters[0]->name, "alpha");
    assert_string_equal(spec->parameters[0]->value, "2");
    trivet_cli_plan_release(&plan);
    plan_release(&recipe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_and_types),
        cmocka_unit_test(test_many_columns),
        cmocka_unit_test(test_pipelines),
        cmocka_unit_test(test_ways_by_column),
        cmocka_unit_test(test_numbers_as_categories_are_sent_so),
        cmocka_unit_test(test_transforms),
        cmocka_unit_test(test_an_estimator_that_takes_missing_values),
        cmocka_unit_test(test_the_estimator_follows_the_target),
        cmocka_unit_test(test_groups_are_sent_and_no_features),
        cmocka_unit_test(test_parameters_of_the_estimator),
    };
    return cmocka_run_group_tests(tests, plan_write_file, plan_remove_file);
}
