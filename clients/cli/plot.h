/* Reports as pictures. */
#ifndef TRIVET_CLI_PLOT_H
#define TRIVET_CLI_PLOT_H

#include "base/compiler.h"
#include "clients/cli/report.h"

#include <trivet/error.h>

#define TRIVET_CLI_PLOT_PATH_BYTES 1024

/* --plot as a file: "MODEL-VERSION-WHAT.png" in it when `given` is a folder, else `given`. */
void trivet_cli_plot_path(const char *given, const char *model, uint64_t version, const char *what,
                          char path[TRIVET_CLI_PLOT_PATH_BYTES]);
/* One page: of classes ROC, precision and recall, calibration and confusion; of numbers predictions
 * against true values, residuals and their distribution. FAILED_PRECONDITION: nothing to draw. */
enum trivet_status trivet_cli_plot_evaluation(const struct trivet_cli_subject *subject,
                                              const Trivet__V1__EvaluationReport *report,
                                              const char *path,
                                              struct trivet_error *err) TRIVET_MUST_USE;
/* One page: loss by iteration, learning curve, as far as they are there. FAILED_PRECONDITION: the
 * training has neither. */
enum trivet_status trivet_cli_plot_training(const struct trivet_cli_subject *subject,
                                            const Trivet__V1__TrainingReport *report,
                                            const char *path,
                                            struct trivet_error *err) TRIVET_MUST_USE;

#endif
