#include "clients/cli/report_parts.h"

#include "base/alloc.h"
#include "clients/cli/format.h"
#include "clients/cli/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES_SHOWN   25
#define MATRIX_MAX      12
#define CONFUSION_SHOWN 12

static uint64_t trained_rows(Trivet__V1__ClassSupport *const *trained, size_t n_trained,
                             const char *label, bool *found)
{
    for (size_t i = 0; i < n_trained; i++) {
        if (strcmp(trained[i]->label, label) == 0) {
            *found = true;
            return trained[i]->rows_train;
        }
    }
    *found = false;
    return 0;
}

int trivet_cli_print_classes(struct trivet_cli *cli, const Trivet__V1__EvaluationReport *report,
                             const char *rows, Trivet__V1__ClassSupport *const *trained,
                             size_t n_trained)
{
    static const struct trivet_cli_column columns[] = {
        {"class", false, true}, {"precision", true, false}, {"recall", true, false},
        {"f1", true, false},    {"rows", true, false},      {"rows_trained", true, false}};
    size_t n_shown = report->n_classes < CLASSES_SHOWN ? report->n_classes : CLASSES_SHOWN;
    if (n_shown == 0) {
        return TRIVET_CLI_DONE;
    }
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 6);
    for (size_t i = 0; table != NULL && i < n_shown; i++) {
        const Trivet__V1__ClassReport *class = report->classes[i];
        bool found = false;
        uint64_t n_rows = trained_rows(trained, n_trained, class->label, &found);
        trivet_cli_table_text(table, "%s", class->label);
        trivet_cli_table_score(table, class->precision);
        trivet_cli_table_score(table, class->recall);
        trivet_cli_table_score(table, class->f1);
        trivet_cli_table_count(table, class->support);
        if (found) {
            trivet_cli_table_count(table, n_rows);
        } else {
            trivet_cli_table_empty(table);
        }
    }
    trivet_cli_heading(cli, "Classes, %s", rows);
    int code = trivet_cli_print_table(cli, table);
    trivet_cli_more(report->n_classes, n_shown);
    return code;
}

/* --- confusion ----------------------------------------------------------------------------- */

static uint64_t count_of(const Trivet__V1__ConfusionMatrix *confusion, size_t truth, size_t said)
{
    size_t at = truth * confusion->n_labels + said;
    return at < confusion->n_counts ? confusion->counts[at] : 0;
}

/* Truth down, prediction across. */
static struct trivet_cli_table *matrix(const struct trivet_cli *cli,
                                       const Trivet__V1__ConfusionMatrix *confusion,
                                       struct trivet_cli_column columns[MATRIX_MAX + 1])
{
    size_t n_labels = confusion->n_labels;
    columns[0] = (struct trivet_cli_column){"true \\ predicted", false, true};
    for (size_t j = 0; j < n_labels; j++) {
        columns[j + 1] = (struct trivet_cli_column){confusion->labels[j], true, true};
    }
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, n_labels + 1);
    if (table != NULL) {
        trivet_cli_table_keep_names(table);
    }
    for (size_t i = 0; table != NULL && i < n_labels; i++) {
        trivet_cli_table_text(table, "%s", confusion->labels[i]);
        for (size_t j = 0; j < n_labels; j++) {
            trivet_cli_table_count(table, count_of(confusion, i, j));
        }
    }
    return table;
}

struct mistake {
    size_t truth;
    size_t said;
    uint64_t n_rows;
};

static int by_rows(const void *left, const void *right)
{
    const struct mistake *a = left;
    const struct mistake *b = right;
    if (a->n_rows != b->n_rows) {
        return a->n_rows < b->n_rows ? 1 : -1;
    }
    return a->truth != b->truth ? (a->truth < b->truth ? -1 : 1) : (a->said < b->said ? -1 : 1);
}

/* With many classes a matrix has mostly zeros: the most frequent mistakes instead. */
static int print_mistakes(struct trivet_cli *cli, const Trivet__V1__ConfusionMatrix *confusion)
{
    static const struct trivet_cli_column columns[] = {
        {"true", false, true}, {"predicted", false, true}, {"rows", true, false}};
    size_t n_labels = confusion->n_labels;
    size_t n_mistakes = 0;
    struct mistake *mistakes = trivet_alloc_array(n_labels * n_labels, sizeof(*mistakes));
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 3);
    for (size_t i = 0; mistakes != NULL && i < n_labels; i++) {
        for (size_t j = 0; j < n_labels; j++) {
            if (i != j && count_of(confusion, i, j) > 0) {
                mistakes[n_mistakes++] = (struct mistake){i, j, count_of(confusion, i, j)};
            }
        }
    }
    if (n_mistakes > 0) {
        qsort(mistakes, n_mistakes, sizeof(*mistakes), by_rows);
    }
    size_t n_shown = n_mistakes < CONFUSION_SHOWN ? n_mistakes : CONFUSION_SHOWN;
    for (size_t i = 0; table != NULL && i < n_shown; i++) {
        trivet_cli_table_text(table, "%s", confusion->labels[mistakes[i].truth]);
        trivet_cli_table_text(table, "%s", confusion->labels[mistakes[i].said]);
        trivet_cli_table_count(table, mistakes[i].n_rows);
    }
    trivet_free(mistakes);
    int code = trivet_cli_print_table(cli, table);
    trivet_cli_more(n_mistakes, n_shown);
    return code;
}

int trivet_cli_print_confusion(struct trivet_cli *cli, const Trivet__V1__ConfusionMatrix *confusion,
                               const char *rows)
{
    struct trivet_cli_column columns[MATRIX_MAX + 1];
    if (confusion == NULL || confusion->n_labels == 0) {
        return TRIVET_CLI_DONE;
    }
    if (confusion->n_labels > MATRIX_MAX) {
        trivet_cli_heading(cli, "Most frequent mistakes, %s", rows);
        return print_mistakes(cli, confusion);
    }
    trivet_cli_heading(cli, "Confusion, %s", rows);
    return trivet_cli_print_table(cli, matrix(cli, confusion, columns));
}
