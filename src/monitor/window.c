#include "monitor/window.h"

#include "base/alloc.h"

#include <stdbool.h>
#include <string.h>

/* The numbers of a slot in one line: calls and rows by status, batches, three histograms. */
#define KEY_CALLS   0
#define KEY_ROWS    (KEY_CALLS + TRIVET_STATUS_COUNT)
#define KEY_BATCHES (KEY_ROWS + TRIVET_STATUS_COUNT)
#define KEY_QUEUE   (KEY_BATCHES + 1)
#define KEY_COMPUTE (KEY_QUEUE + TRIVET_HISTOGRAM_BUCKETS)
#define KEY_TOTAL   (KEY_COMPUTE + TRIVET_HISTOGRAM_BUCKETS)
#define KEY_COUNT   (KEY_TOTAL + TRIVET_HISTOGRAM_BUCKETS)

struct cell {
    uint32_t key;
    uint32_t count;
};

struct slot {
    int64_t second; /* valid when cells is set */
    struct cell *cells;
    size_t n_cells;
    uint64_t queue_sum_ns;
    uint64_t compute_sum_ns;
    uint64_t total_sum_ns;
};

struct trivet_window {
    struct trivet_window_budget *budget;
    int64_t newest;
    int64_t expired; /* slots up to this second were released */
    struct slot slots[TRIVET_WINDOW_SECONDS];
};

static bool budget_take(struct trivet_window_budget *budget, size_t bytes)
{
    if (bytes > budget->bytes_max - budget->used_bytes) {
        return false;
    }
    budget->used_bytes += bytes;
    return true;
}

struct trivet_window *trivet_window_create(struct trivet_window_budget *budget)
{
    if (!budget_take(budget, sizeof(struct trivet_window))) {
        return NULL;
    }
    struct trivet_window *window = trivet_calloc(1, sizeof(*window));
    if (window == NULL) {
        budget->used_bytes -= sizeof(*window);
        return NULL;
    }
    window->budget = budget;
    return window;
}

static void slot_clear(struct trivet_window *window, struct slot *slot)
{
    window->budget->used_bytes -= slot->n_cells * sizeof(struct cell);
    trivet_free(slot->cells);
    *slot = (struct slot){0};
}

void trivet_window_free(struct trivet_window *window)
{
    if (window == NULL) {
        return;
    }
    for (size_t i = 0; i < TRIVET_WINDOW_SECONDS; i++) {
        slot_clear(window, &window->slots[i]);
    }
    window->budget->used_bytes -= sizeof(*window);
    trivet_free(window);
}

static void flatten(const struct trivet_monitor_counts *counts, uint64_t line[KEY_COUNT])
{
    memcpy(line + KEY_CALLS, counts->calls, sizeof(counts->calls));
    memcpy(line + KEY_ROWS, counts->rows, sizeof(counts->rows));
    line[KEY_BATCHES] = counts->batches;
    memcpy(line + KEY_QUEUE, counts->queue.buckets, sizeof(counts->queue.buckets));
    memcpy(line + KEY_COMPUTE, counts->compute.buckets, sizeof(counts->compute.buckets));
    memcpy(line + KEY_TOTAL, counts->total.buckets, sizeof(counts->total.buckets));
}

static void add_to_histogram(struct trivet_histogram *histogram, size_t bucket, uint64_t count)
{
    histogram->buckets[bucket] += count;
    histogram->count += count;
}

static void add_cell(struct trivet_monitor_counts *sum, const struct cell *cell)
{
    size_t key = cell->key;
    if (key < KEY_ROWS) {
        sum->calls[key - KEY_CALLS] += cell->count;
    } else if (key < KEY_BATCHES) {
        sum->rows[key - KEY_ROWS] += cell->count;
    } else if (key < KEY_QUEUE) {
        sum->batches += cell->count;
    } else if (key < KEY_COMPUTE) {
        add_to_histogram(&sum->queue, key - KEY_QUEUE, cell->count);
    } else if (key < KEY_TOTAL) {
        add_to_histogram(&sum->compute, key - KEY_COMPUTE, cell->count);
    } else {
        add_to_histogram(&sum->total, key - KEY_TOTAL, cell->count);
    }
}

/* Exchange the slot's cells for the numbers of `line`; false (slot unchanged) without memory. */
static bool slot_store(struct trivet_window *window, struct slot *slot,
                       const uint64_t line[KEY_COUNT])
{
    size_t n = 0;
    for (size_t key = 0; key < KEY_COUNT; key++) {
        n += line[key] > 0;
    }
    size_t grows_bytes = n > slot->n_cells ? (n - slot->n_cells) * sizeof(struct cell) : 0;
    if (n == 0 || !budget_take(window->budget, grows_bytes)) {
        return n == 0;
    }
    struct cell *cells = slot->cells;
    if (grows_bytes > 0) {
        cells = trivet_realloc_array(slot->cells, n, sizeof(*cells));
        if (cells == NULL) {
            window->budget->used_bytes -= grows_bytes;
            return false;
        }
    }
    slot->cells = cells;
    slot->n_cells = 0;
    for (uint32_t key = 0; key < KEY_COUNT; key++) {
        if (line[key] > 0) {
            uint32_t count = line[key] < UINT32_MAX ? (uint32_t)line[key] : UINT32_MAX;
            slot->cells[slot->n_cells++] = (struct cell){.key = key, .count = count};
        }
    }
    return true;
}

static struct slot *slot_of(struct trivet_window *window, int64_t second)
{
    return &window->slots[second % TRIVET_WINDOW_SECONDS];
}

void trivet_window_add(struct trivet_window *window, int64_t second,
                       const struct trivet_monitor_counts *delta)
{
    if (second <= 0 || second <= window->newest - TRIVET_WINDOW_SECONDS) {
        return;
    }
    if (second > window->newest) {
        window->newest = second;
    }
    struct slot *slot = slot_of(window, second);
    if (slot->second != second) {
        slot_clear(window, slot);
    }
    uint64_t line[KEY_COUNT];
    flatten(delta, line);
    for (size_t i = 0; i < slot->n_cells; i++) {
        line[slot->cells[i].key] += slot->cells[i].count;
    }
    if (!slot_store(window, slot, line)) {
        window->budget->dropped_slots++;
        return;
    }
    slot->second = second;
    slot->queue_sum_ns += delta->queue.sum_ns;
    slot->compute_sum_ns += delta->compute.sum_ns;
    slot->total_sum_ns += delta->total.sum_ns;
}

void trivet_window_sum(const struct trivet_window *window, int64_t from, int64_t to,
                       struct trivet_monitor_counts *sum)
{
    int64_t oldest = window->newest - TRIVET_WINDOW_SECONDS + 1;
    from = from > oldest ? from : oldest;
    to = to <= window->newest ? to : window->newest + 1;
    for (int64_t second = from > 0 ? from : 0; second < to; second++) {
        const struct slot *slot = &window->slots[second % TRIVET_WINDOW_SECONDS];
        if (slot->second != second || slot->cells == NULL) {
            continue;
        }
        for (size_t i = 0; i < slot->n_cells; i++) {
            add_cell(sum, &slot->cells[i]);
        }
        sum->queue.sum_ns += slot->queue_sum_ns;
        sum->compute.sum_ns += slot->compute_sum_ns;
        sum->total.sum_ns += slot->total_sum_ns;
    }
}

void trivet_window_expire(struct trivet_window *window, int64_t now)
{
    int64_t last = now - TRIVET_WINDOW_SECONDS;
    int64_t from = window->expired + 1;
    if (from <= last - TRIVET_WINDOW_SECONDS) {
        from = last - TRIVET_WINDOW_SECONDS + 1;
    }
    for (int64_t second = from > 0 ? from : 1; second <= last; second++) {
        struct slot *slot = slot_of(window, second);
        if (slot->second <= last) {
            slot_clear(window, slot);
        }
    }
    if (last > window->expired) {
        window->expired = last;
    }
}
