#include "events/histogram_message.h"

static void *take(struct trivet_arena *arena, size_t count, size_t bytes, struct trivet_error *err)
{
    void *memory = trivet_arena_alloc_array(arena, count > 0 ? count : 1, bytes);
    if (memory == NULL) {
        (void)trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                               "out of memory while encoding running totals");
    }
    return memory;
}

enum trivet_status trivet_histogram_encode(const struct trivet_histogram *histogram,
                                           struct trivet_arena *arena, Trivet__V1__Histogram **out,
                                           struct trivet_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < TRIVET_HISTOGRAM_BUCKETS; i++) {
        n += histogram->buckets[i] != 0;
    }
    Trivet__V1__Histogram *message = take(arena, 1, sizeof(*message), err);
    if (message == NULL) {
        return TRIVET_RESOURCE_EXHAUSTED;
    }
    trivet__v1__histogram__init(message);
    message->buckets = take(arena, n, sizeof(*message->buckets), err);
    message->counts = take(arena, n, sizeof(*message->counts), err);
    if (message->buckets == NULL || message->counts == NULL) {
        return TRIVET_RESOURCE_EXHAUSTED;
    }
    message->count = histogram->count;
    message->sum_ns = histogram->sum_ns;
    message->n_buckets = n;
    message->n_counts = n;
    n = 0;
    for (size_t i = 0; i < TRIVET_HISTOGRAM_BUCKETS; i++) {
        if (histogram->buckets[i] != 0) {
            message->buckets[n] = (uint32_t)i;
            message->counts[n] = histogram->buckets[i];
            n++;
        }
    }
    *out = message;
    return TRIVET_OK;
}
