/* trivet predict NAME --dataset ID: every row of a dataset on the server, as a job there. */
#ifndef TRIVET_CLI_PREDICT_DATASET_H
#define TRIVET_CLI_PREDICT_DATASET_H

#include "clients/cli/cli.h"
#include "clients/cli/names.h"

#include <stdbool.h>

struct trivet_cli_dataset_prediction {
    const char *dataset_id;
    struct trivet_cli_list keep; /* columns that are copied to the output */
    const char *output_name;     /* NULL = the server's choice */
    bool detach;                 /* do not wait */
};

/* Starts it and, unless detached, waits with a progress bar; Ctrl-C cancels the job. Prints the
 * dataset that was made. Exit code: 1 also when rows have no prediction. */
int trivet_cli_predict_dataset(struct trivet_cli *cli, const struct trivet_cli_model *model,
                               const struct trivet_cli_dataset_prediction *options);

#endif
