/* Metrics of predicted classes on plain arrays, by scikit-learn 1.2's definitions. Everything is a
 * function of the confusion matrix.
 *
 * A zero division counts as 0, as there: the precision of a class that was never predicted, the
 * recall of a class without rows, the F1 of neither, the Matthews coefficient of one column or row.
 * The averages then stay defined; which class it was is told by trivet_metrics_per_class. Only
 * without any row nothing is defined.
 *
 * A class is present when it is in the truth or among the predictions; averages over classes leave
 * the others out, as scikit-learn does when no labels are given. */
#ifndef TRIVET_METRICS_CLASSIFICATION_H
#define TRIVET_METRICS_CLASSIFICATION_H

#include "metrics/metric.h"

#include <stddef.h>
#include <stdint.h>

/* truth, predicted (n_rows), indices < n_classes → counts (n_classes, n_classes) row-major, set
 * anew: rows are the truth, columns the predictions. n_rows may be 0. */
void trivet_metrics_confusion(const uint32_t *truth, const uint32_t *predicted, size_t n_rows,
                              size_t n_classes, uint64_t *counts);

/* Of one class c against the rest; *_defined is false where 0 stands for a zero division. */
struct trivet_class_metrics {
    uint64_t support;     /* rows of the class: TP + FN */
    uint64_t n_predicted; /* TP + FP */
    double precision;     /* TP / (TP + FP) */
    double recall;        /* TP / (TP + FN) */
    double f1;            /* 2 TP / (2 TP + FP + FN) */
    bool precision_defined;
    bool recall_defined;
    bool f1_defined;
};

/* counts (n_classes, n_classes) → out (n_classes). */
void trivet_metrics_per_class(const uint64_t *counts, size_t n_classes,
                              struct trivet_class_metrics *out);

/* Order of the table:
 *   accuracy           share of the rows on the diagonal
 *   balanced_accuracy  mean recall over the classes that have rows
 *   precision, recall, f1  of class 1, the positive one, when n_classes is 2; else those of _macro
 *   *_macro            mean over the classes that are present
 *   *_weighted         mean over classes, weighted by support
 *   f1_micro           F1 of the summed TP, FP, FN; each row has one class, so it equals accuracy
 *   mcc                (s·c - Σ t·p) / √((s² - Σ p²)(s² - Σ t²)): Matthews (1975), for several
 *                      classes Gorodkin (2004); s rows, c of them right, t and p the sums of the
 *                      rows and columns */
#define TRIVET_CLASSIFICATION_METRICS 13

/* counts (n_classes, n_classes) → out. n_classes >= 1; fewer than 2^63 rows. */
void trivet_metrics_classification(const uint64_t *counts, size_t n_classes,
                                   struct trivet_metric out[TRIVET_CLASSIFICATION_METRICS]);

#endif
