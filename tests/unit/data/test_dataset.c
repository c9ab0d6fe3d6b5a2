#include "support.h"

#include "base/alloc.h"
#include "data/dataset.h"
#include "data/pack.h"
#include "support/pack.h"

#include <math.h>
#include <stdio.h>

static struct trivet_error err;

/* Ten rows: x = 0..9 with nulls at 3 and 8, city one of five or null. */
static const double numbers[10] = {0, 1, 2, (double)NAN, 4, 5, 6, 7, (double)NAN, 9};
static const char *const dictionary[] = {"Zug", "Bern", "not used", "Oslo", "", "Ärö"};
static const uint32_t codes[10] = {3, 0, 1, 3, TRIVET_CODE_NULL, 5, 4, 1, 0, 3};
static const struct trivet_column columns[2] = {
    {.name = "x", .type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = numbers},
    {.name = "city",
     .type = TRIVET_COLUMN_CATEGORICAL,
     .stride = 1,
     .codes = codes,
     .dictionary = dictionary,
     .n_dictionary = 6},
};
static const struct trivet_table table = {.n_rows = 10, .n_columns = 2, .columns = columns};

static struct trivet_dataset *create(const char *schema_text, size_t rows_expected)
{
    struct trivet_schema schema = make_schema(schema_text);
    struct trivet_dataset *dataset = NULL;
    assert_ok(trivet_dataset_create(&schema, rows_expected, &dataset, &err));
    trivet_schema_release(&schema);
    return dataset;
}

static void chunks_leave_no_trace(void **state)
{
    (void)state;
    for (size_t chunk = 1; chunk <= 10; chunk++) {
        struct trivet_dataset *dataset = create("x:n,city:c", chunk % 2 == 0 ? 10 : 0);
        for (size_t first = 0; first < 10; first += chunk) {
            struct trivet_column room[2];
            size_t count = first + chunk <= 10 ? chunk : 10 - first;
            struct trivet_table slice = trivet_table_slice(&table, first, count, room);
            assert_ok(trivet_dataset_append(dataset, &slice, &err));
        }
        assert_ok(trivet_dataset_seal(dataset, &err));
        struct trivet_table all = trivet_dataset_table(dataset);
        assert_tables_equal(&all, &table);
        const struct trivet_column *city = &all.columns[1];
        assert_int_equal(city->n_dictionary, 5);
        static const char *const sorted[] = {"", "Bern", "Oslo", "Zug", "Ärö"};
        for (size_t i = 0; i < 5; i++) {
            assert_string_equal(city->dictionary[i], sorted[i]);
        }
        trivet_dataset_free(dataset);
    }
}

static void columns_may_come_in_any_order_and_stride(void **state)
{
    (void)state;
    struct trivet_dataset *dataset = create("city:c,x:n", 0);
    assert_ok(trivet_dataset_append(dataset, &table, &err));
    struct trivet_column strided = columns[0];
    strided.stride = 2;
    const struct trivet_column pair[2] = {strided, columns[1]};
    const struct trivet_table half = {.n_rows = 5, .n_columns = 2, .columns = pair};
    assert_ok(trivet_dataset_append(dataset, &half, &err));
    struct trivet_table all = trivet_dataset_table(dataset);
    assert_int_equal(all.n_rows, 15);
    assert_number(number_at(&all, 1, 12), 4);
    assert_string_equal(text_at(&all, 0, 14), "(null)");
    assert_string_equal(text_at(&all, 0, 15 - 2), "Oslo");
    trivet_dataset_free(dataset);
}

static void other_columns_are_refused(void **state)
{
    (void)state;
    struct trivet_dataset *dataset = create("x:n,city:c", 0);
    assert_ok(trivet_dataset_append(dataset, &table, &err));
    struct trivet_table bad = table;
    bad.n_columns = 1;
    assert_refused(trivet_dataset_append(dataset, &bad, &err), TRIVET_INVALID_ARGUMENT,
                   "have 1 columns and the schema has 2");
    const struct trivet_column twice[2] = {columns[0], columns[0]};
    bad = (struct trivet_table){.n_rows = 10, .n_columns = 2, .columns = twice};
    assert_refused(trivet_dataset_append(dataset, &bad, &err), TRIVET_INVALID_ARGUMENT,
                   "'x' stands twice");
    struct trivet_column other[2] = {columns[0], columns[1]};
    other[0].name = "y";
    bad.columns = other;
    assert_refused(trivet_dataset_append(dataset, &bad, &err), TRIVET_INVALID_ARGUMENT,
                   "'y' is not in the schema");
    other[0] = columns[1];
    other[0].name = "x";
    assert_refused(trivet_dataset_append(dataset, &bad, &err), TRIVET_INVALID_ARGUMENT,
                   "'x' is categorical in the rows and numeric in the schema");
    assert_int_equal(trivet_dataset_table(dataset).n_rows, 10);
    trivet_dataset_free(dataset);
}

static void a_bad_code_appends_nothing(void **state)
{
    (void)state;
    struct trivet_dataset *dataset = create("x:n,city:c", 0);
    assert_ok(trivet_dataset_append(dataset, &table, &err));
    static const char *const more[] = {"Rom", "Wien"};
    static const uint32_t bad_codes[] = {0, 1, 2};
    const struct trivet_column bad_columns[2] = {
        columns[0],
        {.name = "city",
         .type = TRIVET_COLUMN_CATEGORICAL,
         .stride = 1,
         .codes = bad_codes,
         .dictionary = more,
         .n_dictionary = 2},
    };
    const struct trivet_table bad = {.n_rows = 3, .n_columns = 2, .columns = bad_columns};
    assert_refused(trivet_dataset_append(dataset, &bad, &err), TRIVET_INVALID_ARGUMENT,
                   "row 3: column 'city': code 2 is beyond its dictionary of 2 entries");
    struct trivet_table all = trivet_dataset_table(dataset);
    assert_int_equal(all.n_rows, 10);
    assert_int_equal(all.columns[1].n_dictionary, 5);
    assert_ok(trivet_dataset_append(dataset, &table, &err));
    all = trivet_dataset_table(dataset);
    assert_int_equal(all.columns[1].n_dictionary, 5);
    assert_string_equal(text_at(&all, 1, 19), "Oslo");
    trivet_dataset_free(dataset);
}

static void a_sealed_dataset_takes_no_rows(void **state)
{
    (void)state;
    struct trivet_dataset *dataset = create("x:n,city:c", 0);
    assert_ok(trivet_dataset_seal(dataset, &err));
    assert_int_equal(trivet_dataset_table(dataset).n_rows, 0);
    assert_refused(trivet_dataset_append(dataset, &table, &err), TRIVET_FAILED_PRECONDITION,
                   "sealed");
    trivet_dataset_free(dataset);
    trivet_dataset_free(NULL);
    struct trivet_schema empty = {0};
    assert_refused(trivet_dataset_create(&empty, 0, &dataset, &err), TRIVET_INVALID_ARGUMENT,
                   "at least one column");
}

static void many_categories(void **state)
{
    (void)state;
    enum { N = 50000 };
    struct trivet_dataset *dataset = create("id:c", 0);
    static char texts[1000][12];
    static const char *pointers[1000];
    static uint32_t ids[1000];
    for (size_t i = 0; i < N; i += 1000) {
        for (size_t k = 0; k < 1000; k++) {
            (void)snprintf(texts[k], sizeof(texts[k]), "id%zu", (i + k) * 7 % N);
            pointers[k] = texts[k];
            ids[k] = (uint32_t)k;
        }
        const struct trivet_column column = {.name = "id",
                                             .type = TRIVET_COLUMN_CATEGORICAL,
                                             .stride = 1,
                                             .codes = ids,
                                             .dictionary = pointers,
                                             .n_dictionary = 1000};
        const struct trivet_table chunk = {.n_rows = 1000, .n_columns = 1, .columns = &column};
        assert_ok(trivet_dataset_append(dataset, &chunk, &err));
    }
    assert_ok(trivet_dataset_seal(dataset, &err));
    struct trivet_table all = trivet_dataset_table(dataset);
    assert_int_equal(all.columns[0].n_dictionary, N);
    for (size_t i = 0; i < N; i += 499) {
        char wanted[12];
        (void)snprintf(wanted, sizeof(wanted), "id%zu", i * 7 % N);
        assert_string_equal(text_at(&all, 0, i), wanted);
    }
    trivet_dataset_free(dataset);
}

static void packed_tables_are_appended(void **state)
{
    (void)state;
    struct trivet_dataset *dataset = create("city:c,x:n", 0);
    struct trivet_buffer packed = {0};
    assert_ok(pack_table(&table, &packed, &err));
    assert_ok(trivet_dataset_append_packed(dataset, packed.data, packed.n_bytes, &err));
    assert_ok(trivet_dataset_append_packed(dataset, packed.data, packed.n_bytes, &err));
    struct trivet_table all = trivet_dataset_table(dataset);
    assert_int_equal(all.n_rows, 20);
    assert_string_equal(text_at(&all, 0, 15), "Ärö");
    assert_true(isnan(number_at(&all, 1, 18)));
    for (size_t n_bytes = 1; n_bytes < packed.n_bytes; n_bytes++) {
        assert_int_equal(trivet_dataset_append_packed(dataset, packed.data, n_bytes, &err),
                         TRIVET_INVALID_ARGUMENT);
    }
    assert_int_equal(trivet_dataset_table(dataset).n_rows, 20);
    trivet_buffer_release(&packed);
    trivet_dataset_free(dataset);
}

static void packed_faults_are_refused(void **state)
{
    (void)state;
    const double infinite[] = {1, 2, -(double)INFINITY};
    const struct trivet_column column = {
        .name = "x", .type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = infinite};
    const struct trivet_table bad = {.n_rows = 3, .n_columns = 1, .columns = &column};
    struct trivet_buffer packed = {0};
    assert_ok(pack_table(&bad, &packed, &err));
    struct trivet_dataset *dataset = create("x:n", 0);
    assert_refused(trivet_dataset_append_packed(dataset, packed.data, packed.n_bytes, &err),
                   TRIVET_INVALID_ARGUMENT, "row 3: column 'x': infinity");
    assert_int_equal(trivet_dataset_table(dataset).n_rows, 0);
    trivet_buffer_release(&packed);
    trivet_dataset_free(dataset);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct trivet_schema schema = make_schema("x:n,city:c");
    struct trivet_buffer packed = {0};
    assert_ok(pack_table(&table, &packed, &err));
    for (uint64_t k = 1;; k++) {
        struct trivet_dataset *dataset = NULL;
        trivet_alloc_fail_at(k);
        enum trivet_status status = trivet_dataset_create(&schema, 0, &dataset, &err);
        for (size_t i = 0; status == TRIVET_OK && i < 40; i++) {
            status = trivet_dataset_append_packed(dataset, packed.data, packed.n_bytes, &err);
        }
        size_t n_rows = dataset != NULL ? trivet_dataset_table(dataset).n_rows : 0;
        if (status == TRIVET_OK) {
            status = trivet_dataset_seal(dataset, &err);
        }
        uint64_t counted = trivet_alloc_fail_at(0);
        /* What had been appended is whole, and goes on growing if it was not sealed. */
        if (dataset != NULL) {
            struct trivet_table all = trivet_dataset_table(dataset);
            assert_int_equal(n_rows % 10, 0);
            for (size_t i = 0; i < n_rows; i++) {
                assert_string_equal(text_at(&all, 1, i), text_at(&table, 1, i % 10));
            }
            if (n_rows < 400) {
                assert_ok(trivet_dataset_append(dataset, &table, &err));
                all = trivet_dataset_table(dataset);
                assert_string_equal(text_at(&all, 1, n_rows + 5), "Ärö");
                assert_int_equal(all.columns[1].n_dictionary, 5);
            }
        }
        trivet_dataset_free(dataset);
        if (counted < k) {
            assert_int_equal(status, TRIVET_OK);
            break;
        }
        assert_int_equal(status, TRIVET_RESOURCE_EXHAUSTED);
    }
    trivet_buffer_release(&packed);
    trivet_schema_release(&schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_leave_no_trace),
        cmocka_unit_test(columns_may_come_in_any_order_and_stride),
        cmocka_unit_test(other_columns_are_refused),
        cmocka_unit_test(a_bad_code_appends_nothing),
        cmocka_unit_test(a_sealed_dataset_takes_no_rows),
        cmocka_unit_test(many_categories),
        cmocka_unit_test(packed_tables_are_appended),
        cmocka_unit_test(packed_faults_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
