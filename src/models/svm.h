/* Fitted support vector machines, shared by svc and svr: what training leaves and how it predicts.
 *
 * Equation e of a row x is f_e(x) = b_e + sum over support vectors s of c_es K(s, x). A regression
 * has one; k classes have one for each pair (i, j), i < j, in the order (0, 1), (0, 2) … (1, 2) …,
 * to which only the support vectors of the two classes contribute: positive is a vote for i. Of two
 * classes the sign is turned, so that positive is class 1. */
#ifndef TRIVET_MODELS_SVM_H
#define TRIVET_MODELS_SVM_H

#include "base/compiler.h"
#include "models/estimator.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

/* Order of the words of the parameter `kernel`. */
enum trivet_svm_kind {
    TRIVET_SVM_LINEAR,
    TRIVET_SVM_POLYNOMIAL, /* (gamma s·x + coef0)^degree */
    TRIVET_SVM_RBF,        /* exp(-gamma ||s - x||²) */
    TRIVET_SVM_SIGMOID,    /* tanh(gamma s·x + coef0) */
};

struct trivet_svm_kernel {
    enum trivet_svm_kind kind;
    double gamma;
    double coef0;
    uint64_t degree;
};

/* The state of svc and svr. Arrays are owned. A linear machine is its equations' weights; of every
 * other the support vectors are kept, those of one class together. */
struct trivet_svm {
    struct trivet_svm_kernel kernel;
    size_t n_features;
    size_t n_classes; /* 0: regression */
    size_t n_equations;
    double *intercepts; /* (n_equations) */
    double *weights;    /* linear: (n_equations, n_features) */
    size_t n_vectors;
    int64_t *counts; /* (n_groups): support vectors of each class, or of the regression */
    double *shift;   /* (n_features): taken off rows before they meet support vectors */
    double *vectors; /* (n_vectors, n_features), with the shift taken off */
    double *norms;   /* (n_vectors): ||vector||²; follows from them */
    double
        *coefficients;   /* (n_vectors, n_columns): of its class against each other one, in order */
    double *calibration; /* (n_equations, 2): A, B of p = 1 / (1 + exp(A f + B)); NULL: none */
};

/* n_classes classes, or 1 for a regression. */
size_t trivet_svm_n_groups(const struct trivet_svm *model);
/* Columns of `coefficients`. */
size_t trivet_svm_n_columns(const struct trivet_svm *model);
/* Equation of classes i < j. */
size_t trivet_svm_pair(const struct trivet_svm *model, size_t i, size_t j);

/* `norms` from `vectors`. */
void trivet_svm_set_norms(struct trivet_svm *model);
enum trivet_status trivet_svm_no_memory(struct trivet_error *err);

/* The functions of the estimators' tables; see models/estimator.h. */
enum trivet_status trivet_svm_predict(const void *state, struct trivet_const_matrix x,
                                      struct trivet_matrix out, struct trivet_error *err);
size_t trivet_svm_scratch_bytes(const void *state, size_t n_rows);
void trivet_svm_predict_in(const void *state, struct trivet_const_matrix x,
                           struct trivet_matrix out, void *memory);
enum trivet_status trivet_svm_save(const void *state, struct trivet_arena *arena,
                                   Trivet__V1__Step *out, struct trivet_error *err);
/* `model` has kernel (but gamma), and n_classes 0 for a regression or not 0 for classes;
 * `calibrated`: calibration is due. */
enum trivet_status trivet_svm_load(struct trivet_svm *model, bool calibrated,
                                   const Trivet__V1__Step *step,
                                   struct trivet_error *err) TRIVET_MUST_USE;
bool trivet_svm_linear(const void *state, struct trivet_linear_model *equations);
size_t trivet_svm_n_features(const void *state);
size_t trivet_svm_n_outputs(const void *state);
enum trivet_output_kind trivet_svm_output_kind(const void *state);
size_t trivet_svm_memory_bytes(const void *state);
void trivet_svm_release(void *state);

#endif
