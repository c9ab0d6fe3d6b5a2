/* The loop at work: for each model with a policy a thread looks at the server, asks the pure engine
 * (loop.h) what is due, and makes the calls.
 *
 * DESIGN. One model does not wait for a call of another: its thread owns its state and a connection
 * of its own; only the server's totals are asked for together (totals.h). The lock guards the
 * copies that pages read. A call has a deadline, and no lock is held during one. Nothing is done
 * that is not stored first: the state goes into the history before a call, with a request id that
 * makes a repetition after a crash harmless, and again after it. But a rollback and the end of a
 * split are made even when the history cannot be written; what they were is written as soon as it
 * can. */
#ifndef TRIVET_MONITOR_LOOP_RUNNER_H
#define TRIVET_MONITOR_LOOP_RUNNER_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "monitor/history/history.h"
#include "monitor/loop/loop.h"
#include "monitor/loop/policy.h"
#include "telemetry/prometheus_page.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stdint.h>

struct trivet_loop_runner;

/* Alerts that fire for a version. */
struct trivet_loop_alerts {
    bool drift;
    bool quality;
    char why_drift[TRIVET_LOOP_TEXT_BYTES / 2];
    char why_quality[TRIVET_LOOP_TEXT_BYTES / 2];
};

struct trivet_loop_runner_options {
    struct trivet_history *history;         /* borrowed */
    const char *server_url;                 /* borrowed */
    const struct trivet_policies *policies; /* borrowed */
    /* Both run on the models' threads, several at once, without a lock; NULL = none. */
    void (*alerts)(void *context, const char *model, uint64_t version,
                   struct trivet_loop_alerts *out);
    /* A step was taken: one JSON object. */
    void (*on_step)(void *context, const char *json, size_t n_bytes);
    void *context; /* of both; borrowed */
};

/* With what the history knows. DATA_LOSS: a stored state is damaged; RESOURCE_EXHAUSTED. */
enum trivet_status trivet_loop_runner_create(const struct trivet_loop_runner_options *options,
                                             struct trivet_loop_runner **out,
                                             struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_loop_runner_start(struct trivet_loop_runner *runner,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* A call on its way is given up; at most a quarter of a second. NULL is fine. */
void trivet_loop_runner_stop(struct trivet_loop_runner *runner);
/* After the stop, and after the pages that show it. NULL is fine. */
void trivet_loop_runner_free(struct trivet_loop_runner *runner);

/* All models: where each is, what it waits for, the last steps. Any thread. `runner` NULL: no
 * model has a policy. */
enum trivet_status trivet_loop_runner_report(struct trivet_loop_runner *runner,
                                             struct trivet_buffer *out,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* Steps taken, and where each model is. Any thread. */
void trivet_loop_runner_write_metrics(struct trivet_loop_runner *runner, struct trivet_page *page);

#endif
