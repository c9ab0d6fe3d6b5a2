/* The two ways to the minimum of trivet_logistic_problem. Internal to the logistic_*.c files. */
#ifndef TRIVET_MODELS_LOGISTIC_SOLVERS_H
#define TRIVET_MODELS_LOGISTIC_SOLVERS_H

#include "models/estimator.h"
#include "models/logistic_objective.h"

#include <stdint.h>

/* Parameters up to which trivet_logistic_newton is the faster. */
#define TRIVET_LOGISTIC_NEWTON_MAX 700

struct trivet_logistic_stop {
    double tol; /* of the greatest (sub)gradient, relative to that at zero */
    uint64_t max_iterations;
};

/* Outcome; theta (n_equations, n_parameters) is the caller's, zeros at the start. */
struct trivet_logistic_result {
    double *theta;
    bool converged;
    bool separated; /* without a penalty the classes can be told apart: there is no minimum */
    uint64_t iterations;
    double gradient_norm; /* greatest (sub)gradient */
    double value;
};

/* Newton's method; with l1 the quadratic model is minimised by coordinate descent (proximal
 * Newton: Lee, Sun, Saunders 2014), with a backtracking line search. Converges quadratically. Many
 * rows: the first steps look at a part of them. n² memory for n parameters. */
enum trivet_status trivet_logistic_newton(const struct trivet_logistic_problem *problem,
                                          const struct trivet_logistic_stop *stop,
                                          const struct trivet_fit_context *context,
                                          struct trivet_logistic_result *result,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* L-BFGS, with l1 its orthant-wise variant (Andrew, Gao 2007), by liblbfgs. */
enum trivet_status trivet_logistic_lbfgs(const struct trivet_logistic_problem *problem,
                                         const struct trivet_logistic_stop *stop,
                                         const struct trivet_fit_context *context,
                                         struct trivet_logistic_result *result,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* Greatest absolute subgradient of value + l1 |weights| at theta. */
double trivet_logistic_subgradient(const struct trivet_logistic_problem *problem,
                                   const double *theta, const double *gradient);

#endif
