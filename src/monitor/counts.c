#include "monitor/counts.h"

#include "wire/codec.h"

static void read_codes(Trivet__V1__CodeCount *const *list, size_t n,
                       uint64_t out[TRIVET_STATUS_COUNT])
{
    for (size_t i = 0; i < n; i++) {
        unsigned code = (unsigned)list[i]->status;
        out[code < TRIVET_STATUS_COUNT ? code : TRIVET_UNKNOWN] += list[i]->count;
    }
}

enum trivet_status trivet_monitor_histogram_read(const Trivet__V1__Histogram *message,
                                                 const char *name, struct trivet_histogram *out,
                                                 struct trivet_error *err)
{
    if (message == NULL) {
        return TRIVET_OK; /* a sub-message of zeros may be left out */
    }
    if (message->n_buckets != message->n_counts) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "histogram %s lists %zu buckets and %zu counts", name,
                                message->n_buckets, message->n_counts);
    }
    for (size_t i = 0; i < message->n_buckets; i++) {
        if (message->buckets[i] >= TRIVET_HISTOGRAM_BUCKETS) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "histogram %s has no bucket %u",
                                    name, (unsigned)message->buckets[i]);
        }
        out->buckets[message->buckets[i]] += message->counts[i];
    }
    out->count = message->count;
    out->sum_ns = message->sum_ns;
    return TRIVET_OK;
}

enum trivet_status trivet_monitor_counts_read(const Trivet__V1__PredictionTotals *message,
                                              struct trivet_monitor_counts *out,
                                              struct trivet_error *err)
{
    struct trivet_monitor_counts counts = {.batches = message->batches, .life = message->life};
    read_codes(message->calls, message->n_calls, counts.calls);
    read_codes(message->rows, message->n_rows, counts.rows);
    enum trivet_status status =
        trivet_monitor_histogram_read(message->queue, "queue", &counts.queue, err);
    if (status == TRIVET_OK) {
        status = trivet_monitor_histogram_read(message->compute, "compute", &counts.compute, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_monitor_histogram_read(message->total, "total", &counts.total, err);
    }
    if (status == TRIVET_OK) {
        *out = counts;
    }
    return status;
}

/* Messages with their arrays, so that packing needs no allocation of its own. */
struct packed_histogram {
    Trivet__V1__Histogram message;
    uint32_t buckets[TRIVET_HISTOGRAM_BUCKETS];
    uint64_t counts[TRIVET_HISTOGRAM_BUCKETS];
};

struct packed_codes {
    Trivet__V1__CodeCount messages[TRIVET_STATUS_COUNT];
    Trivet__V1__CodeCount *list[TRIVET_STATUS_COUNT];
    size_t n;
};

static void fill_histogram(const struct trivet_histogram *from, struct packed_histogram *to)
{
    size_t n = 0;
    trivet__v1__histogram__init(&to->message);
    for (uint32_t i = 0; i < TRIVET_HISTOGRAM_BUCKETS; i++) {
        if (from->buckets[i] > 0) {
            to->buckets[n] = i;
            to->counts[n++] = from->buckets[i];
        }
    }
    to->message.count = from->count;
    to->message.sum_ns = from->sum_ns;
    to->message.buckets = to->buckets;
    to->message.n_buckets = n;
    to->message.counts = to->counts;
    to->message.n_counts = n;
}

static void fill_codes(const uint64_t from[TRIVET_STATUS_COUNT], struct packed_codes *to)
{
    to->n = 0;
    for (int code = 0; code < TRIVET_STATUS_COUNT; code++) {
        if (from[code] > 0) {
            Trivet__V1__CodeCount *message = &to->messages[to->n];
            trivet__v1__code_count__init(message);
            message->status = (Trivet__V1__Status)code;
            message->count = from[code];
            to->list[to->n++] = message;
        }
    }
}

enum trivet_status trivet_monitor_counts_pack(const struct trivet_monitor_counts *counts,
                                              struct trivet_buffer *out, struct trivet_error *err)
{
    struct packed_histogram queue;
    struct packed_histogram compute;
    struct packed_histogram total;
    struct packed_codes calls;
    struct packed_codes rows;
    fill_histogram(&counts->queue, &queue);
    fill_histogram(&counts->compute, &compute);
    fill_histogram(&counts->total, &total);
    fill_codes(counts->calls, &calls);
    fill_codes(counts->rows, &rows);
    Trivet__V1__PredictionTotals message = TRIVET__V1__PREDICTION_TOTALS__INIT;
    message.calls = calls.list;
    message.n_calls = calls.n;
    message.rows = rows.list;
    message.n_rows = rows.n;
    message.queue = &queue.message;
    message.compute = &compute.message;
    message.total = &total.message;
    message.batches = counts->batches;
    message.life = counts->life;
    return trivet_codec_pack(&message.base, out, err);
}

enum trivet_status trivet_monitor_counts_unpack(const void *data, size_t n_bytes,
                                                struct trivet_arena *arena,
                                                struct trivet_monitor_counts *out,
                                                struct trivet_error *err)
{
    ProtobufCMessage *message = NULL;
    enum trivet_status status = trivet_codec_unpack(&trivet__v1__prediction_totals__descriptor,
                                                    arena, data, n_bytes, &message, err);
    if (status == TRIVET_OK) {
        status =
            trivet_monitor_counts_read((const Trivet__V1__PredictionTotals *)message, out, err);
    }
    return status;
}

void trivet_monitor_counts_add(struct trivet_monitor_counts *into,
                               const struct trivet_monitor_counts *from)
{
    for (size_t code = 0; code < TRIVET_STATUS_COUNT; code++) {
        into->calls[code] += from->calls[code];
        into->rows[code] += from->rows[code];
    }
    into->batches += from->batches;
    trivet_histogram_merge(&into->queue, &from->queue);
    trivet_histogram_merge(&into->compute, &from->compute);
    trivet_histogram_merge(&into->total, &from->total);
}

void trivet_monitor_counts_subtract(struct trivet_monitor_counts *now,
                                    const struct trivet_monitor_counts *before)
{
    for (size_t code = 0; code < TRIVET_STATUS_COUNT; code++) {
        now->calls[code] -= before->calls[code];
        now->rows[code] -= before->rows[code];
    }
    now->batches -= before->batches;
    trivet_histogram_subtract(&now->queue, &before->queue);
    trivet_histogram_subtract(&now->compute, &before->compute);
    trivet_histogram_subtract(&now->total, &before->total);
}

static bool histogram_covers(const struct trivet_histogram *newer,
                             const struct trivet_histogram *older)
{
    if (older->count > newer->count || older->sum_ns > newer->sum_ns) {
        return false;
    }
    for (size_t i = 0; i < TRIVET_HISTOGRAM_BUCKETS; i++) {
        if (older->buckets[i] > newer->buckets[i]) {
            return false;
        }
    }
    return true;
}

bool trivet_monitor_counts_cover(const struct trivet_monitor_counts *newer,
                                 const struct trivet_monitor_counts *older)
{
    for (size_t code = 0; code < TRIVET_STATUS_COUNT; code++) {
        if (older->calls[code] > newer->calls[code] || older->rows[code] > newer->rows[code]) {
            return false;
        }
    }
    return older->batches <= newer->batches && histogram_covers(&newer->queue, &older->queue) &&
           histogram_covers(&newer->compute, &older->compute) &&
           histogram_covers(&newer->total, &older->total);
}

static uint64_t sum_from(const uint64_t counts[TRIVET_STATUS_COUNT], size_t from)
{
    uint64_t sum = 0;
    for (size_t code = from; code < TRIVET_STATUS_COUNT; code++) {
        sum += counts[code];
    }
    return sum;
}

uint64_t trivet_monitor_counts_calls(const struct trivet_monitor_counts *counts)
{
    return sum_from(counts->calls, 0);
}

uint64_t trivet_monitor_counts_failed_calls(const struct trivet_monitor_counts *counts)
{
    return sum_from(counts->calls, TRIVET_OK + 1);
}

uint64_t trivet_monitor_counts_rows(const struct trivet_monitor_counts *counts)
{
    return sum_from(counts->rows, 0);
}

uint64_t trivet_monitor_counts_failed_rows(const struct trivet_monitor_counts *counts)
{
    return sum_from(counts->rows, TRIVET_OK + 1);
}
