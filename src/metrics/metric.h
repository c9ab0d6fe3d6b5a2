/* A metric by its public name, as every list of metrics gives it. */
#ifndef TRIVET_METRICS_METRIC_H
#define TRIVET_METRICS_METRIC_H

#include <math.h>
#include <stdbool.h>

/* `defined` is false where the definition gives nothing (no rows, R² of one row, ROC AUC of one
 * class) or the value overflows; `value` is then 0. */
struct trivet_metric {
    const char *name; /* static */
    double value;
    bool defined;
};

static inline struct trivet_metric trivet_metric_of(const char *name, double value, bool defined)
{
    bool usable = defined && isfinite(value);
    return (struct trivet_metric){.name = name, .value = usable ? value : 0.0, .defined = usable};
}

#endif
