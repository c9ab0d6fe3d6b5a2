/* One or several linear equations: what linear_regression, logistic_regression, linear_svc and
 * linear_svr keep. */
#ifndef TRIVET_MODELS_LINEAR_MODEL_H
#define TRIVET_MODELS_LINEAR_MODEL_H

#include "models/estimator.h"

/* z_ik = intercepts[k] + coefficients[k]·x_i. Zero-initialised is none. The state of an estimator.
 */
struct trivet_linear_model {
    size_t n_equations;
    size_t n_features;
    double *coefficients; /* owned, (n_equations, n_features) */
    double *intercepts;   /* owned, n_equations */
};

/* From parameters (n_equations, n_features + intercept), and the same into `report`. */
enum trivet_status trivet_linear_model_set(struct trivet_linear_model *model, const double *theta,
                                           size_t n_equations, size_t n_features, bool intercept,
                                           struct trivet_fit_report *report,
                                           struct trivet_error *err) TRIVET_MUST_USE;
/* out (n_rows, at least n_equations): its first columns become z. A row's result is bitwise the
 * same alone and in any batch. */
void trivet_linear_model_margins(const struct trivet_linear_model *model,
                                 struct trivet_const_matrix x, struct trivet_matrix out);
/* z of a row, in its first n_equations places → probabilities of its classes: of two, 1 - p and p
 * of the one z, p = 1 / (1 + exp(-z)); of more, their softmax. */
void trivet_linear_model_probabilities(double *row, size_t n_equations);
/* INVALID_ARGUMENT unless x has the model's features and out its rows and `n_outputs` columns. */
enum trivet_status trivet_linear_model_check(const struct trivet_linear_model *model,
                                             const char *name, struct trivet_const_matrix x,
                                             struct trivet_matrix out, size_t n_outputs,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* The equations' values as they are: check, with an output each, and margins. */
enum trivet_status trivet_linear_model_predict(const struct trivet_linear_model *model,
                                               const char *name, struct trivet_const_matrix x,
                                               struct trivet_matrix out,
                                               struct trivet_error *err) TRIVET_MUST_USE;

/* Functions of the ops table; explain is of each equation. */
enum trivet_status trivet_linear_model_save(const void *state, struct trivet_arena *arena,
                                            Trivet__V1__Step *out,
                                            struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_linear_model_load(void *state, const struct trivet_params *params,
                                            const Trivet__V1__Step *step,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* DATA_LOSS for two equations too: two classes have one. */
enum trivet_status trivet_linear_model_load_classifier(void *state,
                                                       const struct trivet_params *params,
                                                       const Trivet__V1__Step *step,
                                                       struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_linear_model_explain(const void *state, struct trivet_const_matrix x,
                                               const double *means, double *contributions,
                                               double *base,
                                               struct trivet_error *err) TRIVET_MUST_USE;
bool trivet_linear_model_linear(const void *state, struct trivet_linear_model *equations);
size_t trivet_linear_model_n_features(const void *state);
size_t trivet_linear_model_n_equations(const void *state);
size_t trivet_linear_model_memory_bytes(const void *state);
void trivet_linear_model_release(void *state);

#endif
