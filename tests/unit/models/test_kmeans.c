/* k-means against KMeans of scikit-learn 1.2. */
#include "trial.h"

#include "base/rng.h"
#include "models/kmeans.h"
#include "support/normal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS      40
#define COLS      3
#define ASKED     3
#define BLOB_ROWS 3000
#define BLOBS     6

static const double asked[ASKED * COLS] = {0.1, -0.3, 1.0, 5.0, -4.0, 0.5, -2.0, 1.0, 3.0};

/* i = np.arange(40); X = np.c_[(i * 7) % 11 / 5 - 1 + (i % 3) * 3,
 *                              (i * 5) % 13 / 6 - 1 - (i % 4) * 2, (i * 3) % 7 / 4] */
static const double *rows(void)
{
    static double x[ROWS * COLS];
    for (size_t i = 0; i < ROWS; i++) {
        x[i * COLS] = (double)((i * 7) % 11) / 5.0 - 1.0 + (double)(i % 3) * 3.0;
        x[i * COLS + 1] = (double)((i * 5) % 13) / 6.0 - 1.0 - (double)(i % 4) * 2.0;
        x[i * COLS + 2] = (double)((i * 3) % 7) / 4.0;
    }
    return x;
}

/* Six blobs of 500 rows, 8 apart, of deviation 1. */
static double *blobs(void)
{
    static double x[BLOB_ROWS * COLS];
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 1);
    for (size_t i = 0; i < BLOB_ROWS; i++) {
        for (size_t j = 0; j < COLS; j++) {
            x[i * COLS + j] = 8.0 * (double)(i % BLOBS == j ? 1 : 0) -
                              8.0 * (double)(i % BLOBS == j + COLS ? 1 : 0) + normal_next(&rng);
        }
    }
    return x;
}

/* KMeans(n_clusters, init=X[:n_clusters], n_init=1, algorithm='lloyd', …).fit(X): n_iter_, inertia_
 * and transform(asked). */
static void check(const char *settings, size_t k, uint64_t n_iterations, double inertia,
                  const double *distances)
{
    struct trial trial;
    double out[ASKED * 4];
    double again[ASKED * 4];
    char text[128];
    snprintf(text, sizeof text, "init=first_k n_clusters=%zu %s", k, settings);
    trial_make(&trial, &trivet_kmeans_ops, text, rows(), ROWS, COLS, NULL, 0);
    trial_fit_or_fail(&trial);
    assert_int_equal(trial.report.iterations, n_iterations);
    trial_close(trial_fact(&trial, "inertia"), inertia, 1e-11 * inertia);
    assert_int_equal(trial.ops->output_kind(trial.state), TRIVET_OUTPUT_DISTANCES);
    assert_int_equal(trial.ops->n_outputs(trial.state), k);
    trial_predict(&trial, asked, ASKED, out);
    trial_near(out, distances, ASKED * k, 1e-12);
    trial_reload(&trial);
    trial_predict(&trial, asked, ASKED, again);
    assert_memory_equal(out, again, ASKED * k * sizeof(double));
    trial_free(&trial);
}

static void from_given_starts(void **state)
{
    (void)state;
    static const double four[] = {1.2713849743828265, 4.02854398842394,  7.111898345699342,
                                  5.447495856915462,  5.732148887127543, 3.022554107593996,
                                  1.0512012202651628, 3.69186643552794,  3.8854111433780623,
                                  6.740610753732434,  9.847608561262847, 7.810668629793768};
    static const double stopped[] = {1.2713849743828265, 4.02854398842394,  6.957657851445253,
                                     5.444381455921851,  5.732148887127543, 3.022554107593996,
                                     0.8481368469245507, 3.915046070467375, 3.8854111433780623,
                                     6.740610753732434,  9.698848872131396, 7.7536008715062685};
    static const double one[] = {3.939830461136621, 2.2979369143864683, 6.751982232093032};
    check("", 4, 4, 123.88072839506171, four);
    check("tol=0", 4, 4, 123.88072839506171, four);
    check("tol=0.2", 4, 3, 123.88072839506171, four);
    check("max_iter=2", 4, 2, 124.9640798696845, stopped);
    check("", 1, 2, 464.2519375, one);
}

/* Two of the first three rows are equal: the second's cluster loses them, and takes the row that is
 * farthest away. */
static void empty_cluster(void **state)
{
    (void)state;
    static const double x[] = {0, 0, 0, 0, 1, 0, 0, 1, 10, 0, 11, 0, 0, 30};
    struct trial trial;
    double out[7 * 3];
    trial_make(&trial, &trivet_kmeans_ops, "init=first_k n_clusters=3", x, 7, 2, NULL, 0);
    trial_fit_or_fail(&trial);
    trial_close(trial_fact(&trial, "inertia"), 2.0, 1e-12);
    assert_int_equal(trial.report.iterations, 3);
    assert_int_equal(trial.report.n_warnings, 0);
    trial_predict(&trial, x, 7, out);
    trial_close(out[18 + 1], 0.0, 1e-14);    /* centre 1 is (0, 30) */
    trial_close(out[12 + 2], 0.5, 1e-12);    /* centre 2 is (10.5, 0) */
    trial_close(out[0], sqrt(0.125), 1e-12); /* centre 0 is (0.25, 0.25) */
    trial_free(&trial);
}

static double inertia_of(const char *settings, unsigned n_threads, double *out)
{
    struct trial trial;
    trial_make(&trial, &trivet_kmeans_ops, settings, blobs(), BLOB_ROWS, COLS, NULL, 0);
    trial.context.n_threads = n_threads;
    trial_fit_or_fail(&trial);
    assert_true(trial.report.converged);
    double inertia = trial_fact(&trial, "inertia");
    trial_predict(&trial, blobs(), 64, out);
    trial_free(&trial);
    return inertia;
}

/* Every start but the poorest finds the blobs; the same threads give the same bits. */
static void starts_and_threads(void **state)
{
    (void)state;
    double first[64 * BLOBS];
    double second[64 * BLOBS];
    double expected = inertia_of("n_clusters=6", 1, first);
    assert_true(expected > 2.8 * BLOB_ROWS && expected < 3.2 * BLOB_ROWS);
    assert_true(inertia_of("n_clusters=6", 1, second) == expected);
    assert_memory_equal(first, second, sizeof first);
    double threaded = inertia_of("n_clusters=6", 3, first);
    trial_close(threaded, expected, 1e-9 * expected);
    assert_true(inertia_of("n_clusters=6", 3, second) == threaded);
    assert_memory_equal(first, second, sizeof first);
    trial_close(inertia_of("n_clusters=6 init=random n_init=40", 2, first), expected,
                1e-9 * expected);
    /* More runs than go on together: 512 / 200 at a time. */
    assert_true(inertia_of("n_clusters=200 n_init=7", 2, (double[64 * 200]){0}) < expected / 4.0);
}

static void equal_rows(void **state)
{
    (void)state;
    double x[ROWS];
    double out[ROWS * 5];
    struct trial trial;
    for (size_t i = 0; i < ROWS; i++) {
        x[i] = i % 3 == 0 ? 1e6 : (i % 3 == 1 ? 1e6 + 1.0 : 1e6 - 2.0);
    }
    for (size_t init = 0; init < 3; init++) {
        static const char *const settings[] = {"n_clusters=5", "n_clusters=5 init=random",
                                               "n_clusters=5 init=first_k"};
        trial_make(&trial, &trivet_kmeans_ops, settings[init], x, ROWS, 1, NULL, 0);
        trial_fit_or_fail(&trial);
        assert_true(trial_warned(&trial, "only 3 of 5 clusters have rows"));
        trial_close(trial_fact(&trial, "inertia"), 0.0, 1e-12);
        trial_predict(&trial, x, ROWS, out);
        for (size_t i = 0; i < ROWS * 5; i++) {
            assert_true(isfinite(out[i]) && out[i] >= 0.0);
        }
        trial_free(&trial);
    }
}

static bool stop_later(void *ctx, double fraction)
{
    double *last = ctx;
    assert_true(fraction >= *last && fraction <= 1.0);
    *last = fraction;
    return fraction < 0.1;
}

static void refusals_and_warnings(void **state)
{
    (void)state;
    struct trial trial;
    double last = 0.0;
    trial_refuses(&trivet_kmeans_ops, "init=kmeans", "k-means++, random, first_k");
    trial_refuses(&trivet_kmeans_ops, "n_clusters=0", "n_clusters");
    trial_make(&trial, &trivet_kmeans_ops, "n_clusters=41", rows(), ROWS, COLS, NULL, 0);
    assert_int_equal(trial_fit(&trial), TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(trial.err.message, "n_clusters=41 is more than the 40 training rows"));
    trial_free(&trial);
    trial_make(&trial, &trivet_kmeans_ops, "max_iter=1 n_init=2", rows(), ROWS, COLS, NULL, 0);
    trial_fit_or_fail(&trial);
    assert_true(!trial.report.converged && trial_warned(&trial, "raise max_iter"));
    trial_free(&trial);
    trial_make(&trial, &trivet_kmeans_ops, "tol=0", rows(), ROWS, COLS, NULL, 0);
    trial.context.progress = stop_later;
    trial.context.progress_ctx = &last;
    assert_int_equal(trial_fit(&trial), TRIVET_CANCELLED);
    assert_true(last >= 0.1);
    trial_free(&trial);
}

/* As many clusters as rows: each row is a centre, at distance 0 and not of rounding. */
static void each_row_its_own(void **state)
{
    (void)state;
    double out[ROWS * ROWS];
    struct trial trial;
    trial_make(&trial, &trivet_kmeans_ops, "init=first_k n_clusters=40", rows(), ROWS, COLS, NULL,
               0);
    trial_fit_or_fail(&trial);
    trial_predict(&trial, rows(), ROWS, out);
    for (size_t i = 0; i < ROWS; i++) {
        assert_true(out[i * ROWS + i] < 1e-14);
    }
    trial_free(&trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_given_starts),  cmocka_unit_test(empty_cluster),
        cmocka_unit_test(starts_and_threads), cmocka_unit_test(equal_rows),
        cmocka_unit_test(each_row_its_own),   cmocka_unit_test(refusals_and_warnings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
