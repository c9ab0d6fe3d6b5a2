/* trivet models delete: a version, a model with all of them, or an alias. */
#ifndef TRIVET_CLI_MODELS_DELETE_H
#define TRIVET_CLI_MODELS_DELETE_H

#include "clients/cli/cli.h"

#include <stdbool.h>

/* `what` is NAME, NAME:VERSION or NAME@ALIAS; nothing is done without `yes`. `reason` may be NULL.
 * Exit code. */
int trivet_cli_delete_model(struct trivet_cli *cli, const char *what, bool yes, const char *reason);

#endif
