/* Who answers which call: proportions, keys that stay, keys that move, turns. */
#include "fixture.h"

#include "base/text.h"
#include "serving/traffic.h"

#include <math.h>
#include <string.h>

#define KEYS  20000
#define MODEL "houses"

/* Versions 1 … of the model with these weights. */
static struct trivet_traffic *make(const char *model, const uint32_t *weights, size_t count)
{
    struct trivet_traffic_member members[TRIVET_TRAFFIC_MEMBERS_MAX] = {0};
    struct trivet_traffic *traffic = NULL;
    struct trivet_error err;
    for (size_t i = 0; i < count; i++) {
        members[i] = (struct trivet_traffic_member){
            .servable = fixture_servable(model, i + 1, 2, 1, false), .weight = weights[i]};
    }
    assert_int_equal(trivet_traffic_create(members, count, &traffic, &err), TRIVET_OK);
    for (size_t i = 0; i < count; i++) {
        assert_false(trivet_servable_is_last(members[i].servable)); /* the split has its own */
        trivet_servable_unref(members[i].servable);
    }
    return traffic;
}

static size_t share_of(const struct trivet_traffic *traffic, size_t key)
{
    char text[32];
    (void)trivet_text_format(text, sizeof(text), "customer-%zu", key);
    return trivet_traffic_of_key(traffic, text, strlen(text));
}

/* Keys of each share, and `moved`[from][to] where `before` is given. */
static void count_keys(const struct trivet_traffic *traffic, const struct trivet_traffic *before,
                       size_t counts[4], size_t moved[4][4])
{
    memset(counts, 0, 4 * sizeof(*counts));
    for (size_t key = 0; key < KEYS; key++) {
        size_t share = share_of(traffic, key);
        counts[share]++;
        if (before != NULL) {
            moved[share_of(before, key)][share]++;
        }
    }
}

/* Within four deviations of what chance gives. */
static bool is_about(size_t count, size_t n, double part)
{
    return fabs((double)count - part * (double)n) < 4 * sqrt((double)n * part * (1 - part));
}

static void keys_are_shared_by_weight(void **state)
{
    (void)state;
    static const uint32_t weights[][3] = {{90, 10, 0}, {9000, 1000, 0}, {1, 1, 1}, {1, 2, 7}};
    for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
        size_t n = weights[i][2] == 0 ? 2 : 3;
        double sum = weights[i][0] + weights[i][1] + weights[i][2];
        struct trivet_traffic *traffic = make(MODEL, weights[i], n);
        size_t counts[4];
        count_keys(traffic, NULL, counts, NULL);
        for (size_t k = 0; k < n; k++) {
            assert_true(is_about(counts[k], KEYS, weights[i][k] / sum));
        }
        assert_false(is_about(counts[0], KEYS, weights[i][0] / sum + 0.02)); /* it would be seen */
        trivet_traffic_unref(traffic);
    }
}

static void equal_keys_stay_with_their_version(void **state)
{
    (void)state;
    struct trivet_traffic *a = make(MODEL, (const uint32_t[]){9, 1}, 2);
    struct trivet_traffic *b = make(MODEL, (const uint32_t[]){9000, 1000}, 2); /* as before */
    struct trivet_traffic *other = make("flats", (const uint32_t[]){9, 1}, 2);
    size_t n_same = 0;
    for (size_t key = 0; key < KEYS; key++) {
        size_t share = share_of(a, key);
        assert_int_equal(share, share_of(b, key));
        n_same += share == share_of(other, key);
    }
    /* Another model shares the keys in its own way: 0.9² + 0.1² are the same by chance. */
    assert_true(is_about(n_same, KEYS, 0.82));
    trivet_traffic_unref(a);
    trivet_traffic_unref(b);
    trivet_traffic_unref(other);
}

/* From 90:10 to 80:20: a ninth of the first one's keys go to the second, and no others move. */
static void only_as_many_keys_move_as_must(void **state)
{
    (void)state;
    struct trivet_traffic *before = make(MODEL, (const uint32_t[]){90, 10}, 2);
    struct trivet_traffic *after = make(MODEL, (const uint32_t[]){80, 20}, 2);
    size_t counts[4];
    size_t moved[4][4] = {{0}};
    count_keys(after, before, counts, moved);
    assert_int_equal(moved[1][0], 0);
    assert_true(is_about(moved[0][1], KEYS, 0.1));
    trivet_traffic_unref(before);

    /* A third one takes from both, and nothing goes from one to the other. */
    struct trivet_traffic *third = make(MODEL, (const uint32_t[]){80, 20, 50}, 3);
    memset(moved, 0, sizeof(moved));
    count_keys(third, after, counts, moved);
    assert_int_equal(moved[0][1], 0);
    assert_int_equal(moved[1][0], 0);
    assert_true(is_about(moved[0][2] + moved[1][2], KEYS, 1.0 / 3));
    trivet_traffic_unref(after);
    trivet_traffic_unref(third);
}

static void turns_are_spread_evenly(void **state)
{
    (void)state;
    struct trivet_traffic *traffic = make(MODEL, (const uint32_t[]){9000, 1000}, 2);
    size_t n_second = 0;
    for (size_t i = 1; i <= KEYS; i++) {
        uint64_t turn = 0;
        size_t share = trivet_traffic_choose(traffic, "", 0, &turn);
        assert_int_not_equal(turn, 0);
        n_second += share;
        /* Who looks again comes to the same. */
        assert_int_equal(trivet_traffic_choose(traffic, "", 0, &turn), share);
        assert_true(fabs((double)n_second - 0.1 * (double)i) < 4);
    }
    uint64_t turn = 0;
    assert_int_equal(trivet_traffic_choose(traffic, "a", 1, &turn),
                     trivet_traffic_of_key(traffic, "a", 1));
    assert_int_equal(turn, 0); /* a key needs none */
    trivet_traffic_unref(traffic);
}

/* A shadow sees its part of the calls, of each share alike. */
static void shadows_see_their_part(void **state)
{
    (void)state;
    struct trivet_traffic_member members[4];
    struct trivet_traffic *traffic = NULL;
    struct trivet_error err;
    static const uint32_t weights[4] = {8, 2, 2500, 10000};
    for (size_t i = 0; i < 4; i++) {
        members[i] =
            (struct trivet_traffic_member){.servable = fixture_servable(MODEL, i + 1, 2, 1, false),
                                           .weight = weights[i],
                                           .shadow = i >= 2};
    }
    assert_int_equal(trivet_traffic_create(members, 4, &traffic, &err), TRIVET_OK);
    size_t n_shadows = 0;
    assert_int_equal(
        trivet_servable_version(trivet_traffic_shadows(traffic, &n_shadows)[1].servable), 4);
    assert_int_equal(n_shadows, 2);
    size_t n_calls[2] = {0};
    size_t n_seen[2] = {0};
    for (size_t i = 0; i < KEYS; i++) {
        uint64_t turn = 0;
        size_t share = trivet_traffic_choose(traffic, "", 0, &turn);
        n_calls[share]++;
        n_seen[share] += trivet_traffic_is_shadowed(traffic, 0);
        assert_true(trivet_traffic_is_shadowed(traffic, 1));
    }
    for (size_t share = 0; share < 2; share++) {
        double part = (double)n_seen[share] / (double)n_calls[share];
        assert_true(fabs(part - 0.25) < 0.01);
    }
    trivet_traffic_unref(traffic);
    for (size_t i = 0; i < 4; i++) {
        assert_true(trivet_servable_is_last(members[i].servable));
        trivet_servable_unref(members[i].servable);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_shared_by_weight),
        cmocka_unit_test(equal_keys_stay_with_their_version),
        cmocka_unit_test(only_as_many_keys_move_as_must),
        cmocka_unit_test(turns_are_spread_evenly),
        cmocka_unit_test(shadows_see_their_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
