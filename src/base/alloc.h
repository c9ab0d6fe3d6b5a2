/* The allocator of all our code, with a hook that makes the k-th allocation fail in tests. */
#ifndef TRIVET_BASE_ALLOC_H
#define TRIVET_BASE_ALLOC_H

#include "base/compiler.h"

#include <stddef.h>
#include <stdint.h>

/* Like malloc, calloc, realloc, strdup, strndup and free, but through the fault hook. NULL when out
 * of memory. `trivet_alloc_array` checks count × bytes for overflow and does not clear. Any thread.
 */
void *trivet_malloc(size_t bytes) TRIVET_MUST_USE;
void *trivet_calloc(size_t count, size_t bytes) TRIVET_MUST_USE;
void *trivet_alloc_array(size_t count, size_t bytes) TRIVET_MUST_USE;
void *trivet_realloc(void *memory, size_t bytes) TRIVET_MUST_USE;
void *trivet_realloc_array(void *memory, size_t count, size_t bytes) TRIVET_MUST_USE;
/* 64-byte aligned, for matrices; released with trivet_free. */
void *trivet_alloc_aligned(size_t count, size_t bytes) TRIVET_MUST_USE;
char *trivet_strdup(const char *text) TRIVET_MUST_USE;
char *trivet_strndup(const char *text, size_t bytes_max) TRIVET_MUST_USE;
void *trivet_memdup(const void *memory, size_t bytes) TRIVET_MUST_USE;
void trivet_free(void *memory);

/* Tests: allocation number `k` (1-based, counted from this call, all threads) returns NULL,
 * once; 0 turns the hook off. Returns how many allocations were counted since the last call: only
 * those while the hook was on, so that UINT64_MAX counts without a fault. */
uint64_t trivet_alloc_fail_at(uint64_t k);

#endif
