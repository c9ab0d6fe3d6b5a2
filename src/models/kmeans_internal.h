/* Runs of k-means that go on together, and the parts of a pass over rows. */
#ifndef TRIVET_MODELS_KMEANS_INTERNAL_H
#define TRIVET_MODELS_KMEANS_INTERNAL_H

#include "base/rng.h"
#include "models/kmeans_engine.h"

enum trivet_kmeans_stage {
    TRIVET_KMEANS_MOVING, /* rows and centres */
    TRIVET_KMEANS_LAST,   /* only its inertia is wanted */
    TRIVET_KMEANS_DONE,
};

struct trivet_kmeans_one {
    struct trivet_rng rng;
    enum trivet_kmeans_stage stage;
    uint64_t n_iterations;
    uint64_t n_changed; /* rows that went to another cluster in the last pass */
    double inertia;
    bool converged;
};

/* What a part of a pass adds up by itself, (n_runs × …) each. */
struct trivet_kmeans_part {
    double *scores;   /* (points, block_rows): -2 x·point, of one block */
    double *least;    /* (block_rows) */
    int64_t *nearest; /* (block_rows) */
    double *sums;     /* (n_runs * k, n_cols): what rows that moved add to sums */
    int64_t *counts;  /* (n_runs * k) */
    double *inertia;  /* (n_runs) */
    uint64_t *n_changed;
    double *potentials; /* (n_runs * n_candidates) */
};

struct trivet_kmeans_runs {
    const struct trivet_kmeans_problem *problem;
    size_t n_runs;
    size_t n_parts;
    size_t block_rows;
    size_t n_blocks;
    size_t n_candidates; /* of a run, where there is a choice */
    struct trivet_kmeans_one *one;
    struct trivet_kmeans_part *parts;
    double *centres; /* (n_runs * k, n_cols) */
    double *sums;    /* of the rows of each cluster */
    int64_t *counts; /* (n_runs * k) */
    int32_t *labels; /* (n_runs, n_rows); -1: none yet */
    /* Points that a pass measures rows against: of the runs `active`, one after the other. */
    double *points;      /* (n_runs * max(k, n_candidates), n_cols) */
    double *point_norms; /* ||point||² */
    size_t *active;      /* (n_runs) */
    size_t n_active;
    size_t n_points; /* all of them */
    /* Of the choice of the first centres. */
    double *closest;    /* (n_runs, n_rows): squared distance to the nearest centre so far */
    double *block_sums; /* (n_runs, n_blocks) of those */
    size_t *candidates; /* (n_runs * n_candidates): rows */
};

/* centres of every run. */
enum trivet_status trivet_kmeans_seed(struct trivet_kmeans_runs *runs, struct trivet_error *err);
/* scores (n_points, n_rows) of a block of rows, dense in `part`. */
void trivet_kmeans_score(const struct trivet_kmeans_runs *runs, size_t first, size_t n_rows,
                         const struct trivet_kmeans_part *part);
/* Row of x. */
const double *trivet_kmeans_row(const struct trivet_kmeans_runs *runs, size_t row);
double trivet_kmeans_distance2(const double *a, const double *b, size_t n);

#endif
