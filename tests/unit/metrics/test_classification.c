/* Metrics of predicted classes against scikit-learn 1.2. Expected values of a case with truth t and
 * predictions p are, in the table's order: accuracy_score, balanced_accuracy_score,
 * precision_recall_fscore_support(average="binary" of two classes, else "macro"), the same for
 * "macro" and "weighted", f1_score(average="micro"), matthews_corrcoef. */
#include "metrics/classification.h"

#include "base/compiler.h"
#include "support.h"

static const char *const names[] = {
    "accuracy",
    "balanced_accuracy",
    "precision",
    "recall",
    "f1",
    "precision_macro",
    "recall_macro",
    "f1_macro",
    "precision_weighted",
    "recall_weighted",
    "f1_weighted",
    "f1_micro",
    "mcc",
};

enum { CLASSES_MAX = 4, ROWS_MAX = 12 };

struct example {
    size_t n_rows;
    size_t n_classes;
    uint32_t truth[ROWS_MAX];
    uint32_t predicted[ROWS_MAX];
    uint64_t counts[CLASSES_MAX * CLASSES_MAX];
    double expected[TRIVET_CLASSIFICATION_METRICS];
};

static const struct example examples[] = {
    {12,
     3,
     {0, 0, 0, 1, 1, 2, 2, 2, 2, 1, 0, 2},
     {0, 1, 0, 1, 1, 2, 0, 2, 1, 2, 0, 2},
     {3, 1, 0, 0, 2, 1, 1, 1, 3},
     {0.6666666666666666, 0.6722222222222222, 0.6666666666666666, 0.6722222222222222,
      0.6626984126984127, 0.6666666666666666, 0.6722222222222222, 0.6626984126984127, 0.6875,
      0.6666666666666666, 0.6706349206349206, 0.6666666666666666, 0.5052911526399114}},
    {10,
     2,
     {0, 1, 1, 0, 1, 0, 0, 0, 1, 0},
     {0, 1, 0, 0, 1, 1, 0, 0, 1, 0},
     {5, 1, 1, 3},
     {0.8, 0.7916666666666667, 0.75, 0.75, 0.75, 0.7916666666666667, 0.7916666666666667,
      0.7916666666666667, 0.8, 0.8, 0.8, 0.8, 0.5833333333333334}},
    /* The positive class is never predicted. */
    {4,
     2,
     {0, 0, 1, 0},
     {0, 0, 0, 0},
     {3, 0, 1, 0},
     {0.75, 0.5, 0, 0, 0, 0.375, 0.5, 0.42857142857142855, 0.5625, 0.75, 0.6428571428571428, 0.75,
      0}},
    /* Class 2 is only predicted, class 3 is nowhere. */
    {5,
     4,
     {0, 0, 1, 1, 0},
     {0, 2, 1, 0, 0},
     {2, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
     {0.6, 0.5833333333333333, 0.5555555555555555, 0.38888888888888884, 0.4444444444444444,
      0.5555555555555555, 0.38888888888888884, 0.4444444444444444, 0.8, 0.6, 0.6666666666666666,
      0.6, 0.3086066999241838}},
    /* One class, met everywhere. */
    {3, 1, {0, 0, 0}, {0, 0, 0}, {3}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0}},
};

static void as_scikit_learn(void **state)
{
    (void)state;
    for (size_t e = 0; e < TRIVET_ARRAY_COUNT(examples); e++) {
        const struct example *example = &examples[e];
        uint64_t counts[CLASSES_MAX * CLASSES_MAX];
        struct trivet_metric out[TRIVET_CLASSIFICATION_METRICS];
        memset(counts, 0xff, sizeof(counts));
        trivet_metrics_confusion(example->truth, example->predicted, example->n_rows,
                                 example->n_classes, counts);
        assert_memory_equal(counts, example->counts,
                            example->n_classes * example->n_classes * sizeof(*counts));
        trivet_metrics_classification(counts, example->n_classes, out);
        for (size_t m = 0; m < TRIVET_CLASSIFICATION_METRICS; m++) {
            assert_metric(&out[m], names[m], example->expected[m]);
        }
    }
}

static void classes_tell_where_they_divided_by_zero(void **state)
{
    (void)state;
    struct trivet_class_metrics out[4];
    trivet_metrics_per_class(examples[3].counts, 4, out);
    assert_int_equal(out[0].support, 3);
    assert_int_equal(out[0].n_predicted, 3);
    assert_near(out[0].precision, 2.0 / 3.0);
    assert_near(out[0].recall, 2.0 / 3.0);
    assert_near(out[0].f1, 2.0 / 3.0);
    assert_near(out[1].precision, 1.0);
    assert_near(out[1].recall, 0.5);
    assert_near(out[1].f1, 2.0 / 3.0);
    for (size_t c = 0; c < 2; c++) {
        assert_true(out[c].precision_defined && out[c].recall_defined && out[c].f1_defined);
    }
    assert_true(out[2].precision_defined && out[2].f1_defined);
    assert_false(out[2].recall_defined);
    assert_int_equal(out[2].n_predicted, 1);
    assert_false(out[3].precision_defined || out[3].recall_defined || out[3].f1_defined);
    assert_true(out[3].precision == 0.0 && out[3].recall == 0.0 && out[3].f1 == 0.0);
    trivet_metrics_per_class(examples[2].counts, 2, out);
    assert_false(out[1].precision_defined);
    assert_true(out[1].recall_defined && out[1].f1_defined);
}

static void no_rows_define_nothing(void **state)
{
    (void)state;
    uint64_t counts[9];
    struct trivet_metric out[TRIVET_CLASSIFICATION_METRICS];
    trivet_metrics_confusion(NULL, NULL, 0, 3, counts);
    trivet_metrics_classification(counts, 3, out);
    for (size_t m = 0; m < TRIVET_CLASSIFICATION_METRICS; m++) {
        assert_undefined(&out[m], names[m]);
    }
}

static void all_wrong_is_minus_one(void **state)
{
    (void)state;
    static const uint64_t counts[4] = {0, 7, 5, 0};
    struct trivet_metric out[TRIVET_CLASSIFICATION_METRICS];
    trivet_metrics_classification(counts, 2, out);
    assert_metric(&out[0], "accuracy", 0.0);
    assert_metric(&out[12], "mcc", -1.0);
}

/* Products of the counts go beyond 64 bits. */
static void huge_counts_lose_no_digits(void **state)
{
    (void)state;
    static const uint64_t small[4] = {5000, 1000, 1000, 3000};
    uint64_t large[4];
    struct trivet_metric out[TRIVET_CLASSIFICATION_METRICS];
    for (size_t i = 0; i < 4; i++) {
        large[i] = small[i] * UINT64_C(1000000000000);
    }
    trivet_metrics_classification(large, 2, out);
    assert_metric(&out[0], "accuracy", 0.8);
    assert_metric(&out[12], "mcc", 0.5833333333333334);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_scikit_learn),
        cmocka_unit_test(classes_tell_where_they_divided_by_zero),
        cmocka_unit_test(no_rows_define_nothing),
        cmocka_unit_test(all_wrong_is_minus_one),
        cmocka_unit_test(huge_counts_lose_no_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
