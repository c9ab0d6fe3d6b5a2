/* One pass over rows by several threads. */
#ifndef TRIVET_MODELS_ROW_THREADS_H
#define TRIVET_MODELS_ROW_THREADS_H

#include <stddef.h>

#define TRIVET_ROW_THREADS_MAX 64

/* Rows [first, end) of a pass; `thread` is the part's number, 0 to n_threads - 1. */
typedef void trivet_row_pass(void *ctx, size_t thread, size_t first, size_t end);

/* Parts that n_rows rows make for `n_threads` threads (0 = 1): no more than there are blocks of
 * `block_rows`, nor than TRIVET_ROW_THREADS_MAX. */
size_t trivet_row_threads(size_t n_rows, size_t block_rows, unsigned n_threads);
/* Calls `pass` once for each of `n_parts` parts, whole blocks of rows each, in order; returns when
 * all are done. The parts depend on the arguments alone, and part 0 runs on the caller's thread: so
 * does each that no thread could be started for. */
void trivet_row_threads_run(size_t n_rows, size_t block_rows, size_t n_parts, trivet_row_pass *pass,
                            void *ctx);

#endif
