#include "serving/cost.h"

#include <math.h>

#define FEW_ROWS    8
#define UP          (1.0 / 16)
#define DOWN        (1.0 / 4)
#define OVER_NS_MIN 1000.0 /* an estimate of nothing can grow */

double trivet_cost_ns(const struct trivet_cost *cost, size_t n_rows)
{
    return cost->batch_ns + cost->row_ns * (double)n_rows;
}

void trivet_cost_learn(struct trivet_cost *cost, size_t n_rows, double took_ns)
{
    double expected_ns = trivet_cost_ns(cost, n_rows);
    double off_ns = took_ns - expected_ns;
    double step_ns = off_ns < 0 ? DOWN * off_ns : UP * fmin(off_ns, fmax(expected_ns, OVER_NS_MIN));
    double batch_ns = cost->batch_ns;
    double rows_ns = cost->row_ns * (double)n_rows;
    /* What is more than one part has goes off the other. */
    if (n_rows < FEW_ROWS) {
        batch_ns += step_ns;
        rows_ns += fmin(batch_ns, 0);
    } else {
        rows_ns += step_ns;
        batch_ns += fmin(rows_ns, 0);
    }
    cost->batch_ns = fmax(batch_ns, 0);
    cost->row_ns = fmax(rows_ns, 0) / (double)n_rows;
}
