/* What logistic regression minimises: value, gradient and second derivatives, in one pass over the
 * rows. Internal to the logistic_*.c files. */
#ifndef TRIVET_MODELS_LOGISTIC_OBJECTIVE_H
#define TRIVET_MODELS_LOGISTIC_OBJECTIVE_H

#include "base/compiler.h"
#include "linalg/matrix.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>

/* Minimise over the equations k of weights w_k and intercepts b_k, with z_ik = b_k + w_k·x_i:
 *
 *   two classes  sum_i s_i log(1 + exp(-t_i z_i)) + l2/2 ||w||² + l1 ||w||₁,  t_i = ±1
 *   more         sum_i s_i (log sum_k exp(z_ik) - z_i,y(i)) + l2/2 sum ||w_k||² + l1 sum ||w_k||₁
 *
 * with s_i = weights[y_i]: scikit-learn's objective, its C within the weights. */
struct trivet_logistic_problem {
    struct trivet_const_matrix x; /* (n_rows, n_features) */
    const double *y;              /* n_rows: class indices */
    size_t n_classes;
    const double *weights; /* n_classes */
    double l1;
    double l2;
    bool intercept;
    unsigned n_threads;
};

struct trivet_logistic_objective;

/* Equations: 1 for two classes, else one a class. Parameters of an equation: a weight a feature,
 * then the intercept if there is one. */
size_t trivet_logistic_n_equations(const struct trivet_logistic_problem *problem);
size_t trivet_logistic_n_parameters(const struct trivet_logistic_problem *problem);

/* `problem` is borrowed. `with_hessian`: room for second derivatives is made. Features are centred:
 * an intercept found is that of centred features. */
enum trivet_status trivet_logistic_objective_create(const struct trivet_logistic_problem *problem,
                                                    bool with_hessian,
                                                    struct trivet_logistic_objective **out,
                                                    struct trivet_error *err) TRIVET_MUST_USE;
void trivet_logistic_objective_free(struct trivet_logistic_objective *objective);
/* Means of the features, n_features; zeros without an intercept. */
const double *trivet_logistic_objective_means(const struct trivet_logistic_objective *objective);

/* At theta (n_equations, n_parameters), without the l1 term: *value, gradient (as theta), and
 * hessian (n, n) with n = equations × parameters, NULL: not wanted. Of `part` > 1 every part-th
 * block of rows is looked at and counts for all: an approximation. One thread calls; it starts
 * others. The same number of threads gives the same bits. */
void trivet_logistic_objective_evaluate(struct trivet_logistic_objective *objective,
                                        const double *theta, size_t part, double *value,
                                        double *gradient, double *hessian);
/* Intercepts of theta from those of centred features to those of the features as they are. */
void trivet_logistic_uncentre(const struct trivet_logistic_problem *problem, const double *means,
                              double *theta);
/* l1 times the absolute weights of theta. */
double trivet_logistic_l1(const struct trivet_logistic_problem *problem, const double *theta);

#endif
