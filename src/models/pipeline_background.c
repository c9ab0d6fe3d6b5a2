/* What explanations are measured against: kept by a fit, saved with the pipeline. */
#include "base/alloc.h"
#include "base/rng.h"
#include "models/pipeline_internal.h"

#include <math.h>
#include <string.h>

/* Sums of the differences to the first row, so that an offset costs no digits; false when a value
 * is missing or a sum overflows. */
static bool sum_differences(struct trivet_const_matrix x, double *sums)
{
    double all = 0.0;
    for (size_t i = 0; i < x.n_rows; i++) {
        const double *row = &x.data[i * x.stride];
        for (size_t j = 0; j < x.n_cols; j++) {
            sums[j] += row[j] - x.data[j];
        }
    }
    for (size_t j = 0; j < x.n_cols; j++) {
        all += sums[j];
    }
    return isfinite(all) != 0;
}

/* One column with missing values, or of numbers too large to add up: a running mean. */
static double mean_of_present(struct trivet_const_matrix x, size_t j)
{
    double mean = 0.0;
    double n = 0.0;
    for (size_t i = 0; i < x.n_rows; i++) {
        const double value = x.data[i * x.stride + j];
        if (!isnan(value)) {
            n += 1.0;
            mean += value / n - mean / n;
        }
    }
    return mean;
}

static enum trivet_status keep_means(struct trivet_pipeline *pipeline, struct trivet_const_matrix x,
                                     struct trivet_error *err)
{
    pipeline->feature_means = trivet_calloc(x.n_cols, sizeof(double));
    if (pipeline->feature_means == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    const bool summed = sum_differences(x, pipeline->feature_means);
    for (size_t j = 0; j < x.n_cols; j++) {
        double *mean = &pipeline->feature_means[j];
        *mean = summed ? x.data[j] + *mean / (double)x.n_rows : mean_of_present(x, j);
    }
    return TRIVET_OK;
}

enum trivet_status trivet_pipeline_keep_background(struct trivet_pipeline *pipeline,
                                                   struct trivet_const_matrix x, uint64_t seed,
                                                   struct trivet_error *err)
{
    size_t n_background =
        x.n_rows < TRIVET_BACKGROUND_ROWS ? x.n_rows : (size_t)TRIVET_BACKGROUND_ROWS;
    enum trivet_status status = keep_means(pipeline, x, err);
    if (status != TRIVET_OK || pipeline->estimator->explain != NULL) {
        return status;
    }
    pipeline->background = trivet_alloc_array(n_background * x.n_cols, sizeof(double));
    if (pipeline->background == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    struct trivet_rng rng;
    trivet_rng_seed(&rng, seed);
    /* Selection sampling (Knuth, The Art of Computer Programming, vol. 2, algorithm 3.4.2 S). */
    for (size_t i = 0; pipeline->n_background < n_background; i++) {
        if (trivet_rng_below(&rng, x.n_rows - i) < n_background - pipeline->n_background) {
            memcpy(&pipeline->background[pipeline->n_background * x.n_cols], &x.data[i * x.stride],
                   x.n_cols * sizeof(double));
            pipeline->n_background++;
        }
    }
    return TRIVET_OK;
}

static bool all_finite(const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i])) {
            return false;
        }
    }
    return true;
}

enum trivet_status trivet_pipeline_load_background(struct trivet_pipeline *pipeline,
                                                   const Trivet__V1__Pipeline *message,
                                                   size_t n_features, struct trivet_error *err)
{
    bool sampled = pipeline->estimator->explain == NULL;
    size_t n_rows = message->n_background / n_features;
    bool good = message->n_feature_means == n_features &&
                all_finite(message->feature_means, n_features) &&
                message->n_background == n_rows * n_features && n_rows <= TRIVET_BACKGROUND_ROWS &&
                (n_rows > 0) == sampled;
    /* A background row may have missing values where the estimator takes them. */
    good = good && (pipeline->estimator->accepts_missing ||
                    all_finite(message->background, message->n_background));
    if (!good) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the saved pipeline is damaged: means and background do not fit "
                                "its %zu features",
                                n_features);
    }
    pipeline->feature_means = trivet_memdup(message->feature_means, n_features * sizeof(double));
    if (pipeline->feature_means == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    if (n_rows > 0) {
        pipeline->background =
            trivet_memdup(message->background, message->n_background * sizeof(double));
        if (pipeline->background == NULL) {
            return trivet_pipeline_no_memory(err);
        }
    }
    pipeline->n_background = n_rows;
    return TRIVET_OK;
}
