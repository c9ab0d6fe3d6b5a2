#include "metrics/probability.h"

#include "metrics/ranking.h"
#include "metrics/sum.h"

#include <float.h>
#include <math.h>

/* Positive class of two. */
#define POSITIVE 1

static double clipped(double p)
{
    return fmin(fmax(p, DBL_EPSILON), 1.0 - DBL_EPSILON);
}

struct trivet_metric trivet_metrics_log_loss(const uint32_t *truth, const double *probabilities,
                                             size_t n_rows, size_t n_classes)
{
    struct trivet_sum sum = {0};
    for (size_t i = 0; i < n_rows; i++) {
        const double *row = probabilities + i * n_classes;
        double total = 0.0;
        for (size_t c = 0; c < n_classes; c++) {
            total += clipped(row[c]);
        }
        trivet_sum_add(&sum, -log(clipped(row[truth[i]]) / total));
    }
    bool defined = n_rows > 0 && n_classes > 1;
    return trivet_metric_of("log_loss", trivet_sum_value(&sum) / (double)n_rows, defined);
}

struct trivet_metric trivet_metrics_brier(const uint32_t *truth, const double *probabilities,
                                          size_t n_rows, size_t n_classes)
{
    struct trivet_sum sum = {0};
    size_t first = n_classes == 2 ? POSITIVE : 0;
    for (size_t i = 0; i < n_rows; i++) {
        for (size_t c = first; c < n_classes; c++) {
            double gap = probabilities[i * n_classes + c] - (truth[i] == c ? 1.0 : 0.0);
            trivet_sum_add(&sum, gap * gap);
        }
    }
    bool defined = n_rows > 0 && n_classes > 1;
    return trivet_metric_of("brier", trivet_sum_value(&sum) / (double)n_rows, defined);
}

/* Edges as numpy.linspace rounds them. */
static double edge(size_t bin, size_t n_bins)
{
    return bin == n_bins ? 1.0 : (double)bin * (1.0 / (double)n_bins);
}

static size_t bin_of(double p, size_t n_bins)
{
    if (!(p > 0.0)) {
        return 0;
    }
    size_t bin = p < 1.0 ? (size_t)(p * (double)n_bins) : n_bins - 1;
    bin = bin < n_bins ? bin : n_bins - 1;
    while (bin > 0 && p <= edge(bin, n_bins)) {
        bin--;
    }
    while (bin + 1 < n_bins && p > edge(bin + 1, n_bins)) {
        bin++;
    }
    return bin;
}

/* The class whose probability is judged. */
static size_t judged_class(const double *row, size_t n_classes)
{
    if (n_classes == 2) {
        return POSITIVE;
    }
    size_t largest = 0;
    for (size_t c = 1; c < n_classes; c++) {
        largest = row[c] > row[largest] ? c : largest;
    }
    return largest;
}

void trivet_metrics_calibration(const uint32_t *truth, const double *probabilities, size_t n_rows,
                                size_t n_classes, struct trivet_calibration_bin *out, size_t n_bins)
{
    for (size_t b = 0; b < n_bins; b++) {
        out[b] =
            (struct trivet_calibration_bin){.lower = edge(b, n_bins), .upper = edge(b + 1, n_bins)};
    }
    for (size_t i = 0; i < n_rows; i++) {
        const double *row = probabilities + i * n_classes;
        size_t class = judged_class(row, n_classes);
        struct trivet_calibration_bin *bin = &out[bin_of(row[class], n_bins)];
        bin->n_rows++;
        bin->mean_predicted += row[class];
        bin->fraction_observed += truth[i] == class ? 1.0 : 0.0;
    }
    for (size_t b = 0; b < n_bins; b++) {
        double n = out[b].n_rows > 0 ? (double)out[b].n_rows : 1.0;
        out[b].mean_predicted /= n;
        out[b].fraction_observed /= n;
    }
}

struct trivet_metric trivet_metrics_calibration_error(const struct trivet_calibration_bin *bins,
                                                      size_t n_bins)
{
    struct trivet_sum sum = {0};
    uint64_t n_rows = 0;
    for (size_t b = 0; b < n_bins; b++) {
        double gap = fabs(bins[b].fraction_observed - bins[b].mean_predicted);
        trivet_sum_add(&sum, (double)bins[b].n_rows * gap);
        n_rows += bins[b].n_rows;
    }
    return trivet_metric_of("calibration_error", trivet_sum_value(&sum) / (double)n_rows,
                            n_rows > 0);
}

enum trivet_status trivet_metrics_probability(const uint32_t *truth, const double *probabilities,
                                              size_t n_rows, size_t n_classes,
                                              struct trivet_metric out[TRIVET_PROBABILITY_METRICS],
                                              struct trivet_error *err)
{
    struct trivet_ranking_metrics ranking;
    struct trivet_calibration_bin bins[TRIVET_CALIBRATION_BINS];
    enum trivet_status status = trivet_metrics_ranking(truth, probabilities, n_rows, n_classes,
                                                       TRIVET_AVERAGE_MACRO, &ranking, err);
    if (status != TRIVET_OK) {
        return status;
    }
    trivet_metrics_calibration(truth, probabilities, n_rows, n_classes, bins,
                               TRIVET_CALIBRATION_BINS);
    out[0] = ranking.roc_auc;
    out[1] = ranking.pr_auc;
    out[2] = trivet_metrics_log_loss(truth, probabilities, n_rows, n_classes);
    out[3] = trivet_metrics_brier(truth, probabilities, n_rows, n_classes);
    out[4] = trivet_metrics_calibration_error(bins, TRIVET_CALIBRATION_BINS);
    if (n_classes < 2) {
        out[4] = trivet_metric_of("calibration_error", 0.0, false);
    }
    return TRIVET_OK;
}
