/* Several processes on one data directory.
 *
 * A process that commits in a loop is killed at a random moment, ten times over: everything it has
 * acknowledged is there afterwards, and of everything else all or nothing.
 *
 * Change number n of a round: in the catalogue one transaction with job, version, alias and reply;
 * in the data one chunk. Each is told through a pipe once its call has returned OK. */
#include "unit/store/fixture.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "base/text.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS         10
#define ARTEFACT_BYTES 30000
#define CHUNK_BYTES    200000
#define CHANGES_MAX    2000
#define KILL_AFTER_MS  80

enum ack_kind {
    ACK_CATALOG,
    ACK_DATA,
};

struct ack {
    uint32_t kind;
    uint32_t number;
};

/* Bytes that only this change makes. */
static void fill(uint8_t *bytes, size_t n_bytes, uint64_t seed)
{
    struct trivet_rng rng;
    trivet_rng_seed(&rng, seed);
    for (size_t i = 0; i < n_bytes; i++)
        bytes[i] = (uint8_t)trivet_rng_next(&rng);
}

static uint64_t seed_of(uint32_t round, uint32_t number)
{
    return (uint64_t)round << 32 | number;
}

/* --- The child ------------------------------------------------------------------------------- */

static enum trivet_status change_catalog(struct trivet_store *store, uint32_t round,
                                         uint32_t number, uint8_t *artefact,
                                         struct trivet_error *err)
{
    struct trivet_store_job job = {.kind = 1, .model = "m"};
    struct trivet_store_version version;
    struct trivet_store_alias alias;
    struct trivet_store_txn *txn = NULL;
    (void)trivet_text_format(job.id, sizeof(job.id), "job-%u-%u", round, number);
    const struct trivet_store_call call = {.identity = "", .method = "Train", .request_id = job.id};
    fill(artefact, ARTEFACT_BYTES, seed_of(round, number));
    enum trivet_status status = trivet_store_begin(store, TRIVET_STORE_CATALOG, &txn, err);
    if (status != TRIVET_OK)
        return status;
    status = trivet_store_version_create(txn, "m", job.id, "", artefact, ARTEFACT_BYTES, NULL, 0,
                                         &version, err);
    if (status == TRIVET_OK)
        status = trivet_store_alias_set(txn, "m", "production", version.version,
                                        &(struct trivet_store_cause){0}, &alias, err);
    if (status == TRIVET_OK)
        status = trivet_store_job_create(txn, &job, "spec", 4, err);
    job.version = version.version;
    job.state = TRIVET_STORE_JOB_SUCCEEDED;
    if (status == TRIVET_OK)
        status = trivet_store_job_update(txn, &job, "report", 6, err);
    if (status == TRIVET_OK)
        status = trivet_store_put_reply(txn, &call, job.id, strlen(job.id), err);
    if (status == TRIVET_OK)
        return trivet_store_commit(txn, err);
    trivet_store_abort(txn);
    return status;
}

static void tell(int fd, enum ack_kind kind, uint32_t number)
{
    const struct ack ack = {.kind = kind, .number = number};
    if (write(fd, &ack, sizeof(ack)) != (ssize_t)sizeof(ack))
        _exit(3);
}

static _Noreturn void run_child(const char *dir, const char *dataset_id, uint32_t round, int fd)
{
    static uint8_t bytes[CHUNK_BYTES];
    struct trivet_error err = {.message = ""};
    struct trivet_store_dataset dataset;
    struct trivet_store *store = NULL;
    enum trivet_status status = trivet_store_open(dir, TRIVET_STORE_OWNER, &store, &err);
    for (uint32_t n = 0; status == TRIVET_OK && n < CHANGES_MAX; n++) {
        status = change_catalog(store, round, n, bytes, &err);
        if (status == TRIVET_OK) {
            tell(fd, ACK_CATALOG, n);
            fill(bytes, sizeof(bytes), seed_of(round, n));
            status = trivet_store_dataset_append(store, dataset_id, n, bytes, sizeof(bytes), 10,
                                                 &dataset, &err);
        }
        if (status == TRIVET_OK)
            tell(fd, ACK_DATA, n);
    }
    if (status != TRIVET_OK) {
        print_error("child: %s\n", err.message);
        _exit(2);
    }
    for (;;) /* quicker than its end */
        pause();
}

/* --- The parent ------------------------------------------------------------------------------ */

static void sleep_ms(uint64_t ms)
{
    const struct timespec time = {.tv_sec = (time_t)(ms / 1000),
                                  .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

/* Starts the child, kills it some time after its first word, and counts what it acknowledged. */
static void run_and_kill(struct fixture *f, const char *dataset_id, uint32_t round,
                         uint64_t kill_after_ms, uint32_t n_acked[2])
{
    int ends[2];
    int how = 0;
    struct ack ack;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        run_child(f->dir, dataset_id, round, ends[1]);
    }
    close(ends[1]);
    n_acked[ACK_CATALOG] = n_acked[ACK_DATA] = 0;
    bool killed = false;
    while (read(ends[0], &ack, sizeof(ack)) == (ssize_t)sizeof(ack)) {
        n_acked[ack.kind] = ack.number + 1;
        if (!killed) {
            sleep_ms(kill_after_ms);
            assert_int_equal(kill(child, SIGKILL), 0);
            killed = true;
        }
    }
    close(ends[0]);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
}

/* One change is whole, or not there at all; *there says which. */
static void check_change(struct fixture *f, uint32_t round, uint32_t number, bool *there)
{
    static uint8_t expected[ARTEFACT_BYTES];
    struct trivet_buffer bytes = {.data = NULL};
    struct trivet_store_version version;
    struct trivet_store_job job;
    char id[TRIVET_STORE_ID_BYTES];
    bool found = false;
    (void)trivet_text_format(id, sizeof(id), "job-%u-%u", round, number);
    const struct trivet_store_call call = {.identity = "", .method = "Train", .request_id = id};
    const enum trivet_status status = trivet_store_job_get(f->store, id, &job, NULL, NULL, &f->err);
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(f, trivet_store_find_reply(txn, &call, &found, &bytes, &f->err));
    trivet_store_abort(txn);
    *there = status == TRIVET_OK;
    assert_int_equal(found, *there);
    if (*there) {
        assert_int_equal(bytes.n_bytes, strlen(id));
        assert_int_equal(job.state, TRIVET_STORE_JOB_SUCCEEDED);
        bytes.n_bytes = 0;
        assert_ok(f, trivet_store_version_get(f->store, "m", job.version, &version, &bytes, NULL,
                                              &f->err));
        assert_string_equal(version.job_id, id);
        fill(expected, sizeof(expected), seed_of(round, number));
        assert_int_equal(bytes.n_bytes, sizeof(expected));
        assert_int_equal(memcmp(bytes.data, expected, sizeof(expected)), 0);
    } else {
        assert_int_equal(status, TRIVET_NOT_FOUND);
    }
    trivet_buffer_release(&bytes);
}

/* How many changes of the round are in the catalogue. */
static uint32_t check_catalog(struct fixture *f, uint32_t round, uint32_t n_acked,
                              uint64_t n_versions_before)
{
    struct trivet_store_alias alias;
    struct trivet_store_version newest;
    size_t count = 0;
    uint32_t n_there = 0;
    bool there = true;
    while (there) {
        check_change(f, round, n_there, &there);
        n_there += there ? 1 : 0;
    }
    assert_true(n_there == n_acked || n_there == n_acked + 1);
    assert_ok(f, trivet_store_version_list(f->store, "m", &newest, 1, &count, &f->err));
    assert_int_equal(newest.version, n_versions_before + n_there);
    assert_ok(f, trivet_store_alias_list(f->store, "m", &alias, 1, &count, &f->err));
    assert_int_equal(alias.version, newest.version);
    return n_there;
}

static void check_data(struct fixture *f, const char *dataset_id, uint32_t round, uint32_t n_acked)
{
    static uint8_t expected[CHUNK_BYTES];
    struct trivet_store_dataset dataset;
    struct trivet_buffer bytes = {.data = NULL};
    uint64_t n_rows = 0;
    assert_ok(f, trivet_store_dataset_get(f->store, dataset_id, &dataset, NULL, &f->err));
    assert_true(dataset.n_chunks == n_acked || dataset.n_chunks == n_acked + 1);
    assert_int_equal(dataset.n_rows, dataset.n_chunks * 10);
    for (uint32_t n = 0; n < dataset.n_chunks; n++) {
        bytes.n_bytes = 0;
        assert_ok(f, trivet_store_dataset_read(f->store, dataset_id, n, &bytes, &n_rows, &f->err));
        fill(expected, sizeof(expected), seed_of(round, n));
        assert_int_equal(bytes.n_bytes, sizeof(expected));
        assert_int_equal(memcmp(bytes.data, expected, sizeof(expected)), 0);
    }
    assert_int_equal(trivet_store_dataset_read(f->store, dataset_id, (uint32_t)dataset.n_chunks,
                                               &bytes, &n_rows, &f->err),
                     TRIVET_NOT_FOUND);
    if (dataset.n_chunks > 0) {
        struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_DATA);
        assert_ok(f, trivet_store_dataset_commit(txn, dataset_id, (uint32_t)dataset.n_chunks,
                                                 &dataset, &f->err));
        fixture_commit(f, txn);
    }
    trivet_buffer_release(&bytes);
}

/* A trainer may look before the next owner has come. */
static void check_read_only(struct fixture *f, uint64_t n_versions)
{
    struct trivet_store *reader = NULL;
    struct trivet_store_version newest = {.version = 0};
    size_t count = 0;
    assert_ok(f, trivet_store_open(f->dir, TRIVET_STORE_READ_ONLY, &reader, &f->err));
    assert_ok(f, trivet_store_version_list(reader, "m", &newest, 1, &count, &f->err));
    assert_in_range(newest.version, n_versions, n_versions + 1);
    trivet_store_close(reader);
}

static void what_was_acknowledged_is_there(void **state)
{
    struct fixture *f = *state;
    struct trivet_rng rng;
    const uint64_t seed = trivet_rng_entropy();
    uint64_t n_versions = 0;
    trivet_rng_seed(&rng, seed);
    print_message("seed %llu\n", (unsigned long long)seed);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t n_acked[2];
        const struct trivet_store_dataset d = fixture_dataset(f, "d");
        trivet_store_close(f->store);
        f->store = NULL;
        run_and_kill(f, d.id, round, trivet_rng_below(&rng, KILL_AFTER_MS), n_acked);
        check_read_only(f, n_versions + n_acked[ACK_CATALOG]);
        assert_ok(f, trivet_store_open(f->dir, TRIVET_STORE_OWNER, &f->store, &f->err));
        n_versions += check_catalog(f, round, n_acked[ACK_CATALOG], n_versions);
        check_data(f, d.id, round, n_acked[ACK_DATA]);
        print_message("round %u: %u changes and %u chunks acknowledged, all there\n", round,
                      n_acked[ACK_CATALOG], n_acked[ACK_DATA]);
    }
}

/* --- A reader in another process ------------------------------------------------------------- */

/* In the child: at each word of the parent, reads version `word` and answers how it went. */
static _Noreturn void read_on_demand(const char *dir, int from, int to)
{
    struct trivet_error err = {.message = ""};
    struct trivet_buffer artefact = {.data = NULL};
    struct trivet_store_version version;
    struct trivet_store *store = NULL;
    uint64_t wanted = 0;
    while (read(from, &wanted, sizeof(wanted)) == (ssize_t)sizeof(wanted)) {
        int32_t status = TRIVET_OK;
        if (store == NULL)
            status = (int32_t)trivet_store_open(dir, TRIVET_STORE_READ_ONLY, &store, &err);
        if (status == TRIVET_OK)
            status = (int32_t)trivet_store_version_get(store, "m", wanted, &version, &artefact,
                                                       NULL, &err);
        if (write(to, &status, sizeof(status)) != (ssize_t)sizeof(status))
            _exit(3);
    }
    trivet_store_close(store);
    trivet_buffer_release(&artefact);
    _exit(0);
}

static enum trivet_status ask(int to, int from, uint64_t version)
{
    int32_t status = -1;
    assert_int_equal(write(to, &version, sizeof(version)), sizeof(version));
    assert_int_equal(read(from, &status, sizeof(status)), sizeof(status));
    return (enum trivet_status)status;
}

static void another_process_reads_beside_the_owner(void **state)
{
    struct fixture *f = *state;
    int down[2];
    int up[2];
    int how = 0;
    trivet_store_close(f->store); /* SQLite's connections do not survive a fork */
    f->store = NULL;
    assert_int_equal(pipe2(down, O_CLOEXEC), 0);
    assert_int_equal(pipe2(up, O_CLOEXEC), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(down[1]);
        close(up[0]);
        read_on_demand(f->dir, down[0], up[1]);
    }
    close(down[0]);
    close(up[1]);
    assert_ok(f, trivet_store_open(f->dir, TRIVET_STORE_OWNER, &f->store, &f->err));
    assert_int_equal(ask(down[1], up[0], 1), TRIVET_NOT_FOUND);
    for (uint64_t v = 1; v <= 20; v++) {
        fixture_version(f, "m", "artefact");
        assert_int_equal(ask(down[1], up[0], v), TRIVET_OK);
        assert_int_equal(ask(down[1], up[0], v + 1), TRIVET_NOT_FOUND);
        if (v % 5 == 0)
            fixture_reopen(f); /* the owner may come and go */
    }
    close(down[1]);
    close(up[0]);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(another_process_reads_beside_the_owner, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(what_was_acknowledged_is_there, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
