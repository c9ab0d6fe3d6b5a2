#include "rpc/job_reply.h"

void trivet_job_reply(struct trivet_call *call, const struct trivet_job_view *view)
{
    Trivet__V1__Job *job;
    struct trivet_error err;
    if (trivet_job_view_encode(view, call->arena, &job, &err) != TRIVET_OK) {
        trivet_call_fail(call, &err);
        return;
    }
    trivet_call_finish(call, &job->base);
}

void trivet_job_submit(struct trivet_call *call, struct trivet_jobs *jobs,
                       const Trivet__V1__JobSpec *spec)
{
    struct trivet_store_call key;
    struct trivet_job_view view = {0};
    struct trivet_error err;
    enum trivet_status status = trivet_call_key(call, &key, &err);
    if (status == TRIVET_OK) {
        status = trivet_jobs_submit(jobs, spec, &key, &view, &call->replayed, &err);
    }
    if (status != TRIVET_OK) {
        trivet_call_fail(call, &err);
        return;
    }
    trivet_job_reply(call, &view);
    trivet_job_view_release(&view);
}
