/* How fast, printed and not asserted: machines and disks differ. */
#include "fixture.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"

#include <pthread.h>
#include <stdatomic.h>

#define CHUNKS       16
#define TRANSACTIONS 1000
#define READS        5000

static double seconds_since(int64_t start_ns)
{
    return (double)(trivet_clock_monotonic_ns() - start_ns) / 1e9;
}

static void large_chunks(void **state)
{
    struct fixture *f = *state;
    const size_t n_bytes = TRIVET_STORE_CHUNK_BYTES_MAX;
    struct trivet_store_dataset d = fixture_dataset(f, "d");
    struct trivet_buffer data = {.data = NULL};
    uint64_t n_rows = 0;
    uint8_t *chunk = trivet_malloc(n_bytes);
    assert_non_null(chunk);
    for (size_t i = 0; i < n_bytes; i++)
        chunk[i] = (uint8_t)(i * 2654435761u >> 24);
    const double total_mb = CHUNKS * (double)n_bytes / 1e6;
    int64_t start_ns = trivet_clock_monotonic_ns();
    for (uint32_t i = 0; i < CHUNKS; i++) {
        chunk[0] = (uint8_t)i;
        assert_ok(
            f, trivet_store_dataset_append(f->store, d.id, i, chunk, n_bytes, 1000, &d, &f->err));
    }
    print_message("append, 8 MiB chunks: %.0f MB/s\n", total_mb / seconds_since(start_ns));
    start_ns = trivet_clock_monotonic_ns();
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_DATA);
    assert_ok(f, trivet_store_dataset_commit(txn, d.id, CHUNKS, &d, &f->err));
    fixture_commit(f, txn);
    print_message("commit (hash): %.0f MB/s\n", total_mb / seconds_since(start_ns));
    start_ns = trivet_clock_monotonic_ns();
    for (uint32_t i = 0; i < CHUNKS; i++) {
        data.n_bytes = 0;
        assert_ok(f, trivet_store_dataset_read(f->store, d.id, i, &data, &n_rows, &f->err));
    }
    print_message("read and verify: %.0f MB/s\n", total_mb / seconds_since(start_ns));
    trivet_buffer_release(&data);
    trivet_free(chunk);
}

static void small_transactions(void **state)
{
    struct fixture *f = *state;
    const int64_t start_ns = trivet_clock_monotonic_ns();
    for (int i = 0; i < TRANSACTIONS; i++) {
        char id[32];
        struct trivet_store_call call = {.identity = "", .method = "Train", .request_id = id};
        struct trivet_store_job job = {.kind = 1};
        (void)trivet_text_format(id, sizeof(id), "r-%d", i);
        struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
        assert_ok(f, trivet_store_job_create(txn, &job, "spec", 4, &f->err));
        assert_ok(f, trivet_store_put_reply(txn, &call, "reply", 5, &f->err));
        fixture_commit(f, txn);
    }
    print_message("%d small transactions: %.0f us each\n", TRANSACTIONS,
                  seconds_since(start_ns) / TRANSACTIONS * 1e6);
}

struct reading {
    struct trivet_store *store;
    atomic_uint n_failed;
};

static void *read_versions(void *arg)
{
    struct reading *reading = arg;
    struct trivet_store_version version;
    for (int i = 0; i < READS; i++)
        if (trivet_store_version_get(reading->store, "m", 1, &version, NULL, NULL, NULL) !=
            TRIVET_OK)
            atomic_fetch_add(&reading->n_failed, 1);
    return NULL;
}

static void small_reads(void **state)
{
    struct fixture *f = *state;
    struct reading reading = {.store = f->store};
    pthread_t threads[4];
    fixture_version(f, "m", "artefact");
    for (size_t n_threads = 1; n_threads <= TRIVET_ARRAY_COUNT(threads); n_threads *= 2) {
        const int64_t start_ns = trivet_clock_monotonic_ns();
        for (size_t i = 0; i < n_threads; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, read_versions, &reading), 0);
        for (size_t i = 0; i < n_threads; i++)
            pthread_join(threads[i], NULL);
        print_message("reads, %zu threads: %.0f /s\n", n_threads,
                      (double)n_threads * READS / seconds_since(start_ns));
    }
    assert_int_equal(atomic_load(&reading.n_failed), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(large_chunks, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(small_transactions, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(small_reads, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
