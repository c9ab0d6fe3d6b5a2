/* Training of linear support vector machines. Internal to the linear_svc.c and linear_svm*.c files.
 */
#ifndef TRIVET_MODELS_LINEAR_SVM_H
#define TRIVET_MODELS_LINEAR_SVM_H

#include "models/estimator.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Parameters of an equation up to which Newton's method is the faster. */
#define TRIVET_LINEAR_SVM_NEWTON_MAX 700

/* Minimise over the parameters θ of each equation, with z_i = w·x_i + v bias and θ = (w, v):
 *
 *   classes  P(θ) + sum_i c_i max(0, 1 - t_i z_i)^q            t_i = ±1
 *   numbers  P(θ) + c sum_i max(0, |y_i - z_i| - epsilon)^q
 *
 * with P(θ) = ½||θ||² or, with l1, ||θ||₁; q = 2 when squared, else 1. Two classes are one
 * equation, t = 1 for class 1; more are one equation a class, t = 1 for the class. c_i = c times
 * the weight of the class that has t = 1 or, with two classes, of the row's; else c. These are
 * liblinear's objectives, and so scikit-learn's: the intercept v bias is penalised too. */
struct trivet_linear_svm_problem {
    const struct trivet_fit_data *data;
    bool l1;
    bool squared;
    double c;
    double epsilon;
    const double *class_weights; /* n_classes; NULL for numbers */
    double bias;                 /* value of the constant feature; 0 = no intercept */
    double tol;
    uint64_t seed;
};

enum trivet_linear_svm_solver {
    TRIVET_LINEAR_SVM_NEWTON,
    TRIVET_LINEAR_SVM_TRUST_REGION,
    TRIVET_LINEAR_SVM_COORDINATE_DESCENT,
};

/* Outcome; theta (n_equations, n_parameters) is the caller's, zeros at the start. */
struct trivet_linear_svm_result {
    double *theta;
    bool converged;
    uint64_t iterations;  /* of all equations */
    double gradient_norm; /* greatest of all equations; 0 = not looked at */
};

size_t trivet_linear_svm_n_equations(const struct trivet_linear_svm_problem *problem);
/* A weight a feature, then v if there is an intercept. */
size_t trivet_linear_svm_n_parameters(const struct trivet_linear_svm_problem *problem);
/* Target and cost of row i in an equation: t_i and c_i, or y_i and c. */
void trivet_linear_svm_row(const struct trivet_linear_svm_problem *problem, size_t equation,
                           size_t i, double *target, double *cost);
/* What is minimised, summed over the equations. */
double trivet_linear_svm_objective(const struct trivet_linear_svm_problem *problem,
                                   const double *theta);
enum trivet_status trivet_linear_svm_no_memory(struct trivet_error *err);

/* Squared losses with the l2 penalty: Newton's method, exact as soon as no row changes its side
 * (Keerthi, DeCoste: A modified finite Newton method for fast solution of large scale linear SVMs,
 * 2005). The Hessian I + 2 sum of c_i x_i x_iᵀ over the rows that have a loss is brought up to date
 * by those that changed. Two products with x an iteration, ten or so iterations; n_parameters²
 * memory and three numbers a row. */
enum trivet_status trivet_linear_svm_newton(const struct trivet_linear_svm_problem *problem,
                                            const struct trivet_fit_context *context,
                                            struct trivet_linear_svm_result *result,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* liblinear: its trust region method of squared losses with l2, or its coordinate descent: of the
 * dual problem with l2, of the primal with l1 (Fan, Chang, Hsieh, Wang, Lin: LIBLINEAR, 2008). At
 * most 1000 passes. A copy of x as sparse nodes of 16 bytes for each number that is not 0. One call
 * at a time in a process. */
enum trivet_status trivet_linear_svm_liblinear(const struct trivet_linear_svm_problem *problem,
                                               bool trust_region,
                                               const struct trivet_fit_context *context,
                                               struct trivet_linear_svm_result *result,
                                               struct trivet_error *err) TRIVET_MUST_USE;

#endif
