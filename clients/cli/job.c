#include "clients/cli/job.h"

#include "base/clock.h"
#include "base/text.h"

#include <time.h>

/* Also how often the time on the progress line moves on. */
#define POLL_TIMEOUT_MS 1000
#define ABSENCE_NS_MAX  (60 * TRIVET_NS_PER_S)
#define RETRY_NS        (500 * TRIVET_NS_PER_MS)
#define DETAIL_BYTES    256

const char *trivet_cli_job_state(Trivet__V1__JobState state)
{
    switch (state) {
    case TRIVET__V1__JOB_STATE__JOB_STATE_QUEUED:
        return "queued";
    case TRIVET__V1__JOB_STATE__JOB_STATE_RUNNING:
        return "running";
    case TRIVET__V1__JOB_STATE__JOB_STATE_SUCCEEDED:
        return "succeeded";
    case TRIVET__V1__JOB_STATE__JOB_STATE_FAILED:
        return "failed";
    case TRIVET__V1__JOB_STATE__JOB_STATE_CANCELLED:
        return "cancelled";
    default:
        return "unknown";
    }
}

bool trivet_cli_job_ended(const Trivet__V1__Job *job)
{
    return job->state != TRIVET__V1__JOB_STATE__JOB_STATE_QUEUED &&
           job->state != TRIVET__V1__JOB_STATE__JOB_STATE_RUNNING;
}

enum trivet_status trivet_cli_job_result(const Trivet__V1__Job *job, struct trivet_error *err)
{
    if (job->state == TRIVET__V1__JOB_STATE__JOB_STATE_SUCCEEDED) {
        return TRIVET_OK;
    }
    if (job->state == TRIVET__V1__JOB_STATE__JOB_STATE_CANCELLED) {
        return trivet_error_set(err, TRIVET_CANCELLED, "%s was cancelled", job->id);
    }
    int code = job->error_status;
    enum trivet_status status =
        code > 0 && code < TRIVET_STATUS_COUNT ? (enum trivet_status)code : TRIVET_UNKNOWN;
    return trivet_error_set(err, status, "%s %s: %s", job->id, trivet_cli_job_state(job->state),
                            job->error_message);
}

void trivet_cli_job_loss(const Trivet__V1__Job *job, const char *before,
                         char text[TRIVET_CLI_LOSS_BYTES])
{
    const Trivet__V1__JobProgress *progress = job->progress;
    text[0] = '\0';
    if (progress != NULL && progress->n_losses > 0) {
        trivet_text_format(text, TRIVET_CLI_LOSS_BYTES, "%sloss %.4g", before,
                           progress->losses[progress->n_losses - 1]->loss);
    }
}

/* Where each phase is a line, its loss is not that of its beginning: left out. */
static void show_running(struct trivet_cli_progress *progress, const Trivet__V1__Job *job)
{
    char detail[DETAIL_BYTES];
    char loss[TRIVET_CLI_LOSS_BYTES] = "";
    const char *told = job->progress->detail;
    if (progress->live) {
        trivet_cli_job_loss(job, told[0] != '\0' ? ", " : "", loss);
    }
    trivet_text_format(detail, sizeof(detail), "%s%s", told, loss);
    trivet_cli_progress_show(progress, job->progress->phase, job->progress->fraction, detail);
}

static void show(struct trivet_cli_progress *progress, const Trivet__V1__Job *job)
{
    if (job->state == TRIVET__V1__JOB_STATE__JOB_STATE_QUEUED) {
        trivet_cli_progress_show(progress, "queued", -1, job->id);
    } else if (job->progress != NULL && job->progress->phase[0] != '\0') {
        show_running(progress, job);
    } else if (!trivet_cli_job_ended(job)) {
        trivet_cli_progress_show(progress, "start", 0, "");
    }
}

static void pause_ns(int64_t ns)
{
    struct timespec wait = {.tv_sec = (time_t)(ns / TRIVET_NS_PER_S),
                            .tv_nsec = (long)(ns % TRIVET_NS_PER_S)};
    nanosleep(&wait, NULL);
}

static enum trivet_status poll_once(struct trivet_cli *cli, const char *job_id, uint64_t revision,
                                    Trivet__V1__Job **out, struct trivet_error *err)
{
    Trivet__V1__WaitJobRequest request = TRIVET__V1__WAIT_JOB_REQUEST__INIT;
    request.job_id = trivet_cli_field(job_id);
    request.after_revision = revision;
    ProtobufCMessage *reply = NULL;
    enum trivet_status status =
        trivet_cli_call(cli, "trivet.v1.Training/WaitJob", &request.base,
                        &trivet__v1__job__descriptor, POLL_TIMEOUT_MS, cli->arena, &reply, err);
    if (status == TRIVET_OK) {
        *out = (Trivet__V1__Job *)reply;
    }
    return status;
}

/* Away for a moment (restarting), or with no room for another waiter. */
static bool passes(enum trivet_status status)
{
    return status == TRIVET_UNAVAILABLE || status == TRIVET_DEADLINE_EXCEEDED ||
           status == TRIVET_RESOURCE_EXHAUSTED;
}

enum trivet_status trivet_cli_wait_job(struct trivet_cli *cli, const char *job_id,
                                       struct trivet_cli_progress *progress, Trivet__V1__Job **out,
                                       struct trivet_error *err)
{
    char id[64];
    Trivet__V1__Job *job = NULL;
    uint64_t revision = 0;
    int64_t heard_ns = trivet_clock_monotonic_ns();
    trivet_text_copy(id, sizeof(id), job_id); /* it may live in the arena that is reset below */
    for (;;) {
        trivet_arena_reset(cli->arena); /* one job at a time, however often it is asked for */
        enum trivet_status status = poll_once(cli, id, revision, &job, err);
        int64_t now_ns = trivet_clock_monotonic_ns();
        if (status == TRIVET_OK) {
            heard_ns = now_ns;
            revision = job->revision;
            show(progress, job);
            if (trivet_cli_job_ended(job)) {
                *out = job;
                return TRIVET_OK;
            }
        } else if (!passes(status) || now_ns - heard_ns > ABSENCE_NS_MAX) {
            trivet_error_prefix(err, "waiting for %s ('trivet jobs %s' shows it): ", id, id);
            return status;
        } else {
            trivet_cli_progress_show(progress, "waiting", -1, "the server does not answer");
            pause_ns(RETRY_NS);
        }
    }
}
