/* A chain of blocks, newest first. The oldest may be the kept one, which outlives resets. What is
 * charged to the budget is what is handed out, rounded up to 16 bytes: a flood of tiny pieces
 * counts as what it takes. Under AddressSanitizer everything not handed out is poisoned, so that a
 * use after reset or past a piece is found. */
#include "base/arena.h"

#include "base/alloc.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(memory, bytes)   ASAN_POISON_MEMORY_REGION((memory), (bytes))
#define UNPOISON(memory, bytes) ASAN_UNPOISON_MEMORY_REGION((memory), (bytes))
#else
#define POISON(memory, bytes)   ((void)(memory), (void)(bytes))
#define UNPOISON(memory, bytes) ((void)(memory), (void)(bytes))
#endif

#define PIECE_BYTES       16
#define BIG_ALIGN_BYTES   64
#define BIG_FROM_BYTES    256
#define BLOCK_BYTES_MIN   ((size_t)4096)
#define BLOCK_BYTES_MAX   ((size_t)1 << 20)
#define BLOCK_HEADER_ROOM 64

#define SPARES             16
#define SPARE_BYTES_MIN    ((size_t)128 << 10)
#define SPARE_BYTES_MAX    ((size_t)4 << 20)
#define SPARE_BYTES_IN_ALL ((size_t)16 << 20)

struct block {
    struct block *older;
    size_t size_bytes;
    size_t used_bytes;
    size_t pool_bytes; /* that were taken for it, if there is a pool: it may be a larger spare */
};

_Static_assert(sizeof(struct block) <= BLOCK_HEADER_ROOM, "block header outgrew its room");

struct trivet_arena {
    size_t budget_bytes;
    size_t charged_bytes;
    struct trivet_arena_pool *pool; /* of the blocks but the kept one; NULL: none */
    struct block *kept;             /* NULL when keep_bytes was 0 */
    struct block *newest;
};

static uint8_t *block_data(struct block *block)
{
    return (uint8_t *)block + BLOCK_HEADER_ROOM;
}

/* Large blocks for the next arenas, of any thread: memory fresh from the system costs many times
 * what is written to it. */
static struct {
    pthread_mutex_t lock;
    struct block *blocks[SPARES];
    size_t n_bytes;
} spares = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* One of at least `size_bytes` and not much more, or NULL. */
static struct block *take_spare(size_t size_bytes)
{
    struct block *found = NULL;
    if (size_bytes < SPARE_BYTES_MIN || size_bytes > SPARE_BYTES_MAX) {
        return NULL;
    }
    pthread_mutex_lock(&spares.lock);
    for (size_t i = 0; i < SPARES && found == NULL; i++) {
        struct block *block = spares.blocks[i];
        if (block != NULL && block->size_bytes >= size_bytes &&
            block->size_bytes / 2 <= size_bytes) {
            found = block;
            spares.blocks[i] = NULL;
            spares.n_bytes -= block->size_bytes;
        }
    }
    pthread_mutex_unlock(&spares.lock);
    return found;
}

static struct block *block_create(size_t size_bytes, struct block *older)
{
    if (size_bytes > SIZE_MAX - BLOCK_HEADER_ROOM) {
        return NULL;
    }
    struct block *block = take_spare(size_bytes);
    if (block == NULL) {
        block = trivet_alloc_aligned(1, BLOCK_HEADER_ROOM + size_bytes);
        if (block == NULL) {
            return NULL;
        }
        block->size_bytes = size_bytes;
    }
    block->older = older;
    block->used_bytes = 0;
    POISON(block_data(block), block->size_bytes);
    return block;
}

static void block_free(struct block *block)
{
    bool kept = false;
    if (block != NULL && block->size_bytes >= SPARE_BYTES_MIN &&
        block->size_bytes <= SPARE_BYTES_MAX) {
        pthread_mutex_lock(&spares.lock);
        for (size_t i = 0; i < SPARES && !kept; i++) {
            if (spares.blocks[i] == NULL &&
                spares.n_bytes + block->size_bytes <= SPARE_BYTES_IN_ALL) {
                spares.blocks[i] = block;
                spares.n_bytes += block->size_bytes;
                kept = true;
            }
        }
        pthread_mutex_unlock(&spares.lock);
    }
    if (!kept) {
        trivet_free(block);
    }
}

static size_t round_up(size_t n, size_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

struct trivet_arena *trivet_arena_create(size_t budget_bytes, size_t keep_bytes)
{
    struct trivet_arena *arena = trivet_calloc(1, sizeof(*arena));
    if (!arena) {
        return NULL;
    }
    arena->budget_bytes =
        budget_bytes <= SIZE_MAX - PIECE_BYTES ? round_up(budget_bytes, PIECE_BYTES) : SIZE_MAX;
    if (keep_bytes > 0) {
        arena->kept = block_create(keep_bytes, NULL);
        if (!arena->kept) {
            trivet_free(arena);
            return NULL;
        }
        arena->newest = arena->kept;
    }
    return arena;
}

struct trivet_arena *trivet_arena_create_in(struct trivet_arena_pool *pool)
{
    struct trivet_arena *arena = trivet_arena_create(SIZE_MAX, 0);
    if (arena) {
        arena->pool = pool;
    }
    return arena;
}

bool trivet_arena_pool_take(struct trivet_arena_pool *pool, size_t n_bytes)
{
    size_t used = atomic_load(&pool->used_bytes);
    do {
        if (n_bytes > pool->bytes_max - used) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(&pool->used_bytes, &used, used + n_bytes));
    return true;
}

void trivet_arena_pool_give(struct trivet_arena_pool *pool, size_t n_bytes)
{
    atomic_fetch_sub(&pool->used_bytes, n_bytes);
}

void trivet_arena_free(struct trivet_arena *arena)
{
    if (arena) {
        trivet_arena_reset(arena);
        block_free(arena->kept);
        trivet_free(arena);
    }
}

/* A piece of the block, or NULL when it does not fit. `bytes` is a multiple of PIECE_BYTES. */
static void *block_take(struct block *block, size_t bytes, size_t align)
{
    size_t start = round_up(block->used_bytes, align);
    if (start > block->size_bytes || bytes > block->size_bytes - start) {
        return NULL;
    }
    block->used_bytes = start + bytes;
    return block_data(block) + start;
}

/* The size of the next block: doubling, but always with room for `bytes`. */
static size_t next_block_bytes(const struct trivet_arena *arena, size_t bytes)
{
    size_t size = arena->newest ? 2 * arena->newest->size_bytes : BLOCK_BYTES_MIN;
    if (size < BLOCK_BYTES_MIN) {
        size = BLOCK_BYTES_MIN;
    }
    if (size > BLOCK_BYTES_MAX) {
        size = BLOCK_BYTES_MAX;
    }
    return bytes > size ? bytes : size;
}

/* One more, with room for `bytes`; NULL when the pool or memory is spent. */
static struct block *add_block(struct trivet_arena *arena, size_t bytes)
{
    const size_t size = next_block_bytes(arena, bytes);
    if (arena->pool && !trivet_arena_pool_take(arena->pool, size)) {
        return NULL;
    }
    struct block *block = block_create(size, arena->newest);
    if (!block && arena->pool) {
        trivet_arena_pool_give(arena->pool, size);
    }
    if (block) {
        block->pool_bytes = size;
        arena->newest = block;
    }
    return block;
}

void *trivet_arena_alloc(struct trivet_arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX - PIECE_BYTES) {
        return NULL;
    }
    size_t charge = bytes > 0 ? round_up(bytes, PIECE_BYTES) : PIECE_BYTES;
    if (charge > arena->budget_bytes - arena->charged_bytes) {
        return NULL;
    }
    size_t align = bytes >= BIG_FROM_BYTES ? BIG_ALIGN_BYTES : PIECE_BYTES;
    void *piece = arena->newest ? block_take(arena->newest, charge, align) : NULL;
    if (!piece) {
        struct block *block = add_block(arena, charge);
        if (!block) {
            return NULL;
        }
        piece = block_take(block, charge, align);
    }
    arena->charged_bytes += charge;
    UNPOISON(piece, bytes);
    return piece;
}

void *trivet_arena_alloc_array(struct trivet_arena *arena, size_t count, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total)) {
        return NULL;
    }
    return trivet_arena_alloc(arena, total);
}

char *trivet_arena_strdup(struct trivet_arena *arena, const char *text)
{
    size_t n_bytes = strlen(text) + 1;
    char *copy = trivet_arena_alloc(arena, n_bytes);
    if (copy) {
        memcpy(copy, text, n_bytes);
    }
    return copy;
}

void trivet_arena_reset(struct trivet_arena *arena)
{
    while (arena->newest != arena->kept) {
        struct block *block = arena->newest;
        arena->newest = block->older;
        if (arena->pool) {
            trivet_arena_pool_give(arena->pool, block->pool_bytes);
        }
        block_free(block);
    }
    if (arena->kept) {
        arena->kept->used_bytes = 0;
        POISON(block_data(arena->kept), arena->kept->size_bytes);
    }
    arena->charged_bytes = 0;
}

size_t trivet_arena_used_bytes(const struct trivet_arena *arena)
{
    return arena->charged_bytes;
}
