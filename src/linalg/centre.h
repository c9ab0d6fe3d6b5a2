/* Means, taken away in double precision before anything is squared. */
#ifndef TRIVET_LINALG_CENTRE_H
#define TRIVET_LINALG_CENTRE_H

#include "linalg/matrix.h"

/* Mean by differences to the first value, so that an offset costs no digits; n >= 1. */
double trivet_linalg_mean(const double *values, size_t n);
/* mean (n_cols) of the columns, which are taken from x. */
void trivet_linalg_centre(struct trivet_matrix x, double *mean);

#endif
