/* What the server can train, and whether that fits what `trivet train` is about to send. */
#ifndef TRIVET_CLI_ESTIMATORS_H
#define TRIVET_CLI_ESTIMATORS_H

#include "clients/cli/cli.h"
#include "clients/cli/train_plan.h"
#include "trivet/v1/training.pb-c.h"

#define TRIVET_CLI_ALLOWED_BYTES 512

/* Training.ListEstimators; `name` "" = all. The reply lives in cli->arena. */
enum trivet_status trivet_cli_list_estimators(struct trivet_cli *cli, const char *name,
                                              Trivet__V1__ListEstimatorsResponse **out,
                                              struct trivet_error *err) TRIVET_MUST_USE;
/* "none, l2" or "[0, inf)". */
void trivet_cli_allowed_text(const Trivet__V1__ParameterInfo *info,
                             char text[TRIVET_CLI_ALLOWED_BYTES]);
/* "regression" …; "" when it has none. */
const char *trivet_cli_task_name(Trivet__V1__Task task);
/* INVALID_ARGUMENT names those that there are. */
enum trivet_status trivet_cli_find_estimator(const Trivet__V1__ListEstimatorsResponse *known,
                                             const char *name,
                                             const Trivet__V1__EstimatorInfo **out,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* NULL when there is none; then the error that names those that there are. */
const Trivet__V1__EstimatorInfo *
trivet_cli_find_transformer(const Trivet__V1__ListEstimatorsResponse *known, const char *name);
enum trivet_status trivet_cli_no_transformer(const Trivet__V1__ListEstimatorsResponse *known,
                                             const char *name,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* INVALID_ARGUMENT names those that there are. `option` tells where the name stands. */
enum trivet_status trivet_cli_find_parameter(const Trivet__V1__EstimatorInfo *info,
                                             const char *option, const char *name,
                                             const Trivet__V1__ParameterInfo **out,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* INVALID_ARGUMENT: no value of the parameter's type, or out of its range. */
enum trivet_status trivet_cli_check_value(const Trivet__V1__ParameterInfo *info, const char *option,
                                          const char *name, const char *value,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* Whether a number is in the parameter's range; true where that cannot be told here. */
bool trivet_cli_in_range(const Trivet__V1__ParameterInfo *info, double value);
/* INVALID_ARGUMENT: a target of text for a task that predicts numbers, or, where nobody said what
 * the task is, one of numbers with a few texts among them; names the first such text. */
enum trivet_status trivet_cli_check_target(const struct trivet_cli_recipe *recipe,
                                           const struct trivet_cli_plan *plan,
                                           struct trivet_error *err) TRIVET_MUST_USE;
/* What the server would refuse only once it has the data: names and values of parameters of
 * estimator and transformers. INVALID_ARGUMENT says what is allowed. */
enum trivet_status trivet_cli_check_plan(const struct trivet_cli_plan *plan,
                                         const Trivet__V1__PipelineSpec *pipeline,
                                         const Trivet__V1__ListEstimatorsResponse *known,
                                         struct trivet_error *err) TRIVET_MUST_USE;

#endif
