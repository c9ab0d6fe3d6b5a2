/* One version: loaded or refused whole, counted by reference. */
#include "fixture.h"

#include "base/alloc.h"

#include <string.h>

static void count_release(void *user)
{
    ++*(int *)user;
}

static void test_create(void **state)
{
    (void)state;
    struct trivet_servable *servable = fixture_servable("houses", 7, 3, 1, true);
    assert_string_equal(trivet_servable_model(servable), "houses");
    assert_int_equal(trivet_servable_version(servable), 7);
    assert_int_equal(trivet_pipeline_inputs(trivet_servable_pipeline(servable))->n_columns, 3);
    assert_true(trivet_servable_memory_bytes(servable) > 500);
    assert_true(trivet_servable_memory_bytes(servable) < 100000);
    assert_non_null(trivet_servable_artefact(servable)->message);
    assert_null(trivet_servable_user(servable));
    int user = 0;
    trivet_servable_set_user(servable, &user, count_release);
    assert_ptr_equal(trivet_servable_user(servable), &user);
    assert_ptr_equal(trivet_servable_ref(servable), servable);
    trivet_servable_unref(servable);
    assert_int_equal(trivet_servable_version(servable), 7); /* one reference is left */
    assert_int_equal(user, 0);
    trivet_servable_unref(servable);
    assert_int_equal(user, 1);
    trivet_servable_unref(NULL);
}

static void test_cost_is_known_and_learned(void **state)
{
    (void)state;
    struct trivet_servable *servable = fixture_servable("houses", 1, 3, 1, true);
    struct trivet_cost cost = trivet_servable_cost(servable);
    assert_true(trivet_cost_ns(&cost, 1) > 0 && trivet_cost_ns(&cost, 1) < 1e8);
    for (int i = 0; i < 300; i++) {
        trivet_servable_learn(servable, 1, 3e6);
    }
    cost = trivet_servable_cost(servable);
    assert_true(trivet_cost_ns(&cost, 1) > 2.9e6 && trivet_cost_ns(&cost, 1) < 3.1e6);
    for (int i = 0; i < 100; i++) {
        trivet_servable_learn(servable, 1000, 2000);
    }
    cost = trivet_servable_cost(servable);
    assert_true(trivet_cost_ns(&cost, 1) < 3000);
    trivet_servable_unref(servable);
}

static void test_warm_up_takes_models_that_do_not_impute(void **state)
{
    (void)state;
    trivet_servable_unref(fixture_servable("houses", 1, 300, 1, false));
}

static void test_refused(void **state)
{
    (void)state;
    struct trivet_error err;
    struct trivet_buffer bytes = {0};
    struct trivet_servable *servable = NULL;
    fixture_artefact("houses", 3, 1, true, &bytes);
    bytes.data[bytes.n_bytes - 5] ^= 1;
    assert_int_equal(
        trivet_servable_create("houses", 2, bytes.data, bytes.n_bytes, &servable, &err),
        TRIVET_DATA_LOSS);
    assert_non_null(strstr(err.message, "model 'houses' version 2"));
    bytes.data[bytes.n_bytes - 5] ^= 1;
    char name[70];
    memset(name, 'm', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(trivet_servable_create(name, 2, bytes.data, bytes.n_bytes, &servable, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_int_equal(trivet_servable_create("houses", 2, NULL, 0, &servable, &err),
                     TRIVET_DATA_LOSS);
    assert_null(servable);
    trivet_buffer_release(&bytes);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct trivet_error err;
    struct trivet_buffer bytes = {0};
    fixture_artefact("houses", 3, 1, true, &bytes);
    uint64_t k = 0;
    enum trivet_status status;
    do {
        struct trivet_servable *servable = NULL;
        (void)trivet_alloc_fail_at(++k);
        status = trivet_servable_create("houses", 2, bytes.data, bytes.n_bytes, &servable, &err);
        (void)trivet_alloc_fail_at(0);
        if (status == TRIVET_OK) {
            trivet_servable_unref(servable);
        } else {
            assert_int_equal(status, TRIVET_RESOURCE_EXHAUSTED);
            assert_null(servable);
        }
    } while (status != TRIVET_OK);
    assert_true(k > 5);
    trivet_buffer_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_cost_is_known_and_learned),
        cmocka_unit_test(test_warm_up_takes_models_that_do_not_impute),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
