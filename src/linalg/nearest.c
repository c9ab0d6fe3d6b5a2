#include "linalg/nearest.h"

#include "base/compiler.h"

/* Running sums: the order of additions is the same with and without vectors. */
#define LANES 8

TRIVET_FOR_EACH_CPU
static void first_point(const double *scores, double offset, double *restrict least,
                        int64_t *restrict nearest, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        least[i] = scores[i] + offset;
        nearest[i] = 0;
    }
}

TRIVET_FOR_EACH_CPU
static void next_point(const double *scores, double offset, int64_t point, double *restrict least,
                       int64_t *restrict nearest, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double score = scores[i] + offset;
        int64_t old = nearest[i];
        double old_least = least[i];
        nearest[i] = score < old_least ? point : old;
        least[i] = score < old_least ? score : old_least;
    }
}

void trivet_linalg_nearest(struct trivet_const_matrix scores, const double *offsets, double *least,
                           int64_t *nearest)
{
    first_point(scores.data, offsets[0], least, nearest, scores.n_cols);
    for (size_t j = 1; j < scores.n_rows; j++) {
        next_point(&scores.data[j * scores.stride], offsets[j], (int64_t)j, least, nearest,
                   scores.n_cols);
    }
}

TRIVET_INLINED double term_of(double score, double norm, double offset, double closest)
{
    double distance2 = score + norm + offset;
    distance2 = distance2 > 0.0 ? distance2 : 0.0;
    return distance2 < closest ? distance2 : closest;
}

TRIVET_INLINED double add_lanes(const double *sums)
{
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) +
           ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

TRIVET_FOR_EACH_CPU
double trivet_linalg_sum_least(const double *scores, const double *norms, double offset,
                               const double *closest, size_t n)
{
    double sums[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t l = 0; l < LANES; l++) {
            sums[l] += term_of(scores[i + l], norms[i + l], offset, closest[i + l]);
        }
    }
    for (size_t l = 0; i < n; i++, l++) {
        sums[l] += term_of(scores[i], norms[i], offset, closest[i]);
    }
    return add_lanes(sums);
}

TRIVET_FOR_EACH_CPU
double trivet_linalg_take_least(const double *scores, const double *norms, double offset,
                                double *closest, size_t n)
{
    double sums[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t l = 0; l < LANES; l++) {
            double term = term_of(scores[i + l], norms[i + l], offset, closest[i + l]);
            closest[i + l] = term;
            sums[l] += term;
        }
    }
    for (size_t l = 0; i < n; i++, l++) {
        closest[i] = term_of(scores[i], norms[i], offset, closest[i]);
        sums[l] += closest[i];
    }
    return add_lanes(sums);
}
