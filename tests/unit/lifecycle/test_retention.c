/* Retention inside transactions: by the settings that are stored, or by those that are on their
 * way. */
#include "../store/fixture.h"

#include "lifecycle/retention.h"
#include "wire/codec.h"

#define MODEL "m"

static struct trivet_retention retention;
static struct trivet_totals *totals;
static const struct trivet_store_cause nobody;

static int setup(void **state)
{
    fixture_use(fixture_backends[0]);
    if (fixture_setup(state) != 0) {
        return -1;
    }
    struct fixture *f = *state;
    totals = trivet_totals_create();
    const struct trivet_publisher_options events = {.totals = totals};
    retention.store = f->store;
    assert_ok(f, trivet_publisher_open(&events, &retention.publisher, &f->err));
    assert_ok(f, trivet_servable_set_create(f->store, 0, NULL, &retention.servables, &f->err));
    return 0;
}

static int teardown(void **state)
{
    trivet_servable_set_free(retention.servables);
    trivet_publisher_close(retention.publisher);
    trivet_totals_free(totals);
    return fixture_teardown(state);
}

static void make(struct fixture *f, size_t n_versions)
{
    for (size_t i = 0; i < n_versions; i++) {
        fixture_version(f, MODEL, "a");
    }
}

static size_t n_left(struct fixture *f)
{
    struct trivet_store_version versions[64];
    size_t count = 0;
    assert_ok(f, trivet_store_version_list(f->store, MODEL, versions, 64, &count, &f->err));
    return count;
}

static void store_keep(struct fixture *f, struct trivet_store_txn *txn, uint32_t keep)
{
    Trivet__V1__ModelSettings settings = TRIVET__V1__MODEL_SETTINGS__INIT;
    struct trivet_buffer bytes = {0};
    settings.keep_versions = keep;
    assert_ok(f, trivet_codec_pack(&settings.base, &bytes, &f->err));
    assert_ok(f, trivet_store_settings_set(txn, MODEL, bytes.data, bytes.n_bytes,
                                           &(struct trivet_store_cause){0}, &f->err));
    trivet_buffer_release(&bytes);
}

static struct trivet_retired apply(struct fixture *f, const Trivet__V1__ModelSettings *settings)
{
    struct trivet_retired retired = {.count = 99};
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(f,
              trivet_retention_apply(&retention, txn, MODEL, settings, &nobody, &retired, &f->err));
    fixture_commit(f, txn);
    return retired;
}

static void without_settings_all_stay(void **state)
{
    struct fixture *f = *state;
    make(f, 3);
    assert_int_equal(apply(f, NULL).count, 0);
    assert_int_equal(n_left(f), 3);
}

static void the_stored_settings_hold(void **state)
{
    struct fixture *f = *state;
    make(f, 4);
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    store_keep(f, txn, 2);
    fixture_commit(f, txn);
    struct trivet_retired retired = apply(f, NULL);
    assert_int_equal(retired.count, 2);
    assert_int_equal(retired.versions[0], 1);
    assert_int_equal(retired.versions[1], 2);
    /* Those on their way come before them. */
    Trivet__V1__ModelSettings settings = TRIVET__V1__MODEL_SETTINGS__INIT;
    assert_int_equal(apply(f, &settings).count, 0);
    settings.keep_versions = 1;
    assert_int_equal(apply(f, &settings).count, 1);
    assert_int_equal(n_left(f), 1);
}

static void each_is_told(void **state)
{
    struct fixture *f = *state;
    const uint64_t before = trivet_publisher_sequence(retention.publisher);
    const struct trivet_retired retired = {.versions = {1, 2}, .count = 2};
    make(f, 1);
    trivet_retention_finish(&retention, MODEL, &retired);
    assert_true(trivet_publisher_sequence(retention.publisher) >= before + 2);
}

static void what_is_too_much_for_one_transaction_goes_too(void **state)
{
    struct fixture *f = *state;
    make(f, 2 * TRIVET_STORE_RETAIN_MAX + 4);
    struct trivet_retired retired;
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    const Trivet__V1__ModelSettings settings = {
        .base = PROTOBUF_C_MESSAGE_INIT(&trivet__v1__model_settings__descriptor),
        .keep_versions = 3};
    store_keep(f, txn, 3);
    assert_ok(
        f, trivet_retention_apply(&retention, txn, MODEL, &settings, &nobody, &retired, &f->err));
    fixture_commit(f, txn);
    assert_int_equal(retired.count, TRIVET_STORE_RETAIN_MAX);
    trivet_retention_finish_all(&retention, MODEL, &nobody, &retired);
    assert_int_equal(n_left(f), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_settings_all_stay),
        TEST(the_stored_settings_hold),
        TEST(each_is_told),
        TEST(what_is_too_much_for_one_transaction_goes_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
