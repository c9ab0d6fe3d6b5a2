/* The BLAS library that is linked: one thread per caller, and which kernel it chose. */
#ifndef TRIVET_LINALG_BLAS_H
#define TRIVET_LINALG_BLAS_H

#include <stdbool.h>
#include <stddef.h>

/* Once at program start, before any other thread: one BLAS thread per caller; parallelism is ours.
 */
void trivet_blas_init(void);
/* Threads of every BLAS call from now on, for a process that trains: nothing else may compute. */
void trivet_blas_set_threads(unsigned n_threads);
/* Name of the kernel chosen for this CPU, "SkylakeX"; static text. */
const char *trivet_blas_kernel(void);
/* Version and build options, one line; static text. */
const char *trivet_blas_description(void);
/* True when the kernel is below what the CPU offers (the environment variable OPENBLAS_CORETYPE
 * can do that); then `advice` says which is used, why, and what to do. */
bool trivet_blas_is_below_cpu(char *advice, size_t advice_bytes);

#endif
