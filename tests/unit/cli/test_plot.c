/* Pages that gnuplot draws, and what is said when it cannot. */
#include "clients/cli/gnuplot.h"
#include "clients/cli/plot.h"
#include "clients/cli/plot_script.h"
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
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES 400000

static char folder[] = "plot-XXXXXX";
static char file_text[FILE_BYTES];
static const struct trivet_cli_subject subject = {"m", 3};

static int begin(void **state)
{
    (void)state;
    report_reset();
    return 0;
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    report_release();
    return rmdir(folder);
}

static void path_of(const char *name, char path[64])
{
    snprintf(path, 64, "%s/%s", folder, name);
}

/* The file's text; it is removed. */
static size_t take_file(const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t n_bytes = fread(file_text, 1, FILE_BYTES - 1, file);
    file_text[n_bytes] = '\0';
    fclose(file);
    assert_int_equal(unlink(path), 0);
    return n_bytes;
}

static bool exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

static void test_paths(void **state)
{
    (void)state;
    char path[TRIVET_CLI_PLOT_PATH_BYTES];
    char expected[64];
    trivet_cli_plot_path("a.svg", "m", 3, "evaluation", path);
    assert_string_equal(path, "a.svg");
    trivet_cli_plot_path("new/", "m", 3, "evaluation", path);
    assert_string_equal(path, "new/m-3-evaluation.png");
    trivet_cli_plot_path(folder, "m", 3, "training", path);
    path_of("m-3-training.png", expected);
    assert_string_equal(path, expected);
}

/* --- pages --- */

static double rising[] = {0, 0.5, 1};
static double curve_y[] = {0, 0.9, 1};
static double falling[] = {1, 0.9, 0.3};
static double bins[] = {5, 50, 500};

/* A label with everything that might mean something to gnuplot or to a shell. */
#define HOSTILE "'`touch pwned`@{"

static void make_classes(Trivet__V1__EvaluationReport *report, Trivet__V1__Curve **curves)
{
    trivet__v1__evaluation_report__init(report);
    report_classes(report, 3);
    report->confusion->labels[1] = trivet_cli_field(HOSTILE);
    report->rows = 1234;
    curves[0] = report_curve("roc", HOSTILE, rising, curve_y, 3);
    curves[1] = report_curve("roc", "class b", rising, rising, 3);
    curves[2] = report_curve("precision_recall", "class a", rising, falling, 3);
    curves[3] = report_curve("calibration", "", rising, curve_y, 3);
    curves[3]->z = bins;
    curves[3]->n_z = 3;
    report->curves = curves;
    report->n_curves = 4;
}

static void test_a_page_of_classes(void **state)
{
    (void)state;
    Trivet__V1__EvaluationReport report;
    Trivet__V1__Curve *curves[4];
    struct trivet_error err = {0};
    char path[64];
    make_classes(&report, curves);
    path_of("page.svg", path);
    enum trivet_status status = trivet_cli_plot_evaluation(&subject, &report, path, &err);
    print_message("%s\n", err.message);
    assert_int_equal(status, TRIVET_OK);
    take_file(path);
    assert_non_null(strstr(file_text, "<svg"));
    assert_non_null(strstr(file_text, "m version 3 on 1,234 rows"));
    assert_non_null(strstr(file_text, "class b (AUC 0.500)"));
    assert_non_null(strstr(file_text, "class a (AP 0.600)")); /* 0.5 · 0.9 + 0.5 · 0.3 */
    assert_non_null(strstr(file_text, "Calibration"));
    assert_non_null(strstr(file_text, "Confusion"));
    /* The label as it is, markup of SVG apart. */
    assert_non_null(strstr(file_text, "’`touch pwned`@{"));
    assert_false(exists("pwned"));
    path_of("page.png", path);
    assert_int_equal(trivet_cli_plot_evaluation(&subject, &report, path, &err), TRIVET_OK);
    assert_true(take_file(path) > 10000);
    assert_memory_equal(file_text, "\x89PNG", 4);
}

static void test_a_page_of_numbers(void **state)
{
    (void)state;
    static double truth[] = {1, 3, 2, NAN, 5};
    static double predicted[] = {1.5, 2.5, 2, 3, INFINITY};
    static double left[] = {-0.5, 0.5, 0, NAN, 0.25};
    Trivet__V1__EvaluationReport report = TRIVET__V1__EVALUATION_REPORT__INIT;
    Trivet__V1__Curve *curves[2] = {report_curve("prediction", "", predicted, truth, 5),
                                    report_curve("residuals", "", predicted, left, 5)};
    struct trivet_error err = {0};
    char path[64];
    path_of("page.svg", path);
    report.curves = curves;
    report.n_curves = 2;
    report.task = TRIVET__V1__TASK__TASK_REGRESSION;
    enum trivet_status status = trivet_cli_plot_evaluation(&subject, &report, path, &err);
    print_message("%s\n", err.message);
    assert_int_equal(status, TRIVET_OK);
    take_file(path);
    assert_non_null(strstr(file_text, "Predicted and true values"));
    assert_non_null(strstr(file_text, "Residuals"));
    assert_non_null(strstr(file_text, "Distribution"));
}

/* All values equal: axes still have a range. */
static void test_a_page_of_one_value(void **state)
{
    (void)state;
    static double same[] = {2, 2, 2};
    static double none[] = {0, 0, 0};
    Trivet__V1__EvaluationReport report = TRIVET__V1__EVALUATION_REPORT__INIT;
    Trivet__V1__Curve *curves[2] = {report_curve("prediction", "", same, same, 3),
                                    report_curve("residuals", "", same, none, 3)};
    struct trivet_error err = {0};
    char path[64];
    path_of("page.png", path);
    report.curves = curves;
    report.n_curves = 2;
    enum trivet_status status = trivet_cli_plot_evaluation(&subject, &report, path, &err);
    print_message("%s\n", err.message);
    assert_int_equal(status, TRIVET_OK);
    assert_true(take_file(path) > 1000);
}

static void test_a_page_of_a_training(void **state)
{
    (void)state;
    double losses[] = {100, 10, 1};
    Trivet__V1__FitReport fit = TRIVET__V1__FIT_REPORT__INIT;
    Trivet__V1__LearningPoint point = TRIVET__V1__LEARNING_POINT__INIT;
    Trivet__V1__LearningPoint more = TRIVET__V1__LEARNING_POINT__INIT;
    Trivet__V1__LearningPoint *points[] = {&point, &more};
    Trivet__V1__LearningCurve curve = TRIVET__V1__LEARNING_CURVE__INIT;
    Trivet__V1__TrainingReport report = TRIVET__V1__TRAINING_REPORT__INIT;
    struct trivet_error err = {0};
    char path[64];
    path_of("page.svg", path);
    report.estimator = trivet_cli_field("mlp");
    assert_int_equal(trivet_cli_plot_training(&subject, &report, path, &err),
                     TRIVET_FAILED_PRECONDITION);
    assert_non_null(strstr(err.message, "--learning-curve"));
    fit.loss_curve = losses;
    fit.n_loss_curve = 3;
    report.fit = &fit;
    curve.metric = trivet_cli_field("r2");
    curve.points = points;
    curve.n_points = 2;
    more.rows_train = 100;
    more.validation_mean = 0.5;
    report.learning_curve = &curve;
    enum trivet_status status = trivet_cli_plot_training(&subject, &report, path, &err);
    print_message("%s\n", err.message);
    assert_int_equal(status, TRIVET_OK);
    take_file(path);
    assert_non_null(strstr(file_text, "objective"));
    assert_non_null(strstr(file_text, "on the rows that train"));
}

/* --- what cannot be drawn --- */

static void refuse(const struct trivet_buffer *script, const char *path, const char *part)
{
    struct trivet_error err = {0};
    assert_int_not_equal(trivet_cli_gnuplot(script, path, 100, 100, &err), TRIVET_OK);
    print_message("%s\n", err.message);
    assert_non_null(strstr(err.message, part));
}

static void test_refusals(void **state)
{
    (void)state;
    struct trivet_cli_script script = {0};
    struct trivet_error err = {0};
    Trivet__V1__EvaluationReport report = TRIVET__V1__EVALUATION_REPORT__INIT;
    char path[64];
    trivet_cli_script_add(&script, "plot nothing\n");
    refuse(&script.text, "page.pdf", "ends in .png or .svg");
    refuse(&script.text, "no-such-folder/page.png", "cannot write no-such-folder/page.png");
    path_of("page.png", path);
    refuse(&script.text, path, "gnuplot failed: ");
    assert_false(exists(path));
    path_of("page.png.part", path);
    assert_false(exists(path));
    assert_int_equal(trivet_cli_plot_evaluation(&subject, &report, "a.png", &err),
                     TRIVET_FAILED_PRECONDITION);
    assert_non_null(strstr(err.message, "nothing to draw"));
    trivet_cli_script_release(&script);
}

static void test_without_gnuplot(void **state)
{
    (void)state;
    struct trivet_cli_script script = {0};
    struct trivet_error err = {0};
    char path[64];
    char *before = strdup(getenv("PATH"));
    path_of("page.png", path);
    assert_int_equal(trivet_cli_gnuplot_check(path, &err), TRIVET_OK);
    assert_int_equal(trivet_cli_gnuplot_check("page.jpg", &err), TRIVET_INVALID_ARGUMENT);
    setenv("PATH", folder, 1);
    assert_int_equal(trivet_cli_gnuplot_check(path, &err), TRIVET_FAILED_PRECONDITION);
    assert_non_null(strstr(err.message, "apt-get install gnuplot-nox"));
    trivet_cli_script_add(&script, "plot x\n");
    refuse(&script.text, path, "apt-get install gnuplot-nox");
    assert_false(exists(path));
    setenv("PATH", before, 1);
    free(before);
    trivet_cli_script_release(&script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test_setup(test_a_page_of_classes, begin),
        cmocka_unit_test_setup(test_a_page_of_numbers, begin),
        cmocka_unit_test_setup(test_a_page_of_one_value, begin),
        cmocka_unit_test(test_a_page_of_a_training),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_without_gnuplot),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
