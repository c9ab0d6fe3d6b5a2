/* Stratified, grouped and time-ordered splits: what each kind promises, over many shapes. */
#include "support.h"

#include "base/alloc.h"
#include "base/compiler.h"
#include "base/rng.h"
#include "data/split.h"

#include <math.h>

static struct trivet_error err;

enum { N = 600, KEYS_MAX = 40 };

static uint32_t keys[N];
static double times[N];

/* Keys of very uneven frequency, in no order; the last key has no row. */
static struct trivet_split_plan plan_of(enum trivet_split_kind kind, size_t n_rows, size_t n_keys,
                                        uint64_t seed)
{
    struct trivet_rng rng;
    trivet_rng_seed(&rng, n_rows + 1000 * n_keys);
    for (size_t i = 0; i < n_rows; i++) {
        double u = trivet_rng_uniform(&rng);
        keys[i] = (uint32_t)(u * u * (double)(n_keys - 1));
        times[i] = floor(trivet_rng_uniform(&rng) * 100.0);
    }
    return (struct trivet_split_plan){
        .kind = kind, .n_rows = n_rows, .keys = keys, .n_keys = n_keys, .seed = seed};
}

static void assert_two_parts(const size_t *positions, size_t n_rows, size_t n_train)
{
    bool seen[N] = {false};
    for (size_t i = 0; i < n_rows; i++) {
        assert_true(positions[i] < n_rows && !seen[positions[i]]);
        seen[positions[i]] = true;
        assert_true(i == 0 || i == n_train || positions[i - 1] < positions[i]);
    }
}

static const double test_sizes[] = {0.1, 0.2, 0.25, 0.33, 0.5, 0.8};
static const enum trivet_split_kind kinds[] = {TRIVET_SPLIT_SHUFFLED, TRIVET_SPLIT_STRATIFIED,
                                               TRIVET_SPLIT_GROUPED, TRIVET_SPLIT_TIME};

static void a_shuffled_plan_is_the_shuffled_split(void **state)
{
    (void)state;
    size_t rows[N];
    size_t positions[N];
    size_t n_train = 0;
    size_t n_train_rows = 0;
    for (size_t i = 0; i < N; i++) {
        rows[i] = i;
    }
    struct trivet_split_plan plan = plan_of(TRIVET_SPLIT_SHUFFLED, N, 5, 42);
    assert_ok(trivet_split_holdout(&plan, 0.3, positions, &n_train, &err));
    assert_ok(trivet_split_train_test(rows, N, 0.3, 42, &n_train_rows, &err));
    assert_int_equal(n_train, n_train_rows);
    assert_memory_equal(positions, rows, sizeof(rows));
    uint32_t folds[N];
    uint32_t wanted[N];
    assert_ok(trivet_split_assign_folds(&plan, 7, folds, &err));
    assert_ok(trivet_split_folds(N, 7, 42, wanted, &err));
    assert_memory_equal(folds, wanted, sizeof(folds));
}

static void every_kind_makes_two_parts(void **state)
{
    (void)state;
    for (size_t k = 0; k < TRIVET_ARRAY_COUNT(kinds); k++) {
        for (size_t s = 0; s < TRIVET_ARRAY_COUNT(test_sizes); s++) {
            size_t positions[N];
            size_t n_train = 0;
            struct trivet_split_plan plan = plan_of(kinds[k], N, 9, s);
            assert_ok(trivet_split_holdout(&plan, test_sizes[s], positions, &n_train, &err));
            assert_two_parts(positions, N, n_train);
            if (kinds[k] != TRIVET_SPLIT_GROUPED) {
                assert_int_equal(N - n_train, (size_t)ceil(test_sizes[s] * N));
            }
            assert_ok(trivet_split_holdout(&plan, 0.0, positions, &n_train, &err));
            assert_int_equal(n_train, N);
            assert_two_parts(positions, N, n_train);
        }
    }
}

static void the_seed_decides(void **state)
{
    (void)state;
    for (size_t k = 0; k < TRIVET_ARRAY_COUNT(kinds); k++) {
        size_t parts[3][N];
        uint32_t folds[3][N];
        static const uint64_t seeds[3] = {7, 7, 8};
        for (size_t i = 0; i < 3; i++) {
            size_t n_train = 0;
            struct trivet_split_plan plan = plan_of(kinds[k], N, KEYS_MAX, seeds[i]);
            for (size_t row = 0; row < N; row++) {
                keys[row] = (uint32_t)(row * 7919 % (KEYS_MAX - 1)); /* even: groups may swap */
            }
            assert_ok(trivet_split_holdout(&plan, 0.25, parts[i], &n_train, &err));
            assert_ok(trivet_split_assign_folds(&plan, 5, folds[i], &err));
        }
        assert_memory_equal(parts[0], parts[1], sizeof(parts[0]));
        assert_memory_equal(folds[0], folds[1], sizeof(folds[0]));
        bool same = kinds[k] == TRIVET_SPLIT_TIME;
        assert_int_equal(memcmp(parts[0], parts[2], sizeof(parts[0])) == 0, same);
        assert_int_equal(memcmp(folds[0], folds[2], sizeof(folds[0])) == 0, same);
    }
}

/* The same on every machine, for ever: a stored seed must give the stored split. */
static void splits_are_those_of_the_first_release(void **state)
{
    (void)state;
    static const uint32_t few[10] = {0, 1, 2, 0, 1, 2, 0, 1, 0, 0};
    static const size_t wanted[2][10] = {{0, 2, 4, 6, 7, 8, 9, 1, 3, 5},
                                         {1, 2, 4, 5, 7, 0, 3, 6, 8, 9}};
    static const size_t wanted_train[2] = {7, 5};
    static const uint32_t wanted_folds[2][10] = {{0, 1, 1, 0, 0, 0, 1, 1, 0, 1},
                                                 {0, 1, 1, 0, 1, 1, 0, 1, 0, 0}};
    for (size_t k = 0; k < 2; k++) {
        size_t positions[10];
        uint32_t folds[10];
        size_t n_train = 0;
        const struct trivet_split_plan plan = {
            .kind = kinds[k + 1], .n_rows = 10, .keys = few, .n_keys = 3, .seed = 1};
        assert_ok(trivet_split_holdout(&plan, 0.3, positions, &n_train, &err));
        assert_ok(trivet_split_assign_folds(&plan, 2, folds, &err));
        assert_int_equal(n_train, wanted_train[k]);
        assert_memory_equal(positions, wanted[k], sizeof(positions));
        assert_memory_equal(folds, wanted_folds[k], sizeof(folds));
    }
}

/* Rows of each key among positions[0..count). */
static void count_keys(const size_t *positions, size_t count, size_t counts[KEYS_MAX])
{
    memset(counts, 0, KEYS_MAX * sizeof(*counts));
    for (size_t i = 0; i < count; i++) {
        counts[keys[positions[i]]]++;
    }
}

static void stratified_parts_keep_the_shares(void **state)
{
    (void)state;
    for (size_t n_keys = 2; n_keys < 14; n_keys += 3) {
        for (size_t s = 0; s < TRIVET_ARRAY_COUNT(test_sizes); s++) {
            size_t positions[N];
            size_t n_train = 0;
            size_t all[KEYS_MAX];
            size_t test[KEYS_MAX];
            struct trivet_split_plan plan = plan_of(TRIVET_SPLIT_STRATIFIED, N, n_keys, s);
            assert_ok(trivet_split_holdout(&plan, test_sizes[s], positions, &n_train, &err));
            count_keys(positions, N, all);
            count_keys(positions + n_train, N - n_train, test);
            for (size_t c = 0; c < n_keys; c++) {
                double quota = (double)(N - n_train) * (double)all[c] / N;
                assert_true(fabs((double)test[c] - quota) < 1.0);
                assert_true(all[c] < 2 || (test[c] >= 1 && test[c] < all[c]));
            }
        }
    }
}

static void assert_test_counts(const size_t *sizes, size_t n_keys, double test_size,
                               const size_t *wanted)
{
    size_t n_rows = 0;
    size_t n_train = 0;
    size_t positions[N];
    size_t counts[KEYS_MAX];
    for (size_t c = 0; c < n_keys; c++) {
        for (size_t i = 0; i < sizes[c]; i++) {
            keys[n_rows++] = (uint32_t)c;
        }
    }
    const struct trivet_split_plan plan = {.kind = TRIVET_SPLIT_STRATIFIED,
                                           .n_rows = n_rows,
                                           .keys = keys,
                                           .n_keys = n_keys,
                                           .seed = 3};
    assert_ok(trivet_split_holdout(&plan, test_size, positions, &n_train, &err));
    count_keys(positions + n_train, n_rows - n_train, counts);
    for (size_t c = 0; c < n_keys; c++) {
        assert_int_equal(counts[c], wanted[c]);
    }
}

static void rare_classes_are_in_both_parts(void **state)
{
    (void)state;
    /* As train_test_split(test_size=.1 and .33, stratify=…) counts. */
    assert_test_counts((const size_t[]){50, 30, 20}, 3, 0.1, (const size_t[]){5, 3, 2});
    assert_test_counts((const size_t[]){50, 30, 20}, 3, 0.33, (const size_t[]){16, 10, 7});
    /* A class of two gives one, though its quota is 0.2; a single row is trained on. */
    assert_test_counts((const size_t[]){97, 2, 1}, 3, 0.1, (const size_t[]){9, 1, 0});
    /* And keeps one, though its quota is 1.8. */
    assert_test_counts((const size_t[]){48, 2}, 2, 0.9, (const size_t[]){44, 1});
    /* Twenty small classes, of quota 0.25 each, take from the large ones alike. */
    size_t sizes[22] = {100, 60};
    size_t wanted[22] = {5, 0};
    for (size_t c = 2; c < 22; c++) {
        sizes[c] = 2;
        wanted[c] = 1;
    }
    wanted[0] = 4;
    wanted[1] = 1;
    assert_test_counts(sizes, 22, 0.125, wanted);
}

static void stratified_folds_are_even(void **state)
{
    (void)state;
    for (size_t n_folds = 2; n_folds < 20; n_folds += 3) {
        uint32_t folds[N];
        size_t counts[20][KEYS_MAX] = {{0}};
        size_t sizes[20] = {0};
        size_t all[KEYS_MAX] = {0};
        struct trivet_split_plan plan = plan_of(TRIVET_SPLIT_STRATIFIED, N, 11, n_folds);
        assert_ok(trivet_split_assign_folds(&plan, n_folds, folds, &err));
        for (size_t i = 0; i < N; i++) {
            assert_true(folds[i] < n_folds);
            counts[folds[i]][keys[i]]++;
            sizes[folds[i]]++;
            all[keys[i]]++;
        }
        for (size_t k = 0; k < n_folds; k++) {
            assert_true(sizes[k] == N / n_folds || sizes[k] == N / n_folds + 1);
            for (size_t c = 0; c < 11; c++) {
                size_t least = all[c] / n_folds;
                assert_true(counts[k][c] == least || counts[k][c] == least + 1);
            }
        }
    }
}

static void groups_stay_together(void **state)
{
    (void)state;
    for (size_t s = 0; s < TRIVET_ARRAY_COUNT(test_sizes); s++) {
        size_t positions[N];
        size_t n_train = 0;
        size_t train[KEYS_MAX];
        size_t test[KEYS_MAX];
        struct trivet_split_plan plan = plan_of(TRIVET_SPLIT_GROUPED, N, KEYS_MAX, s);
        assert_ok(trivet_split_holdout(&plan, test_sizes[s], positions, &n_train, &err));
        count_keys(positions, n_train, train);
        count_keys(positions + n_train, N - n_train, test);
        for (size_t g = 0; g < KEYS_MAX; g++) {
            assert_true(train[g] == 0 || test[g] == 0);
        }
        /* Forty groups: within a few rows of what was asked for. */
        assert_true(fabs((double)(N - n_train) - test_sizes[s] * N) <= 12.0);
    }
    for (size_t n_folds = 2; n_folds <= 10; n_folds += 4) {
        uint32_t folds[N];
        uint32_t fold_of_group[KEYS_MAX];
        size_t sizes[10] = {0};
        memset(fold_of_group, 0xff, sizeof(fold_of_group));
        struct trivet_split_plan plan = plan_of(TRIVET_SPLIT_GROUPED, N, KEYS_MAX, n_folds);
        assert_ok(trivet_split_assign_folds(&plan, n_folds, folds, &err));
        for (size_t i = 0; i < N; i++) {
            uint32_t *fold = &fold_of_group[keys[i]];
            assert_true(*fold == UINT32_MAX || *fold == folds[i]);
            *fold = folds[i];
            assert_true(folds[i] < n_folds);
            sizes[folds[i]]++;
        }
        for (size_t k = 0; k < n_folds; k++) {
            assert_true(sizes[k] > 0);
        }
    }
}

static void few_groups(void **state)
{
    (void)state;
    /* One group holds nearly all rows: it is trained on, whatever the seed. */
    uint32_t groups[20] = {0};
    groups[3] = 2;
    groups[4] = 2;
    for (uint64_t seed = 0; seed < 8; seed++) {
        size_t positions[20];
        size_t n_train = 0;
        const struct trivet_split_plan plan = {
            .kind = TRIVET_SPLIT_GROUPED, .n_rows = 20, .keys = groups, .n_keys = 3, .seed = seed};
        assert_ok(trivet_split_holdout(&plan, 0.2, positions, &n_train, &err));
        assert_int_equal(n_train, 18);
        assert_int_equal(positions[18], 3);
        assert_int_equal(positions[19], 4);
        /* Both are far from one row: the smaller one it is. */
        assert_ok(trivet_split_holdout(&plan, 0.01, positions, &n_train, &err));
        assert_int_equal(n_train, 18);
        /* Never all of them. */
        assert_ok(trivet_split_holdout(&plan, 0.95, positions, &n_train, &err));
        assert_true(n_train == 2 || n_train == 18);
    }
}

/* Sizes of groups 9, 7, 7, 5, 4, 3, 3, 2, 1: sizes of the folds of GroupKFold(4). */
static void grouped_folds_balance_as_scikit_learn(void **state)
{
    (void)state;
    static const size_t group_sizes[] = {9, 7, 7, 5, 4, 3, 3, 2, 1};
    size_t n_rows = 0;
    for (size_t g = 0; g < TRIVET_ARRAY_COUNT(group_sizes); g++) {
        for (size_t i = 0; i < group_sizes[g]; i++) {
            keys[n_rows++] = (uint32_t)g;
        }
    }
    uint32_t folds[N];
    size_t sizes[4] = {0};
    const struct trivet_split_plan plan = {
        .kind = TRIVET_SPLIT_GROUPED, .n_rows = n_rows, .keys = keys, .n_keys = 9, .seed = 5};
    assert_ok(trivet_split_assign_folds(&plan, 4, folds, &err));
    for (size_t i = 0; i < n_rows; i++) {
        sizes[folds[i]]++;
    }
    static const size_t wanted[4] = {11, 10, 10, 10};
    assert_memory_equal(sizes, wanted, sizeof(sizes));
}

static void time_parts_are_in_order(void **state)
{
    (void)state;
    size_t positions[N];
    size_t n_train = 0;
    struct trivet_split_plan plan = plan_of(TRIVET_SPLIT_TIME, N, 2, 0);
    assert_ok(trivet_split_holdout(&plan, 0.2, positions, &n_train, &err));
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(positions[i], i);
    }
    assert_int_equal(n_train, 480);
    plan.times = times;
    assert_ok(trivet_split_holdout(&plan, 0.2, positions, &n_train, &err));
    double latest = times[positions[0]];
    for (size_t i = 0; i < n_train; i++) {
        latest = fmax(latest, times[positions[i]]);
    }
    for (size_t i = n_train; i < N; i++) {
        assert_true(times[positions[i]] >= latest);
    }
    assert_two_parts(positions, N, n_train);
}

/* f = np.full(n, -1); for i, (_, test) in enumerate(TimeSeriesSplit(k).split(…)): f[test] = i */
static void time_folds_are_those_of_scikit_learn(void **state)
{
    (void)state;
    static const struct {
        size_t n_rows;
        size_t n_folds;
        int32_t folds[13];
    } cases[] = {{12, 3, {-1, -1, -1, 0, 0, 0, 1, 1, 1, 2, 2, 2}},
                 {13, 3, {-1, -1, -1, -1, 0, 0, 0, 1, 1, 1, 2, 2, 2}},
                 {7, 4, {-1, -1, -1, 0, 1, 2, 3}},
                 {5, 4, {-1, 0, 1, 2, 3}}};
    for (size_t c = 0; c < TRIVET_ARRAY_COUNT(cases); c++) {
        uint32_t folds[13];
        double backwards[13];
        struct trivet_split_plan plan = {.kind = TRIVET_SPLIT_TIME, .n_rows = cases[c].n_rows};
        assert_ok(trivet_split_assign_folds(&plan, cases[c].n_folds, folds, &err));
        for (size_t i = 0; i < plan.n_rows; i++) {
            assert_int_equal(folds[i], (uint32_t)cases[c].folds[i]);
            backwards[i] = -(double)i;
        }
        plan.times = backwards;
        assert_ok(trivet_split_assign_folds(&plan, cases[c].n_folds, folds, &err));
        for (size_t i = 0; i < plan.n_rows; i++) {
            assert_int_equal(folds[plan.n_rows - 1 - i], (uint32_t)cases[c].folds[i]);
        }
    }
}

static void a_fold_trains_on_the_others_or_on_the_past(void **state)
{
    (void)state;
    assert_true(trivet_split_tests(2, 2) && !trivet_split_tests(1, 2));
    assert_false(trivet_split_tests(TRIVET_FOLD_NEVER_TESTED, 2));
    static const enum trivet_split_kind others[] = {TRIVET_SPLIT_SHUFFLED, TRIVET_SPLIT_STRATIFIED,
                                                    TRIVET_SPLIT_GROUPED};
    for (size_t k = 0; k < TRIVET_ARRAY_COUNT(others); k++) {
        assert_true(trivet_split_trains(others[k], 0, 1) && trivet_split_trains(others[k], 2, 1));
        assert_false(trivet_split_trains(others[k], 1, 1));
    }
    assert_true(trivet_split_trains(TRIVET_SPLIT_TIME, TRIVET_FOLD_NEVER_TESTED, 0));
    assert_true(trivet_split_trains(TRIVET_SPLIT_TIME, 0, 1));
    assert_false(trivet_split_trains(TRIVET_SPLIT_TIME, 1, 1));
    assert_false(trivet_split_trains(TRIVET_SPLIT_TIME, 2, 1));
}

static void what_cannot_be_split_is_refused(void **state)
{
    (void)state;
    size_t positions[20] = {77};
    uint32_t folds[20] = {77};
    size_t n_train = 99;
    uint32_t each[20];
    double moments[20] = {0};
    for (uint32_t i = 0; i < 20; i++) {
        each[i] = i / 2;
    }
    struct trivet_split_plan plan = {
        .kind = TRIVET_SPLIT_STRATIFIED, .n_rows = 20, .keys = each, .n_keys = 10, .seed = 1};
    assert_refused(trivet_split_holdout(&plan, 0.2, positions, &n_train, &err),
                   TRIVET_INVALID_ARGUMENT, "4 test rows are too few for one of each of 10");
    assert_refused(trivet_split_holdout(&plan, 0.6, positions, &n_train, &err),
                   TRIVET_INVALID_ARGUMENT, "8 training rows are too few for one of each of 10");
    assert_refused(trivet_split_assign_folds(&plan, 3, folds, &err), TRIVET_INVALID_ARGUMENT,
                   "no class has more than 2 rows");
    plan.kind = TRIVET_SPLIT_GROUPED;
    assert_refused(trivet_split_assign_folds(&plan, 11, folds, &err), TRIVET_INVALID_ARGUMENT,
                   "11 folds cannot be made of 10 groups");
    memset(each, 0, sizeof(each));
    assert_refused(trivet_split_holdout(&plan, 0.2, positions, &n_train, &err),
                   TRIVET_INVALID_ARGUMENT, "all 20 rows are of one group");
    plan.kind = TRIVET_SPLIT_TIME;
    plan.times = moments;
    moments[4] = NAN;
    assert_refused(trivet_split_holdout(&plan, 0.2, positions, &n_train, &err),
                   TRIVET_INVALID_ARGUMENT, "row 5 has no time");
    assert_refused(trivet_split_assign_folds(&plan, 3, folds, &err), TRIVET_INVALID_ARGUMENT,
                   "row 5 has no time");
    assert_refused(trivet_split_assign_folds(&plan, 20, folds, &err), TRIVET_INVALID_ARGUMENT,
                   "need at least 21 rows");
    for (size_t k = 0; k < TRIVET_ARRAY_COUNT(kinds); k++) {
        plan.kind = kinds[k];
        assert_refused(trivet_split_holdout(&plan, 1.0, positions, &n_train, &err),
                       TRIVET_INVALID_ARGUMENT, "must be in [0, 1)");
        assert_refused(trivet_split_assign_folds(&plan, 1, folds, &err), TRIVET_INVALID_ARGUMENT,
                       "1 folds");
        assert_refused(trivet_split_assign_folds(&plan, 21, folds, &err), TRIVET_INVALID_ARGUMENT,
                       "21 folds of 20 rows");
    }
    assert_true(positions[0] == 77 && folds[0] == 77 && n_train == 99);
}

static void without_memory(void **state)
{
    (void)state;
    for (size_t k = 0; k < TRIVET_ARRAY_COUNT(kinds); k++) {
        struct trivet_split_plan plan = plan_of(kinds[k], N, 9, 1);
        enum trivet_status status = TRIVET_UNKNOWN;
        size_t n_failed = 0;
        for (uint64_t fault = 1; status != TRIVET_OK; fault++) {
            size_t positions[N] = {77};
            size_t n_train = 0;
            trivet_alloc_fail_at(fault);
            status = trivet_split_holdout(&plan, 0.2, positions, &n_train, &err);
            trivet_alloc_fail_at(0);
            assert_true(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
            assert_true(status == TRIVET_OK || positions[0] == 77);
            n_failed += status != TRIVET_OK;
        }
        assert_true(n_failed >= 2);
        status = TRIVET_UNKNOWN;
        for (uint64_t fault = 1; status != TRIVET_OK; fault++) {
            uint32_t folds[N] = {77};
            trivet_alloc_fail_at(fault);
            status = trivet_split_assign_folds(&plan, 5, folds, &err);
            trivet_alloc_fail_at(0);
            assert_true(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
            assert_true(status == TRIVET_OK || folds[0] == 77);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shuffled_plan_is_the_shuffled_split),
        cmocka_unit_test(every_kind_makes_two_parts),
        cmocka_unit_test(the_seed_decides),
        cmocka_unit_test(splits_are_those_of_the_first_release),
        cmocka_unit_test(stratified_parts_keep_the_shares),
        cmocka_unit_test(rare_classes_are_in_both_parts),
        cmocka_unit_test(stratified_folds_are_even),
        cmocka_unit_test(groups_stay_together),
        cmocka_unit_test(few_groups),
        cmocka_unit_test(grouped_folds_balance_as_scikit_learn),
        cmocka_unit_test(time_parts_are_in_order),
        cmocka_unit_test(time_folds_are_those_of_scikit_learn),
        cmocka_unit_test(a_fold_trains_on_the_others_or_on_the_past),
        cmocka_unit_test(what_cannot_be_split_is_refused),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
