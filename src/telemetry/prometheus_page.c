#include "telemetry/prometheus_page.h"

#include "base/text.h"

#define NAME_BYTES 128

void trivet_page_family(struct trivet_page *page, const char *name, const char *type,
                        const char *help)
{
    if (page->status == TRIVET_OK) {
        page->status = trivet_prometheus_family(page->out, name, type, help, page->err);
    }
}

void trivet_page_sample(struct trivet_page *page, const char *name,
                        const struct trivet_label *labels, size_t n_labels, double value)
{
    if (page->status == TRIVET_OK) {
        page->status =
            trivet_prometheus_sample(page->out, name, labels, n_labels, value, page->err);
    }
}

void trivet_page_number(struct trivet_page *page, const char *name, const char *type,
                        const char *help, double value)
{
    trivet_page_family(page, name, type, help);
    trivet_page_sample(page, name, NULL, 0, value);
}

void trivet_page_by_code(struct trivet_page *page, const char *name, struct trivet_label *labels,
                         size_t n_labels, const uint64_t counts[TRIVET_STATUS_COUNT])
{
    for (int code = 0; code < TRIVET_STATUS_COUNT; code++) {
        if (counts[code] > 0 || code == TRIVET_OK) {
            labels[n_labels].name = "code";
            labels[n_labels].value = trivet_status_name((enum trivet_status)code);
            trivet_page_sample(page, name, labels, n_labels + 1, (double)counts[code]);
        }
    }
}

enum served_metric { PREDICTIONS, CALLS, BATCHES, LATENCY, QUEUE, COMPUTE };

static const struct {
    enum served_metric metric;
    const char *name; /* after the prefix */
    const char *type;
    const char *help;
} served_families[] = {
    {PREDICTIONS, "predictions_total", "counter",
     "Rows answered, by status; code OK are the predictions made."},
    {CALLS, "prediction_calls_total", "counter", "Predict calls, by status."},
    {BATCHES, "prediction_batches_total", "counter", "Batches computed."},
    {LATENCY, "prediction_latency_seconds", "histogram", "Predict calls from arrival to reply."},
    {QUEUE, "prediction_queue_seconds", "histogram",
     "Predict calls from arrival to the begin of their batch."},
    {COMPUTE, "prediction_compute_seconds", "histogram",
     "Time that predict calls spent inside the model."},
};
_Static_assert(TRIVET_ARRAY_COUNT(served_families) == TRIVET_PAGE_SERVED_FAMILIES, "the header's");

static void name_with(const char *prefix, const char *name, char out[NAME_BYTES])
{
    (void)trivet_text_format(out, NAME_BYTES, "%s_%s", prefix, name);
}

void trivet_page_served_family(struct trivet_page *page, const char *prefix, size_t which)
{
    char name[NAME_BYTES];
    name_with(prefix, served_families[which].name, name);
    trivet_page_family(page, name, served_families[which].type, served_families[which].help);
}

void trivet_page_served_sample(struct trivet_page *page, const char *prefix, size_t which,
                               struct trivet_label *labels, size_t n_labels,
                               const struct trivet_page_served *served)
{
    char name[NAME_BYTES];
    const struct trivet_histogram *histogram = NULL;
    name_with(prefix, served_families[which].name, name);
    switch (served_families[which].metric) {
    case PREDICTIONS:
        trivet_page_by_code(page, name, labels, n_labels, served->rows);
        return;
    case CALLS:
        trivet_page_by_code(page, name, labels, n_labels, served->calls);
        return;
    case BATCHES:
        trivet_page_sample(page, name, labels, n_labels, (double)served->batches);
        return;
    case LATENCY:
        histogram = served->total;
        break;
    case QUEUE:
        histogram = served->queue;
        break;
    case COMPUTE:
        histogram = served->compute;
        break;
    }
    if (page->status == TRIVET_OK) {
        page->status =
            trivet_prometheus_histogram(page->out, name, labels, n_labels, histogram, page->err);
    }
}

void trivet_page_process(struct trivet_page *page, const char *prefix, int64_t started_unix_us,
                         const struct trivet_usage *usage)
{
    char name[NAME_BYTES];
    const struct trivet_label version = {"version", TRIVET_VERSION};
    name_with(prefix, "build_info", name);
    trivet_page_family(page, name, "gauge", "1, with the version of this program.");
    trivet_page_sample(page, name, &version, 1, 1.0);
    trivet_page_number(page, "process_start_time_seconds", "gauge",
                       "When this process started, in Unix seconds.",
                       (double)started_unix_us / 1e6);
    trivet_page_number(page, "process_cpu_seconds_total", "counter",
                       "Processor time, user and system.", usage->cpu_seconds);
    trivet_page_number(page, "process_resident_memory_bytes", "gauge", "Resident memory.",
                       (double)usage->rss_bytes);
    trivet_page_number(page, "process_open_fds", "gauge", "Open file descriptors.",
                       usage->n_open_files);
    trivet_page_number(page, "process_threads", "gauge", "Threads.", usage->n_threads);
}
