/* The steps before the estimator: --impute, --scale, --encode, --transform and their defaults. */
#ifndef TRIVET_CLI_TRAIN_STEPS_H
#define TRIVET_CLI_TRAIN_STEPS_H

#include "clients/cli/train_plan.h"

/* The pipeline as a message in `arena`, and the plan's treatments; texts borrowed from recipe and
 * plan. Not said otherwise, numeric columns impute mean and are standardised, categorical ones
 * impute most frequent and are one-hot encoded; an estimator that takes missing values gets numeric
 * columns as they are, unless a step of --transform takes them. A categorical column that a step of
 * --transform takes is that step's. INVALID_ARGUMENT: a step, column or way that is not there, with
 * those that are. */
enum trivet_status trivet_cli_plan_pipeline(const struct trivet_cli_recipe *recipe,
                                            const Trivet__V1__ListEstimatorsResponse *known,
                                            struct trivet_cli_plan *plan,
                                            struct trivet_arena *arena,
                                            Trivet__V1__PipelineSpec **out,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* The arena's memory is out. */
enum trivet_status trivet_cli_no_memory(struct trivet_error *err) TRIVET_MUST_USE;
/* A parameter in `arena`, its texts copied; NULL when out of memory. */
Trivet__V1__Parameter *trivet_cli_parameter(struct trivet_arena *arena, const char *name,
                                            size_t name_bytes, const char *value,
                                            size_t value_bytes);

#endif
