/* Samples: under the cap always, chosen by hash, and the weights add up to what was offered. */
#include "events/sampler.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CAP 100

/* Offers `n` predictions in one second that begins at `start_ns`. */
static size_t offer_second(struct trivet_sampler *sampler, bool failed, uint64_t n,
                           int64_t start_ns, double *weights)
{
    size_t n_sent = 0;
    for (uint64_t i = 0; i < n; i++) {
        double weight = 0;
        int64_t now_ns = start_ns + (int64_t)(i * (uint64_t)TRIVET_NS_PER_S / n);
        if (trivet_sampler_offer(sampler, "m", 1, failed, trivet_hash_mix64(i + 1), now_ns,
                                 &weight)) {
            n_sent++;
            *weights += weight;
        }
    }
    return n_sent;
}

static void test_below_cap(void **state)
{
    (void)state;
    struct trivet_sampler *sampler = trivet_sampler_create(CAP, 0);
    double weights = 0;
    for (int64_t second = 1; second < 5; second++) {
        assert_int_equal(offer_second(sampler, false, CAP, second * TRIVET_NS_PER_S, &weights),
                         CAP);
    }
    assert_true(weights == 4 * CAP);
    assert_int_equal(trivet_sampler_suppressed(sampler), 0);
    assert_false(trivet_sampler_is_on(sampler, true));
    assert_int_equal(offer_second(sampler, true, CAP, TRIVET_NS_PER_S, &weights), 0);
    trivet_sampler_free(sampler);
}

static void test_above_cap(void **state)
{
    (void)state;
    struct trivet_sampler *sampler = trivet_sampler_create(CAP, CAP);
    double weights = 0;
    assert_int_equal(offer_second(sampler, false, 10000, TRIVET_NS_PER_S, &weights), CAP);
    assert_int_equal(trivet_sampler_suppressed(sampler), 10000 - CAP);
    weights = 0;
    size_t n_sent = 0;
    for (int64_t second = 2; second < 12; second++) {
        size_t n = offer_second(sampler, false, 10000, second * TRIVET_NS_PER_S, &weights);
        assert_true(n <= CAP);
        n_sent += n;
    }
    assert_true(n_sent > 5 * CAP);
    /* The same hashes every second: what their weights miss is what the cap held back. */
    assert_true(fabs(weights - 100000) < 20000);
    trivet_sampler_free(sampler);
}

static void test_chosen_by_hash(void **state)
{
    (void)state;
    struct trivet_sampler *sampler = trivet_sampler_create(CAP, CAP);
    double weight = 0;
    (void)offer_second(sampler, false, 10000, TRIVET_NS_PER_S, &weight);
    int64_t now_ns = 2 * TRIVET_NS_PER_S + 1;
    assert_true(trivet_sampler_offer(sampler, "m", 1, false, 0, now_ns, &weight));
    assert_true(fabs(weight - 100) < 2);
    assert_false(trivet_sampler_offer(sampler, "m", 1, false, UINT64_MAX, now_ns, &weight));
    /* Another version, and errors, have caps of their own. */
    assert_true(trivet_sampler_offer(sampler, "m", 2, false, UINT64_MAX, now_ns, &weight));
    assert_true(trivet_sampler_offer(sampler, "m", 1, true, UINT64_MAX, now_ns, &weight));
    trivet_sampler_free(sampler);
}

static void test_many_versions(void **state)
{
    (void)state;
    struct trivet_sampler *sampler = trivet_sampler_create(1, 1);
    double weight = 0;
    size_t n_sent = 0;
    for (uint64_t version = 1; version <= 10000; version++) {
        n_sent += trivet_sampler_offer(sampler, "m", version, false, 1, TRIVET_NS_PER_S, &weight);
    }
    assert_int_equal(n_sent, 4096 + 1); /* those beyond share one */
    (void)trivet_alloc_fail_at(1);
    assert_null(trivet_sampler_create(1, 1));
    (void)trivet_alloc_fail_at(0);
    trivet_sampler_free(sampler);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_below_cap),
        cmocka_unit_test(test_above_cap),
        cmocka_unit_test(test_chosen_by_hash),
        cmocka_unit_test(test_many_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
