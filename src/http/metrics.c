#include "http/metrics.h"

#include "base/text.h"
#include "telemetry/prometheus_page.h"

#define PREFIX             "trivet"
#define VERSION_TEXT_BYTES 24

static void write_versions(struct trivet_page *page, struct trivet_totals *totals)
{
    for (size_t family = 0; family < TRIVET_PAGE_SERVED_FAMILIES; family++) {
        trivet_page_served_family(page, PREFIX, family);
        size_t n = trivet_totals_n_versions(totals);
        for (size_t i = 0; i < n; i++) {
            struct trivet_version_counts counts;
            char model[TRIVET_TOTALS_MODEL_BYTES];
            uint64_t number;
            if (!trivet_totals_read_version(totals, i, model, &number, &counts)) {
                continue;
            }
            char version[VERSION_TEXT_BYTES];
            (void)trivet_text_format(version, sizeof(version), "%llu", (unsigned long long)number);
            struct trivet_label labels[3] = {{"model", model}, {"version", version}};
            const struct trivet_page_served served = {.rows = counts.rows,
                                                      .calls = counts.calls,
                                                      .batches = counts.batches,
                                                      .total = &counts.total,
                                                      .queue = &counts.queue,
                                                      .compute = &counts.compute};
            trivet_page_served_sample(page, PREFIX, family, labels, 2, &served);
        }
    }
}

static void write_methods(struct trivet_page *page, struct trivet_totals *totals)
{
    static const char name[] = PREFIX "_calls_total";
    trivet_page_family(page, name, "counter", "Calls of every RPC method, by status.");
    size_t n = trivet_totals_n_methods(totals);
    for (size_t i = 0; i <= n; i++) {
        const char *method;
        uint64_t calls[TRIVET_STATUS_COUNT];
        /* A method may have been added since: that of unknown names is always beyond all. */
        trivet_totals_read_method(totals, i < n ? i : SIZE_MAX, &method, calls);
        struct trivet_label labels[2] = {{"method", method != NULL ? method : "unknown"}};
        trivet_page_by_code(page, name, labels, 1, calls);
    }
}

static void write_saturation(struct trivet_page *page, struct trivet_totals *totals)
{
    struct trivet_saturation now;
    trivet_totals_read_saturation(totals, &now);
    const struct {
        const char *name;
        const char *help;
        double value;
        bool is_limit; /* 0 = there is none */
    } gauges[] = {
        {PREFIX "_queue_rows", "Rows waiting for a worker.", (double)now.queue_rows, false},
        {PREFIX "_queue_rows_max", "Most rows that may wait.", (double)now.queue_rows_max, true},
        {PREFIX "_calls_in_hand", "Calls being answered, and calls that wait for a job.",
         now.calls_in_hand, false},
        {PREFIX "_calls_in_hand_max", "Most calls in hand.", now.calls_max, true},
        {PREFIX "_connections", "Open connections of clients.", now.connections, false},
        {PREFIX "_connections_max", "Most connections.", now.connections_max, true},
        {PREFIX "_model_memory_bytes", "Memory of the loaded versions.", (double)now.model_bytes,
         false},
        {PREFIX "_model_memory_max_bytes", "Memory that loaded versions may take.",
         (double)now.model_bytes_max, true},
        {PREFIX "_models_loaded", "Versions that are loaded.", now.models_loaded, false},
        {PREFIX "_jobs_queued", "Jobs that wait.", now.jobs_queued, false},
        {PREFIX "_jobs_running", "Jobs that run.", now.jobs_running, false},
    };
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(gauges); i++) {
        if (!gauges[i].is_limit || gauges[i].value > 0) {
            trivet_page_number(page, gauges[i].name, "gauge", gauges[i].help, gauges[i].value);
        }
    }
}

enum trivet_status trivet_metrics_write(const struct trivet_metrics_source *source,
                                        struct trivet_buffer *out, struct trivet_error *err)
{
    struct trivet_page page = {.out = out, .err = err, .status = TRIVET_OK};
    const struct trivet_usage usage = trivet_usage_now();
    char reason[TRIVET_ERROR_MESSAGE_BYTES];
    bool ready = source->is_ready(source->ctx, reason, sizeof(reason));
    trivet_page_process(&page, PREFIX, source->started_unix_us, &usage);
    trivet_page_number(&page, PREFIX "_ready", "gauge", "1 while the server is ready.",
                       ready ? 1.0 : 0.0);
    write_saturation(&page, source->totals);
    trivet_page_number(&page, PREFIX "_events_total", "counter", "Events published.",
                       (double)trivet_publisher_sequence(source->publisher));
    trivet_page_number(&page, PREFIX "_events_dropped_total", "counter",
                       "Events suppressed before they were sent.",
                       (double)trivet_totals_dropped_events(source->totals));
    if (source->log != NULL) {
        trivet_page_number(&page, PREFIX "_log_dropped_rows_total", "counter",
                           "Predictions that could not be logged: their outcomes will not join.",
                           (double)trivet_prediction_log_dropped(source->log));
        trivet_page_number(&page, PREFIX "_log_repeated_rows_total", "counter",
                           "Predictions under an id that the log had already: outcomes join the "
                           "first.",
                           (double)trivet_prediction_log_repeated(source->log));
        trivet_page_number(&page, PREFIX "_log_stripped_rows_total", "counter",
                           "Logged predictions whose features were dropped for want of room.",
                           (double)trivet_prediction_log_stripped(source->log));
    }
    write_methods(&page, source->totals);
    write_versions(&page, source->totals);
    return page.status;
}
