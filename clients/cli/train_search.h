/* --search and its kin: which combinations of parameters are tried. */
#ifndef TRIVET_CLI_TRAIN_SEARCH_H
#define TRIVET_CLI_TRAIN_SEARCH_H

#include "clients/cli/train_plan.h"

/* As on the command line; texts are borrowed. All zero: no search. */
struct trivet_cli_search {
    const char *method;            /* "grid", "random"; NULL: by what follows */
    struct trivet_cli_list grids;  /* "alpha=0.1,1", "pca.n_components=2,5" */
    struct trivet_cli_list ranges; /* "alpha=0.001..100:log" */
    uint64_t tries;                /* 0 = not given */
    const char *metric;
    double budget_seconds; /* 0 = not given */
    bool keep_hopeless;
};

/* The search as a message in `arena`, or NULL when none is asked for; `folds` 0 = the server's
 * number. INVALID_ARGUMENT: a parameter, value or metric that is not there (with those that are),
 * options that do not go together. */
enum trivet_status trivet_cli_plan_search(const struct trivet_cli_search *search,
                                          const struct trivet_cli_plan *plan,
                                          const Trivet__V1__PipelineSpec *pipeline,
                                          const Trivet__V1__ListEstimatorsResponse *known,
                                          uint64_t folds, struct trivet_arena *arena,
                                          Trivet__V1__SearchSpec **out,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* "6 combinations by r2 over 5 folds". */
void trivet_cli_search_text(const Trivet__V1__SearchSpec *search, char *text, size_t text_bytes);

#endif
