/* Views, messages ↔ views, and what hostile messages get. */
#include "support.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "data/pack.h"

#include <math.h>
#include <stdio.h>

static struct trivet_error err;
static struct trivet_arena *arena;

static int make_arena(void **state)
{
    (void)state;
    arena = trivet_arena_create(64u << 20, 4096);
    return arena == NULL;
}

static int free_arena(void **state)
{
    (void)state;
    trivet_arena_free(arena);
    return 0;
}

/* A table message of "area" (numbers) and "city" (codes) that each test breaks in its own way. */
struct sample {
    char area[8];
    char city[8];
    char oslo[8];
    char bern[8];
    double numbers[10];
    uint32_t codes[10];
    char *dictionary[2];
    uint8_t bitmap[2];
    Trivet__V1__NumericColumn numeric;
    Trivet__V1__CategoricalColumn categorical;
    Trivet__V1__TableColumn columns[2];
    Trivet__V1__TableColumn *pointers[2];
    Trivet__V1__Table message;
};

static void sample_init(struct sample *s)
{
    *s = (struct sample){.area = "area", .city = "city", .oslo = "Oslo", .bern = "Bern"};
    s->dictionary[0] = s->oslo;
    s->dictionary[1] = s->bern;
    for (size_t i = 0; i < 10; i++) {
        s->numbers[i] = (double)i + 0.5;
        s->codes[i] = (uint32_t)i % 2;
    }
    trivet__v1__numeric_column__init(&s->numeric);
    s->numeric.n_values = 10;
    s->numeric.values = s->numbers;
    trivet__v1__categorical_column__init(&s->categorical);
    s->categorical.n_codes = 10;
    s->categorical.codes = s->codes;
    s->categorical.n_dictionary = 2;
    s->categorical.dictionary = s->dictionary;
    for (size_t i = 0; i < 2; i++) {
        trivet__v1__table_column__init(&s->columns[i]);
        s->pointers[i] = &s->columns[i];
    }
    s->columns[0].name = s->area;
    s->columns[0].values_case = TRIVET__V1__TABLE_COLUMN__VALUES_NUMERIC;
    s->columns[0].numeric = &s->numeric;
    s->columns[1].name = s->city;
    s->columns[1].values_case = TRIVET__V1__TABLE_COLUMN__VALUES_CATEGORICAL;
    s->columns[1].categorical = &s->categorical;
    trivet__v1__table__init(&s->message);
    s->message.rows = 10;
    s->message.n_columns = 2;
    s->message.columns = s->pointers;
}

static void values_stay_in_the_message(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s);
    struct trivet_table table;
    struct trivet_row_status *rows;
    assert_ok(trivet_table_decode(&s.message, arena, &table, &rows, &err));
    assert_int_equal(table.n_rows, 10);
    assert_ptr_equal(table.columns[0].numbers, s.numbers);
    assert_ptr_equal(table.columns[1].codes, s.codes);
    assert_string_equal(text_at(&table, 1, 9), "Bern");
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(rows[i].fault, TRIVET_ROW_FINE);
    }
}

static void nulls_become_nan_and_null_codes(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s);
    s.bitmap[0] = 0x81; /* rows 0 and 7 */
    s.bitmap[1] = 0x02; /* row 9 */
    for (size_t i = 0; i < 2; i++) {
        s.columns[i].null_bitmap = (ProtobufCBinaryData){.len = 2, .data = s.bitmap};
    }
    s.numbers[0] = (double)NAN;
    s.numbers[7] = (double)INFINITY;
    s.codes[9] = 99;
    struct trivet_table table;
    struct trivet_row_status *rows;
    assert_ok(trivet_table_decode(&s.message, arena, &table, &rows, &err));
    for (size_t i = 0; i < 10; i++) {
        bool null = i == 0 || i == 7 || i == 9;
        assert_int_equal(isnan(number_at(&table, 0, i)) != 0, null);
        assert_int_equal(strcmp(text_at(&table, 1, i), "(null)") == 0, null);
        assert_int_equal(rows[i].fault, TRIVET_ROW_FINE);
    }
    assert_number(s.numbers[9], 9.5);
}

static void a_bad_value_is_its_rows_fault(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s);
    s.numbers[2] = (double)NAN;
    s.numbers[4] = -(double)INFINITY;
    s.codes[4] = 2;
    s.codes[5] = UINT32_MAX;
    struct trivet_table table;
    struct trivet_row_status *rows;
    assert_ok(trivet_table_decode(&s.message, arena, &table, &rows, &err));
    assert_int_equal(rows[2].fault, TRIVET_ROW_NAN);
    assert_int_equal(rows[2].column, 0);
    assert_int_equal(rows[4].fault, TRIVET_ROW_INFINITE);
    assert_int_equal(rows[5].fault, TRIVET_ROW_BAD_CODE);
    assert_int_equal(rows[5].column, 1);
    assert_int_equal(rows[3].fault, TRIVET_ROW_FINE);
    assert_true(isnan(number_at(&table, 0, 4)));
    assert_string_equal(text_at(&table, 1, 4), "(null)");
    char text[200];
    trivet_row_fault_text(rows[5], &table, text, sizeof(text));
    assert_non_null(strstr(text, "column 'city': a code beyond its dictionary"));
    assert_int_equal(trivet_row_fault_status(rows[5].fault), TRIVET_INVALID_ARGUMENT);
    assert_int_equal(trivet_row_fault_status(TRIVET_ROW_OVERFLOW), TRIVET_OUT_OF_RANGE);
    assert_int_equal(trivet_row_fault_status(TRIVET_ROW_FINE), TRIVET_OK);
}

static enum trivet_status decode(const Trivet__V1__Table *message)
{
    struct trivet_table table;
    struct trivet_row_status *rows;
    return trivet_table_decode(message, arena, &table, &rows, &err);
}

static void counts_that_do_not_match_are_refused(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s);
    s.message.rows = 9;
    assert_refused(decode(&s.message), TRIVET_INVALID_ARGUMENT, "'area' has 10 values");
    s.message.rows = UINT32_MAX;
    assert_refused(decode(&s.message), TRIVET_INVALID_ARGUMENT, "4294967295 rows");
    s.message.rows = 10;
    s.categorical.n_codes = 0;
    assert_refused(decode(&s.message), TRIVET_INVALID_ARGUMENT, "'city' has 0 values");
    s.categorical.n_codes = 10;
    s.columns[1].null_bitmap = (ProtobufCBinaryData){.len = 1, .data = s.bitmap};
    assert_refused(decode(&s.message), TRIVET_INVALID_ARGUMENT, "has 1 bytes and 10 rows need 2");
    s.columns[1].null_bitmap.len = 3;
    assert_refused(decode(&s.message), TRIVET_INVALID_ARGUMENT, "has 3 bytes");
}

static void broken_columns_are_refused(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s);
    s.columns[1].name = s.area;
    assert_refused(decode(&s.message), TRIVET_INVALID_ARGUMENT, "'area' stands twice");
    sample_init(&s);
    s.columns[0].values_case = TRIVET__V1__TABLE_COLUMN__VALUES__NOT_SET;
    assert_refused(decode(&s.message), TRIVET_INVALID_ARGUMENT, "'area' has no values");
    s.columns[0].values_case = TRIVET__V1__TABLE_COLUMN__VALUES_NUMERIC;
    s.columns[0].numeric = NULL;
    assert_refused(decode(&s.message), TRIVET_INVALID_ARGUMENT, "'area' has no values");
    sample_init(&s);
    s.area[0] = '\0';
    assert_refused(decode(&s.message), TRIVET_INVALID_ARGUMENT, "column 1 has no name");
    s.pointers[0] = NULL;
    assert_refused(decode(&s.message), TRIVET_INVALID_ARGUMENT, "column 1 has no name");
    sample_init(&s);
    s.bern[0] = (char)0xff;
    assert_refused(decode(&s.message), TRIVET_INVALID_ARGUMENT, "entry 1 of the dictionary");
    s.categorical.n_dictionary = TRIVET_ROWS_MAX_PER_CALL + 1;
    assert_refused(decode(&s.message), TRIVET_INVALID_ARGUMENT, "1000001 entries");
    s.message.n_columns = 0;
    assert_refused(decode(&s.message), TRIVET_INVALID_ARGUMENT, "no columns");
    assert_refused(decode(NULL), TRIVET_INVALID_ARGUMENT, "no columns");
    s.message.n_columns = TRIVET_COLUMNS_MAX + 1;
    assert_refused(decode(&s.message), TRIVET_INVALID_ARGUMENT, "4097 columns");
}

static void zero_rows_are_a_table(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s);
    s.message.rows = 0;
    s.numeric = (Trivet__V1__NumericColumn)TRIVET__V1__NUMERIC_COLUMN__INIT;
    s.categorical = (Trivet__V1__CategoricalColumn)TRIVET__V1__CATEGORICAL_COLUMN__INIT;
    struct trivet_table table;
    struct trivet_row_status *rows;
    assert_ok(trivet_table_decode(&s.message, arena, &table, &rows, &err));
    assert_int_equal(table.n_rows, 0);
    assert_int_equal(table.n_columns, 2);
}

static void a_spent_budget_is_told(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s);
    s.numbers[0] = (double)NAN;
    s.codes[0] = 7;
    struct trivet_arena *small = NULL;
    enum trivet_status status = TRIVET_RESOURCE_EXHAUSTED;
    struct trivet_table table;
    struct trivet_row_status *rows;
    for (size_t budget = 16; status == TRIVET_RESOURCE_EXHAUSTED; budget += 16) {
        small = trivet_arena_create(budget, 0);
        status = trivet_table_decode(&s.message, small, &table, &rows, &err);
        trivet_arena_free(small);
        assert_true(budget < 4096);
    }
    assert_int_equal(status, TRIVET_OK);
}

static void inputs_are_bound_by_name(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s);
    s.numbers[1] = (double)NAN;
    s.codes[3] = 5;
    struct trivet_schema inputs = make_schema("city:c");
    struct trivet_table table;
    struct trivet_row_status *rows;
    assert_ok(trivet_table_decode_inputs(&s.message, &inputs, arena, &table, &rows, &err));
    assert_int_equal(table.n_columns, 1);
    assert_string_equal(table.columns[0].name, "city");
    /* "area" is not asked for, so its NaN is nobody's fault. */
    assert_int_equal(rows[1].fault, TRIVET_ROW_FINE);
    assert_int_equal(rows[3].fault, TRIVET_ROW_BAD_CODE);
    assert_int_equal(rows[3].column, 0);
    trivet_schema_release(&inputs);
    inputs = make_schema("city:c,area:n");
    assert_ok(trivet_table_decode_inputs(&s.message, &inputs, arena, &table, &rows, &err));
    assert_int_equal(rows[1].fault, TRIVET_ROW_NAN);
    assert_int_equal(rows[1].column, 1);
    s.columns[1].name = s.area;
    assert_refused(trivet_table_decode_inputs(&s.message, &inputs, arena, &table, &rows, &err),
                   TRIVET_INVALID_ARGUMENT, "stands twice");
    trivet_schema_release(&inputs);
}

static void inputs_of_the_wrong_type_may_be_null(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s);
    struct trivet_schema inputs = make_schema("area:c,city:n");
    struct trivet_table table;
    struct trivet_row_status *rows;
    assert_refused(trivet_table_decode_inputs(&s.message, &inputs, arena, &table, &rows, &err),
                   TRIVET_INVALID_ARGUMENT, "'area' is numeric and must be categorical; send text");
    assert_int_equal(err.n_violations, 1);
    assert_string_equal(err.violations[0].field, "area");
    memset(s.bitmap, 0xff, sizeof(s.bitmap));
    for (size_t i = 0; i < 2; i++) {
        s.columns[i].null_bitmap = (ProtobufCBinaryData){.len = 2, .data = s.bitmap};
    }
    assert_ok(trivet_table_decode_inputs(&s.message, &inputs, arena, &table, &rows, &err));
    for (size_t i = 0; i < 10; i++) {
        assert_string_equal(text_at(&table, 0, i), "(null)");
        assert_true(isnan(number_at(&table, 1, i)));
    }
    trivet_schema_release(&inputs);
}

static void binding_names_what_is_missing(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s);
    struct trivet_table table;
    struct trivet_table bound;
    struct trivet_row_status *rows;
    assert_ok(trivet_table_decode(&s.message, arena, &table, &rows, &err));
    struct trivet_schema inputs = make_schema("city:c,area:n");
    assert_ok(trivet_table_bind(&table, &inputs, arena, &bound, &err));
    assert_string_equal(bound.columns[0].name, "city");
    assert_ptr_equal(bound.columns[1].numbers, s.numbers);
    trivet_schema_release(&inputs);
    inputs = make_schema("area:n,rooms:n");
    assert_refused(trivet_table_bind(&table, &inputs, arena, &bound, &err), TRIVET_INVALID_ARGUMENT,
                   "the data has no column 'rooms'; add it");
    trivet_schema_release(&inputs);
    inputs = make_schema("a:n,b:n,city:c,c:c");
    assert_refused(trivet_table_bind(&table, &inputs, arena, &bound, &err), TRIVET_INVALID_ARGUMENT,
                   "lacks 3 columns: 'a', 'b', 'c'; add them");
    assert_int_equal(err.n_violations, 3);
    assert_string_equal(err.violations[2].field, "c");
    assert_non_null(strstr(err.violations[2].reason, "categorical column is required"));
    trivet_schema_release(&inputs);
    inputs = make_schema("a:n,b:n,c:c,d:n,e:n");
    assert_refused(trivet_table_bind(&table, &inputs, arena, &bound, &err), TRIVET_INVALID_ARGUMENT,
                   "lacks 5 columns: 'a', 'b', 'c' and 2 more");
    trivet_schema_release(&inputs);
    inputs = make_schema("city:n");
    assert_refused(trivet_table_bind(&table, &inputs, arena, &bound, &err), TRIVET_INVALID_ARGUMENT,
                   "'city' is categorical and must be numeric; send numbers");
    trivet_schema_release(&inputs);
}

static void a_null_column_binds_to_any_type(void **state)
{
    (void)state;
    const double nan = (double)NAN;
    const double numbers[2] = {nan, nan};
    const uint32_t codes[2] = {TRIVET_CODE_NULL, TRIVET_CODE_NULL};
    const struct trivet_column columns[] = {
        {.name = "a", .type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = numbers},
        {.name = "b", .type = TRIVET_COLUMN_CATEGORICAL, .stride = 1, .codes = codes},
    };
    const struct trivet_table table = {.n_rows = 2, .n_columns = 2, .columns = columns};
    struct trivet_schema inputs = make_schema("a:c,b:n");
    struct trivet_table bound;
    assert_ok(trivet_table_bind(&table, &inputs, arena, &bound, &err));
    assert_string_equal(text_at(&bound, 0, 1), "(null)");
    assert_true(isnan(number_at(&bound, 1, 1)));
    trivet_schema_release(&inputs);
}

/* --- matrices --- */

static void a_matrix_is_strided_columns(void **state)
{
    (void)state;
    double values[6] = {1, 2, 3, 4, 5, 6};
    Trivet__V1__Matrix message = TRIVET__V1__MATRIX__INIT;
    message.rows = 3;
    message.cols = 2;
    message.n_f64 = 6;
    message.f64 = values;
    struct trivet_schema inputs = make_schema("a:n,b:n");
    struct trivet_table table;
    struct trivet_row_status *rows;
    assert_ok(trivet_table_decode_matrix(&message, &inputs, arena, &table, &rows, &err));
    assert_ptr_equal(table.columns[1].numbers, values + 1);
    assert_number(number_at(&table, 0, 2), 5);
    assert_number(number_at(&table, 1, 2), 6);
    float floats[6] = {0.1f, 2, 3, 4, 5, 6};
    message.n_f64 = 0;
    message.n_f32 = 6;
    message.f32 = floats;
    assert_ok(trivet_table_decode_matrix(&message, &inputs, arena, &table, &rows, &err));
    assert_number(number_at(&table, 0, 0), (double)0.1f);
    message = (Trivet__V1__Matrix)TRIVET__V1__MATRIX__INIT;
    message.cols = 2;
    assert_ok(trivet_table_decode_matrix(&message, &inputs, arena, &table, &rows, &err));
    assert_int_equal(table.n_rows, 0);
    trivet_schema_release(&inputs);
}

static void nan_in_a_matrix_is_a_fault_unless_it_is_missing(void **state)
{
    (void)state;
    double values[6] = {1, (double)NAN, 3, 4, (double)INFINITY, 6};
    Trivet__V1__Matrix message = TRIVET__V1__MATRIX__INIT;
    message.rows = 3;
    message.cols = 2;
    message.n_f64 = 6;
    message.f64 = values;
    struct trivet_schema inputs = make_schema("a:n,b:n");
    struct trivet_table table;
    struct trivet_row_status *rows;
    assert_ok(trivet_table_decode_matrix(&message, &inputs, arena, &table, &rows, &err));
    assert_int_equal(rows[0].fault, TRIVET_ROW_NAN);
    assert_int_equal(rows[0].column, 1);
    assert_int_equal(rows[1].fault, TRIVET_ROW_FINE);
    assert_int_equal(rows[2].fault, TRIVET_ROW_INFINITE);
    assert_true(isnan(number_at(&table, 0, 2)));
    assert_true(isinf(values[4]));
    message.nan_is_missing = true;
    assert_ok(trivet_table_decode_matrix(&message, &inputs, arena, &table, &rows, &err));
    assert_int_equal(rows[0].fault, TRIVET_ROW_FINE);
    assert_true(isnan(number_at(&table, 1, 0)));
    assert_int_equal(rows[2].fault, TRIVET_ROW_INFINITE);
    trivet_schema_release(&inputs);
}

static enum trivet_status decode_matrix(const Trivet__V1__Matrix *message,
                                        const struct trivet_schema *inputs)
{
    struct trivet_table table;
    struct trivet_row_status *rows;
    return trivet_table_decode_matrix(message, inputs, arena, &table, &rows, &err);
}

static void bad_matrices_are_refused(void **state)
{
    (void)state;
    double values[6] = {1, 2, 3, 4, 5, 6};
    float floats[6] = {1, 2, 3, 4, 5, 6};
    Trivet__V1__Matrix message = TRIVET__V1__MATRIX__INIT;
    message.rows = 3;
    message.cols = 2;
    message.n_f64 = 5;
    message.f64 = values;
    struct trivet_schema inputs = make_schema("a:n,b:n");
    assert_refused(decode_matrix(&message, &inputs), TRIVET_INVALID_ARGUMENT,
                   "holds 5 float64 and 0 float32");
    message.n_f64 = 6;
    message.n_f32 = 6;
    message.f32 = floats;
    assert_refused(decode_matrix(&message, &inputs), TRIVET_INVALID_ARGUMENT, "of one kind");
    message.n_f32 = 0;
    message.cols = 3;
    assert_refused(decode_matrix(&message, &inputs), TRIVET_INVALID_ARGUMENT,
                   "has 3 columns and the model takes 2");
    message.cols = 2;
    message.rows = TRIVET_ROWS_MAX_PER_CALL + 1;
    assert_refused(decode_matrix(&message, &inputs), TRIVET_INVALID_ARGUMENT, "1000001 rows");
    assert_refused(decode_matrix(NULL, &inputs), TRIVET_INVALID_ARGUMENT, "no matrix");
    trivet_schema_release(&inputs);
    inputs = make_schema("a:n,city:c");
    message.rows = 3;
    assert_refused(decode_matrix(&message, &inputs), TRIVET_INVALID_ARGUMENT,
                   "'city' is categorical");
    trivet_schema_release(&inputs);
}

/* --- views → messages --- */

static void a_table_comes_back_from_its_message(void **state)
{
    (void)state;
    static const char *const dictionary[] = {"Oslo", "", "Bern", "a,b"};
    const double nan = (double)NAN;
    const double numbers[] = {1, 9, nan, 9, -0.0, 9, 1e300, 9};
    const uint32_t codes[] = {3, 9, 0, 9, TRIVET_CODE_NULL, 9, 1, 9};
    const struct trivet_column columns[] = {
        {.name = "x", .type = TRIVET_COLUMN_NUMERIC, .stride = 2, .numbers = numbers},
        {.name = "city",
         .type = TRIVET_COLUMN_CATEGORICAL,
         .stride = 2,
         .codes = codes,
         .dictionary = dictionary,
         .n_dictionary = 4},
    };
    const struct trivet_table table = {.n_rows = 4, .n_columns = 2, .columns = columns};
    for (size_t first = 0; first < 4; first++) {
        for (size_t count = 0; first + count <= 4; count++) {
            struct trivet_column room[2];
            struct trivet_table slice = trivet_table_slice(&table, first, count, room);
            Trivet__V1__Table *message;
            struct trivet_table again;
            struct trivet_row_status *rows;
            assert_ok(trivet_table_encode(&slice, arena, &message, &err));
            assert_true(message->columns[1]->categorical->n_dictionary <= (count < 4 ? count : 4));
            assert_ok(trivet_table_decode(message, arena, &again, &rows, &err));
            assert_tables_equal(&slice, &again);
            for (size_t i = 0; i < count; i++) {
                assert_int_equal(rows[i].fault, TRIVET_ROW_FINE);
            }
        }
    }
}

static void a_plain_column_is_encoded_without_a_copy(void **state)
{
    (void)state;
    const double numbers[] = {1, 2};
    const struct trivet_column column = {
        .name = "x", .type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = numbers};
    struct trivet_table table = {.n_rows = 2, .n_columns = 1, .columns = &column};
    Trivet__V1__Table *message;
    assert_ok(trivet_table_encode(&table, arena, &message, &err));
    assert_ptr_equal(message->columns[0]->numeric->values, numbers);
    assert_int_equal(message->columns[0]->null_bitmap.len, 0);
    table.n_rows = TRIVET_ROWS_MAX_PER_CALL + 1;
    assert_refused(trivet_table_encode(&table, arena, &message, &err), TRIVET_INVALID_ARGUMENT,
                   "1000001 rows");
}

static void the_text_of_every_fault_is_told(void **state)
{
    (void)state;
    const struct trivet_column column = {.name = "area"};
    const struct trivet_table table = {.n_columns = 1, .columns = &column};
    char text[160];
    for (int fault = TRIVET_ROW_NAN; fault <= TRIVET_ROW_OVERFLOW; fault++) {
        struct trivet_row_status status = {.fault = (enum trivet_row_fault)fault};
        trivet_row_fault_text(status, &table, text, sizeof(text));
        assert_int_equal(strncmp(text, "column 'area': ", 15) == 0, fault != TRIVET_ROW_OVERFLOW);
        assert_non_null(strchr(text, ';'));
        status.column = 1;
        trivet_row_fault_text(status, &table, text, sizeof(text));
        assert_null(strstr(text, "area"));
        trivet_row_fault_text(status, &table, text, 4);
        assert_int_equal(strlen(text), 3);
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s);
    s.numbers[2] = (double)NAN;
    s.codes[2] = 7;
    struct trivet_schema inputs = make_schema("city:c,area:n");
    for (uint64_t k = 1;; k++) {
        struct trivet_table table;
        struct trivet_table bound;
        struct trivet_row_status *rows;
        Trivet__V1__Table *message;
        trivet_alloc_fail_at(k);
        struct trivet_arena *fresh = trivet_arena_create(1u << 20, 0);
        enum trivet_status status = TRIVET_RESOURCE_EXHAUSTED;
        if (fresh != NULL) {
            status = trivet_table_decode(&s.message, fresh, &table, &rows, &err);
        }
        if (status == TRIVET_OK) {
            status = trivet_table_bind(&table, &inputs, fresh, &bound, &err);
        }
        if (status == TRIVET_OK) {
            status = trivet_table_encode(&bound, fresh, &message, &err);
        }
        uint64_t counted = trivet_alloc_fail_at(0);
        trivet_arena_free(fresh);
        if (counted < k) {
            assert_int_equal(status, TRIVET_OK);
            break;
        }
        assert_int_equal(status, TRIVET_RESOURCE_EXHAUSTED);
    }
    trivet_schema_release(&inputs);
}

#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ARENA(values_stay_in_the_message),
        WITH_ARENA(nulls_become_nan_and_null_codes),
        WITH_ARENA(a_bad_value_is_its_rows_fault),
        WITH_ARENA(counts_that_do_not_match_are_refused),
        WITH_ARENA(broken_columns_are_refused),
        WITH_ARENA(zero_rows_are_a_table),
        WITH_ARENA(a_spent_budget_is_told),
        WITH_ARENA(inputs_are_bound_by_name),
        WITH_ARENA(inputs_of_the_wrong_type_may_be_null),
        WITH_ARENA(binding_names_what_is_missing),
        WITH_ARENA(a_null_column_binds_to_any_type),
        WITH_ARENA(a_matrix_is_strided_columns),
        WITH_ARENA(nan_in_a_matrix_is_a_fault_unless_it_is_missing),
        WITH_ARENA(bad_matrices_are_refused),
        WITH_ARENA(a_table_comes_back_from_its_message),
        WITH_ARENA(a_plain_column_is_encoded_without_a_copy),
        WITH_ARENA(the_text_of_every_fault_is_told),
        WITH_ARENA(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
