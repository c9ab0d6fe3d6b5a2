/* The fault hook costs one relaxed load per allocation while it is off. */
#include "base/alloc.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNED_BYTES   64
#define HUGE_PAGE_BYTES ((size_t)2 << 20)
#define HUGE_FROM_BYTES (2 * HUGE_PAGE_BYTES)

static atomic_uint_fast64_t fail_number; /* 0 = hook off */
static atomic_uint_fast64_t n_counted;

static bool must_fail(void)
{
    uint64_t k = atomic_load_explicit(&fail_number, memory_order_relaxed);
    if (k == 0) {
        return false;
    }
    return atomic_fetch_add_explicit(&n_counted, 1, memory_order_relaxed) + 1 == k;
}

uint64_t trivet_alloc_fail_at(uint64_t k)
{
    uint64_t counted = atomic_exchange(&n_counted, 0);
    atomic_store(&fail_number, k);
    return counted;
}

/* malloc(0) may be NULL, which here means "out of memory". */
static size_t at_least_one(size_t bytes)
{
    return bytes > 0 ? bytes : 1;
}

void *trivet_malloc(size_t bytes)
{
    return must_fail() ? NULL : malloc(at_least_one(bytes));
}

void *trivet_calloc(size_t count, size_t bytes)
{
    return must_fail() ? NULL : calloc(at_least_one(count), at_least_one(bytes));
}

void *trivet_alloc_array(size_t count, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total)) {
        return NULL;
    }
    return trivet_malloc(total);
}

void *trivet_realloc(void *memory, size_t bytes)
{
    return must_fail() ? NULL : realloc(memory, at_least_one(bytes));
}

void *trivet_realloc_array(void *memory, size_t count, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total)) {
        return NULL;
    }
    return trivet_realloc(memory, total);
}

/* A matrix in pages of 2 MiB takes 512 times fewer page faults to fill; the kernel may refuse. */
static void ask_for_huge_pages(void *memory, size_t bytes)
{
    (void)madvise(memory, bytes & ~(HUGE_PAGE_BYTES - 1), MADV_HUGEPAGE);
}

void *trivet_alloc_aligned(size_t count, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total) || total > SIZE_MAX - HUGE_PAGE_BYTES ||
        must_fail()) {
        return NULL;
    }
    /* aligned_alloc wants whole multiples. */
    size_t align = total >= HUGE_FROM_BYTES ? HUGE_PAGE_BYTES : ALIGNED_BYTES;
    size_t rounded = (at_least_one(total) + align - 1) & ~(align - 1);
    void *memory = aligned_alloc(align, rounded);
    if (memory != NULL && align == HUGE_PAGE_BYTES) {
        ask_for_huge_pages(memory, rounded);
    }
    return memory;
}

char *trivet_strdup(const char *text)
{
    return trivet_memdup(text, strlen(text) + 1);
}

char *trivet_strndup(const char *text, size_t bytes_max)
{
    size_t n_bytes = strnlen(text, bytes_max);
    char *copy = n_bytes < SIZE_MAX ? trivet_malloc(n_bytes + 1) : NULL;
    if (copy) {
        memcpy(copy, text, n_bytes);
        copy[n_bytes] = '\0';
    }
    return copy;
}

void *trivet_memdup(const void *memory, size_t bytes)
{
    void *copy = trivet_malloc(bytes);
    if (copy && bytes > 0) {
        memcpy(copy, memory, bytes);
    }
    return copy;
}

void trivet_free(void *memory)
{
    free(memory);
}
