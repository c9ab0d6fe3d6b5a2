/* The command line of `trivet train`. */
#ifndef TRIVET_CLI_TRAIN_OPTIONS_H
#define TRIVET_CLI_TRAIN_OPTIONS_H

#include "clients/cli/cli.h"
#include "clients/cli/train_plan.h"
#include "clients/cli/train_search.h"

#include <stdbool.h>
#include <stdint.h>

struct trivet_cli_train_options {
    struct trivet_cli *cli;
    const char *name;
    struct trivet_cli_recipe recipe;
    struct trivet_cli_search search;
    double test_size;
    uint64_t seed;
    uint64_t folds; /* 0 = no cross-validation */
    Trivet__V1__SplitKind split;
    uint64_t threads; /* 0 = as the server is set */
    bool learning_curve;
    bool importance;
    const char *plot; /* a picture to draw, or NULL */
    bool no_wait;
};

/* Ends the program when the command line is wrong. `options` has its defaults already, and is
 * released also then. */
void trivet_cli_train_parse(struct trivet_cli_train_options *options, int argc, char **argv);
void trivet_cli_train_options_release(struct trivet_cli_train_options *options);

#endif
