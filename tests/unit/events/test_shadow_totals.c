/* Totals of shadows: pairs of versions come and go, and a full table has room for new ones. */
#include "events/shadow_totals.h"

#include "base/clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_NS (60 * TRIVET_NS_PER_S)
#define THREADS     3
#define PAIRS       ((uint64_t)1000) /* of a thread */
#define ADDITIONS   3                /* to each */

/* The ticks of the publisher are what pairs are told by. */
struct place {
    struct trivet_totals *totals;
    struct trivet_publisher *publisher;
    struct trivet_shadow_totals *shadows;
    struct trivet_arena *arena;
    struct trivet_shadow_pair *other; /* what all share that find no room */
};

static void open_place(struct place *place)
{
    struct trivet_error err;
    place->totals = trivet_totals_create();
    place->shadows = trivet_shadow_totals_create();
    place->arena = trivet_arena_create(16u << 20, 0);
    const struct trivet_publisher_options options = {.totals = place->totals};
    assert_int_equal(trivet_publisher_open(&options, &place->publisher, &err), TRIVET_OK);
    trivet_shadow_totals_publish(place->shadows, place->publisher);
    place->other = trivet_shadow_totals_pair(place->shadows, "(other)", 0, 0);
}

static void close_place(struct place *place)
{
    trivet_publisher_close(place->publisher);
    trivet_shadow_totals_free(place->shadows);
    trivet_totals_free(place->totals);
    trivet_arena_free(place->arena);
}

static size_t encode(struct place *place, Trivet__V1__ShadowTotals ***list)
{
    size_t n = 0;
    struct trivet_error err;
    trivet_arena_reset(place->arena);
    assert_int_equal(trivet_shadow_totals_encode(place->shadows, place->arena, list, &n, &err),
                     TRIVET_OK);
    return n;
}

static const Trivet__V1__ShadowTotals *find(Trivet__V1__ShadowTotals **list, size_t n,
                                            uint64_t version, uint64_t answered_by)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i]->version == version && list[i]->answered_by == answered_by) {
            return list[i];
        }
    }
    return NULL;
}

/* A pair of its own: one that finds nothing but news has one after the next tick. */
static struct trivet_shadow_pair *own_pair(const struct place *place, uint64_t version,
                                           uint64_t answered_by)
{
    int64_t until_ns = trivet_clock_monotonic_ns() + PATIENCE_NS;
    struct trivet_shadow_pair *pair;
    while ((pair = trivet_shadow_totals_pair(place->shadows, "m", version, answered_by)) ==
           place->other) {
        trivet_shadow_pair_release(pair);
        assert_true(trivet_clock_monotonic_ns() < until_ns);
        usleep(2000);
    }
    return pair;
}

static void pairs_without_news_make_room(void **state)
{
    (void)state;
    struct place place;
    Trivet__V1__ShadowTotals **list;
    open_place(&place);
    const struct trivet_shadow_counts counts = {.compared = 5, .equal = 4, .compute_ns = 1000};
    struct trivet_shadow_pair *held = trivet_shadow_totals_pair(place.shadows, "m", 1, 1);
    for (uint64_t v = 2; v <= TRIVET_SHADOW_PAIRS_MAX; v++) {
        struct trivet_shadow_pair *pair = own_pair(&place, v, 1);
        trivet_shadow_pair_add(pair, &counts);
        trivet_shadow_pair_skip(pair, v);
        trivet_shadow_pair_release(pair);
    }
    /* As many again: each finds room, and none of it is that of the one in use. */
    for (uint64_t v = 2; v <= TRIVET_SHADOW_PAIRS_MAX; v++) {
        struct trivet_shadow_pair *pair = own_pair(&place, v, 1000000);
        trivet_shadow_pair_skip(pair, v);
        trivet_shadow_pair_skip(held, 1);
        trivet_shadow_pair_release(pair);
    }
    size_t n = encode(&place, &list);
    assert_int_equal(find(list, n, 1, 1)->skipped, TRIVET_SHADOW_PAIRS_MAX - 1);
    assert_int_equal(find(list, n, 1, 1)->life, 0);
    const Trivet__V1__ShadowTotals *last = find(list, n, TRIVET_SHADOW_PAIRS_MAX, 1000000);
    assert_int_equal(last->skipped, TRIVET_SHADOW_PAIRS_MAX);
    assert_int_equal(last->compared, 0); /* nothing is left of whose place it was */
    assert_int_equal(last->compute->count, 0);
    assert_true(last->life > 0);
    trivet_shadow_pair_release(held);
    close_place(&place);
}

struct comers {
    struct place *place;
    uint64_t answered_by;
};

static void *come_and_go(void *arg)
{
    const struct comers *mine = arg;
    struct trivet_shadow_totals *shadows = mine->place->shadows;
    const struct trivet_shadow_counts counts = {.compared = 1, .equal = 1};
    for (uint64_t v = 1; v <= PAIRS; v++) {
        for (int i = 0; i < ADDITIONS; i++) {
            struct trivet_shadow_pair *own = own_pair(mine->place, v, 10 * mine->answered_by);
            struct trivet_shadow_pair *shared = trivet_shadow_totals_pair(shadows, "all", 1, 7);
            trivet_shadow_pair_skip(own, v);
            trivet_shadow_pair_skip(shared, 1);
            trivet_shadow_pair_add(shared, &counts);
            trivet_shadow_pair_release(own);
            trivet_shadow_pair_release(shared);
        }
    }
    return NULL;
}

/* Beside the ticker and one who asks for all: nothing is counted for another pair. */
static void pairs_come_and_go_on_many_threads(void **state)
{
    (void)state;
    struct place place;
    Trivet__V1__ShadowTotals **list;
    struct comers comers[THREADS];
    pthread_t threads[THREADS];
    open_place(&place);
    struct trivet_shadow_pair *shared = trivet_shadow_totals_pair(place.shadows, "all", 1, 7);
    for (size_t i = 0; i < THREADS; i++) {
        comers[i] = (struct comers){&place, i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &comers[i]), 0);
    }
    uint64_t n_shared = 0;
    uint64_t n_before = 0;
    do {
        size_t n = encode(&place, &list);
        for (size_t i = 0; i < n; i++) {
            const Trivet__V1__ShadowTotals *pair = list[i];
            bool is_own = strcmp(pair->model, "m") == 0;
            assert_true(!is_own || (pair->skipped % pair->version == 0 &&
                                    pair->skipped <= ADDITIONS * pair->version));
        }
        n_before = n_shared;
        n_shared = find(list, n, 1, 7)->skipped;
        assert_true(n_shared >= n_before);
    } while (n_shared < THREADS * PAIRS * ADDITIONS);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    uint64_t life_max = 0;
    size_t n = encode(&place, &list);
    for (size_t i = 0; i < n; i++) {
        life_max = list[i]->life > life_max ? list[i]->life : life_max;
    }
    assert_int_equal(find(list, n, 1, 7)->compared, THREADS * PAIRS * ADDITIONS);
    assert_true(life_max >= THREADS * PAIRS - TRIVET_SHADOW_PAIRS_MAX);
    trivet_shadow_pair_release(shared);
    close_place(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_without_news_make_room),
        cmocka_unit_test(pairs_come_and_go_on_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
