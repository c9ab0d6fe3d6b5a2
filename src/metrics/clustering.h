/* How good a clustering is, by scikit-learn 1.2's definitions, with euclidean distances. Clusters
 * without rows are left out of everything. */
#ifndef TRIVET_METRICS_CLUSTERING_H
#define TRIVET_METRICS_CLUSTERING_H

#include "base/compiler.h"
#include "metrics/metric.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

/* Rows and the cluster of each; borrowed. */
struct trivet_clustering {
    const double *x; /* (n_rows, n_cols) row-major, without gaps, finite */
    size_t n_rows;
    size_t n_cols;
    const uint32_t *labels; /* (n_rows), < n_clusters */
    size_t n_clusters;
};

/* "inertia": sum over the rows of the squared distance to the centre of their cluster; centres
 * (n_clusters, n_cols) row-major. */
struct trivet_metric trivet_metrics_inertia(const struct trivet_clustering *clustering,
                                            const double *centres);

/* Rows that a silhouette is computed of where nobody says otherwise: half a second at 50 columns;
 * the mean of so many has a standard error below 0.01. */
#define TRIVET_SILHOUETTE_ROWS 5000

/* "silhouette" (Rousseeuw 1987): mean over the rows of (b - a) / max(a, b), with a the mean
 * distance to the other rows of the cluster and b the least mean distance to the rows of another
 * one; 0 for the only row of its cluster. Exact up to n_rows_max rows. Of more, n_rows_max are
 * drawn by `seed` and judged among themselves, as scikit-learn's sample_size does: time is
 * O(n_rows_max² × n_cols), memory a copy of the rows judged. Not defined unless those have 2 ..
 * rows - 1 clusters. */
enum trivet_status trivet_metrics_silhouette(const struct trivet_clustering *clustering,
                                             size_t n_rows_max, uint64_t seed,
                                             struct trivet_metric *out,
                                             struct trivet_error *err) TRIVET_MUST_USE;

struct trivet_dispersion_metrics {
    /* Calinski and Harabasz (1974): between / (k - 1) over within / (n - k), of the squared
     * distances of k cluster means to the overall mean, weighted by rows, and of the n rows to
     * their cluster's mean. 1 where nothing is within. */
    struct trivet_metric calinski_harabasz;
    /* Davies and Bouldin (1979): mean over clusters of the largest (s_i + s_j) / d_ij, with s the
     * mean distance of a cluster's rows to its mean and d that of two means; pairs of equal means
     * are left out. Unlike scikit-learn, distances below 1e-8 are distances too. */
    struct trivet_metric davies_bouldin;
};

/* From the clusters' own means. Not defined unless there are 2 .. n_rows - 1 clusters with rows.
 * O(n_rows × n_cols + clusters² × n_cols). */
enum trivet_status trivet_metrics_dispersion(const struct trivet_clustering *clustering,
                                             struct trivet_dispersion_metrics *out,
                                             struct trivet_error *err) TRIVET_MUST_USE;

/* "adjusted_rand" (Hubert, Arabie 1985): pairs of rows on which truth and clusters agree, less what
 * chance agrees on: 1 the same grouping, 0 as by chance. truth (n_rows) < n_classes, labels
 * (n_rows) < n_clusters; fewer than 2^31 rows; memory n_classes × n_clusters. */
enum trivet_status trivet_metrics_adjusted_rand(const uint32_t *truth, size_t n_classes,
                                                const uint32_t *labels, size_t n_clusters,
                                                size_t n_rows, struct trivet_metric *out,
                                                struct trivet_error *err) TRIVET_MUST_USE;

/* Order of the table: inertia, silhouette, calinski_harabasz, davies_bouldin. */
#define TRIVET_CLUSTERING_METRICS 4

/* All that need no truth; `seed` draws the silhouette's rows, at most n_silhouette_max. `out` is
 * left alone on error: RESOURCE_EXHAUSTED. */
enum trivet_status trivet_metrics_clustering(const struct trivet_clustering *clustering,
                                             const double *centres, size_t n_silhouette_max,
                                             uint64_t seed,
                                             struct trivet_metric out[TRIVET_CLUSTERING_METRICS],
                                             struct trivet_error *err) TRIVET_MUST_USE;

#endif
