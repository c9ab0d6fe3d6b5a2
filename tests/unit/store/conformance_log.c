/* Predictions, their outcomes, and the bounds of the log. Settings of models too. */
#include "conformance.h"

#include "base/compiler.h"

#include <stdio.h>
#include <string.h>

/* --- helpers --------------------------------------------------------------------------------- */

static struct trivet_store_prediction number(const char *model, const char *id)
{
    return (struct trivet_store_prediction){.model = model,
                                            .id = id,
                                            .version = 3,
                                            .predicted_unix_us = 1000,
                                            .number = 2.5,
                                            .probability = -1};
}

static bool put(struct fixture *f, const struct trivet_store_prediction *prediction)
{
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_LOG);
    bool added = false;
    assert_ok(f, trivet_store_log_put(txn, prediction, &added, &f->err));
    fixture_commit(f, txn);
    return added;
}

static bool find(struct fixture *f, const char *model, const char *id,
                 struct trivet_store_logged *out)
{
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_LOG);
    bool found = false;
    assert_ok(f, trivet_store_log_find(txn, model, id, out, &found, &f->err));
    trivet_store_abort(txn);
    return found;
}

static void label(struct fixture *f, const char *model, const char *id,
                  const struct trivet_store_outcome *outcome)
{
    struct trivet_store_logged logged;
    assert_true(find(f, model, id, &logged));
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_LOG);
    assert_ok(f, trivet_store_log_set_outcome(txn, logged.key, outcome, &f->err));
    fixture_commit(f, txn);
}

static struct trivet_buffer bytes(const char *text)
{
    return (struct trivet_buffer){.data = (uint8_t *)(uintptr_t)text, .n_bytes = strlen(text)};
}

/* Model "m", ids "0" …, with hashes of 0, 1, 2, 3, 0 … zeros; every tenth has an outcome. */
static void put_many(struct fixture *f, int count)
{
    const struct trivet_store_outcome outcome = {.number = 1};
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_LOG);
    for (int i = 0; i < count; i++) {
        char id[16];
        struct trivet_store_logged logged;
        bool flag = false;
        snprintf(id, sizeof(id), "%d", i);
        struct trivet_store_prediction prediction = number("m", id);
        prediction.zeros = (unsigned)i % 4;
        prediction.predicted_unix_us = 1000 + i;
        prediction.columns = bytes("columns");
        prediction.features = bytes("features");
        assert_ok(f, trivet_store_log_put(txn, &prediction, &flag, &f->err));
        if (i % 10 == 0) {
            assert_ok(f, trivet_store_log_find(txn, "m", id, &logged, &flag, &f->err));
            assert_ok(f, trivet_store_log_set_outcome(txn, logged.key, &outcome, &f->err));
        }
    }
    fixture_commit(f, txn);
}

static uint64_t count_rows(struct fixture *f)
{
    struct trivet_store_usage usage[4];
    size_t count = 0;
    assert_ok(f, trivet_store_log_usage(f->store, usage, 4, &count, &f->err));
    return count == 0 ? 0 : usage[0].n_rows;
}

/* --- predictions and outcomes ---------------------------------------------------------------- */

static void a_prediction_is_found_with_its_outcome(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_logged logged;
    struct trivet_store_prediction prediction = number("m", "a/0");
    prediction.level = 2;
    prediction.zeros = 5;
    assert_true(put(f, &prediction));
    assert_true(find(f, "m", "a/0", &logged));
    assert_int_equal(logged.version, 3);
    assert_int_equal(logged.level, 2);
    assert_false(logged.is_label);
    assert_float_equal(logged.number, 2.5, 0);
    assert_false(logged.has_outcome);
    const struct trivet_store_outcome first = {
        .number = -7.25, .observed_unix_us = 5, .recorded_unix_us = 6};
    label(f, "m", "a/0", &first);
    fixture_reopen(f);
    assert_true(find(f, "m", "a/0", &logged));
    assert_true(logged.has_outcome);
    assert_false(logged.outcome.is_label);
    assert_float_equal(logged.outcome.number, -7.25, 0);
    assert_int_equal(logged.outcome.observed_unix_us, 5);
    assert_int_equal(logged.outcome.recorded_unix_us, 6);
    assert_false(find(f, "m", "a/1", &logged));
    assert_false(find(f, "other", "a/0", &logged));
}

static void the_key_stays(void **state)
{
    struct fixture *f = *state;
    static const uint8_t none[TRIVET_HASH_KEY_BYTES];
    uint8_t key[TRIVET_HASH_KEY_BYTES] = {0};
    uint8_t again[TRIVET_HASH_KEY_BYTES] = {0};
    assert_ok(f, trivet_store_log_get_key(f->store, key, &f->err));
    assert_memory_not_equal(key, none, sizeof(key));
    fixture_reopen(f);
    assert_ok(f, trivet_store_log_get_key(f->store, again, &f->err));
    assert_memory_equal(key, again, sizeof(key));
}

static void labels_are_kept_as_they_are(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_logged logged;
    struct trivet_store_prediction prediction = number("m", "a/0");
    prediction.label = "grün";
    prediction.probability = 0.75;
    assert_true(put(f, &prediction));
    const struct trivet_store_outcome outcome = {.is_label = true, .label = "blå"};
    label(f, "m", "a/0", &outcome);
    assert_true(find(f, "m", "a/0", &logged));
    assert_true(logged.is_label);
    assert_string_equal(logged.label, "grün");
    assert_true(logged.outcome.is_label);
    assert_string_equal(logged.outcome.label, "blå");
}

static void the_first_of_an_id_stays(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_logged logged;
    struct trivet_store_prediction prediction = number("m", "a/0");
    assert_true(put(f, &prediction));
    prediction.number = 99;
    assert_false(put(f, &prediction));
    assert_true(find(f, "m", "a/0", &logged));
    assert_float_equal(logged.number, 2.5, 0);
    prediction.model = "n";
    assert_true(put(f, &prediction));
}

static void a_transaction_sees_its_own_and_an_abort_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_logged logged;
    struct trivet_store_prediction prediction = number("m", "a/0");
    bool flag = false;
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_LOG);
    assert_ok(f, trivet_store_log_put(txn, &prediction, &flag, &f->err));
    assert_ok(f, trivet_store_log_find(txn, "m", "a/0", &logged, &flag, &f->err));
    assert_true(flag);
    trivet_store_abort(txn);
    assert_false(find(f, "m", "a/0", &logged));
}

static void what_cannot_be_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct trivet_store_prediction good = number("m", "a/0");
    struct trivet_store_prediction bad[6] = {good, good, good, good, good, good};
    char id[TRIVET_STORE_PREDICTION_BYTES + 1];
    memset(id, 'a', sizeof(id) - 1);
    id[sizeof(id) - 1] = '\0';
    bad[0].model = "";
    bad[1].id = id;
    bad[2].level = 64;
    bad[3].level = 2; /* more than its zeros */
    bad[4].number = 1.0 / 0.0;
    bad[5].label = "\xff";
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_LOG);
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(bad); i++) {
        bool added = false;
        assert_refused(f, TRIVET_INVALID_ARGUMENT,
                       trivet_store_log_put(txn, &bad[i], &added, &f->err), "");
    }
    const struct trivet_store_outcome outcome = {.number = 1};
    assert_refused(f, TRIVET_NOT_FOUND, trivet_store_log_set_outcome(txn, 77, &outcome, &f->err),
                   "77");
    trivet_store_abort(txn);
    txn = fixture_begin(f, TRIVET_STORE_DATA);
    bool added = false;
    assert_refused(f, TRIVET_FAILED_PRECONDITION, trivet_store_log_put(txn, &good, &added, &f->err),
                   "the log");
    trivet_store_abort(txn);
}

/* --- levels and bounds ----------------------------------------------------------------------- */

static void levels_keep_their_last_time(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_level levels[4];
    size_t count = 0;
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_LOG);
    assert_ok(f, trivet_store_log_put_level(txn, "m", 3, 100, &f->err));
    assert_ok(f, trivet_store_log_put_level(txn, "m", 1, 50, &f->err));
    assert_ok(f, trivet_store_log_put_level(txn, "m", 3, 90, &f->err));
    assert_refused(f, TRIVET_INVALID_ARGUMENT, trivet_store_log_put_level(txn, "m", 0, 90, &f->err),
                   "level 0");
    fixture_commit(f, txn);
    assert_ok(f, trivet_store_log_list_levels(f->store, levels, 4, &count, &f->err));
    assert_int_equal(count, 2);
    assert_int_equal(levels[0].level, 1);
    assert_int_equal(levels[1].level, 3);
    assert_int_equal(levels[1].last_unix_us, 100);
    txn = fixture_begin(f, TRIVET_STORE_LOG);
    assert_ok(f, trivet_store_log_drop_levels(txn, 100, &f->err));
    fixture_commit(f, txn);
    assert_ok(f, trivet_store_log_list_levels(f->store, levels, 4, &count, &f->err));
    assert_int_equal(count, 1);
}

static void thinning_takes_rows_without_outcome_and_few_zeros(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_logged logged;
    struct trivet_store_zeros zeros;
    struct trivet_store_dropped dropped;
    uint64_t cursor = 0;
    int n_pieces = 0;
    put_many(f, 100);
    assert_ok(f, trivet_store_log_count_zeros(f->store, "m", &zeros, &f->err));
    const uint64_t *counts = zeros.n_rows;
    assert_int_equal(counts[0] + counts[1] + counts[2] + counts[3], 90);
    assert_int_equal(zeros.kept[1].n_rows, counts[1]);
    assert_int_equal(zeros.kept[1].n_bytes, counts[1] * 8);
    assert_int_equal(zeros.labelled.n_bytes, 80);
    const uint64_t expected = counts[0] + counts[1];
    uint64_t n_bytes = 0;
    uint64_t n_all = 0;
    do {
        struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_LOG);
        assert_ok(f, trivet_store_log_thin(txn, "m", 2, &cursor, 30, &dropped, &f->err));
        fixture_commit(f, txn);
        n_all += dropped.n_rows;
        n_bytes += dropped.kept.n_bytes;
        n_pieces++;
    } while (cursor != 0);
    assert_int_equal(n_all, expected);
    assert_int_equal(n_bytes, expected * 8);
    assert_true(n_pieces >= 4);
    assert_int_equal(count_rows(f), 100 - expected);
    assert_true(find(f, "m", "3", &logged)); /* three zeros: stands for four now */
    assert_int_equal(logged.level, 2);
    assert_true(find(f, "m", "20", &logged)); /* no zeros, but an outcome */
    assert_int_equal(logged.level, 0);
    assert_false(find(f, "m", "5", &logged));
}

static void the_oldest_go_first(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_logged logged;
    struct trivet_store_dropped dropped;
    put_many(f, 20);
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_LOG);
    assert_ok(f, trivet_store_log_drop(txn, "m", 1010, 4, &dropped, &f->err));
    assert_int_equal(dropped.n_rows, 4);
    assert_ok(f, trivet_store_log_drop(txn, "m", 1010, 100, &dropped, &f->err));
    assert_int_equal(dropped.n_rows, 6);
    fixture_commit(f, txn);
    assert_false(find(f, "m", "9", &logged));
    assert_true(find(f, "m", "10", &logged));
}

/* --- features -------------------------------------------------------------------------------- */

static void labelled_rows_come_with_their_features(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_labelled rows[8];
    struct trivet_buffer features = {0};
    struct trivet_buffer columns = {0};
    uint64_t after = 7;
    size_t count = 0;
    put_many(f, 100);
    assert_ok(f, trivet_store_log_grown_from(f->store, "m", 0, 0, &after, &f->err));
    assert_int_equal(after, 0);
    assert_ok(f, trivet_store_log_list_labelled(f->store, "m", 1050, after, rows, 8, &count,
                                                &features, &f->err));
    assert_int_equal(count, 5); /* 50, 60 … 90 */
    assert_string_equal(rows[0].id, "50");
    assert_memory_equal(features.data + rows[4].features_at, "features", rows[4].features_bytes);
    assert_int_equal(rows[4].features_bytes, 8);
    assert_ok(f, trivet_store_log_get_columns(f->store, rows[0].columns_key, &columns, &f->err));
    assert_memory_equal(columns.data, "columns", 7);
    assert_refused(f, TRIVET_NOT_FOUND,
                   trivet_store_log_get_columns(f->store, 99, &columns, &f->err), "99");
    /* The newest three. */
    assert_ok(f, trivet_store_log_grown_from(f->store, "m", 0, 3, &after, &f->err));
    assert_ok(f, trivet_store_log_list_labelled(f->store, "m", 0, after, rows, 8, &count, &features,
                                                &f->err));
    assert_int_equal(count, 3);
    assert_string_equal(rows[0].id, "70");
    trivet_buffer_release(&features);
    trivet_buffer_release(&columns);
}

static void erased_features_are_gone_and_the_rows_stay(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_labelled rows[8];
    struct trivet_buffer features = {0};
    struct trivet_store_dropped dropped;
    size_t count = 8;
    put_many(f, 100);
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_LOG);
    assert_ok(f, trivet_store_log_erase(txn, "m", UINT64_MAX, 60, &dropped, &f->err));
    assert_int_equal(dropped.kept.n_rows, 60);
    assert_ok(f, trivet_store_log_erase(txn, "m", UINT64_MAX, 60, &dropped, &f->err));
    assert_int_equal(dropped.kept.n_bytes, 320);
    fixture_commit(f, txn);
    trivet_store_log_wipe(f->store);
    assert_ok(f, trivet_store_log_list_labelled(f->store, "m", 0, 0, rows, 8, &count, &features,
                                                &f->err));
    assert_int_equal(count, 0);
    assert_int_equal(count_rows(f), 100);
    trivet_buffer_release(&features);
}

static void stripping_leaves_the_rows(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_logged logged;
    struct trivet_store_kept kept;
    struct trivet_store_dropped dropped;
    uint64_t cursor = 0;
    uint64_t n_stripped = 0;
    put_many(f, 100);
    assert_ok(f, trivet_store_log_count_kept(f->store, "m", &kept, &f->err));
    assert_int_equal(kept.n_rows, 100);
    assert_int_equal(kept.n_bytes, 800);
    do {
        struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_LOG);
        assert_ok(f, trivet_store_log_strip(txn, "m", 2, &cursor, 30, &dropped, &f->err));
        fixture_commit(f, txn);
        assert_int_equal(dropped.n_rows, 0);
        assert_int_equal(dropped.kept.n_bytes, 8 * dropped.kept.n_rows);
        n_stripped += dropped.kept.n_rows;
    } while (cursor != 0);
    assert_int_equal(n_stripped, 45); /* none or one zero, and not the ten with an outcome */
    assert_ok(f, trivet_store_log_count_kept(f->store, "m", &kept, &f->err));
    assert_int_equal(kept.n_rows, 55);
    assert_int_equal(count_rows(f), 100);
    assert_true(find(f, "m", "5", &logged));
    assert_int_equal(logged.level, 0); /* it stands for as many as before */
}

static void an_erasure_goes_up_to_its_key(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_erasure erasures[2];
    struct trivet_store_dropped dropped;
    struct trivet_store_kept kept;
    uint64_t until = 0;
    uint64_t newest = 0;
    size_t count = 0;
    put_many(f, 40);
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_LOG);
    assert_ok(f, trivet_store_log_begin_erasure(txn, "m", &until, &f->err));
    struct trivet_store_prediction later = number("m", "later");
    bool added = false;
    later.columns = bytes("columns");
    later.features = bytes("features");
    assert_ok(f, trivet_store_log_put(txn, &later, &added, &f->err));
    fixture_commit(f, txn);
    fixture_reopen(f);
    assert_ok(f, trivet_store_log_newest(f->store, &newest, &f->err));
    assert_int_equal(newest, until + 1);
    assert_ok(f, trivet_store_log_list_erasures(f->store, erasures, 2, &count, &f->err));
    assert_int_equal(count, 1);
    assert_string_equal(erasures[0].model, "m");
    assert_int_equal(erasures[0].until_key, until);
    txn = fixture_begin(f, TRIVET_STORE_LOG);
    assert_ok(f, trivet_store_log_erase(txn, "m", until, 1000, &dropped, &f->err));
    assert_int_equal(dropped.kept.n_rows, 40);
    assert_ok(f, trivet_store_log_end_erasure(txn, "m", until, &f->err));
    fixture_commit(f, txn);
    assert_ok(f, trivet_store_log_list_erasures(f->store, erasures, 2, &count, &f->err));
    assert_int_equal(count, 0);
    assert_ok(f, trivet_store_log_count_kept(f->store, "m", &kept, &f->err));
    assert_int_equal(kept.n_rows, 1);
}

/* --- settings -------------------------------------------------------------------------------- */

static void settings_are_in_the_place_of_the_ones_before(void **state)
{
    struct fixture *f = *state;
    const struct trivet_store_cause cause = {.identity = "ana", .reason = "to learn"};
    struct trivet_store_alias_change change;
    struct trivet_buffer settings = {0};
    size_t count = 0;
    fixture_version(f, "m", "artefact");
    assert_ok(f, trivet_store_settings_get(f->store, "m", &settings, &f->err));
    assert_int_equal(settings.n_bytes, 0);
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(f, trivet_store_settings_set(txn, "m", "one", 3, &cause, &f->err));
    assert_ok(f, trivet_store_settings_set(txn, "m", "two", 3, &cause, &f->err));
    assert_refused(f, TRIVET_NOT_FOUND,
                   trivet_store_settings_set(txn, "none", "two", 3, &cause, &f->err), "none");
    fixture_commit(f, txn);
    fixture_reopen(f);
    assert_ok(f, trivet_store_settings_get(f->store, "m", &settings, &f->err));
    assert_int_equal(settings.n_bytes, 3);
    assert_memory_equal(settings.data, "two", 3);
    assert_ok(f, trivet_store_alias_history(f->store, "m", "", 0, &change, 1, &count, &f->err));
    assert_int_equal(count, 1);
    assert_int_equal(change.kind, TRIVET_STORE_CONFIGURED);
    assert_string_equal(change.alias, "");
    assert_string_equal(change.identity, "ana");
    assert_string_equal(change.reason, "to learn");
    trivet_buffer_release(&settings);
}

static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    TEST(a_prediction_is_found_with_its_outcome),
    TEST(the_key_stays),
    TEST(labels_are_kept_as_they_are),
    TEST(the_first_of_an_id_stays),
    TEST(a_transaction_sees_its_own_and_an_abort_leaves_nothing),
    TEST(what_cannot_be_is_refused),
    TEST(levels_keep_their_last_time),
    TEST(thinning_takes_rows_without_outcome_and_few_zeros),
    TEST(the_oldest_go_first),
    TEST(labelled_rows_come_with_their_features),
    TEST(erased_features_are_gone_and_the_rows_stay),
    TEST(stripping_leaves_the_rows),
    TEST(an_erasure_goes_up_to_its_key),
    TEST(settings_are_in_the_place_of_the_ones_before),
};

const struct conformance_part conformance_log = {"log", tests, TRIVET_ARRAY_COUNT(tests)};
