/* The parts of a report, each as a person reads it: a blank line, a heading, a table. What is not
 * in the report prints nothing. All return an exit code. */
#ifndef TRIVET_CLI_REPORT_PARTS_H
#define TRIVET_CLI_REPORT_PARTS_H

#include "clients/cli/cli.h"
#include "clients/cli/table.h"
#include "trivet/v1/report.pb-c.h"

/* --- metrics (report_metrics.c) --- */

const Trivet__V1__Metric *trivet_cli_find_metric(Trivet__V1__Metric *const *metrics,
                                                 size_t n_metrics, const char *name);
/* Of the order of one: shown with four decimals, other metrics in six digits. */
bool trivet_cli_is_score(const char *name);
/* NULL, or not defined: empty. */
void trivet_cli_metric_cell(struct trivet_cli_table *table, const Trivet__V1__Metric *metric);
/* "0.9123 ± 0.0123", as the metric of that name is shown. */
void trivet_cli_spread_cell(struct trivet_cli_table *table, const char *name, double mean,
                            double deviation);
/* For a person: what others say already, like the macro average of several classes said twice. */
bool trivet_cli_metric_repeats(const Trivet__V1__EvaluationReport *report, const char *name);
/* How far a score is lower on `n_rows` other rows (0 = not known) than on those that trained; 0
 * unless it is by more than 0.1, and than chance explains. */
double trivet_cli_overfit(const char *name, double train, double other, uint64_t n_rows);
/* Training, test and folds side by side; what is much worse than in training is marked. */
int trivet_cli_print_metrics(struct trivet_cli *cli, const Trivet__V1__TrainingReport *report);

/* --- classes (report_classes.c) --- */

/* `rows` says of which rows ("test rows"). `trained` may be empty: rows of each class that
 * trained. */
int trivet_cli_print_classes(struct trivet_cli *cli, const Trivet__V1__EvaluationReport *report,
                             const char *rows, Trivet__V1__ClassSupport *const *trained,
                             size_t n_trained);
int trivet_cli_print_confusion(struct trivet_cli *cli, const Trivet__V1__ConfusionMatrix *confusion,
                               const char *rows);

/* --- features (report_features.c) --- */

int trivet_cli_print_coefficients(struct trivet_cli *cli, const Trivet__V1__TrainingReport *report);
int trivet_cli_print_importances(struct trivet_cli *cli,
                                 const Trivet__V1__EvaluationReport *report);
int trivet_cli_print_slices(struct trivet_cli *cli, const Trivet__V1__EvaluationReport *report);

/* --- search (report_search.c) --- */

int trivet_cli_print_search(struct trivet_cli *cli, const Trivet__V1__SearchReport *search);
int trivet_cli_print_learning_curve(struct trivet_cli *cli, const Trivet__V1__LearningCurve *curve);

/* --- shared (report.c) --- */

/* A blank line and a heading, bold on a terminal. */
void trivet_cli_heading(const struct trivet_cli *cli, const char *format, ...) TRIVET_PRINTF(2, 3);
/* "… 12 more; --json has all", when there are more. */
void trivet_cli_more(size_t n_all, size_t n_shown);

#endif
