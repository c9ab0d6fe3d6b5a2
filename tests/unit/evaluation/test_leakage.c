/* Selection belongs inside the folds: on pure noise with thousands of columns it then scores what
 * chance does. Made before, on all rows, it has seen the rows that it is tested on, and scores
 * high; that shows that the test would see a leak. */
#include "evaluation/cross_validate.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "base/text.h"
#include "support/normal.h"
#include "unit/models/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS    100
#define COLUMNS 3000
#define KEPT    "10"

struct noise {
    double numbers[COLUMNS + 1][ROWS];
    char names[COLUMNS + 1][8];
    struct trivet_column columns[COLUMNS + 1];
    struct trivet_table table;
};

static struct noise *make_noise(void)
{
    struct noise *noise = trivet_calloc(1, sizeof *noise);
    struct trivet_rng rng;
    assert_non_null(noise);
    trivet_rng_seed(&rng, 11);
    for (size_t j = 0; j <= COLUMNS; j++) {
        for (size_t i = 0; i < ROWS; i++) {
            noise->numbers[j][i] = normal_next(&rng);
        }
        trivet_text_format(noise->names[j], sizeof noise->names[j], "n%zu", j);
        noise->columns[j] = fixture_numbers(noise->names[j], noise->numbers[j]);
    }
    noise->columns[COLUMNS].name = "y";
    noise->table = (struct trivet_table){ROWS, COLUMNS + 1, noise->columns};
    return noise;
}

static double cross_validated_r2(const struct fixture_spec *spec, const struct trivet_table *table)
{
    struct trivet_error err = {0};
    double r2 = -1e9;
    static size_t rows[ROWS];
    struct trivet_schema schema = fixture_schema(table);
    struct trivet_cross_validation *cv = trivet_calloc(1, sizeof *cv);
    struct trivet_arena *arena = trivet_arena_create((size_t)1 << 30, 0);
    const struct trivet_splitter splitter = {.kind = TRIVET_SPLIT_SHUFFLED};
    assert_true(cv != NULL && arena != NULL && table->n_rows == ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        rows[i] = i;
    }
    const struct trivet_validation_plan plan = {.spec = &spec->spec,
                                                .schema = &schema,
                                                .table = table,
                                                .rows = rows,
                                                .n_rows = ROWS,
                                                .splitter = &splitter,
                                                .n_folds = 5,
                                                .seed = 3};
    if (trivet_cross_validate(&plan, arena, cv, &err) != TRIVET_OK) {
        fail_msg("%s", err.message);
    }
    for (size_t k = 0; k < cv->n_metrics; k++) {
        r2 = strcmp(cv->mean[k].name, "r2") == 0 ? cv->mean[k].value : r2;
    }
    assert_true(r2 > -1e9);
    trivet_free(cv);
    trivet_arena_free(arena);
    trivet_schema_release(&schema);
    return r2;
}

static void selection_inside_the_folds(void **state)
{
    (void)state;
    struct noise *noise = make_noise();
    struct fixture_spec spec;
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "select_k_best", "k", KEPT, NULL);
    double inside = cross_validated_r2(&spec, &noise->table);

    /* The fault: the columns are chosen on all rows first. */
    char *chosen[16];
    struct fixture_spec leaking;
    struct trivet_pipeline *selected = fixture_fit(&spec, &noise->table);
    size_t n = trivet_pipeline_n_features(selected);
    fixture_spec_init(&leaking, "y", "linear_regression");
    assert_true(n <= 16);
    for (size_t k = 0; k < n; k++) {
        chosen[k] = trivet_strdup(trivet_pipeline_feature_name(selected, k));
        assert_non_null(chosen[k]);
    }
    leaking.spec.columns = chosen;
    leaking.spec.n_columns = n;
    double outside = cross_validated_r2(&leaking, &noise->table);
    print_message("r2 of noise: %.3f with selection inside the folds, %.3f before them\n", inside,
                  outside);
    assert_true(inside < 0.05);
    assert_true(outside > 0.4);
    for (size_t k = 0; k < n; k++) {
        trivet_free(chosen[k]);
    }
    trivet_pipeline_free(selected);
    trivet_free(noise);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selection_inside_the_folds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
