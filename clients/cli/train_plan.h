/* What `trivet train` is going to do: the columns of the file that it sends, the estimator and how
 * each column is prepared. */
#ifndef TRIVET_CLI_TRAIN_PLAN_H
#define TRIVET_CLI_TRAIN_PLAN_H

#include "base/arena.h"
#include "clients/cli/names.h"
#include "data/csv.h"
#include "trivet/v1/training.pb-c.h"

#include <stdbool.h>
#include <stdio.h>

/* Chooses the estimator on the server. */
#define TRIVET_CLI_AUTO "auto"

/* As on the command line; texts are borrowed. */
struct trivet_cli_recipe {
    const char *data;
    const char *target;    /* NULL: none, for clustering */
    const char *task;      /* "classification" …; NULL: the estimator's, or the target's */
    const char *estimator; /* or "auto"; NULL: by the task */
    const char *group;     /* column whose rows stay together in a split, or NULL */
    struct trivet_cli_pairs params;
    struct trivet_cli_list columns; /* features; empty = all but target and group */
    struct trivet_cli_list exclude;
    /* Each item HOW or COLUMNS=HOW: "median", "age,rooms=constant:0", "numeric=none". */
    struct trivet_cli_list impute;
    struct trivet_cli_list scale;
    struct trivet_cli_list encode;
    struct trivet_cli_list transforms; /* "pca(n_components=5): area, rooms" */
    bool drop_duplicates;
};

/* How one column of the file is prepared. NULL: not of its type, or not a feature. */
struct trivet_cli_treatment {
    const char *impute; /* "mean", "constant:0", "none" … */
    const char *scale;
    const char *encode;
};

struct trivet_cli_plan {
    struct trivet_csv_inference file;        /* owned */
    struct trivet_schema sent;               /* owned: what is used, in the order of the file */
    struct trivet_cli_treatment *treatments; /* owned; one per column of the file */
    size_t n_numeric;                        /* features of each type */
    size_t n_categorical;
    Trivet__V1__Task task;
    const char *estimator;                 /* borrowed; "auto" too */
    const Trivet__V1__EstimatorInfo *info; /* of the server's list; NULL for "auto" */
};

/* Reads the file once. `out` is zero before; release it also after an error. INVALID_ARGUMENT: a
 * column that is not there (with those that are), infinities in one of numbers, no features. */
enum trivet_status trivet_cli_plan_make(const struct trivet_cli_recipe *recipe,
                                        struct trivet_cli_plan *out,
                                        struct trivet_error *err) TRIVET_MUST_USE;
void trivet_cli_plan_release(struct trivet_cli_plan *plan);
/* The estimator and its task, from what the server knows and the type of the target, which is sent
 * as the task needs it. INVALID_ARGUMENT: no such estimator, a target that is not of its task.
 * `known` must outlive the plan. */
enum trivet_status trivet_cli_plan_choose(const struct trivet_cli_recipe *recipe,
                                          const Trivet__V1__ListEstimatorsResponse *known,
                                          struct trivet_cli_plan *plan,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* Columns, types and steps, to read before training begins. `search` may be NULL. */
void trivet_cli_plan_print(const struct trivet_cli_recipe *recipe,
                           const struct trivet_cli_plan *plan, const Trivet__V1__SearchSpec *search,
                           FILE *out);

bool trivet_cli_is_feature(const struct trivet_cli_recipe *recipe, const char *name);
/* INVALID_ARGUMENT: `option` names a column that the file has not; with those that it has. */
enum trivet_status trivet_cli_no_column(const struct trivet_cli_recipe *recipe,
                                        const struct trivet_cli_plan *plan, const char *option,
                                        const char *name, struct trivet_error *err) TRIVET_MUST_USE;

#endif
