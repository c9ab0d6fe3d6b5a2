/* The loop in the history: where each model's is, and the steps that were taken.
 *
 *   loop_state  one row a model: the state as JSON
 *   loop_step   one row an event; the newest TRIVET_LOOP_STEPS_MAX stay */
#ifndef TRIVET_MONITOR_HISTORY_LOOP_H
#define TRIVET_MONITOR_HISTORY_LOOP_H

#include "base/compiler.h"
#include "monitor/history/history.h"
#include "monitor/loop/loop.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

#define TRIVET_LOOP_STEPS_MAX 100000

struct trivet_history_loop_step {
    int64_t unix_us;
    struct trivet_loop_event event;
};

/* NOT_FOUND: none is stored; DATA_LOSS: it is damaged. */
enum trivet_status trivet_history_loop_load(struct trivet_history *history, const char *model,
                                            struct trivet_loop_state *out,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* State and event (when it happened) in one transaction, on disk when it returns. */
enum trivet_status trivet_history_loop_save(struct trivet_history *history, const char *model,
                                            const struct trivet_loop_state *state,
                                            const struct trivet_loop_event *event, int64_t now_us,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* The newest steps of a model, newest first, at most `n_max`. */
enum trivet_status trivet_history_loop_steps(struct trivet_history *history, const char *model,
                                             struct trivet_history_loop_step *out, size_t n_max,
                                             size_t *n, struct trivet_error *err) TRIVET_MUST_USE;

#endif
