/* Which versions stay when only so many are kept. */
#include "conformance.h"

#include "base/compiler.h"

#include <stdio.h>
#include <string.h>

#define MODEL "m"

static size_t retain(struct fixture *f, uint64_t keep, uint64_t gone[TRIVET_STORE_RETAIN_MAX])
{
    size_t count = 99;
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(f, trivet_store_version_retain(txn, MODEL, keep, &(struct trivet_store_cause){0},
                                             gone, &count, &f->err));
    fixture_commit(f, txn);
    return count;
}

/* "5 4 2": the versions that there are, newest first. */
static void expect_versions(struct fixture *f, const char *expected)
{
    struct trivet_store_version versions[64];
    char text[256] = "";
    size_t count = 0;
    assert_ok(f, trivet_store_version_list(f->store, MODEL, versions, 64, &count, &f->err));
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%llu", i > 0 ? " " : "",
                 (unsigned long long)versions[i].version);
    assert_string_equal(text, expected);
}

static void make(struct fixture *f, size_t n_versions)
{
    for (size_t i = 0; i < n_versions; i++)
        fixture_version(f, MODEL, "a");
}

static void the_newest_stay(void **state)
{
    struct fixture *f = *state;
    uint64_t gone[TRIVET_STORE_RETAIN_MAX];
    make(f, 5);
    fixture_version(f, "other", "a");
    assert_int_equal(retain(f, 0, gone), 0); /* all */
    assert_int_equal(retain(f, 5, gone), 0);
    assert_int_equal(retain(f, 3, gone), 2);
    assert_int_equal(gone[0], 1);
    assert_int_equal(gone[1], 2);
    expect_versions(f, "5 4 3");
    assert_int_equal(retain(f, 3, gone), 0);
}

/* What answers, or would after a rollback, a split or a job, is not counted and stays. */
static void what_is_pointed_at_stays(void **state)
{
    struct fixture *f = *state;
    uint64_t gone[TRIVET_STORE_RETAIN_MAX];
    struct trivet_store_alias alias;
    struct trivet_store_txn *txn;
    const struct trivet_store_share share = {.version = 4, .weight = 1, .shadow = true};
    struct trivet_store_job job = {.kind = 3, .version = 5};
    bool changed = false;
    make(f, 9);
    for (uint64_t version = 1; version <= 3; version++)
        fixture_alias(f, MODEL, "production", version, "");
    txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(f, trivet_store_traffic_set(txn, MODEL, "production", &share, 1,
                                          &(struct trivet_store_cause){0}, &changed, &f->err));
    memcpy(job.model, MODEL, sizeof(MODEL));
    assert_ok(f, trivet_store_job_create(txn, &job, "spec", 4, &f->err));
    fixture_commit(f, txn);
    /* 3 answers, 2 was before it, 4 has a share, 5 is predicted with. */
    assert_int_equal(retain(f, 2, gone), 3);
    expect_versions(f, "9 8 5 4 3 2");
    /* The rollback finds its version; a second one is told that there is none. */
    txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(f, trivet_store_alias_rollback(txn, MODEL, "production",
                                             &(struct trivet_store_cause){0}, &alias, &f->err));
    assert_int_equal(alias.version, 2);
    assert_int_equal(alias.previous_version, 0);
    fixture_commit(f, txn);
    job.state = TRIVET_STORE_JOB_SUCCEEDED;
    txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(f, trivet_store_job_update(txn, &job, NULL, 0, &f->err));
    fixture_commit(f, txn);
    assert_int_equal(retain(f, 1, gone), 3); /* 3, 5 and 8 */
    expect_versions(f, "9 4 2");
}

static void no_more_at_once_than_told(void **state)
{
    struct fixture *f = *state;
    uint64_t gone[TRIVET_STORE_RETAIN_MAX];
    make(f, TRIVET_STORE_RETAIN_MAX + 4);
    assert_int_equal(retain(f, 1, gone), TRIVET_STORE_RETAIN_MAX);
    assert_int_equal(gone[0], 1);
    assert_int_equal(retain(f, 1, gone), 3);
    expect_versions(f, "20");
}

static void an_abort_keeps_all(void **state)
{
    struct fixture *f = *state;
    uint64_t gone[TRIVET_STORE_RETAIN_MAX];
    size_t count = 0;
    make(f, 3);
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(f, trivet_store_version_retain(txn, MODEL, 1, &(struct trivet_store_cause){0}, gone,
                                             &count, &f->err));
    assert_int_equal(count, 2);
    trivet_store_abort(txn);
    expect_versions(f, "3 2 1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

static const struct CMUnitTest tests[] = {
    TEST(the_newest_stay),
    TEST(what_is_pointed_at_stays),
    TEST(no_more_at_once_than_told),
    TEST(an_abort_keeps_all),
};

const struct conformance_part conformance_retention = {"retention", tests,
                                                       TRIVET_ARRAY_COUNT(tests)};
