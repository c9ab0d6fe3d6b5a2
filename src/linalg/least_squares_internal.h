/* Shared by the parts of least_squares*.c only. */
#ifndef TRIVET_LINALG_LEAST_SQUARES_INTERNAL_H
#define TRIVET_LINALG_LEAST_SQUARES_INTERNAL_H

#include "linalg/least_squares.h"

/* 256 rows of 50 columns are 100 KiB: a block stays in the second-level cache while it is centred
 * and multiplied. */
#define TRIVET_LS_BLOCK_ROWS 256

/* A problem on its way: X is (n, p) and becomes centred, y is our centred copy. */
struct trivet_ls {
    const struct trivet_least_squares_problem *problem;
    double *x;
    size_t n;
    size_t p;
    size_t stride;
    double *y;
    double *mean; /* of the columns; zeros without an intercept */
    double y_mean;
};

bool trivet_ls_progress(const struct trivet_ls *ls, double fraction);
enum trivet_status trivet_ls_cancelled(struct trivet_error *err);
enum trivet_status trivet_ls_no_memory(struct trivet_error *err);
/* Solve by QR and SVD; x is centred already. */
enum trivet_status trivet_ls_solve_svd(const struct trivet_ls *ls,
                                       struct trivet_least_squares_solution *solution,
                                       struct trivet_error *err);

#endif
