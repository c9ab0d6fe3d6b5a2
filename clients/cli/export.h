/* The rows of a dataset on the server as a CSV file. */
#ifndef TRIVET_CLI_EXPORT_H
#define TRIVET_CLI_EXPORT_H

#include "clients/cli/cli.h"

/* Writes header and rows to `path` (NULL or "-": standard output), chunk by chunk. Numbers are the
 * shortest text that reads back equal, nulls are empty. Exit code. */
int trivet_cli_export_dataset(struct trivet_cli *cli, const char *dataset_id, const char *path);

#endif
