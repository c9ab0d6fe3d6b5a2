/* A sum of numbers of any size without rounding: what is added and taken back again leaves nothing,
 * however large it was. Within src/events. */
#ifndef TRIVET_EVENTS_EXACT_SUM_H
#define TRIVET_EVENTS_EXACT_SUM_H

#include <stddef.h>

/* Each holds 53 bits more: that many are needed only where sizes differ by 10^120. */
#define TRIVET_EXACT_SUM_PARTS 8

/* Zero-initialised is 0. The parts do not overlap and grow (Shewchuk 1997, "Adaptive precision
 * floating-point arithmetic"); with more than there is room for, the smallest are rounded. */
struct trivet_exact_sum {
    double parts[TRIVET_EXACT_SUM_PARTS];
    size_t n_parts;
};

/* Finite, as is the sum. */
void trivet_exact_sum_add(struct trivet_exact_sum *sum, double value);
void trivet_exact_sum_merge(struct trivet_exact_sum *into, const struct trivet_exact_sum *from);
/* Within one rounding or two. */
double trivet_exact_sum_value(const struct trivet_exact_sum *sum);

#endif
