/* A CSV file as a committed dataset. */
#ifndef TRIVET_CLI_UPLOAD_H
#define TRIVET_CLI_UPLOAD_H

#include "clients/cli/cli.h"
#include "clients/cli/interrupt.h"
#include "clients/cli/progress.h"
#include "data/schema.h"
#include "trivet/v1/datasets.pb-c.h"

struct trivet_cli_upload {
    const char *path;                   /* a file, or "-" */
    const char *name;                   /* of the dataset */
    const struct trivet_schema *schema; /* columns to send; the file's others are left out */
    struct trivet_cli_progress *progress;
    struct trivet_cli_interrupt *interrupt; /* may be NULL */
};

/* Streams the file in chunks, with a bounded number in flight, and commits. When anything fails,
 * the half-made dataset is deleted. CANCELLED after an interrupt. *out lives in cli->arena. */
enum trivet_status trivet_cli_upload_file(struct trivet_cli *cli,
                                          const struct trivet_cli_upload *upload,
                                          Trivet__V1__Dataset **out,
                                          struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_cli_delete_dataset(struct trivet_cli *cli, const char *dataset_id,
                                             struct trivet_error *err) TRIVET_MUST_USE;

#endif
