/* Replies of Predict as lines of output. */
#ifndef TRIVET_CLI_SCORING_H
#define TRIVET_CLI_SCORING_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/compiler.h"
#include "trivet/v1/prediction.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stdint.h>

/* How a line looks: bits. */
enum trivet_cli_scoring_form {
    TRIVET_CLI_SCORING_JSON = 1,
    TRIVET_CLI_SCORING_IDS = 2, /* with the id that the prediction is known by to Feedback */
};

/* Header of the CSV form when there is no reply to tell more. */
#define TRIVET_CLI_SCORING_HEADER "row,prediction,error\n"

/* Append the header of the lines of this reply and those alike: "row,prediction,error";
 * "row,prediction,probability:a,probability:b,error" (or "score:…") for classes;
 * "row,cluster,distance,error" for clusters, the distance to the own one; with ids "row,id,…". */
enum trivet_status trivet_cli_scoring_header(const Trivet__V1__PredictResponse *response,
                                             uint64_t n_rows, unsigned form,
                                             struct trivet_buffer *out,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* Append one line per row: "17,3.25," or "18,,why not"; as JSON
 * {"row":17,"prediction":"a","probabilities":{"a":0.75,"b":0.25}} or {"row":18,"error":"why not"}.
 * Rows count from `first_row`. Doubles and floats are the shortest text that reads back equal.
 * `*n_failed` grows by the rows without a prediction. DATA_LOSS when the reply is not about
 * `n_rows` rows; `arena` is scratch. */
enum trivet_status trivet_cli_scoring_append(const Trivet__V1__PredictResponse *response,
                                             uint64_t first_row, uint64_t n_rows, unsigned form,
                                             struct trivet_arena *arena, struct trivet_buffer *out,
                                             uint64_t *n_failed,
                                             struct trivet_error *err) TRIVET_MUST_USE;

#endif
