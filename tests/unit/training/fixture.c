#include "fixture.h"

#include "artefact/artefact.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/rng.h"
#include "base/text.h"
#include "data/pack.h"
#include "support/normal.h"
#include "support/pack.h"
#include "wire/codec.h"

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROWS          200
#define CHUNKS        4
#define COLUMNS       5
#define WAIT_SECONDS  60
#define POLL_US       2000
#define BODY_HASH_KEY 0x5a

static const char *const town_names[] = {"north", "south", "west"};

struct rows {
    size_t count;
    double *numbers[COLUMNS];
    uint32_t *towns;
};

/* The same for every call: chunk after chunk, one stream of rows. */
static void fill(struct rows *rows, struct trivet_rng *rng, size_t first)
{
    for (size_t i = 0; i < rows->count; i++) {
        const double a = 10 * trivet_rng_uniform(rng);
        const double b = normal_next(rng);
        const double noise = 0.1 * normal_next(rng);
        const size_t row = first + i;
        rows->numbers[0][i] = row % 17 == 3 ? NAN : a;
        rows->numbers[1][i] = b;
        rows->towns[i] = (uint32_t)(row % TRIVET_ARRAY_COUNT(town_names));
        rows->numbers[3][i] = row % 40 == 7 ? NAN : 2 * a - 3 * b + 10 + noise;
        rows->numbers[4][i] = NAN;
    }
}

static void append_chunk(struct fixture *fixture, const char *id, uint32_t chunk,
                         const struct rows *rows)
{
    static const char *const names[COLUMNS] = {"a", "b", "town", "price", "empty"};
    struct trivet_column columns[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++) {
        columns[i] = (struct trivet_column){.name = names[i],
                                            .type = TRIVET_COLUMN_NUMERIC,
                                            .stride = 1,
                                            .numbers = rows->numbers[i]};
    }
    columns[2] = (struct trivet_column){.name = "town",
                                        .type = TRIVET_COLUMN_CATEGORICAL,
                                        .stride = 1,
                                        .codes = rows->towns,
                                        .dictionary = town_names,
                                        .n_dictionary = TRIVET_ARRAY_COUNT(town_names)};
    const struct trivet_table table = {
        .n_rows = rows->count, .n_columns = COLUMNS, .columns = columns};
    struct trivet_buffer bytes = {0};
    struct trivet_store_dataset dataset;
    struct trivet_error err = {0};
    assert_int_equal(pack_table(&table, &bytes, &err), TRIVET_OK);
    assert_int_equal(trivet_store_dataset_append(fixture->store, id, chunk, bytes.data,
                                                 bytes.n_bytes, rows->count, &dataset, &err),
                     TRIVET_OK);
    trivet_buffer_release(&bytes);
}

static void create_dataset(struct fixture *fixture, char id[TRIVET_STORE_ID_BYTES])
{
    struct trivet_schema schema = {0};
    struct trivet_buffer bytes = {0};
    struct trivet_store_txn *txn = NULL;
    struct trivet_store_dataset dataset;
    struct trivet_error err = {0};
    const char *const names[] = {"a", "b", "town", "price", "empty"};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(names); i++) {
        assert_int_equal(
            trivet_schema_add(&schema, names[i],
                              i == 2 ? TRIVET_COLUMN_CATEGORICAL : TRIVET_COLUMN_NUMERIC, &err),
            TRIVET_OK);
    }
    assert_int_equal(pack_schema(&schema, &bytes, &err), TRIVET_OK);
    assert_int_equal(trivet_store_begin(fixture->store, TRIVET_STORE_DATA, &txn, &err), TRIVET_OK);
    assert_int_equal(
        trivet_store_dataset_create(txn, "houses", bytes.data, bytes.n_bytes, &dataset, &err),
        TRIVET_OK);
    assert_int_equal(trivet_store_commit(txn, &err), TRIVET_OK);
    assert_true(trivet_text_copy(id, TRIVET_STORE_ID_BYTES, dataset.id));
    trivet_buffer_release(&bytes);
    trivet_schema_release(&schema);
}

static void commit_dataset(struct fixture *fixture, const char *id, size_t n_chunks)
{
    struct trivet_store_txn *txn = NULL;
    struct trivet_store_dataset dataset;
    struct trivet_error err = {0};
    assert_int_equal(trivet_store_begin(fixture->store, TRIVET_STORE_DATA, &txn, &err), TRIVET_OK);
    assert_int_equal(trivet_store_dataset_commit(txn, id, (uint32_t)n_chunks, &dataset, &err),
                     TRIVET_OK);
    assert_int_equal(trivet_store_commit(txn, &err), TRIVET_OK);
}

void fixture_make_dataset(struct fixture *fixture, size_t n_rows, size_t n_chunks, bool open,
                          char id[TRIVET_STORE_ID_BYTES])
{
    struct trivet_rng rng;
    struct rows rows = {.count = n_rows / n_chunks};
    trivet_rng_seed(&rng, 11);
    for (size_t i = 0; i < COLUMNS; i++) {
        rows.numbers[i] = trivet_alloc_array(rows.count, sizeof(double));
        assert_non_null(rows.numbers[i]);
    }
    rows.towns = trivet_alloc_array(rows.count, sizeof(uint32_t));
    assert_non_null(rows.towns);
    create_dataset(fixture, id);
    for (size_t i = 0; i < n_chunks; i++) {
        fill(&rows, &rng, i * rows.count);
        append_chunk(fixture, id, (uint32_t)i, &rows);
    }
    if (!open) {
        commit_dataset(fixture, id, n_chunks);
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        trivet_free(rows.numbers[i]);
    }
    trivet_free(rows.towns);
}

int fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct trivet_error err = {0};
    assert_non_null(fixture);
    const char *base = getenv("TMPDIR");
    assert_true(trivet_text_format(fixture->dir, sizeof fixture->dir, "%s/trivet-training-XXXXXX",
                                   base == NULL ? "/tmp" : base));
    assert_non_null(mkdtemp(fixture->dir));
    assert_true(trivet_text_format(fixture->data_dir, sizeof fixture->data_dir, "%.200s/data",
                                   fixture->dir));
    assert_int_equal(
        trivet_store_open(fixture->data_dir, TRIVET_STORE_OWNER, &fixture->store, &err), TRIVET_OK);
    fixture->queue_max = 8;
    fixture->waiters_max = 8;
    fixture_make_dataset(fixture, ROWS, CHUNKS, false, fixture->dataset_id);
    *state = fixture;
    return 0;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    fixture_close_jobs(fixture);
    trivet_store_close(fixture->store);
    nftw(fixture->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(fixture);
    return 0;
}

static void on_change(void *ctx, const struct trivet_job_view *view)
{
    struct fixture *fixture = ctx;
    atomic_fetch_add(&fixture->n_changes, 1);
    if (atomic_exchange(&fixture->last_revision, view->revision) >= view->revision &&
        view->record.state != TRIVET_STORE_JOB_QUEUED) {
        atomic_fetch_add(&fixture->n_out_of_order, 1);
    }
}

static enum trivet_status store_version(void *ctx, struct trivet_store_txn *txn,
                                        const struct trivet_store_version *version,
                                        struct trivet_error *err)
{
    const struct fixture *fixture = ctx;
    const struct trivet_store_cause cause = {.reason = "new"};
    struct trivet_store_alias alias;
    if (fixture->refuse_versions) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "no version is wanted");
    }
    return trivet_store_alias_set(txn, version->model, "newest", version->version, &cause, &alias,
                                  err);
}

static void on_version(void *ctx, const struct trivet_store_version *version)
{
    struct fixture *fixture = ctx;
    assert_true(version->version > 0);
    atomic_fetch_add(&fixture->n_versions, 1);
}

void fixture_open_jobs(struct fixture *fixture, const char *child)
{
    struct trivet_error err = {0};
    assert_true(trivet_text_format(fixture->trainer_path, sizeof fixture->trainer_path,
                                   "%.200s/%.32s", fixture->dir, child));
    unlink(fixture->trainer_path);
    assert_int_equal(symlink(TRAINER_PATH, fixture->trainer_path), 0);
    const struct trivet_jobs_options options = {
        .trainer_path = fixture->trainer_path,
        .data_dir = fixture->data_dir,
        .queue_max = fixture->queue_max,
        .waiters_max = fixture->waiters_max,
        .memory_bytes_max = fixture->memory_bytes_max,
        .on_change = on_change,
        .store_version = store_version,
        .on_version = on_version,
        .ctx = fixture,
    };
    assert_int_equal(trivet_jobs_open(fixture->store, &options, &fixture->jobs, &err), TRIVET_OK);
}

void fixture_close_jobs(struct fixture *fixture)
{
    trivet_jobs_close(fixture->jobs);
    fixture->jobs = NULL;
}

void fixture_job_init(const struct fixture *fixture, struct fixture_job *job)
{
    static char model[] = "houses";
    static char target[] = "price";
    static char estimator[] = "linear_regression";
    static char column_a[] = "a";
    static char column_b[] = "b";
    static char *columns[] = {column_a, column_b};
    static char dataset_id[TRIVET_STORE_ID_BYTES];
    memcpy(dataset_id, fixture->dataset_id, sizeof dataset_id);
    trivet__v1__job_spec__init(&job->spec);
    trivet__v1__pipeline_spec__init(&job->pipeline);
    trivet__v1__split_spec__init(&job->split);
    job->spec.kind = TRIVET__V1__JOB_KIND__JOB_KIND_TRAIN;
    job->spec.model = model;
    job->spec.dataset_id = dataset_id;
    job->spec.pipeline = &job->pipeline;
    job->spec.split = &job->split;
    job->pipeline.target = target;
    job->pipeline.estimator = estimator;
    job->pipeline.columns = columns;
    job->pipeline.n_columns = TRIVET_ARRAY_COUNT(columns);
    job->pipeline.default_transformers = true;
    job->split.test_size = 0.25;
    job->split.seed = 3;
}

enum trivet_status fixture_submit(struct fixture *fixture, struct fixture_job *job,
                                  const char *request_id, struct trivet_job_view *out,
                                  bool *replayed, struct trivet_error *err)
{
    struct trivet_store_call call = {
        .identity = "", .method = "trivet.v1.Training/Train", .request_id = request_id};
    /* A stand-in for the hash of the body: what the tests vary. */
    call.body_hash[0] = (uint8_t)(job->split.seed ^ BODY_HASH_KEY);
    return trivet_jobs_submit(fixture->jobs, &job->spec, request_id == NULL ? NULL : &call, out,
                              replayed, err);
}

void fixture_submit_ok(struct fixture *fixture, struct fixture_job *job,
                       char id[TRIVET_STORE_ID_BYTES])
{
    struct trivet_job_view view;
    struct trivet_error err = {0};
    bool replayed = true;
    const enum trivet_status status = fixture_submit(fixture, job, NULL, &view, &replayed, &err);
    if (status != TRIVET_OK) {
        print_error("%s\n", err.message);
    }
    assert_int_equal(status, TRIVET_OK);
    assert_false(replayed);
    assert_int_equal(view.record.state, TRIVET_STORE_JOB_QUEUED);
    assert_true(trivet_text_copy(id, TRIVET_STORE_ID_BYTES, view.record.id));
    trivet_job_view_release(&view);
}

static bool has_ended(const struct trivet_job_view *view)
{
    return view->record.state != TRIVET_STORE_JOB_QUEUED &&
           view->record.state != TRIVET_STORE_JOB_RUNNING;
}

static bool is_running(const struct trivet_job_view *view)
{
    return view->record.state == TRIVET_STORE_JOB_RUNNING && view->phase[0] != '\0';
}

static void await(struct fixture *fixture, const char *id,
                  bool (*until)(const struct trivet_job_view *), struct trivet_job_view *out)
{
    const int64_t deadline_ns =
        trivet_clock_monotonic_ns() + WAIT_SECONDS * (int64_t)TRIVET_NS_PER_S;
    for (;;) {
        struct trivet_error err = {0};
        assert_int_equal(trivet_jobs_get(fixture->jobs, id, out, &err), TRIVET_OK);
        if (until(out)) {
            return;
        }
        trivet_job_view_release(out);
        assert_true(trivet_clock_monotonic_ns() < deadline_ns);
        usleep(POLL_US);
    }
}

void fixture_await_running(struct fixture *fixture, const char *id)
{
    struct trivet_job_view view;
    await(fixture, id, is_running, &view);
    trivet_job_view_release(&view);
}

void fixture_await_end(struct fixture *fixture, const char *id, struct trivet_job_view *out)
{
    await(fixture, id, has_ended, out);
}

void fixture_assert_state(struct fixture *fixture, const char *id,
                          enum trivet_store_job_state state)
{
    struct trivet_job_view view;
    struct trivet_error err = {0};
    assert_int_equal(trivet_jobs_get(fixture->jobs, id, &view, &err), TRIVET_OK);
    assert_int_equal(view.record.state, state);
    trivet_job_view_release(&view);
}

void fixture_read_pipeline(struct fixture *fixture, const char *model, uint64_t version,
                           struct trivet_buffer *out)
{
    struct trivet_store_version record;
    struct trivet_buffer bytes = {0};
    struct trivet_artefact *artefact = NULL;
    struct trivet_error err = {0};
    assert_int_equal(
        trivet_store_version_get(fixture->store, model, version, &record, &bytes, NULL, &err),
        TRIVET_OK);
    assert_int_equal(trivet_artefact_decode(bytes.data, bytes.n_bytes, &artefact, &err), TRIVET_OK);
    assert_int_equal(trivet_codec_pack(&artefact->message->pipeline->base, out, &err), TRIVET_OK);
    trivet_artefact_free(artefact);
    trivet_buffer_release(&bytes);
}
