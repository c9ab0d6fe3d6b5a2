/* Probabilities of classes from those of pairs of classes. */
#ifndef TRIVET_MODELS_SVM_COUPLING_H
#define TRIVET_MODELS_SVM_COUPLING_H

#include <stddef.h>

/* Doubles of scratch memory. */
size_t trivet_svm_coupling_scratch(size_t n_classes);
/* p (n_classes) minimises sum over i, j != i of (r_ji p_i - r_ij p_j)² with sum p = 1, where r (i,
 * j) of the matrix r (n_classes, n_classes) is the probability of i among i and j, in (0, 1): Wu,
 * Lin, Weng, Probability estimates for multi-class classification by pairwise coupling, 2004,
 * algorithm 2, swept until the optimality conditions hold to 1e-12 (libsvm stops at 0.005 /
 * n_classes). */
void trivet_svm_couple(const double *r, size_t n_classes, double *p, double *scratch);

#endif
