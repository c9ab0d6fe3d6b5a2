#include "support.h"

#include "base/alloc.h"
#include "data/split.h"

#include <math.h>

static struct trivet_error err;

enum { N = 1000 };

static void fill(size_t *rows, size_t n_rows)
{
    for (size_t i = 0; i < n_rows; i++) {
        rows[i] = 10 * i;
    }
}

static void parts_are_sorted_and_complete(void **state)
{
    (void)state;
    size_t rows[N];
    size_t n_train = 0;
    fill(rows, N);
    assert_ok(trivet_split_train_test(rows, N, 0.2, 42, &n_train, &err));
    assert_int_equal(n_train, 800);
    bool seen[N] = {false};
    for (size_t i = 0; i < N; i++) {
        assert_false(seen[rows[i] / 10]);
        seen[rows[i] / 10] = true;
        assert_true(i == 0 || i == n_train || rows[i - 1] < rows[i]);
    }
    /* Shuffled: the test rows are not simply the last ones. */
    assert_true(rows[n_train] < 10 * 100);
}

static void the_seed_decides(void **state)
{
    (void)state;
    size_t a[N];
    size_t b[N];
    size_t c[N];
    size_t n_train = 0;
    fill(a, N);
    fill(b, N);
    fill(c, N);
    assert_ok(trivet_split_train_test(a, N, 0.25, 7, &n_train, &err));
    assert_ok(trivet_split_train_test(b, N, 0.25, 7, &n_train, &err));
    assert_ok(trivet_split_train_test(c, N, 0.25, 8, &n_train, &err));
    assert_memory_equal(a, b, sizeof(a));
    assert_memory_not_equal(a, c, sizeof(a));
    /* The same on every machine, for ever: a stored seed must give the stored split. */
    size_t few[10];
    fill(few, 10);
    assert_ok(trivet_split_train_test(few, 10, 0.3, 1, &n_train, &err));
    static const size_t wanted[10] = {0, 10, 20, 30, 50, 60, 90, 40, 70, 80};
    assert_int_equal(n_train, 7);
    assert_memory_equal(few, wanted, sizeof(wanted));
}

/* [n - math.ceil(t * n) for n, t in …], as sklearn.model_selection counts. */
static void sizes_are_counted_as_in_scikit_learn(void **state)
{
    (void)state;
    static const struct {
        size_t n_rows;
        double test_size;
        size_t n_train;
    } cases[] = {{10, 0.25, 7}, {10, 0.2, 8},    {100, 0.07, 92}, {3, 0.1, 2},
                 {2, 0.5, 1},   {442, 0.2, 353}, {1, 0.0, 1},     {7, 0.0, 7}};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(cases); i++) {
        size_t rows[N];
        size_t n_train = 0;
        fill(rows, cases[i].n_rows);
        assert_ok(
            trivet_split_train_test(rows, cases[i].n_rows, cases[i].test_size, 3, &n_train, &err));
        assert_int_equal(n_train, cases[i].n_train);
    }
}

static void bad_splits_are_refused(void **state)
{
    (void)state;
    size_t rows[4] = {3, 2, 1, 0};
    size_t n_train = 99;
    assert_refused(trivet_split_train_test(rows, 4, 1.0, 1, &n_train, &err),
                   TRIVET_INVALID_ARGUMENT, "must be in [0, 1)");
    assert_refused(trivet_split_train_test(rows, 4, -0.1, 1, &n_train, &err),
                   TRIVET_INVALID_ARGUMENT, "must be in [0, 1)");
    assert_refused(trivet_split_train_test(rows, 4, (double)NAN, 1, &n_train, &err),
                   TRIVET_INVALID_ARGUMENT, "must be in [0, 1)");
    assert_refused(trivet_split_train_test(rows, 0, 0.2, 1, &n_train, &err),
                   TRIVET_INVALID_ARGUMENT, "no rows");
    assert_refused(trivet_split_train_test(rows, 1, 0.2, 1, &n_train, &err),
                   TRIVET_INVALID_ARGUMENT, "leaves none of 1 rows");
    assert_refused(trivet_split_train_test(rows, 4, 0.9, 1, &n_train, &err),
                   TRIVET_INVALID_ARGUMENT, "leaves none of 4 rows");
    assert_int_equal(n_train, 99);
    assert_int_equal(rows[0], 3);
}

static void folds_are_even(void **state)
{
    (void)state;
    static uint32_t folds[N];
    static uint32_t again[N];
    static const size_t counts[] = {2, 3, 5, 7, 999, N};
    for (size_t c = 0; c < TRIVET_ARRAY_COUNT(counts); c++) {
        size_t sizes[N] = {0};
        assert_ok(trivet_split_folds(N, counts[c], 5, folds, &err));
        assert_ok(trivet_split_folds(N, counts[c], 5, again, &err));
        assert_memory_equal(folds, again, sizeof(folds));
        for (size_t i = 0; i < N; i++) {
            assert_true(folds[i] < counts[c]);
            sizes[folds[i]]++;
        }
        for (size_t i = 0; i < counts[c]; i++) {
            assert_true(sizes[i] == N / counts[c] || sizes[i] == N / counts[c] + 1);
        }
    }
    assert_ok(trivet_split_folds(N, 5, 6, again, &err));
    assert_ok(trivet_split_folds(N, 5, 5, folds, &err));
    assert_memory_not_equal(folds, again, sizeof(folds));
}

static void bad_folds_are_refused(void **state)
{
    (void)state;
    uint32_t folds[3] = {9, 9, 9};
    assert_refused(trivet_split_folds(3, 1, 1, folds, &err), TRIVET_INVALID_ARGUMENT, "1 folds");
    assert_refused(trivet_split_folds(3, 4, 1, folds, &err), TRIVET_INVALID_ARGUMENT,
                   "4 folds of 3 rows");
    assert_refused(trivet_split_folds(0, 2, 1, folds, &err), TRIVET_INVALID_ARGUMENT,
                   "2 folds of 0 rows");
    trivet_alloc_fail_at(1);
    enum trivet_status status = trivet_split_folds(3, 3, 1, folds, &err);
    trivet_alloc_fail_at(0);
    assert_int_equal(status, TRIVET_RESOURCE_EXHAUSTED);
    assert_int_equal(folds[0], 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_sorted_and_complete),
        cmocka_unit_test(the_seed_decides),
        cmocka_unit_test(sizes_are_counted_as_in_scikit_learn),
        cmocka_unit_test(bad_splits_are_refused),
        cmocka_unit_test(folds_are_even),
        cmocka_unit_test(bad_folds_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
