/* Answers a call with a job, for the services whose methods give one. */
#ifndef TRIVET_RPC_JOB_REPLY_H
#define TRIVET_RPC_JOB_REPLY_H

#include "rpc/call.h"
#include "training/jobs.h"

/* Ends the call with the job, or with what went wrong while packing it. `view` is borrowed. */
void trivet_job_reply(struct trivet_call *call, const struct trivet_job_view *view);
/* Submits the spec under the call's request id and ends the call with the job. */
void trivet_job_submit(struct trivet_call *call, struct trivet_jobs *jobs,
                       const Trivet__V1__JobSpec *spec);

#endif
