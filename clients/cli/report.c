#include "clients/cli/report.h"

#include "base/text.h"
#include "clients/cli/bar.h"
#include "clients/cli/format.h"
#include "clients/cli/output.h"
#include "clients/cli/report_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAMES_BYTES      512
#define NAMES_SHOWN      12
#define STEP_NAMES_SHOWN 8
#define LOSS_CELLS       24
#define HEADING_BYTES    256
#define COUNTS           TRIVET_CLI_TEXT_BYTES

/* --- what the parts share --- */

void trivet_cli_heading(const struct trivet_cli *cli, const char *format, ...)
{
    bool style = trivet_cli_has_style(cli);
    char text[HEADING_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    printf("\n%s%s%s\n", style ? "\033[1m" : "", text, style ? "\033[0m" : "");
}

void trivet_cli_more(size_t n_all, size_t n_shown)
{
    if (n_all > n_shown) {
        printf("… %zu more; --json has all\n", n_all - n_shown);
    }
}

/* --- CSV --- */

static struct trivet_cli_table *csv_metrics(const struct trivet_cli *cli,
                                            const struct trivet_cli_subject *subject,
                                            const Trivet__V1__TrainingReport *report)
{
    static const struct trivet_cli_column columns[] = {
        {"model", false, false}, {"version", true, false}, {"metric", false, false},
        {"train", true, false},  {"test", true, false},    {"cv_mean", true, false},
        {"cv_sd", true, false},
    };
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 7);
    const Trivet__V1__EvaluationReport *train = report->train;
    const Trivet__V1__EvaluationReport *test = report->test;
    const Trivet__V1__CrossValidation *folds = report->cross_validation;
    size_t n_metrics = train != NULL ? train->n_metrics : folds != NULL ? folds->n_mean : 0;
    Trivet__V1__Metric **all = train != NULL ? train->metrics : folds != NULL ? folds->mean : NULL;
    for (size_t i = 0; table != NULL && i < n_metrics; i++) {
        const char *name = all[i]->name;
        trivet_cli_table_text(table, "%s", subject->model);
        trivet_cli_table_count(table, subject->version);
        trivet_cli_table_text(table, "%s", name);
        trivet_cli_metric_cell(table, train != NULL ? all[i] : NULL);
        trivet_cli_metric_cell(
            table,
            test != NULL ? trivet_cli_find_metric(test->metrics, test->n_metrics, name) : NULL);
        trivet_cli_metric_cell(
            table, folds != NULL ? trivet_cli_find_metric(folds->mean, folds->n_mean, name) : NULL);
        trivet_cli_metric_cell(
            table, folds != NULL
                       ? trivet_cli_find_metric(folds->deviation, folds->n_deviation, name)
                       : NULL);
    }
    return table;
}

/* --- how it was made, for a person --- */

static void join(char *const *names, size_t n_names, char text[NAMES_BYTES])
{
    size_t n_shown = n_names < NAMES_SHOWN ? n_names : NAMES_SHOWN;
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < n_shown && used + 1 < NAMES_BYTES; i++) {
        int n = snprintf(text + used, NAMES_BYTES - used, "%s%s", i > 0 ? ", " : "", names[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    if (n_names > n_shown && used + 1 < NAMES_BYTES) {
        snprintf(text + used, NAMES_BYTES - used, " … %zu more", n_names - n_shown);
    }
}

/* "; 12 left out: 10 without a target, 2 duplicates". */
static void dropped_text(const Trivet__V1__TrainingReport *report, char text[NAMES_BYTES])
{
    char rows[COUNTS];
    text[0] = '\0';
    if (report->rows_dropped == 0) {
        return;
    }
    trivet_cli_format_count(report->rows_dropped, rows);
    int n = snprintf(text, NAMES_BYTES, "; %s left out", rows);
    size_t used = n > 0 ? (size_t)n : 0;
    for (size_t i = 0; i < report->n_dropped && used + 1 < NAMES_BYTES; i++) {
        trivet_cli_format_count(report->dropped[i]->rows, rows);
        n = snprintf(text + used, NAMES_BYTES - used, "%s%s %s", i == 0 ? ": " : ", ", rows,
                     report->dropped[i]->reason);
        used += n > 0 ? (size_t)n : 0;
    }
}

/* "imputer(mean): a, b, c … 27 more". */
static void print_step(struct trivet_cli *cli, const char *title, const char *step)
{
    const char *list = strstr(step, ": ");
    size_t n_names = list == NULL ? 0 : 1;
    size_t shown_bytes = strlen(step);
    for (const char *at = list; at != NULL && (at = strstr(at, ", ")) != NULL; at += 2) {
        if (n_names == STEP_NAMES_SHOWN) {
            shown_bytes = (size_t)(at - step);
        }
        n_names++;
    }
    /* One name more is no longer than saying so. */
    if (n_names > STEP_NAMES_SHOWN + 1) {
        trivet_cli_print_fact(cli, title, "%.*s … %zu more", (int)shown_bytes, step,
                              n_names - STEP_NAMES_SHOWN);
    } else {
        trivet_cli_print_fact(cli, title, "%s", step);
    }
}

static void print_data(struct trivet_cli *cli, const Trivet__V1__TrainingReport *report)
{
    char train[COUNTS];
    char test[COUNTS];
    char dropped[NAMES_BYTES];
    trivet_cli_format_count(report->rows_train, train);
    trivet_cli_format_count(report->rows_test, test);
    dropped_text(report, dropped);
    trivet_cli_print_fact(cli, "Data", "%s rows to train, %s to test%s", train, test, dropped);
    for (size_t i = 0; i < report->n_steps; i++) {
        print_step(cli, i == 0 ? "Steps" : "", report->steps[i]);
    }
}

static void print_facts(struct trivet_cli *cli, const Trivet__V1__FitReport *fit)
{
    char text[NAMES_BYTES] = "";
    size_t used = 0;
    for (size_t i = 0; i < fit->n_facts && used + 1 < sizeof(text); i++) {
        char name[HEADING_BYTES];
        snprintf(name, sizeof(name), "%s", fit->facts[i]->name);
        for (char *at = name; *at != '\0'; at++) {
            *at = *at == '_' ? ' ' : *at;
        }
        int n = snprintf(text + used, sizeof(text) - used, "%s%s %.6g", used > 0 ? ", " : "", name,
                         fit->facts[i]->value);
        used += n > 0 ? (size_t)n : 0;
    }
    if (used > 0) {
        trivet_cli_print_fact(cli, "", "%s", text);
    }
}

static void print_loss(struct trivet_cli *cli, const Trivet__V1__FitReport *fit)
{
    char line[TRIVET_CLI_BAR_BYTES];
    size_t n = fit->n_loss_curve;
    if (n < 2) {
        return;
    }
    trivet_cli_sparkline(fit->loss_curve, n, LOSS_CELLS, trivet_cli_has_blocks(), line);
    trivet_cli_print_fact(cli, "Loss", "%.5g to %.5g  %s", fit->loss_curve[0],
                          fit->loss_curve[n - 1], line);
}

static void print_fit(struct trivet_cli *cli, const Trivet__V1__FitReport *fit)
{
    char names[NAMES_BYTES];
    const char *word = fit->converged ? "converged" : "did not converge";
    const char *title = "Fit";
    if (fit->iterations > 1) {
        trivet_cli_print_fact(cli, title, "%s after %llu iterations", word,
                              (unsigned long long)fit->iterations);
        title = "";
    } else if (!fit->converged) {
        trivet_cli_print_fact(cli, title, "%s", word);
        title = "";
    }
    if (fit->rank > 0) {
        trivet_cli_print_fact(cli, title, "rank %llu of %llu features, condition number %.3g",
                              (unsigned long long)fit->rank, (unsigned long long)fit->features,
                              fit->condition_number);
    } else if (fit->features > 0) {
        trivet_cli_print_fact(cli, title, "%llu feature%s", (unsigned long long)fit->features,
                              fit->features == 1 ? "" : "s");
    }
    print_facts(cli, fit);
    print_loss(cli, fit);
    if (fit->n_constant_columns > 0) {
        join(fit->constant_columns, fit->n_constant_columns, names);
        trivet_cli_print_fact(cli, "Constant", "%s", names);
    }
    for (size_t i = 0; i < fit->n_warnings; i++) {
        trivet_cli_print_fact(cli, i == 0 ? "Warnings" : "", "%s", fit->warnings[i]);
    }
}

/* Seed and threads, by which the same result comes again; memory against the data's. */
static void print_run(struct trivet_cli *cli, const Trivet__V1__TrainingReport *report)
{
    char fit[COUNTS];
    char peak[COUNTS];
    char base[COUNTS];
    char data[COUNTS];
    char threads[COUNTS] = "";
    trivet_cli_format_seconds(report->fit_seconds, fit);
    if (report->threads > 0) {
        snprintf(threads, sizeof(threads), ", %u thread%s", report->threads,
                 report->threads == 1 ? "" : "s");
    }
    trivet_cli_print_fact(cli, "Run", "seed %llu%s, the fit alone %s",
                          (unsigned long long)report->seed, threads, fit);
    if (report->peak_rss_bytes > 0 && report->data_bytes > 0) {
        uint64_t grown = report->peak_rss_bytes > report->base_rss_bytes
                             ? report->peak_rss_bytes - report->base_rss_bytes
                             : 0;
        trivet_cli_format_bytes(report->peak_rss_bytes, peak);
        trivet_cli_format_bytes(grown, base);
        trivet_cli_format_bytes(report->data_bytes, data);
        trivet_cli_print_fact(cli, "Memory", "peak %s, %s above the start; the data takes %s", peak,
                              base, data);
    }
}

static int print_parts(struct trivet_cli *cli, const Trivet__V1__TrainingReport *report)
{
    const Trivet__V1__EvaluationReport *judged =
        report->test != NULL ? report->test : report->train;
    const char *rows = report->test != NULL ? "test rows" : "rows that trained";
    int code = trivet_cli_print_metrics(cli, report);
    if (code == TRIVET_CLI_DONE && judged != NULL) {
        code = trivet_cli_print_classes(cli, judged, rows, report->classes, report->n_classes);
    }
    if (code == TRIVET_CLI_DONE && judged != NULL) {
        code = trivet_cli_print_confusion(cli, judged->confusion, rows);
    }
    if (code == TRIVET_CLI_DONE) {
        code = trivet_cli_print_search(cli, report->search);
    }
    if (code == TRIVET_CLI_DONE) {
        code = trivet_cli_print_learning_curve(cli, report->learning_curve);
    }
    if (code == TRIVET_CLI_DONE && judged != NULL) {
        code = trivet_cli_print_importances(cli, judged);
    }
    return code == TRIVET_CLI_DONE ? trivet_cli_print_coefficients(cli, report) : code;
}

int trivet_cli_print_training(struct trivet_cli *cli, const struct trivet_cli_subject *subject,
                              const Trivet__V1__TrainingReport *report)
{
    char seconds[COUNTS];
    if (!trivet_cli_for_person(cli)) {
        return trivet_cli_print_table(cli, csv_metrics(cli, subject, report));
    }
    trivet_cli_format_seconds(report->total_seconds, seconds);
    if (subject->version > 0) {
        trivet_cli_print_fact(cli, "Model", "%s version %llu", subject->model,
                              (unsigned long long)subject->version);
    }
    trivet_cli_print_fact(cli, "Estimator", "%s, trained in %s", report->estimator, seconds);
    print_data(cli, report);
    if (report->fit != NULL) {
        print_fit(cli, report->fit);
    }
    print_run(cli, report);
    return print_parts(cli, report);
}

static size_t append_metric(const Trivet__V1__Metric *metric, bool exact, char *text,
                            size_t text_bytes, size_t used)
{
    char value[TRIVET_DOUBLE_TEXT_BYTES];
    if (!metric->defined || used + 1 >= text_bytes) {
        return used;
    }
    if (exact) {
        trivet_text_double(metric->value, value);
    } else {
        snprintf(value, sizeof(value), "%.5g", metric->value);
    }
    const char *between = used == 0 ? "" : exact ? " " : ", ";
    int n = snprintf(text + used, text_bytes - used, "%s%s%s%s", between, metric->name,
                     exact ? "=" : " ", value);
    return used + (n > 0 ? (size_t)n : 0);
}

void trivet_cli_metrics_text(Trivet__V1__Metric *const *metrics, size_t n_metrics, bool exact,
                             char *text, size_t text_bytes)
{
    static const char *const telling[] = {"r2",       "rmse",       "accuracy",
                                          "f1_macro", "silhouette", "inertia"};
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; exact && i < n_metrics; i++) {
        used = append_metric(metrics[i], exact, text, text_bytes, used);
    }
    for (size_t i = 0; !exact && i < sizeof(telling) / sizeof(telling[0]); i++) {
        const Trivet__V1__Metric *metric = trivet_cli_find_metric(metrics, n_metrics, telling[i]);
        if (metric != NULL) {
            used = append_metric(metric, exact, text, text_bytes, used);
        }
    }
}
