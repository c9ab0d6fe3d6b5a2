/* What the server can train, and whether that fits what `trivet train` is about to send. */
#ifndef TRIVET_CLI_ESTIMATORS_H
#define TRIVET_CLI_ESTIMATORS_H

#include "clients/cli/cli.h"
#include "clients/cli/train_plan.h"
#include "trivet/v1/training.pb-c.h"

#define TRIVET_CLI_ALLOWED_BYTES 256

/* Training.ListEstimators; `name` "" = all. The reply lives in cli->arena. */
enum trivet_status trivet_cli_list_estimators(struct trivet_cli *cli, const char *name,
                                              Trivet__V1__ListEstimatorsResponse **out,
                                              struct trivet_error *err) TRIVET_MUST_USE;
/* "none, l2" or "[0, inf)". */
void trivet_cli_allowed_text(const Trivet__V1__ParameterInfo *info,
                             char text[TRIVET_CLI_ALLOWED_BYTES]);
/* What the server would refuse only once it has the data: estimator, names and values of
 * parameters (of numbers the syntax; ranges are the server's), a target that is not of the
 * estimator's task. INVALID_ARGUMENT says what is allowed. */
enum trivet_status trivet_cli_check_plan(const struct trivet_cli_recipe *recipe,
                                         const struct trivet_cli_plan *plan,
                                         const Trivet__V1__PipelineSpec *pipeline,
                                         const Trivet__V1__ListEstimatorsResponse *known,
                                         struct trivet_error *err) TRIVET_MUST_USE;

#endif
