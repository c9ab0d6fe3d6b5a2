/* Labels are model, version, code, method and source (the server's address from the options): never
 * a text out of user data. Counters over model and version go on over restarts of the server;
 * those of a source begin anew with it, which Prometheus understands. */
#include "monitor/pages/exposition.h"

#include "base/text.h"
#include "monitor/pages/exposition_drift.h"
#include "monitor/pages/exposition_live.h"
#include "telemetry/prometheus_page.h"

#define PREFIX             "trivet_monitor"
#define VERSION_TEXT_BYTES 24

static void model_sample(struct trivet_page *page, size_t which,
                         const struct trivet_monitor_series *series)
{
    char version[VERSION_TEXT_BYTES];
    struct trivet_monitor_counts sum;
    (void)trivet_text_format(version, sizeof(version), "%llu", (unsigned long long)series->version);
    struct trivet_label labels[3] = {{"model", series->model}, {"version", version}};
    trivet_monitor_series_sum(series, &sum);
    const struct trivet_page_served served = {.rows = sum.rows,
                                              .calls = sum.calls,
                                              .batches = sum.batches,
                                              .total = &sum.total,
                                              .queue = &sum.queue,
                                              .compute = &sum.compute};
    trivet_page_served_sample(page, PREFIX, which, labels, 2, &served);
}

enum source_metric {
    UP,
    SUBSCRIBED,
    EVENTS,
    LOST,
    DUPLICATES,
    MALFORMED,
    REFUSED,
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
    {REFUSED, "trivet_monitor_refused_totals_total", "counter",
     "Totals of one version in an answer of the server that could not be taken."},
    {RESTARTS, "trivet_monitor_source_restarts_total", "counter", "Restarts of the server seen."},
    {CPU, "trivet_monitor_source_cpu_seconds_total", "counter", "Processor time of the server."},
    {MEMORY, "trivet_monitor_source_resident_memory_bytes", "gauge",
     "Resident memory of the server."},
    {THREADS, "trivet_monitor_source_threads", "gauge", "Threads of the server."},
    {FILES, "trivet_monitor_source_open_files", "gauge", "File descriptors the server has open."},
    {QUEUE_ROWS, "trivet_monitor_source_queue_rows", "gauge", "Rows waiting for a worker."},
    {DROPPED, "trivet_monitor_source_dropped_events_total", "counter",
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
    case REFUSED:
        return (double)source->refusals.n;
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

static void write_sources(struct trivet_page *page, const struct trivet_monitor *monitor)
{
    for (size_t f = 0; f < TRIVET_ARRAY_COUNT(source_families); f++) {
        trivet_page_family(page, source_families[f].name, source_families[f].type,
                           source_families[f].help);
        for (size_t i = 0; i < monitor->n_sources; i++) {
            const struct trivet_monitor_source *source = &monitor->sources[i];
            if (source_families[f].metric < CPU || source->resources.known) {
                const struct trivet_label label = {"source", source->server_url};
                trivet_page_sample(page, source_families[f].name, &label, 1,
                                   source_value(source, source_families[f].metric));
            }
        }
    }
}

/* All RPC methods of all sources. */
static void write_calls(struct trivet_page *page, const struct trivet_monitor *monitor)
{
    static const char name[] = "trivet_monitor_calls_total";
    trivet_page_family(page, name, "counter", "Calls of every RPC method, by status.");
    for (size_t i = 0; i < monitor->n_sources; i++) {
        const struct trivet_monitor_source *source = &monitor->sources[i];
        struct trivet_label labels[3] = {{"source", source->server_url}};
        for (size_t m = 0; m < source->resources.n_methods; m++) {
            labels[1] = (struct trivet_label){"method", source->resources.methods[m].name};
            trivet_page_by_code(page, name, labels, 2, source->resources.methods[m].calls);
        }
        if (source->resources.known) {
            labels[1] = (struct trivet_label){"method", "unknown"};
            trivet_page_by_code(page, name, labels, 2, source->resources.unknown_method);
        }
    }
}

static void write_monitor(struct trivet_page *page, const struct trivet_monitor *monitor)
{
    trivet_page_number(page, "trivet_monitor_tracked_versions", "gauge",
                       "Model versions that are tracked.", (double)monitor->n_series);
    trivet_page_number(page, "trivet_monitor_untracked_totals_total", "counter",
                       "Totals dropped because too many versions are tracked.",
                       (double)monitor->untracked);
    trivet_page_number(page, "trivet_monitor_history_writable", "gauge",
                       "0 when the last write of the history failed.",
                       monitor->history_failing ? 0.0 : 1.0);
    trivet_page_number(page, "trivet_monitor_unwatched_versions_total", "counter",
                       "Versions whose drift there was no memory to watch.",
                       (double)monitor->drift_budget.refused);
    const struct trivet_usage usage = trivet_usage_now();
    trivet_page_process(page, PREFIX, monitor->started_us, &usage);
}

/* As many series as there are rules, and one for each alert that fires. */
static void write_alerts(struct trivet_page *page, struct trivet_alert_watch *watch)
{
    static const char counts[] = "trivet_monitor_alerts";
    static const char firing[] = "trivet_monitor_alert_firing";
    char version[VERSION_TEXT_BYTES];
    size_t n_active = 0;
    const struct trivet_alert_rules *rules = trivet_alert_watch_rules(watch);
    const struct trivet_alerts *alerts = trivet_alert_watch_lock(watch);
    const struct trivet_alert *active = trivet_alerts_active(alerts, &n_active);
    trivet_page_family(page, counts, "gauge", "Alerts of a rule that are pending or firing.");
    for (size_t r = 0; r < rules->n; r++) {
        for (int s = TRIVET_ALERT_PENDING; s <= TRIVET_ALERT_FIRING; s++) {
            enum trivet_alert_state state = (enum trivet_alert_state)s;
            const struct trivet_label labels[] = {{"rule", rules->items[r].name},
                                                  {"state", trivet_alert_state_name(state)}};
            trivet_page_sample(page, counts, labels, TRIVET_ARRAY_COUNT(labels),
                               (double)trivet_alerts_count(alerts, rules->items[r].name, state));
        }
    }
    trivet_page_family(page, firing, "gauge",
                       "1 for each alert that fires; about a version or a server.");
    for (size_t i = 0; i < n_active; i++) {
        bool of_model = active[i].model[0] != '\0';
        (void)trivet_text_format(version, sizeof(version), "%llu",
                                 (unsigned long long)active[i].version);
        const struct trivet_label labels[] = {{"rule", active[i].rule},
                                              {"model", active[i].model},
                                              {"version", of_model ? version : ""},
                                              {"source", active[i].source}};
        if (active[i].state == TRIVET_ALERT_FIRING) {
            trivet_page_sample(page, firing, labels, TRIVET_ARRAY_COUNT(labels), 1.0);
        }
    }
    trivet_alert_watch_unlock(watch);
}

static void write_webhook(struct trivet_page *page, struct trivet_webhook *webhook)
{
    static const char name[] = "trivet_monitor_webhook_posts_total";
    struct trivet_webhook_state state;
    trivet_webhook_state(webhook, &state);
    trivet_page_family(page, name, "counter", "Attempts to tell the webhook.");
    const struct trivet_label delivered = {"result", "delivered"};
    const struct trivet_label failed = {"result", "failed"};
    trivet_page_sample(page, name, &delivered, 1, (double)state.delivered);
    trivet_page_sample(page, name, &failed, 1, (double)state.failed);
    trivet_page_number(page, "trivet_monitor_webhook_waiting", "gauge",
                       "Messages that the webhook was not told yet.", (double)state.waiting);
    trivet_page_number(page, "trivet_monitor_webhook_refused_total", "counter",
                       "Messages given up because the webhook's peer refused them for good.",
                       (double)state.refused);
    trivet_page_number(page, "trivet_monitor_webhook_dropped_total", "counter",
                       "Messages given up because too many waited.", (double)state.dropped);
}

enum trivet_status trivet_exposition_write(const struct trivet_exposition_sources *sources,
                                           int64_t now_us, struct trivet_buffer *out,
                                           struct trivet_error *err)
{
    struct trivet_monitor *monitor = sources->monitor;
    struct trivet_page page = {.out = out, .err = err, .status = TRIVET_OK};
    pthread_mutex_lock(&monitor->lock);
    for (size_t f = 0; f < TRIVET_PAGE_SERVED_FAMILIES; f++) {
        trivet_page_served_family(&page, PREFIX, f);
        for (size_t i = 0; i < monitor->n_series; i++) {
            model_sample(&page, f, monitor->series[i]);
        }
    }
    trivet_exposition_write_drift(&page, monitor);
    trivet_exposition_write_live(&page, monitor, now_us);
    write_calls(&page, monitor);
    write_sources(&page, monitor);
    write_monitor(&page, monitor);
    pthread_mutex_unlock(&monitor->lock);
    if (sources->alerts != NULL) {
        write_alerts(&page, sources->alerts);
    }
    if (sources->webhook != NULL) {
        write_webhook(&page, sources->webhook);
    }
    if (sources->loop != NULL) {
        trivet_loop_runner_write_metrics(sources->loop, &page);
    }
    return page.status;
}
