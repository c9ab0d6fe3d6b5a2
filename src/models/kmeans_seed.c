#include "linalg/nearest.h"
#include "models/kmeans_internal.h"
#include "models/row_threads.h"

#include <math.h>
#include <string.h>

static double *centre_of(const struct trivet_kmeans_runs *runs, size_t run, size_t cluster)
{
    size_t k = runs->problem->n_clusters;
    return &runs->centres[(run * k + cluster) * runs->problem->x.n_cols];
}

static void set_point(struct trivet_kmeans_runs *runs, size_t point, size_t row)
{
    size_t p = runs->problem->x.n_cols;
    memcpy(&runs->points[point * p], trivet_kmeans_row(runs, row), p * sizeof(double));
    runs->point_norms[point] = runs->problem->norms[row];
}

/* Adds up what the sums of closest distances would be with each candidate. */
static void measure_candidates(void *ctx, size_t number, size_t first, size_t end)
{
    struct trivet_kmeans_runs *runs = ctx;
    struct trivet_kmeans_part *part = &runs->parts[number];
    size_t n_rows = runs->problem->x.n_rows;
    memset(part->potentials, 0, runs->n_points * sizeof(double));
    for (size_t at = first; at < end; at += runs->block_rows) {
        size_t n = end - at < runs->block_rows ? end - at : runs->block_rows;
        trivet_kmeans_score(runs, at, n, part);
        for (size_t c = 0; c < runs->n_points; c++) {
            size_t run = c / runs->n_candidates;
            part->potentials[c] +=
                trivet_linalg_sum_least(&part->scores[c * n], &runs->problem->norms[at],
                                        runs->point_norms[c], &runs->closest[run * n_rows + at], n);
        }
    }
}

/* Distances to the newest centre of each run, one point a run, where they are less. */
static void take_centres(void *ctx, size_t number, size_t first, size_t end)
{
    struct trivet_kmeans_runs *runs = ctx;
    struct trivet_kmeans_part *part = &runs->parts[number];
    size_t n_rows = runs->problem->x.n_rows;
    for (size_t at = first; at < end; at += runs->block_rows) {
        size_t n = end - at < runs->block_rows ? end - at : runs->block_rows;
        trivet_kmeans_score(runs, at, n, part);
        for (size_t run = 0; run < runs->n_runs; run++) {
            runs->block_sums[run * runs->n_blocks + at / runs->block_rows] =
                trivet_linalg_take_least(&part->scores[run * n], &runs->problem->norms[at],
                                         runs->point_norms[run], &runs->closest[run * n_rows + at],
                                         n);
        }
    }
}

static void pass(struct trivet_kmeans_runs *runs, trivet_row_pass *body, size_t n_points)
{
    runs->n_points = n_points;
    trivet_row_threads_run(runs->problem->x.n_rows, runs->block_rows, runs->n_parts, body, runs);
}

/* A row drawn with its closest distance as weight; `total` is the sum of a run's block sums. */
static size_t draw_row(struct trivet_kmeans_runs *runs, size_t run, double total)
{
    size_t n_rows = runs->problem->x.n_rows;
    const double *closest = &runs->closest[run * n_rows];
    double rest = trivet_rng_uniform(&runs->one[run].rng) * total;
    size_t block = 0;
    while (block + 1 < runs->n_blocks && rest >= runs->block_sums[run * runs->n_blocks + block]) {
        rest -= runs->block_sums[run * runs->n_blocks + block];
        block++;
    }
    size_t row = block * runs->block_rows;
    size_t end = row + runs->block_rows < n_rows ? row + runs->block_rows : n_rows;
    while (row + 1 < end && rest >= closest[row]) {
        rest -= closest[row];
        row++;
    }
    return row;
}

static void draw_candidates(struct trivet_kmeans_runs *runs)
{
    for (size_t run = 0; run < runs->n_runs; run++) {
        double total = 0.0;
        for (size_t block = 0; block < runs->n_blocks; block++) {
            total += runs->block_sums[run * runs->n_blocks + block];
        }
        for (size_t l = 0; l < runs->n_candidates; l++) {
            size_t point = run * runs->n_candidates + l;
            runs->candidates[point] = draw_row(runs, run, total);
            set_point(runs, point, runs->candidates[point]);
        }
    }
}

/* The candidate that leaves the least sum, of equals the first. */
static size_t best_candidate(const struct trivet_kmeans_runs *runs, size_t run)
{
    size_t best = 0;
    double least = INFINITY;
    for (size_t l = 0; l < runs->n_candidates; l++) {
        size_t point = run * runs->n_candidates + l;
        double sum = 0.0;
        for (size_t t = 0; t < runs->n_parts; t++) {
            sum += runs->parts[t].potentials[point];
        }
        best = sum < least ? l : best;
        least = sum < least ? sum : least;
    }
    return runs->candidates[run * runs->n_candidates + best];
}

static enum trivet_status plus_plus(struct trivet_kmeans_runs *runs, struct trivet_error *err)
{
    size_t n_rows = runs->problem->x.n_rows;
    size_t p = runs->problem->x.n_cols;
    for (size_t i = 0; i < runs->n_runs * n_rows; i++) {
        runs->closest[i] = INFINITY;
    }
    for (size_t cluster = 0; cluster < runs->problem->n_clusters; cluster++) {
        if (cluster > 0) {
            draw_candidates(runs);
            pass(runs, measure_candidates, runs->n_runs * runs->n_candidates);
        }
        for (size_t run = 0; run < runs->n_runs; run++) {
            size_t row = cluster > 0 ? best_candidate(runs, run)
                                     : trivet_rng_below(&runs->one[run].rng, n_rows);
            memcpy(centre_of(runs, run, cluster), trivet_kmeans_row(runs, row), p * sizeof(double));
            set_point(runs, run, row);
        }
        if (cluster + 1 < runs->problem->n_clusters) {
            pass(runs, take_centres, runs->n_runs);
        }
        enum trivet_status status = trivet_fit_progress(runs->problem->context, 0.0, err);
        if (status != TRIVET_OK) {
            return status;
        }
    }
    return TRIVET_OK;
}

/* k different rows: the first k of a shuffle, of which only what differs from the order is kept in
 * `candidates`, which has room for k: Floyd's method (Bentley, Floyd 1987). */
static void random_rows(struct trivet_kmeans_runs *runs, size_t run)
{
    size_t k = runs->problem->n_clusters;
    size_t n_rows = runs->problem->x.n_rows;
    size_t p = runs->problem->x.n_cols;
    size_t *chosen = runs->candidates;
    for (size_t c = 0; c < k; c++) {
        size_t last = n_rows - k + c;
        size_t row = trivet_rng_below(&runs->one[run].rng, last + 1);
        for (size_t d = 0; d < c; d++) {
            row = chosen[d] == row ? last : row;
        }
        chosen[c] = row;
        memcpy(centre_of(runs, run, c), trivet_kmeans_row(runs, row), p * sizeof(double));
    }
}

enum trivet_status trivet_kmeans_seed(struct trivet_kmeans_runs *runs, struct trivet_error *err)
{
    size_t p = runs->problem->x.n_cols;
    if (runs->problem->init == TRIVET_KMEANS_PLUS_PLUS) {
        return plus_plus(runs, err);
    }
    for (size_t run = 0; run < runs->n_runs; run++) {
        if (runs->problem->init == TRIVET_KMEANS_RANDOM) {
            random_rows(runs, run);
        }
        for (size_t c = 0;
             c < runs->problem->n_clusters && runs->problem->init == TRIVET_KMEANS_FIRST_K; c++) {
            memcpy(centre_of(runs, run, c), trivet_kmeans_row(runs, c), p * sizeof(double));
        }
    }
    return TRIVET_OK;
}
