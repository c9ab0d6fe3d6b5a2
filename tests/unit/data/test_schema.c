#include "support.h"

#include "base/alloc.h"
#include "data/pack.h"
#include "support/pack.h"

#include <stdio.h>

static struct trivet_error err;

static void columns_are_added_and_found(void **state)
{
    (void)state;
    struct trivet_schema schema = make_schema("area:n,city:c,größe:n");
    assert_int_equal(schema.n_columns, 3);
    assert_int_equal(trivet_schema_find(&schema, "city"), 1);
    assert_int_equal(trivet_schema_find(&schema, "größe"), 2);
    assert_int_equal(trivet_schema_find(&schema, "City"), TRIVET_COLUMN_NOT_FOUND);
    assert_string_equal(trivet_column_type_name(schema.columns[0].type), "numeric");
    assert_string_equal(trivet_column_type_name(schema.columns[1].type), "categorical");
    trivet_schema_release(&schema);
    assert_int_equal(schema.n_columns, 0);
    trivet_schema_release(&schema);
}

static void bad_columns_are_refused(void **state)
{
    (void)state;
    struct trivet_schema schema = make_schema("area:n");
    char name[TRIVET_COLUMN_NAME_BYTES_MAX + 2];
    memset(name, 'x', sizeof(name));
    name[TRIVET_COLUMN_NAME_BYTES_MAX + 1] = '\0';
    assert_refused(trivet_schema_add(&schema, name, TRIVET_COLUMN_NUMERIC, &err),
                   TRIVET_INVALID_ARGUMENT, "has 129 bytes");
    name[TRIVET_COLUMN_NAME_BYTES_MAX] = '\0';
    assert_ok(trivet_schema_add(&schema, name, TRIVET_COLUMN_NUMERIC, &err));
    assert_refused(trivet_schema_add(&schema, "", TRIVET_COLUMN_NUMERIC, &err),
                   TRIVET_INVALID_ARGUMENT, "column 3 has no name");
    assert_refused(trivet_schema_add(&schema, "area", TRIVET_COLUMN_CATEGORICAL, &err),
                   TRIVET_INVALID_ARGUMENT, "'area' stands twice");
    assert_refused(trivet_schema_add(&schema,
                                     "gr\xf6\xdf"
                                     "e",
                                     TRIVET_COLUMN_NUMERIC, &err),
                   TRIVET_INVALID_ARGUMENT, "not UTF-8");
    assert_refused(trivet_schema_add(&schema, "b", (enum trivet_column_type)7, &err),
                   TRIVET_INVALID_ARGUMENT, "unknown type 7");
    assert_int_equal(schema.n_columns, 2);
    trivet_schema_release(&schema);
}

static void the_number_of_columns_is_bounded(void **state)
{
    (void)state;
    struct trivet_schema schema = {0};
    for (size_t i = 0; i < TRIVET_COLUMNS_MAX; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "c%zu", i);
        assert_ok(trivet_schema_add(&schema, name, TRIVET_COLUMN_NUMERIC, &err));
    }
    assert_refused(trivet_schema_add(&schema, "more", TRIVET_COLUMN_NUMERIC, &err),
                   TRIVET_INVALID_ARGUMENT, "more than 4096");
    struct trivet_buffer packed = {0};
    assert_ok(pack_schema(&schema, &packed, &err));
    struct trivet_schema again = {0};
    assert_ok(trivet_schema_unpack(packed.data, packed.n_bytes, &again, &err));
    assert_int_equal(again.n_columns, TRIVET_COLUMNS_MAX);
    assert_string_equal(again.columns[4095].name, "c4095");
    trivet_buffer_release(&packed);
    trivet_schema_release(&again);
    trivet_schema_release(&schema);
}

static void a_copy_is_its_own(void **state)
{
    (void)state;
    struct trivet_schema schema = make_schema("area:n,city:c");
    struct trivet_schema copy = {0};
    assert_ok(trivet_schema_copy(&schema, &copy, &err));
    trivet_schema_release(&schema);
    assert_int_equal(copy.n_columns, 2);
    assert_string_equal(copy.columns[1].name, "city");
    assert_int_equal(copy.columns[1].type, TRIVET_COLUMN_CATEGORICAL);
    trivet_schema_release(&copy);
    struct trivet_schema empty = {0};
    assert_ok(trivet_schema_copy(&empty, &copy, &err));
    assert_int_equal(copy.n_columns, 0);
}

static void bad_messages_are_refused(void **state)
{
    (void)state;
    char area[] = "area";
    char city[] = "city";
    Trivet__V1__Column columns[3];
    Trivet__V1__Column *pointers[3];
    for (size_t i = 0; i < 3; i++) {
        trivet__v1__column__init(&columns[i]);
        columns[i].type = TRIVET__V1__COLUMN_TYPE__COLUMN_TYPE_NUMERIC;
        pointers[i] = &columns[i];
    }
    columns[0].name = area;
    columns[1].name = city;
    columns[2].name = area;
    Trivet__V1__Schema message;
    trivet__v1__schema__init(&message);
    struct trivet_schema schema = {0};
    assert_refused(trivet_schema_decode(NULL, &schema, &err), TRIVET_INVALID_ARGUMENT,
                   "no columns");
    assert_refused(trivet_schema_decode(&message, &schema, &err), TRIVET_INVALID_ARGUMENT,
                   "no columns");
    message.columns = pointers;
    message.n_columns = 3;
    assert_refused(trivet_schema_decode(&message, &schema, &err), TRIVET_INVALID_ARGUMENT,
                   "'area' stands twice");
    message.n_columns = TRIVET_COLUMNS_MAX + 1;
    assert_refused(trivet_schema_decode(&message, &schema, &err), TRIVET_INVALID_ARGUMENT,
                   "has 4097 columns");
    message.n_columns = 2;
    columns[1].type = TRIVET__V1__COLUMN_TYPE__COLUMN_TYPE_UNSPECIFIED;
    assert_refused(trivet_schema_decode(&message, &schema, &err), TRIVET_INVALID_ARGUMENT,
                   "'city' has the unknown type 0");
    pointers[0] = NULL;
    assert_refused(trivet_schema_decode(&message, &schema, &err), TRIVET_INVALID_ARGUMENT,
                   "column 1 is absent");
    assert_int_equal(schema.n_columns, 0);
}

static void packed_bytes_come_back(void **state)
{
    (void)state;
    struct trivet_schema schema = make_schema("area:n,city:c,price:n");
    struct trivet_buffer packed = {0};
    assert_ok(pack_schema(&schema, &packed, &err));
    struct trivet_schema again = {0};
    assert_ok(trivet_schema_unpack(packed.data, packed.n_bytes, &again, &err));
    assert_int_equal(again.n_columns, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(again.columns[i].name, schema.columns[i].name);
        assert_int_equal(again.columns[i].type, schema.columns[i].type);
    }
    trivet_schema_release(&again);
    assert_int_equal(trivet_schema_unpack(packed.data, packed.n_bytes - 1, &again, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_int_equal(trivet_schema_unpack(NULL, 0, &again, &err), TRIVET_INVALID_ARGUMENT);
    trivet_buffer_release(&packed);
    trivet_schema_release(&schema);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct trivet_schema schema = make_schema("area:n,city:c");
    for (uint64_t k = 1;; k++) {
        struct trivet_buffer packed = {0};
        struct trivet_schema copy = {0};
        struct trivet_schema again = {0};
        trivet_alloc_fail_at(k);
        enum trivet_status status = trivet_schema_copy(&schema, &copy, &err);
        if (status == TRIVET_OK) {
            status = pack_schema(&copy, &packed, &err);
        }
        if (status == TRIVET_OK) {
            status = trivet_schema_unpack(packed.data, packed.n_bytes, &again, &err);
        }
        if (status == TRIVET_OK) {
            status = trivet_schema_add(&again, "price", TRIVET_COLUMN_NUMERIC, &err);
        }
        uint64_t counted = trivet_alloc_fail_at(0);
        trivet_schema_release(&copy);
        trivet_schema_release(&again);
        trivet_buffer_release(&packed);
        if (counted < k) {
            assert_int_equal(status, TRIVET_OK);
            break;
        }
        assert_int_equal(status, TRIVET_RESOURCE_EXHAUSTED);
    }
    trivet_schema_release(&schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_added_and_found),
        cmocka_unit_test(bad_columns_are_refused),
        cmocka_unit_test(the_number_of_columns_is_bounded),
        cmocka_unit_test(a_copy_is_its_own),
        cmocka_unit_test(bad_messages_are_refused),
        cmocka_unit_test(packed_bytes_come_back),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
