#include "clients/cli/report_parts.h"

#include "clients/cli/format.h"
#include "clients/cli/output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MUCH_WORSE 0.1

const Trivet__V1__Metric *trivet_cli_find_metric(Trivet__V1__Metric *const *metrics,
                                                 size_t n_metrics, const char *name)
{
    for (size_t i = 0; i < n_metrics; i++) {
        if (strcmp(metrics[i]->name, name) == 0) {
            return metrics[i];
        }
    }
    return NULL;
}

bool trivet_cli_is_score(const char *name)
{
    static const char *const scores[] = {
        "r2",
        "explained_variance",
        "accuracy",
        "precision",
        "recall",
        "f1",
        "f1_macro",
        "precision_macro",
        "recall_macro",
        "f1_weighted",
        "precision_weighted",
        "recall_weighted",
        "f1_micro",
        "balanced_accuracy",
        "mcc",
        "roc_auc",
        "pr_auc",
        "brier",
        "silhouette",
        "adjusted_rand",
        "calibration_error",
        "log_loss",
        "mape",
    };
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(scores); i++) {
        if (strcmp(scores[i], name) == 0) {
            return true;
        }
    }
    return false;
}

void trivet_cli_metric_cell(struct trivet_cli_table *table, const Trivet__V1__Metric *metric)
{
    if (metric == NULL || !metric->defined) {
        trivet_cli_table_empty(table);
    } else if (trivet_cli_is_score(metric->name)) {
        trivet_cli_table_score(table, metric->value);
    } else {
        trivet_cli_table_number(table, metric->value);
    }
}

bool trivet_cli_metric_repeats(const Trivet__V1__EvaluationReport *report, const char *name)
{
    static const char *const macros[] = {"precision", "recall", "f1"};
    if (report->task != TRIVET__V1__TASK__TASK_CLASSIFICATION) {
        return false;
    }
    for (size_t i = 0; report->n_classes > 2 && i < TRIVET_ARRAY_COUNT(macros); i++) {
        if (strcmp(macros[i], name) == 0) {
            return true;
        }
    }
    /* Over all rows together every F1 is the accuracy, and so is the weighted recall. */
    return strcmp(name, "f1_micro") == 0 || strcmp(name, "recall_weighted") == 0;
}

double trivet_cli_overfit(const char *name, double train, double other, uint64_t n_rows)
{
    static const char *const telling[] = {
        "r2",
        "explained_variance",
        "accuracy",
        "precision",
        "recall",
        "f1",
        "f1_macro",
        "precision_macro",
        "recall_macro",
        "f1_weighted",
        "precision_weighted",
        "balanced_accuracy",
        "roc_auc",
        "pr_auc",
    };
    /* A share of n rows has a standard deviation of at most 0.5 / √n; two of them are chance. */
    double chance = n_rows > 0 ? 1 / sqrt((double)n_rows) : 0;
    double gap = train - other;
    for (size_t i = 0; gap > MUCH_WORSE && gap > chance && i < TRIVET_ARRAY_COUNT(telling); i++) {
        if (strcmp(telling[i], name) == 0) {
            return gap;
        }
    }
    return 0;
}

void trivet_cli_spread_cell(struct trivet_cli_table *table, const char *name, double mean,
                            double deviation)
{
    if (trivet_cli_is_score(name)) {
        trivet_cli_table_text(table, "%.4f \xc2\xb1 %.4f", mean, deviation);
    } else {
        char spread[TRIVET_CLI_TEXT_BYTES];
        trivet_cli_format_short(deviation, false, spread);
        trivet_cli_table_text(table, "%.6g \xc2\xb1 %s", mean, spread);
    }
}

static void fold_cell(struct trivet_cli_table *table, const Trivet__V1__CrossValidation *folds,
                      const char *name)
{
    const Trivet__V1__Metric *mean = trivet_cli_find_metric(folds->mean, folds->n_mean, name);
    const Trivet__V1__Metric *sd =
        trivet_cli_find_metric(folds->deviation, folds->n_deviation, name);
    if (mean == NULL || sd == NULL || !mean->defined) {
        trivet_cli_table_empty(table);
    } else {
        trivet_cli_spread_cell(table, name, mean->value, sd->value);
    }
}

/* The largest gap between training and the rows that did not train. */
static double gap_of(const Trivet__V1__TrainingReport *report, const char *name)
{
    const Trivet__V1__EvaluationReport *train = report->train;
    const Trivet__V1__EvaluationReport *test = report->test;
    const Trivet__V1__CrossValidation *folds = report->cross_validation;
    const Trivet__V1__Metric *of_train =
        train != NULL ? trivet_cli_find_metric(train->metrics, train->n_metrics, name) : NULL;
    const Trivet__V1__Metric *other =
        test != NULL    ? trivet_cli_find_metric(test->metrics, test->n_metrics, name)
        : folds != NULL ? trivet_cli_find_metric(folds->mean, folds->n_mean, name)
                        : NULL;
    uint64_t n_rows = test != NULL ? report->rows_test : report->rows_train;
    bool both = of_train != NULL && other != NULL && of_train->defined && other->defined;
    return both ? trivet_cli_overfit(name, of_train->value, other->value, n_rows) : 0;
}

static void gap_cell(struct trivet_cli_table *table, double gap)
{
    if (gap > 0) {
        trivet_cli_table_text(table, "! worse by %.2f", gap);
    } else {
        trivet_cli_table_empty(table);
    }
}

/* Only the columns that there are. */
int trivet_cli_print_metrics(struct trivet_cli *cli, const Trivet__V1__TrainingReport *report)
{
    struct trivet_cli_column columns[5] = {{"metric", false, false}};
    size_t n_columns = 1;
    const Trivet__V1__EvaluationReport *train = report->train;
    const Trivet__V1__EvaluationReport *test = report->test;
    const Trivet__V1__CrossValidation *folds = report->cross_validation;
    char title[32] = "";
    double gap_max = 0;
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
    columns[n_columns++] = (struct trivet_cli_column){"note", false, false};
    size_t n_metrics = train != NULL ? train->n_metrics : folds != NULL ? folds->n_mean : 0;
    Trivet__V1__Metric **all = train != NULL ? train->metrics : folds != NULL ? folds->mean : NULL;
    if (n_metrics == 0) {
        return TRIVET_CLI_DONE;
    }
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, n_columns);
    for (size_t i = 0; table != NULL && i < n_metrics; i++) {
        const char *name = all[i]->name;
        double gap = gap_of(report, name);
        if (train != NULL && trivet_cli_metric_repeats(train, name)) {
            continue;
        }
        trivet_cli_table_text(table, "%s", name);
        if (train != NULL) {
            trivet_cli_metric_cell(table, all[i]);
        }
        if (test != NULL) {
            trivet_cli_metric_cell(table,
                                   trivet_cli_find_metric(test->metrics, test->n_metrics, name));
        }
        if (folds != NULL) {
            fold_cell(table, folds, name);
        }
        gap_cell(table, gap);
        gap_max = gap > gap_max ? gap : gap_max;
    }
    putchar('\n');
    int code = trivet_cli_print_table(cli, table);
    if (gap_max > 0) {
        putchar('\n');
        trivet_cli_print_fact(cli, "Overfitting",
                              "much better on the rows it learned from than on others; try more "
                              "rows, fewer features, or a stronger penalty");
    }
    return code;
}
