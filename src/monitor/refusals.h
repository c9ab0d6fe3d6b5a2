/* Totals of single versions that cannot be taken: they cost that version and nobody else, are
 * counted, and each version is told in the log once. */
#ifndef TRIVET_MONITOR_REFUSALS_H
#define TRIVET_MONITOR_REFUSALS_H

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

/* Versions that are told of; more are only counted. */
#define TRIVET_MONITOR_REFUSALS_TOLD_MAX 64

/* Zero-initialised is none. Under the owner's lock. */
struct trivet_monitor_refusals {
    uint64_t n;
    uint64_t told[TRIVET_MONITOR_REFUSALS_TOLD_MAX]; /* hashes */
    size_t n_told;
};

/* `what`: the kind of totals; `err`: why they could not be taken. Writes one line of the log at the
 * first of each. */
void trivet_monitor_refuse(struct trivet_monitor_refusals *refusals, const char *server,
                           const char *what, const char *model, uint64_t version,
                           const struct trivet_error *err);

#endif
