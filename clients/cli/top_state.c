#include "clients/cli/top_state.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* A version that changes is published ten times a second: older totals have not changed since, and
 * hold until now. */
#define FRESH_US 250000

void trivet_cli_top_release(struct trivet_cli_top *top)
{
    trivet_free(top->versions);
    *top = (struct trivet_cli_top){0};
}

/* NULL when out of memory, or when there are too many. */
static struct trivet_cli_top_version *find(struct trivet_cli_top *top, const char *model,
                                           uint64_t version)
{
    for (size_t i = 0; i < top->n_versions; i++) {
        if (top->versions[i].version == version && strcmp(top->versions[i].model, model) == 0) {
            return &top->versions[i];
        }
    }
    if (top->n_versions == TRIVET_CLI_TOP_VERSIONS_MAX) {
        return NULL;
    }
    if (top->n_versions == top->capacity) {
        size_t capacity = top->capacity == 0 ? 16 : 2 * top->capacity;
        void *grown = trivet_realloc_array(top->versions, capacity, sizeof(top->versions[0]));
        if (grown == NULL) {
            return NULL;
        }
        top->versions = grown;
        top->capacity = capacity;
    }
    struct trivet_cli_top_version *made = &top->versions[top->n_versions++];
    *made = (struct trivet_cli_top_version){.version = version};
    trivet_text_copy(made->model, sizeof(made->model), model);
    return made;
}

/* What a peer lists beyond our buckets is left out. */
static void read_histogram(const Trivet__V1__Histogram *from, struct trivet_histogram *to)
{
    *to = (struct trivet_histogram){0};
    if (from == NULL) {
        return;
    }
    to->count = from->count;
    to->sum_ns = from->sum_ns;
    for (size_t i = 0; i < from->n_buckets && i < from->n_counts; i++) {
        if (from->buckets[i] < TRIVET_HISTOGRAM_BUCKETS) {
            to->buckets[from->buckets[i]] += from->counts[i];
        }
    }
}

static void add_codes(Trivet__V1__CodeCount *const *codes, size_t n_codes, uint64_t *fine,
                      uint64_t *failed)
{
    for (size_t i = 0; i < n_codes; i++) {
        if (codes[i]->status == TRIVET__V1__STATUS__STATUS_OK) {
            *fine += codes[i]->count;
        } else {
            *failed += codes[i]->count;
        }
    }
}

static enum trivet_status take_totals(struct trivet_cli_top *top,
                                      const Trivet__V1__PredictionTotals *totals, int64_t unix_us,
                                      struct trivet_error *err)
{
    struct trivet_cli_top_version *version = find(top, totals->model, totals->version);
    if (version == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory for %zu versions, or more than %d",
                                top->n_versions + 1, TRIVET_CLI_TOP_VERSIONS_MAX);
    }
    struct trivet_cli_top_counts *counts = &version->counts;
    *counts = (struct trivet_cli_top_counts){0};
    add_codes(totals->calls, totals->n_calls, &counts->calls, &counts->calls_failed);
    counts->calls += counts->calls_failed;
    add_codes(totals->rows, totals->n_rows, &counts->rows, &counts->errors);
    counts->batches = totals->batches;
    read_histogram(totals->queue, &counts->queue);
    read_histogram(totals->compute, &counts->compute);
    read_histogram(totals->total, &counts->total);
    version->unix_us = unix_us;
    return TRIVET_OK;
}

static void take_server(struct trivet_cli_top *top, Trivet__V1__ServerPhase phase,
                        const Trivet__V1__ServerTotals *totals, int64_t unix_us)
{
    top->server.phase = phase;
    if (totals == NULL) {
        return;
    }
    struct trivet_cli_top_server server = {
        .known = true,
        .unix_us = unix_us,
        .phase = phase,
        .cpu_seconds = totals->cpu_seconds,
        .rss_bytes = totals->rss_bytes,
        .threads = totals->threads,
        .open_files = totals->open_files,
        .queue_rows = totals->queue_rows,
        .queue_rows_max = totals->queue_rows_max,
        .model_bytes = totals->model_bytes,
        .model_bytes_max = totals->model_bytes_max,
        .models_loaded = totals->models_loaded,
        .calls_in_hand = totals->calls_in_hand,
        .calls_max = totals->calls_max,
        .connections = totals->connections,
        .connections_max = totals->connections_max,
        .jobs_queued = totals->jobs_queued,
        .jobs_running = totals->jobs_running,
        .events_dropped = totals->events_dropped,
    };
    uint64_t fine = 0;
    for (size_t i = 0; i < totals->n_methods; i++) {
        add_codes(totals->methods[i]->calls, totals->methods[i]->n_calls, &fine, &server.errors);
    }
    add_codes(totals->unknown_method, totals->n_unknown_method, &fine, &server.errors);
    server.calls = fine + server.errors;
    top->server = server;
}

static void forget_totals(struct trivet_cli_top *top)
{
    top->n_versions = 0;
    top->server = (struct trivet_cli_top_server){0};
    top->server_sample = (struct trivet_cli_top_server){0};
    top->server_rates_known = false;
    top->dropping = false;
}

enum trivet_status trivet_cli_top_take(struct trivet_cli_top *top, const Trivet__V1__Event *event,
                                       int64_t now_ns, struct trivet_error *err)
{
    bool of_stats = event->publisher_epoch == top->stats.epoch;
    struct trivet_cli_step step = trivet_cli_place_take(&top->place, event);
    top->lost += step.lost;
    top->heard_ns = now_ns;
    top->clock_unix_us = event->unix_us;
    top->clock_ns = now_ns;
    if (step.new_epoch || (top->stats.epoch != 0 && !of_stats)) {
        top->restarts++;
        top->stats = (struct trivet_cli_place){0};
        forget_totals(top);
    }
    if (of_stats && event->sequence <= top->stats.sequence) {
        return TRIVET_OK;
    }
    if (event->body_case == TRIVET__V1__EVENT__BODY_PREDICTION_TOTALS) {
        return take_totals(top, event->prediction_totals, event->unix_us, err);
    }
    if (event->body_case == TRIVET__V1__EVENT__BODY_SERVER) {
        take_server(top, event->server->phase, event->server->totals, event->unix_us);
    }
    return TRIVET_OK;
}

enum trivet_status trivet_cli_top_take_stats(struct trivet_cli_top *top,
                                             const Trivet__V1__StatsResponse *stats,
                                             struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    top->stats.epoch = stats->publisher_epoch;
    top->stats.sequence = stats->sequence;
    for (size_t i = 0; status == TRIVET_OK && i < stats->n_predictions; i++) {
        status = take_totals(top, stats->predictions[i], 0, err);
    }
    take_server(top, TRIVET__V1__SERVER_PHASE__SERVER_PHASE_UNSPECIFIED, stats->server, 0);
    return status;
}

static uint64_t grown(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

static double mean_us(const struct trivet_histogram *histogram)
{
    return histogram->count == 0
               ? 0
               : (double)histogram->sum_ns / (double)histogram->count / TRIVET_NS_PER_US;
}

static void tick_version(struct trivet_cli_top_version *version, int64_t clock_us)
{
    const struct trivet_cli_top_counts *now = &version->counts;
    const struct trivet_cli_top_counts *before = &version->sample;
    int64_t unix_us = clock_us - version->unix_us <= FRESH_US ? version->unix_us : clock_us;
    double seconds = (double)(unix_us - version->sample_unix_us) / 1e6;
    struct trivet_cli_top_rates rates = {0};
    if (version->sample_unix_us != 0 && seconds <= 0) {
        return; /* the server's clock was set back, or ticks are too close: wait for the next */
    }
    if (version->sample_unix_us != 0) {
        struct trivet_histogram queue = now->queue;
        struct trivet_histogram compute = now->compute;
        struct trivet_histogram total = now->total;
        trivet_histogram_subtract(&queue, &before->queue);
        trivet_histogram_subtract(&compute, &before->compute);
        trivet_histogram_subtract(&total, &before->total);
        uint64_t batches = grown(now->batches, before->batches);
        uint64_t rows = grown(now->rows, before->rows);
        rates.known = true;
        rates.calls_per_s = (double)grown(now->calls, before->calls) / seconds;
        rates.calls_failed_per_s = (double)grown(now->calls_failed, before->calls_failed) / seconds;
        rates.rows_per_s = (double)rows / seconds;
        rates.errors_per_s = (double)grown(now->errors, before->errors) / seconds;
        rates.p50_us = trivet_histogram_quantile_us(&total, 0.5);
        rates.p99_us = trivet_histogram_quantile_us(&total, 0.99);
        rates.queue_us = mean_us(&queue);
        rates.compute_us = mean_us(&compute);
        rates.batch_rows = batches == 0 ? 0 : (double)rows / (double)batches;
    }
    version->rates = rates;
    version->sample = version->counts;
    version->sample_unix_us = unix_us;
}

static void tick_server(struct trivet_cli_top *top)
{
    const struct trivet_cli_top_server *now = &top->server;
    const struct trivet_cli_top_server *before = &top->server_sample;
    double seconds = (double)(now->unix_us - before->unix_us) / 1e6;
    if (now->unix_us == 0 || now->unix_us == before->unix_us) {
        return; /* nothing new: what was shown goes on to be true */
    }
    if (before->unix_us != 0 && seconds > 0) {
        top->server_rates_known = true;
        top->cpu_percent = 100 * (now->cpu_seconds - before->cpu_seconds) / seconds;
        top->calls_per_s = (double)grown(now->calls, before->calls) / seconds;
        top->errors_per_s = (double)grown(now->errors, before->errors) / seconds;
        top->dropping = now->events_dropped > before->events_dropped;
    }
    top->server_sample = *now;
}

void trivet_cli_top_tick(struct trivet_cli_top *top, int64_t now_ns)
{
    if (top->clock_ns == 0) {
        return;
    }
    int64_t clock_us = top->clock_unix_us + (now_ns - top->clock_ns) / TRIVET_NS_PER_US;
    for (size_t i = 0; i < top->n_versions; i++) {
        tick_version(&top->versions[i], clock_us);
    }
    tick_server(top);
}

bool trivet_cli_top_silent(const struct trivet_cli_top *top, int64_t now_ns)
{
    return now_ns - top->heard_ns > TRIVET_CLI_SILENCE_NS;
}

/* --- order --- */

struct order {
    enum trivet_cli_top_key key;
    bool reverse;
};

static double weight_of(const struct trivet_cli_top_version *version, enum trivet_cli_top_key key)
{
    switch (key) {
    case TRIVET_CLI_TOP_BY_CALLS:
        return version->rates.calls_per_s;
    case TRIVET_CLI_TOP_BY_ROWS:
        return version->rates.rows_per_s;
    case TRIVET_CLI_TOP_BY_ERRORS:
        return version->rates.calls_failed_per_s + version->rates.errors_per_s;
    case TRIVET_CLI_TOP_BY_P99:
        return version->rates.p99_us;
    default:
        return 0;
    }
}

static uint64_t total_of(const struct trivet_cli_top_version *version, enum trivet_cli_top_key key)
{
    switch (key) {
    case TRIVET_CLI_TOP_BY_ROWS:
        return version->counts.rows;
    case TRIVET_CLI_TOP_BY_ERRORS:
        return version->counts.calls_failed + version->counts.errors;
    case TRIVET_CLI_TOP_BY_NAME:
        return 0;
    default:
        return version->counts.calls;
    }
}

static int compare(const void *left, const void *right, void *context)
{
    const struct trivet_cli_top_version *a = left;
    const struct trivet_cli_top_version *b = right;
    const struct order *order = context;
    double weight_a = weight_of(a, order->key);
    double weight_b = weight_of(b, order->key);
    int result = (weight_a < weight_b) - (weight_a > weight_b);
    if (result == 0) {
        uint64_t total_a = total_of(a, order->key);
        uint64_t total_b = total_of(b, order->key);
        result = (total_a < total_b) - (total_a > total_b);
    }
    if (result == 0) {
        result = strcmp(a->model, b->model);
    }
    if (result == 0) {
        result = (a->version > b->version) - (a->version < b->version);
    }
    return order->reverse ? -result : result;
}

void trivet_cli_top_sort(struct trivet_cli_top *top, enum trivet_cli_top_key key, bool reverse)
{
    struct order order = {.key = key, .reverse = reverse};
    if (top->n_versions > 1) {
        qsort_r(top->versions, top->n_versions, sizeof(top->versions[0]), compare, &order);
    }
}
