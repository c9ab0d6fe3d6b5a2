/* Opening, transactions, answers to repeat. */
#include "conformance.h"

#include "base/text.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- Opening --------------------------------------------------------------------------------- */

static void a_second_owner_is_refused(void **state)
{
    struct fixture *f = *state;
    struct trivet_store *second = NULL;
    char in_use_by[64];
    (void)trivet_text_format(in_use_by, sizeof(in_use_by), "is in use by process %ld;",
                             (long)getpid());
    assert_refused(f, TRIVET_FAILED_PRECONDITION,
                   trivet_store_open_backend(f->ops, f->dir, TRIVET_STORE_OWNER, &second, &f->err),
                   in_use_by);
    assert_null(second);
    fixture_reopen(f); /* the refusal has not touched the lock */
}

static void a_reader_sees_what_the_owner_commits(void **state)
{
    struct fixture *f = *state;
    struct trivet_store *reader = NULL;
    struct trivet_store_version seen;
    struct trivet_store_dataset out;
    struct trivet_store_txn *txn = NULL;
    assert_ok(f,
              trivet_store_open_backend(f->ops, f->dir, TRIVET_STORE_READ_ONLY, &reader, &f->err));
    assert_int_equal(trivet_store_version_get(reader, "m", 1, &seen, NULL, NULL, &f->err),
                     TRIVET_NOT_FOUND);
    fixture_version(f, "m", "artefact");
    assert_ok(f, trivet_store_version_get(reader, "m", 1, &seen, NULL, NULL, &f->err));
    assert_refused(f, TRIVET_FAILED_PRECONDITION,
                   trivet_store_begin(reader, TRIVET_STORE_CATALOG, &txn, &f->err), "reading only");
    assert_refused(f, TRIVET_FAILED_PRECONDITION,
                   trivet_store_dataset_append(reader, "ds-1", 0, "x", 1, 1, &out, &f->err),
                   "reading only");
    trivet_store_close(reader);
}

static void a_reader_needs_a_store(void **state)
{
    struct fixture *f = *state;
    struct trivet_store *reader = NULL;
    char dir[128];
    (void)trivet_text_format(dir, sizeof(dir), "%s/none", f->dir);
    assert_refused(f, TRIVET_FAILED_PRECONDITION,
                   trivet_store_open_backend(f->ops, dir, TRIVET_STORE_READ_ONLY, &reader, &f->err),
                   "there is no store");
    assert_int_not_equal(access(dir, F_OK), 0);
}

static void the_directory_is_made_private(void **state)
{
    struct fixture *f = *state;
    struct trivet_store *store = NULL;
    struct stat info;
    char dir[128];
    (void)trivet_text_format(dir, sizeof(dir), "%s/new", f->dir);
    assert_ok(f, trivet_store_open_backend(f->ops, dir, TRIVET_STORE_OWNER, &store, &f->err));
    assert_int_equal(stat(dir, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    trivet_store_close(store);
    fixture_remove_dir(dir);
}

static void a_directory_that_cannot_be_is_refused(void **state)
{
    struct fixture *f = *state;
    struct trivet_store *store = NULL;
    char dir[128];
    assert_refused(f, TRIVET_INVALID_ARGUMENT,
                   trivet_store_open_backend(f->ops, "", TRIVET_STORE_OWNER, &store, &f->err),
                   "--data-dir");
    (void)trivet_text_format(dir, sizeof(dir), "%s/a/b", f->dir);
    assert_refused(f, TRIVET_UNAVAILABLE,
                   trivet_store_open_backend(f->ops, dir, TRIVET_STORE_OWNER, &store, &f->err),
                   "parent must exist");
    (void)trivet_text_format(dir, sizeof(dir), "%s/LOCK", f->dir);
    assert_refused(f, TRIVET_FAILED_PRECONDITION,
                   trivet_store_open_backend(f->ops, dir, TRIVET_STORE_OWNER, &store, &f->err),
                   "not a directory");
    assert_null(store);
}

static void close_of_nothing_is_fine(void **state)
{
    (void)state;
    trivet_store_close(NULL);
    trivet_store_abort(NULL);
}

/* --- Transactions ---------------------------------------------------------------------------- */

static void abort_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_version version;
    struct trivet_store_alias alias;
    struct trivet_store_job job = {.kind = 1};
    struct trivet_store_dataset dataset;
    size_t count = 99;
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(f, trivet_store_version_create(txn, "m", "", "", "a", 1, NULL, 0, &version, &f->err));
    assert_ok(f, trivet_store_alias_set(txn, "m", "production", 1, &(struct trivet_store_cause){0},
                                        &alias, &f->err));
    assert_ok(f, trivet_store_job_create(txn, &job, "s", 1, &f->err));
    trivet_store_abort(txn);
    txn = fixture_begin(f, TRIVET_STORE_DATA);
    assert_ok(f, trivet_store_dataset_create(txn, "d", "s", 1, &dataset, &f->err));
    trivet_store_abort(txn);

    assert_ok(f, trivet_store_version_list(f->store, "m", &version, 1, &count, &f->err));
    assert_int_equal(count, 0);
    assert_ok(f, trivet_store_alias_list(f->store, NULL, &alias, 1, &count, &f->err));
    assert_int_equal(count, 0);
    assert_ok(f, trivet_store_job_list(f->store, "", false, &job, 1, &count, &f->err));
    assert_int_equal(count, 0);
    assert_ok(f, trivet_store_dataset_list(f->store, &dataset, 1, &count, &f->err));
    assert_int_equal(count, 0);
    /* Not even the number was used. */
    assert_int_equal(fixture_version(f, "m", "a").version, 1);
}

static void an_open_transaction_is_not_seen(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_version version;
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(f, trivet_store_version_create(txn, "m", "", "", "a", 1, NULL, 0, &version, &f->err));
    assert_int_equal(trivet_store_version_get(f->store, "m", 1, &version, NULL, NULL, &f->err),
                     TRIVET_NOT_FOUND);
    fixture_commit(f, txn);
    assert_ok(f, trivet_store_version_get(f->store, "m", 1, &version, NULL, NULL, &f->err));
}

static void a_change_of_the_other_domain_is_refused(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_dataset dataset;
    struct trivet_store_version version;
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_refused(f, TRIVET_FAILED_PRECONDITION,
                   trivet_store_dataset_create(txn, "d", "s", 1, &dataset, &f->err), "domain");
    trivet_store_abort(txn);
    txn = fixture_begin(f, TRIVET_STORE_DATA);
    assert_refused(
        f, TRIVET_FAILED_PRECONDITION,
        trivet_store_version_create(txn, "m", "", "", "a", 1, NULL, 0, &version, &f->err),
        "domain");
    trivet_store_abort(txn);
}

static void the_domains_do_not_wait_for_each_other(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_txn *data = fixture_begin(f, TRIVET_STORE_DATA);
    fixture_version(f, "m", "a");
    fixture_commit(f, data);
}

static void a_refused_change_leaves_the_others(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_version version;
    struct trivet_store_alias alias;
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(f, trivet_store_version_create(txn, "m", "", "", "a", 1, NULL, 0, &version, &f->err));
    assert_refused(f, TRIVET_NOT_FOUND,
                   trivet_store_alias_set(txn, "m", "production", 7,
                                          &(struct trivet_store_cause){0}, &alias, &f->err),
                   "no version 7");
    fixture_commit(f, txn);
    assert_ok(f, trivet_store_version_get(f->store, "m", 1, &version, NULL, NULL, &f->err));
}

/* --- Answers to repeat ----------------------------------------------------------------------- */

static struct trivet_store_call make_call(const char *request_id, uint8_t body)
{
    struct trivet_store_call call = {
        .identity = "", .method = "trivet.v1.Training/Train", .request_id = request_id};
    memset(call.body_hash, body, sizeof(call.body_hash));
    return call;
}

static void a_reply_comes_with_its_change(void **state)
{
    struct fixture *f = *state;
    const struct trivet_store_call call = make_call("r1", 1);
    struct trivet_buffer reply = {.data = NULL};
    struct trivet_store_job job = {.kind = 1};
    bool found = true;
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(f, trivet_store_find_reply(txn, &call, &found, &reply, &f->err));
    assert_false(found);
    assert_ok(f, trivet_store_job_create(txn, &job, "s", 1, &f->err));
    assert_ok(f, trivet_store_put_reply(txn, &call, "answer", 6, &f->err));
    /* Seen by its own transaction already. */
    assert_ok(f, trivet_store_find_reply(txn, &call, &found, &reply, &f->err));
    assert_true(found);
    fixture_commit(f, txn);

    fixture_reopen(f);
    assert_ok(f, trivet_store_job_get(f->store, job.id, &job, NULL, NULL, &f->err));
    txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(f, trivet_store_find_reply(txn, &call, &found, &reply, &f->err));
    trivet_store_abort(txn);
    assert_true(found);
    assert_int_equal(reply.n_bytes, 12); /* appended to what was there */
    assert_memory_equal(reply.data, "answeranswer", 12);
    trivet_buffer_release(&reply);
}

static void an_aborted_reply_is_gone(void **state)
{
    struct fixture *f = *state;
    const struct trivet_store_call call = make_call("r1", 1);
    struct trivet_buffer reply = {.data = NULL};
    for (int domain = TRIVET_STORE_CATALOG; domain <= TRIVET_STORE_DATA; domain++) {
        bool found = true;
        struct trivet_store_txn *txn = fixture_begin(f, (enum trivet_store_domain)domain);
        assert_ok(f, trivet_store_put_reply(txn, &call, "answer", 6, &f->err));
        trivet_store_abort(txn);
        txn = fixture_begin(f, (enum trivet_store_domain)domain);
        assert_ok(f, trivet_store_find_reply(txn, &call, &found, &reply, &f->err));
        assert_false(found);
        trivet_store_abort(txn);
    }
    trivet_buffer_release(&reply);
}

static void another_body_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct trivet_store_call call = make_call("r1", 1);
    const struct trivet_store_call other = make_call("r1", 2);
    struct trivet_buffer reply = {.data = NULL};
    bool found = false;
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_DATA);
    assert_ok(f, trivet_store_put_reply(txn, &call, "answer", 6, &f->err));
    assert_refused(f, TRIVET_ALREADY_EXISTS,
                   trivet_store_find_reply(txn, &other, &found, &reply, &f->err),
                   "request id 'r1'");
    assert_int_equal(reply.n_bytes, 0);
    assert_refused(f, TRIVET_ALREADY_EXISTS,
                   trivet_store_put_reply(txn, &call, "again", 5, &f->err), "r1");
    /* A refusal does not spoil the transaction. */
    fixture_commit(f, txn);
    trivet_buffer_release(&reply);
}

static void the_key_is_identity_method_and_id(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_call calls[3] = {make_call("r1", 1), make_call("r1", 1),
                                         make_call("r2", 1)};
    struct trivet_buffer reply = {.data = NULL};
    calls[1].identity = "ann";
    struct trivet_store_call fourth = calls[0];
    fourth.method = "trivet.v1.Models/Delete";
    bool found = true;
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    for (size_t i = 0; i < 3; i++)
        assert_ok(f, trivet_store_put_reply(txn, &calls[i], &(char){(char)('a' + i)}, 1, &f->err));
    for (size_t i = 0; i < 3; i++)
        assert_ok(f, trivet_store_find_reply(txn, &calls[i], &found, &reply, &f->err));
    assert_memory_equal(reply.data, "abc", 3);
    assert_ok(f, trivet_store_find_reply(txn, &fourth, &found, &reply, &f->err));
    assert_false(found);
    trivet_store_abort(txn);
    trivet_buffer_release(&reply);
}

static void replies_have_limits(void **state)
{
    struct fixture *f = *state;
    static const uint8_t body[TRIVET_STORE_REPLY_BYTES_MAX + 1];
    char long_id[TRIVET_STORE_KEY_BYTES_MAX + 2];
    struct trivet_buffer reply = {.data = NULL};
    bool found = false;
    const struct trivet_store_call call = make_call("r1", 1);
    const struct trivet_store_call empty = make_call("r2", 1);
    const struct trivet_store_call nameless = make_call("", 1);
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_refused(f, TRIVET_INVALID_ARGUMENT,
                   trivet_store_put_reply(txn, &call, body, sizeof(body), &f->err), "at most");
    assert_ok(f, trivet_store_put_reply(txn, &call, body, sizeof(body) - 1, &f->err));
    assert_ok(f, trivet_store_put_reply(txn, &empty, NULL, 0, &f->err));
    assert_ok(f, trivet_store_find_reply(txn, &empty, &found, &reply, &f->err));
    assert_true(found);
    assert_int_equal(reply.n_bytes, 0);
    assert_refused(f, TRIVET_INVALID_ARGUMENT,
                   trivet_store_put_reply(txn, &nameless, "a", 1, &f->err), "needs a request id");
    memset(long_id, 'x', sizeof(long_id));
    long_id[sizeof(long_id) - 1] = '\0';
    struct trivet_store_call too_long = make_call(long_id, 1);
    assert_refused(f, TRIVET_INVALID_ARGUMENT,
                   trivet_store_find_reply(txn, &too_long, &found, &reply, &f->err), "at most 256");
    long_id[sizeof(long_id) - 2] = '\0';
    assert_ok(f, trivet_store_put_reply(txn, &too_long, "a", 1, &f->err));
    fixture_commit(f, txn);
    trivet_buffer_release(&reply);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
static const struct CMUnitTest tests[] = {
    TEST(a_second_owner_is_refused),
    TEST(a_reader_sees_what_the_owner_commits),
    TEST(a_reader_needs_a_store),
    TEST(the_directory_is_made_private),
    TEST(a_directory_that_cannot_be_is_refused),
    TEST(close_of_nothing_is_fine),
    TEST(abort_leaves_nothing),
    TEST(an_open_transaction_is_not_seen),
    TEST(a_change_of_the_other_domain_is_refused),
    TEST(the_domains_do_not_wait_for_each_other),
    TEST(a_refused_change_leaves_the_others),
    TEST(a_reply_comes_with_its_change),
    TEST(an_aborted_reply_is_gone),
    TEST(another_body_is_refused),
    TEST(the_key_is_identity_method_and_id),
    TEST(replies_have_limits),
};

const struct conformance_part conformance_txn = {"transactions", tests, TRIVET_ARRAY_COUNT(tests)};
