/* From a model's name on the command line to one version of it. */
#ifndef TRIVET_CLI_MODELS_H
#define TRIVET_CLI_MODELS_H

#include "clients/cli/cli.h"
#include "clients/cli/names.h"
#include "data/schema.h"
#include "trivet/v1/models.pb-c.h"

/* Models.Describe; `version` 0 = the model with all its versions. The reply lives in cli->arena. */
enum trivet_status trivet_cli_describe(struct trivet_cli *cli, const char *name, uint64_t version,
                                       Trivet__V1__Model **out,
                                       struct trivet_error *err) TRIVET_MUST_USE;
/* The version that `model` means now, with signature and report. NOT_FOUND tells how to deploy. */
enum trivet_status trivet_cli_resolve(struct trivet_cli *cli, const struct trivet_cli_model *model,
                                      Trivet__V1__Version **out,
                                      struct trivet_error *err) TRIVET_MUST_USE;
/* A version's inputs as columns of a file; `out` is empty before. */
enum trivet_status trivet_cli_input_columns(const Trivet__V1__Version *version,
                                            struct trivet_schema *out,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* "house@production is version 3", or its row: what deploy and rollback end with. Exit code. */
int trivet_cli_print_alias(struct trivet_cli *cli, const char *name, const char *alias,
                           uint64_t version);

#endif
