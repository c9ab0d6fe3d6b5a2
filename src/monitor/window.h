/* Rolling window of one model version: one slot per second, for 15 minutes. A slot keeps only the
 * numbers that are not zero, so that a busy second costs some hundred bytes. */
#ifndef TRIVET_MONITOR_WINDOW_H
#define TRIVET_MONITOR_WINDOW_H

#include "base/compiler.h"
#include "monitor/counts.h"

#include <stddef.h>
#include <stdint.h>

#define TRIVET_WINDOW_SECONDS 900

/* Memory of all windows together; beyond `bytes_max` a slot is not filled and counted in
 * `dropped_slots`. Under the owner's lock. */
struct trivet_window_budget {
    size_t used_bytes;
    size_t bytes_max;
    uint64_t dropped_slots;
};

struct trivet_window;

/* NULL when out of memory or the budget is spent. The budget outlives the window. */
struct trivet_window *trivet_window_create(struct trivet_window_budget *budget);
void trivet_window_free(struct trivet_window *window);

/* Add `delta` to the slot of `second` (Unix). A second more than 15 minutes before the newest one
 * is dropped. A number over 2^32 - 1 in one second stays there. */
void trivet_window_add(struct trivet_window *window, int64_t second,
                       const struct trivet_monitor_counts *delta);
/* Add the slots of [from, to) to `sum`. */
void trivet_window_sum(const struct trivet_window *window, int64_t from, int64_t to,
                       struct trivet_monitor_counts *sum);
/* Release slots that ended 15 minutes before `now`. */
void trivet_window_expire(struct trivet_window *window, int64_t now);

#endif
