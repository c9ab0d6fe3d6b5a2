/* What `trivet train` refuses before it sends anything, and the searches that it asks for. */
#include "base/alloc.h"
#include "clients/cli/train_search.h"
#include "plan_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

/* Refused with a message that holds `part`; the recipe's lists are released. */
static void refuse(struct trivet_cli_recipe *recipe, const char *part)
{
    struct trivet_cli_plan plan = {0};
    struct trivet_error err = {0};
    Trivet__V1__PipelineSpec *spec = NULL;
    assert_int_not_equal(plan_make_all(recipe, &plan, &spec, &err), TRIVET_OK);
    print_message("%s\n", err.message);
    assert_non_null(strstr(err.message, part));
    trivet_cli_plan_release(&plan);
    plan_release(recipe);
}

static void refuse_item(struct trivet_cli_recipe *recipe, struct trivet_cli_list *list,
                        const char *item, const char *part)
{
    plan_give(list, item);
    refuse(recipe, part);
}

static void test_refusals_of_columns(void **state)
{
    (void)state;
    struct trivet_cli_recipe recipe = {.data = plan_path, .target = "price", .estimator = "e"};
    plan_add(&recipe.columns, "area,size");
    refuse(&recipe, "'size'");
    plan_add(&recipe.exclude, "size");
    refuse(&recipe, "it has area, city, rooms, price");
    plan_add(&recipe.columns, "area,price");
    refuse(&recipe, "the target");
    plan_add(&recipe.exclude, "price");
    refuse(&recipe, "the target");
    plan_add(&recipe.exclude, "area,city,rooms");
    refuse(&recipe, "no columns are left");
    recipe.target = "cost";
    refuse(&recipe, "--target 'cost'");
    recipe.target = "price";
    recipe.group = "town";
    refuse(&recipe, "--split grouped 'town'");
    recipe.group = "price";
    refuse(&recipe, "that is the target");
    recipe.group = NULL;
    recipe.data = "no-such-file.csv";
    refuse(&recipe, "no-such-file.csv");
}

static void test_refusals_of_ways(void **state)
{
    (void)state;
    struct trivet_cli_recipe recipe = {.data = plan_path, .target = "price", .estimator = "e"};
    refuse_item(&recipe, &recipe.impute, "constantly", "choose mean, median, most_frequent");
    refuse_item(&recipe, &recipe.impute, "constant=0", "write constant:NUMBER");
    refuse_item(&recipe, &recipe.impute, "size=mean", "--impute 'size'");
    refuse_item(&recipe, &recipe.impute, "price=mean", "'price' is no feature");
    refuse_item(&recipe, &recipe.impute, "city=mean", "'city' is categorical");
    refuse_item(&recipe, &recipe.impute, "categorical=median", "'categorical' is categorical");
    refuse_item(&recipe, &recipe.impute, "constant:abc", "fill_value=abc: give a number");
    refuse_item(&recipe, &recipe.scale, "minmax", "choose standard, min_max, robust, none");
    refuse_item(&recipe, &recipe.scale, "city=standard", "only numbers are scaled");
    refuse_item(&recipe, &recipe.encode, "hot", "choose one_hot, ordinal, none");
    refuse_item(&recipe, &recipe.encode, "area,=ordinal", "an empty name");
}

static void test_refusals_of_transforms(void **state)
{
    (void)state;
    struct trivet_cli_recipe recipe = {.data = plan_path, .target = "price", .estimator = "e"};
    struct trivet_cli_list *list = &recipe.transforms;
    refuse_item(&recipe, list, "pcb", "no such transformer; choose one of: imputer, standard");
    refuse_item(&recipe, list, "", "it names no transformer");
    refuse_item(&recipe, list, "pca(n_components=5", "a ')' is missing");
    refuse_item(&recipe, list, "pca(5)", "no name or no value");
    refuse_item(&recipe, list, "pca() area", "a ':' is missing");
    refuse_item(&recipe, list, "pca: size", "--transform 'size'");
    refuse_item(&recipe, list, "pca: price", "'price' is no feature");
    refuse_item(&recipe, list, "pca(size=2)", "pca has no parameter 'size'; it has: n_components");
    refuse_item(&recipe, list, "pca(n_components=two)", "give a whole number in [1, 100]");
    refuse_item(&recipe, list, "pca(n_components=101)", "give a whole number in [1, 100]");
}

/* `part` NULL: the check passes; else it refuses with a message that holds `part`. */
static void check(struct trivet_cli_recipe recipe, const char *const *params, const char *part)
{
    struct trivet_cli_plan plan = {0};
    struct trivet_error err = {0};
    Trivet__V1__PipelineSpec *spec = NULL;
    for (size_t i = 0; params != NULL && params[i] != NULL; i++) {
        assert_int_equal(trivet_cli_pairs_parse(&recipe.params, params[i], NULL), TRIVET_OK);
    }
    enum trivet_status status = plan_make_all(&recipe, &plan, &spec, &err);
    print_message("%s\n", err.message);
    assert_int_equal(status, part == NULL ? TRIVET_OK : TRIVET_INVALID_ARGUMENT);
    assert_true(part == NULL || strstr(err.message, part) != NULL);
    trivet_cli_plan_release(&plan);
    trivet_cli_pairs_release(&recipe.params);
}

static void test_checks_of_parameters(void **state)
{
    (void)state;
    static const char *const good[] = {"alpha=1e3", "depth=64",      "intercept=0", "penalty=l2",
                                       "shape=?",   "layers=100,50", NULL};
    static const char *const word[] = {"alpha=auto", "layers=7", NULL};
    static const struct {
        const char *params[3];
        const char *part;
    } bad[] = {
        {{"nope=1"},
         "no parameter 'nope'; it has: alpha, depth, intercept, penalty, shape, layers"},
        {{"alpha=abc"}, "--param alpha=abc: give a number in [0, inf)"},
        {{"alpha="}, "give a number in [0, inf)"},
        {{"depth=1.5"}, "give a whole number in [1, 64]"},
        {{"alpha=-1e3"}, "--param alpha=-1e3: give a number in [0, inf)"},
        {{"depth=0"}, "--param depth=0: give a whole number in [1, 64]"},
        {{"depth=65"}, "give a whole number in [1, 64]"},
        {{"layers=5,0"}, "give whole numbers, separated by commas, each in [1, 4096]"},
        {{"share=0"}, "give a number in (0, 1)"},
        {{"share=1"}, "give a number in (0, 1)"},
        {{"intercept=yes"}, "give true or false"},
        {{"penalty=L2"}, "give one of: none, l2"},
        {{"alpha=1", "alpha=1"}, "twice"},
        {{"alpha=aut"}, "give a number in [0, inf) or scale, auto"},
        {{"layers=100,x"}, "give whole numbers, separated by commas, each in [1, 4096]"},
        {{"layers="}, "give whole numbers"},
    };
    struct trivet_cli_recipe recipe = {.data = plan_path, .target = "price", .estimator = "e"};
    check(recipe, NULL, NULL);
    check(recipe, good, NULL);
    check(recipe, word, NULL);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        check(recipe, bad[i].params, bad[i].part);
    }
}

static void test_checks_of_estimator_and_target(void **state)
{
    (void)state;
    static const char *const param[] = {"alpha=1", NULL};
    struct trivet_cli_recipe recipe = {.data = plan_path, .target = "price", .estimator = "foo"};
    check(recipe, NULL,
          "--estimator 'foo': the server has no such estimator; choose auto or one "
          "of: e, tree, logistic_regression, kmeans");
    recipe.estimator = "imputer";
    check(recipe, NULL, "choose auto or one of: e");
    recipe.estimator = "auto";
    check(recipe, param, "with --estimator auto there is no estimator yet");
    recipe.estimator = "e";
    recipe.target = "rooms";
    check(recipe, NULL, "--target 'rooms' holds text, first 'x' in line 5 of");
    recipe.target = "city";
    check(recipe, NULL, "first 'Graz' in line 2 of");
    /* Ten numbers and a text: nobody said that these are classes. */
    recipe.target = "rooms";
    recipe.estimator = NULL;
    check(recipe, NULL, "but its other values are numbers; correct the file, or give --task");
    recipe.estimator = "auto";
    check(recipe, NULL, "but its other values are numbers");
    recipe.task = "classification";
    check(recipe, NULL, NULL);
    recipe.task = NULL;
    recipe.estimator = "e";
    recipe.target = NULL;
    check(recipe, NULL, "e learns what to predict: name it with --target COLUMN");
    recipe.estimator = NULL;
    check(recipe, NULL, "give --task clustering");
    recipe.task = "guessing";
    check(recipe, NULL, "--task guessing: choose regression, classification or clustering");
    recipe.estimator = "kmeans";
    recipe.task = NULL;
    recipe.target = "city";
    check(recipe, NULL, "kmeans groups rows without a target; give --exclude city");
    recipe.task = "classification";
    check(recipe, NULL, "--task classification: kmeans is for clustering");
}

/* --- search --- */

static void search_with(const struct trivet_cli_search *search, const char *estimator,
                        const char *part, const char *text)
{
    struct trivet_cli_recipe recipe = {
        .data = plan_path, .target = "price", .estimator = estimator};
    struct trivet_cli_plan plan = {0};
    struct trivet_error err = {0};
    Trivet__V1__PipelineSpec *spec = NULL;
    Trivet__V1__SearchSpec *made = NULL;
    Trivet__V1__ListEstimatorsResponse known;
    plan_give(&recipe.transforms, "pca(n_components=1)");
    assert_int_equal(plan_make_all(&recipe, &plan, &spec, &err), TRIVET_OK);
    plan_make_list(&known);
    enum trivet_status status =
        trivet_cli_plan_search(search, &plan, spec, &known, 0, plan_arena, &made, &err);
    print_message("%s\n", err.message);
    assert_int_equal(status, part == NULL ? TRIVET_OK : TRIVET_INVALID_ARGUMENT);
    assert_true(part == NULL || strstr(err.message, part) != NULL);
    assert_int_equal(made != NULL, text != NULL);
    if (text != NULL) {
        char said[256];
        trivet_cli_search_text(made, said, sizeof(said));
        assert_string_equal(said, text);
    }
    trivet_cli_plan_release(&plan);
    plan_release(&recipe);
}

static void test_searches(void **state)
{
    (void)state;
    struct trivet_cli_search search = {0};
    search_with(&search, "e", NULL, NULL);
    search_with(&search, "auto", NULL, "estimators that suit the task, 5 folds");
    plan_give(&search.grids, "alpha=0.1,1,auto");
    plan_give(&search.grids, "pca.n_components=1,2");
    plan_give(&search.grids, "layers=100,50|50");
    search.metric = "r2";
    search.budget_seconds = 9;
    search_with(&search, "e", NULL, "all 12 combinations by r2, 5 folds, at most 9 s");
    plan_give(&search.ranges, "depth=1..64:log");
    search_with(&search, "e", NULL, "20 combinations by chance by r2, 5 folds, at most 9 s");
    search.tries = 7;
    search_with(&search, "e", NULL, "7 combinations by chance by r2, 5 folds, at most 9 s");
    trivet_cli_list_release(&search.grids);
    trivet_cli_list_release(&search.ranges);
}

static void refuse_search(struct trivet_cli_search search, const char *grid, const char *range,
                          const char *part)
{
    if (grid != NULL) {
        plan_give(&search.grids, grid);
    }
    if (range != NULL) {
        plan_give(&search.ranges, range);
    }
    search_with(&search, "e", part, NULL);
    trivet_cli_list_release(&search.grids);
    trivet_cli_list_release(&search.ranges);
}

static void test_refusals_of_searches(void **state)
{
    (void)state;
    const struct trivet_cli_search none = {0};
    const struct trivet_cli_search grid = {.method = "grid"};
    const struct trivet_cli_search auto_grid = {.method = "grid"};
    refuse_search((struct trivet_cli_search){.method = "hill"}, "alpha=1", NULL, "grid or random");
    refuse_search(grid, NULL, NULL, "needs something to try");
    refuse_search(grid, NULL, "alpha=0..1", "--range is for --search random");
    refuse_search((struct trivet_cli_search){.method = "grid", .tries = 3}, "alpha=1", NULL,
                  "--tries is for --search random");
    refuse_search((struct trivet_cli_search){.tries = 3}, NULL, NULL, "--tries belongs to");
    refuse_search((struct trivet_cli_search){.metric = "r2"}, NULL, NULL, "--metric belongs to");
    refuse_search((struct trivet_cli_search){.metric = "f1_macro"}, "alpha=1", NULL,
                  "--metric f1_macro: for regression choose one of: r2");
    refuse_search(none, "nope=1", NULL, "e has no parameter 'nope'");
    refuse_search(none, "alpha=1,x", NULL, "--grid alpha=x: give a number");
    refuse_search(none, "alpha", NULL, "write it as NAME=VALUE,VALUE");
    refuse_search(none, "tfidf.n=1", NULL, "the pipeline has no step 'tfidf'");
    refuse_search(none, "pca.n=1", NULL, "pca has no parameter 'n'");
    refuse_search(none, "alpha=1", "alpha=0..1", "it is searched already");
    refuse_search(none, NULL, "alpha=1..0", "the lower first");
    refuse_search(none, NULL, "alpha=1..x", "two numbers");
    refuse_search(none, NULL, "alpha=1..2:lin", "LOW..HIGH:log");
    refuse_search(none, NULL, "alpha=0..2:log", "both ends are above 0");
    refuse_search(none, NULL, "penalty=0..2", "penalty is no number");
    search_with(&auto_grid, "auto", "--estimator auto tries its own set", NULL);
}

/* Without memory the value may be missing from the message, never the line. */
static void test_check_without_memory(void **state)
{
    (void)state;
    struct trivet_cli_recipe recipe = {.data = plan_path, .target = "rooms", .estimator = "e"};
    struct trivet_cli_plan plan = {0};
    Trivet__V1__ListEstimatorsResponse known;
    plan_make_list(&known);
    assert_int_equal(trivet_cli_plan_make(&recipe, &plan, NULL), TRIVET_OK);
    bool named = false;
    for (uint64_t k = 1; !named; k++) {
        struct trivet_error err = {0};
        trivet_alloc_fail_at(k);
        assert_int_equal(trivet_cli_plan_choose(&recipe, &known, &plan, &err),
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
        cmocka_unit_test(test_refusals_of_columns),
        cmocka_unit_test(test_refusals_of_ways),
        cmocka_unit_test(test_refusals_of_transforms),
        cmocka_unit_test(test_checks_of_parameters),
        cmocka_unit_test(test_checks_of_estimator_and_target),
        cmocka_unit_test(test_searches),
        cmocka_unit_test(test_refusals_of_searches),
        cmocka_unit_test(test_check_without_memory),
    };
    return cmocka_run_group_tests(tests, plan_write_file, plan_remove_file);
}
