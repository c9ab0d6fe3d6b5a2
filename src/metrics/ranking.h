/* How well scores rank the rows of a class before the others: ROC and precision-recall curves and
 * the areas under them, by scikit-learn 1.2's definitions. Scores are probabilities or any other
 * numbers that grow with the likelihood of the class; only their order counts. */
#ifndef TRIVET_METRICS_RANKING_H
#define TRIVET_METRICS_RANKING_H

#include "base/compiler.h"
#include "metrics/metric.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

/* The distinct scores, each a threshold: a row is taken for positive when its score is not below.
 */
struct trivet_ranking;

/* Rank the rows by scores[i × stride]; truth[i] == positive is a positive row. O(n log n) time, 32
 * bytes a row. INVALID_ARGUMENT: a score is NaN. */
enum trivet_status trivet_ranking_create(const double *scores, size_t stride, const uint32_t *truth,
                                         uint32_t positive, size_t n_rows,
                                         struct trivet_ranking **out,
                                         struct trivet_error *err) TRIVET_MUST_USE;
void trivet_ranking_free(struct trivet_ranking *ranking);

/* "roc_auc": the chance that a positive row's score is above a negative's, ties counting half. Not
 * defined unless there are both. Exact up to the last division. */
struct trivet_metric trivet_ranking_roc_auc(const struct trivet_ranking *ranking);

/* "pr_auc": average precision, Σ (recall_i - recall_(i-1)) × precision_i over the thresholds from
 * the highest: no interpolation between them. Not defined unless there are positives and negatives:
 * without negatives it is 1 whatever the scores. */
struct trivet_metric trivet_ranking_pr_auc(const struct trivet_ranking *ranking);

struct trivet_curve_point {
    double x;
    double y;
    double threshold;
};

/* Fewest points that a curve can be asked for. */
#define TRIVET_CURVE_POINTS_MIN 4

/* Most points that any curve of this ranking has: thresholds + 1. */
size_t trivet_ranking_points_max(const struct trivet_ranking *ranking);

/* ROC curve from (0, 0) to (1, 1): x the false positive rate, y the true positive rate, thresholds
 * falling; that of (0, 0) is the highest score + 1, as scikit-learn 1.2 gives it. Points on a
 * straight line between their neighbours are left out. Writes at most n_points_max >=
 * TRIVET_CURVE_POINTS_MIN points to `out` and returns how many; 0 where the area is not defined.
 * When there are more, the curve is cut in pieces of equal x + y and the first and last point of
 * each is kept: the area changes by less than 1 / n_points_max, and by far less for a curve that
 * does not zigzag. */
size_t trivet_ranking_roc_curve(const struct trivet_ranking *ranking,
                                struct trivet_curve_point *out, size_t n_points_max);

/* Precision-recall curve from (0, 1): x the recall, y the precision, thresholds falling
 * (scikit-learn's order reversed); that of (0, 1) is the highest score + 1. Thinned as above, in
 * pieces of equal x. */
size_t trivet_ranking_pr_curve(const struct trivet_ranking *ranking, struct trivet_curve_point *out,
                               size_t n_points_max);

enum trivet_metric_average {
    TRIVET_AVERAGE_MACRO,    /* every class counts alike */
    TRIVET_AVERAGE_WEIGHTED, /* by its rows */
};

struct trivet_ranking_metrics {
    struct trivet_metric roc_auc;
    struct trivet_metric pr_auc;
};

/* Of all classes: scores (n_rows, n_classes) row-major, truth (n_rows) < n_classes. Two classes:
 * class 1 is the positive one, by its own column. More: each class against the rest, then the mean
 * over the classes that have rows (scikit-learn refuses when one has none). Not defined when the
 * rows are of fewer than two classes. INVALID_ARGUMENT: a score is NaN. */
enum trivet_status trivet_metrics_ranking(const uint32_t *truth, const double *scores,
                                          size_t n_rows, size_t n_classes,
                                          enum trivet_metric_average average,
                                          struct trivet_ranking_metrics *out,
                                          struct trivet_error *err) TRIVET_MUST_USE;

#endif
