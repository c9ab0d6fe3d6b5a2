#include "metrics/regression.h"

#include "metrics/sum.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* Of the selection by digits: 64 bits in six passes, and the counts fit into the first cache. */
#define DIGIT_BITS   11
#define DIGIT_COUNT  (1U << DIGIT_BITS)
#define DIGITS_SHIFT 55

/* The sums that the metrics are made of. */
struct sums {
    double squared_error;
    double absolute_error;
    double percentage_error;
    double largest_error;
    double error_deviation; /* of truth - predicted round its mean, squared */
    double truth_deviation; /* of the truth round its mean, squared */
};

/* Means are taken of differences to the first row: then a constant truth deviates by exactly 0. */
static void add_up(const double *truth, const double *predicted, size_t n_rows, struct sums *out)
{
    struct trivet_sum truth_sum = {0};
    struct trivet_sum error_sum = {0};
    double error_first = truth[0] - predicted[0];
    for (size_t i = 0; i < n_rows; i++) {
        trivet_sum_add(&truth_sum, truth[i] - truth[0]);
        trivet_sum_add(&error_sum, (truth[i] - predicted[i]) - error_first);
    }
    double truth_mean = truth[0] + trivet_sum_value(&truth_sum) / (double)n_rows;
    double error_mean = error_first + trivet_sum_value(&error_sum) / (double)n_rows;
    struct trivet_sum sums[5] = {0};
    double largest = 0.0;
    for (size_t i = 0; i < n_rows; i++) {
        double error = truth[i] - predicted[i];
        double magnitude = fabs(truth[i]);
        largest = fmax(largest, fabs(error));
        trivet_sum_add(&sums[0], error * error);
        trivet_sum_add(&sums[1], fabs(error));
        trivet_sum_add(&sums[2], fabs(error) / (magnitude > DBL_EPSILON ? magnitude : DBL_EPSILON));
        trivet_sum_add(&sums[3], (error - error_mean) * (error - error_mean));
        trivet_sum_add(&sums[4], (truth[i] - truth_mean) * (truth[i] - truth_mean));
    }
    out->squared_error = trivet_sum_value(&sums[0]);
    out->absolute_error = trivet_sum_value(&sums[1]);
    out->percentage_error = trivet_sum_value(&sums[2]);
    out->largest_error = largest;
    out->error_deviation = trivet_sum_value(&sums[3]);
    out->truth_deviation = trivet_sum_value(&sums[4]);
}

/* 1 - numerator / denominator; of a constant truth 1 when it is met and 0 when not. */
static double explained(double numerator, double denominator)
{
    if (denominator != 0.0) {
        return 1.0 - numerator / denominator;
    }
    return numerator == 0.0 ? 1.0 : 0.0;
}

/* |truth - predicted| of a row as bits: those of doubles >= 0 are in the doubles' order. */
static uint64_t error_bits(const double *truth, const double *predicted, size_t i)
{
    double magnitude = fabs(truth[i] - predicted[i]);
    uint64_t bits;
    memcpy(&bits, &magnitude, sizeof(bits));
    return bits;
}

/* The absolute error of `rank` (from 0) in ascending order: its bits are found digit by digit from
 * the top, counting the rows that share the digits found so far. Needs no memory for the rows. */
static double error_of_rank(const double *truth, const double *predicted, size_t n_rows,
                            size_t rank)
{
    uint64_t found = 0;
    uint64_t mask = 0;
    for (int shift = DIGITS_SHIFT; shift >= 0; shift -= DIGIT_BITS) {
        size_t counts[DIGIT_COUNT] = {0};
        for (size_t i = 0; i < n_rows; i++) {
            uint64_t bits = error_bits(truth, predicted, i);
            counts[(bits >> shift) & (DIGIT_COUNT - 1)] += (bits & mask) == found;
        }
        uint64_t digit = 0;
        while (rank >= counts[digit]) {
            rank -= counts[digit++];
        }
        found |= digit << shift;
        mask |= (uint64_t)(DIGIT_COUNT - 1) << shift;
    }
    double magnitude;
    memcpy(&magnitude, &found, sizeof(magnitude));
    return magnitude;
}

static double median_error(const double *truth, const double *predicted, size_t n_rows)
{
    double upper = error_of_rank(truth, predicted, n_rows, n_rows / 2);
    if (n_rows % 2 == 1) {
        return upper;
    }
    return (error_of_rank(truth, predicted, n_rows, n_rows / 2 - 1) + upper) / 2.0;
}

struct trivet_metric trivet_metrics_pinball(const double *truth, const double *predicted,
                                            size_t n_rows, double quantile)
{
    struct trivet_sum sum = {0};
    for (size_t i = 0; i < n_rows; i++) {
        double error = truth[i] - predicted[i];
        trivet_sum_add(&sum, error >= 0.0 ? quantile * error : (quantile - 1.0) * error);
    }
    return trivet_metric_of("pinball_loss", trivet_sum_value(&sum) / (double)n_rows, n_rows > 0);
}

void trivet_metrics_regression(const double *truth, const double *predicted, size_t n_rows,
                               struct trivet_metric out[TRIVET_REGRESSION_METRICS])
{
    struct sums sums = {0};
    bool any = n_rows > 0;
    double n = any ? (double)n_rows : 1.0;
    double median = 0.0;
    if (any) {
        add_up(truth, predicted, n_rows, &sums);
        median = median_error(truth, predicted, n_rows);
    }
    double r2 = explained(sums.squared_error, sums.truth_deviation);
    double explained_variance = explained(sums.error_deviation, sums.truth_deviation);
    out[0] = trivet_metric_of("mse", sums.squared_error / n, any);
    out[1] = trivet_metric_of("rmse", sqrt(sums.squared_error / n), any);
    out[2] = trivet_metric_of("mae", sums.absolute_error / n, any);
    out[3] = trivet_metric_of("r2", r2, n_rows >= 2);
    out[4] = trivet_metric_of("mape", sums.percentage_error / n, any);
    out[5] = trivet_metric_of("explained_variance", explained_variance, any);
    out[6] = trivet_metric_of("median_absolute_error", median, any);
    out[7] = trivet_metric_of("max_error", sums.largest_error, any);
    out[8] = trivet_metrics_pinball(truth, predicted, n_rows, 0.5);
}
