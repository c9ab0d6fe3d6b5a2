/* Gates: conditions that a version's evaluation must meet before it takes traffic. */
#ifndef TRIVET_LIFECYCLE_GATE_H
#define TRIVET_LIFECYCLE_GATE_H

#include "base/compiler.h"
#include "metrics/metric.h"

#include <trivet/error.h>

#include <stddef.h>

/* Check one gate, "METRIC OP NUMBER" with OP one of >= > <= <, blanks allowed: "r2>=0.9".
 * INVALID_ARGUMENT: not a gate, or no such metric (the message names those there are);
 * FAILED_PRECONDITION: not met, or the metric is not defined; the message gives the value. */
enum trivet_status trivet_gate_check(const char *gate, const struct trivet_metric *metrics,
                                     size_t n_metrics, struct trivet_error *err) TRIVET_MUST_USE;

#endif
