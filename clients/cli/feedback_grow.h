/* trivet feedback NAME --grow. */
#ifndef TRIVET_CLI_FEEDBACK_GROW_H
#define TRIVET_CLI_FEEDBACK_GROW_H

#include "clients/cli/cli.h"
#include "trivet/v1/feedback.pb-c.h"

/* Makes the dataset and prints it. Returns the exit code. */
int trivet_cli_grow(struct trivet_cli *cli, const Trivet__V1__GrowDatasetRequest *request);

#endif
