/* One estimator on given data through its table of functions, without a pipeline. */
#ifndef TRIVET_TESTS_MODELS_TRIAL_H
#define TRIVET_TESTS_MODELS_TRIAL_H

#include "models/estimator.h"

#include <stdbool.h>
#include <stddef.h>

struct trial {
    const struct trivet_estimator_ops *ops;
    struct trivet_fit_data data; /* x is owned */
    struct trivet_params params;
    struct trivet_fit_report report;
    struct trivet_fit_context context; /* seed 7 */
    struct trivet_error err;
    void *state;
};

/* x (n_rows, n_cols) is copied, y borrowed. `settings`: "name=value" parted by spaces. */
void trial_make(struct trial *trial, const struct trivet_estimator_ops *ops, const char *settings,
                const double *x, size_t n_rows, size_t n_cols, const double *y, size_t n_classes);
/* Other settings from here on. */
void trial_set(struct trial *trial, const char *settings);
void trial_free(struct trial *trial);
/* The settings are refused with a message that has `words`. */
void trial_refuses(const struct trivet_estimator_ops *ops, const char *settings, const char *words);
/* Anew; the status. */
enum trivet_status trial_fit(struct trial *trial);
void trial_fit_or_fail(struct trial *trial);
/* As that; and every value of the report's loss curve must be told when it is there. */
void trial_fit_telling(struct trial *trial);
/* out (n_rows, n_outputs) */
void trial_predict(const struct trial *trial, const double *x, size_t n_rows, double *out);
/* Saves, packs, unpacks and loads: the state is then the loaded one. */
void trial_reload(struct trial *trial);
/* Fails when there is none of that name. */
double trial_fact(const struct trial *trial, const char *name);
bool trial_warned(const struct trial *trial, const char *words);
/* Fails unless all n values are within `tolerance`. */
void trial_near(const double *values, const double *expected, size_t n, double tolerance);
/* The same for one value; cmocka compares floats. */
void trial_close(double value, double expected, double tolerance);

#endif
