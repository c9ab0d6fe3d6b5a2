/* Shares of the traffic. */
#include "conformance.h"

#include "base/compiler.h"

#define SHARES(...)                                                                                \
    ((const struct trivet_store_share[]){__VA_ARGS__}),                                            \
        sizeof((const struct trivet_store_share[]){__VA_ARGS__}) /                                 \
            sizeof(struct trivet_store_share)

static enum trivet_status set_traffic(struct fixture *f, const char *model, bool *changed,
                                      const struct trivet_store_share *shares, size_t count)
{
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    const struct trivet_store_cause cause = {
        .identity = "ops", .request_id = "r-8", .reason = "canary"};
    enum trivet_status status =
        trivet_store_traffic_set(txn, model, "p", shares, count, &cause, changed, &f->err);
    if (status == TRIVET_OK)
        fixture_commit(f, txn);
    else
        trivet_store_abort(txn);
    return status;
}

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

static void make_versions(struct fixture *f)
{
    for (int i = 0; i < 3; i++)
        fixture_version(f, "m", "a");
    fixture_version(f, "n", "a");
}

static void shares_are_kept_in_their_order(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_share out[8];
    size_t count = 0;
    bool changed = false;
    make_versions(f);
    assert_ok(f, trivet_store_traffic_list(f->store, "m", out, 8, &count, &f->err));
    assert_int_equal(count, 0);
    assert_ok(f, set_traffic(f, "n", &changed, SHARES({.version = 1, .weight = 1})));
    assert_ok(f, set_traffic(f, "m", &changed,
                             SHARES({.version = 3, .weight = 90}, {.version = 1, .weight = 10},
                                    {.version = 2, .weight = 10000, .shadow = true})));
    assert_true(changed);
    fixture_reopen(f);
    assert_ok(f, trivet_store_traffic_list(f->store, "m", out, 8, &count, &f->err));
    assert_int_equal(count, 3);
    assert_string_equal(out[0].model, "m");
    assert_int_equal(out[0].version, 3);
    assert_int_equal(out[0].weight, 90);
    assert_false(out[0].shadow);
    assert_int_equal(out[1].version, 1);
    assert_int_equal(out[2].version, 2);
    assert_int_equal(out[2].weight, 10000);
    assert_true(out[2].shadow);
    assert_ok(f, trivet_store_traffic_list(f->store, NULL, out, 8, &count, &f->err));
    assert_int_equal(count, 4);
    assert_string_equal(out[3].model, "n");
    assert_ok(f, set_traffic(f, "m", &changed, NULL, 0));
    assert_true(changed);
    assert_ok(f, trivet_store_traffic_list(f->store, "m", out, 8, &count, &f->err));
    assert_int_equal(count, 0);
}

static void what_changes_is_in_the_history(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_alias_change changes[8];
    size_t count = 0;
    bool changed = true;
    make_versions(f);
    fixture_alias(f, "m", "p", 1, "first");
    assert_ok(f, set_traffic(f, "m", &changed, NULL, 0)); /* there was none before either */
    assert_false(changed);
    const struct trivet_store_share two[] = {{.version = 1, .weight = 9},
                                             {.version = UINT32_MAX, .weight = UINT32_MAX}};
    assert_refused(f, TRIVET_NOT_FOUND, set_traffic(f, "m", &changed, two, 2), "no version");
    for (int i = 0; i < 2; i++) { /* the second time nothing changes */
        assert_ok(f, set_traffic(f, "m", &changed,
                                 SHARES({.version = 1, .weight = 9},
                                        {.version = 2, .weight = UINT32_MAX, .shadow = true})));
        assert_int_equal(changed, i == 0);
    }
    assert_ok(f, set_traffic(f, "m", &changed, NULL, 0));
    assert_ok(f, trivet_store_alias_history(f->store, "m", "p", 0, changes, 8, &count, &f->err));
    assert_int_equal(count, 3);
    assert_int_equal(changes[0].kind, TRIVET_STORE_TRAFFIC_SET);
    assert_int_equal(changes[0].n_shares, 0);
    assert_int_equal(changes[1].kind, TRIVET_STORE_TRAFFIC_SET);
    assert_int_equal(changes[1].version, 0);
    assert_string_equal(changes[1].identity, "ops");
    assert_string_equal(changes[1].request_id, "r-8");
    assert_string_equal(changes[1].reason, "canary");
    assert_int_equal(changes[1].n_shares, 2);
    assert_int_equal(changes[1].shares[0].version, 1);
    assert_int_equal(changes[1].shares[0].weight, 9);
    assert_false(changes[1].shares[0].shadow);
    assert_int_equal(changes[1].shares[1].weight, UINT32_MAX);
    assert_true(changes[1].shares[1].shadow);
    assert_int_equal(changes[2].kind, TRIVET_STORE_ALIAS_PROMOTED);
    assert_int_equal(changes[2].n_shares, 0);
}

static void a_change_of_the_traffic_is_no_promotion(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_alias alias;
    bool changed = false;
    make_versions(f);
    fixture_alias(f, "m", "p", 1, "");
    fixture_alias(f, "m", "p", 2, "");
    assert_ok(f, set_traffic(f, "m", &changed, SHARES({.version = 3, .weight = 1})));
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(f, trivet_store_alias_rollback(txn, "m", "p", &(struct trivet_store_cause){0}, &alias,
                                             &f->err));
    fixture_commit(f, txn);
    assert_int_equal(alias.version, 1);
    assert_int_equal(alias.previous_version, 0);
}

static void what_cannot_be_a_share_is_refused(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_share many[TRIVET_STORE_SHARES_MAX + 1];
    bool changed = false;
    make_versions(f);
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(many); i++)
        many[i] = (struct trivet_store_share){.version = i + 1, .weight = 1};
    assert_refused(f, TRIVET_INVALID_ARGUMENT,
                   set_traffic(f, "m", &changed, many, TRIVET_ARRAY_COUNT(many)), "at most 16");
    assert_refused(f, TRIVET_INVALID_ARGUMENT,
                   set_traffic(f, "m", &changed, SHARES({.version = 1})), "weight 0");
    assert_refused(f, TRIVET_INVALID_ARGUMENT, set_traffic(f, "m", &changed, SHARES({.weight = 1})),
                   "version 0");
    assert_refused(f, TRIVET_INVALID_ARGUMENT,
                   set_traffic(f, "m", &changed,
                               SHARES({.version = 1, .weight = 1}, {.version = 1, .weight = 2})),
                   "named twice");
    assert_refused(f, TRIVET_NOT_FOUND,
                   set_traffic(f, "n", &changed, SHARES({.version = 2, .weight = 1})),
                   "no version 2");
}

static void a_version_with_a_share_stays(void **state)
{
    struct fixture *f = *state;
    bool changed = false;
    make_versions(f);
    assert_ok(f, set_traffic(f, "m", &changed,
                             SHARES({.version = 1, .weight = 1},
                                    {.version = 2, .weight = 1, .shadow = true})));
    assert_refused(f, TRIVET_FAILED_PRECONDITION, remove_version(f, "m", 1), "has a share");
    assert_refused(f, TRIVET_FAILED_PRECONDITION, remove_version(f, "m", 2), "has a share");
    assert_ok(f, remove_version(f, "m", 3));
    assert_ok(f, set_traffic(f, "m", &changed, SHARES({.version = 2, .weight = 1})));
    assert_ok(f, remove_version(f, "m", 1));
    assert_ok(f, remove_version(f, "m", 0)); /* the model, with its split */
    struct trivet_store_share out[8];
    size_t count = 1;
    assert_ok(f, trivet_store_traffic_list(f->store, "m", out, 8, &count, &f->err));
    assert_int_equal(count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
static const struct CMUnitTest tests[] = {
    TEST(shares_are_kept_in_their_order),
    TEST(what_changes_is_in_the_history),
    TEST(a_change_of_the_traffic_is_no_promotion),
    TEST(what_cannot_be_a_share_is_refused),
    TEST(a_version_with_a_share_stays),
};

const struct conformance_part conformance_traffic = {"traffic", tests, TRIVET_ARRAY_COUNT(tests)};
