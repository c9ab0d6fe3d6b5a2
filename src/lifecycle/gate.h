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

/* INVALID_ARGUMENT: none of the metrics has that name; the message names those there are. "" or
 * NULL is fine. */
enum trivet_status trivet_gate_check_metric(const char *metric, const struct trivet_metric *metrics,
                                            size_t n_metrics,
                                            struct trivet_error *err) TRIVET_MUST_USE;

/* Whether a version is better than another by one metric ("" or NULL: the first of r2, f1_macro and
 * silhouette that the version has), both evaluated on the same rows. INVALID_ARGUMENT: no such
 * metric; FAILED_PRECONDITION: equal, worse, or not defined; the message gives both values. */
enum trivet_status trivet_gate_better(const char *metric, const struct trivet_metric *ours,
                                      size_t n_ours, const struct trivet_metric *theirs,
                                      size_t n_theirs, struct trivet_error *err) TRIVET_MUST_USE;

#endif
