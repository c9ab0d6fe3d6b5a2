/* Whether the probabilities of a classifier may be believed: how sure it was of its decisions on
 * rows it did not learn from, and how often they were right. May be used by: training, monitor. */
#ifndef TRIVET_PROFILE_CALIBRATION_H
#define TRIVET_PROFILE_CALIBRATION_H

#include "trivet/v1/report.pb-c.h"

#include <stdbool.h>
#include <stddef.h>

#define TRIVET_CALIBRATION_BINS 10
/* With fewer rows, one answer in twenty may be wrong and none of them be seen: 0.95^60 < 5 %. */
#define TRIVET_CALIBRATION_ROWS_MIN 60
/* Expected calibration error beyond which nothing is made of probabilities, unless chance alone
 * makes as much: an estimate by them would be off by that much when other rows come, and a drop of
 * quality by that much is what alerts are about. Calibrated models have 0.01 to 0.02, those whose
 * probabilities nobody looked at 0.04 to 0.16 (Guo 2017). */
#define TRIVET_CALIBRATION_ERROR_MAX 0.05
/* Where chance makes more than this, good ones and bad ones look alike. */
#define TRIVET_CALIBRATION_CHANCE_MAX 0.1
#define TRIVET_CALIBRATION_TEXT_BYTES 256

/* `confidence`: the probability of each decision, in [0, 1]; n_rows >= 1. Allocates nothing; `out`
 * is initialised. O(n). */
void trivet_calibration_measure(const double *confidence, const bool *right, size_t n_rows,
                                Trivet__V1__Calibration *out);
/* Whether what is expected of these probabilities may be told; else `why`
 * (TRIVET_CALIBRATION_TEXT_BYTES) says why not, in a sentence's part. NULL: nothing is known of
 * them. */
bool trivet_calibration_is_good(const Trivet__V1__Calibration *calibration, char *why);
/* For what comes from outside: shares within [0, 1], errors finite and not negative, rows. */
bool trivet_calibration_is_sound(const Trivet__V1__Calibration *calibration);
/* Share of answers to be right where their mean confidence is `confidence`: that, corrected by how
 * far it was off on the held-out rows (difference of confidences, Guillory 2021). In [0, 1]. */
double trivet_calibration_expect(const Trivet__V1__Calibration *calibration, double confidence);

#endif
