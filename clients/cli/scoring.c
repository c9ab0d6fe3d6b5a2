#include "clients/cli/scoring.h"

#include "base/text.h"
#include "data/csv.h"
#include "wire/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES 32
#define TITLE_BYTES  512
#define ID_BYTES     128

/* What the lines of one reply are made of. */
struct scoring {
    const Trivet__V1__Output *answer; /* one value a row */
    const Trivet__V1__Output *values; /* what it follows from, `cols` numbers a row; or NULL */
    bool is_cluster;
    const char **errors; /* by row; NULL where there is a prediction */
    bool json;
    const char *id; /* of the call; NULL: rows without ids */
    struct trivet_buffer *out;
};

static bool has_values(const Trivet__V1__Output *output, uint64_t n_values)
{
    return output->n_f64 == n_values || output->n_f32 == n_values;
}

/* The first output with one value per row is the prediction; another one with numbers for every row
 * tells what it follows from. */
static bool find_outputs(const Trivet__V1__PredictResponse *response, uint64_t n_rows,
                         struct scoring *scoring)
{
    for (size_t i = 0; i < response->n_outputs; i++) {
        const Trivet__V1__Output *output = response->outputs[i];
        bool single =
            output->cols == 1 && (has_values(output, n_rows) || output->n_text_codes == n_rows);
        if (scoring->answer == NULL && single) {
            scoring->answer = output;
        } else if (scoring->values == NULL && output->cols > 0 &&
                   has_values(output, n_rows * output->cols)) {
            scoring->values = output;
        }
    }
    scoring->is_cluster = scoring->answer != NULL && strcmp(scoring->answer->name, "cluster") == 0;
    return scoring->answer != NULL;
}

static enum trivet_status check_reply(const Trivet__V1__PredictResponse *response, uint64_t n_rows,
                                      struct scoring *scoring, struct trivet_error *err)
{
    return find_outputs(response, n_rows, scoring) && response->rows == n_rows
               ? TRIVET_OK
               : trivet_error_set(err, TRIVET_DATA_LOSS,
                                  "the reply has %u rows, or no output of one value per row, for "
                                  "the %llu rows sent",
                                  response->rows, (unsigned long long)n_rows);
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

static enum trivet_status append_number(const struct scoring *scoring,
                                        const Trivet__V1__Output *output, uint64_t at,
                                        struct trivet_error *err)
{
    char number[NUMBER_BYTES];
    size_t n_bytes = output->n_f64 > at   ? trivet_text_double(output->f64[at], number)
                     : output->n_f32 > at ? float_text(output->f32[at], number)
                                          : 0;
    return trivet_buffer_append(scoring->out, number, n_bytes, err);
}

static enum trivet_status append_text(const struct scoring *scoring, const char *text,
                                      struct trivet_error *err)
{
    return scoring->json ? trivet_wire_json_text(text, scoring->out, err)
                         : trivet_csv_append_text(scoring->out, text, strlen(text), err);
}

static enum trivet_status append_answer(const struct scoring *scoring, uint64_t row,
                                        struct trivet_error *err)
{
    const Trivet__V1__Output *output = scoring->answer;
    if (output->n_text_codes <= row) {
        return append_number(scoring, output, row, err);
    }
    uint32_t code = output->text_codes[row];
    return append_text(scoring, code < output->n_text ? output->text[code] : "", err);
}

/* What Feedback knows the row by. */
static enum trivet_status append_id(const struct scoring *scoring, uint64_t row,
                                    struct trivet_error *err)
{
    char id[ID_BYTES];
    snprintf(id, sizeof(id), "%s/%llu", scoring->id, (unsigned long long)row);
    return append_text(scoring, id, err);
}

/* The class that column j is about; NULL: it has no name. */
static const char *column_name(const Trivet__V1__Output *output, uint32_t j)
{
    return j < output->n_columns ? output->columns[j] : NULL;
}

/* --- CSV ----------------------------------------------------------------------------------- */

/* Of a cluster only the distance to the own centre is told. */
static uint32_t own_cluster(const struct scoring *scoring, uint64_t row)
{
    const Trivet__V1__Output *answer = scoring->answer;
    double cluster = answer->n_f64 > row   ? answer->f64[row]
                     : answer->n_f32 > row ? (double)answer->f32[row]
                                           : 0;
    return cluster > 0 && cluster < (double)scoring->values->cols ? (uint32_t)cluster : 0;
}

static enum trivet_status append_csv_values(const struct scoring *scoring, uint64_t row,
                                            bool failed, struct trivet_error *err)
{
    const Trivet__V1__Output *values = scoring->values;
    enum trivet_status status = TRIVET_OK;
    uint32_t first = 0;
    uint32_t end = values == NULL ? 0 : values->cols;
    if (scoring->is_cluster && values != NULL) {
        first = failed ? 0 : own_cluster(scoring, row);
        end = first + 1;
    }
    for (uint32_t j = first; status == TRIVET_OK && j < end; j++) {
        status = trivet_buffer_append(scoring->out, ",", 1, err);
        if (status == TRIVET_OK && !failed) {
            status = append_number(scoring, values, row * values->cols + j, err);
        }
    }
    return status;
}

static enum trivet_status append_csv(const struct scoring *scoring, uint64_t row, uint64_t number,
                                     struct trivet_error *err)
{
    const char *error = scoring->errors[row];
    enum trivet_status status =
        trivet_buffer_printf(scoring->out, err, "%llu,", (unsigned long long)number);
    if (status == TRIVET_OK && scoring->id != NULL && error == NULL) {
        status = append_id(scoring, row, err);
    }
    if (status == TRIVET_OK && scoring->id != NULL) {
        status = trivet_buffer_append(scoring->out, ",", 1, err);
    }
    if (status == TRIVET_OK && error == NULL) {
        status = append_answer(scoring, row, err);
    }
    if (status == TRIVET_OK) {
        status = append_csv_values(scoring, row, error != NULL, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_buffer_append(scoring->out, ",", 1, err);
    }
    if (status == TRIVET_OK && error != NULL) {
        status = trivet_csv_append_text(scoring->out, error, strlen(error), err);
    }
    return status == TRIVET_OK ? trivet_buffer_append(scoring->out, "\n", 1, err) : status;
}

static enum trivet_status append_header_columns(const struct scoring *scoring,
                                                struct trivet_error *err)
{
    const Trivet__V1__Output *values = scoring->values;
    const char *word = strcmp(values->name, "probabilities") == 0 ? "probability"
                       : strcmp(values->name, "scores") == 0      ? "score"
                                                                  : values->name;
    enum trivet_status status = TRIVET_OK;
    for (uint32_t j = 0; status == TRIVET_OK && j < values->cols; j++) {
        char title[TITLE_BYTES];
        const char *name = column_name(values, j);
        if (name != NULL) {
            snprintf(title, sizeof(title), "%s:%s", word, name);
        } else if (values->cols > 1) {
            snprintf(title, sizeof(title), "%s:%u", word, j);
        } else {
            snprintf(title, sizeof(title), "%s", word);
        }
        status = trivet_buffer_append(scoring->out, ",", 1, err);
        if (status == TRIVET_OK) {
            status = trivet_csv_append_text(scoring->out, title, strlen(title), err);
        }
    }
    return status;
}

enum trivet_status trivet_cli_scoring_header(const Trivet__V1__PredictResponse *response,
                                             uint64_t n_rows, unsigned form,
                                             struct trivet_buffer *out, struct trivet_error *err)
{
    struct scoring scoring = {.out = out};
    enum trivet_status status = check_reply(response, n_rows, &scoring, err);
    if (status == TRIVET_OK) {
        status = trivet_buffer_printf(out, err, "row,%s%s",
                                      (form & TRIVET_CLI_SCORING_IDS) != 0 ? "id," : "",
                                      scoring.is_cluster ? "cluster" : "prediction");
    }
    if (status == TRIVET_OK && scoring.values != NULL) {
        status = scoring.is_cluster ? trivet_buffer_printf(out, err, ",distance")
                                    : append_header_columns(&scoring, err);
    }
    return status == TRIVET_OK ? trivet_buffer_printf(out, err, ",error\n") : status;
}

/* --- JSON ---------------------------------------------------------------------------------- */

/* An object by class, or an array. NaN is no number in JSON, but stands in failed rows only. */
static enum trivet_status append_json_values(const struct scoring *scoring, uint64_t row,
                                             struct trivet_error *err)
{
    const Trivet__V1__Output *values = scoring->values;
    bool named = values->n_columns == values->cols && !scoring->is_cluster;
    enum trivet_status status = trivet_buffer_append(scoring->out, ",", 1, err);
    if (status == TRIVET_OK) {
        status = trivet_wire_json_text(values->name, scoring->out, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_buffer_printf(scoring->out, err, ":%s", named ? "{" : "[");
    }
    for (uint32_t j = 0; status == TRIVET_OK && j < values->cols; j++) {
        status = trivet_buffer_printf(scoring->out, err, "%s", j > 0 ? "," : "");
        if (status == TRIVET_OK && named) {
            status = trivet_wire_json_text(values->columns[j], scoring->out, err);
        }
        if (status == TRIVET_OK && named) {
            status = trivet_buffer_append(scoring->out, ":", 1, err);
        }
        if (status == TRIVET_OK) {
            status = append_number(scoring, values, row * values->cols + j, err);
        }
    }
    return status == TRIVET_OK ? trivet_buffer_printf(scoring->out, err, "%s", named ? "}" : "]")
                               : status;
}

static enum trivet_status append_json(const struct scoring *scoring, uint64_t row, uint64_t number,
                                      struct trivet_error *err)
{
    const char *error = scoring->errors[row];
    const char *name = error != NULL ? "error" : scoring->is_cluster ? "cluster" : "prediction";
    enum trivet_status status =
        trivet_buffer_printf(scoring->out, err, "{\"row\":%llu,", (unsigned long long)number);
    if (status == TRIVET_OK && scoring->id != NULL && error == NULL) {
        status = trivet_buffer_printf(scoring->out, err, "\"id\":");
        if (status == TRIVET_OK) {
            status = append_id(scoring, row, err);
        }
        if (status == TRIVET_OK) {
            status = trivet_buffer_append(scoring->out, ",", 1, err);
        }
    }
    if (status == TRIVET_OK) {
        status = trivet_buffer_printf(scoring->out, err, "\"%s\":", name);
    }
    if (status == TRIVET_OK) {
        status = error == NULL ? append_answer(scoring, row, err)
                               : trivet_wire_json_text(error, scoring->out, err);
    }
    if (status == TRIVET_OK && error == NULL && scoring->values != NULL) {
        status = append_json_values(scoring, row, err);
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
                                             uint64_t first_row, uint64_t n_rows, unsigned form,
                                             struct trivet_arena *arena, struct trivet_buffer *out,
                                             uint64_t *n_failed, struct trivet_error *err)
{
    const bool json = (form & TRIVET_CLI_SCORING_JSON) != 0;
    struct scoring scoring = {.json = json,
                              .id = (form & TRIVET_CLI_SCORING_IDS) != 0 ? response->prediction_id
                                                                         : NULL,
                              .out = out};
    enum trivet_status status = check_reply(response, n_rows, &scoring, err);
    if (status != TRIVET_OK) {
        return status;
    }
    size_t n_errors = collect_errors(response, n_rows, arena, &scoring.errors);
    if (n_errors == SIZE_MAX) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a reply");
    }
    for (uint64_t row = 0; status == TRIVET_OK && row < n_rows; row++) {
        status = json ? append_json(&scoring, row, first_row + row, err)
                      : append_csv(&scoring, row, first_row + row, err);
    }
    if (status == TRIVET_OK) {
        *n_failed += n_errors;
    }
    return status;
}
