/* Labels are model, version, code, method and source (the server's address from the options): never
 * a text out of user data. Counters over model and version go on over restarts of the server;
 * those of a source begin anew with it, which Prometheus understands. */
#include "monitor/exposition.h"

#include "base/text.h"
#include "telemetry/prometheus.h"

#define VERSION_TEXT_BYTES 24

/* The page being written; after the first failure the rest is skipped. */
struct page {
    struct trivet_buffer *out;
    struct trivet_error *err;
    enum trivet_status status;
};

static void family(struct page *page, const char *name, const char *type, const char *help)
{
    if (page->status == TRIVET_OK) {
        page->status = trivet_prometheus_family(page->out, name, type, help, page->err);
    }
}

static void sample(struct page *page, const char *name, const struct trivet_label *labels,
                   size_t n_labels, double value)
{
    if (page->status == TRIVET_OK) {
        page->status =
            trivet_prometheus_sample(page->out, name, labels, n_labels, value, page->err);
    }
}

/* One sample per code with a count; labels[n_labels] is room for "code". OK is always there, so
 * that a ratio over codes has its denominator from the beginning. */
static void by_code(struct page *page, const char *name, struct trivet_label *labels,
                    size_t n_labels, const uint64_t counts[TRIVET_STATUS_COUNT])
{
    for (int code = 0; code < TRIVET_STATUS_COUNT; code++) {
        if (counts[code] > 0 || code == TRIVET_OK) {
            labels[n_labels].name = "code";
            labels[n_labels].value = trivet_status_name((enum trivet_status)code);
            sample(page, name, labels, n_labels + 1, (double)counts[code]);
        }
    }
}

enum model_metric { PREDICTIONS, CALLS, BATCHES, LATENCY, QUEUE, COMPUTE };

static const struct {
    enum model_metric metric;
    const char *name;
    const char *type;
    const char *help;
} model_families[] = {
    {PREDICTIONS, "trivet_predictions_total", "counter",
     "Rows answered, by status; code OK are the predictions made."},
    {CALLS, "trivet_prediction_calls_total", "counter", "Predict calls, by status."},
    {BATCHES, "trivet_prediction_batches_total", "counter", "Batches computed."},
    {LATENCY, "trivet_prediction_latency_seconds", "histogram",
     "Predict calls from arrival to reply."},
    {QUEUE, "trivet_prediction_queue_seconds", "histogram",
     "Predict calls from arrival to the moment a worker took them."},
    {COMPUTE, "trivet_prediction_compute_seconds", "histogram",
     "Time that predict calls spent inside the model."},
};

static void model_sample(struct page *page, size_t which,
                         const struct trivet_monitor_series *series)
{
    char version[VERSION_TEXT_BYTES];
    struct trivet_monitor_counts sum;
    const char *name = model_families[which].name;
    const struct trivet_histogram *histogram = NULL;
    (void)trivet_text_format(version, sizeof(version), "%llu", (unsigned long long)series->version);
    struct trivet_label labels[3] = {{"model", series->model}, {"version", version}};
    trivet_monitor_series_sum(series, &sum);
    switch (model_families[which].metric) {
    case PREDICTIONS:
        by_code(page, name, labels, 2, sum.rows);
        return;
    case CALLS:
        by_code(page, name, labels, 2, sum.calls);
        return;
    case BATCHES:
        sample(page, name, labels, 2, (double)sum.batches);
        return;
    case LATENCY:
        histogram = &sum.total;
        break;
    case QUEUE:
        histogram = &sum.queue;
        break;
    case COMPUTE:
        histogram = &sum.compute;
        break;
    }
    if (page->status == TRIVET_OK) {
        page->status =
            trivet_prometheus_histogram(page->out, name, labels, 2, histogram, page->err);
    }
}

enum source_metric {
    UP,
    SUBSCRIBED,
    EVENTS,
    LOST,
    DUPLICATES,
    MALFORMED,
    RESTARTS,
    CPU,
    MEMORY,
    THREADS,
    FILES,
    QUEUE_ROWS,
    DROPPED,
};

static const struct {
    enum source_metric metric;
    const char *name;
    const char *type;
    const char *help;
} source_families[] = {
    {UP, "trivet_monitor_source_up", "gauge", "1 while the server answers Server.Stats."},
    {SUBSCRIBED, "trivet_monitor_source_subscribed", "gauge",
     "1 while the connection to the server's events is up."},
    {EVENTS, "trivet_monitor_events_total", "counter", "Events received."},
    {LOST, "trivet_monitor_lost_events_total", "counter",
     "Events that were published and did not arrive."},
    {DUPLICATES, "trivet_monitor_duplicate_events_total", "counter",
     "Events that arrived more than once."},
    {MALFORMED, "trivet_monitor_malformed_messages_total", "counter",
     "Messages that could not be read."},
    {RESTARTS, "trivet_monitor_source_restarts_total", "counter", "Restarts of the server seen."},
    {CPU, "trivet_server_cpu_seconds_total", "counter", "Processor time of the server."},
    {MEMORY, "trivet_server_resident_memory_bytes", "gauge", "Resident memory of the server."},
    {THREADS, "trivet_server_threads", "gauge", "Threads of the server."},
    {FILES, "trivet_server_open_files", "gauge", "File descriptors the server has open."},
    {QUEUE_ROWS, "trivet_server_queue_rows", "gauge", "Rows waiting for a worker."},
    {DROPPED, "trivet_server_dropped_events_total", "counter",
     "Events the server suppressed before sending."},
};

static double source_value(const struct trivet_monitor_source *source, enum source_metric metric)
{
    switch (metric) {
    case UP:
        return source->server_up ? 1.0 : 0.0;
    case SUBSCRIBED:
        return atomic_load(&source->pipe) != 0 ? 1.0 : 0.0;
    case EVENTS:
        return (double)source->sequence.events;
    case LOST:
        return (double)source->sequence.lost;
    case DUPLICATES:
        return (double)source->sequence.duplicates;
    case MALFORMED:
        return (double)source->malformed;
    case RESTARTS:
        return (double)source->sequence.restarts;
    case CPU:
        return source->resources.cpu_seconds;
    case MEMORY:
        return (double)source->resources.rss_bytes;
    case THREADS:
        return (double)source->resources.threads;
    case FILES:
        return (double)source->resources.open_files;
    case QUEUE_ROWS:
        return (double)source->resources.queue_rows;
    case DROPPED:
        return (double)source->resources.events_dropped;
    }
    return 0.0;
}

static void write_sources(struct page *page, const struct trivet_monitor *monitor)
{
    for (size_t f = 0; f < TRIVET_ARRAY_COUNT(source_families); f++) {
        family(page, source_families[f].name, source_families[f].type, source_families[f].help);
        for (size_t i = 0; i < monitor->n_sources; i++) {
            const struct trivet_monitor_source *source = &monitor->sources[i];
            if (source_families[f].metric < CPU || source->resources.known) {
                const struct trivet_label label = {"source", source->server_url};
                sample(page, source_families[f].name, &label, 1,
                       source_value(source, source_families[f].metric));
            }
        }
    }
}

/* All RPC methods of all sources. */
static void write_calls(struct page *page, const struct trivet_monitor *monitor)
{
    static const char name[] = "trivet_calls_total";
    family(page, name, "counter", "Calls of every RPC method, by status.");
    for (size_t i = 0; i < monitor->n_sources; i++) {
        const struct trivet_monitor_source *source = &monitor->sources[i];
        struct trivet_label labels[3] = {{"source", source->server_url}};
        for (size_t m = 0; m < source->resources.n_methods; m++) {
            labels[1] = (struct trivet_label){"method", source->resources.methods[m].name};
            by_code(page, name, labels, 2, source->resources.methods[m].calls);
        }
        if (source->resources.known) {
            labels[1] = (struct trivet_label){"method", "unknown"};
            by_code(page, name, labels, 2, source->resources.unknown_method);
        }
    }
}

static void write_monitor(struct page *page, const struct trivet_monitor *monitor)
{
    static const char tracked[] = "trivet_monitor_tracked_versions";
    static const char untracked[] = "trivet_monitor_untracked_totals_total";
    static const char history[] = "trivet_monitor_history_writable";
    static const char started[] = "trivet_monitor_start_time_seconds";
    family(page, tracked, "gauge", "Model versions that are tracked.");
    sample(page, tracked, NULL, 0, (double)monitor->n_series);
    family(page, untracked, "counter", "Totals dropped because too many versions are tracked.");
    sample(page, untracked, NULL, 0, (double)monitor->untracked);
    family(page, history, "gauge", "0 when the last write of the history failed.");
    sample(page, history, NULL, 0, monitor->history_failing ? 0.0 : 1.0);
    family(page, started, "gauge", "When this monitor started, in Unix seconds.");
    sample(page, started, NULL, 0, (double)monitor->started_us / 1e6);
}

enum trivet_status trivet_exposition_write(struct trivet_monitor *monitor,
                                           struct trivet_buffer *out, struct trivet_error *err)
{
    struct page page = {.out = out, .err = err, .status = TRIVET_OK};
    pthread_mutex_lock(&monitor->lock);
    for (size_t f = 0; f < TRIVET_ARRAY_COUNT(model_families); f++) {
        family(&page, model_families[f].name, model_families[f].type, model_families[f].help);
        for (size_t i = 0; i < monitor->n_series; i++) {
            model_sample(&page, f, monitor->series[i]);
        }
    }
    write_calls(&page, monitor);
    write_sources(&page, monitor);
    write_monitor(&page, monitor);
    pthread_mutex_unlock(&monitor->lock);
    return page.status;
}
