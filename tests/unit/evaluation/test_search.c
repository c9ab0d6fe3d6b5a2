/* Candidates, the search among them, learning curves and splitters. */
#include "evaluation/learning_curve.h"
#include "evaluation/search.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "base/text.h"
#include "support/normal.h"
#include "unit/models/fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS 120

/* y = 2 a - b + noise; g names 6 groups. */
struct data {
    double numbers[4][ROWS];
    struct trivet_column columns[4];
    struct trivet_table table;
    size_t rows[ROWS];
    struct trivet_schema schema;
    struct trivet_arena *arena;
};

static struct data data;

static int setup(void **state)
{
    (void)state;
    static const char *const names[4] = {"y", "a", "b", "g"};
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 8);
    for (size_t i = 0; i < ROWS; i++) {
        data.numbers[1][i] = normal_next(&rng);
        data.numbers[2][i] = normal_next(&rng);
        data.numbers[3][i] = (double)(i % 6);
        data.numbers[0][i] =
            2.0 * data.numbers[1][i] - data.numbers[2][i] + 0.5 * normal_next(&rng);
        data.rows[i] = i;
    }
    for (size_t j = 0; j < 4; j++) {
        data.columns[j] = fixture_numbers(names[j], data.numbers[j]);
    }
    data.table = (struct trivet_table){ROWS, 4, data.columns};
    data.schema = fixture_schema(&data.table);
    data.arena = trivet_arena_create((size_t)1 << 30, 0);
    return data.arena == NULL;
}

static int teardown(void **state)
{
    (void)state;
    trivet_schema_release(&data.schema);
    trivet_arena_free(data.arena);
    return 0;
}

/* Values of one parameter, as a search names them. */
struct range {
    Trivet__V1__SearchRange message;
    char name[32];
    char texts[8][16];
    char *values[8];
};

static void make_range(struct range *range, const char *name, const char *const *values, size_t n)
{
    memset(range, 0, sizeof *range);
    trivet__v1__search_range__init(&range->message);
    trivet_text_copy(range->name, sizeof range->name, name);
    range->message.parameter = range->name;
    for (size_t k = 0; k < n; k++) {
        trivet_text_copy(range->texts[k], sizeof range->texts[k], values[k]);
        range->values[k] = range->texts[k];
    }
    range->message.values = range->values;
    range->message.n_values = n;
}

static enum trivet_status make(const struct fixture_spec *spec, Trivet__V1__SearchMethod method,
                               struct range *ranges, size_t n_ranges, uint32_t tries,
                               struct trivet_candidates *out, struct trivet_error *err)
{
    static Trivet__V1__SearchSpec search;
    static Trivet__V1__SearchRange *list[4];
    trivet__v1__search_spec__init(&search);
    search.method = method;
    search.tries = tries;
    for (size_t r = 0; r < n_ranges; r++) {
        list[r] = &ranges[r].message;
    }
    search.ranges = list;
    search.n_ranges = n_ranges;
    return trivet_candidates_make(&spec->spec, &search, &data.schema, ROWS, 1, data.arena, out,
                                  err);
}

static const char *const alphas[] = {"0.1", "10", "1000"};
static const char *const intercepts[] = {"true", "false"};

static void grids_have_every_combination(void **state)
{
    (void)state;
    struct fixture_spec spec;
    struct range ranges[2];
    struct trivet_candidates candidates = {0};
    struct trivet_error err = {0};
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_parameter(&spec, "penalty", "l2");
    make_range(&ranges[0], "alpha", alphas, 3);
    make_range(&ranges[1], "fit_intercept", intercepts, 2);
    assert_int_equal(
        make(&spec, TRIVET__V1__SEARCH_METHOD__SEARCH_METHOD_GRID, ranges, 2, 0, &candidates, &err),
        TRIVET_OK);
    assert_int_equal(candidates.n_candidates, 6);
    for (size_t c = 0; c < 6; c++) {
        const struct trivet_candidate *candidate = &candidates.list[c];
        assert_int_equal(candidate->n_parameters, 2);
        /* What the base has is kept beside. */
        assert_int_equal(candidate->spec->n_parameters, 3);
        for (size_t other = 0; other < c; other++) {
            const struct trivet_candidate *before = &candidates.list[other];
            assert_true(strcmp(before->parameters[0]->value, candidate->parameters[0]->value) !=
                            0 ||
                        strcmp(before->parameters[1]->value, candidate->parameters[1]->value) != 0);
        }
    }
    assert_int_equal(spec.spec.n_parameters, 1);
}

static void draws_do_not_repeat(void **state)
{
    (void)state;
    struct fixture_spec spec;
    struct range range;
    struct trivet_candidates candidates = {0};
    struct trivet_error err = {0};
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_parameter(&spec, "penalty", "l2");
    make_range(&range, "alpha", alphas, 3);
    assert_int_equal(make(&spec, TRIVET__V1__SEARCH_METHOD__SEARCH_METHOD_RANDOM, &range, 1, 50,
                          &candidates, &err),
                     TRIVET_OK);
    assert_int_equal(candidates.n_candidates, 3);
    range.message.n_values = 0;
    range.message.low = 1e-3;
    range.message.high = 1e3;
    range.message.log_scale = true;
    assert_int_equal(make(&spec, TRIVET__V1__SEARCH_METHOD__SEARCH_METHOD_RANDOM, &range, 1, 50,
                          &candidates, &err),
                     TRIVET_OK);
    assert_int_equal(candidates.n_candidates, 50);
    size_t n_small = 0;
    for (size_t c = 0; c < 50; c++) {
        double value = 0.0;
        const char *text = candidates.list[c].parameters[0]->value;
        assert_true(trivet_text_parse_double(text, strlen(text), &value));
        assert_true(value >= 1e-3 && value <= 1e3);
        n_small += value < 1.0 ? 1 : 0;
    }
    assert_true(n_small > 10 && n_small < 40); /* half of the decades are below 1 */
}

static void wrong_ranges_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        const char *words;
    } wrong[] = {
        {"alhpa", "1", "alpha"},
        {"alpha", "-1", "cannot be '-1'"},
        {"pca.n_components", "1", "names no such transformer"},
        {"standard_scaler.nope", "1", "with_mean"},
    };
    for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
        struct fixture_spec spec;
        struct range range;
        struct trivet_candidates candidates = {0};
        struct trivet_error err = {0};
        fixture_spec_init(&spec, "y", "linear_regression");
        fixture_spec_step(&spec, "standard_scaler", NULL, NULL, NULL);
        make_range(&range, wrong[k].name, &wrong[k].value, 1);
        assert_int_equal(make(&spec, TRIVET__V1__SEARCH_METHOD__SEARCH_METHOD_GRID, &range, 1, 0,
                              &candidates, &err),
                         TRIVET_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, wrong[k].words));
    }
}

static struct trivet_search_plan plan_of(const struct trivet_splitter *splitter)
{
    return (struct trivet_search_plan){
        .validation = {.schema = &data.schema,
                       .table = &data.table,
                       .rows = data.rows,
                       .n_rows = ROWS,
                       .splitter = splitter,
                       .n_folds = 5,
                       .seed = 2},
        .task = TRIVET_TASK_REGRESSION,
        .metric = "",
    };
}

static void the_best_is_first_and_the_hopeless_is_stopped(void **state)
{
    (void)state;
    static const char *const values[] = {"1", "100000", "2", "x"};
    const struct trivet_splitter splitter = {.kind = TRIVET_SPLIT_SHUFFLED};
    struct fixture_spec spec;
    struct range range;
    struct trivet_candidates candidates = {0};
    struct trivet_search search = {0};
    struct trivet_error err = {0};
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_parameter(&spec, "penalty", "l2");
    make_range(&range, "alpha", values, 3);
    assert_int_equal(
        make(&spec, TRIVET__V1__SEARCH_METHOD__SEARCH_METHOD_GRID, &range, 1, 0, &candidates, &err),
        TRIVET_OK);
    struct trivet_search_plan plan = plan_of(&splitter);
    assert_int_equal(trivet_search_run(&plan, &candidates, data.arena, &search, &err), TRIVET_OK);
    assert_string_equal(search.metric, "r2");
    assert_int_equal(search.n_trials, 3);
    assert_int_equal(search.trials[0].state, TRIVET_TRIAL_FINISHED);
    assert_true(search.trials[0].mean >= search.trials[1].mean);
    assert_int_equal(search.trials[2].state, TRIVET_TRIAL_STOPPED);
    assert_int_equal(search.trials[2].index, 1);
    assert_true(search.trials[2].n_scores >= 2 && search.trials[2].n_scores < 5);
    assert_non_null(strstr(search.reason, "has the best mean r2 of 5 folds"));
    plan.keep_hopeless = true;
    assert_int_equal(trivet_search_run(&plan, &candidates, data.arena, &search, &err), TRIVET_OK);
    assert_int_equal(search.trials[2].n_scores, 5);
    plan.metric = "f1";
    assert_int_equal(trivet_search_run(&plan, &candidates, data.arena, &search, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "rmse"));
}

/* One error of the whole search, before any fit, not one of each combination. */
static void folds_that_cannot_be_made_are_found_once(void **state)
{
    (void)state;
    struct trivet_splitter splitter = {0};
    struct fixture_spec spec;
    struct range range;
    struct trivet_candidates candidates = {0};
    struct trivet_search search = {0};
    struct trivet_error err = {0};
    fixture_spec_init(&spec, "y", "linear_regression");
    make_range(&range, "alpha", alphas, 3);
    assert_int_equal(
        make(&spec, TRIVET__V1__SEARCH_METHOD__SEARCH_METHOD_GRID, &range, 1, 0, &candidates, &err),
        TRIVET_OK);
    assert_int_equal(trivet_splitter_init(TRIVET__V1__SPLIT_KIND__SPLIT_KIND_GROUPED,
                                          TRIVET_TASK_REGRESSION, &data.table, "y", "g", data.rows,
                                          ROWS, &splitter, &err),
                     TRIVET_OK);
    struct trivet_search_plan plan = plan_of(&splitter);
    plan.validation.n_folds = 7;
    assert_int_equal(trivet_search_run(&plan, &candidates, data.arena, &search, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_string_equal(err.message,
                        "7 folds cannot be made of 6 groups; use at most one fold per group");
    trivet_splitter_release(&splitter);
}

static void folds_keep_groups_together(void **state)
{
    (void)state;
    struct trivet_splitter splitter = {0};
    struct trivet_error err = {0};
    uint32_t keys[ROWS];
    uint32_t folds[ROWS];
    assert_int_equal(trivet_splitter_init(TRIVET__V1__SPLIT_KIND__SPLIT_KIND_GROUPED,
                                          TRIVET_TASK_REGRESSION, &data.table, "y", "g", data.rows,
                                          ROWS, &splitter, &err),
                     TRIVET_OK);
    assert_int_equal(splitter.n_keys, 6);
    const struct trivet_split_plan plan = trivet_splitter_plan(&splitter, data.rows, ROWS, 1, keys);
    assert_int_equal(trivet_split_assign_folds(&plan, 3, folds, &err), TRIVET_OK);
    for (size_t i = 6; i < ROWS; i++) {
        assert_int_equal(folds[i], folds[i % 6]);
    }
    trivet_splitter_release(&splitter);
    assert_int_equal(trivet_splitter_init(TRIVET__V1__SPLIT_KIND__SPLIT_KIND_STRATIFIED,
                                          TRIVET_TASK_REGRESSION, &data.table, "y", "", data.rows,
                                          ROWS, &splitter, &err),
                     TRIVET_INVALID_ARGUMENT);
}

static void learning_curves_have_growing_parts(void **state)
{
    (void)state;
    const struct trivet_splitter splitter = {.kind = TRIVET_SPLIT_SHUFFLED};
    struct fixture_spec spec;
    struct trivet_learning_curve curve = {0};
    struct trivet_error err = {0};
    fixture_spec_init(&spec, "y", "linear_regression");
    struct trivet_validation_plan plan = plan_of(&splitter).validation;
    plan.spec = &spec.spec;
    assert_int_equal(trivet_learning_curve_make(&plan, "r2", NULL, NULL, &curve, &err), TRIVET_OK);
    assert_int_equal(curve.n_points, TRIVET_LEARNING_POINTS);
    for (size_t p = 1; p < curve.n_points; p++) {
        assert_true(curve.points[p].n_train > curve.points[p - 1].n_train);
    }
    assert_int_equal(curve.points[curve.n_points - 1].n_train, ROWS * 4 / 5);
    assert_true(curve.points[0].train_mean > curve.points[0].validation_mean);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grids_have_every_combination),
        cmocka_unit_test(draws_do_not_repeat),
        cmocka_unit_test(wrong_ranges_are_refused),
        cmocka_unit_test(the_best_is_first_and_the_hopeless_is_stopped),
        cmocka_unit_test(folds_keep_groups_together),
        cmocka_unit_test(folds_that_cannot_be_made_are_found_once),
        cmocka_unit_test(learning_curves_have_growing_parts),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
