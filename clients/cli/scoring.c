#include "clients/cli/scoring.h"

#include "base/text.h"
#include "clients/cli/json.h"
#include "data/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES 32

/* What the lines of one reply are made of. */
struct scoring {
    const Trivet__V1__Output *output;
    const char **errors; /* by row; NULL where there is a prediction */
    bool json;
    struct trivet_buffer *out;
};

static bool fits(const Trivet__V1__Output *output, uint64_t n_rows)
{
    return output->cols == 1 &&
           (output->n_f64 == n_rows || output->n_f32 == n_rows || output->n_text_codes == n_rows);
}

/* The first output with one value per row: the prediction. */
static const Trivet__V1__Output *find_output(const Trivet__V1__PredictResponse *response,
                                             uint64_t n_rows)
{
    for (size_t i = 0; i < response->n_outputs; i++) {
        if (fits(response->outputs[i], n_rows)) {
            return response->outputs[i];
        }
    }
    return NULL;
}

/* A float has shorter texts than the double of the same value. */
static size_t float_text(float value, char text[NUMBER_BYTES])
{
    for (int digits = 6; digits < 9; digits++) {
        snprintf(text, NUMBER_BYTES, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value) {
            return strlen(text);
        }
    }
    return (size_t)snprintf(text, NUMBER_BYTES, "%.9g", (double)value);
}

static enum trivet_status append_value(const struct scoring *scoring, uint64_t row,
                                       struct trivet_error *err)
{
    const Trivet__V1__Output *output = scoring->output;
    char number[NUMBER_BYTES];
    if (output->n_f64 > row) {
        size_t n_bytes = trivet_text_double(output->f64[row], number);
        return trivet_buffer_append(scoring->out, number, n_bytes, err);
    }
    if (output->n_f32 > row) {
        size_t n_bytes = float_text(output->f32[row], number);
        return trivet_buffer_append(scoring->out, number, n_bytes, err);
    }
    uint32_t code = output->text_codes[row];
    const char *text = code < output->n_text ? output->text[code] : "";
    return scoring->json ? trivet_cli_json_text(text, scoring->out, err)
                         : trivet_csv_append_text(scoring->out, text, strlen(text), err);
}

static enum trivet_status append_csv(const struct scoring *scoring, uint64_t row, uint64_t number,
                                     struct trivet_error *err)
{
    const char *error = scoring->errors[row];
    enum trivet_status status =
        trivet_buffer_printf(scoring->out, err, "%llu,", (unsigned long long)number);
    if (status == TRIVET_OK && error == NULL) {
        status = append_value(scoring, row, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_buffer_append(scoring->out, ",", 1, err);
    }
    if (status == TRIVET_OK && error != NULL) {
        status = trivet_csv_append_text(scoring->out, error, strlen(error), err);
    }
    return status == TRIVET_OK ? trivet_buffer_append(scoring->out, "\n", 1, err) : status;
}

static enum trivet_status append_json(const struct scoring *scoring, uint64_t row, uint64_t number,
                                      struct trivet_error *err)
{
    const char *error = scoring->errors[row];
    enum trivet_status status =
        trivet_buffer_printf(scoring->out, err, "{\"row\":%llu,\"%s\":", (unsigned long long)number,
                             error == NULL ? "prediction" : "error");
    if (status == TRIVET_OK) {
        status = error == NULL ? append_value(scoring, row, err)
                               : trivet_cli_json_text(error, scoring->out, err);
    }
    return status == TRIVET_OK ? trivet_buffer_append(scoring->out, "}\n", 2, err) : status;
}

/* Errors by row; returns how many rows have one, or SIZE_MAX without memory. */
static size_t collect_errors(const Trivet__V1__PredictResponse *response, uint64_t n_rows,
                             struct trivet_arena *arena, const char ***out)
{
    const char **errors = trivet_arena_alloc_array(arena, (size_t)n_rows, sizeof(*errors));
    size_t n_errors = 0;
    if (errors == NULL) {
        return SIZE_MAX;
    }
    for (uint64_t i = 0; i < n_rows; i++) {
        errors[i] = NULL;
    }
    for (size_t i = 0; i < response->n_row_errors; i++) {
        const Trivet__V1__RowError *error = response->row_errors[i];
        if (error->row < n_rows && errors[error->row] == NULL) {
            errors[error->row] = error->message;
            n_errors++;
        }
    }
    *out = errors;
    return n_errors;
}

enum trivet_status trivet_cli_scoring_append(const Trivet__V1__PredictResponse *response,
                                             uint64_t first_row, uint64_t n_rows, bool json,
                                             struct trivet_arena *arena, struct trivet_buffer *out,
                                             uint64_t *n_failed, struct trivet_error *err)
{
    struct scoring scoring = {.json = json, .out = out};
    scoring.output = find_output(response, n_rows);
    if (response->rows != n_rows || scoring.output == NULL) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the reply has %u rows, or no output of one value per row, for the "
                                "%llu rows sent",
                                response->rows, (unsigned long long)n_rows);
    }
    size_t n_errors = collect_errors(response, n_rows, arena, &scoring.errors);
    if (n_errors == SIZE_MAX) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a reply");
    }
    enum trivet_status status = TRIVET_OK;
    for (uint64_t row = 0; status == TRIVET_OK && row < n_rows; row++) {
        status = json ? append_json(&scoring, row, first_row + row, err)
                      : append_csv(&scoring, row, first_row + row, err);
    }
    if (status == TRIVET_OK) {
        *n_failed += n_errors;
    }
    return status;
}
