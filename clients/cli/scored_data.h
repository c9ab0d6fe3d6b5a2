/* Data that is sent only to be scored: the columns that a version needs, and the upload. */
#ifndef TRIVET_CLI_SCORED_DATA_H
#define TRIVET_CLI_SCORED_DATA_H

#include "clients/cli/cli.h"
#include "data/schema.h"
#include "trivet/v1/datasets.pb-c.h"
#include "trivet/v1/models.pb-c.h"

/* Add the version's inputs and the column `target` ("" = none), typed as the version needs them;
 * columns that are there already stay as they are. */
enum trivet_status trivet_cli_scored_columns(const Trivet__V1__Version *version, const char *target,
                                             struct trivet_schema *columns,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* Upload these columns of a file ("-": standard input) with a progress bar; Ctrl-C ends it and
 * leaves nothing. *out lives in cli->arena. */
enum trivet_status trivet_cli_upload_scored(struct trivet_cli *cli, const char *path,
                                            const struct trivet_schema *columns,
                                            Trivet__V1__Dataset **out,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* Delete it again; when that fails stderr tells that it stays. */
void trivet_cli_drop_scored(struct trivet_cli *cli, const char *dataset_id);

#endif
