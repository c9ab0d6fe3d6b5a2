/* A server that is there to be killed: opens the store and the job queue, submits one job, prints
 * its id, and waits; when the job's trainer has told of progress, it prints "running".
 *   crash_helper DATA_DIR TRAINER DATASET_ID */
#include "base/alloc.h"
#include "training/jobs.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define LIFE_SECONDS_MAX 60

static atomic_bool has_progress;

static void on_change(void *ctx, const struct trivet_job_view *view)
{
    (void)ctx;
    if (view->phase[0] != '\0') {
        atomic_store(&has_progress, true);
    }
}

static enum trivet_status submit(struct trivet_jobs *jobs, char *dataset_id,
                                 struct trivet_job_view *view, struct trivet_error *err)
{
    char model[] = "houses";
    char target[] = "price";
    char estimator[] = "linear_regression";
    char column_a[] = "a";
    char column_b[] = "b";
    char *columns[] = {column_a, column_b};
    Trivet__V1__JobSpec spec = TRIVET__V1__JOB_SPEC__INIT;
    Trivet__V1__PipelineSpec pipeline = TRIVET__V1__PIPELINE_SPEC__INIT;
    Trivet__V1__SplitSpec split = TRIVET__V1__SPLIT_SPEC__INIT;
    bool replayed = false;
    spec.kind = TRIVET__V1__JOB_KIND__JOB_KIND_TRAIN;
    spec.model = model;
    spec.dataset_id = dataset_id;
    spec.pipeline = &pipeline;
    spec.split = &split;
    pipeline.target = target;
    pipeline.estimator = estimator;
    pipeline.columns = columns;
    pipeline.n_columns = TRIVET_ARRAY_COUNT(columns);
    pipeline.default_transformers = true;
    split.test_size = 0.25;
    split.seed = 3;
    return trivet_jobs_submit(jobs, &spec, NULL, view, &replayed, err);
}

int main(int argc, char **argv)
{
    struct trivet_store *store = NULL;
    struct trivet_jobs *jobs = NULL;
    struct trivet_job_view view;
    struct trivet_error err = {0};
    if (argc != 4) {
        return 2;
    }
    alarm(LIFE_SECONDS_MAX);
    const struct trivet_jobs_options options = {.trainer_path = argv[2],
                                                .data_dir = argv[1],
                                                .queue_max = 8,
                                                .waiters_max = 8,
                                                .on_change = on_change};
    enum trivet_status status = trivet_store_open(argv[1], TRIVET_STORE_OWNER, &store, &err);
    if (status == TRIVET_OK) {
        status = trivet_jobs_open(store, &options, &jobs, &err);
    }
    if (status == TRIVET_OK) {
        status = submit(jobs, argv[3], &view, &err);
    }
    if (status != TRIVET_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    printf("%s\n", view.record.id);
    fflush(stdout);
    while (!atomic_load(&has_progress)) {
        usleep(1000);
    }
    printf("running\n");
    fflush(stdout);
    for (;;) {
        pause();
    }
}
