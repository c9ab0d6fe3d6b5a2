/* Datasets. */
#include "conformance.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"

#include <string.h>

static enum trivet_status append(struct fixture *f, const char *id, uint32_t chunk,
                                 const char *text, uint64_t n_rows,
                                 struct trivet_store_dataset *out)
{
    return trivet_store_dataset_append(f->store, id, chunk, text, strlen(text), n_rows, out,
                                       &f->err);
}

static enum trivet_status commit(struct fixture *f, const char *id, uint32_t n_chunks,
                                 struct trivet_store_dataset *out)
{
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_DATA);
    enum trivet_status status = trivet_store_dataset_commit(txn, id, n_chunks, out, &f->err);
    if (status == TRIVET_OK)
        fixture_commit(f, txn);
    else
        trivet_store_abort(txn);
    return status;
}

static void a_new_dataset_is_empty(void **state)
{
    struct fixture *f = *state;
    struct trivet_buffer schema = {.data = NULL};
    struct trivet_store_dataset got;
    const struct trivet_store_dataset made = fixture_dataset(f, "häuser 2024");
    assert_int_equal(strlen(made.id), 19);
    assert_memory_equal(made.id, "ds-", 3);
    assert_int_equal(strspn(made.id + 3, "0123456789abcdef"), 16);
    assert_false(made.committed);
    assert_int_equal(made.n_rows, 0);
    assert_true(made.created_unix_us > 1600000000000000);
    assert_ok(f, trivet_buffer_append(&schema, "<", 1, &f->err));
    assert_ok(f, trivet_store_dataset_get(f->store, made.id, &got, &schema, &f->err));
    assert_memory_equal(&got, &made, sizeof(got));
    assert_int_equal(schema.n_bytes, 7);
    assert_memory_equal(schema.data, "<schema", 7);
    assert_ok(f, trivet_store_dataset_get(f->store, made.id, &got, NULL, &f->err));
    trivet_buffer_release(&schema);
}

static void where_it_was_grown_is_kept(void **state)
{
    struct fixture *f = *state;
    const struct trivet_store_dataset made = fixture_dataset(f, "grown");
    struct trivet_store_dataset got;
    assert_string_equal(made.grown_from, "");
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_DATA);
    assert_ok(f, trivet_store_dataset_set_origin(txn, made.id, "house", 40, &f->err));
    assert_refused(f, TRIVET_NOT_FOUND,
                   trivet_store_dataset_set_origin(txn, "ds-none", "house", 40, &f->err),
                   "no open dataset");
    fixture_commit(f, txn);
    fixture_reopen(f);
    assert_ok(f, trivet_store_dataset_get(f->store, made.id, &got, NULL, &f->err));
    assert_string_equal(got.grown_from, "house");
    assert_int_equal(got.n_base_rows, 40);
}

static void names_and_schemas_have_limits(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_dataset out;
    char name[TRIVET_STORE_TITLE_BYTES + 1];
    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_DATA);
    assert_refused(f, TRIVET_INVALID_ARGUMENT,
                   trivet_store_dataset_create(txn, name, "s", 1, &out, &f->err), "at most 128");
    name[sizeof(name) - 2] = '\0';
    assert_ok(f, trivet_store_dataset_create(txn, name, "s", 1, &out, &f->err));
    assert_string_equal(out.name, name);
    assert_ok(f, trivet_store_dataset_create(txn, "", NULL, 0, &out, &f->err));
    assert_refused(f, TRIVET_INVALID_ARGUMENT,
                   trivet_store_dataset_create(txn, "\xff", "s", 1, &out, &f->err), "UTF-8");
    assert_refused(f, TRIVET_INVALID_ARGUMENT,
                   trivet_store_dataset_create(txn, "d", NULL, 5, &out, &f->err), "missing");
    fixture_commit(f, txn);
}

static void chunks_come_back_as_sent(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_dataset now;
    struct trivet_buffer data = {.data = NULL};
    uint64_t n_rows = 0;
    const struct trivet_store_dataset d = fixture_dataset(f, "d");
    assert_ok(f, append(f, d.id, 1, "second", 20, &now)); /* any order */
    assert_ok(f, append(f, d.id, 0, "first!!", 10, &now));
    assert_int_equal(now.n_rows, 30);
    assert_int_equal(now.n_chunks, 2);
    assert_int_equal(now.stored_bytes, 13);
    assert_string_equal(now.id, d.id);
    assert_ok(f, trivet_store_dataset_read(f->store, d.id, 0, &data, &n_rows, &f->err));
    assert_int_equal(n_rows, 10);
    assert_ok(f, trivet_store_dataset_read(f->store, d.id, 1, &data, &n_rows, &f->err));
    assert_int_equal(n_rows, 20);
    assert_int_equal(data.n_bytes, 13);
    assert_memory_equal(data.data, "first!!second", 13);
    assert_refused(f, TRIVET_NOT_FOUND,
                   trivet_store_dataset_read(f->store, d.id, 2, &data, &n_rows, &f->err),
                   "no chunk 2");
    assert_refused(f, TRIVET_NOT_FOUND,
                   trivet_store_dataset_read(f->store, "ds-0", 0, &data, &n_rows, &f->err),
                   "no dataset");
    assert_int_equal(data.n_bytes, 13);
    assert_int_equal(n_rows, 20);
    trivet_buffer_release(&data);
}

static void a_repeated_chunk_counts_once(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_dataset now;
    const struct trivet_store_dataset d = fixture_dataset(f, "d");
    assert_ok(f, append(f, d.id, 0, "rows", 4, &now));
    assert_ok(f, append(f, d.id, 0, "rows", 4, &now));
    assert_int_equal(now.n_rows, 4);
    assert_int_equal(now.n_chunks, 1);
    assert_refused(f, TRIVET_ALREADY_EXISTS, append(f, d.id, 0, "rowz", 4, &now), "chunk 0");
    assert_ok(f, trivet_store_dataset_get(f->store, d.id, &now, NULL, &f->err));
    assert_int_equal(now.n_rows, 4);
}

static void chunks_have_limits(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_dataset now;
    uint8_t *big = trivet_calloc(1, TRIVET_STORE_CHUNK_BYTES_MAX + 1);
    assert_non_null(big);
    const struct trivet_store_dataset d = fixture_dataset(f, "d");
    assert_refused(f, TRIVET_INVALID_ARGUMENT,
                   trivet_store_dataset_append(f->store, d.id, 0, big,
                                               TRIVET_STORE_CHUNK_BYTES_MAX + 1, 1, &now, &f->err),
                   "at most 8388608");
    assert_ok(f, trivet_store_dataset_append(f->store, d.id, 0, big, TRIVET_STORE_CHUNK_BYTES_MAX,
                                             TRIVET_STORE_CHUNK_ROWS_MAX, &now, &f->err));
    assert_int_equal(now.n_rows, TRIVET_STORE_CHUNK_ROWS_MAX);
    assert_refused(f, TRIVET_INVALID_ARGUMENT,
                   append(f, d.id, TRIVET_STORE_CHUNKS_MAX, "x", 1, &now), "last one, 65535");
    assert_ok(f, append(f, d.id, TRIVET_STORE_CHUNKS_MAX - 1, "x", 1, &now));
    assert_refused(f, TRIVET_INVALID_ARGUMENT, append(f, d.id, 1, "x", 0, &now), "0 rows");
    assert_refused(f, TRIVET_INVALID_ARGUMENT, append(f, d.id, 1, "", 1, &now), "0 bytes");
    assert_refused(f, TRIVET_INVALID_ARGUMENT,
                   append(f, d.id, 1, "x", TRIVET_STORE_CHUNK_ROWS_MAX + 1ull, &now), "rows");
    assert_refused(f, TRIVET_NOT_FOUND, append(f, "ds-0000000000000000", 0, "x", 1, &now),
                   "no dataset");
    trivet_free(big);
}

static void commit_makes_it_immutable(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_dataset done;
    struct trivet_store_dataset got;
    struct trivet_sha256 *sha = trivet_sha256_create();
    uint8_t digest[TRIVET_SHA256_BYTES];
    char hex[TRIVET_SHA256_HEX_BYTES];
    const struct trivet_store_dataset d = fixture_dataset(f, "d");
    assert_ok(f, append(f, d.id, 1, "bb", 2, &got));
    assert_ok(f, append(f, d.id, 0, "aaa", 3, &got));
    assert_ok(f, commit(f, d.id, 2, &done));
    trivet_sha256_update(sha, "schemaaaabb", 11);
    trivet_sha256_finish(sha, digest);
    trivet_sha256_free(sha);
    trivet_sha256_hex(digest, hex);
    assert_string_equal(done.content_hash, hex);
    assert_true(done.committed);
    assert_true(done.committed_unix_us >= done.created_unix_us);
    assert_int_equal(done.n_rows, 5);
    fixture_reopen(f);
    assert_ok(f, trivet_store_dataset_get(f->store, d.id, &got, NULL, &f->err));
    assert_memory_equal(&got, &done, sizeof(got));
    assert_refused(f, TRIVET_FAILED_PRECONDITION, append(f, d.id, 2, "c", 1, &got), "is committed");
    assert_refused(f, TRIVET_FAILED_PRECONDITION, append(f, d.id, 0, "aaa", 3, &got),
                   "is committed");
    assert_refused(f, TRIVET_FAILED_PRECONDITION, commit(f, d.id, 2, &got), "committed already");
}

static void commit_checks_the_chunks(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_dataset now;
    const struct trivet_store_dataset d = fixture_dataset(f, "d");
    assert_refused(f, TRIVET_NOT_FOUND, commit(f, "ds-none", 1, &now), "no dataset 'ds-none'");
    assert_refused(f, TRIVET_FAILED_PRECONDITION, commit(f, d.id, 0, &now), "no rows");
    assert_ok(f, append(f, d.id, 0, "a", 1, &now));
    assert_ok(f, append(f, d.id, 3, "d", 1, &now));
    assert_refused(f, TRIVET_FAILED_PRECONDITION, commit(f, d.id, 4, &now), "chunk 1 of");
    assert_refused(f, TRIVET_FAILED_PRECONDITION, commit(f, d.id, 1, &now),
                   "more chunks than the 1");
    assert_ok(f, append(f, d.id, 1, "b", 1, &now));
    assert_refused(f, TRIVET_FAILED_PRECONDITION, commit(f, d.id, 4, &now), "chunk 2 of");
    assert_ok(f, append(f, d.id, 2, "c", 1, &now));
    assert_refused(f, TRIVET_FAILED_PRECONDITION, commit(f, d.id, 5, &now), "chunk 4 of");
    assert_refused(f, TRIVET_FAILED_PRECONDITION, commit(f, d.id, 3, &now), "more chunks");
    assert_refused(f, TRIVET_FAILED_PRECONDITION, commit(f, d.id, UINT32_MAX, &now), "chunk 4 of");
    assert_ok(f, commit(f, d.id, 4, &now));
}

static void delete_takes_the_chunks(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_dataset now;
    struct trivet_buffer data = {.data = NULL};
    uint64_t n_rows = 0;
    size_t count = 0;
    const struct trivet_store_dataset keep = fixture_dataset(f, "keep");
    const struct trivet_store_dataset d = fixture_dataset(f, "d");
    assert_ok(f, append(f, keep.id, 0, "kept", 1, &now));
    assert_ok(f, append(f, d.id, 0, "gone", 1, &now));
    assert_ok(f, commit(f, d.id, 1, &now));
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_DATA);
    assert_ok(f, trivet_store_dataset_delete(txn, d.id, &f->err));
    assert_refused(f, TRIVET_NOT_FOUND, trivet_store_dataset_delete(txn, d.id, &f->err),
                   "no dataset");
    fixture_commit(f, txn);
    assert_refused(f, TRIVET_NOT_FOUND,
                   trivet_store_dataset_read(f->store, d.id, 0, &data, &n_rows, &f->err),
                   "no dataset");
    assert_ok(f, trivet_store_dataset_read(f->store, keep.id, 0, &data, &n_rows, &f->err));
    assert_ok(f, trivet_store_dataset_list(f->store, &now, 1, &count, &f->err));
    assert_int_equal(count, 1);
    assert_string_equal(now.id, keep.id);
    trivet_buffer_release(&data);
}

static void lists_are_newest_first(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_dataset out[4];
    size_t count = 99;
    assert_ok(f, trivet_store_dataset_list(f->store, out, 4, &count, &f->err));
    assert_int_equal(count, 0);
    for (int i = 0; i < 3; i++) {
        char name[8];
        (void)trivet_text_format(name, sizeof(name), "d%d", i);
        fixture_dataset(f, name);
    }
    assert_ok(f, trivet_store_dataset_list(f->store, out, 4, &count, &f->err));
    assert_int_equal(count, 3);
    assert_string_equal(out[0].name, "d2");
    assert_string_equal(out[2].name, "d0");
    assert_ok(f, trivet_store_dataset_list(f->store, out, 2, &count, &f->err));
    assert_int_equal(count, 2);
    assert_string_equal(out[1].name, "d1");
    assert_ok(f, trivet_store_dataset_list(f->store, out, 0, &count, &f->err));
    assert_int_equal(count, 0);
}

static enum trivet_status create(struct fixture *f, struct trivet_store_dataset *out)
{
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_DATA);
    enum trivet_status status = trivet_store_dataset_create(txn, "d", "schema", 6, out, &f->err);
    if (status == TRIVET_OK)
        fixture_commit(f, txn);
    else
        trivet_store_abort(txn);
    return status;
}

static void open_datasets_are_limited(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_dataset first = {.n_rows = 0};
    struct trivet_store_dataset d;
    assert_ok(f, create(f, &first));
    for (int i = 1; i < TRIVET_STORE_OPEN_DATASETS_MAX; i++)
        assert_ok(f, create(f, &d));
    assert_refused(f, TRIVET_RESOURCE_EXHAUSTED, create(f, &d),
                   "256 datasets are open, at most 256 may be; commit or delete an open one");
    /* A committed one does not count, nor does a deleted one. */
    assert_ok(f, append(f, first.id, 0, "a", 1, &d));
    assert_ok(f, commit(f, first.id, 1, &d));
    assert_ok(f, create(f, &d));
    assert_refused(f, TRIVET_RESOURCE_EXHAUSTED, create(f, &first), "are open");
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_DATA);
    assert_ok(f, trivet_store_dataset_delete(txn, d.id, &f->err));
    fixture_commit(f, txn);
    assert_ok(f, create(f, &d));
}

static void idle_uploads_expire(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_dataset now;
    struct trivet_buffer data = {.data = NULL};
    uint64_t n_rows = 0;
    const struct trivet_store_dataset done = fixture_dataset(f, "done");
    const struct trivet_store_dataset idle = fixture_dataset(f, "idle");
    const struct trivet_store_dataset busy = fixture_dataset(f, "busy");
    assert_ok(f, append(f, done.id, 0, "a", 1, &now));
    assert_ok(f, commit(f, done.id, 1, &now));
    assert_ok(f, append(f, idle.id, 0, "a", 1, &now));
    const int64_t chunk_us = trivet_clock_unix_us();
    while (trivet_clock_unix_us() <= chunk_us + 1000) {
    }
    assert_ok(f, append(f, busy.id, 0, "a", 1, &now));
    const int64_t keep_us = TRIVET_STORE_OPEN_KEEP_US;
    assert_int_equal(trivet_store_dataset_expire(f->store, busy.created_unix_us), 0);
    assert_int_equal(trivet_store_dataset_expire(f->store, idle.created_unix_us + keep_us), 0);
    /* One is older; the other was, before its chunk. */
    assert_int_equal(trivet_store_dataset_expire(f->store, chunk_us + 1000 + keep_us), 1);
    assert_refused(f, TRIVET_NOT_FOUND, append(f, idle.id, 1, "b", 1, &now), "no dataset");
    assert_refused(f, TRIVET_NOT_FOUND,
                   trivet_store_dataset_read(f->store, idle.id, 0, &data, &n_rows, &f->err),
                   "no dataset");
    assert_ok(f, append(f, busy.id, 1, "b", 1, &now));
    /* What is committed stays for ever. */
    assert_int_equal(
        trivet_store_dataset_expire(f->store, trivet_clock_unix_us() + keep_us + 1000000), 1);
    assert_refused(f, TRIVET_NOT_FOUND, append(f, busy.id, 2, "c", 1, &now), "no dataset");
    assert_ok(f, trivet_store_dataset_read(f->store, done.id, 0, &data, &n_rows, &f->err));
    trivet_buffer_release(&data);
}

static void few_expire_at_a_time(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < TRIVET_STORE_EXPIRE_MAX + 2; i++)
        fixture_dataset(f, "idle");
    const int64_t later_us = trivet_clock_unix_us() + TRIVET_STORE_OPEN_KEEP_US + 1000000;
    assert_int_equal(trivet_store_dataset_expire(f->store, later_us), TRIVET_STORE_EXPIRE_MAX);
    assert_int_equal(trivet_store_dataset_expire(f->store, later_us), 2);
    assert_int_equal(trivet_store_dataset_expire(f->store, later_us), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
static const struct CMUnitTest tests[] = {
    TEST(a_new_dataset_is_empty),     TEST(names_and_schemas_have_limits),
    TEST(chunks_come_back_as_sent),   TEST(a_repeated_chunk_counts_once),
    TEST(chunks_have_limits),         TEST(commit_makes_it_immutable),
    TEST(commit_checks_the_chunks),   TEST(delete_takes_the_chunks),
    TEST(lists_are_newest_first),     TEST(open_datasets_are_limited),
    TEST(idle_uploads_expire),        TEST(few_expire_at_a_time),
    TEST(where_it_was_grown_is_kept),
};

const struct conformance_part conformance_datasets = {"datasets", tests, TRIVET_ARRAY_COUNT(tests)};
