#include "models/linear_svm.h"

#include "linalg/affine.h"

#include <math.h>

size_t trivet_linear_svm_n_equations(const struct trivet_linear_svm_problem *problem)
{
    return problem->data->n_classes > 2 ? problem->data->n_classes : 1;
}

size_t trivet_linear_svm_n_parameters(const struct trivet_linear_svm_problem *problem)
{
    return problem->data->x.n_cols + (problem->bias > 0.0 ? 1 : 0);
}

void trivet_linear_svm_row(const struct trivet_linear_svm_problem *problem, size_t equation,
                           size_t i, double *target, double *cost)
{
    const double y = problem->data->y[i];
    const size_t n_classes = problem->data->n_classes;
    *cost = problem->c;
    if (n_classes == 0) {
        *target = y;
        return;
    }
    const size_t class = (size_t)y;
    const bool positive = class == (n_classes == 2 ? 1 : equation);
    *target = positive ? 1.0 : -1.0;
    if (positive || n_classes == 2) {
        *cost *= problem->class_weights[class];
    }
}

static double penalty(const struct trivet_linear_svm_problem *problem, const double *theta,
                      size_t n)
{
    double sum = 0.0;
    for (size_t j = 0; j < n; j++) {
        sum += problem->l1 ? fabs(theta[j]) : 0.5 * theta[j] * theta[j];
    }
    return sum;
}

static double loss(const struct trivet_linear_svm_problem *problem, double target, double z)
{
    double excess =
        problem->data->n_classes > 0 ? 1.0 - target * z : fabs(target - z) - problem->epsilon;
    excess = fmax(excess, 0.0);
    return problem->squared ? excess * excess : excess;
}

double trivet_linear_svm_objective(const struct trivet_linear_svm_problem *problem,
                                   const double *theta)
{
    const struct trivet_matrix x = problem->data->x;
    const size_t n_parameters = trivet_linear_svm_n_parameters(problem);
    const size_t n_equations = trivet_linear_svm_n_equations(problem);
    double total = 0.0;
    for (size_t e = 0; e < n_equations; e++) {
        const double *w = &theta[e * n_parameters];
        const double intercept = problem->bias > 0.0 ? w[x.n_cols] * problem->bias : 0.0;
        total += penalty(problem, w, n_parameters);
        for (size_t i = 0; i < x.n_rows; i++) {
            double target = 0.0;
            double cost = 0.0;
            const double z = intercept + trivet_linalg_dot(&x.data[i * x.stride], w, x.n_cols);
            trivet_linear_svm_row(problem, e, i, &target, &cost);
            total += cost * loss(problem, target, z);
        }
    }
    return total;
}

enum trivet_status trivet_linear_svm_no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory for a linear support vector machine; use fewer rows or "
                            "features");
}
