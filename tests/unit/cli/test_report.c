/* Reports as a person reads them, and as CSV. */
#include "clients/cli/bar.h"
#include "clients/cli/report.h"
#include "clients/cli/report_parts.h"
#include "report_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct trivet_cli person = {.out_is_terminal = true};
static struct trivet_cli program;
static const struct trivet_cli_subject subject = {"m", 3};
static char text[REPORT_TEXT_BYTES];

static int begin(void **state)
{
    (void)state;
    report_reset();
    return 0;
}

static void shows(const char *part)
{
    if (strstr(text, part) == NULL) {
        print_message("%s\n", text);
    }
    assert_non_null(strstr(text, part));
}

static void hides(const char *part)
{
    assert_null(strstr(text, part));
}

static void print_training(struct trivet_cli *cli, const Trivet__V1__TrainingReport *report)
{
    report_capture_begin();
    int code = trivet_cli_print_training(cli, &subject, report);
    report_capture_end(text);
    assert_int_equal(code, TRIVET_CLI_DONE);
}

static void print_evaluation(struct trivet_cli *cli, const Trivet__V1__EvaluationReport *report)
{
    report_capture_begin();
    int code = trivet_cli_print_evaluation(cli, &subject, report);
    report_capture_end(text);
    assert_int_equal(code, TRIVET_CLI_DONE);
}

/* --- metrics --- */

static const char *const class_metrics[] = {"accuracy", "precision", "precision_macro",
                                            "recall_weighted", "log_loss"};

static void test_overfitting_at_a_glance(void **state)
{
    (void)state;
    static const double of_train[] = {0.99, 0.98, 0.98, 0.99, 0.1};
    static const double of_test[] = {0.70, 0.93, 0.8801, 0.7, 9};
    Trivet__V1__EvaluationReport train = TRIVET__V1__EVALUATION_REPORT__INIT;
    Trivet__V1__EvaluationReport test = TRIVET__V1__EVALUATION_REPORT__INIT;
    Trivet__V1__TrainingReport report = TRIVET__V1__TRAINING_REPORT__INIT;
    report.estimator = trivet_cli_field("tree");
    report.train = &train;
    report.test = &test;
    train.task = TRIVET__V1__TASK__TASK_CLASSIFICATION;
    train.n_metrics = 5;
    train.metrics = report_metrics(5, class_metrics, of_train);
    test.n_metrics = 5;
    test.metrics = report_metrics(5, class_metrics, of_test);
    print_training(&person, &report);
    shows("accuracy         0.9900  0.7000  ! worse by 0.29\n");
    shows("precision        0.9800  0.9300\n");
    shows("precision_macro  0.9800  0.8801\n"); /* 0.1 is not more than 0.1 */
    shows("log_loss         0.1000  9.0000\n");
    shows("Overfitting much better on");
    /* On 11 rows that is chance, on 12 no longer. */
    report.rows_test = 11;
    print_training(&person, &report);
    hides("worse by");
    report.rows_test = 12;
    print_training(&person, &report);
    shows("worse by");
    hides("recall_weighted"); /* is the accuracy */
    /* Without a gap nothing is said. */
    test.metrics = train.metrics;
    print_training(&person, &report);
    hides("Overfitting");
    /* With several classes the macro average is said once. */
    report_classes(&train, 3);
    print_training(&person, &report);
    hides("precision  ");
    shows("precision_macro");
}

static void test_metrics_as_csv_are_all_and_exact(void **state)
{
    (void)state;
    static const double values[] = {1.0 / 3, 1, 1, 0.5, 0.1};
    Trivet__V1__EvaluationReport train = TRIVET__V1__EVALUATION_REPORT__INIT;
    Trivet__V1__TrainingReport report = TRIVET__V1__TRAINING_REPORT__INIT;
    report.train = &train;
    train.n_metrics = 5;
    train.metrics = report_metrics(5, class_metrics, values);
    train.metrics[1]->defined = false;
    print_training(&program, &report);
    assert_string_equal(text, "model,version,metric,train,test,cv_mean,cv_sd\n"
                              "m,3,accuracy,0.3333333333333333,,,\nm,3,precision,,,,\n"
                              "m,3,precision_macro,1,,,\nm,3,recall_weighted,0.5,,,\n"
                              "m,3,log_loss,0.1,,,\n");
}

/* --- how it was made --- */

static void test_facts_of_a_training(void **state)
{
    (void)state;
    static const char *const facts[] = {"support_vectors", "duality_gap"};
    static const double fact_values[] = {12, 1e-5};
    Trivet__V1__DroppedRows no_target = TRIVET__V1__DROPPED_ROWS__INIT;
    Trivet__V1__DroppedRows duplicate = TRIVET__V1__DROPPED_ROWS__INIT;
    Trivet__V1__DroppedRows *dropped[] = {&no_target, &duplicate};
    Trivet__V1__FitReport fit = TRIVET__V1__FIT_REPORT__INIT;
    Trivet__V1__TrainingReport report = TRIVET__V1__TRAINING_REPORT__INIT;
    double losses[] = {4, 3, 2, 1};
    no_target.reason = trivet_cli_field("no target");
    no_target.rows = 1000;
    duplicate.reason = trivet_cli_field("duplicate");
    duplicate.rows = 2;
    report.estimator = trivet_cli_field("svc");
    report.rows_train = 80;
    report.rows_test = 20;
    report.rows_dropped = 1002;
    report.n_dropped = 2;
    report.dropped = dropped;
    report.seed = 7;
    report.threads = 2;
    report.peak_rss_bytes = 5 << 20;
    report.base_rss_bytes = 3 << 20;
    report.data_bytes = 1 << 20;
    report.fit = &fit;
    fit.iterations = 200;
    fit.n_facts = 2;
    fit.facts = report_metrics(2, facts, fact_values);
    fit.n_loss_curve = 4;
    fit.loss_curve = losses;
    char *steps[] = {trivet_cli_field("imputer(mean): a, b, c, d, e, f, g, h, i, j"),
                     trivet_cli_field("imputer(mean): a, b, c, d, e, f, g, h, i"),
                     trivet_cli_field("svc")};
    report.n_steps = 3;
    report.steps = steps;
    print_training(&person, &report);
    shows("Steps       imputer(mean): a, b, c, d, e, f, g, h … 2 more\n"
          "            imputer(mean): a, b, c, d, e, f, g, h, i\n            svc\n");
    shows("Data        80 rows to train, 20 to test; 1,002 left out: 1,000 no target, 2\n          "
          "  duplicate\n");
    shows("Fit         did not converge after 200 iterations\n");
    shows("            support vectors 12, duality gap 1e-05\n");
    shows("Loss        4 to 1  █▆▃▁\n");
    shows("Run         seed 7, 2 threads, the fit alone ");
    shows("Memory      peak 5.0 MiB, 2.0 MiB above the start; the data takes 1.0 MiB\n");
}

/* --- classes --- */

static void test_classes_and_confusion(void **state)
{
    (void)state;
    Trivet__V1__EvaluationReport test = TRIVET__V1__EVALUATION_REPORT__INIT;
    Trivet__V1__ClassSupport of_a = TRIVET__V1__CLASS_SUPPORT__INIT;
    Trivet__V1__ClassSupport *trained[] = {&of_a};
    Trivet__V1__TrainingReport report = TRIVET__V1__TRAINING_REPORT__INIT;
    of_a.label = trivet_cli_field("class a");
    of_a.rows_train = 4321;
    report.estimator = trivet_cli_field("svc");
    report.test = &test;
    report.n_classes = 1;
    report.classes = trained;
    report_classes(&test, 3);
    print_training(&person, &report);
    shows("Classes, test rows\n"
          "CLASS    PRECISION  RECALL      F1   ROWS  ROWS TRAINED\n"
          "class a     0.5000  0.2500  0.3333  1,000         4,321\n"
          "class b     0.5000  0.2500  0.3333  1,001\n");
    shows("Confusion, test rows\n"
          "true \\ predicted  class a  class b  class c\n"
          "class a                 0        1        2\n"
          "class b                10       11       12\n");
}

static void test_many_classes(void **state)
{
    (void)state;
    Trivet__V1__EvaluationReport report = TRIVET__V1__EVALUATION_REPORT__INIT;
    report_classes(&report, 12);
    print_evaluation(&person, &report);
    shows("Confusion, rows scored\ntrue \\");
    report_classes(&report, 26);
    print_evaluation(&person, &report);
    shows("class y     0.5000");
    shows("\n… 1 more; --json has all\n\nMost frequent mistakes, rows scored\n"
          "TRUE     PREDICTED  ROWS\n"
          "class z  class y     274\n" /* not class z: that is right */
          "class z  class x     273\n");
    hides("class z  class z");
    shows("… 638 more; --json has all\n"); /* 26 · 25 less 12 */
}

/* --- coefficients --- */

static void make_coefficients(Trivet__V1__TrainingReport *report, size_t n_equations,
                              size_t n_features)
{
    static Trivet__V1__Coefficient all[256];
    static Trivet__V1__Coefficient *list[256];
    static Trivet__V1__Intercept ends[8];
    static Trivet__V1__Intercept *end_list[8];
    static char names[256][24];
    static char outputs[8][24];
    for (size_t k = 0; k < n_equations; k++) {
        snprintf(outputs[k], sizeof(outputs[k]), "%s%zu", n_equations > 1 ? "k" : "", k);
        trivet__v1__intercept__init(&ends[k]);
        ends[k].value = 100 + (double)k;
        end_list[k] = &ends[k];
        for (size_t j = 0; j < n_features; j++) {
            size_t at = k * n_features + j;
            snprintf(names[at], sizeof(names[at]), "x%zu", j);
            trivet__v1__coefficient__init(&all[at]);
            all[at].feature = names[at];
            all[at].value = (k % 2 == 0 ? 1.0 : -1.0) * (double)(j + 1);
            all[at].output = outputs[k];
            list[at] = &all[at];
        }
    }
    report->estimator = trivet_cli_field("e");
    report->coefficients = list;
    report->n_coefficients = n_equations * n_features;
    report->intercepts = end_list;
    report->n_intercepts = n_equations;
}

static void test_coefficients(void **state)
{
    (void)state;
    Trivet__V1__TrainingReport report = TRIVET__V1__TRAINING_REPORT__INIT;
    make_coefficients(&report, 1, 2);
    print_training(&person, &report);
    shows("FEATURE      COEFFICIENT\nx0                     1\nx1                     2\n"
          "(intercept)          100\n");
    make_coefficients(&report, 3, 2);
    print_training(&person, &report);
    shows("Coefficients by class\nfeature       k0   k1   k2\nx0             1   -1    1\n"
          "x1             2   -2    2\n(intercept)  100  101  102\n");
    make_coefficients(&report, 2, 22);
    print_training(&person, &report);
    shows("feature       k0   k1\nx21           22  -22\n");
    shows("The 20 largest of 22; --json has all.\n");
    hides("x1 ");
    make_coefficients(&report, 7, 4);
    print_training(&person, &report);
    shows("Largest coefficients\nCLASS  FEATURE  COEFFICIENT\nk0     x3                 4\n");
    shows("… 8 more; --json has all\n");
}

/* --- search, learning curve --- */

static void test_search(void **state)
{
    (void)state;
    static double scores[] = {0.5, 0.7};
    Trivet__V1__Parameter alpha = TRIVET__V1__PARAMETER__INIT;
    Trivet__V1__Parameter *alphas[] = {&alpha};
    Trivet__V1__Trial trials[3];
    Trivet__V1__Trial *list[] = {&trials[0], &trials[1], &trials[2]};
    Trivet__V1__SearchReport search = TRIVET__V1__SEARCH_REPORT__INIT;
    Trivet__V1__TrainingReport report = TRIVET__V1__TRAINING_REPORT__INIT;
    alpha.name = trivet_cli_field("alpha");
    alpha.value = trivet_cli_field("0.1");
    for (size_t i = 0; i < 3; i++) {
        trivet__v1__trial__init(&trials[i]);
        trials[i].estimator = trivet_cli_field("ridge");
        trials[i].state = TRIVET__V1__TRIAL_STATE__TRIAL_STATE_FINISHED;
    }
    trials[0].parameters = alphas;
    trials[0].n_parameters = 1;
    trials[0].scores = scores;
    trials[0].n_scores = 2;
    trials[0].mean = 0.6;
    trials[0].deviation = 0.1;
    trials[0].train_mean = 0.9;
    trials[0].seconds = 2;
    trials[1].state = TRIVET__V1__TRIAL_STATE__TRIAL_STATE_FAILED;
    trials[1].error_message = trivet_cli_field("singular");
    trials[2].state = TRIVET__V1__TRIAL_STATE__TRIAL_STATE_SKIPPED;
    search.metric = trivet_cli_field("r2");
    search.folds = 2;
    search.n_trials = 3;
    search.trials = list;
    search.reason = trivet_cli_field("it was best");
    report.estimator = trivet_cli_field("ridge");
    report.search = &search;
    print_training(&person, &report);
    shows("Search: 3 tried, 2 folds, best first; what did not finish comes after what did\n"
          "   PARAMETERS               R2   TRAIN    TOOK  STATE\n"
          "1  alpha=0.1   0.6000 ± 0.1000  0.9000  2.00 s\n"
          "                                                failed: singular\n"
          "                                                skipped, time was up\n"
          "Chosen      it was best\n");
    trials[1].estimator = trivet_cli_field("lasso");
    print_training(&person, &report);
    shows("   ESTIMATOR  PARAMETERS  ");
}

static void test_learning_curve(void **state)
{
    (void)state;
    Trivet__V1__LearningPoint point = TRIVET__V1__LEARNING_POINT__INIT;
    Trivet__V1__LearningPoint *points[] = {&point};
    Trivet__V1__LearningCurve curve = TRIVET__V1__LEARNING_CURVE__INIT;
    Trivet__V1__TrainingReport report = TRIVET__V1__TRAINING_REPORT__INIT;
    report.estimator = trivet_cli_field("ridge");
    report.learning_curve = &curve;
    curve.metric = trivet_cli_field("rmse");
    curve.points = points;
    curve.n_points = 1;
    point.rows_train = 1000;
    point.train_mean = 1.5;
    point.validation_mean = 2.5;
    point.validation_deviation = 0.25;
    print_training(&person, &report);
    shows("Learning curve, rmse\n ROWS    TRAIN    VALIDATION\n1,000  1.5 ± 0  2.5 ± 0.2500\n");
}

/* --- evaluation --- */

static void test_slices_and_importances(void **state)
{
    (void)state;
    static const char *const names[] = {"r2", "rmse"};
    static const double values[] = {0.5, 12};
    Trivet__V1__SliceReport slices[2];
    Trivet__V1__SliceReport *slice_list[] = {&slices[0], &slices[1]};
    Trivet__V1__Importance importances[2];
    Trivet__V1__Importance *importance_list[] = {&importances[0], &importances[1]};
    Trivet__V1__EvaluationReport report = TRIVET__V1__EVALUATION_REPORT__INIT;
    for (size_t i = 0; i < 2; i++) {
        trivet__v1__slice_report__init(&slices[i]);
        slices[i].column = trivet_cli_field("city");
        slices[i].value = trivet_cli_field(i == 0 ? "Graz" : "Linz");
        slices[i].rows = 10 + i;
        slices[i].n_metrics = 2;
        slices[i].metrics = report_metrics(2, names, values);
        trivet__v1__importance__init(&importances[i]);
        importances[i].column = trivet_cli_field(i == 0 ? "area" : "rooms");
        importances[i].mean = i == 0 ? 0.5 : 0.25;
    }
    report.task = TRIVET__V1__TASK__TASK_REGRESSION;
    report.rows = 21;
    report.n_metrics = 2;
    report.metrics = report_metrics(2, names, values);
    report.n_slices = 2;
    report.slices = slice_list;
    report.n_importances = 2;
    report.importances = importance_list;
    report.importance_metric = trivet_cli_field("r2");
    print_evaluation(&person, &report);
    shows("Slices\nCOLUMN      VALUE  ROWS      R2  RMSE\n(all rows)           21  0.5000    12\n"
          "city        Graz     10  0.5000    12\n            Linz     11  0.5000    12\n");
    shows("Importance: how much worse r2 gets when a column is shuffled\n"
          "COLUMN         WORSE BY\narea    0.5000 ± 0.0000  ████████████████████\n"
          "rooms   0.2500 ± 0.0000  ██████████\n");
    print_evaluation(&program, &report);
    assert_string_equal(text, "model,version,slice_column,slice_value,metric,value\n"
                              "m,3,,,r2,0.5\nm,3,,,rmse,12\nm,3,city,Graz,r2,0.5\n"
                              "m,3,city,Graz,rmse,12\nm,3,city,Linz,r2,0.5\n"
                              "m,3,city,Linz,rmse,12\n");
    report.n_slices = 0;
    print_evaluation(&program, &report);
    assert_string_equal(text, "model,version,metric,value\nm,3,r2,0.5\nm,3,rmse,12\n");
}

static void test_bars(void **state)
{
    (void)state;
    char bar[TRIVET_CLI_BAR_BYTES];
    double values[] = {0, 1, NAN, 2};
    trivet_cli_bar(0.5, 4, true, bar);
    assert_string_equal(bar, "██");
    trivet_cli_bar(1.0 / 32, 4, true, bar);
    assert_string_equal(bar, "▏");
    trivet_cli_bar(9, 3, false, bar);
    assert_string_equal(bar, "###");
    trivet_cli_bar(NAN, 3, true, bar);
    assert_string_equal(bar, "");
    trivet_cli_bar(1, 1000, true, bar);
    assert_int_equal(strlen(bar), 3 * TRIVET_CLI_BAR_WIDTH_MAX);
    trivet_cli_sparkline(values, 4, 8, true, bar);
    assert_string_equal(bar, "▁▅▁█");
    trivet_cli_sparkline(values, 4, 2, true, bar);
    assert_string_equal(bar, "▁█");
    trivet_cli_sparkline(values, 4, 8, false, bar);
    assert_string_equal(bar, "");
    trivet_cli_sparkline(&values[2], 1, 8, true, bar);
    assert_string_equal(bar, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_overfitting_at_a_glance, begin),
        cmocka_unit_test_setup(test_metrics_as_csv_are_all_and_exact, begin),
        cmocka_unit_test_setup(test_facts_of_a_training, begin),
        cmocka_unit_test_setup(test_classes_and_confusion, begin),
        cmocka_unit_test_setup(test_many_classes, begin),
        cmocka_unit_test_setup(test_coefficients, begin),
        cmocka_unit_test_setup(test_search, begin),
        cmocka_unit_test_setup(test_learning_curve, begin),
        cmocka_unit_test_setup(test_slices_and_importances, begin),
        cmocka_unit_test(test_bars),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    setenv("NO_COLOR", "1", 1);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    report_release();
    return failed;
}
