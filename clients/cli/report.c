#include "clients/cli/report.h"

#include "base/alloc.h"
#include "base/text.h"
#include "clients/cli/format.h"
#include "clients/cli/output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COEFFICIENTS_SHOWN 20
#define NAMES_BYTES        512
#define COUNTS             TRIVET_CLI_TEXT_BYTES

static const Trivet__V1__Metric *find_metric(Trivet__V1__Metric *const *metrics, size_t n_metrics,
                                             const char *name)
{
    for (size_t i = 0; i < n_metrics; i++) {
        if (strcmp(metrics[i]->name, name) == 0) {
            return metrics[i];
        }
    }
    return NULL;
}

static void metric_cell(struct trivet_cli_table *table, const Trivet__V1__Metric *metric)
{
    if (metric == NULL || !metric->defined) {
        trivet_cli_table_empty(table);
    } else {
        trivet_cli_table_number(table, metric->value);
    }
}

/* --- metrics --- */

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
        metric_cell(table, train != NULL ? all[i] : NULL);
        metric_cell(table, test != NULL ? find_metric(test->metrics, test->n_metrics, name) : NULL);
        metric_cell(table, folds != NULL ? find_metric(folds->mean, folds->n_mean, name) : NULL);
        metric_cell(table,
                    folds != NULL ? find_metric(folds->deviation, folds->n_deviation, name) : NULL);
    }
    return table;
}

static void fold_cell(struct trivet_cli_table *table, const Trivet__V1__CrossValidation *folds,
                      const char *name)
{
    const Trivet__V1__Metric *mean = find_metric(folds->mean, folds->n_mean, name);
    const Trivet__V1__Metric *sd = find_metric(folds->deviation, folds->n_deviation, name);
    char mean_text[COUNTS];
    char sd_text[COUNTS];
    if (mean == NULL || sd == NULL || !mean->defined) {
        trivet_cli_table_empty(table);
        return;
    }
    trivet_cli_format_number(mean->value, mean_text);
    snprintf(sd_text, sizeof(sd_text), "%.4g", sd->value);
    trivet_cli_table_text(table, "%s \xc2\xb1 %s", mean_text, sd_text);
}

/* Only the columns that there are. */
static int print_metrics(struct trivet_cli *cli, const Trivet__V1__TrainingReport *report)
{
    struct trivet_cli_column columns[4] = {{"metric", false, false}};
    size_t n_columns = 1;
    const Trivet__V1__EvaluationReport *train = report->train;
    const Trivet__V1__EvaluationReport *test = report->test;
    const Trivet__V1__CrossValidation *folds = report->cross_validation;
    char title[32] = "";
    if (train != NULL) {
        columns[n_columns++] = (struct trivet_cli_column){"train", true, false};
    }
    if (test != NULL) {
        columns[n_columns++] = (struct trivet_cli_column){"test", true, false};
    }
    if (folds != NULL) {
        snprintf(title, sizeof(title), "mean_of_%zu_folds", folds->n_folds);
        columns[n_columns++] = (struct trivet_cli_column){title, true, false};
    }
    size_t n_metrics = train != NULL ? train->n_metrics : folds != NULL ? folds->n_mean : 0;
    Trivet__V1__Metric **all = train != NULL ? train->metrics : folds != NULL ? folds->mean : NULL;
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, n_columns);
    for (size_t i = 0; table != NULL && i < n_metrics; i++) {
        const char *name = all[i]->name;
        trivet_cli_table_text(table, "%s", name);
        if (train != NULL) {
            metric_cell(table, all[i]);
        }
        if (test != NULL) {
            metric_cell(table, find_metric(test->metrics, test->n_metrics, name));
        }
        if (folds != NULL) {
            fold_cell(table, folds, name);
        }
    }
    putchar('\n');
    return trivet_cli_print_table(cli, table);
}

/* --- the rest of a training report, for a person --- */

static void print_data(struct trivet_cli *cli, const Trivet__V1__TrainingReport *report)
{
    char train[COUNTS];
    char test[COUNTS];
    char dropped[COUNTS];
    trivet_cli_format_count(report->rows_train, train);
    trivet_cli_format_count(report->rows_test, test);
    trivet_cli_format_count(report->rows_dropped, dropped);
    trivet_cli_print_fact(cli, "Data", "%s rows to train, %s to test%s%s%s", train, test,
                          report->rows_dropped > 0 ? "; " : "",
                          report->rows_dropped > 0 ? dropped : "",
                          report->rows_dropped > 0 ? " without a target left out" : "");
    for (size_t i = 0; i < report->n_steps; i++) {
        trivet_cli_print_fact(cli, i == 0 ? "Steps" : "", "%s", report->steps[i]);
    }
}

static void join(char *const *names, size_t n_names, char text[NAMES_BYTES])
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < n_names && used + 1 < NAMES_BYTES; i++) {
        int n = snprintf(text + used, NAMES_BYTES - used, "%s%s", i > 0 ? ", " : "", names[i]);
        used += n > 0 ? (size_t)n : 0;
    }
}

static void print_fit(struct trivet_cli *cli, const Trivet__V1__FitReport *fit)
{
    char names[NAMES_BYTES];
    const char *word = fit->converged ? "converged" : "did not converge";
    if (fit->iterations > 1) {
        trivet_cli_print_fact(cli, "Fit", "%s after %llu iterations", word,
                              (unsigned long long)fit->iterations);
    }
    if (fit->rank > 0) {
        trivet_cli_print_fact(cli, fit->iterations > 1 ? "" : "Fit",
                              "rank %llu of %llu features, condition number %.3g",
                              (unsigned long long)fit->rank, (unsigned long long)fit->features,
                              fit->condition_number);
    }
    if (fit->n_constant_columns > 0) {
        join(fit->constant_columns, fit->n_constant_columns, names);
        trivet_cli_print_fact(cli, "Constant", "%s", names);
    }
    for (size_t i = 0; i < fit->n_warnings; i++) {
        trivet_cli_print_fact(cli, i == 0 ? "Warnings" : "", "%s", fit->warnings[i]);
    }
}

static int by_size(const void *left, const void *right)
{
    const Trivet__V1__Coefficient *const *a = left;
    const Trivet__V1__Coefficient *const *b = right;
    double x = fabs((*a)->value);
    double y = fabs((*b)->value);
    return (x < y) - (x > y);
}

static int print_coefficients(struct trivet_cli *cli, const Trivet__V1__TrainingReport *report)
{
    static const struct trivet_cli_column columns[] = {{"feature", false, true},
                                                       {"coefficient", true, false}};
    size_t n_all = report->n_coefficients;
    size_t n_shown = n_all < COEFFICIENTS_SHOWN ? n_all : COEFFICIENTS_SHOWN;
    Trivet__V1__Coefficient **sorted = trivet_alloc_array(n_all, sizeof(*sorted));
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 2);
    if (sorted == NULL || table == NULL) {
        trivet_free(sorted);
        return trivet_cli_print_table(cli, table);
    }
    memcpy(sorted, report->coefficients, n_all * sizeof(*sorted));
    if (n_all > n_shown) {
        qsort(sorted, n_all, sizeof(*sorted), by_size);
    }
    for (size_t i = 0; i < n_shown; i++) {
        trivet_cli_table_text(table, "%s", sorted[i]->feature);
        trivet_cli_table_number(table, sorted[i]->value);
    }
    trivet_cli_table_text(table, "(intercept)");
    trivet_cli_table_number(table, report->intercept);
    trivet_free(sorted);
    putchar('\n');
    int code = trivet_cli_print_table(cli, table);
    if (n_all > n_shown) {
        printf("The %zu largest of %zu; --json has all.\n", n_shown, n_all);
    }
    return code;
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
    int code = print_metrics(cli, report);
    if (code == TRIVET_CLI_DONE && report->n_coefficients > 0) {
        code = print_coefficients(cli, report);
    }
    return code;
}

/* --- evaluation --- */

int trivet_cli_print_evaluation(struct trivet_cli *cli, const struct trivet_cli_subject *subject,
                                const Trivet__V1__EvaluationReport *report)
{
    static const struct trivet_cli_column columns[] = {{"model", false, false},
                                                       {"version", true, false},
                                                       {"metric", false, false},
                                                       {"value", true, false}};
    bool person = trivet_cli_for_person(cli);
    size_t skip = person ? 2 : 0; /* a person reads model and version once */
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns + skip, 4 - skip);
    for (size_t i = 0; table != NULL && i < report->n_metrics; i++) {
        if (!person) {
            trivet_cli_table_text(table, "%s", subject->model);
            trivet_cli_table_count(table, subject->version);
        }
        trivet_cli_table_text(table, "%s", report->metrics[i]->name);
        metric_cell(table, report->metrics[i]);
    }
    if (person) {
        char rows[COUNTS];
        char skipped[COUNTS];
        trivet_cli_format_count(report->rows, rows);
        trivet_cli_format_count(report->rows_skipped, skipped);
        trivet_cli_print_fact(cli, "Model", "%s version %llu", subject->model,
                              (unsigned long long)subject->version);
        trivet_cli_print_fact(cli, "Rows", "%s scored, %s skipped", rows, skipped);
        putchar('\n');
    }
    return trivet_cli_print_table(cli, table);
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
    static const char *const telling[] = {"r2", "rmse"};
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; exact && i < n_metrics; i++) {
        used = append_metric(metrics[i], exact, text, text_bytes, used);
    }
    for (size_t i = 0; !exact && i < sizeof(telling) / sizeof(telling[0]); i++) {
        const Trivet__V1__Metric *metric = find_metric(metrics, n_metrics, telling[i]);
        if (metric != NULL) {
            used = append_metric(metric, exact, text, text_bytes, used);
        }
    }
}
