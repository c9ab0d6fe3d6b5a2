/* Several writers and readers of one store at once; run under ThreadSanitizer as well.
 *
 * Writers add versions and move an alias in one transaction, append chunks, and create jobs with
 * their replies; readers check that they never see half of a transaction. Threads only count what
 * is wrong; the test asserts at the end. */
#include "fixture.h"

#include "base/text.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define WRITERS           3
#define READERS           6 /* more than the backend has connections */
#define CHANGES_PER_WRITE 25

struct shared {
    struct trivet_store *store;
    char dataset_id[TRIVET_STORE_ID_BYTES];
    atomic_uint next_writer;
    atomic_uint n_wrong;
    atomic_bool stop;
};

static void expect(struct shared *shared, bool good, const char *what, struct trivet_error *err)
{
    if (good)
        return;
    print_error("%s: %s\n", what, err->message);
    atomic_fetch_add(&shared->n_wrong, 1);
}

static enum trivet_status promote(struct trivet_store *store, uint64_t *version,
                                  struct trivet_error *err)
{
    struct trivet_store_txn *txn = NULL;
    struct trivet_store_version made;
    struct trivet_store_alias alias;
    enum trivet_status status = trivet_store_begin(store, TRIVET_STORE_CATALOG, &txn, err);
    if (status != TRIVET_OK)
        return status;
    status = trivet_store_version_create(txn, "m", "", "", "artefact", 8, "s", 1, &made, err);
    if (status == TRIVET_OK)
        status = trivet_store_alias_set(txn, "m", "production", made.version,
                                        &(struct trivet_store_cause){0}, &alias, err);
    if (status != TRIVET_OK) {
        trivet_store_abort(txn);
        return status;
    }
    *version = made.version;
    return trivet_store_commit(txn, err);
}

static enum trivet_status submit(struct trivet_store *store, const char *request_id,
                                 struct trivet_error *err)
{
    const struct trivet_store_call call = {
        .identity = "", .method = "Train", .request_id = request_id};
    struct trivet_store_job job = {.kind = 1, .model = "m"};
    struct trivet_store_txn *txn = NULL;
    enum trivet_status status = trivet_store_begin(store, TRIVET_STORE_CATALOG, &txn, err);
    if (status != TRIVET_OK)
        return status;
    status = trivet_store_job_create(txn, &job, "spec", 4, err);
    if (status == TRIVET_OK)
        status = trivet_store_put_reply(txn, &call, job.id, strlen(job.id), err);
    if (status != TRIVET_OK) {
        trivet_store_abort(txn);
        return status;
    }
    return trivet_store_commit(txn, err);
}

static void *writer(void *arg)
{
    struct shared *shared = arg;
    const unsigned me = atomic_fetch_add(&shared->next_writer, 1);
    struct trivet_error err = {.message = ""};
    uint64_t before = 0;
    for (unsigned i = 0; i < CHANGES_PER_WRITE; i++) {
        char text[32];
        uint64_t version = 0;
        struct trivet_store_dataset dataset;
        (void)trivet_text_format(text, sizeof(text), "r-%u-%u", me, i);
        expect(shared, promote(shared->store, &version, &err) == TRIVET_OK, "promote", &err);
        expect(shared, version > before, "numbers do not grow", &err);
        before = version;
        expect(shared, submit(shared->store, text, &err) == TRIVET_OK, "submit", &err);
        expect(shared,
               trivet_store_dataset_append(shared->store, shared->dataset_id,
                                           me * CHANGES_PER_WRITE + i, text, strlen(text), 10,
                                           &dataset, &err) == TRIVET_OK,
               "append", &err);
    }
    return NULL;
}

/* The alias moves with each new version: whatever it names must be there and be read whole. */
static void read_once(struct shared *shared)
{
    struct trivet_error err = {.message = ""};
    struct trivet_store_alias alias;
    struct trivet_store_version version;
    struct trivet_store_dataset dataset;
    struct trivet_buffer artefact = {.data = NULL};
    size_t count = 0;
    expect(shared,
           trivet_store_alias_list(shared->store, "m", &alias, 1, &count, &err) == TRIVET_OK,
           "alias_list", &err);
    if (count == 1) {
        const enum trivet_status status = trivet_store_version_get(
            shared->store, "m", alias.version, &version, &artefact, NULL, &err);
        expect(shared, status == TRIVET_OK && artefact.n_bytes == 8, "version_get", &err);
        expect(shared, alias.previous_version == alias.version - 1, "half a change", &err);
    }
    expect(shared,
           trivet_store_dataset_get(shared->store, shared->dataset_id, &dataset, NULL, &err) ==
               TRIVET_OK,
           "dataset_get", &err);
    expect(shared, dataset.n_rows == dataset.n_chunks * 10, "half a chunk", &err);
    trivet_buffer_release(&artefact);
}

static void *reader(void *arg)
{
    struct shared *shared = arg;
    while (!atomic_load(&shared->stop))
        read_once(shared);
    return NULL;
}

static void nobody_sees_half_a_change(void **state)
{
    struct fixture *f = *state;
    struct shared shared = {.store = f->store};
    const struct trivet_store_dataset d = fixture_dataset(f, "d");
    pthread_t writers[WRITERS];
    pthread_t readers[READERS];
    memcpy(shared.dataset_id, d.id, sizeof(d.id));
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, reader, &shared), 0);
    for (size_t i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, writer, &shared), 0);
    for (size_t i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    atomic_store(&shared.stop, true);
    for (size_t i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    assert_int_equal(atomic_load(&shared.n_wrong), 0);

    struct trivet_store_version newest;
    struct trivet_store_dataset done;
    static struct trivet_store_job jobs[WRITERS * CHANGES_PER_WRITE + 1];
    size_t count = 0;
    assert_ok(f, trivet_store_version_list(f->store, "m", &newest, 1, &count, &f->err));
    assert_int_equal(newest.version, WRITERS * CHANGES_PER_WRITE);
    assert_ok(f, trivet_store_job_list(f->store, "m", true, jobs, TRIVET_ARRAY_COUNT(jobs), &count,
                                       &f->err));
    assert_int_equal(count, WRITERS * CHANGES_PER_WRITE);
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_DATA);
    assert_ok(f,
              trivet_store_dataset_commit(txn, d.id, WRITERS * CHANGES_PER_WRITE, &done, &f->err));
    fixture_commit(f, txn);
    assert_int_equal(done.n_rows, WRITERS * CHANGES_PER_WRITE * 10);
}

/* A reader is answered while a transaction is open: it would hang here if it waited. */
static void readers_do_not_wait_for_a_writer(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_version version;
    struct trivet_store_dataset dataset;
    size_t count = 99;
    struct trivet_store_txn *catalog = fixture_begin(f, TRIVET_STORE_CATALOG);
    struct trivet_store_txn *data = fixture_begin(f, TRIVET_STORE_DATA);
    assert_ok(f, trivet_store_version_list(f->store, "m", &version, 1, &count, &f->err));
    assert_ok(f, trivet_store_dataset_list(f->store, &dataset, 1, &count, &f->err));
    assert_int_equal(count, 0);
    trivet_store_abort(catalog);
    trivet_store_abort(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nobody_sees_half_a_change, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(readers_do_not_wait_for_a_writer, fixture_setup,
                                        fixture_teardown),
    };
    int n_failed = 0;
    for (size_t b = 0; b < fixture_n_backends; b++) {
        fixture_use(fixture_backends[b]);
        n_failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return n_failed == 0 ? 0 : 1;
}
