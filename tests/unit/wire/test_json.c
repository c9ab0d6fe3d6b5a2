/* Messages as JSON, read back by another parser. */
#include "base/alloc.h"
#include "trivet/v1/prediction.pb-c.h"
#include "trivet/v1/training.pb-c.h"
#include "wire/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <string.h>

static const char *text_of(struct trivet_buffer *out)
{
    assert_int_equal(trivet_buffer_append(out, "", 1, NULL), TRIVET_OK);
    out->n_bytes--;
    return (const char *)out->data;
}

static json_t *parse(struct trivet_buffer *out)
{
    json_error_t error;
    json_t *root = json_loads(text_of(out), JSON_REJECT_DUPLICATES, &error);
    assert_non_null(root);
    trivet_buffer_release(out);
    return root;
}

static void test_message(void **state)
{
    (void)state;
    char model[] = "a \"quoted\\\" name\n\x01 \xc3\xbc";
    Trivet__V1__JobProgress progress = TRIVET__V1__JOB_PROGRESS__INIT;
    progress.fraction = 0.1;
    Trivet__V1__Job job = TRIVET__V1__JOB__INIT;
    job.model = model;
    job.state = TRIVET__V1__JOB_STATE__JOB_STATE_SUCCEEDED;
    job.version = 1ULL << 53;
    job.revision = UINT64_MAX;
    job.progress = &progress;
    job.error_status = -3;
    struct trivet_buffer out = {0};
    assert_int_equal(trivet_wire_json_message(&job.base, &out, NULL), TRIVET_OK);
    json_t *root = parse(&out);
    assert_string_equal(json_string_value(json_object_get(root, "model")), model);
    assert_string_equal(json_string_value(json_object_get(root, "state")), "SUCCEEDED");
    assert_string_equal(json_string_value(json_object_get(root, "kind")), "UNSPECIFIED");
    assert_true(json_integer_value(json_object_get(root, "version")) == (1LL << 53));
    assert_string_equal(json_string_value(json_object_get(root, "revision")),
                        "18446744073709551615");
    assert_int_equal(json_integer_value(json_object_get(root, "error_status")), -3);
    assert_string_equal(json_string_value(json_object_get(root, "id")), "");
    assert_true(json_real_value(json_object_get(json_object_get(root, "progress"), "fraction")) ==
                0.1);
    assert_null(json_object_get(root, "report"));
    json_decref(root);
}

static void test_arrays_oneofs_and_numbers(void **state)
{
    (void)state;
    double values[] = {0.1, NAN, INFINITY, -1e300};
    Trivet__V1__NumericColumn numeric = TRIVET__V1__NUMERIC_COLUMN__INIT;
    numeric.n_values = 4;
    numeric.values = values;
    Trivet__V1__TableColumn column = TRIVET__V1__TABLE_COLUMN__INIT;
    column.values_case = TRIVET__V1__TABLE_COLUMN__VALUES_NUMERIC;
    column.numeric = &numeric;
    Trivet__V1__TableColumn *columns[] = {&column};
    Trivet__V1__Table table = TRIVET__V1__TABLE__INIT;
    table.rows = 4;
    table.n_columns = 1;
    table.columns = columns;
    struct trivet_buffer out = {0};
    assert_int_equal(trivet_wire_json_message(&table.base, &out, NULL), TRIVET_OK);
    assert_string_equal(text_of(&out),
                        "{\"rows\":4,\"columns\":[{\"name\":\"\",\"numeric\":{\"values\":[0.1,null,"
                        "null,-1e+300]},\"null_bitmap\":null}]}");
    trivet_buffer_release(&out);
    assert_string_equal(trivet_wire_enum_name(&trivet__v1__status__descriptor, 5), "NOT_FOUND");
    assert_string_equal(trivet_wire_enum_name(&trivet__v1__status__descriptor, 99), "?");
}

static void test_json_without_memory(void **state)
{
    (void)state;
    char model[] = "m";
    Trivet__V1__Job job = TRIVET__V1__JOB__INIT;
    job.model = model;
    enum trivet_status status = TRIVET_UNKNOWN;
    for (uint64_t k = 1; status != TRIVET_OK; k++) {
        struct trivet_buffer out = {0};
        trivet_alloc_fail_at(k);
        status = trivet_wire_json_message(&job.base, &out, NULL);
        trivet_alloc_fail_at(0);
        assert_true(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
        trivet_buffer_release(&out);
        assert_true(k < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message),
        cmocka_unit_test(test_arrays_oneofs_and_numbers),
        cmocka_unit_test(test_json_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
