/* --impute, --scale, --encode and their defaults: how each column is treated. */
#ifndef TRIVET_CLI_TRAIN_WAYS_H
#define TRIVET_CLI_TRAIN_WAYS_H

#include "clients/cli/train_plan.h"

#define TRIVET_CLI_NONE            "none"
#define TRIVET_CLI_STEP_NAME_BYTES 64

enum trivet_cli_way_kind {
    TRIVET_CLI_IMPUTE,
    TRIVET_CLI_SCALE,
    TRIVET_CLI_ENCODE,
    TRIVET_CLI_WAY_KINDS
};

/* Fills plan->treatments; a numeric column that --encode names is sent as categories from then on.
 * `given`: the steps of --transform; what they do themselves is not done by default.
 * INVALID_ARGUMENT: a column or a way that is not there, with those that are. */
enum trivet_status trivet_cli_treat(const struct trivet_cli_recipe *recipe,
                                    const Trivet__V1__ListEstimatorsResponse *known,
                                    Trivet__V1__TransformerSpec *const *given, size_t n_given,
                                    struct trivet_cli_plan *plan,
                                    struct trivet_error *err) TRIVET_MUST_USE;
/* Of a column of the file; NULL where nothing of the kind applies. */
const char **trivet_cli_way(const struct trivet_cli_plan *plan, enum trivet_cli_way_kind kind,
                            size_t column);
/* Of a column of the file that is sent. */
enum trivet_column_type trivet_cli_sent_type(const struct trivet_cli_plan *plan, size_t column);
/* The transformer that does it: "standard" → "standard_scaler". */
void trivet_cli_way_step(enum trivet_cli_way_kind kind, const char *way,
                         char name[TRIVET_CLI_STEP_NAME_BYTES]);

#endif
