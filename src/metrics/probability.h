/* How good probabilities of classes are, by scikit-learn 1.2's definitions.
 * Everywhere: truth (n_rows), indices < n_classes; probabilities (n_rows, n_classes) row-major,
 * finite, rows adding up to 1. No rows define nothing, and neither does a single class. */
#ifndef TRIVET_METRICS_PROBABILITY_H
#define TRIVET_METRICS_PROBABILITY_H

#include "base/compiler.h"
#include "metrics/metric.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

/* "log_loss": mean of -log p of the true class, p clipped to [2^-52, 1 - 2^-52] and the row then
 * divided by its sum. Rows of one class only do define it. */
struct trivet_metric trivet_metrics_log_loss(const uint32_t *truth, const double *probabilities,
                                             size_t n_rows, size_t n_classes);

/* "brier": two classes: mean of (p of class 1 - [truth is 1])². More (scikit-learn has none): mean
 * over the rows of the sum over classes of (p of c - [truth is c])² (Brier 1950), which for two
 * classes would be twice as much. */
struct trivet_metric trivet_metrics_brier(const uint32_t *truth, const double *probabilities,
                                          size_t n_rows, size_t n_classes);

/* Rows whose prediction lies in (lower, upper]; the lowest bin has 0 too. */
struct trivet_calibration_bin {
    double lower;
    double upper;
    uint64_t n_rows;
    double mean_predicted;    /* 0 without rows */
    double fraction_observed; /* 0 without rows */
};

#define TRIVET_CALIBRATION_BINS 10

/* Calibration table over n_bins >= 1 equal bins of [0, 1] into out (n_bins), empty ones too
 * (scikit-learn's calibration_curve leaves those out). Two classes: p of class 1, and the share of
 * rows that are of it. More: p of the predicted class (the first of the largest), and the share of
 * rows where that is right. A p below 0 or above 1 counts in the outer bins. */
void trivet_metrics_calibration(const uint32_t *truth, const double *probabilities, size_t n_rows,
                                size_t n_classes, struct trivet_calibration_bin *out,
                                size_t n_bins);

/* "calibration_error": Σ rows of bin / n_rows × |fraction_observed - mean_predicted| over a table
 * (expected calibration error, Naeini 2015; Guo 2017). */
struct trivet_metric trivet_metrics_calibration_error(const struct trivet_calibration_bin *bins,
                                                      size_t n_bins);

/* Order of the table: roc_auc and pr_auc (macro, metrics/ranking.h), log_loss, brier,
 * calibration_error (of TRIVET_CALIBRATION_BINS bins). */
#define TRIVET_PROBABILITY_METRICS 5

/* All of them; O(n_classes × n_rows log n_rows). RESOURCE_EXHAUSTED, and INVALID_ARGUMENT when a
 * probability is not a number; `out` is left alone then. */
enum trivet_status trivet_metrics_probability(const uint32_t *truth, const double *probabilities,
                                              size_t n_rows, size_t n_classes,
                                              struct trivet_metric out[TRIVET_PROBABILITY_METRICS],
                                              struct trivet_error *err) TRIVET_MUST_USE;

#endif
