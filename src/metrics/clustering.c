#include "metrics/clustering.h"

#include "base/alloc.h"
#include "metrics/distance.h"
#include "metrics/sum.h"

#include <assert.h>
#include <math.h>

struct trivet_metric trivet_metrics_inertia(const struct trivet_clustering *clustering,
                                            const double *centres)
{
    struct trivet_sum sum = {0};
    size_t p = clustering->n_cols;
    for (size_t i = 0; i < clustering->n_rows; i++) {
        const double *centre = centres + clustering->labels[i] * p;
        trivet_sum_add(&sum, trivet_squared_distance(clustering->x + i * p, centre, p));
    }
    return trivet_metric_of("inertia", trivet_sum_value(&sum), clustering->n_rows > 0);
}

/* The clusters that have rows, and how these lie. */
struct dispersion {
    size_t n_clusters;
    size_t *n_rows;  /* owned (n_clusters); 0 for those that are left out */
    double *means;   /* owned (n_clusters + 1, n_cols), less row 0 of x; the last is of all rows */
    double *spreads; /* owned (n_clusters): mean distance of the rows to the mean */
    size_t n_present;
    double within; /* sum of squared distances of the rows to their mean */
};

static void dispersion_release(struct dispersion *dispersion)
{
    trivet_free(dispersion->n_rows);
    trivet_free(dispersion->means);
    trivet_free(dispersion->spreads);
}

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory judging a clustering; use fewer rows or clusters");
}

/* Taken from row 0: means of data far from 0 keep their digits. */
static void find_means(const struct trivet_clustering *clustering, struct dispersion *out)
{
    size_t p = clustering->n_cols;
    size_t k = clustering->n_clusters;
    double *all = out->means + k * p;
    for (size_t i = 0; i < clustering->n_rows; i++) {
        assert(clustering->labels[i] < k);
        double *mean = out->means + clustering->labels[i] * p;
        out->n_rows[clustering->labels[i]]++;
        for (size_t j = 0; j < p; j++) {
            mean[j] += clustering->x[i * p + j] - clustering->x[j];
        }
    }
    for (size_t c = 0; c < k; c++) {
        double n = (double)out->n_rows[c];
        out->n_present += out->n_rows[c] > 0;
        for (size_t j = 0; j < p && out->n_rows[c] > 0; j++) {
            all[j] += out->means[c * p + j];
            out->means[c * p + j] /= n;
        }
    }
    for (size_t j = 0; j < p && clustering->n_rows > 0; j++) {
        all[j] /= (double)clustering->n_rows;
    }
}

static void find_spreads(const struct trivet_clustering *clustering, struct dispersion *out)
{
    struct trivet_sum within = {0};
    size_t p = clustering->n_cols;
    for (size_t i = 0; i < clustering->n_rows; i++) {
        const double *mean = out->means + clustering->labels[i] * p;
        double squared = 0.0;
        for (size_t j = 0; j < p; j++) {
            double gap = (clustering->x[i * p + j] - clustering->x[j]) - mean[j];
            squared += gap * gap;
        }
        trivet_sum_add(&within, squared);
        out->spreads[clustering->labels[i]] += sqrt(squared);
    }
    for (size_t c = 0; c < clustering->n_clusters; c++) {
        out->spreads[c] /= out->n_rows[c] > 0 ? (double)out->n_rows[c] : 1.0;
    }
    out->within = trivet_sum_value(&within);
}

static double calinski_harabasz(const struct dispersion *dispersion, size_t n_rows, size_t n_cols)
{
    struct trivet_sum between = {0};
    const double *all = dispersion->means + dispersion->n_clusters * n_cols;
    for (size_t c = 0; c < dispersion->n_clusters; c++) {
        double squared = trivet_squared_distance(dispersion->means + c * n_cols, all, n_cols);
        trivet_sum_add(&between, (double)dispersion->n_rows[c] * squared);
    }
    if (dispersion->within == 0.0) {
        return 1.0;
    }
    double freedom = (double)(n_rows - dispersion->n_present) / (double)(dispersion->n_present - 1);
    return trivet_sum_value(&between) / dispersion->within * freedom;
}

/* The likeness of cluster c to the one most alike. */
static double likeness(const struct dispersion *dispersion, size_t n_cols, size_t c)
{
    double largest = 0.0;
    const double *mean = dispersion->means + c * n_cols;
    for (size_t other = 0; other < dispersion->n_clusters; other++) {
        if (other == c || dispersion->n_rows[other] == 0) {
            continue;
        }
        const double *other_mean = dispersion->means + other * n_cols;
        double apart = sqrt(trivet_squared_distance(mean, other_mean, n_cols));
        if (apart > 0.0) {
            double spread = dispersion->spreads[c] + dispersion->spreads[other];
            largest = fmax(largest, spread / apart);
        }
    }
    return largest;
}

static double davies_bouldin(const struct dispersion *dispersion, size_t n_cols)
{
    struct trivet_sum sum = {0};
    for (size_t c = 0; c < dispersion->n_clusters; c++) {
        if (dispersion->n_rows[c] > 0) {
            trivet_sum_add(&sum, likeness(dispersion, n_cols, c));
        }
    }
    return trivet_sum_value(&sum) / (double)dispersion->n_present;
}

enum trivet_status trivet_metrics_dispersion(const struct trivet_clustering *clustering,
                                             struct trivet_dispersion_metrics *out,
                                             struct trivet_error *err)
{
    size_t n_clusters = clustering->n_clusters;
    size_t n_cols = clustering->n_cols;
    enum trivet_status status = TRIVET_OK;
    /* One cluster more: of none there is an allocation all the same. */
    struct dispersion dispersion = {
        .n_clusters = n_clusters,
        .n_rows = trivet_calloc(n_clusters + 1, sizeof(*dispersion.n_rows)),
        .means = trivet_calloc(n_clusters + 1, n_cols * sizeof(*dispersion.means)),
        .spreads = trivet_calloc(n_clusters + 1, sizeof(*dispersion.spreads)),
    };
    if (dispersion.n_rows == NULL || dispersion.means == NULL || dispersion.spreads == NULL) {
        status = no_memory(err);
        goto done;
    }
    find_means(clustering, &dispersion);
    find_spreads(clustering, &dispersion);
    bool defined = dispersion.n_present >= 2 && dispersion.n_present < clustering->n_rows;
    double ch = defined ? calinski_harabasz(&dispersion, clustering->n_rows, n_cols) : 0.0;
    double db = defined ? davies_bouldin(&dispersion, n_cols) : 0.0;
    out->calinski_harabasz = trivet_metric_of("calinski_harabasz", ch, defined);
    out->davies_bouldin = trivet_metric_of("davies_bouldin", db, defined);
done:
    dispersion_release(&dispersion);
    return status;
}

typedef __int128 wide;

/* Σ of squares over `count` numbers. */
static wide sum_of_squares(const uint64_t *numbers, size_t count)
{
    wide sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (wide)numbers[i] * (wide)numbers[i];
    }
    return sum;
}

/* Ordered pairs of rows: together in both groupings, in one of them, in none. */
static double adjusted_rand(wide n_rows, wide both_squared, wide truth_squared, wide labels_squared)
{
    wide together = both_squared - n_rows;
    wide truth_only = truth_squared - both_squared;
    wide labels_only = labels_squared - both_squared;
    wide apart = n_rows * n_rows - truth_only - labels_only - both_squared;
    if (truth_only == 0 && labels_only == 0) {
        return 1.0;
    }
    wide agreement = together * apart - truth_only * labels_only;
    wide chance = (together + truth_only) * (truth_only + apart) +
                  (together + labels_only) * (labels_only + apart);
    return 2.0 * (double)agreement / (double)chance;
}

enum trivet_status trivet_metrics_adjusted_rand(const uint32_t *truth, size_t n_classes,
                                                const uint32_t *labels, size_t n_clusters,
                                                size_t n_rows, struct trivet_metric *out,
                                                struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    uint64_t *both = trivet_calloc(n_classes, n_clusters * sizeof(*both));
    uint64_t *of_truth = trivet_calloc(n_classes, sizeof(*of_truth));
    uint64_t *of_labels = trivet_calloc(n_clusters, sizeof(*of_labels));
    if (both == NULL || of_truth == NULL || of_labels == NULL) {
        status = no_memory(err);
        goto done;
    }
    for (size_t i = 0; i < n_rows; i++) {
        assert(truth[i] < n_classes && labels[i] < n_clusters);
        both[truth[i] * n_clusters + labels[i]]++;
        of_truth[truth[i]]++;
        of_labels[labels[i]]++;
    }
    double value =
        adjusted_rand((wide)n_rows, sum_of_squares(both, n_classes * n_clusters),
                      sum_of_squares(of_truth, n_classes), sum_of_squares(of_labels, n_clusters));
    *out = trivet_metric_of("adjusted_rand", value, n_rows > 0);
done:
    trivet_free(both);
    trivet_free(of_truth);
    trivet_free(of_labels);
    return status;
}

enum trivet_status trivet_metrics_clustering(const struct trivet_clustering *clustering,
                                             const double *centres, size_t n_silhouette_max,
                                             uint64_t seed,
                                             struct trivet_metric out[TRIVET_CLUSTERING_METRICS],
                                             struct trivet_error *err)
{
    struct trivet_metric silhouette;
    struct trivet_dispersion_metrics dispersion;
    enum trivet_status status =
        trivet_metrics_silhouette(clustering, n_silhouette_max, seed, &silhouette, err);
    if (status == TRIVET_OK) {
        status = trivet_metrics_dispersion(clustering, &dispersion, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    out[0] = trivet_metrics_inertia(clustering, centres);
    out[1] = silhouette;
    out[2] = dispersion.calinski_harabasz;
    out[3] = dispersion.davies_bouldin;
    return TRIVET_OK;
}
