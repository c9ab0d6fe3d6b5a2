/* A page of metrics, written family by family; after the first failure the rest is skipped, and the
 * page's status tells of it at the end. What trivetd and trivet-monitor both expose has the same
 * families here, under their own prefix, so that no series of one is ever added to the other's. */
#ifndef TRIVET_TELEMETRY_PROMETHEUS_PAGE_H
#define TRIVET_TELEMETRY_PROMETHEUS_PAGE_H

#include "telemetry/prometheus.h"
#include "telemetry/usage.h"

#include <trivet/status.h>

struct trivet_page {
    struct trivet_buffer *out; /* borrowed */
    struct trivet_error *err;  /* borrowed, may be NULL */
    enum trivet_status status; /* begin with TRIVET_OK */
};

void trivet_page_family(struct trivet_page *page, const char *name, const char *type,
                        const char *help);
void trivet_page_sample(struct trivet_page *page, const char *name,
                        const struct trivet_label *labels, size_t n_labels, double value);
/* A family of one sample without labels. */
void trivet_page_number(struct trivet_page *page, const char *name, const char *type,
                        const char *help, double value);
/* One sample per code with a count; labels[n_labels] is room for "code". OK is always there, so
 * that a ratio over codes has its denominator from the beginning. */
void trivet_page_by_code(struct trivet_page *page, const char *name, struct trivet_label *labels,
                         size_t n_labels, const uint64_t counts[TRIVET_STATUS_COUNT]);

/* What was served of one model version; all borrowed. */
struct trivet_page_served {
    const uint64_t *rows;  /* TRIVET_STATUS_COUNT */
    const uint64_t *calls; /* TRIVET_STATUS_COUNT */
    uint64_t batches;
    const struct trivet_histogram *total;
    const struct trivet_histogram *queue;
    const struct trivet_histogram *compute;
};
#define TRIVET_PAGE_SERVED_FAMILIES 6
/* Family `which` of the above, "<prefix>_predictions_total" …; then a sample for each version, its
 * labels with room for one more. */
void trivet_page_served_family(struct trivet_page *page, const char *prefix, size_t which);
void trivet_page_served_sample(struct trivet_page *page, const char *prefix, size_t which,
                               struct trivet_label *labels, size_t n_labels,
                               const struct trivet_page_served *served);

/* This process: build, start, and what it uses, under the names that all exporters give them. */
void trivet_page_process(struct trivet_page *page, const char *prefix, int64_t started_unix_us,
                         const struct trivet_usage *usage);

#endif
