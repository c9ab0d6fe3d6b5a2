/* What `trivet train` is going to do: the columns of the file that it sends, and the pipeline. */
#ifndef TRIVET_CLI_TRAIN_PLAN_H
#define TRIVET_CLI_TRAIN_PLAN_H

#include "base/arena.h"
#include "clients/cli/names.h"
#include "data/csv.h"
#include "trivet/v1/training.pb-c.h"

#include <stdbool.h>
#include <stdio.h>

/* As on the command line; texts are borrowed. */
struct trivet_cli_recipe {
    const char *data;
    const char *target;
    const char *estimator;
    struct trivet_cli_pairs params;
    struct trivet_cli_list columns; /* features; empty = all but the target */
    struct trivet_cli_list exclude;
    const char *impute; /* "mean", "constant=0", …; NULL = the default */
    const char *scale;
    const char *encode;
};

struct trivet_cli_plan {
    struct trivet_csv_inference file; /* owned */
    struct trivet_schema sent;        /* owned: features and target, in the order of the file */
    size_t n_numeric;                 /* features of each type */
    size_t n_categorical;
};

/* Reads the file once. `out` is zero before; release it also after an error. INVALID_ARGUMENT: a
 * column that is not there (with those that are), no features, an unknown step. */
enum trivet_status trivet_cli_plan_make(const struct trivet_cli_recipe *recipe,
                                        struct trivet_cli_plan *out,
                                        struct trivet_error *err) TRIVET_MUST_USE;
void trivet_cli_plan_release(struct trivet_cli_plan *plan);
/* The pipeline as a message in `arena`; texts borrowed from recipe and plan. */
enum trivet_status trivet_cli_plan_pipeline(const struct trivet_cli_recipe *recipe,
                                            const struct trivet_cli_plan *plan,
                                            struct trivet_arena *arena,
                                            Trivet__V1__PipelineSpec **out,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* Columns, types and steps, to read before training begins. */
void trivet_cli_plan_print(const struct trivet_cli_recipe *recipe,
                           const struct trivet_cli_plan *plan, FILE *out);

#endif
