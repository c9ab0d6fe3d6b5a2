/* What the queue of jobs tells, on its way to subscribers, and to the retention of versions. */
#ifndef TRIVET_SERVER_JOB_HOOKS_H
#define TRIVET_SERVER_JOB_HOOKS_H

#include "base/compiler.h"
#include "events/publisher.h"
#include "lifecycle/retention.h"
#include "store/store.h"
#include "training/jobs.h"

#include <trivet/error.h>

struct trivet_job_hooks {
    struct trivet_publisher *publisher; /* borrowed */
    struct trivet_retention retention;
    struct trivet_retired retired; /* by the version that is being stored; the runner's own */
};

/* For trivet_jobs_options, with the hooks as ctx: on_change, store_version, on_version. */
void trivet_job_hooks_change(void *hooks, const struct trivet_job_view *view);
enum trivet_status trivet_job_hooks_store_version(void *hooks, struct trivet_store_txn *txn,
                                                  const struct trivet_store_version *version,
                                                  struct trivet_error *err) TRIVET_MUST_USE;
void trivet_job_hooks_version(void *hooks, const struct trivet_store_version *version);

#endif
