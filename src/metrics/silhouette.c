/* The silhouette: rows are copied cluster after cluster, so that the distances of a row to a
 * cluster are one sum over neighbouring rows. */
#include "base/alloc.h"
#include "base/rng.h"
#include "metrics/clustering.h"
#include "metrics/distance.h"
#include "metrics/sum.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* The rows judged, by cluster: cluster c has rows first[c] .. first[c + 1] - 1. */
struct sample {
    size_t n_rows;
    size_t n_cols;
    size_t n_clusters;
    size_t *rows;  /* owned: of the clustering */
    size_t *first; /* owned (n_clusters + 2) */
    double *x;     /* owned (n_rows, n_cols) */
};

static void sample_release(struct sample *sample)
{
    trivet_free(sample->rows);
    trivet_free(sample->first);
    trivet_free(sample->x);
}

/* rows[0 .. n_rows) ← a draw of that many, or all. The caller has room for every row. */
static void draw_rows(size_t *rows, size_t n_all, size_t n_rows, uint64_t seed)
{
    for (size_t i = 0; i < n_all; i++) {
        rows[i] = i;
    }
    if (n_rows < n_all) {
        struct trivet_rng rng;
        trivet_rng_seed(&rng, seed);
        trivet_rng_shuffle(&rng, rows, n_all);
    }
}

/* Counting sort; first[c + 1] runs through cluster c while it is copied. */
static void copy_by_cluster(const struct trivet_clustering *clustering, struct sample *out)
{
    size_t p = out->n_cols;
    for (size_t i = 0; i < out->n_rows; i++) {
        uint32_t label = clustering->labels[out->rows[i]];
        assert(label < out->n_clusters);
        out->first[label + 2]++;
    }
    for (size_t c = 2; c < out->n_clusters + 2; c++) {
        out->first[c] += out->first[c - 1];
    }
    for (size_t i = 0; i < out->n_rows; i++) {
        size_t row = out->rows[i];
        size_t place = out->first[clustering->labels[row] + 1]++;
        memcpy(out->x + place * p, clustering->x + row * p, p * sizeof(*out->x));
    }
}

static size_t count_present(const struct sample *sample)
{
    size_t count = 0;
    for (size_t c = 0; c < sample->n_clusters; c++) {
        count += sample->first[c + 1] > sample->first[c];
    }
    return count;
}

/* Sum of the distances of `row` to the rows of cluster c. */
static double distance_to(const struct sample *sample, const double *row, size_t c)
{
    double sum = 0.0;
    for (size_t i = sample->first[c]; i < sample->first[c + 1]; i++) {
        sum += sqrt(trivet_squared_distance(row, sample->x + i * sample->n_cols, sample->n_cols));
    }
    return sum;
}

static double silhouette_of(const struct sample *sample, size_t i, size_t own)
{
    const double *row = sample->x + i * sample->n_cols;
    size_t n_own = sample->first[own + 1] - sample->first[own];
    if (n_own == 1) {
        return 0.0;
    }
    double nearest = INFINITY;
    for (size_t c = 0; c < sample->n_clusters; c++) {
        size_t n = sample->first[c + 1] - sample->first[c];
        if (c != own && n > 0) {
            nearest = fmin(nearest, distance_to(sample, row, c) / (double)n);
        }
    }
    double within = distance_to(sample, row, own) / (double)(n_own - 1);
    double larger = fmax(within, nearest);
    return larger > 0.0 ? (nearest - within) / larger : 0.0;
}

static double mean_silhouette(const struct sample *sample)
{
    struct trivet_sum sum = {0};
    for (size_t c = 0; c < sample->n_clusters; c++) {
        for (size_t i = sample->first[c]; i < sample->first[c + 1]; i++) {
            trivet_sum_add(&sum, silhouette_of(sample, i, c));
        }
    }
    return trivet_sum_value(&sum) / (double)sample->n_rows;
}

enum trivet_status trivet_metrics_silhouette(const struct trivet_clustering *clustering,
                                             size_t n_rows_max, uint64_t seed,
                                             struct trivet_metric *out, struct trivet_error *err)
{
    size_t n_all = clustering->n_rows;
    size_t n_rows = n_all < n_rows_max ? n_all : n_rows_max;
    struct sample sample = {
        .n_rows = n_rows,
        .n_cols = clustering->n_cols,
        .n_clusters = clustering->n_clusters,
        /* One row more: of none there is an allocation all the same. */
        .rows = trivet_alloc_array(n_all + 1, sizeof(*sample.rows)),
        .first = trivet_calloc(clustering->n_clusters + 2, sizeof(*sample.first)),
        .x = trivet_alloc_array(n_rows + 1, clustering->n_cols * sizeof(*sample.x)),
    };
    enum trivet_status status = TRIVET_OK;
    if (sample.rows == NULL || sample.first == NULL || sample.x == NULL) {
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                  "out of memory for the silhouette of %zu rows; use fewer rows",
                                  n_rows);
        goto done;
    }
    draw_rows(sample.rows, n_all, n_rows, seed);
    copy_by_cluster(clustering, &sample);
    size_t n_present = count_present(&sample);
    bool defined = n_present >= 2 && n_present < n_rows;
    *out = trivet_metric_of("silhouette", defined ? mean_silhouette(&sample) : 0.0, defined);
done:
    sample_release(&sample);
    return status;
}
