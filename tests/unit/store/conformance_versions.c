/* Versions of models and their aliases. */
#include "conformance.h"

#include "base/alloc.h"
#include "base/text.h"

#include <string.h>

static enum trivet_status remove_version(struct fixture *f, const char *model, uint64_t version)
{
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    enum trivet_status status =
        trivet_store_version_delete(txn, model, version, &(struct trivet_store_cause){0}, &f->err);
    if (status == TRIVET_OK)
        fixture_commit(f, txn);
    else
        trivet_store_abort(txn);
    return status;
}

static enum trivet_status set_alias(struct fixture *f, const char *model, const char *alias,
                                    uint64_t version, const char *reason)
{
    struct trivet_store_alias out;
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    enum trivet_status status = trivet_store_alias_set(
        txn, model, alias, version, &(struct trivet_store_cause){.reason = reason}, &out, &f->err);
    if (status == TRIVET_OK)
        fixture_commit(f, txn);
    else
        trivet_store_abort(txn);
    return status;
}

static enum trivet_status roll_back(struct fixture *f, const char *model, const char *alias,
                                    struct trivet_store_alias *out)
{
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    const struct trivet_store_cause cause = {
        .identity = "ops", .request_id = "r-7", .reason = "too slow", .peer = "uid:1000"};
    enum trivet_status status =
        trivet_store_alias_rollback(txn, model, alias, &cause, out, &f->err);
    if (status == TRIVET_OK)
        fixture_commit(f, txn);
    else
        trivet_store_abort(txn);
    return status;
}

/* --- Versions -------------------------------------------------------------------------------- */

static void a_version_comes_back_as_stored(void **state)
{
    struct fixture *f = *state;
    struct trivet_buffer artefact = {.data = NULL};
    struct trivet_buffer summary = {.data = NULL};
    struct trivet_store_version got;
    const struct trivet_store_version made = fixture_version(f, "prices", "abc");
    assert_int_equal(made.version, 1);
    assert_string_equal(made.job_id, "job-1");
    assert_string_equal(made.dataset_id, "ds-1");
    assert_int_equal(made.artefact_bytes, 3);
    assert_string_equal(made.checksum, /* SHA-256 of "abc", FIPS 180-4 */
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    fixture_reopen(f);
    assert_ok(f,
              trivet_store_version_get(f->store, "prices", 1, &got, &artefact, &summary, &f->err));
    assert_memory_equal(&got, &made, sizeof(got));
    assert_int_equal(artefact.n_bytes, 3);
    assert_memory_equal(artefact.data, "abc", 3);
    assert_int_equal(summary.n_bytes, 7);
    assert_memory_equal(summary.data, "summary", 7);
    assert_ok(f, trivet_store_version_get(f->store, "prices", 1, &got, NULL, NULL, &f->err));
    trivet_buffer_release(&artefact);
    trivet_buffer_release(&summary);
}

static void a_large_artefact_is_kept_whole(void **state)
{
    struct fixture *f = *state;
    const size_t n_bytes = (20u << 20) + 12345;
    struct trivet_buffer artefact = {.data = NULL};
    struct trivet_store_version out;
    uint8_t *bytes = trivet_malloc(n_bytes);
    assert_non_null(bytes);
    for (size_t i = 0; i < n_bytes; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 24);
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(
        f, trivet_store_version_create(txn, "big", "", "", bytes, n_bytes, NULL, 0, &out, &f->err));
    fixture_commit(f, txn);
    assert_ok(f, trivet_store_version_get(f->store, "big", 1, &out, &artefact, NULL, &f->err));
    assert_int_equal(artefact.n_bytes, n_bytes);
    assert_int_equal(memcmp(artefact.data, bytes, n_bytes), 0);
    assert_ok(f, remove_version(f, "big", 1));
    trivet_buffer_release(&artefact);
    trivet_free(bytes);
}

static void what_cannot_be_a_version_is_refused(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_version out;
    char name[TRIVET_STORE_NAME_BYTES + 1];
    memset(name, 'm', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    const char *const bad[] = {"", "a.b", "../x", "-m", "a b", "m\xc3\xa4", name};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(bad); i++)
        assert_refused(
            f, TRIVET_INVALID_ARGUMENT,
            trivet_store_version_create(txn, bad[i], "", "", "a", 1, NULL, 0, &out, &f->err),
            "cannot name a model");
    name[sizeof(name) - 2] = '\0';
    assert_ok(f, trivet_store_version_create(txn, name, "", "", "a", 1, NULL, 0, &out, &f->err));
    assert_refused(f, TRIVET_INVALID_ARGUMENT,
                   trivet_store_version_create(txn, "m", "", "", "", 0, NULL, 0, &out, &f->err),
                   "is empty");
    assert_refused(f, TRIVET_INVALID_ARGUMENT,
                   trivet_store_version_create(txn, "m", "", "", "a",
                                               TRIVET_STORE_ARTEFACT_BYTES_MAX + 1u, NULL, 0, &out,
                                               &f->err),
                   "at most 536870912");
    assert_refused(f, TRIVET_INVALID_ARGUMENT,
                   trivet_store_version_create(txn, "m", "job-0123456789012345678901234567890", "",
                                               "a", 1, NULL, 0, &out, &f->err),
                   "job id");
    fixture_commit(f, txn);
}

static void unknown_versions_are_not_found(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_version out;
    struct trivet_buffer artefact = {.data = NULL};
    fixture_version(f, "m", "a");
    const uint64_t unknown[] = {0, 2, INT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(unknown); i++)
        assert_refused(
            f, TRIVET_NOT_FOUND,
            trivet_store_version_get(f->store, "m", unknown[i], &out, &artefact, NULL, &f->err),
            "model 'm' has no version");
    assert_refused(f, TRIVET_NOT_FOUND,
                   trivet_store_version_get(f->store, "other", 1, &out, NULL, NULL, &f->err),
                   "other");
    assert_int_equal(artefact.n_bytes, 0);
}

static void numbers_are_never_used_again(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_version(f, "m", "a").version, 1);
    assert_int_equal(fixture_version(f, "m", "b").version, 2);
    assert_int_equal(fixture_version(f, "n", "b").version, 1);
    assert_ok(f, remove_version(f, "m", 2));
    assert_int_equal(fixture_version(f, "m", "c").version, 3);
    assert_ok(f, remove_version(f, "m", 0));
    fixture_reopen(f);
    assert_int_equal(fixture_version(f, "m", "d").version, 4);
}

static void versions_are_listed_newest_first(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_version out[4];
    size_t count = 99;
    assert_ok(f, trivet_store_version_list(f->store, "m", out, 4, &count, &f->err));
    assert_int_equal(count, 0);
    for (int i = 0; i < 3; i++)
        fixture_version(f, "m", "a");
    fixture_version(f, "n", "a");
    assert_ok(f, trivet_store_version_list(f->store, "m", out, 4, &count, &f->err));
    assert_int_equal(count, 3);
    assert_int_equal(out[0].version, 3);
    assert_int_equal(out[2].version, 1);
    assert_ok(f, trivet_store_version_list(f->store, "m", out, 2, &count, &f->err));
    assert_int_equal(count, 2);
    assert_int_equal(out[1].version, 2);
}

static void models_are_listed_by_name(void **state)
{
    struct fixture *f = *state;
    char names[3][TRIVET_STORE_NAME_BYTES];
    uint64_t counts[3];
    size_t count = 0;
    fixture_version(f, "b", "a");
    fixture_version(f, "B", "a");
    fixture_version(f, "a", "a");
    fixture_version(f, "a", "a");
    fixture_version(f, "gone", "a");
    assert_ok(f, remove_version(f, "gone", 0));
    assert_ok(f, trivet_store_model_list(f->store, "", names, counts, 3, &count, &f->err));
    assert_int_equal(count, 3);
    assert_string_equal(names[0], "B"); /* by bytes */
    assert_string_equal(names[1], "a");
    assert_int_equal(counts[1], 2);
    assert_string_equal(names[2], "b");
    assert_ok(f, trivet_store_model_list(f->store, "B", names, counts, 1, &count, &f->err));
    assert_int_equal(count, 1);
    assert_string_equal(names[0], "a");
    assert_ok(f, trivet_store_model_list(f->store, "b", names, counts, 3, &count, &f->err));
    assert_int_equal(count, 0);
}

static void delete_respects_aliases(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_version out;
    struct trivet_store_alias alias;
    size_t count = 0;
    fixture_version(f, "m", "a");
    fixture_version(f, "m", "b");
    fixture_alias(f, "m", "production", 1, "");
    assert_refused(f, TRIVET_FAILED_PRECONDITION, remove_version(f, "m", 1),
                   "alias 'production' of model 'm' points at version 1");
    fixture_alias(f, "m", "production", 2, "");
    assert_ok(f, remove_version(f, "m", 1));
    assert_refused(f, TRIVET_NOT_FOUND, remove_version(f, "m", 1), "no version 1");
    assert_refused(f, TRIVET_NOT_FOUND,
                   trivet_store_version_get(f->store, "m", 1, &out, NULL, NULL, &f->err), "m");
    assert_ok(f, trivet_store_alias_list(f->store, "m", &alias, 1, &count, &f->err));
    assert_int_equal(alias.version, 2);
    assert_int_equal(alias.previous_version, 0); /* there is nothing to go back to */
    /* All of it, aliases or not. */
    assert_ok(f, remove_version(f, "m", 0));
    assert_ok(f, trivet_store_alias_list(f->store, NULL, &alias, 1, &count, &f->err));
    assert_int_equal(count, 0);
    assert_refused(f, TRIVET_NOT_FOUND, remove_version(f, "m", 0), "no model 'm'");
}

/* --- Aliases --------------------------------------------------------------------------------- */

static void an_alias_remembers_the_one_before(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_alias_change changes[4];
    size_t count = 0;
    fixture_version(f, "m", "a");
    fixture_version(f, "m", "b");
    struct trivet_store_alias alias = fixture_alias(f, "m", "production", 1, "first");
    assert_int_equal(alias.version, 1);
    assert_int_equal(alias.previous_version, 0);
    assert_string_equal(alias.model, "m");
    assert_string_equal(alias.name, "production");
    alias = fixture_alias(f, "m", "production", 2, "better");
    assert_int_equal(alias.previous_version, 1);
    /* Promoted again: still 1 to go back to. */
    const int64_t changed_us = alias.changed_unix_us;
    alias = fixture_alias(f, "m", "production", 2, "again");
    assert_int_equal(alias.version, 2);
    assert_int_equal(alias.previous_version, 1);
    assert_int_equal(alias.changed_unix_us, changed_us);
    fixture_alias(f, "m", "production", 1, "rollback: too slow");
    assert_ok(
        f, trivet_store_alias_history(f->store, "m", "production", 0, changes, 4, &count, &f->err));
    assert_int_equal(count, 3);
    assert_string_equal(changes[0].reason, "rollback: too slow");
    assert_int_equal(changes[0].version, 1);
    assert_int_equal(changes[0].previous_version, 2);
    assert_string_equal(changes[2].reason, "first");
    assert_true(changes[2].changed_unix_us > 1600000000000000);
}

static void rollback_undoes_one_promotion_after_the_other(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_alias alias;
    /* A version may come back: what it had before goes by when it was set, not by its number. */
    const uint64_t promoted[] = {1, 2, 1, 3};
    for (int i = 0; i < 3; i++)
        fixture_version(f, "m", "a");
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(promoted); i++)
        fixture_alias(f, "m", "p", promoted[i], "");
    for (size_t i = TRIVET_ARRAY_COUNT(promoted) - 1; i-- > 0;) {
        assert_ok(f, roll_back(f, "m", "p", &alias));
        assert_int_equal(alias.version, promoted[i]);
        assert_int_equal(alias.previous_version, i == 0 ? 0 : promoted[i - 1]);
        fixture_reopen(f);
    }
    assert_refused(f, TRIVET_FAILED_PRECONDITION, roll_back(f, "m", "p", &alias),
                   "nothing before it to go back to");
    /* What was undone is no way back: a new promotion goes back to where it began. */
    fixture_alias(f, "m", "p", 2, "");
    assert_ok(f, roll_back(f, "m", "p", &alias));
    assert_int_equal(alias.version, 1);
    assert_int_equal(alias.previous_version, 0);
}

static void rollback_refuses_what_is_not_there(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_alias alias;
    for (int i = 0; i < 3; i++)
        fixture_version(f, "m", "a");
    assert_refused(f, TRIVET_NOT_FOUND, roll_back(f, "m", "p", &alias), "has no alias 'p'");
    assert_refused(f, TRIVET_NOT_FOUND, roll_back(f, "none", "p", &alias), "no model 'none'");
    assert_refused(f, TRIVET_INVALID_ARGUMENT, roll_back(f, "m", "a.b", &alias),
                   "cannot name an alias");
    for (uint64_t version = 1; version <= 3; version++)
        fixture_alias(f, "m", "p", version, "");
    /* Of what is deleted nothing is left to go back to, now or later. */
    assert_ok(f, remove_version(f, "m", 1));
    assert_ok(f, roll_back(f, "m", "p", &alias));
    assert_int_equal(alias.version, 2);
    assert_int_equal(alias.previous_version, 0);
    assert_refused(f, TRIVET_FAILED_PRECONDITION, roll_back(f, "m", "p", &alias), "was deleted");
    fixture_alias(f, "m", "p", 3, "");
    fixture_alias(f, "m", "q", 3, "");
    assert_ok(f, roll_back(f, "m", "p", &alias)); /* another alias has its own past */
    assert_int_equal(alias.version, 2);
    assert_refused(f, TRIVET_FAILED_PRECONDITION, roll_back(f, "m", "q", &alias), "nothing before");
}

static void the_history_tells_who_and_why(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_alias alias;
    struct trivet_store_alias_change changes[8];
    size_t count = 0;
    fixture_version(f, "m", "a");
    fixture_version(f, "m", "b");
    fixture_alias(f, "m", "p", 1, "first");
    fixture_alias(f, "m", "q", 1, "");
    fixture_alias(f, "m", "p", 2, "better");
    assert_ok(f, roll_back(f, "m", "p", &alias));
    assert_ok(f, trivet_store_alias_history(f->store, "m", NULL, 0, changes, 8, &count, &f->err));
    assert_int_equal(count, 4);
    assert_int_equal(changes[0].kind, TRIVET_STORE_ALIAS_ROLLED_BACK);
    assert_string_equal(changes[0].alias, "p");
    assert_int_equal(changes[0].version, 1);
    assert_int_equal(changes[0].previous_version, 2);
    assert_string_equal(changes[0].identity, "ops");
    assert_string_equal(changes[0].request_id, "r-7");
    assert_string_equal(changes[0].reason, "too slow");
    assert_string_equal(changes[0].peer, "uid:1000");
    assert_string_equal(changes[1].peer, "");
    assert_int_equal(changes[1].kind, TRIVET_STORE_ALIAS_PROMOTED);
    assert_string_equal(changes[2].alias, "q");
    const uint64_t before = changes[1].sequence;
    assert_true(changes[0].sequence > before);
    assert_ok(f,
              trivet_store_alias_history(f->store, "m", "p", before, changes, 8, &count, &f->err));
    assert_int_equal(count, 1);
    assert_string_equal(changes[0].reason, "first");
    assert_ok(
        f, trivet_store_alias_history(f->store, "n", "", UINT64_MAX, changes, 8, &count, &f->err));
    assert_int_equal(count, 0);
}

static void what_cannot_be_an_alias_is_refused(void **state)
{
    struct fixture *f = *state;
    char reason[TRIVET_STORE_REASON_BYTES + 1];
    memset(reason, 'r', sizeof(reason));
    reason[sizeof(reason) - 1] = '\0';
    fixture_version(f, "m", "a");
    assert_refused(f, TRIVET_INVALID_ARGUMENT, set_alias(f, "m", "a.b", 1, ""),
                   "cannot name an alias");
    assert_refused(f, TRIVET_INVALID_ARGUMENT, set_alias(f, "", "a", 1, ""), "cannot name a model");
    assert_refused(f, TRIVET_NOT_FOUND, set_alias(f, "m", "a", 2, ""), "no version 2");
    assert_refused(f, TRIVET_NOT_FOUND, set_alias(f, "m", "a", 0, ""), "no version 0");
    assert_refused(f, TRIVET_NOT_FOUND, set_alias(f, "none", "a", 1, ""), "none");
    assert_refused(f, TRIVET_INVALID_ARGUMENT, set_alias(f, "m", "a", 1, reason), "at most 256");
    reason[sizeof(reason) - 2] = '\0';
    assert_ok(f, set_alias(f, "m", "a", 1, reason));
}

static void aliases_are_listed_by_model(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_alias out[4];
    size_t count = 0;
    fixture_version(f, "m", "a");
    fixture_version(f, "n", "a");
    fixture_alias(f, "n", "production", 1, "");
    fixture_alias(f, "m", "staging", 1, "");
    fixture_alias(f, "m", "production", 1, "");
    assert_ok(f, trivet_store_alias_list(f->store, "m", out, 4, &count, &f->err));
    assert_int_equal(count, 2);
    assert_string_equal(out[0].name, "production");
    assert_string_equal(out[1].name, "staging");
    assert_ok(f, trivet_store_alias_list(f->store, NULL, out, 4, &count, &f->err));
    assert_int_equal(count, 3);
    assert_string_equal(out[2].model, "n");
    assert_ok(f, trivet_store_alias_list(f->store, NULL, out, 1, &count, &f->err));
    assert_int_equal(count, 1);
    assert_ok(f, trivet_store_alias_list(f->store, "none", out, 4, &count, &f->err));
    assert_int_equal(count, 0);
}

static void the_history_is_bounded(void **state)
{
    struct fixture *f = *state;
    static struct trivet_store_alias_change out[TRIVET_STORE_ALIAS_HISTORY_MAX + 10];
    struct trivet_store_alias alias;
    size_t count = 0;
    fixture_version(f, "m", "a");
    fixture_version(f, "m", "b");
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    for (uint64_t i = 0; i < TRIVET_ARRAY_COUNT(out); i++)
        assert_ok(f, trivet_store_alias_set(txn, "m", "p", 1 + i % 2,
                                            &(struct trivet_store_cause){0}, &alias, &f->err));
    fixture_commit(f, txn);
    assert_ok(f, trivet_store_alias_history(f->store, "m", "p", 0, out, TRIVET_ARRAY_COUNT(out),
                                            &count, &f->err));
    assert_int_equal(count, TRIVET_STORE_ALIAS_HISTORY_MAX);
    assert_int_equal(out[0].version, alias.version);
}

static void a_model_has_so_many_aliases(void **state)
{
    struct fixture *f = *state;
    static struct trivet_store_alias out[TRIVET_STORE_ALIASES_MAX + 1];
    size_t count = 0;
    char name[16];
    fixture_version(f, "m", "a");
    fixture_version(f, "m", "b");
    fixture_version(f, "other", "a");
    for (int i = 0; i < TRIVET_STORE_ALIASES_MAX; i++) {
        (void)trivet_text_format(name, sizeof(name), "a%d", i);
        assert_ok(f, set_alias(f, "m", name, 1, ""));
    }
    assert_refused(f, TRIVET_RESOURCE_EXHAUSTED, set_alias(f, "m", "more", 1, ""),
                   "model 'm' has 256 aliases");
    /* Those that are there still move, and another model has its own. */
    assert_ok(f, set_alias(f, "m", "a7", 2, ""));
    assert_ok(f, set_alias(f, "other", "more", 1, ""));
    assert_ok(
        f, trivet_store_alias_list(f->store, "m", out, TRIVET_ARRAY_COUNT(out), &count, &f->err));
    assert_int_equal(count, TRIVET_STORE_ALIASES_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
static const struct CMUnitTest tests[] = {
    TEST(a_version_comes_back_as_stored),
    TEST(a_large_artefact_is_kept_whole),
    TEST(what_cannot_be_a_version_is_refused),
    TEST(unknown_versions_are_not_found),
    TEST(numbers_are_never_used_again),
    TEST(versions_are_listed_newest_first),
    TEST(models_are_listed_by_name),
    TEST(delete_respects_aliases),
    TEST(rollback_undoes_one_promotion_after_the_other),
    TEST(rollback_refuses_what_is_not_there),
    TEST(the_history_tells_who_and_why),
    TEST(an_alias_remembers_the_one_before),
    TEST(what_cannot_be_an_alias_is_refused),
    TEST(aliases_are_listed_by_model),
    TEST(the_history_is_bounded),
    TEST(a_model_has_so_many_aliases),
};

const struct conformance_part conformance_versions = {"versions", tests, TRIVET_ARRAY_COUNT(tests)};
