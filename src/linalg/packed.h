/* Products with weights that are laid out once and used often, in single precision. */
#ifndef TRIVET_LINALG_PACKED_H
#define TRIVET_LINALG_PACKED_H

#include "base/compiler.h"
#include "linalg/matrix.h"
#include "linalg/row_view.h"

#include <stdbool.h>
#include <stddef.h>

/* Units of a panel: what a row's sums in registers are made of. */
#define TRIVET_PACKED_PANEL 32

/* Weights of a dense layer in panels of 32 units, the last one filled up with zeros; a panel is
 * (n_in, 32), so that it is read in one go. */
struct trivet_packed {
    size_t n_in;
    size_t n_units;
    size_t stride;  /* n_units, in whole panels */
    float *weights; /* owned, 64-byte aligned: (panels, n_in, 32) */
    float *biases;  /* owned, (stride) */
};

/* From w (n_in, n_units) and biases (n_units), narrowed. False: out of memory. */
bool trivet_packed_init(struct trivet_packed *packed, struct trivet_const_matrix w,
                        const double *biases) TRIVET_MUST_USE;
void trivet_packed_release(struct trivet_packed *packed);
size_t trivet_packed_bytes(const struct trivet_packed *packed);
/* out (n_rows, stride), 64-byte aligned = biases + x w, x (n_rows, n_in) of floats; then, `relu`,
 * what is below 0 becomes 0. Every sum is made in the same order, so that a row's result is bitwise
 * the same alone and in any batch. Any thread. */
void trivet_packed_multiply(const struct trivet_packed *packed, const struct trivet_row_view *x,
                            bool relu, float *out);

#endif
