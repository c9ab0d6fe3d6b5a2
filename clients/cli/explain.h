/* Replies of Explain: lines for a program, rows and a summary for a person. */
#ifndef TRIVET_CLI_EXPLAIN_H
#define TRIVET_CLI_EXPLAIN_H

#include "base/buffer.h"
#include "clients/cli/cli.h"
#include "trivet/v1/prediction.pb-c.h"

#include <stdint.h>

#define TRIVET_CLI_EXPLAIN_HEADER                                                                  \
    "row,output,value,base,feature,contribution,standard_error,error\n"

/* Over all rows. Zero-initialised is empty; release when done. */
struct trivet_cli_influence {
    size_t n_features;
    char **names;      /* owned */
    double *sums;      /* owned: of |contribution|, over rows and outputs */
    uint64_t n_rows;   /* explained */
    uint64_t n_failed; /* rows with an error */
    size_t n_outputs;
    double worst_error; /* greatest standard error; 0 = exact */
    char explained[64];
};

/* DATA_LOSS: the reply's lists do not fit together, or are not about `n_rows` rows. */
enum trivet_status trivet_cli_explain_check(const Trivet__V1__ExplainResponse *response,
                                            uint64_t n_rows,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* These take a reply that was checked. Rows count from `first_row`. */

/* A line per row, output and feature, or with `json` an object per row. */
enum trivet_status trivet_cli_explain_append(const Trivet__V1__ExplainResponse *response,
                                             uint64_t first_row, bool json,
                                             struct trivet_buffer *out,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* A row for a person: what is explained, and the largest contributions with bars; of several
 * outputs the likeliest class or the nearest cluster. Returns the exit code. */
int trivet_cli_explain_print_row(struct trivet_cli *cli,
                                 const Trivet__V1__ExplainResponse *response, uint32_t row,
                                 uint64_t number);
enum trivet_status trivet_cli_influence_add(struct trivet_cli_influence *influence,
                                            const Trivet__V1__ExplainResponse *response,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* Features by their mean influence. Returns the exit code. */
int trivet_cli_influence_print(struct trivet_cli *cli,
                               const struct trivet_cli_influence *influence);
void trivet_cli_influence_release(struct trivet_cli_influence *influence);

#endif
