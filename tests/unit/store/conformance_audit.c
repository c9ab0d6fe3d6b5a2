/* What the history tells of deletions, settings and aliases that were taken away. */
#include "conformance.h"

#include "base/compiler.h"
#include "base/text.h"

#include <string.h>

#define CHANGES 16

static const struct trivet_store_cause cause = {
    .identity = "ops", .request_id = "r-9", .reason = "too old", .peer = "uid:1000"};

static enum trivet_status finish(struct fixture *f, struct trivet_store_txn *txn,
                                 enum trivet_status status)
{
    if (status == TRIVET_OK)
        fixture_commit(f, txn);
    else
        trivet_store_abort(txn);
    return status;
}

static enum trivet_status remove_version(struct fixture *f, const char *model, uint64_t version)
{
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    return finish(f, txn, trivet_store_version_delete(txn, model, version, &cause, &f->err));
}

static enum trivet_status remove_alias(struct fixture *f, const char *alias,
                                       struct trivet_store_alias *out)
{
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    return finish(f, txn, trivet_store_alias_remove(txn, "m", alias, &cause, out, &f->err));
}

static size_t history(struct fixture *f, const char *model,
                      struct trivet_store_alias_change out[CHANGES])
{
    size_t count = 0;
    assert_ok(f, trivet_store_alias_history(f->store, model, "", 0, out, CHANGES, &count, &f->err));
    return count;
}

static void expect_cause(const struct trivet_store_alias_change *change)
{
    assert_string_equal(change->identity, "ops");
    assert_string_equal(change->request_id, "r-9");
    assert_string_equal(change->reason, "too old");
    assert_string_equal(change->peer, "uid:1000");
}

static void deletions_are_told_and_outlive_the_model(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_alias_change changes[CHANGES];
    fixture_version(f, "m", "a");
    fixture_version(f, "m", "b");
    fixture_alias(f, "m", "p", 2, "first");
    assert_ok(f, remove_version(f, "m", 1));
    assert_ok(f, remove_version(f, "m", 0));
    fixture_reopen(f);
    assert_int_equal(history(f, "m", changes), 3);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(changes[i].kind, TRIVET_STORE_DELETED);
        assert_string_equal(changes[i].alias, "");
        assert_int_equal(changes[i].version, i); /* the newest is of the whole model */
        assert_int_equal(changes[i].previous_version, 0);
        assert_false(changes[i].has_settings);
        expect_cause(&changes[i]);
    }
    assert_string_equal(changes[2].reason, "first");
    /* A model of that name goes on in the same history, and back to none of the versions before. */
    struct trivet_store_alias alias;
    const struct trivet_store_version made = fixture_version(f, "m", "c");
    assert_int_equal(made.version, 3);
    fixture_alias(f, "m", "p", 3, "again");
    assert_int_equal(history(f, "m", changes), 4);
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_refused(f, TRIVET_FAILED_PRECONDITION,
                   trivet_store_alias_rollback(txn, "m", "p", &cause, &alias, &f->err),
                   "nothing before");
    trivet_store_abort(txn);
}

static void what_retention_takes_is_told(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_alias_change changes[CHANGES];
    uint64_t gone[TRIVET_STORE_RETAIN_MAX];
    size_t count = 0;
    for (int i = 0; i < 3; i++)
        fixture_version(f, "m", "a");
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(f, trivet_store_version_retain(txn, "m", 1, &cause, gone, &count, &f->err));
    fixture_commit(f, txn);
    assert_int_equal(history(f, "m", changes), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(changes[i].kind, TRIVET_STORE_DELETED);
        assert_int_equal(changes[i].version, 2 - i);
        expect_cause(&changes[i]);
    }
}

static void the_history_of_deleted_models_is_bounded(void **state)
{
    struct fixture *f = *state;
    static struct trivet_store_alias_change out[TRIVET_STORE_ALIAS_HISTORY_MAX];
    struct trivet_store_alias alias;
    const char *const names[] = {"old", "m"};
    size_t count = 0;
    fixture_version(f, "stays", "a");
    fixture_alias(f, "stays", "p", 1, "");
    for (size_t k = 0; k < TRIVET_ARRAY_COUNT(names); k++) {
        fixture_version(f, names[k], "a");
        fixture_version(f, names[k], "b");
        struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
        for (int i = 0; i < TRIVET_STORE_GONE_HISTORY_MAX; i++) {
            char name[16];
            (void)trivet_text_format(name, sizeof(name), "a%d", i / 800);
            assert_ok(f, trivet_store_alias_set(txn, names[k], name, 1 + (uint64_t)i % 2, &cause,
                                                &alias, &f->err));
        }
        fixture_commit(f, txn);
        assert_ok(f, remove_version(f, names[k], 0));
    }
    assert_ok(f, trivet_store_alias_history(f->store, "old", "", 0, out, TRIVET_ARRAY_COUNT(out),
                                            &count, &f->err));
    assert_int_equal(count, 0);
    assert_ok(f, trivet_store_alias_history(f->store, "m", "", 0, out, TRIVET_ARRAY_COUNT(out),
                                            &count, &f->err));
    assert_int_equal(count, TRIVET_STORE_ALIAS_HISTORY_MAX);
    assert_ok(f, trivet_store_alias_history(f->store, "stays", "", 0, out, TRIVET_ARRAY_COUNT(out),
                                            &count, &f->err));
    assert_int_equal(count, 1);
}

static void settings_are_in_the_history(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_alias_change changes[CHANGES];
    const char *const settings[] = {"one", ""};
    fixture_version(f, "m", "a");
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(settings); i++) {
        struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
        assert_ok(f, trivet_store_settings_set(txn, "m", settings[i], strlen(settings[i]), &cause,
                                               &f->err));
        fixture_commit(f, txn);
    }
    assert_int_equal(history(f, "m", changes), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(changes[i].kind, TRIVET_STORE_CONFIGURED);
        assert_true(changes[i].has_settings);
        assert_int_equal(changes[i].settings_bytes, i == 0 ? 0 : 3);
    }
    assert_memory_equal(changes[1].settings, "one", 3);
    char much[TRIVET_STORE_SETTINGS_BYTES_MAX + 1] = "";
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_refused(f, TRIVET_INVALID_ARGUMENT,
                   trivet_store_settings_set(txn, "m", much, sizeof(much), &cause, &f->err),
                   "the settings");
    trivet_store_abort(txn);
}

static void an_alias_can_be_taken_away(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_alias_change changes[CHANGES];
    struct trivet_store_alias alias;
    size_t count = 0;
    fixture_version(f, "m", "a");
    fixture_version(f, "m", "b");
    fixture_alias(f, "m", "p", 1, "");
    fixture_alias(f, "m", "p", 2, "");
    fixture_alias(f, "m", "q", 1, "");
    assert_refused(f, TRIVET_NOT_FOUND, remove_alias(f, "r", &alias), "no alias 'r'");
    assert_ok(f, remove_alias(f, "p", &alias));
    assert_int_equal(alias.version, 2);
    assert_int_equal(alias.previous_version, 1);
    assert_refused(f, TRIVET_NOT_FOUND, remove_alias(f, "p", &alias), "no alias 'p'");
    assert_ok(f, trivet_store_alias_list(f->store, "m", &alias, 1, &count, &f->err));
    assert_int_equal(count, 1);
    assert_string_equal(alias.name, "q");
    assert_int_equal(history(f, "m", changes), 4);
    assert_int_equal(changes[0].kind, TRIVET_STORE_ALIAS_REMOVED);
    assert_string_equal(changes[0].alias, "p");
    assert_int_equal(changes[0].version, 0);
    assert_int_equal(changes[0].previous_version, 2);
    expect_cause(&changes[0]);
    assert_ok(f, remove_version(f, "m", 2)); /* nothing points at it any more */
    /* Set again it has nothing before it. */
    fixture_alias(f, "m", "p", 1, "");
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_refused(f, TRIVET_FAILED_PRECONDITION,
                   trivet_store_alias_rollback(txn, "m", "p", &cause, &alias, &f->err),
                   "nothing before");
    trivet_store_abort(txn);
}

static void what_a_job_needs_stays(void **state)
{
    struct fixture *f = *state;
    fixture_version(f, "m", "a");
    fixture_version(f, "m", "b");
    struct trivet_store_job job = {.kind = 1, .version = 1};
    (void)trivet_text_copy(job.model, sizeof(job.model), "m");
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(f, trivet_store_job_create(txn, &job, "s", 1, &f->err));
    fixture_commit(f, txn);
    assert_refused(f, TRIVET_FAILED_PRECONDITION, remove_version(f, "m", 1), job.id);
    assert_refused(f, TRIVET_FAILED_PRECONDITION, remove_version(f, "m", 0), job.id);
    assert_ok(f, remove_version(f, "m", 2));
    job.state = TRIVET_STORE_JOB_SUCCEEDED;
    txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(f, trivet_store_job_update(txn, &job, NULL, 0, &f->err));
    fixture_commit(f, txn);
    assert_ok(f, remove_version(f, "m", 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
static const struct CMUnitTest tests[] = {
    TEST(deletions_are_told_and_outlive_the_model),
    TEST(what_retention_takes_is_told),
    TEST(the_history_of_deleted_models_is_bounded),
    TEST(settings_are_in_the_history),
    TEST(an_alias_can_be_taken_away),
    TEST(what_a_job_needs_stays),
};

const struct conformance_part conformance_audit = {"audit", tests,
                                                   sizeof(tests) / sizeof(tests[0])};
