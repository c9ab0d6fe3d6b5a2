/* Uploads, windows of calls and waiting for jobs, against a server whose answers the test chooses.
 */
#include "clients/cli/flow.h"
#include "clients/cli/interrupt.h"
#include "clients/cli/job.h"
#include "clients/cli/models.h"
#include "clients/cli/upload.h"
#include "unit/client/rep_fixture.h"

#include "wire/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <nng/nng.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- a server of datasets --- */

struct datasets {
    pthread_mutex_t lock;
    uint64_t n_rows;
    uint64_t n_chunks; /* seen */
    uint64_t n_committed_chunks;
    double sum;
    int n_busy;     /* refuse so many appends first */
    int fail_chunk; /* refuse this chunk; -1 = none */
    int n_deleted;
};

static void answer_dataset(struct rep_answer *answer)
{
    char id[] = "ds-0123456789abcdef";
    Trivet__V1__Dataset dataset = TRIVET__V1__DATASET__INIT;
    dataset.id = id;
    if (trivet_codec_pack(&dataset.base, &answer->body, NULL) != TRIVET_OK) {
        abort();
    }
}

static void append_chunk(struct datasets *datasets, const uint8_t *body, size_t body_bytes,
                         struct rep_answer *answer)
{
    Trivet__V1__AppendDatasetRequest *request =
        trivet__v1__append_dataset_request__unpack(NULL, body_bytes, body);
    if (request == NULL) {
        abort();
    }
    const Trivet__V1__Table *table = request->rows;
    if (datasets->n_busy > 0) {
        datasets->n_busy--;
        answer->status = TRIVET_RESOURCE_EXHAUSTED;
    } else if ((int)request->chunk == datasets->fail_chunk) {
        answer->status = TRIVET_INVALID_ARGUMENT;
        answer->message = "not this one";
    } else {
        datasets->n_chunks++;
        datasets->n_rows += table->rows;
        for (size_t i = 0; i < table->columns[0]->numeric->n_values; i++) {
            datasets->sum += table->columns[0]->numeric->values[i];
        }
    }
    trivet__v1__append_dataset_request__free_unpacked(request, NULL);
}

static void serve_datasets(void *argument, const Trivet__V1__RequestHeader *header,
                           const uint8_t *body, size_t body_bytes, struct rep_answer *answer)
{
    struct datasets *datasets = argument;
    pthread_mutex_lock(&datasets->lock);
    if (strcmp(header->method, "trivet.v1.Datasets/Append") == 0) {
        append_chunk(datasets, body, body_bytes, answer);
    } else if (strcmp(header->method, "trivet.v1.Datasets/Commit") == 0) {
        Trivet__V1__CommitDatasetRequest *request =
            trivet__v1__commit_dataset_request__unpack(NULL, body_bytes, body);
        datasets->n_committed_chunks = request != NULL ? request->chunks : 0;
        trivet__v1__commit_dataset_request__free_unpacked(request, NULL);
        answer_dataset(answer);
    } else if (strcmp(header->method, "trivet.v1.Datasets/Delete") == 0) {
        datasets->n_deleted++;
    } else {
        answer_dataset(answer);
    }
    pthread_mutex_unlock(&datasets->lock);
}

static void write_csv(char *path, size_t n_rows, const char *last_line)
{
    int fd = mkstemp(path);
    FILE *out = fdopen(fd, "w");
    assert_non_null(out);
    fputs("x,label\n", out);
    for (size_t i = 0; i < n_rows; i++) {
        fprintf(out, "%zu,%s\n", i, i % 2 == 0 ? "even" : "odd");
    }
    fputs(last_line, out);
    assert_int_equal(fclose(out), 0);
}

static enum trivet_status upload(struct datasets *datasets, const char *path, bool interrupted,
                                 struct trivet_error *err)
{
    pthread_mutex_init(&datasets->lock, NULL);
    struct rep_fixture *server = rep_fixture_start(0, serve_datasets, datasets);
    struct trivet_cli cli = {.server = rep_fixture_url(server),
                             .arena = trivet_arena_create(1 << 20, 0)};
    struct trivet_schema schema = {0};
    struct trivet_cli_progress progress;
    struct trivet_cli_interrupt interrupt = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                             .requested = interrupted};
    Trivet__V1__Dataset *dataset = NULL;
    trivet_cli_progress_init(&progress, &cli);
    assert_int_equal(trivet_schema_add(&schema, "x", TRIVET_COLUMN_NUMERIC, NULL), TRIVET_OK);
    struct trivet_cli_upload job = {.path = path,
                                    .name = "test",
                                    .schema = &schema,
                                    .progress = &progress,
                                    .interrupt = &interrupt};
    enum trivet_status status = trivet_cli_upload_file(&cli, &job, &dataset, err);
    trivet_schema_release(&schema);
    trivet_client_close(cli.client);
    trivet_arena_free(cli.arena);
    rep_fixture_stop(server);
    pthread_mutex_destroy(&datasets->lock);
    return status;
}

static void test_upload(void **state)
{
    (void)state;
    enum { N_ROWS = 270000 }; /* six chunks */
    char path[] = "upload-XXXXXX";
    struct datasets datasets = {.fail_chunk = -1, .n_busy = 3};
    struct trivet_error err = {0};
    write_csv(path, N_ROWS, "");
    assert_int_equal(upload(&datasets, path, false, &err), TRIVET_OK);
    unlink(path);
    assert_int_equal(datasets.n_rows, N_ROWS);
    assert_int_equal(datasets.n_chunks, 6);
    assert_int_equal(datasets.n_committed_chunks, 6);
    assert_true(datasets.sum == (double)N_ROWS * (N_ROWS - 1) / 2);
    assert_int_equal(datasets.n_deleted, 0);
}

static void test_failed_uploads_leave_nothing(void **state)
{
    (void)state;
    struct trivet_error err = {0};
    char refused[] = "upload-XXXXXX";
    struct datasets datasets = {.fail_chunk = 1};
    write_csv(refused, 120000, "");
    assert_int_equal(upload(&datasets, refused, false, &err), TRIVET_INVALID_ARGUMENT);
    unlink(refused);
    assert_non_null(strstr(err.message, "chunk 1: not this one"));
    assert_int_equal(datasets.n_deleted, 1);
    assert_int_equal(datasets.n_committed_chunks, 0);

    char bad[] = "upload-XXXXXX";
    datasets = (struct datasets){.fail_chunk = -1};
    write_csv(bad, 10, "many,odd\n");
    assert_int_equal(upload(&datasets, bad, false, &err), TRIVET_INVALID_ARGUMENT);
    unlink(bad);
    assert_non_null(strstr(err.message, ":12: column 'x'"));
    assert_int_equal(datasets.n_deleted, 1);

    char empty[] = "upload-XXXXXX";
    datasets = (struct datasets){.fail_chunk = -1};
    write_csv(empty, 0, "");
    assert_int_equal(upload(&datasets, empty, false, &err), TRIVET_INVALID_ARGUMENT);
    unlink(empty);
    assert_int_equal(datasets.n_deleted, 1);

    char interrupted[] = "upload-XXXXXX";
    datasets = (struct datasets){.fail_chunk = -1};
    write_csv(interrupted, 10, "");
    assert_int_equal(upload(&datasets, interrupted, true, &err), TRIVET_CANCELLED);
    unlink(interrupted);
    assert_int_equal(datasets.n_deleted, 1);

    datasets = (struct datasets){.fail_chunk = -1};
    assert_int_equal(upload(&datasets, "no-such-file", false, &err), TRIVET_NOT_FOUND);
    assert_int_equal(datasets.n_deleted, 0); /* nothing was created */
}

/* --- a busy server keeps the order --- */

static void serve_busily(void *argument, const Trivet__V1__RequestHeader *header,
                         const uint8_t *body, size_t body_bytes, struct rep_answer *answer)
{
    atomic_int *n_calls = argument;
    int n = atomic_fetch_add(n_calls, 1);
    (void)header;
    answer->delay_ms = n % 3 * 5;
    answer->status = n % 4 == 1 ? TRIVET_RESOURCE_EXHAUSTED : 0;
    if (trivet_buffer_append(&answer->body, body, body_bytes, NULL) != TRIVET_OK) {
        abort();
    }
}

static void test_flow_repeats_in_order(void **state)
{
    (void)state;
    enum { N_CALLS = 40 };
    atomic_int n_calls = 0;
    struct rep_fixture *server = rep_fixture_start(0, serve_busily, &n_calls);
    struct trivet_cli cli = {.server = rep_fixture_url(server)};
    struct trivet_cli_flow *flow = NULL;
    assert_int_equal(trivet_cli_flow_open(&cli, "trivet.v1.Test/Echo", 5, &flow, NULL), TRIVET_OK);
    assert_true(trivet_cli_flow_empty(flow));
    uint32_t n_sent = 0;
    for (uint32_t i = 0; i < N_CALLS; i++) {
        while (n_sent < N_CALLS && !trivet_cli_flow_full(flow)) {
            struct trivet_buffer body = {0};
            assert_int_equal(trivet_buffer_append(&body, &n_sent, sizeof(n_sent), NULL), TRIVET_OK);
            assert_int_equal(trivet_cli_flow_submit(flow, &body, 1000 + n_sent, NULL), TRIVET_OK);
            assert_null(body.data);
            n_sent++;
        }
        struct trivet_reply reply = {0};
        uint64_t tag = 0;
        assert_int_equal(trivet_cli_flow_next(flow, &reply, &tag, NULL), TRIVET_OK);
        assert_int_equal(tag, 1000 + i);
        assert_memory_equal(reply.body, &i, sizeof(i));
        trivet_reply_release(&reply);
    }
    assert_true(trivet_cli_flow_empty(flow));
    assert_true(atomic_load(&n_calls) > N_CALLS);
    trivet_cli_flow_close(flow);
    trivet_client_close(cli.client);
    rep_fixture_stop(server);
}

/* --- jobs --- */

static void serve_job(void *argument, const Trivet__V1__RequestHeader *header, const uint8_t *body,
                      size_t body_bytes, struct rep_answer *answer)
{
    atomic_int *n_calls = argument;
    int n = atomic_fetch_add(n_calls, 1);
    (void)header;
    Trivet__V1__WaitJobRequest *request =
        trivet__v1__wait_job_request__unpack(NULL, body_bytes, body);
    if (request == NULL || strcmp(request->job_id, "job-1") != 0) {
        abort();
    }
    char id[] = "job-1";
    char phase[] = "fit";
    char why[] = "the data is odd";
    Trivet__V1__JobProgress progress = TRIVET__V1__JOB_PROGRESS__INIT;
    progress.phase = phase;
    Trivet__V1__Job job = TRIVET__V1__JOB__INIT;
    job.id = id;
    job.revision = (uint64_t)n + 1;
    job.state = n == 0   ? TRIVET__V1__JOB_STATE__JOB_STATE_QUEUED
                : n == 3 ? TRIVET__V1__JOB_STATE__JOB_STATE_FAILED
                         : TRIVET__V1__JOB_STATE__JOB_STATE_RUNNING;
    job.progress = n == 0 ? NULL : &progress;
    job.error_status = TRIVET_INVALID_ARGUMENT;
    job.error_message = why;
    answer->status = n == 2 ? TRIVET_RESOURCE_EXHAUSTED : 0; /* too many waiters: asked again */
    if (trivet_codec_pack(&job.base, &answer->body, NULL) != TRIVET_OK) {
        abort();
    }
    trivet__v1__wait_job_request__free_unpacked(request, NULL);
}

static void test_waiting_for_a_job(void **state)
{
    (void)state;
    atomic_int n_calls = 0;
    struct rep_fixture *server = rep_fixture_start(0, serve_job, &n_calls);
    struct trivet_cli cli = {.server = rep_fixture_url(server),
                             .arena = trivet_arena_create(1 << 20, 0)};
    struct trivet_cli_progress progress;
    Trivet__V1__Job *job = NULL;
    struct trivet_error err = {0};
    trivet_cli_progress_init(&progress, &cli);
    /* The id may live in the arena that waiting resets. */
    char *id = trivet_arena_strdup(cli.arena, "job-1");
    assert_int_equal(trivet_cli_wait_job(&cli, id, &progress, &job, &err), TRIVET_OK);
    assert_int_equal(atomic_load(&n_calls), 4);
    assert_true(trivet_cli_job_ended(job));
    assert_int_equal(trivet_cli_job_result(job, &err), TRIVET_INVALID_ARGUMENT);
    assert_string_equal(err.message, "job-1 failed: the data is odd");
    trivet_client_close(cli.client);
    trivet_arena_free(cli.arena);
    rep_fixture_stop(server);
}

/* --- models --- */

static void serve_models(void *argument, const Trivet__V1__RequestHeader *header,
                         const uint8_t *body, size_t body_bytes, struct rep_answer *answer)
{
    (void)argument;
    (void)header;
    Trivet__V1__DescribeModelRequest *request =
        trivet__v1__describe_model_request__unpack(NULL, body_bytes, body);
    char production[] = "production";
    char name[] = "m";
    Trivet__V1__Alias alias = TRIVET__V1__ALIAS__INIT;
    Trivet__V1__Alias *aliases[] = {&alias};
    Trivet__V1__Version version = TRIVET__V1__VERSION__INIT;
    Trivet__V1__Version *versions[] = {&version};
    Trivet__V1__Model model = TRIVET__V1__MODEL__INIT;
    alias.name = production;
    alias.version = 2;
    version.version = request->version != 0 ? request->version : 5;
    model.name = name;
    model.n_aliases = 1;
    model.aliases = aliases;
    model.n_versions = 1;
    model.versions = versions;
    if (trivet_codec_pack(&model.base, &answer->body, NULL) != TRIVET_OK) {
        abort();
    }
    trivet__v1__describe_model_request__free_unpacked(request, NULL);
}

static void test_resolving_a_model(void **state)
{
    (void)state;
    struct rep_fixture *server = rep_fixture_start(0, serve_models, NULL);
    struct trivet_cli cli = {.server = rep_fixture_url(server),
                             .arena = trivet_arena_create(1 << 20, 0)};
    Trivet__V1__Version *version = NULL;
    struct trivet_error err = {0};
    struct trivet_cli_model model = {.name = "m"};
    assert_int_equal(trivet_cli_resolve(&cli, &model, &version, &err), TRIVET_OK);
    assert_int_equal(version->version, 2);
    model.version = 3;
    assert_int_equal(trivet_cli_resolve(&cli, &model, &version, &err), TRIVET_OK);
    assert_int_equal(version->version, 3);
    model = (struct trivet_cli_model){.name = "m", .alias = "staging"};
    assert_int_equal(trivet_cli_resolve(&cli, &model, &version, &err), TRIVET_NOT_FOUND);
    assert_non_null(strstr(err.message, "trivet deploy m 5 --alias staging"));
    /* Without inputs there is nothing to read from a file. */
    struct trivet_schema schema = {0};
    assert_int_equal(trivet_cli_input_columns(version, &schema, &err), TRIVET_DATA_LOSS);
    trivet_client_close(cli.client);
    trivet_arena_free(cli.arena);
    rep_fixture_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_upload),
        cmocka_unit_test(test_failed_uploads_leave_nothing),
        cmocka_unit_test(test_flow_repeats_in_order),
        cmocka_unit_test(test_waiting_for_a_job),
        cmocka_unit_test(test_resolving_a_model),
    };
    int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
    nng_fini(); /* what it still frees in the background would count as a leak */
    return n_failed;
}
