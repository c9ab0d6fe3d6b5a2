/* Margins of many rows by many trees. */
#ifndef TRIVET_MODELS_TREES_KERNEL_H
#define TRIVET_MODELS_TREES_KERNEL_H

#include "base/compiler.h"
#include "linalg/matrix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows that walk down a tree side by side. */
#define TRIVET_TREES_LANES 8

struct trivet_trees;

/* One tree in `words`. */
struct trivet_trees_kernel_tree {
    uint32_t first;  /* its first word */
    uint32_t depth;  /* of a complete tree; TRIVET_TREES_KERNEL_DEEP */
    uint32_t margin; /* that its leaves add to */
};

#define TRIVET_TREES_KERNEL_DEEP UINT32_MAX

/* Trees laid out to be walked: see trees_kernel.c. Owned by the ensemble. */
struct trivet_trees_kernel {
    size_t n_trees;
    size_t n_words;
    size_t n_features;
    size_t n_margins;
    struct trivet_trees_kernel_tree *trees; /* owned */
    uint32_t *words;                        /* owned */
    float *base;                            /* owned, (n_margins) */
    const double *shift;                    /* the ensemble's */
};

/* From an ensemble whose `rights` and `roots` are made. False: out of memory, or more than 2^32
 * words. */
bool trivet_trees_kernel_make(const struct trivet_trees *trees,
                              struct trivet_trees_kernel *out) TRIVET_MUST_USE;
void trivet_trees_kernel_release(struct trivet_trees_kernel *kernel);

/* Of trivet_trees_kernel_run: bounded, whatever n_rows; a multiple of 32. */
size_t trivet_trees_kernel_scratch_bytes(const struct trivet_trees_kernel *kernel, size_t n_rows);
/* margins (n_rows, n_margins) of x (n_rows, n_features), in single precision. `scratch` is 64-byte
 * aligned, the caller's. Any thread. */
void trivet_trees_kernel_run(const struct trivet_trees_kernel *kernel, struct trivet_const_matrix x,
                             float *margins, void *scratch);

#endif
