/* Functions of inner products, many at once: the kernels of support vector machines. Each loop is
 * compiled for several CPUs and the best is chosen when the program starts. Any thread. */
#ifndef TRIVET_LINALG_KERNELS_H
#define TRIVET_LINALG_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* x[i] = exp(x[i]), within 2 units of the last place; 0 below -708 and infinity above 709 (exp
 * itself is 3e-308 and 8e307 there). n numbers, none NaN. */
void trivet_linalg_exp(double *x, size_t n);
/* dots[i] = a·b_i → exp(-gamma ||a - b_i||²), from norm = a·a and norms[i] = b_i·b_i; a distance
 * that rounding made negative is 0. */
void trivet_linalg_kernel_rbf(double *restrict dots, const double *restrict norms, double norm,
                              double gamma, size_t n);
/* dots[i] → (gamma dots[i] + coef0)^degree, degree >= 0; 0^0 = 1. */
void trivet_linalg_kernel_polynomial(double *dots, double gamma, double coef0, uint64_t degree,
                                     size_t n);
/* dots[i] → tanh(gamma dots[i] + coef0), within 4e-16. */
void trivet_linalg_kernel_sigmoid(double *dots, double gamma, double coef0, size_t n);

#endif
