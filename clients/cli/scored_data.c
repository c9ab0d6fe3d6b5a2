#include "clients/cli/scored_data.h"

#include "clients/cli/interrupt.h"
#include "clients/cli/models.h"
#include "clients/cli/progress.h"
#include "clients/cli/upload.h"

#include <stdio.h>

#define TITLE_BYTES 128

static bool answers_with_text(const Trivet__V1__Version *version)
{
    const Trivet__V1__Signature *signature = version->signature;
    return signature != NULL && signature->n_outputs > 0 &&
           signature->outputs[0]->type == TRIVET__V1__TENSOR_TYPE__TENSOR_TYPE_TEXT;
}

static enum trivet_status add_missing(struct trivet_schema *columns, const char *name,
                                      enum trivet_column_type type, struct trivet_error *err)
{
    return trivet_schema_find(columns, name) == TRIVET_COLUMN_NOT_FOUND
               ? trivet_schema_add(columns, name, type, err)
               : TRIVET_OK;
}

enum trivet_status trivet_cli_scored_columns(const Trivet__V1__Version *version, const char *target,
                                             struct trivet_schema *columns,
                                             struct trivet_error *err)
{
    struct trivet_schema inputs = {0};
    enum trivet_status status = trivet_cli_input_columns(version, &inputs, err);
    for (size_t i = 0; status == TRIVET_OK && i < inputs.n_columns; i++) {
        status = add_missing(columns, inputs.columns[i].name, inputs.columns[i].type, err);
    }
    if (status == TRIVET_OK && target[0] != '\0') {
        status = add_missing(
            columns, target,
            answers_with_text(version) ? TRIVET_COLUMN_CATEGORICAL : TRIVET_COLUMN_NUMERIC, err);
    }
    trivet_schema_release(&inputs);
    return status;
}

enum trivet_status trivet_cli_upload_scored(struct trivet_cli *cli, const char *path,
                                            const struct trivet_schema *columns,
                                            Trivet__V1__Dataset **out, struct trivet_error *err)
{
    char title[TITLE_BYTES];
    struct trivet_cli_interrupt interrupt;
    struct trivet_cli_progress progress;
    enum trivet_status status = trivet_cli_interrupt_begin(&interrupt, cli, err);
    if (status != TRIVET_OK) {
        return status;
    }
    trivet_cli_file_title(path, title, sizeof(title));
    trivet_cli_progress_init(&progress, cli);
    struct trivet_cli_upload job = {.path = path,
                                    .name = title,
                                    .schema = columns,
                                    .progress = &progress,
                                    .interrupt = &interrupt};
    status = trivet_cli_upload_file(cli, &job, out, err);
    trivet_cli_progress_clear(&progress);
    trivet_cli_interrupt_end(&interrupt);
    return status;
}

void trivet_cli_drop_scored(struct trivet_cli *cli, const char *dataset_id)
{
    struct trivet_error err = {0};
    if (trivet_cli_delete_dataset(cli, dataset_id, &err) != TRIVET_OK) {
        fprintf(stderr, "trivet: %s stays on the server: %s\n", dataset_id, err.message);
    }
}
