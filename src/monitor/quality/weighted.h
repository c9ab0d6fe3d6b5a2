/* How sure a mean of weighted values is. Labels of a busy model stand for as many predictions as
 * their sampling makes them: a few of great weight decide the mean, and are as few. Pure. */
#ifndef TRIVET_MONITOR_WEIGHTED_H
#define TRIVET_MONITOR_WEIGHTED_H

/* Sums over values x with weights w. */
struct trivet_weighted {
    double rows;
    double weight;                /* w */
    double squared_weight;        /* w²; 0 = not known: all weights are taken for equal */
    double squared_weight_x;      /* w² x */
    double squared_weight_square; /* w² x² */
};

/* As many rows of equal weight would tell as much: (sum w)² / sum w² (Kish 1965), at most `rows`.
 */
double trivet_weighted_rows(const struct trivet_weighted *sums);
/* Standard error of the mean sum(w x) / sum(w) that `mean` is, of which `variance` is the weighted
 * variance of x. The greater of sqrt(sum w² (x - mean)²) / sum w (the ratio's, linearised:
 * Särndal 1992, 5.6), which looks at which rows are off, and of sqrt(variance / rows). */
double trivet_weighted_error(const struct trivet_weighted *sums, double mean, double variance);

#endif
