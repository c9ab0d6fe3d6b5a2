/* How a fit went and how good a model is, for a person or as CSV. */
#ifndef TRIVET_CLI_REPORT_H
#define TRIVET_CLI_REPORT_H

#include "clients/cli/cli.h"
#include "clients/cli/table.h"
#include "trivet/v1/report.pb-c.h"

/* Whose report it is; `version` 0 for a cross-validation, which makes none. */
struct trivet_cli_subject {
    const char *model;
    uint64_t version;
};

/* For a person the whole report: data, steps, fit, metrics (train beside test and
 * cross-validation), coefficients. As CSV the metrics:
 * model,version,metric,train,test,cv_mean,cv_sd. Returns the exit code. */
int trivet_cli_print_training(struct trivet_cli *cli, const struct trivet_cli_subject *subject,
                              const Trivet__V1__TrainingReport *report);
/* An evaluation alone; CSV: model,version,metric,value. */
int trivet_cli_print_evaluation(struct trivet_cli *cli, const struct trivet_cli_subject *subject,
                                const Trivet__V1__EvaluationReport *report);
/* For lists. For a person the most telling ones: "r2 0.931, rmse 12.3"; `exact`: all of them,
 * "mse=151.2… rmse=12.3… …". */
void trivet_cli_metrics_text(Trivet__V1__Metric *const *metrics, size_t n_metrics, bool exact,
                             char *text, size_t text_bytes);

#endif
