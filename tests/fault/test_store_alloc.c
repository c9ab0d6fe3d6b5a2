/* Every allocation of the store fails in turn, SQLite's own included: each call answers with a
 * status, what was acknowledged is there, and the store works again once there is memory. */
#include "unit/store/fixture.h"

#include "base/alloc.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- SQLite's memory through our hook: a size word in front of each piece -------------------- */

#define HEAD_BYTES 16

static void *take(int n_bytes)
{
    uint8_t *piece = trivet_malloc((size_t)n_bytes + HEAD_BYTES);
    if (piece == NULL)
        return NULL;
    memcpy(piece, &n_bytes, sizeof(n_bytes));
    return piece + HEAD_BYTES;
}

static void give(void *memory)
{
    if (memory != NULL)
        trivet_free((uint8_t *)memory - HEAD_BYTES);
}

static void *change(void *memory, int n_bytes)
{
    uint8_t *piece = trivet_realloc((uint8_t *)memory - HEAD_BYTES, (size_t)n_bytes + HEAD_BYTES);
    if (piece == NULL)
        return NULL;
    memcpy(piece, &n_bytes, sizeof(n_bytes));
    return piece + HEAD_BYTES;
}

static int size_of(void *memory)
{
    int n_bytes = 0;
    if (memory != NULL)
        memcpy(&n_bytes, (uint8_t *)memory - HEAD_BYTES, sizeof(n_bytes));
    return n_bytes;
}

static int round_up(int n_bytes)
{
    return (n_bytes + 7) & ~7;
}

static int start_memory(void *unused)
{
    (void)unused;
    return SQLITE_OK;
}

static void stop_memory(void *unused)
{
    (void)unused;
}

static const sqlite3_mem_methods hooked = {.xMalloc = take,
                                           .xFree = give,
                                           .xRealloc = change,
                                           .xSize = size_of,
                                           .xRoundup = round_up,
                                           .xInit = start_memory,
                                           .xShutdown = stop_memory};

/* --- What is done while memory is short ------------------------------------------------------ */

struct outcome {
    bool dataset_done;
    bool version_done;
    char dataset_id[TRIVET_STORE_ID_BYTES];
    uint64_t version;
};

static enum trivet_status fill_dataset(struct trivet_store *store, struct outcome *outcome,
                                       struct trivet_error *err)
{
    struct trivet_store_dataset dataset;
    struct trivet_store_txn *txn = NULL;
    enum trivet_status status = trivet_store_begin(store, TRIVET_STORE_DATA, &txn, err);
    if (status != TRIVET_OK)
        return status;
    status = trivet_store_dataset_create(txn, "d", "schema", 6, &dataset, err);
    if (status != TRIVET_OK) {
        trivet_store_abort(txn);
        return status;
    }
    status = trivet_store_commit(txn, err);
    if (status == TRIVET_OK)
        status = trivet_store_dataset_append(store, dataset.id, 0, "rows", 4, 1, &dataset, err);
    if (status == TRIVET_OK)
        status = trivet_store_begin(store, TRIVET_STORE_DATA, &txn, err);
    if (status != TRIVET_OK)
        return status;
    status = trivet_store_dataset_commit(txn, dataset.id, 1, &dataset, err);
    if (status != TRIVET_OK) {
        trivet_store_abort(txn);
        return status;
    }
    status = trivet_store_commit(txn, err);
    if (status == TRIVET_OK) {
        outcome->dataset_done = true;
        memcpy(outcome->dataset_id, dataset.id, sizeof(dataset.id));
    }
    return status;
}

static enum trivet_status make_version(struct trivet_store *store, struct outcome *outcome,
                                       struct trivet_error *err)
{
    const struct trivet_store_call call = {.identity = "", .method = "M", .request_id = "r"};
    struct trivet_store_job job = {.kind = 1, .model = "m"};
    struct trivet_buffer reply = {.data = NULL};
    struct trivet_store_version version = {.version = 0};
    struct trivet_store_alias alias;
    struct trivet_store_txn *txn = NULL;
    bool found = false;
    enum trivet_status status = trivet_store_begin(store, TRIVET_STORE_CATALOG, &txn, err);
    if (status != TRIVET_OK)
        return status;
    status = trivet_store_find_reply(txn, &call, &found, &reply, err);
    if (status == TRIVET_OK)
        status =
            trivet_store_version_create(txn, "m", "", "", "artefact", 8, "s", 1, &version, err);
    if (status == TRIVET_OK)
        status = trivet_store_alias_set(txn, "m", "production", version.version,
                                        &(struct trivet_store_cause){0}, &alias, err);
    if (status == TRIVET_OK)
        status = trivet_store_job_create(txn, &job, "spec", 4, err);
    if (status == TRIVET_OK)
        status = trivet_store_job_update(txn, &job, "report", 6, err);
    if (status == TRIVET_OK && !found)
        status = trivet_store_put_reply(txn, &call, "reply", 5, err);
    /* Commit in any case: after a failed change it must refuse. */
    const enum trivet_status committed = trivet_store_commit(txn, status == TRIVET_OK ? err : NULL);
    if (committed == TRIVET_OK && status == TRIVET_OK) {
        outcome->version_done = true;
        outcome->version = version.version;
    }
    if (status != TRIVET_OK)
        assert_int_equal(committed, TRIVET_ABORTED);
    trivet_buffer_release(&reply);
    return status == TRIVET_OK ? committed : status;
}

static enum trivet_status read_all(struct trivet_store *store, struct trivet_error *err)
{
    struct trivet_store_version version;
    struct trivet_store_dataset dataset = {.id = ""};
    struct trivet_store_job job = {.id = ""};
    struct trivet_buffer bytes = {.data = NULL};
    char name[1][TRIVET_STORE_NAME_BYTES];
    uint64_t number = 0;
    size_t count = 0;
    enum trivet_status status = trivet_store_model_list(store, "", name, &number, 1, &count, err);
    if (status == TRIVET_OK)
        status = trivet_store_version_list(store, "m", &version, 1, &count, err);
    if (status == TRIVET_OK && count == 1)
        status = trivet_store_version_get(store, "m", version.version, &version, &bytes, NULL, err);
    if (status == TRIVET_OK)
        status = trivet_store_dataset_list(store, &dataset, 1, &count, err);
    if (status == TRIVET_OK && count == 1 && dataset.n_chunks > 0)
        status = trivet_store_dataset_read(store, dataset.id, 0, &bytes, &number, err);
    if (status == TRIVET_OK)
        status = trivet_store_job_list(store, "m", true, &job, 1, &count, err);
    if (status == TRIVET_OK && count == 1)
        status = trivet_store_job_get(store, job.id, &job, &bytes, NULL, err);
    trivet_buffer_release(&bytes);
    return status;
}

static void note_failure(enum trivet_status status, uint64_t k, const struct trivet_error *err,
                         size_t *n_failed)
{
    if (status == TRIVET_OK)
        return;
    if (status != TRIVET_RESOURCE_EXHAUSTED)
        fail_msg("allocation %llu: %s: %s", (unsigned long long)k, trivet_status_name(status),
                 err->message);
    ++*n_failed;
}

/* The store as it was left, with memory: everything acknowledged is there. */
static void check(struct fixture *f, const struct outcome *outcome)
{
    struct trivet_store_dataset dataset;
    struct trivet_store_version version;
    struct trivet_buffer bytes = {.data = NULL};
    if (outcome->dataset_done) {
        assert_ok(f,
                  trivet_store_dataset_get(f->store, outcome->dataset_id, &dataset, NULL, &f->err));
        assert_true(dataset.committed);
    }
    if (outcome->version_done)
        assert_ok(f, trivet_store_version_get(f->store, "m", outcome->version, &version, &bytes,
                                              NULL, &f->err));
    trivet_buffer_release(&bytes);
    struct outcome again = {.version = 0};
    assert_ok(f, make_version(f->store, &again, &f->err));
    assert_ok(f, fill_dataset(f->store, &again, &f->err));
    assert_ok(f, read_all(f->store, &f->err));
}

/* An open store: allocation k of the changes and reads fails, the others do not. */
static void changes_and_reads_survive(void **state)
{
    struct fixture *f = *state;
    uint64_t n_counted = 0;
    bool reached = true; /* the last run came to its failure */
    size_t n_failed = 0;
    for (uint64_t k = 1; reached; k++) {
        struct outcome outcome = {.version = 0};
        fixture_open(f, &trivet_store_sqlite_ops);
        (void)trivet_alloc_fail_at(k);
        note_failure(fill_dataset(f->store, &outcome, &f->err), k, &f->err, &n_failed);
        note_failure(make_version(f->store, &outcome, &f->err), k, &f->err, &n_failed);
        note_failure(read_all(f->store, &f->err), k, &f->err, &n_failed);
        n_counted = trivet_alloc_fail_at(0);
        reached = n_counted >= k;
        check(f, &outcome);
        fixture_close(f);
    }
    print_message("%llu allocations, %zu calls failed by them\n", (unsigned long long)n_counted,
                  n_failed);
    assert_true(n_failed > 50);
}

#define OPEN_STRIDE 7 /* ten connections are opened alike */

/* Opening: a new folder, and one with data in it. */
static void opening_survives(void **state)
{
    struct fixture *f = *state;
    for (int kind = 0; kind < 2; kind++) {
        uint64_t n_counted = 0;
        bool reached = true; /* the last run came to its failure */
        size_t n_failed = 0;
        for (uint64_t k = 1; reached; k += OPEN_STRIDE) {
            struct outcome outcome = {.version = 0};
            if (kind == 0) {
                memset(f, 0, sizeof(*f));
                assert_true(fixture_make_dir(f->dir, sizeof(f->dir)));
            } else {
                fixture_open(f, &trivet_store_sqlite_ops);
                assert_ok(f, make_version(f->store, &outcome, &f->err));
                trivet_store_close(f->store);
                f->store = NULL;
            }
            (void)trivet_alloc_fail_at(k);
            const enum trivet_status status =
                trivet_store_open(f->dir, TRIVET_STORE_OWNER, &f->store, &f->err);
            n_counted = trivet_alloc_fail_at(0);
            reached = n_counted >= k;
            note_failure(status, k, &f->err, &n_failed);
            if (status != TRIVET_OK)
                assert_ok(f, trivet_store_open(f->dir, TRIVET_STORE_OWNER, &f->store, &f->err));
            check(f, &outcome);
            fixture_close(f);
        }
        print_message("%llu allocations, %zu opens failed by them\n", (unsigned long long)n_counted,
                      n_failed);
        assert_true(n_failed > 50);
    }
}

int main(void)
{
    static struct fixture fixture;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(changes_and_reads_survive, &fixture),
        cmocka_unit_test_prestate(opening_survives, &fixture),
    };
    /* Thousands of stores: in memory, where waiting for the disk costs nothing. */
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 1);
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &hooked) != SQLITE_OK ||
        sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
