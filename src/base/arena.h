/* Bump allocator with a byte budget: the memory of one call. */
#ifndef TRIVET_BASE_ARENA_H
#define TRIVET_BASE_ARENA_H

#include "base/compiler.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct trivet_arena;

/* An arena that hands out at most `budget_bytes` between two resets. It keeps one block of
 * `keep_bytes` across resets, so that a small call allocates nothing. NULL when out of memory. */
struct trivet_arena *trivet_arena_create(size_t budget_bytes, size_t keep_bytes);
void trivet_arena_free(struct trivet_arena *arena);

/* Bytes that several arenas, and whatever else is counted, have in all at most; zeroed but for
 * `bytes_max`, it outlives them. Any thread. */
struct trivet_arena_pool {
    size_t bytes_max;
    atomic_size_t used_bytes;
};
/* An arena whose blocks come out of the pool's bytes, which it has no budget besides. NULL when out
 * of memory. */
struct trivet_arena *trivet_arena_create_in(struct trivet_arena_pool *pool);
/* False when there are not so many. */
bool trivet_arena_pool_take(struct trivet_arena_pool *pool, size_t n_bytes);
void trivet_arena_pool_give(struct trivet_arena_pool *pool, size_t n_bytes);

/* Memory until the next reset; 16-byte aligned, 64-byte when bytes >= 256. NULL when the budget or
 * memory is spent; the arena stays usable. One thread at a time. */
void *trivet_arena_alloc(struct trivet_arena *arena, size_t bytes) TRIVET_MUST_USE;
void *trivet_arena_alloc_array(struct trivet_arena *arena, size_t count,
                               size_t bytes) TRIVET_MUST_USE;
/* `text` copied with its NUL. */
char *trivet_arena_strdup(struct trivet_arena *arena, const char *text) TRIVET_MUST_USE;

/* Everything handed out becomes invalid. */
void trivet_arena_reset(struct trivet_arena *arena);
/* Bytes handed out since the last reset, each piece rounded up to 16: what the budget is charged.
 */
size_t trivet_arena_used_bytes(const struct trivet_arena *arena);

#endif
