/* From a file and options to the pipeline that `trivet train` asks for. */
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
    assert_non_null(strstr(text, "note: 'rooms' is taken as categorical because of 1 values"));
    assert_non_null(strstr(text, "line 5"));
    free(text);
    trivet_cli_plan_release(&plan);
    trivet_cli_list_release(&recipe.exclude);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_and_types),
        cmocka_unit_test(test_pipelines),
        cmocka_unit_test(test_parameters_of_the_estimator),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, write_file, remove_file);
}
