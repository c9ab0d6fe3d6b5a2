/* DESIGN: the rows of a pass are divided among threads (row_threads.h); a part writes its own
 * struct trivet_kmeans_part and the labels and closest distances of its own rows. Parts are added
 * up in order, so that the same number of threads gives the same result. */
#include "models/kmeans_engine.h"

#include "base/alloc.h"
#include "linalg/affine.h"
#include "linalg/nearest.h"
#include "linalg/product.h"
#include "models/kmeans_internal.h"
#include "models/row_threads.h"

#include <math.h>
#include <string.h>

/* Rows and scores of a block stay in the cache. */
#define BLOCK_ROWS_MAX 256
#define BLOCK_ROWS_MIN 32
#define BLOCK_SCORES   32768
/* Labels and closest distances of the runs that go on together. */
#define RUNS_BYTES_MAX ((size_t)64 << 20)
#define RUNS_POINTS    512

const double *trivet_kmeans_row(const struct trivet_kmeans_runs *runs, size_t row)
{
    return &runs->problem->x.data[row * runs->problem->x.stride];
}

double trivet_kmeans_distance2(const double *a, const double *b, size_t n)
{
    double sum = 0.0;
    for (size_t j = 0; j < n; j++) {
        sum += (a[j] - b[j]) * (a[j] - b[j]);
    }
    return sum;
}

void trivet_kmeans_score(const struct trivet_kmeans_runs *runs, size_t first, size_t n_rows,
                         const struct trivet_kmeans_part *part)
{
    struct trivet_const_matrix x = runs->problem->x;
    struct trivet_const_matrix points = {runs->points, runs->n_points, x.n_cols, x.n_cols};
    struct trivet_const_matrix block = {trivet_kmeans_row(runs, first), n_rows, x.n_cols, x.stride};
    struct trivet_matrix scores = {part->scores, runs->n_points, n_rows, n_rows};
    trivet_linalg_gemm(false, true, -2.0, points, block, 0.0, scores);
}

static void move_row(const struct trivet_kmeans_part *part, size_t n_cols, const double *row,
                     size_t cluster, bool add)
{
    double *sums = &part->sums[cluster * n_cols];
    part->counts[cluster] += add ? 1 : -1;
    for (size_t j = 0; j < n_cols; j++) {
        sums[j] += add ? row[j] : -row[j];
    }
}

/* Labels of one run's rows of a block, from part->nearest. */
static void relabel(struct trivet_kmeans_runs *runs, struct trivet_kmeans_part *part, size_t run,
                    size_t first, size_t n)
{
    size_t k = runs->problem->n_clusters;
    size_t p = runs->problem->x.n_cols;
    int32_t *labels = &runs->labels[run * runs->problem->x.n_rows + first];
    for (size_t i = 0; i < n; i++) {
        int32_t new_label = (int32_t)part->nearest[i];
        if (new_label != labels[i]) {
            const double *row = trivet_kmeans_row(runs, first + i);
            if (labels[i] >= 0) {
                move_row(part, p, row, run * k + (size_t)labels[i], false);
            }
            move_row(part, p, row, run * k + (size_t)new_label, true);
            part->n_changed[run]++;
            labels[i] = new_label;
        }
    }
}

static void assign_rows(void *ctx, size_t number, size_t first, size_t end)
{
    struct trivet_kmeans_runs *runs = ctx;
    struct trivet_kmeans_part *part = &runs->parts[number];
    size_t k = runs->problem->n_clusters;
    memset(part->sums, 0, runs->n_runs * k * runs->problem->x.n_cols * sizeof(double));
    memset(part->counts, 0, runs->n_runs * k * sizeof(int64_t));
    memset(part->inertia, 0, runs->n_runs * sizeof(double));
    memset(part->n_changed, 0, runs->n_runs * sizeof(uint64_t));
    for (size_t at = first; at < end; at += runs->block_rows) {
        size_t n = end - at < runs->block_rows ? end - at : runs->block_rows;
        const double *norms = &runs->problem->norms[at];
        trivet_kmeans_score(runs, at, n, part);
        for (size_t a = 0; a < runs->n_active; a++) {
            size_t run = runs->active[a];
            struct trivet_const_matrix scores = {&part->scores[a * k * n], k, n, n};
            double inertia = 0.0;
            trivet_linalg_nearest(scores, &runs->point_norms[a * k], part->least, part->nearest);
            for (size_t i = 0; i < n; i++) {
                inertia += fmax(norms[i] + part->least[i], 0.0);
            }
            part->inertia[run] += inertia;
            if (runs->one[run].stage == TRIVET_KMEANS_MOVING) {
                relabel(runs, part, run, at, n);
            }
        }
    }
}

/* The centres of the active runs become the points of a pass. */
static void gather_points(struct trivet_kmeans_runs *runs)
{
    size_t k = runs->problem->n_clusters;
    size_t p = runs->problem->x.n_cols;
    runs->n_active = 0;
    for (size_t run = 0; run < runs->n_runs; run++) {
        if (runs->one[run].stage != TRIVET_KMEANS_DONE) {
            memcpy(&runs->points[runs->n_active * k * p], &runs->centres[run * k * p],
                   k * p * sizeof(double));
            runs->active[runs->n_active++] = run;
        }
    }
    runs->n_points = runs->n_active * k;
    for (size_t c = 0; c < runs->n_points; c++) {
        const double *point = &runs->points[c * p];
        runs->point_norms[c] = trivet_linalg_dot(point, point, p);
    }
}

static void add_parts(struct trivet_kmeans_runs *runs, size_t run)
{
    size_t k = runs->problem->n_clusters;
    size_t p = runs->problem->x.n_cols;
    struct trivet_kmeans_one *one = &runs->one[run];
    one->inertia = 0.0;
    for (size_t t = 0; t < runs->n_parts; t++) {
        const struct trivet_kmeans_part *part = &runs->parts[t];
        one->inertia += part->inertia[run];
        one->n_changed += part->n_changed[run];
        for (size_t c = run * k; c < (run + 1) * k; c++) {
            runs->counts[c] += part->counts[c];
            for (size_t j = 0; j < p; j++) {
                runs->sums[c * p + j] += part->sums[c * p + j];
            }
        }
    }
}

/* The row farthest from its own centre, of equals the first; n_rows when all are on theirs. */
static size_t farthest_row(const struct trivet_kmeans_runs *runs, size_t run)
{
    size_t k = runs->problem->n_clusters;
    size_t p = runs->problem->x.n_cols;
    size_t n_rows = runs->problem->x.n_rows;
    const int32_t *labels = &runs->labels[run * n_rows];
    size_t farthest = n_rows;
    double greatest = 0.0;
    for (size_t i = 0; i < n_rows; i++) {
        const double *centre = &runs->centres[(run * k + (size_t)labels[i]) * p];
        double distance2 = trivet_kmeans_distance2(trivet_kmeans_row(runs, i), centre, p);
        if (distance2 > greatest && runs->counts[run * k + (size_t)labels[i]] > 1) {
            farthest = i;
            greatest = distance2;
        }
    }
    return farthest;
}

/* An empty cluster takes the farthest row from its cluster. The row then is the only one of its
 * cluster, which farthest_row does not take from again. */
static void fill_empty(struct trivet_kmeans_runs *runs, size_t run)
{
    size_t k = runs->problem->n_clusters;
    size_t p = runs->problem->x.n_cols;
    for (size_t c = run * k; c < (run + 1) * k; c++) {
        size_t row = runs->counts[c] == 0 ? farthest_row(runs, run) : runs->problem->x.n_rows;
        if (row == runs->problem->x.n_rows) {
            continue;
        }
        int32_t *label = &runs->labels[run * runs->problem->x.n_rows + row];
        size_t from = run * k + (size_t)*label;
        const double *values = trivet_kmeans_row(runs, row);
        for (size_t j = 0; j < p; j++) {
            runs->sums[from * p + j] -= values[j];
            runs->sums[c * p + j] = values[j];
        }
        runs->counts[from]--;
        runs->counts[c] = 1;
        *label = (int32_t)(c - run * k);
        runs->one[run].n_changed++;
    }
}

/* Centres are the means of their rows, or stay where there are none. Returns how far they moved,
 * squared and summed. */
static double move_centres(struct trivet_kmeans_runs *runs, size_t run)
{
    size_t k = runs->problem->n_clusters;
    size_t p = runs->problem->x.n_cols;
    double shift2 = 0.0;
    for (size_t c = run * k; c < (run + 1) * k; c++) {
        for (size_t j = 0; j < p && runs->counts[c] > 0; j++) {
            double mean = runs->sums[c * p + j] / (double)runs->counts[c];
            double d = mean - runs->centres[c * p + j];
            shift2 += d * d;
            runs->centres[c * p + j] = mean;
        }
    }
    return shift2;
}

static void advance(struct trivet_kmeans_runs *runs, size_t run)
{
    struct trivet_kmeans_one *one = &runs->one[run];
    uint64_t n_filled = one->n_changed; /* by fill_empty after the pass before */
    one->n_changed = 0;
    add_parts(runs, run);
    if (one->stage == TRIVET_KMEANS_LAST) {
        one->stage = TRIVET_KMEANS_DONE;
        return;
    }
    bool same = one->n_changed + n_filled == 0;
    one->n_changed = 0;
    fill_empty(runs, run);
    double shift2 = move_centres(runs, run);
    one->n_iterations++;
    if (same) {
        one->converged = true;
        one->stage = TRIVET_KMEANS_DONE;
    } else if (shift2 <= runs->problem->shift2_max) {
        one->converged = true;
        one->stage = TRIVET_KMEANS_LAST;
    } else if (one->n_iterations == runs->problem->iterations_max) {
        one->stage = TRIVET_KMEANS_LAST;
    }
}

static enum trivet_status iterate(struct trivet_kmeans_runs *runs, double done, double part,
                                  struct trivet_error *err)
{
    const struct trivet_kmeans_problem *problem = runs->problem;
    enum trivet_status status = TRIVET_OK;
    gather_points(runs);
    for (double i = 1.0; runs->n_active > 0 && status == TRIVET_OK; i += 1.0) {
        trivet_row_threads_run(problem->x.n_rows, runs->block_rows, runs->n_parts, assign_rows,
                               runs);
        for (size_t a = 0; a < runs->n_active; a++) {
            advance(runs, runs->active[a]);
        }
        gather_points(runs);
        /* Most runs need few of the iterations that they may take. */
        status = trivet_fit_progress(problem->context, done + part * i / (i + 10.0), err);
    }
    return status;
}

/* Its centres anew from its labels, without what changes of sums have rounded; its inertia from
 * differences. */
static void take_result(struct trivet_kmeans_runs *runs, size_t run,
                        struct trivet_kmeans_result *result)
{
    size_t k = runs->problem->n_clusters;
    size_t p = runs->problem->x.n_cols;
    size_t n_rows = runs->problem->x.n_rows;
    double *sums = &runs->sums[run * k * p];
    double *centres = &runs->centres[run * k * p];
    const int32_t *labels = &runs->labels[run * n_rows];
    memset(sums, 0, k * p * sizeof(double));
    for (size_t i = 0; i < n_rows; i++) {
        const double *row = trivet_kmeans_row(runs, i);
        double *sum = &sums[(size_t)labels[i] * p];
        for (size_t j = 0; j < p; j++) {
            sum[j] += row[j];
        }
    }
    move_centres(runs, run);
    result->n_occupied = 0;
    for (size_t c = run * k; c < (run + 1) * k; c++) {
        result->n_occupied += runs->counts[c] > 0 ? 1 : 0;
    }
    memcpy(result->centres, centres, k * p * sizeof(double));
    result->inertia = runs->one[run].inertia;
    result->n_iterations = runs->one[run].n_iterations;
    result->converged = runs->one[run].converged;
}

static bool part_alloc(const struct trivet_kmeans_runs *runs, size_t points_max,
                       struct trivet_kmeans_part *part)
{
    size_t n_clusters = runs->n_runs * runs->problem->n_clusters;
    part->scores = trivet_alloc_aligned(points_max * runs->block_rows, sizeof(double));
    part->least = trivet_alloc_aligned(runs->block_rows, sizeof(double));
    part->nearest = trivet_alloc_aligned(runs->block_rows, sizeof(int64_t));
    part->sums = trivet_alloc_aligned(n_clusters * runs->problem->x.n_cols, sizeof(double));
    part->counts = trivet_alloc_array(n_clusters, sizeof(int64_t));
    part->inertia = trivet_alloc_array(runs->n_runs, sizeof(double));
    part->n_changed = trivet_alloc_array(runs->n_runs, sizeof(uint64_t));
    part->potentials = trivet_alloc_array(runs->n_runs * runs->n_candidates, sizeof(double));
    return part->scores != NULL && part->least != NULL && part->nearest != NULL &&
           part->sums != NULL && part->counts != NULL && part->inertia != NULL &&
           part->n_changed != NULL && part->potentials != NULL;
}

static void runs_release(struct trivet_kmeans_runs *runs)
{
    for (size_t t = 0; runs->parts != NULL && t < runs->n_parts; t++) {
        struct trivet_kmeans_part *part = &runs->parts[t];
        trivet_free(part->scores);
        trivet_free(part->least);
        trivet_free(part->nearest);
        trivet_free(part->sums);
        trivet_free(part->counts);
        trivet_free(part->inertia);
        trivet_free(part->n_changed);
        trivet_free(part->potentials);
    }
    trivet_free(runs->parts);
    trivet_free(runs->one);
    trivet_free(runs->centres);
    trivet_free(runs->sums);
    trivet_free(runs->counts);
    trivet_free(runs->labels);
    trivet_free(runs->points);
    trivet_free(runs->point_norms);
    trivet_free(runs->active);
    trivet_free(runs->closest);
    trivet_free(runs->block_sums);
    trivet_free(runs->candidates);
}

static size_t block_rows_for(size_t n_points)
{
    size_t n = BLOCK_SCORES / n_points / 8 * 8;
    n = n < BLOCK_ROWS_MAX ? n : BLOCK_ROWS_MAX;
    return n > BLOCK_ROWS_MIN ? n : BLOCK_ROWS_MIN;
}

static bool runs_alloc(struct trivet_kmeans_runs *runs)
{
    const struct trivet_kmeans_problem *problem = runs->problem;
    size_t k = problem->n_clusters;
    size_t p = problem->x.n_cols;
    size_t n_rows = problem->x.n_rows;
    size_t n_choices = problem->init == TRIVET_KMEANS_PLUS_PLUS ? runs->n_runs : 0;
    size_t points_max = runs->n_runs * (k > runs->n_candidates ? k : runs->n_candidates);
    runs->block_rows = block_rows_for(points_max);
    runs->n_blocks = (n_rows + runs->block_rows - 1) / runs->block_rows;
    runs->n_parts = trivet_row_threads(n_rows, runs->block_rows, problem->context->n_threads);
    runs->parts = trivet_calloc(runs->n_parts, sizeof *runs->parts);
    runs->one = trivet_calloc(runs->n_runs, sizeof *runs->one);
    runs->centres = trivet_alloc_aligned(runs->n_runs * k * p, sizeof(double));
    runs->sums = trivet_calloc(runs->n_runs * k * p, sizeof(double));
    runs->counts = trivet_calloc(runs->n_runs * k, sizeof(int64_t));
    runs->labels = trivet_alloc_array(runs->n_runs * n_rows, sizeof(int32_t));
    runs->points = trivet_alloc_aligned(points_max * p, sizeof(double));
    runs->point_norms = trivet_alloc_array(points_max, sizeof(double));
    runs->active = trivet_alloc_array(runs->n_runs, sizeof(size_t));
    runs->closest = trivet_alloc_aligned(n_choices * n_rows, sizeof(double));
    runs->block_sums = trivet_alloc_array(n_choices * runs->n_blocks, sizeof(double));
    runs->candidates = trivet_alloc_array(points_max, sizeof(size_t));
    bool fine = runs->parts != NULL && runs->one != NULL && runs->centres != NULL &&
                runs->sums != NULL && runs->counts != NULL && runs->labels != NULL &&
                runs->points != NULL && runs->point_norms != NULL && runs->active != NULL &&
                runs->closest != NULL && runs->block_sums != NULL && runs->candidates != NULL;
    for (size_t t = 0; fine && t < runs->n_parts; t++) {
        fine = part_alloc(runs, points_max, &runs->parts[t]);
    }
    return fine;
}

/* Runs `first` to `first` + n_runs - 1; `result` where one is better than what is there. */
static enum trivet_status run_some(const struct trivet_kmeans_problem *problem, size_t first,
                                   size_t n_runs, struct trivet_kmeans_result *result,
                                   struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    struct trivet_kmeans_runs runs = {.problem = problem,
                                      .n_runs = n_runs,
                                      .n_candidates = 2 + (size_t)log((double)problem->n_clusters)};
    double part = (double)n_runs / (double)problem->n_init;
    if (!runs_alloc(&runs)) {
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                  "out of memory in kmeans; use fewer rows, clusters or threads");
        goto done;
    }
    memset(runs.labels, 0xff, n_runs * problem->x.n_rows * sizeof(int32_t));
    for (size_t run = 0; run < n_runs; run++) {
        struct trivet_rng of_runs;
        trivet_rng_seed(&of_runs, problem->context->seed);
        trivet_rng_seed(&runs.one[run].rng, trivet_rng_next(&of_runs) + first + run);
    }
    status = trivet_kmeans_seed(&runs, err);
    if (status == TRIVET_OK) {
        status = iterate(&runs, (double)first / (double)problem->n_init, part, err);
    }
    for (size_t run = 0; run < n_runs && status == TRIVET_OK; run++) {
        if (runs.one[run].inertia < result->inertia) {
            take_result(&runs, run, result);
        }
    }
done:
    runs_release(&runs);
    return status;
}

/* Sum of the squared distances to the nearest of the result's centres, from differences. */
static double exact_inertia(const struct trivet_kmeans_problem *problem,
                            const struct trivet_kmeans_result *result)
{
    size_t p = problem->x.n_cols;
    double sum = 0.0;
    for (size_t i = 0; i < problem->x.n_rows; i++) {
        double least = INFINITY;
        for (size_t c = 0; c < problem->n_clusters; c++) {
            least = fmin(least, trivet_kmeans_distance2(&problem->x.data[i * problem->x.stride],
                                                        &result->centres[c * p], p));
        }
        sum += least;
    }
    return sum;
}

enum trivet_status trivet_kmeans_run(const struct trivet_kmeans_problem *problem,
                                     struct trivet_kmeans_result *result, struct trivet_error *err)
{
    size_t bytes = problem->x.n_rows * (sizeof(int32_t) + sizeof(double));
    size_t by_memory = RUNS_BYTES_MAX / bytes;
    size_t by_points = RUNS_POINTS / problem->n_clusters;
    size_t together = by_memory < by_points ? by_memory : by_points;
    together = together > 0 ? together : 1;
    result->inertia = INFINITY;
    for (size_t first = 0; first < problem->n_init; first += together) {
        size_t rest = problem->n_init - first;
        enum trivet_status status =
            run_some(problem, first, rest < together ? rest : together, result, err);
        if (status != TRIVET_OK) {
            return status;
        }
    }
    result->inertia = exact_inertia(problem, result);
    return TRIVET_OK;
}
