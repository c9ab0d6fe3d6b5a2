/* A store in a folder of its own with a dataset, and a job queue over it. */
#ifndef TRIVET_TESTS_TRAINING_FIXTURE_H
#define TRIVET_TESTS_TRAINING_FIXTURE_H

#include "training/jobs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FIXTURE_SANITIZED 1
#else
#define FIXTURE_SANITIZED 0
#endif

#define FIXTURE_PATH_BYTES 256

struct fixture {
    char dir[FIXTURE_PATH_BYTES];
    char data_dir[FIXTURE_PATH_BYTES];
    char trainer_path[FIXTURE_PATH_BYTES];
    struct trivet_store *store;
    struct trivet_jobs *jobs; /* NULL until fixture_open_jobs */
    char dataset_id[TRIVET_STORE_ID_BYTES];
    size_t queue_max;
    size_t waiters_max;
    uint64_t memory_bytes_max;
    bool refuse_versions; /* by the callback in their transaction */
    /* What the callbacks were told. */
    atomic_size_t n_versions;
    atomic_size_t n_changes;
    atomic_size_t n_out_of_order; /* a revision that did not grow */
    _Atomic uint64_t last_revision;
};

/* What a submit is made of; change the parts, then fixture_submit. */
struct fixture_job {
    Trivet__V1__JobSpec spec;
    Trivet__V1__PipelineSpec pipeline;
    Trivet__V1__SplitSpec split;
};

/* cmocka set-up and tear-down. The dataset has 200 rows in 4 chunks: a, b with some missing values,
 * town (text), price = 2a - 3b + 10 + noise (missing in 5 rows), empty (no value at all). */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* The queue with the child named "trainer" (the real one), "hang", "killed" … */
void fixture_open_jobs(struct fixture *fixture, const char *child);
void fixture_close_jobs(struct fixture *fixture);

/* Train linear_regression on a, b → price, a quarter held out. */
void fixture_job_init(const struct fixture *fixture, struct fixture_job *job);
enum trivet_status fixture_submit(struct fixture *fixture, struct fixture_job *job,
                                  const char *request_id, struct trivet_job_view *out,
                                  bool *replayed, struct trivet_error *err);
/* Submits, must be taken; the id. */
void fixture_submit_ok(struct fixture *fixture, struct fixture_job *job,
                       char id[TRIVET_STORE_ID_BYTES]);
/* Waits until the job is RUNNING and its child has told progress. */
void fixture_await_running(struct fixture *fixture, const char *id);
/* Waits until the job has ended (release the view). */
void fixture_await_end(struct fixture *fixture, const char *id, struct trivet_job_view *out);
void fixture_assert_state(struct fixture *fixture, const char *id,
                          enum trivet_store_job_state state);
/* Makes a dataset of `n_rows` rows of a, b, price (as above); not committed when `open`. */
void fixture_make_dataset(struct fixture *fixture, size_t n_rows, size_t n_chunks, bool open,
                          char id[TRIVET_STORE_ID_BYTES]);
/* Pipeline of the version as packed bytes; release. */
void fixture_read_pipeline(struct fixture *fixture, const char *model, uint64_t version,
                           struct trivet_buffer *out);

#endif
