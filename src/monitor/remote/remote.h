/* What pages show and only the servers know: jobs, models, versions and who changed them.
 *
 * DESIGN. One thread asks; the HTTP threads read answers from a bounded cache and wait a moment at
 * most for one that is being fetched. An answer is asked for again when somebody wants it and it is
 * older than TRIVET_REMOTE_FRESH_NS, so that no number of open pages makes more calls. */
#ifndef TRIVET_MONITOR_REMOTE_H
#define TRIVET_MONITOR_REMOTE_H

#include "base/clock.h"
#include "base/compiler.h"
#include "httpd/httpd.h"
#include "monitor/registry.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

#define TRIVET_REMOTE_FRESH_NS TRIVET_NS_PER_S
/* How long a reader waits for an answer that is not there yet. */
#define TRIVET_REMOTE_PATIENCE_NS (800 * TRIVET_NS_PER_MS)
/* Answers kept, and their bytes together; the one that was wanted the longest ago goes first. */
#define TRIVET_REMOTE_ANSWERS_MAX      64
#define TRIVET_REMOTE_ANSWER_BYTES_MAX ((size_t)64 << 20)

struct trivet_monitor_remote;

/* What can be asked; the messages of the contract in brackets. */
enum trivet_remote_question {
    TRIVET_REMOTE_JOBS,   /* Training.ListJobs: {"jobs": [Job]} */
    TRIVET_REMOTE_JOB,    /* Training.GetJob: Job with its report, a long loss curve thinned */
    TRIVET_REMOTE_MODELS, /* Models.List: {"models": [Model]} */
    TRIVET_REMOTE_MODEL, /* Models.Describe: Model, and of Models.History {"changes": [AliasChange]}
                          */
    TRIVET_REMOTE_VERSION, /* Models.Describe: Model with one version and its report as JOB's, no
                              profile */
};

struct trivet_remote_stats {
    uint64_t calls;
    uint64_t calls_failed;
    size_t answers;
    size_t answer_bytes;
};

/* The monitor is borrowed; its sources are asked. */
enum trivet_status trivet_monitor_remote_start(struct trivet_monitor *monitor,
                                               struct trivet_monitor_remote **out,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* Waits for a call on its way, at most its time-out. NULL is fine. */
void trivet_monitor_remote_stop(struct trivet_monitor_remote *remote);

/* Append the newest answer there is, as a JSON object:
 *     {"fetched_unix_us": …, "servers": [{"server": URL, "unavailable": "", … the message}]}
 * with one entry a source (of those that know it, for JOB, MODEL and VERSION); "unavailable" says
 * why one has nothing to tell. Where a loss curve is longer than TRIVET_REMOTE_CURVE_MAX, it holds
 * so many of its points, and "loss_iterations": [NUMBER] beside it says which. `name` is the job's
 * id or the model's name, else "". Any thread. NOT_FOUND: no server knows it; UNAVAILABLE: there is
 * no answer yet, or no server that may know.
 */
enum trivet_status trivet_monitor_remote_get(struct trivet_monitor_remote *remote,
                                             enum trivet_remote_question question, const char *name,
                                             uint64_t version, struct trivet_buffer *out,
                                             struct trivet_error *err) TRIVET_MUST_USE;
void trivet_monitor_remote_stats(struct trivet_monitor_remote *remote,
                                 struct trivet_remote_stats *out);

#endif
