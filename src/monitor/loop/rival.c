#include "monitor/loop/rival.h"

#include "base/text.h"
#include "trivet/v1/datasets.pb-c.h"
#include "trivet/v1/training.pb-c.h"

#include <string.h>

#define ASK_TIMEOUT_MS 5000

static enum trivet_status describe(struct trivet_loop_client *client, const char *dataset_id,
                                   const Trivet__V1__Dataset **out, struct trivet_error *err)
{
    Trivet__V1__DescribeDatasetRequest request = TRIVET__V1__DESCRIBE_DATASET_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;
    char id[TRIVET_LOOP_ID_BYTES];
    (void)trivet_text_copy(id, sizeof(id), dataset_id);
    request.dataset_id = id;
    enum trivet_status status =
        trivet_loop_client_call(client, "trivet.v1.Datasets/Describe", &request.base, NULL,
                                ASK_TIMEOUT_MS, &trivet__v1__dataset__descriptor, &answer, err);
    if (status == TRIVET_OK) {
        *out = (const Trivet__V1__Dataset *)answer;
    }
    return status;
}

static enum trivet_status list_jobs(struct trivet_loop_client *client, const char *model,
                                    const Trivet__V1__ListJobsResponse **out,
                                    struct trivet_error *err)
{
    Trivet__V1__ListJobsRequest request = TRIVET__V1__LIST_JOBS_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;
    char name[TRIVET_POLICY_NAME_BYTES];
    (void)trivet_text_copy(name, sizeof(name), model);
    request.model = name;
    enum trivet_status status = trivet_loop_client_call(
        client, "trivet.v1.Training/ListJobs", &request.base, NULL, ASK_TIMEOUT_MS,
        &trivet__v1__list_jobs_response__descriptor, &answer, err);
    if (status == TRIVET_OK) {
        *out = (const Trivet__V1__ListJobsResponse *)answer;
    }
    return status;
}

static bool is_earlier(const Trivet__V1__Job *job, const Trivet__V1__Job *than)
{
    return job->created_unix_us != than->created_unix_us
               ? job->created_unix_us < than->created_unix_us
               : strcmp(job->id, than->id) < 0;
}

/* Both times are the server's, so that the monitors' clocks do not matter. */
enum trivet_status trivet_loop_rival_check(struct trivet_loop_client *client, const char *model,
                                           const struct trivet_loop_state *state,
                                           struct trivet_error *err)
{
    const Trivet__V1__Dataset *ours = NULL;
    const Trivet__V1__Dataset *theirs = NULL;
    const Trivet__V1__ListJobsResponse *list = NULL;
    const Trivet__V1__Job *our_job = NULL;
    enum trivet_status status = describe(client, state->train_dataset_id, &ours, err);
    if (status == TRIVET_OK) {
        status = list_jobs(client, model, &list, err);
    }
    for (size_t i = 0; status == TRIVET_OK && i < list->n_jobs; i++) {
        our_job = strcmp(list->jobs[i]->dataset_id, ours->id) == 0 ? list->jobs[i] : our_job;
    }
    for (size_t i = 0; status == TRIVET_OK && i < list->n_jobs; i++) {
        const Trivet__V1__Job *job = list->jobs[i];
        if (job->kind != TRIVET__V1__JOB_KIND__JOB_KIND_TRAIN || job == our_job ||
            job->created_unix_us < ours->created_unix_us ||
            (our_job != NULL && !is_earlier(job, our_job))) {
            continue;
        }
        status = describe(client, job->dataset_id, &theirs, err);
        if (status == TRIVET_NOT_FOUND) {
            status = TRIVET_OK; /* it is over */
        } else if (status == TRIVET_OK && strcmp(theirs->grown_from, model) == 0 &&
                   strcmp(theirs->name, ours->name) == 0) {
            status = trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                      "another loop trains this model (%s): one monitor only may "
                                      "have a policy for it",
                                      job->id);
        }
    }
    return status;
}
