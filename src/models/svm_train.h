/* Training of support vector machines by libsvm. */
#ifndef TRIVET_MODELS_SVM_TRAIN_H
#define TRIVET_MODELS_SVM_TRAIN_H

#include "models/svm.h"

#include <stdbool.h>

/* For classes, of each pair: minimise ½ ||w||² + sum of C_i max(0, 1 - y_i f(x_i)) in the kernel's
 * space; `balanced`: C_i = C n / (n_classes n of the class), else C. For numbers: minimise
 * ½ ||w||² + C sum of max(0, |y_i - f(x_i)| - epsilon). */
struct trivet_svm_problem {
    const struct trivet_fit_data *data;
    struct trivet_svm_kernel kernel;
    double c;
    double epsilon;
    double tol; /* of the optimality conditions */
    double cache_mb;
    bool shrinking;
    bool balanced;
    bool calibrated; /* probabilities by Platt's method from 5 folds */
};

/* The common parameters of svc and svr out of their tables; gamma=scale is 1 / (n_features * the
 * variance of all numbers of x), 1 where that is 0; auto is 1 / n_features. */
void trivet_svm_problem_init(const struct trivet_params *params, const struct trivet_fit_data *data,
                             struct trivet_svm_problem *out);
/* Kernel of the parameters of a saved machine, without gamma. */
struct trivet_svm_kernel trivet_svm_kernel_of(const struct trivet_params *params);

/* One call at a time in a process: libsvm has one print hook and uses rand(), which is seeded here.
 * INVALID_ARGUMENT: the kernel's values of these data are beyond what can be computed with. */
enum trivet_status trivet_svm_train(const struct trivet_svm_problem *problem,
                                    const struct trivet_fit_context *context,
                                    struct trivet_svm *model, struct trivet_fit_report *report,
                                    struct trivet_error *err) TRIVET_MUST_USE;

#endif
