/* Waiting for training jobs, and telling how they went. */
#ifndef TRIVET_CLI_JOB_H
#define TRIVET_CLI_JOB_H

#include "clients/cli/cli.h"
#include "clients/cli/progress.h"
#include "trivet/v1/training.pb-c.h"

#define TRIVET_CLI_LOSS_BYTES 64

/* The newest loss of a fit that goes on, after `before`: ", loss 0.0123"; "" where there is none.
 */
void trivet_cli_job_loss(const Trivet__V1__Job *job, const char *before,
                         char text[TRIVET_CLI_LOSS_BYTES]);
/* Long polls until the job has ended, drawing its progress; goes on through a restart of the server
 * of up to a minute. *out lives in cli->arena. */
enum trivet_status trivet_cli_wait_job(struct trivet_cli *cli, const char *job_id,
                                       struct trivet_cli_progress *progress, Trivet__V1__Job **out,
                                       struct trivet_error *err) TRIVET_MUST_USE;
bool trivet_cli_job_ended(const Trivet__V1__Job *job);
/* OK when it SUCCEEDED; else its own status, with why. */
enum trivet_status trivet_cli_job_result(const Trivet__V1__Job *job,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* "queued", "running", "succeeded", … */
const char *trivet_cli_job_state(Trivet__V1__JobState state);

#endif
