#include "metrics/regression.h"

#include "metrics/sum.h"

#include <float.h>
#include <math.h>

/* The sums that the metrics are made of. */
struct sums {
    double squared_error;
    double absolute_error;
    double percentage_error;
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
    for (size_t i = 0; i < n_rows; i++) {
        double error = truth[i] - predicted[i];
        double magnitude = fabs(truth[i]);
        trivet_sum_add(&sums[0], error * error);
        trivet_sum_add(&sums[1], fabs(error));
        trivet_sum_add(&sums[2], fabs(error) / (magnitude > DBL_EPSILON ? magnitude : DBL_EPSILON));
        trivet_sum_add(&sums[3], (error - error_mean) * (error - error_mean));
        trivet_sum_add(&sums[4], (truth[i] - truth_mean) * (truth[i] - truth_mean));
    }
    out->squared_error = trivet_sum_value(&sums[0]);
    out->absolute_error = trivet_sum_value(&sums[1]);
    out->percentage_error = trivet_sum_value(&sums[2]);
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

static struct trivet_metric metric(const char *name, double value, bool defined)
{
    bool usable = defined && isfinite(value);
    return (struct trivet_metric){.name = name, .value = usable ? value : 0.0, .defined = usable};
}

void trivet_metrics_regression(const double *truth, const double *predicted, size_t n_rows,
                               struct trivet_metric out[TRIVET_REGRESSION_METRICS])
{
    struct sums sums = {0};
    bool any = n_rows > 0;
    double n = any ? (double)n_rows : 1.0;
    if (any) {
        add_up(truth, predicted, n_rows, &sums);
    }
    out[0] = metric("mse", sums.squared_error / n, any);
    out[1] = metric("rmse", sqrt(sums.squared_error / n), any);
    out[2] = metric("mae", sums.absolute_error / n, any);
    out[3] = metric("r2", explained(sums.squared_error, sums.truth_deviation), n_rows >= 2);
    out[4] = metric("mape", sums.percentage_error / n, any);
    out[5] =
        metric("explained_variance", explained(sums.error_deviation, sums.truth_deviation), any);
}
