/* What metrics/ranking.c and its curves share. */
#ifndef TRIVET_METRICS_RANKING_INTERNAL_H
#define TRIVET_METRICS_RANKING_INTERNAL_H

#include "metrics/ranking.h"

struct trivet_ranking {
    size_t n_thresholds;
    double *thresholds; /* owned, distinct, descending */
    uint64_t *n_true;   /* owned: positives whose score is at the threshold or above */
    uint64_t *n_false;  /* owned: negatives likewise */
    uint64_t n_positive;
    uint64_t n_negative;
};

#endif
