#include "clients/cli/format.h"
#include "clients/cli/output.h"
#include "clients/cli/report.h"
#include "clients/cli/report_parts.h"

#include <stdio.h>

/* --- CSV --- */

static void csv_rows(struct trivet_cli_table *table, const struct trivet_cli_subject *subject,
                     const char *column, const char *value, bool sliced,
                     Trivet__V1__Metric *const *metrics, size_t n_metrics)
{
    for (size_t i = 0; i < n_metrics; i++) {
        trivet_cli_table_text(table, "%s", subject->model);
        trivet_cli_table_count(table, subject->version);
        if (sliced) {
            trivet_cli_table_text(table, "%s", column);
            trivet_cli_table_text(table, "%s", value);
        }
        trivet_cli_table_text(table, "%s", metrics[i]->name);
        trivet_cli_metric_cell(table, metrics[i]);
    }
}

/* With slices, the rows of the whole have no column and no value. */
static int print_csv(struct trivet_cli *cli, const struct trivet_cli_subject *subject,
                     const Trivet__V1__EvaluationReport *report)
{
    static const struct trivet_cli_column plain[] = {{"model", false, false},
                                                     {"version", true, false},
                                                     {"metric", false, false},
                                                     {"value", true, false}};
    static const struct trivet_cli_column sliced[] = {
        {"model", false, false},       {"version", true, false}, {"slice_column", false, false},
        {"slice_value", false, false}, {"metric", false, false}, {"value", true, false}};
    bool with_slices = report->n_slices > 0;
    struct trivet_cli_table *table =
        trivet_cli_open_table(cli, with_slices ? sliced : plain, with_slices ? 6 : 4);
    if (table != NULL) {
        csv_rows(table, subject, "", "", with_slices, report->metrics, report->n_metrics);
    }
    for (size_t i = 0; table != NULL && i < report->n_slices; i++) {
        const Trivet__V1__SliceReport *slice = report->slices[i];
        csv_rows(table, subject, slice->column, slice->value, true, slice->metrics,
                 slice->n_metrics);
    }
    return trivet_cli_print_table(cli, table);
}

/* --- for a person --- */

static int print_metrics(struct trivet_cli *cli, const Trivet__V1__EvaluationReport *report)
{
    static const struct trivet_cli_column columns[] = {{"metric", false, false},
                                                       {"value", true, false}};
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 2);
    for (size_t i = 0; table != NULL && i < report->n_metrics; i++) {
        if (!trivet_cli_metric_repeats(report, report->metrics[i]->name)) {
            trivet_cli_table_text(table, "%s", report->metrics[i]->name);
            trivet_cli_metric_cell(table, report->metrics[i]);
        }
    }
    putchar('\n');
    return trivet_cli_print_table(cli, table);
}

static int print_parts(struct trivet_cli *cli, const Trivet__V1__EvaluationReport *report)
{
    int code = print_metrics(cli, report);
    if (code == TRIVET_CLI_DONE) {
        code = trivet_cli_print_classes(cli, report, "rows scored", NULL, 0);
    }
    if (code == TRIVET_CLI_DONE) {
        code = trivet_cli_print_confusion(cli, report->confusion, "rows scored");
    }
    if (code == TRIVET_CLI_DONE) {
        code = trivet_cli_print_slices(cli, report);
    }
    return code == TRIVET_CLI_DONE ? trivet_cli_print_importances(cli, report) : code;
}

int trivet_cli_print_evaluation(struct trivet_cli *cli, const struct trivet_cli_subject *subject,
                                const Trivet__V1__EvaluationReport *report)
{
    char rows[TRIVET_CLI_TEXT_BYTES];
    char skipped[TRIVET_CLI_TEXT_BYTES];
    if (!trivet_cli_for_person(cli)) {
        return print_csv(cli, subject, report);
    }
    trivet_cli_format_count(report->rows, rows);
    trivet_cli_format_count(report->rows_skipped, skipped);
    trivet_cli_print_fact(cli, "Model", "%s version %llu", subject->model,
                          (unsigned long long)subject->version);
    trivet_cli_print_fact(cli, "Rows", "%s scored, %s skipped", rows, skipped);
    return print_parts(cli, report);
}
