/* Every metric by name: its task, and which way is better. Gates, the choice of hyper-parameters
 * and reports read this one table. */
#ifndef TRIVET_METRICS_CATALOG_H
#define TRIVET_METRICS_CATALOG_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

enum trivet_metric_task {
    TRIVET_METRIC_REGRESSION,
    TRIVET_METRIC_CLASSIFICATION,
    TRIVET_METRIC_CLUSTERING,
};

struct trivet_metric_info {
    const char *name;
    enum trivet_metric_task task;
    bool greater_is_better;
    bool needs_scores; /* of probabilities or scores of the classes, not of predicted classes */
    const char *help;  /* one line */
};

/* All metrics, in the order in which the tables of metrics give them; static. */
const struct trivet_metric_info *trivet_metric_catalog(size_t *count);

/* NULL when there is no metric of that name (NULL: none). Static, any thread. */
const struct trivet_metric_info *trivet_metric_info_find(const char *name);

/* What a task is judged by where nobody chose: r2, f1_macro (every class counts alike, however few
 * rows it has, and any classifier has it), silhouette. */
const struct trivet_metric_info *trivet_metric_info_main(enum trivet_metric_task task);

#endif
