#include "monitor/pages/health.h"

#include "monitor/json.h"
#include "telemetry/usage.h"

#define US_PER_S 1000000

/* Under the monitor's lock. */
static json_t *source_json(const struct trivet_monitor_source *source, int64_t now_us)
{
    const struct trivet_sequence *sequence = &source->sequence;
    return json_pack(
        "{s:s, s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "server",
        source->server_url, "events", source->events_url, "server_up", source->server_up,
        "subscribed", atomic_load(&source->pipe) != 0, "lag_s",
        source->last_event_us == 0 ? json_null()
                                   : trivet_json_number((double)source->lag_us / US_PER_S),
        "last_event_age_s", trivet_json_age(source->last_event_us, now_us), "events_received",
        trivet_json_count(sequence->events), "lost_events", trivet_json_count(sequence->lost),
        "duplicate_events", trivet_json_count(sequence->duplicates), "malformed",
        trivet_json_count(source->malformed), "refused_totals",
        trivet_json_count(source->refusals.n), "restarts", trivet_json_count(sequence->restarts));
}

static json_t *sources_json(const struct trivet_monitor *monitor, int64_t now_us)
{
    json_t *list = json_array();
    for (size_t i = 0; i < monitor->n_sources; i++) {
        (void)json_array_append_new(list, source_json(&monitor->sources[i], now_us));
    }
    return list;
}

static json_t *held_json(const struct trivet_monitor *monitor)
{
    return json_pack(
        "{s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "versions",
        trivet_json_count(monitor->n_series), "versions_max", TRIVET_MONITOR_SERIES_MAX,
        "window_bytes", trivet_json_count(monitor->budget.used_bytes), "window_bytes_max",
        trivet_json_count(monitor->budget.bytes_max), "dropped_slots",
        trivet_json_count(monitor->budget.dropped_slots), "untracked_totals",
        trivet_json_count(monitor->untracked), "stale_totals", trivet_json_count(monitor->stale),
        "live_jobs", trivet_json_count(monitor->jobs.n));
}

static json_t *process_json(void)
{
    struct trivet_usage usage = trivet_usage_now();
    return json_pack("{s:o, s:o, s:o, s:o}", "rss_bytes", trivet_json_count(usage.rss_bytes),
                     "cpu_seconds", trivet_json_number(usage.cpu_seconds), "threads",
                     trivet_json_count(usage.n_threads), "open_files",
                     trivet_json_count(usage.n_open_files));
}

static json_t *history_json(struct trivet_history *history, bool failing)
{
    struct trivet_history_facts facts = {0};
    struct trivet_error err;
    if (trivet_history_facts(history, &facts, &err) != TRIVET_OK) {
        failing = true;
    }
    return json_pack("{s:b, s:o, s:o, s:o}", "failing", failing, "file_bytes",
                     trivet_json_count(facts.file_bytes), "samples",
                     trivet_json_count(facts.samples), "oldest_unix_s",
                     facts.samples > 0 ? json_integer(facts.oldest_unix_s) : json_null());
}

static json_t *remote_json(struct trivet_monitor_remote *remote)
{
    struct trivet_remote_stats stats = {0};
    trivet_monitor_remote_stats(remote, &stats);
    return json_pack("{s:o, s:o, s:o, s:o}", "calls", trivet_json_count(stats.calls),
                     "calls_failed", trivet_json_count(stats.calls_failed), "answers",
                     trivet_json_count(stats.answers), "answer_bytes",
                     trivet_json_count(stats.answer_bytes));
}

enum trivet_status trivet_health_report(const struct trivet_monitor_health *health, int64_t now_us,
                                        struct trivet_buffer *out, struct trivet_error *err)
{
    struct trivet_monitor *monitor = health->monitor;
    json_t *pages =
        json_pack("{s:o, s:o}", "open", trivet_json_count(trivet_sse_clients(health->hub)),
                  "cut_off", trivet_json_count(trivet_sse_dropped(health->hub)));
    json_t *remote = remote_json(health->remote);
    pthread_mutex_lock(&monitor->lock);
    json_t *sources = sources_json(monitor, now_us);
    json_t *held = held_json(monitor);
    int64_t started_us = monitor->started_us;
    bool failing = monitor->history_failing;
    pthread_mutex_unlock(&monitor->lock);
    return trivet_json_finish(
        json_pack("{s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "unix_us", (json_int_t)now_us,
                  "version", TRIVET_VERSION, "uptime_s",
                  trivet_json_number((double)(now_us - started_us) / US_PER_S), "process",
                  process_json(), "sources", sources, "held", held, "history",
                  history_json(health->history, failing), "pages", pages, "asked", remote),
        out, err);
}
