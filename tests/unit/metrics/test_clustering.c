/* Clusterings against scikit-learn 1.2: silhouette_score, calinski_harabasz_score,
 * davies_bouldin_score, adjusted_rand_score. */
#include "metrics/clustering.h"

#include "base/alloc.h"
#include "base/compiler.h"
#include "base/rng.h"
#include "metrics/catalog.h"
#include "support.h"

static struct trivet_error err;

enum { N = 11, P = 2, K = 5 };

/* Cluster 3 has no rows, cluster 4 has one. */
static const double x[N * P] = {0, 0,  1,  0, 0, 2, 8, 8, 9, 8,  8,
                                7, 10, 10, 0, 9, 1, 8, 5, 4, 20, -3};
static const uint32_t labels[N] = {0, 0, 0, 1, 1, 1, 1, 2, 2, 0, 4};
static const double centres[K * P] = {1, 1, 9, 8, 0, 8, 0, 0, 20, -3.5};
#define SILHOUETTE_VALUE 0.5849137572309724
#define CALINSKI_VALUE   34.8837691988377
#define DAVIES_VALUE     0.34135933800682383

static struct trivet_clustering clustering_of(const double *of, const uint32_t *clusters,
                                              size_t n_rows)
{
    return (struct trivet_clustering){
        .x = of, .n_rows = n_rows, .n_cols = P, .labels = clusters, .n_clusters = K};
}

static void as_scikit_learn(void **state)
{
    (void)state;
    /* Inertia: ((X - C[labels]) ** 2).sum() */
    static const double wanted[TRIVET_CLUSTERING_METRICS] = {40.25, SILHOUETTE_VALUE,
                                                             CALINSKI_VALUE, DAVIES_VALUE};
    static const char *const names[] = {"inertia", "silhouette", "calinski_harabasz",
                                        "davies_bouldin"};
    struct trivet_metric out[TRIVET_CLUSTERING_METRICS];
    const struct trivet_clustering clustering = clustering_of(x, labels, N);
    assert_int_equal(trivet_metrics_clustering(&clustering, centres, N, 0, out, &err), TRIVET_OK);
    for (size_t m = 0; m < TRIVET_CLUSTERING_METRICS; m++) {
        assert_metric(&out[m], names[m], wanted[m]);
        assert_int_equal(trivet_metric_info_find(names[m])->task, TRIVET_METRIC_CLUSTERING);
    }
}

/* An offset of the data changes nothing: these coordinates are exact. */
static void a_large_offset_costs_no_digits(void **state)
{
    (void)state;
    double moved[N * P];
    struct trivet_metric out[TRIVET_CLUSTERING_METRICS];
    for (size_t i = 0; i < N * P; i++) {
        moved[i] = x[i] + 1e9;
    }
    const struct trivet_clustering clustering = clustering_of(moved, labels, N);
    assert_int_equal(trivet_metrics_clustering(&clustering, centres, N, 0, out, &err), TRIVET_OK);
    assert_metric(&out[1], "silhouette", SILHOUETTE_VALUE);
    assert_metric(&out[2], "calinski_harabasz", CALINSKI_VALUE);
    assert_metric(&out[3], "davies_bouldin", DAVIES_VALUE);
}

static void too_few_or_too_many_clusters_define_nothing(void **state)
{
    (void)state;
    static const uint32_t one[] = {2, 2, 2, 2};
    static const uint32_t each[] = {0, 1, 2, 3};
    const uint32_t *const cases[] = {one, each, one};
    static const size_t n_rows[] = {4, 4, 0};
    for (size_t c = 0; c < TRIVET_ARRAY_COUNT(cases); c++) {
        struct trivet_metric out[TRIVET_CLUSTERING_METRICS];
        const struct trivet_clustering clustering = clustering_of(x, cases[c], n_rows[c]);
        assert_int_equal(trivet_metrics_clustering(&clustering, centres, N, 0, out, &err),
                         TRIVET_OK);
        assert_int_equal(out[0].defined, n_rows[c] > 0);
        assert_undefined(&out[1], "silhouette");
        assert_undefined(&out[2], "calinski_harabasz");
        assert_undefined(&out[3], "davies_bouldin");
    }
}

/* All rows of a cluster alike: silhouette_score, calinski_harabasz_score and davies_bouldin_score
 * give 1, 1 and 0; of clusters that lie on each other 0, 1 and 0. */
static void clusters_of_one_point(void **state)
{
    (void)state;
    static const double apart[] = {1, 2, 1, 2, 5, 6, 5, 6};
    static const double together[] = {1, 2, 1, 2, 1, 2, 1, 2};
    static const uint32_t pairs[] = {0, 0, 1, 1};
    struct trivet_metric out[TRIVET_CLUSTERING_METRICS];
    struct trivet_clustering clustering = clustering_of(apart, pairs, 4);
    assert_int_equal(trivet_metrics_clustering(&clustering, centres, N, 0, out, &err), TRIVET_OK);
    assert_metric(&out[1], "silhouette", 1.0);
    assert_metric(&out[2], "calinski_harabasz", 1.0);
    assert_metric(&out[3], "davies_bouldin", 0.0);
    clustering.x = together;
    assert_int_equal(trivet_metrics_clustering(&clustering, centres, N, 0, out, &err), TRIVET_OK);
    assert_metric(&out[1], "silhouette", 0.0);
    assert_metric(&out[2], "calinski_harabasz", 1.0);
    assert_metric(&out[3], "davies_bouldin", 0.0);
}

enum { MANY = 2000, COLS = 5 };

static void a_sample_is_near_and_seeded(void **state)
{
    (void)state;
    static double many[MANY * COLS];
    static uint32_t of[MANY];
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 5);
    for (size_t i = 0; i < MANY; i++) {
        of[i] = (uint32_t)(i % 3);
        for (size_t j = 0; j < COLS; j++) {
            many[i * COLS + j] = trivet_rng_uniform(&rng) + (j == of[i] ? 1.0 : 0.0);
        }
    }
    const struct trivet_clustering clustering = {
        .x = many, .n_rows = MANY, .n_cols = COLS, .labels = of, .n_clusters = 3};
    struct trivet_metric exact;
    struct trivet_metric sampled[3];
    static const uint64_t seeds[3] = {1, 1, 2};
    assert_int_equal(trivet_metrics_silhouette(&clustering, MANY, 1, &exact, &err), TRIVET_OK);
    for (size_t s = 0; s < 3; s++) {
        assert_int_equal(trivet_metrics_silhouette(&clustering, 400, seeds[s], &sampled[s], &err),
                         TRIVET_OK);
        assert_true(sampled[s].defined);
        assert_true(sampled[s].value != exact.value);
        assert_true(fabs(sampled[s].value - exact.value) < 0.02);
    }
    assert_true(sampled[0].value == sampled[1].value);
    assert_true(sampled[0].value != sampled[2].value);
    /* Two rows cannot have two clusters and fewer clusters than rows. */
    assert_int_equal(trivet_metrics_silhouette(&clustering, 2, 1, &exact, &err), TRIVET_OK);
    assert_undefined(&exact, "silhouette");
}

static double rand_of(const uint32_t *truth, const uint32_t *clusters, size_t n_rows)
{
    struct trivet_metric out;
    assert_int_equal(trivet_metrics_adjusted_rand(truth, 5, clusters, 5, n_rows, &out, &err),
                     TRIVET_OK);
    assert_string_equal(out.name, "adjusted_rand");
    assert_true(out.defined);
    return out.value;
}

static void the_adjusted_rand_index(void **state)
{
    (void)state;
    static const uint32_t truth[N] = {0, 0, 0, 1, 1, 1, 2, 2, 2, 1, 0};
    static const uint32_t renamed[N] = {4, 4, 4, 0, 0, 0, 3, 3, 3, 0, 4};
    static const uint32_t one[N] = {0};
    assert_near(rand_of(truth, labels, N), 0.33043478260869563);
    assert_near(rand_of(truth, renamed, N), 1.0);
    assert_near(rand_of(truth, one, N), 0.0);
    assert_near(rand_of(one, one, N), 1.0);
    assert_near(rand_of((const uint32_t[]){0, 0, 1, 1}, (const uint32_t[]){0, 1, 0, 1}, 4), -0.5);
    struct trivet_metric out;
    assert_int_equal(trivet_metrics_adjusted_rand(truth, 5, labels, 5, 0, &out, &err), TRIVET_OK);
    assert_undefined(&out, "adjusted_rand");
}

static void without_memory(void **state)
{
    (void)state;
    struct trivet_metric out[TRIVET_CLUSTERING_METRICS] = {{.name = "kept"}};
    const struct trivet_clustering clustering = clustering_of(x, labels, N);
    for (uint64_t fault = 1; fault <= 6; fault++) {
        trivet_alloc_fail_at(fault);
        enum trivet_status status =
            trivet_metrics_clustering(&clustering, centres, N, 0, out, &err);
        trivet_alloc_fail_at(0);
        assert_int_equal(status, TRIVET_RESOURCE_EXHAUSTED);
        assert_string_equal(out[0].name, "kept");
    }
    for (uint64_t fault = 1; fault <= 3; fault++) {
        trivet_alloc_fail_at(fault);
        enum trivet_status status =
            trivet_metrics_adjusted_rand(labels, K, labels, K, N, out, &err);
        trivet_alloc_fail_at(0);
        assert_int_equal(status, TRIVET_RESOURCE_EXHAUSTED);
        assert_string_equal(out[0].name, "kept");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_scikit_learn),
        cmocka_unit_test(a_large_offset_costs_no_digits),
        cmocka_unit_test(too_few_or_too_many_clusters_define_nothing),
        cmocka_unit_test(clusters_of_one_point),
        cmocka_unit_test(a_sample_is_near_and_seeded),
        cmocka_unit_test(the_adjusted_rand_index),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
