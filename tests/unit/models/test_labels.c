/* Labels of classes, and what a prediction's columns mean. */
#include "fixture.h"

#include "models/labels.h"
#include "models/outputs.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

static void numbers_ascend_as_numbers(void **state)
{
    (void)state;
    static const double y[] = {10, 2, NAN, -0.0, 2, 0.0, 1.5};
    const struct trivet_column column = fixture_numbers("y", y);
    struct trivet_labels labels = {0};
    struct trivet_error err = {0};
    uint32_t classes[7];
    assert_int_equal(trivet_labels_collect(&column, NULL, 7, &labels, &err), TRIVET_OK);
    assert_int_equal(labels.n_labels, 4);
    static const char *const expected[] = {"0", "1.5", "2", "10"};
    for (size_t k = 0; k < 4; k++) {
        assert_string_equal(labels.texts[k], expected[k]);
    }
    assert_int_equal(trivet_labels_index(&labels, &column, NULL, 7, classes, &err), TRIVET_OK);
    static const uint32_t wanted[] = {3, 2, TRIVET_CLASS_MISSING, 0, 2, 0, 1};
    assert_memory_equal(classes, wanted, sizeof wanted);
    trivet_labels_release(&labels);
}

static void texts_ascend_by_bytes(void **state)
{
    (void)state;
    static const char *const dictionary[] = {"pear", "apple", "unused", "Zebra"};
    static const uint32_t codes[] = {0, 3, 1, TRIVET_CODE_NULL, 0};
    static const size_t rows[] = {0, 1, 2};
    const struct trivet_column column = fixture_codes("kind", codes, dictionary, 4);
    struct trivet_labels labels = {0};
    struct trivet_error err = {0};
    uint32_t classes[5];
    assert_int_equal(trivet_labels_collect(&column, rows, 3, &labels, &err), TRIVET_OK);
    assert_int_equal(labels.n_labels, 3);
    assert_string_equal(labels.texts[0], "Zebra");
    assert_string_equal(labels.texts[2], "pear");
    static const char *const others[] = {"pear", "plum"};
    static const uint32_t other_codes[] = {1, 0};
    const struct trivet_column other = fixture_codes("kind", other_codes, others, 2);
    assert_int_equal(trivet_labels_index(&labels, &other, NULL, 2, classes, &err), TRIVET_OK);
    assert_int_equal(classes[0], TRIVET_CLASS_UNKNOWN);
    assert_int_equal(classes[1], 2);
    trivet_labels_release(&labels);
}

static void numbers_and_texts_meet(void **state)
{
    (void)state;
    static const double y[] = {1, 2};
    static const char *const dictionary[] = {"2", "two"};
    static const uint32_t codes[] = {0, 1};
    const struct trivet_column numbers = fixture_numbers("y", y);
    const struct trivet_column texts = fixture_codes("y", codes, dictionary, 2);
    struct trivet_labels labels = {0};
    struct trivet_error err = {0};
    uint32_t classes[2];
    assert_int_equal(trivet_labels_collect(&numbers, NULL, 2, &labels, &err), TRIVET_OK);
    assert_int_equal(trivet_labels_index(&labels, &texts, NULL, 2, classes, &err), TRIVET_OK);
    assert_int_equal(classes[0], 1);
    assert_int_equal(classes[1], TRIVET_CLASS_UNKNOWN);
    trivet_labels_release(&labels);
}

static void one_class_or_too_many_are_refused(void **state)
{
    (void)state;
    static double y[TRIVET_CLASSES_MAX + 1];
    struct trivet_labels labels = {0};
    struct trivet_error err = {0};
    struct trivet_column column = fixture_numbers("y", y);
    assert_int_equal(trivet_labels_collect(&column, NULL, 5, &labels, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "single class '0'"));
    for (size_t i = 0; i <= TRIVET_CLASSES_MAX; i++) {
        y[i] = (double)i;
    }
    assert_int_equal(trivet_labels_collect(&column, NULL, TRIVET_CLASSES_MAX, &labels, &err),
                     TRIVET_OK);
    trivet_labels_release(&labels);
    assert_int_equal(trivet_labels_collect(&column, NULL, TRIVET_CLASSES_MAX + 1, &labels, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "regression"));
    y[1] = INFINITY;
    assert_int_equal(trivet_labels_collect(&column, NULL, 3, &labels, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "row 2"));
}

static void saved_labels_are_checked(void **state)
{
    (void)state;
    char a[] = "2";
    char b[] = "10";
    char c[] = "x";
    char *good[] = {a, b};
    char *turned[] = {b, a};
    char *same[] = {a, a};
    char *text[] = {a, c};
    struct trivet_labels labels = {0};
    struct trivet_error err = {0};
    assert_int_equal(trivet_labels_load(good, 2, TRIVET_COLUMN_NUMERIC, &labels, &err), TRIVET_OK);
    trivet_labels_release(&labels);
    /* By bytes "10" comes first. */
    assert_int_equal(trivet_labels_load(turned, 2, TRIVET_COLUMN_CATEGORICAL, &labels, &err),
                     TRIVET_OK);
    trivet_labels_release(&labels);
    assert_int_equal(trivet_labels_load(turned, 2, TRIVET_COLUMN_NUMERIC, &labels, &err),
                     TRIVET_DATA_LOSS);
    assert_int_equal(trivet_labels_load(same, 2, TRIVET_COLUMN_NUMERIC, &labels, &err),
                     TRIVET_DATA_LOSS);
    assert_int_equal(trivet_labels_load(text, 2, TRIVET_COLUMN_NUMERIC, &labels, &err),
                     TRIVET_DATA_LOSS);
    assert_int_equal(trivet_labels_load(good, 1, TRIVET_COLUMN_NUMERIC, &labels, &err),
                     TRIVET_DATA_LOSS);
}

static void decisions(void **state)
{
    (void)state;
    static const double row[] = {0.2, 0.5, 0.5};
    static const double below[] = {-0.1};
    static const double zero[] = {0.0};
    static const double above[] = {0.1};
    /* Pairs (0, 1), (0, 2), (1, 2): 0 beats 1, 2 beats 0, 1 beats 2: one vote each. */
    static const double circle[] = {1.0, -1.0, 1.0};
    static const double last[] = {1.0, -1.0, -1.0};
    assert_int_equal(trivet_outputs_decide(TRIVET_OUTPUT_PROBABILITIES, row, 3, 3), 1);
    assert_int_equal(trivet_outputs_decide(TRIVET_OUTPUT_DISTANCES, row, 3, 0), 0);
    assert_int_equal(trivet_outputs_decide(TRIVET_OUTPUT_MARGINS, row, 3, 3), 1);
    assert_int_equal(trivet_outputs_decide(TRIVET_OUTPUT_MARGINS, below, 1, 2), 0);
    assert_int_equal(trivet_outputs_decide(TRIVET_OUTPUT_MARGINS, zero, 1, 2), 0);
    assert_int_equal(trivet_outputs_decide(TRIVET_OUTPUT_MARGINS, above, 1, 2), 1);
    assert_int_equal(trivet_outputs_decide(TRIVET_OUTPUT_PAIR_MARGINS, circle, 3, 3), 0);
    assert_int_equal(trivet_outputs_decide(TRIVET_OUTPUT_PAIR_MARGINS, last, 3, 3), 2);
}

static void columns_and_names(void **state)
{
    (void)state;
    size_t n = 0;
    assert_int_equal(trivet_outputs_columns(TRIVET_OUTPUT_VALUE, 0), 1);
    assert_int_equal(trivet_outputs_columns(TRIVET_OUTPUT_PROBABILITIES, 4), 4);
    assert_int_equal(trivet_outputs_columns(TRIVET_OUTPUT_MARGINS, 2), 1);
    assert_int_equal(trivet_outputs_columns(TRIVET_OUTPUT_MARGINS, 4), 4);
    assert_int_equal(trivet_outputs_columns(TRIVET_OUTPUT_PAIR_MARGINS, 4), 6);
    assert_string_equal(trivet_outputs_of(TRIVET_OUTPUT_VALUE, &n)[0].name, "prediction");
    assert_int_equal(n, 1);
    const struct trivet_output *outputs = trivet_outputs_of(TRIVET_OUTPUT_PROBABILITIES, &n);
    assert_int_equal(n, 2);
    assert_true(outputs[0].is_text && outputs[0].is_decision && !outputs[1].is_decision);
    assert_string_equal(outputs[1].name, "probabilities");
    assert_false(trivet_outputs_of(TRIVET_OUTPUT_DISTANCES, &n)[0].is_text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_ascend_as_numbers),
        cmocka_unit_test(texts_ascend_by_bytes),
        cmocka_unit_test(numbers_and_texts_meet),
        cmocka_unit_test(one_class_or_too_many_are_refused),
        cmocka_unit_test(saved_labels_are_checked),
        cmocka_unit_test(decisions),
        cmocka_unit_test(columns_and_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
