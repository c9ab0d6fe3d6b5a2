/* DESIGN: threads live for one pass. A pass takes milliseconds, a start microseconds, and nothing
 * is left to wake, stop or leak. Parts share nothing but `ctx`, which the pass divides by its part.
 */
#include "models/row_threads.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>

struct part {
    trivet_row_pass *pass;
    void *ctx;
    size_t number;
    size_t first;
    size_t end;
    pthread_t thread;
    bool started;
};

size_t trivet_row_threads(size_t n_rows, size_t block_rows, unsigned n_threads)
{
    size_t n_blocks = (n_rows + block_rows - 1) / block_rows;
    size_t n = n_threads > 0 ? n_threads : 1;
    n = n < TRIVET_ROW_THREADS_MAX ? n : TRIVET_ROW_THREADS_MAX;
    n = n < n_blocks ? n : n_blocks;
    return n > 0 ? n : 1;
}

static void *run(void *ctx)
{
    struct part *part = ctx;
    part->pass(part->ctx, part->number, part->first, part->end);
    return NULL;
}

void trivet_row_threads_run(size_t n_rows, size_t block_rows, size_t n_parts, trivet_row_pass *pass,
                            void *ctx)
{
    struct part parts[TRIVET_ROW_THREADS_MAX];
    size_t n_blocks = (n_rows + block_rows - 1) / block_rows;
    assert(n_parts > 0 && n_parts <= TRIVET_ROW_THREADS_MAX);
    for (size_t i = 0; i < n_parts; i++) {
        size_t first = n_blocks * i / n_parts * block_rows;
        size_t end = n_blocks * (i + 1) / n_parts * block_rows;
        parts[i] = (struct part){.pass = pass,
                                 .ctx = ctx,
                                 .number = i,
                                 .first = first,
                                 .end = end < n_rows ? end : n_rows};
    }
    for (size_t i = 1; i < n_parts; i++) {
        parts[i].started = pthread_create(&parts[i].thread, NULL, run, &parts[i]) == 0;
    }
    run(&parts[0]);
    for (size_t i = 1; i < n_parts; i++) {
        if (parts[i].started) {
            pthread_join(parts[i].thread, NULL);
        } else {
            run(&parts[i]);
        }
    }
}
