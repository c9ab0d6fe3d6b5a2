#include "base/alloc.h"
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void pieces_are_aligned_and_apart(void **state)
{
    (void)state;
    struct trivet_arena *arena = trivet_arena_create(1 << 20, 1000);
    uint8_t *previous = NULL;
    for (size_t bytes = 0; bytes < 600; bytes++) {
        uint8_t *piece = trivet_arena_alloc(arena, bytes);
        assert_non_null(piece);
        assert_int_equal((uintptr_t)piece % (bytes >= 256 ? 64 : 16), 0);
        memset(piece, (int)(bytes & 0xff), bytes);
        if (previous && bytes > 1) {
            assert_int_equal(previous[bytes - 2], (bytes - 1) & 0xff);
        }
        previous = piece;
    }
    trivet_arena_free(arena);
}

static void the_budget_is_exact_in_pieces_of_16(void **state)
{
    (void)state;
    struct trivet_arena *arena = trivet_arena_create(1000, 64);
    assert_null(trivet_arena_alloc(arena, 1009));
    assert_non_null(trivet_arena_alloc(arena, 1000));
    assert_int_equal(trivet_arena_used_bytes(arena), 1008);
    assert_null(trivet_arena_alloc(arena, 1));
    assert_null(trivet_arena_alloc(arena, 0));
    trivet_arena_reset(arena);
    assert_int_equal(trivet_arena_used_bytes(arena), 0);
    for (size_t i = 0; i < 1008 / 16; i++) {
        assert_non_null(trivet_arena_alloc(arena, i % 17));
    }
    assert_null(trivet_arena_alloc(arena, 0));
    trivet_arena_free(arena);
}

static void impossible_sizes_are_refused(void **state)
{
    (void)state;
    struct trivet_arena *arena = trivet_arena_create(SIZE_MAX, 0);
    assert_null(trivet_arena_alloc(arena, SIZE_MAX));
    assert_null(trivet_arena_alloc(arena, SIZE_MAX - 16));
    assert_null(trivet_arena_alloc_array(arena, SIZE_MAX / 2, 3));
    assert_non_null(trivet_arena_alloc_array(arena, 10, 3)); /* still usable */
    trivet_arena_free(arena);
}

static void a_kept_block_serves_small_calls_without_allocating(void **state)
{
    (void)state;
    struct trivet_arena *arena = trivet_arena_create(1 << 20, 4096);
    trivet_alloc_fail_at(UINT64_MAX);
    for (int call = 0; call < 10; call++) {
        for (int i = 0; i < 10; i++) {
            assert_non_null(trivet_arena_alloc(arena, 300));
        }
        assert_string_equal(trivet_arena_strdup(arena, "trivet"), "trivet");
        trivet_arena_reset(arena);
    }
    assert_int_equal(trivet_alloc_fail_at(0), 0);
    trivet_arena_free(arena);
}

static void failing_allocations_leave_it_usable(void **state)
{
    (void)state;
    trivet_alloc_fail_at(1);
    assert_null(trivet_arena_create(100, 100));
    trivet_alloc_fail_at(2);
    assert_null(trivet_arena_create(100, 100));
    trivet_alloc_fail_at(0);
    struct trivet_arena *arena = trivet_arena_create(1 << 20, 0);
    trivet_alloc_fail_at(1);
    assert_null(trivet_arena_alloc(arena, 100));
    assert_int_equal(trivet_arena_used_bytes(arena), 0);
    assert_non_null(trivet_arena_alloc(arena, 100));
    trivet_alloc_fail_at(1);
    assert_null(trivet_arena_alloc(arena, 100000));
    trivet_alloc_fail_at(0);
    assert_non_null(trivet_arena_alloc(arena, 100000));
    trivet_arena_free(arena);
    trivet_arena_free(NULL);
}

/* Of the next arena, on any thread, if it is of about that size. */
static void large_blocks_are_used_again(void **state)
{
    (void)state;
    const size_t n_bytes = (size_t)600 << 10;
    struct trivet_arena *arena = trivet_arena_create(SIZE_MAX, 0);
    assert_non_null(arena);
    for (int i = 0; i < 100; i++) {
        uint8_t *piece = trivet_arena_alloc(arena, n_bytes);
        assert_non_null(piece);
        memset(piece, i, n_bytes);
        trivet_arena_reset(arena);
    }
    trivet_alloc_fail_at(1); /* what is there is no allocation */
    assert_non_null(trivet_arena_alloc(arena, n_bytes - 1000));
    assert_null(trivet_arena_alloc(arena, n_bytes * 4));
    trivet_alloc_fail_at(0);
    trivet_arena_free(arena);
}

/* A burst of large arenas leaves no more than the blocks that are kept. */
static void only_some_are_kept(void **state)
{
    (void)state;
    struct trivet_arena *arenas[40];
    trivet_alloc_fail_at(UINT64_MAX);
    for (size_t i = 0; i < 40; i++) {
        arenas[i] = trivet_arena_create(SIZE_MAX, 0);
        assert_non_null(arenas[i]);
        assert_non_null(trivet_arena_alloc(arenas[i], (size_t)3 << 20));
    }
    for (size_t i = 0; i < 40; i++) {
        trivet_arena_free(arenas[i]);
    }
    trivet_alloc_fail_at(UINT64_MAX);
    struct trivet_arena *arena = trivet_arena_create(SIZE_MAX, 0);
    for (size_t i = 0; i < 40; i++) {
        assert_non_null(trivet_arena_alloc(arena, (size_t)3 << 20));
    }
    trivet_arena_free(arena);
    uint64_t n_allocations = trivet_alloc_fail_at(0);
    assert_in_range(n_allocations, 36, 41); /* 16 MiB are five blocks at most */
}

static void a_pool_is_shared_out(void **state)
{
    (void)state;
    struct trivet_arena_pool pool = {.bytes_max = (size_t)12 << 20};
    struct trivet_arena *one = trivet_arena_create_in(&pool);
    struct trivet_arena *two = trivet_arena_create_in(&pool);
    assert_non_null(trivet_arena_alloc(one, (size_t)6 << 20));
    assert_null(trivet_arena_alloc(two, (size_t)7 << 20));
    assert_non_null(trivet_arena_alloc(two, (size_t)5 << 20));
    assert_true(trivet_arena_pool_take(&pool, (size_t)1 << 20));
    assert_int_equal(atomic_load(&pool.used_bytes), pool.bytes_max);
    assert_false(trivet_arena_pool_take(&pool, 1));
    assert_null(trivet_arena_alloc(one, 16));
    trivet_arena_reset(one);
    trivet_alloc_fail_at(1);
    assert_null(trivet_arena_alloc(two, (size_t)6 << 20)); /* what cannot be had is given back */
    trivet_alloc_fail_at(0);
    assert_non_null(trivet_arena_alloc(two, (size_t)6 << 20));
    trivet_arena_pool_give(&pool, (size_t)1 << 20);
    trivet_arena_free(one);
    trivet_arena_free(two);
    assert_int_equal(atomic_load(&pool.used_bytes), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_is_shared_out),
        cmocka_unit_test(large_blocks_are_used_again),
        cmocka_unit_test(only_some_are_kept),
        cmocka_unit_test(pieces_are_aligned_and_apart),
        cmocka_unit_test(the_budget_is_exact_in_pieces_of_16),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(a_kept_block_serves_small_calls_without_allocating),
        cmocka_unit_test(failing_allocations_leave_it_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
