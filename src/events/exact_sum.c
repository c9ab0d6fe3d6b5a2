#include "events/exact_sum.h"

#include <math.h>

/* The rounded sum of two, and in `rest` what rounding took. */
static double add_two(double a, double b, double *rest)
{
    double large = fabs(a) >= fabs(b) ? a : b;
    double small = fabs(a) >= fabs(b) ? b : a;
    double sum = large + small;
    *rest = small - (sum - large);
    return sum;
}

void trivet_exact_sum_add(struct trivet_exact_sum *sum, double value)
{
    double parts[TRIVET_EXACT_SUM_PARTS + 1];
    size_t n = 0;
    for (size_t i = 0; i < sum->n_parts; i++) {
        double rest = 0;
        value = add_two(value, sum->parts[i], &rest);
        if (rest != 0) {
            parts[n++] = rest;
        }
    }
    if (value != 0) {
        parts[n++] = value;
    }
    size_t n_over = n > TRIVET_EXACT_SUM_PARTS ? 1 : 0;
    if (n_over > 0) {
        parts[1] += parts[0];
    }
    sum->n_parts = n - n_over;
    for (size_t i = 0; i < sum->n_parts; i++) {
        sum->parts[i] = parts[i + n_over];
    }
}

void trivet_exact_sum_merge(struct trivet_exact_sum *into, const struct trivet_exact_sum *from)
{
    for (size_t i = 0; i < from->n_parts; i++) {
        trivet_exact_sum_add(into, from->parts[i]);
    }
}

double trivet_exact_sum_value(const struct trivet_exact_sum *sum)
{
    double value = 0;
    for (size_t i = sum->n_parts; i-- > 0;) {
        value += sum->parts[i];
    }
    return value;
}
