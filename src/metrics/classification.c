#include "metrics/classification.h"

#include "metrics/sum.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Exact products of counts. */
typedef __int128 wide;

/* Positive class of two. */
#define POSITIVE 1

void trivet_metrics_confusion(const uint32_t *truth, const uint32_t *predicted, size_t n_rows,
                              size_t n_classes, uint64_t *counts)
{
    memset(counts, 0, n_classes * n_classes * sizeof(*counts));
    for (size_t i = 0; i < n_rows; i++) {
        assert(truth[i] < n_classes && predicted[i] < n_classes);
        counts[truth[i] * n_classes + predicted[i]]++;
    }
}

static double ratio(double numerator, double denominator)
{
    return denominator > 0.0 ? numerator / denominator : 0.0;
}

static struct trivet_class_metrics class_metrics(const uint64_t *counts, size_t n_classes,
                                                 size_t class)
{
    uint64_t support = 0;
    uint64_t n_predicted = 0;
    for (size_t other = 0; other < n_classes; other++) {
        support += counts[class * n_classes + other];
        n_predicted += counts[other * n_classes + class];
    }
    double right = (double)counts[class * n_classes + class];
    double either = (double)support + (double)n_predicted;
    return (struct trivet_class_metrics){
        .support = support,
        .n_predicted = n_predicted,
        .precision = ratio(right, (double)n_predicted),
        .recall = ratio(right, (double)support),
        .f1 = ratio(2.0 * right, either),
        .precision_defined = n_predicted > 0,
        .recall_defined = support > 0,
        .f1_defined = either > 0.0,
    };
}

void trivet_metrics_per_class(const uint64_t *counts, size_t n_classes,
                              struct trivet_class_metrics *out)
{
    for (size_t c = 0; c < n_classes; c++) {
        out[c] = class_metrics(counts, n_classes, c);
    }
}

/* Precision, recall and F1 of one class, or of all by some average. */
struct triple {
    double precision;
    double recall;
    double f1;
};

/* What the classes add up to. */
struct totals {
    uint64_t n_rows;
    uint64_t n_right;
    uint64_t n_present;
    uint64_t n_supported;
    struct trivet_sum recall; /* of the supported */
    struct trivet_sum macro[3];
    struct trivet_sum weighted[3];
    struct triple positive; /* of two classes */
    wide truth_predicted;
    wide truth_squared;
    wide predicted_squared;
};

static void add_class(struct totals *totals, const struct trivet_class_metrics *class,
                      uint64_t n_right)
{
    const double values[3] = {class->precision, class->recall, class->f1};
    totals->n_rows += class->support;
    totals->n_right += n_right;
    totals->n_present += class->f1_defined;
    totals->n_supported += class->recall_defined;
    trivet_sum_add(&totals->recall, class->recall);
    for (size_t m = 0; m < 3; m++) {
        trivet_sum_add(&totals->macro[m], values[m]);
        trivet_sum_add(&totals->weighted[m], values[m] * (double)class->support);
    }
    totals->truth_predicted += (wide) class->support * (wide) class->n_predicted;
    totals->truth_squared += (wide) class->support * (wide) class->support;
    totals->predicted_squared += (wide) class->n_predicted * (wide) class->n_predicted;
}

static struct triple average(const struct trivet_sum sums[3], double count)
{
    return (struct triple){
        .precision = ratio(trivet_sum_value(&sums[0]), count),
        .recall = ratio(trivet_sum_value(&sums[1]), count),
        .f1 = ratio(trivet_sum_value(&sums[2]), count),
    };
}

/* In whole numbers up to the division: nothing cancels. */
static double matthews(const struct totals *totals)
{
    wide squared = (wide)totals->n_rows * (wide)totals->n_rows;
    double covariance =
        (double)((wide)totals->n_rows * (wide)totals->n_right - totals->truth_predicted);
    double of_predicted = (double)(squared - totals->predicted_squared);
    double of_truth = (double)(squared - totals->truth_squared);
    return ratio(covariance, sqrt(of_predicted) * sqrt(of_truth));
}

void trivet_metrics_classification(const uint64_t *counts, size_t n_classes,
                                   struct trivet_metric out[TRIVET_CLASSIFICATION_METRICS])
{
    struct totals totals = {0};
    for (size_t c = 0; c < n_classes; c++) {
        struct trivet_class_metrics class = class_metrics(counts, n_classes, c);
        add_class(&totals, &class, counts[c * n_classes + c]);
        if (n_classes == 2 && c == POSITIVE) {
            totals.positive = (struct triple){class.precision, class.recall, class.f1};
        }
    }
    bool any = totals.n_rows > 0;
    double accuracy = ratio((double)totals.n_right, (double)totals.n_rows);
    double balanced = ratio(trivet_sum_value(&totals.recall), (double)totals.n_supported);
    struct triple macro = average(totals.macro, (double)totals.n_present);
    struct triple weighted = average(totals.weighted, (double)totals.n_rows);
    struct triple plain = n_classes == 2 ? totals.positive : macro;
    out[0] = trivet_metric_of("accuracy", accuracy, any);
    out[1] = trivet_metric_of("balanced_accuracy", balanced, any);
    out[2] = trivet_metric_of("precision", plain.precision, any);
    out[3] = trivet_metric_of("recall", plain.recall, any);
    out[4] = trivet_metric_of("f1", plain.f1, any);
    out[5] = trivet_metric_of("precision_macro", macro.precision, any);
    out[6] = trivet_metric_of("recall_macro", macro.recall, any);
    out[7] = trivet_metric_of("f1_macro", macro.f1, any);
    out[8] = trivet_metric_of("precision_weighted", weighted.precision, any);
    out[9] = trivet_metric_of("recall_weighted", weighted.recall, any);
    out[10] = trivet_metric_of("f1_weighted", weighted.f1, any);
    out[11] = trivet_metric_of("f1_micro", accuracy, any);
    out[12] = trivet_metric_of("mcc", matthews(&totals), any);
}
