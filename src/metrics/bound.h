/* A bound on a metric, as gates and policies write it: "r2>=0.9". */
#ifndef TRIVET_METRICS_BOUND_H
#define TRIVET_METRICS_BOUND_H

#include "base/compiler.h"

#include <trivet/error.h>

#include <stdbool.h>

#define TRIVET_METRIC_NAME_BYTES 64

enum trivet_metric_comparison {
    TRIVET_METRIC_AT_LEAST,
    TRIVET_METRIC_ABOVE,
    TRIVET_METRIC_AT_MOST,
    TRIVET_METRIC_BELOW,
};

struct trivet_metric_bound {
    char metric[TRIVET_METRIC_NAME_BYTES]; /* as written: trivet_metric_info_find() may not know it
                                            */
    enum trivet_metric_comparison comparison;
    double value;
};

/* "METRIC OP NUMBER" with OP one of >= > <= <, blanks allowed. INVALID_ARGUMENT: another text. */
enum trivet_status trivet_metric_bound_parse(const char *text, struct trivet_metric_bound *out,
                                             struct trivet_error *err) TRIVET_MUST_USE;
bool trivet_metric_bound_holds(const struct trivet_metric_bound *bound, double value);

#endif
