#include "clients/cli/report_parts.h"

#include "base/alloc.h"
#include "clients/cli/bar.h"
#include "clients/cli/format.h"
#include "clients/cli/output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEATURES_SHOWN 20
#define EQUATIONS_MAX  6
#define BAR_CELLS      20
#define SLICES_SHOWN   60

/* --- coefficients -------------------------------------------------------------------------- */

/* One feature in every equation; `first` is its place in the report's list. */
struct weight {
    size_t feature;
    double size;
};

static int by_size(const void *left, const void *right)
{
    const struct weight *a = left;
    const struct weight *b = right;
    if (a->size != b->size) {
        return a->size < b->size ? 1 : -1;
    }
    return a->feature < b->feature ? -1 : a->feature > b->feature;
}

/* Coefficients come equation by equation, the features in the same order in each. */
static size_t equations_of(const Trivet__V1__TrainingReport *report)
{
    size_t n = 1;
    for (size_t i = 1; i < report->n_coefficients; i++) {
        n += strcmp(report->coefficients[i]->output, report->coefficients[i - 1]->output) != 0;
    }
    return report->n_coefficients % n == 0 ? n : 1;
}

/* The largest first when there are too many to show, else in their order. */
static struct weight *choose_weights(const Trivet__V1__TrainingReport *report, size_t n_features,
                                     size_t n_equations)
{
    struct weight *weights = trivet_alloc_array(n_features, sizeof(*weights));
    for (size_t i = 0; weights != NULL && i < n_features; i++) {
        weights[i] = (struct weight){i, 0};
        for (size_t k = 0; k < n_equations; k++) {
            double size = fabs(report->coefficients[k * n_features + i]->value);
            weights[i].size = size > weights[i].size ? size : weights[i].size;
        }
    }
    if (weights != NULL && n_features > FEATURES_SHOWN) {
        qsort(weights, n_features, sizeof(*weights), by_size);
    }
    return weights;
}

static double intercept_of(const Trivet__V1__TrainingReport *report, size_t equation)
{
    return equation < report->n_intercepts ? report->intercepts[equation]->value
                                           : report->intercept;
}

static void fill_equations(const Trivet__V1__TrainingReport *report, const struct weight *weights,
                           size_t n_features, size_t n_equations, size_t n_shown,
                           struct trivet_cli_table *table)
{
    for (size_t i = 0; i < n_shown; i++) {
        trivet_cli_table_text(table, "%s", report->coefficients[weights[i].feature]->feature);
        for (size_t k = 0; k < n_equations; k++) {
            trivet_cli_table_number(
                table, report->coefficients[k * n_features + weights[i].feature]->value);
        }
    }
    trivet_cli_table_text(table, "(intercept)");
    for (size_t k = 0; k < n_equations; k++) {
        trivet_cli_table_number(table, intercept_of(report, k));
    }
}

/* A column for each equation. */
static int print_equations(struct trivet_cli *cli, const Trivet__V1__TrainingReport *report,
                           size_t n_equations)
{
    struct trivet_cli_column columns[EQUATIONS_MAX + 1] = {{"feature", false, true}};
    size_t n_features = report->n_coefficients / n_equations;
    size_t n_shown = n_features < FEATURES_SHOWN ? n_features : FEATURES_SHOWN;
    struct weight *weights = choose_weights(report, n_features, n_equations);
    for (size_t k = 0; k < n_equations; k++) {
        columns[k + 1] = (struct trivet_cli_column){
            n_equations > 1 ? report->coefficients[k * n_features]->output : "coefficient", true,
            true};
    }
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, n_equations + 1);
    if (table != NULL && weights != NULL) {
        fill_equations(report, weights, n_features, n_equations, n_shown, table);
    }
    if (table != NULL && n_equations > 1) {
        trivet_cli_table_keep_names(table);
        trivet_cli_heading(cli, "Coefficients by class");
    } else {
        putchar('\n');
    }
    trivet_free(weights);
    int code = trivet_cli_print_table(cli, table);
    if (n_features > n_shown) {
        printf("The %zu largest of %zu; --json has all.\n", n_shown, n_features);
    }
    return code;
}

/* With many classes: the largest of all equations. */
static int print_largest(struct trivet_cli *cli, const Trivet__V1__TrainingReport *report)
{
    static const struct trivet_cli_column columns[] = {
        {"class", false, true}, {"feature", false, true}, {"coefficient", true, false}};
    size_t n_all = report->n_coefficients;
    size_t n_shown = n_all < FEATURES_SHOWN ? n_all : FEATURES_SHOWN;
    struct weight *weights = choose_weights(report, n_all, 1);
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 3);
    for (size_t i = 0; table != NULL && weights != NULL && i < n_shown; i++) {
        const Trivet__V1__Coefficient *coefficient = report->coefficients[weights[i].feature];
        trivet_cli_table_text(table, "%s", coefficient->output);
        trivet_cli_table_text(table, "%s", coefficient->feature);
        trivet_cli_table_number(table, coefficient->value);
    }
    trivet_free(weights);
    trivet_cli_heading(cli, "Largest coefficients");
    int code = trivet_cli_print_table(cli, table);
    trivet_cli_more(n_all, n_shown);
    return code;
}

int trivet_cli_print_coefficients(struct trivet_cli *cli, const Trivet__V1__TrainingReport *report)
{
    if (report->n_coefficients == 0) {
        return TRIVET_CLI_DONE;
    }
    size_t n_equations = equations_of(report);
    return n_equations > EQUATIONS_MAX ? print_largest(cli, report)
                                       : print_equations(cli, report, n_equations);
}

/* --- importances --------------------------------------------------------------------------- */

int trivet_cli_print_importances(struct trivet_cli *cli, const Trivet__V1__EvaluationReport *report)
{
    static const struct trivet_cli_column columns[] = {
        {"column", false, true}, {"worse_by", true, false}, {"", false, false}};
    size_t n_all = report->n_importances;
    size_t n_shown = n_all < FEATURES_SHOWN ? n_all : FEATURES_SHOWN;
    double greatest = n_all > 0 ? report->importances[0]->mean : 0;
    bool blocks = trivet_cli_has_blocks();
    if (n_all == 0) {
        return TRIVET_CLI_DONE;
    }
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 3);
    for (size_t i = 0; table != NULL && i < n_shown; i++) {
        const Trivet__V1__Importance *importance = report->importances[i];
        char bar[TRIVET_CLI_BAR_BYTES];
        trivet_cli_bar(greatest > 0 ? importance->mean / greatest : 0, BAR_CELLS, blocks, bar);
        trivet_cli_table_text(table, "%s", importance->column);
        trivet_cli_spread_cell(table, report->importance_metric, importance->mean,
                               importance->deviation);
        trivet_cli_table_text(table, "%s", bar);
    }
    trivet_cli_heading(cli, "Importance: how much worse %s gets when a column is shuffled",
                       report->importance_metric[0] != '\0' ? report->importance_metric
                                                            : "the score");
    int code = trivet_cli_print_table(cli, table);
    trivet_cli_more(n_all, n_shown);
    return code;
}

/* --- slices -------------------------------------------------------------------------------- */

static const char *const *metrics_of_task(Trivet__V1__Task task, size_t *count)
{
    static const char *const of_regression[] = {"r2", "rmse", "mae"};
    static const char *const of_classes[] = {"accuracy", "f1_macro", "roc_auc", "log_loss"};
    static const char *const of_clusters[] = {"silhouette", "inertia"};
    *count = task == TRIVET__V1__TASK__TASK_CLASSIFICATION ? 4
             : task == TRIVET__V1__TASK__TASK_CLUSTERING   ? 2
                                                           : 3;
    return task == TRIVET__V1__TASK__TASK_CLASSIFICATION ? of_classes
           : task == TRIVET__V1__TASK__TASK_CLUSTERING   ? of_clusters
                                                         : of_regression;
}

static void slice_row(struct trivet_cli_table *table, const char *column, const char *value,
                      uint64_t rows, Trivet__V1__Metric *const *metrics, size_t n_metrics,
                      const char *const *names, size_t n_names)
{
    trivet_cli_table_text(table, "%s", column);
    trivet_cli_table_text(table, "%s", value);
    trivet_cli_table_count(table, rows);
    for (size_t i = 0; i < n_names; i++) {
        trivet_cli_metric_cell(table, trivet_cli_find_metric(metrics, n_metrics, names[i]));
    }
}

int trivet_cli_print_slices(struct trivet_cli *cli, const Trivet__V1__EvaluationReport *report)
{
    struct trivet_cli_column columns[8] = {
        {"column", false, true}, {"value", false, true}, {"rows", true, false}};
    size_t n_names = 0;
    const char *const *names = metrics_of_task(report->task, &n_names);
    size_t n_shown = report->n_slices < SLICES_SHOWN ? report->n_slices : SLICES_SHOWN;
    if (n_shown == 0) {
        return TRIVET_CLI_DONE;
    }
    for (size_t i = 0; i < n_names; i++) {
        columns[3 + i] = (struct trivet_cli_column){names[i], true, false};
    }
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 3 + n_names);
    if (table != NULL) {
        slice_row(table, "(all rows)", "", report->rows, report->metrics, report->n_metrics, names,
                  n_names);
    }
    for (size_t i = 0; table != NULL && i < n_shown; i++) {
        const Trivet__V1__SliceReport *slice = report->slices[i];
        bool again = i > 0 && strcmp(report->slices[i - 1]->column, slice->column) == 0;
        slice_row(table, again ? "" : slice->column, slice->value, slice->rows, slice->metrics,
                  slice->n_metrics, names, n_names);
    }
    trivet_cli_heading(cli, "Slices");
    int code = trivet_cli_print_table(cli, table);
    trivet_cli_more(report->n_slices, n_shown);
    return code;
}
