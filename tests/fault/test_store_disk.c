/* A disk that is full or fails: from the k-th write, sync or truncation on every one fails, until
 * there is room again. While it lasts, changes answer UNAVAILABLE and reads work; afterwards the
 * same open store takes changes again, and a reopened one has everything that was acknowledged. */
#include "unit/store/fixture.h"

#include "base/alloc.h"
#include "base/text.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- SQLite's files, with faults ------------------------------------------------------------- */

static sqlite3_vfs *real_vfs;
static sqlite3_vfs faulty_vfs;
/* SQLite's own methods differ by kind of file; one entry for each that was met. */
static struct faulty_io {
    sqlite3_io_methods io; /* first: a file points here */
    const sqlite3_io_methods *real;
} faulty_ios[4];
static uint64_t n_operations;
static uint64_t fail_from; /* 0 = never */
static int fail_code;
/* What all files may hold together; -1 = no limit. Writes into what is there always work. */
static int64_t room_left = -1;

static bool fails(void)
{
    n_operations++;
    return fail_from != 0 && n_operations >= fail_from;
}

static const sqlite3_io_methods *real_io(const sqlite3_file *file)
{
    return ((const struct faulty_io *)(const void *)file->pMethods)->real;
}

static int faulty_write(sqlite3_file *file, const void *data, int n_bytes, sqlite3_int64 at)
{
    sqlite3_int64 size = 0;
    if (fails())
        return fail_code;
    if (room_left >= 0 && real_io(file)->xFileSize(file, &size) == SQLITE_OK &&
        at + n_bytes > size) {
        if (at + n_bytes - size > room_left)
            return SQLITE_FULL;
        room_left -= at + n_bytes - size;
    }
    return real_io(file)->xWrite(file, data, n_bytes, at);
}

static int faulty_sync(sqlite3_file *file, int flags)
{
    return fails() ? SQLITE_IOERR_FSYNC : real_io(file)->xSync(file, flags);
}

static int faulty_truncate(sqlite3_file *file, sqlite3_int64 n_bytes)
{
    sqlite3_int64 size = 0;
    if (fails())
        return SQLITE_IOERR_TRUNCATE;
    if (room_left >= 0 && real_io(file)->xFileSize(file, &size) == SQLITE_OK && n_bytes < size)
        room_left += size - n_bytes;
    return real_io(file)->xTruncate(file, n_bytes);
}

static int faulty_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags,
                       int *out_flags)
{
    (void)vfs;
    size_t i = 0;
    const int rc = real_vfs->xOpen(real_vfs, name, file, flags, out_flags);
    if (rc != SQLITE_OK || file->pMethods == NULL)
        return rc;
    while (faulty_ios[i].real != NULL && faulty_ios[i].real != file->pMethods)
        i++;
    assert_true(i < TRIVET_ARRAY_COUNT(faulty_ios) - 1);
    faulty_ios[i].real = file->pMethods;
    faulty_ios[i].io = *file->pMethods;
    faulty_ios[i].io.xWrite = faulty_write;
    faulty_ios[i].io.xSync = faulty_sync;
    faulty_ios[i].io.xTruncate = faulty_truncate;
    file->pMethods = &faulty_ios[i].io;
    return rc;
}

static void start_faults(uint64_t from, int code)
{
    n_operations = 0;
    fail_from = from;
    fail_code = code;
}

/* How many operations were tried. */
static uint64_t end_faults(void)
{
    fail_from = 0;
    return n_operations;
}

/* --- What is done meanwhile ------------------------------------------------------------------ */

#define CHUNK_BYTES 100000

struct outcome {
    uint64_t n_versions; /* acknowledged */
    uint32_t n_chunks;
};

static enum trivet_status make_version(struct trivet_store *store, struct outcome *outcome,
                                       struct trivet_error *err)
{
    struct trivet_store_version version;
    struct trivet_store_alias alias;
    struct trivet_store_txn *txn = NULL;
    static const uint8_t artefact[50000];
    enum trivet_status status = trivet_store_begin(store, TRIVET_STORE_CATALOG, &txn, err);
    if (status != TRIVET_OK)
        return status;
    status = trivet_store_version_create(txn, "m", "", "", artefact, sizeof(artefact), NULL, 0,
                                         &version, err);
    if (status == TRIVET_OK)
        status = trivet_store_alias_set(txn, "m", "production", version.version,
                                        &(struct trivet_store_cause){0}, &alias, err);
    if (status == TRIVET_OK) {
        status = trivet_store_commit(txn, err);
        outcome->n_versions += status == TRIVET_OK ? 1 : 0;
    } else {
        trivet_store_abort(txn);
    }
    return status;
}

static enum trivet_status add_chunk(struct trivet_store *store, const char *id,
                                    struct outcome *outcome, struct trivet_error *err)
{
    static uint8_t chunk[CHUNK_BYTES];
    struct trivet_store_dataset dataset;
    memset(chunk, (int)outcome->n_chunks + 1, sizeof(chunk));
    const enum trivet_status status = trivet_store_dataset_append(
        store, id, outcome->n_chunks, chunk, sizeof(chunk), 1, &dataset, err);
    outcome->n_chunks += status == TRIVET_OK ? 1 : 0;
    return status;
}

/* Everything acknowledged is there, and no more than one change beyond it. */
static void check(struct fixture *f, const char *id, const struct outcome *outcome)
{
    struct trivet_store_version newest = {.version = 0};
    struct trivet_store_alias alias = {.version = 0};
    struct trivet_store_dataset dataset;
    struct trivet_buffer bytes = {.data = NULL};
    uint64_t n_rows = 0;
    size_t count = 0;
    assert_ok(f, trivet_store_version_list(f->store, "m", &newest, 1, &count, &f->err));
    assert_in_range(newest.version, outcome->n_versions, outcome->n_versions + 1);
    assert_ok(f, trivet_store_alias_list(f->store, "m", &alias, 1, &count, &f->err));
    assert_int_equal(alias.version, newest.version);
    for (uint64_t v = 1; v <= newest.version; v++)
        assert_ok(f, trivet_store_version_get(f->store, "m", v, &newest, &bytes, NULL, &f->err));
    assert_ok(f, trivet_store_dataset_get(f->store, id, &dataset, NULL, &f->err));
    assert_in_range(dataset.n_chunks, outcome->n_chunks, outcome->n_chunks + 1u);
    for (uint32_t i = 0; i < dataset.n_chunks; i++)
        assert_ok(f, trivet_store_dataset_read(f->store, id, i, &bytes, &n_rows, &f->err));
    trivet_buffer_release(&bytes);
}

static void expect_unavailable(struct fixture *f, enum trivet_status status)
{
    if (status == TRIVET_OK)
        return;
    if (status != TRIVET_UNAVAILABLE)
        fail_msg("%s: %s", trivet_status_name(status), f->err.message);
}

/* One run with the fault from operation k on; returns how many there were. */
static uint64_t run_with_fault(struct fixture *f, uint64_t k, int code)
{
    struct outcome outcome = {.n_versions = 0};
    fixture_open(f, &trivet_store_sqlite_ops);
    const struct trivet_store_dataset d = fixture_dataset(f, "d");
    assert_ok(f, make_version(f->store, &outcome, &f->err));
    assert_ok(f, add_chunk(f->store, d.id, &outcome, &f->err));
    start_faults(k, code);
    enum trivet_status status = make_version(f->store, &outcome, &f->err);
    expect_unavailable(f, status);
    if (status == TRIVET_OK) {
        status = add_chunk(f->store, d.id, &outcome, &f->err);
        expect_unavailable(f, status);
    }
    check(f, d.id, &outcome); /* reads go on */
    const uint64_t n_tried = end_faults();
    check(f, d.id, &outcome);
    trivet_store_close(f->store); /* as a crash here would leave it, and better */
    f->store = NULL;
    assert_ok(f, trivet_store_open(f->dir, TRIVET_STORE_OWNER, &f->store, &f->err));
    check(f, d.id, &outcome);
    fixture_version(f, "m", "goes on");
    fixture_close(f);
    return n_tried;
}

static void any_write_may_fail(void **state)
{
    struct fixture *f = *state;
    const int codes[] = {SQLITE_FULL, SQLITE_IOERR_WRITE};
    for (size_t c = 0; c < TRIVET_ARRAY_COUNT(codes); c++) {
        uint64_t k = 1;
        while (run_with_fault(f, k, codes[c]) >= k)
            k++;
        print_message("%llu operations failed in turn\n", (unsigned long long)k - 1);
        assert_true(k > 10);
    }
}

static void the_message_says_what_to_do(void **state)
{
    struct fixture *f = *state;
    struct outcome outcome = {.n_versions = 0};
    fixture_open(f, &trivet_store_sqlite_ops);
    start_faults(1, SQLITE_FULL);
    const enum trivet_status status = make_version(f->store, &outcome, &f->err);
    (void)end_faults();
    assert_refused(f, TRIVET_UNAVAILABLE, status, "is full, nothing was stored; free some space");
    /* The same open store, once there is room. */
    assert_ok(f, make_version(f->store, &outcome, &f->err));
    assert_int_equal(outcome.n_versions, 1);
    fixture_close(f);
}

static void opening_on_a_full_disk_is_told(void **state)
{
    struct fixture *f = *state;
    memset(f, 0, sizeof(*f));
    assert_true(fixture_make_dir(f->dir, sizeof(f->dir)));
    enum trivet_status status = TRIVET_UNAVAILABLE;
    for (uint64_t k = 1; status != TRIVET_OK; k++) {
        assert_true(k < 1000);
        start_faults(k, SQLITE_FULL);
        status = trivet_store_open(f->dir, TRIVET_STORE_OWNER, &f->store, &f->err);
        (void)end_faults();
        expect_unavailable(f, status);
    }
    fixture_version(f, "m", "a");
    fixture_close(f);
}

static enum trivet_status delete_dataset(struct fixture *f, const char *id)
{
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_DATA);
    const enum trivet_status status = trivet_store_dataset_delete(txn, id, &f->err);
    if (status != TRIVET_OK) {
        trivet_store_abort(txn);
        return status;
    }
    return trivet_store_commit(txn, &f->err);
}

/* Chunks of the usual size until one is refused; returns how many were taken. */
static uint32_t fill(struct fixture *f, const char *id)
{
    static uint8_t chunk[2 << 20];
    struct trivet_store_dataset now;
    enum trivet_status status = TRIVET_OK;
    uint32_t n_chunks = 0;
    while (n_chunks < 100) {
        status = trivet_store_dataset_append(f->store, id, n_chunks, chunk, sizeof(chunk), 1, &now,
                                             &f->err);
        if (status != TRIVET_OK)
            break;
        n_chunks++;
    }
    assert_refused(f, TRIVET_UNAVAILABLE, status, "free some space, or delete datasets");
    return n_chunks;
}

/* An upload that filled the disk can be deleted on the full disk while the log has room left, which
 * is kept for that; else once the log has been given some. Its pages are used again. */
static void a_full_disk_takes_deletes(void **state)
{
    struct fixture *f = *state;
    /* The last: copying the log back takes all that is left, and the log ends at its last chunk. */
    const struct {
        int64_t room;
        bool deletes;
    } cases[] = {{5 << 20, true}, {21 << 20, true}, {50 << 20, false}};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(cases); i++) {
        struct trivet_store_dataset other;
        fixture_open(f, &trivet_store_sqlite_ops);
        const struct trivet_store_dataset d = fixture_dataset(f, "d");
        room_left = cases[i].room;
        const uint32_t n_chunks = fill(f, d.id);
        struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_DATA);
        assert_refused(f, TRIVET_UNAVAILABLE,
                       trivet_store_dataset_create(txn, "e", "schema", 6, &other, &f->err),
                       "is full");
        trivet_store_abort(txn);
        if (cases[i].deletes)
            assert_ok(f, delete_dataset(f, d.id));
        else
            assert_refused(f, TRIVET_UNAVAILABLE, delete_dataset(f, d.id), "free some space");
        room_left = 40 << 20; /* enough to copy the log back */
        if (!cases[i].deletes)
            assert_ok(f, delete_dataset(f, d.id));
        other = fixture_dataset(f, "e");
        room_left = 0; /* chunks go where the deleted were */
        struct outcome outcome = {.n_versions = 0};
        for (uint32_t c = 0; c < n_chunks; c++)
            assert_ok(f, add_chunk(f->store, other.id, &outcome, &f->err));
        room_left = -1;
        fixture_close(f);
    }
}

/* --- The system's own limit ------------------------------------------------------------------ */

/* In a child: files may not grow beyond a limit. Returns its exit code: 0 when all is as expected.
 */
static int fill_to_the_limit(struct fixture *f, const char *id)
{
    const struct rlimit limit = {.rlim_cur = 3 << 20, .rlim_max = 3 << 20};
    struct outcome outcome = {.n_versions = 0};
    enum trivet_status status = TRIVET_OK;
    struct trivet_store_dataset dataset;
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0 ||
        trivet_store_open(f->dir, TRIVET_STORE_OWNER, &f->store, &f->err) != TRIVET_OK)
        return 2;
    while (status == TRIVET_OK && outcome.n_chunks < 100)
        status = add_chunk(f->store, id, &outcome, &f->err);
    if (status != TRIVET_UNAVAILABLE || outcome.n_chunks < 5)
        return 3;
    if (trivet_store_dataset_get(f->store, id, &dataset, NULL, &f->err) != TRIVET_OK ||
        dataset.n_chunks != outcome.n_chunks)
        return 4;
    trivet_store_close(f->store);
    return 0;
}

static void a_file_size_limit_is_survived(void **state)
{
    struct fixture *f = *state;
    struct outcome outcome = {.n_versions = 0};
    int how = 0;
    fixture_open(f, &trivet_store_sqlite_ops);
    struct trivet_store_dataset d = fixture_dataset(f, "d");
    trivet_store_close(f->store);
    f->store = NULL;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(fill_to_the_limit(f, d.id));
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
    assert_ok(f, trivet_store_open(f->dir, TRIVET_STORE_OWNER, &f->store, &f->err));
    assert_ok(f, trivet_store_dataset_get(f->store, d.id, &d, NULL, &f->err));
    outcome.n_chunks = (uint32_t)d.n_chunks;
    assert_true(outcome.n_chunks >= 5);
    assert_ok(f, add_chunk(f->store, d.id, &outcome, &f->err));
    check(f, d.id, &outcome);
    fixture_close(f);
}

int main(void)
{
    static struct fixture fixture;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(any_write_may_fail, &fixture),
        cmocka_unit_test_prestate(the_message_says_what_to_do, &fixture),
        cmocka_unit_test_prestate(opening_on_a_full_disk_is_told, &fixture),
        cmocka_unit_test_prestate(a_full_disk_takes_deletes, &fixture),
        cmocka_unit_test_prestate(a_file_size_limit_is_survived, &fixture),
    };
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 1);
    real_vfs = sqlite3_vfs_find(NULL);
    faulty_vfs = *real_vfs;
    faulty_vfs.zName = "faulty";
    faulty_vfs.xOpen = faulty_open;
    if (sqlite3_vfs_register(&faulty_vfs, 1) != SQLITE_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
