/* Threads of the process that trains. */
#ifndef TRIVET_MODELS_THREADS_H
#define TRIVET_MODELS_THREADS_H

/* BLAS uses `n` threads (0 = 1) from now on, and has started them. Nothing else may compute. */
void trivet_models_set_threads(unsigned n);

#endif
