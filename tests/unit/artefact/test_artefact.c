/* A round trip, what an artefact tells of itself, and memory running out. */
#include "fixture.h"

#include "base/alloc.h"

#include <string.h>

static int setup(void **state)
{
    static struct fixture fixture;
    fixture_init(&fixture);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    fixture_release(*state);
    return 0;
}

static double predict(const struct trivet_pipeline *pipeline, double a, double b)
{
    struct trivet_error err = {0};
    const struct trivet_column columns[] = {
        {.name = "b", .type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = &b},
        {.name = "a", .type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = &a},
    };
    const struct trivet_table table = {.n_rows = 1, .n_columns = 2, .columns = columns};
    struct trivet_row_status rows[1] = {{0}};
    double y = 0;
    const struct trivet_matrix out = {.data = &y, .n_rows = 1, .n_cols = 1, .stride = 1};
    assert_int_equal(trivet_pipeline_predict(pipeline, &table, out, rows, &err), TRIVET_OK);
    assert_int_equal(rows[0].fault, TRIVET_ROW_FINE);
    return y;
}

static void test_round_trip(void **state)
{
    const struct fixture *fixture = *state;
    struct trivet_buffer bytes = {0};
    struct trivet_artefact *artefact = NULL;
    struct trivet_error err = {0};
    fixture_encode(fixture, &bytes);
    assert_int_equal(trivet_artefact_decode(bytes.data, bytes.n_bytes, &artefact, &err), TRIVET_OK);
    const size_t n_bytes = bytes.n_bytes;
    memset(bytes.data, 0xee, bytes.n_bytes); /* nothing may be borrowed from it */
    trivet_buffer_release(&bytes);
    assert_int_equal(artefact->n_bytes, n_bytes);
    assert_string_equal(artefact->message->model, "houses");
    const double before = predict(fixture->pipeline, 10, 20);
    const double after = predict(artefact->pipeline, 10, 20);
    assert_memory_equal(&before, &after, sizeof before);
    assert_true(after > -39.0 - 1e-9 && after < -39.0 + 1e-9);
    trivet_artefact_free(artefact);
}

static void test_same_bytes_every_time(void **state)
{
    struct trivet_buffer first = {0};
    struct trivet_buffer second = {0};
    fixture_encode(*state, &first);
    fixture_encode(*state, &second);
    assert_int_equal(first.n_bytes, second.n_bytes);
    assert_memory_equal(first.data, second.data, first.n_bytes);
    trivet_buffer_release(&first);
    trivet_buffer_release(&second);
}

static void test_appends(void **state)
{
    struct trivet_buffer bytes = {0};
    struct trivet_artefact *artefact = NULL;
    struct trivet_error err = {0};
    assert_int_equal(trivet_buffer_append(&bytes, "before", 6, &err), TRIVET_OK);
    fixture_encode(*state, &bytes);
    assert_memory_equal(bytes.data, "before", 6);
    assert_int_equal(trivet_artefact_decode(bytes.data + 6, bytes.n_bytes - 6, &artefact, &err),
                     TRIVET_OK);
    trivet_artefact_free(artefact);
    trivet_buffer_release(&bytes);
}

static void test_signature(void **state)
{
    const struct fixture *fixture = *state;
    const Trivet__V1__Signature *signature = fixture->message.signature;
    assert_int_equal(signature->n_inputs, 2);
    assert_string_equal(signature->inputs[0]->name, "a");
    assert_string_equal(signature->inputs[1]->name, "b");
    assert_int_equal(signature->inputs[0]->type, TRIVET__V1__TENSOR_TYPE__TENSOR_TYPE_FLOAT64);
    assert_int_equal(signature->inputs[0]->n_row_shape, 0);
    assert_int_equal(signature->n_outputs, 1);
    assert_string_equal(signature->outputs[0]->name, "prediction");
    assert_int_equal(signature->outputs[0]->type, TRIVET__V1__TENSOR_TYPE__TENSOR_TYPE_FLOAT64);
    assert_int_equal(signature->outputs[0]->n_row_shape, 0);
}

static void test_free_null(void **state)
{
    (void)state;
    trivet_artefact_free(NULL);
}

static void test_decode_out_of_memory(void **state)
{
    struct trivet_buffer bytes = {0};
    fixture_encode(*state, &bytes);
    bool failed = true;
    for (uint64_t k = 1; failed; k++) {
        struct trivet_artefact *artefact = NULL;
        struct trivet_error err = {0};
        trivet_alloc_fail_at(k);
        const enum trivet_status status =
            trivet_artefact_decode(bytes.data, bytes.n_bytes, &artefact, &err);
        failed = trivet_alloc_fail_at(0) >= k;
        if (status == TRIVET_OK) {
            assert_non_null(artefact);
        } else {
            assert_int_equal(status, TRIVET_RESOURCE_EXHAUSTED);
            assert_int_equal(err.status, status);
            assert_null(artefact);
        }
        assert_true(failed || status == TRIVET_OK);
        trivet_artefact_free(artefact);
        assert_true(k < 10000);
    }
    trivet_buffer_release(&bytes);
}

static void test_encode_out_of_memory(void **state)
{
    const struct fixture *fixture = *state;
    bool failed = true;
    for (uint64_t k = 1; failed; k++) {
        struct trivet_buffer bytes = {0};
        struct trivet_error err = {0};
        trivet_alloc_fail_at(k);
        const enum trivet_status status = trivet_artefact_encode(&fixture->message, &bytes, &err);
        failed = trivet_alloc_fail_at(0) >= k;
        assert_int_equal(status, failed ? TRIVET_RESOURCE_EXHAUSTED : TRIVET_OK);
        assert_true(!failed || bytes.n_bytes == 0);
        trivet_buffer_release(&bytes);
        assert_true(k < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_same_bytes_every_time),
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_signature),
        cmocka_unit_test(test_free_null),
        cmocka_unit_test(test_decode_out_of_memory),
        cmocka_unit_test(test_encode_out_of_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
