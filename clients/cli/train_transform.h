/* The small language of --transform. */
#ifndef TRIVET_CLI_TRAIN_TRANSFORM_H
#define TRIVET_CLI_TRAIN_TRANSFORM_H

#include "clients/cli/train_plan.h"

/* "NAME", "NAME(KEY=VALUE, …)", "NAME(…): COLUMN, …" as a message in `arena`. A piece without '='
 * belongs to the value before: "lag(lags=1,7)". INVALID_ARGUMENT says what is wrong with it. */
enum trivet_status trivet_cli_parse_transform(const char *text, struct trivet_arena *arena,
                                              Trivet__V1__TransformerSpec **out,
                                              struct trivet_error *err) TRIVET_MUST_USE;

#endif
