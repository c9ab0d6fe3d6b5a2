#include "clients/cli/explain.h"

#include "base/alloc.h"
#include "base/text.h"
#include "clients/cli/bar.h"
#include "clients/cli/format.h"
#include "clients/cli/output.h"
#include "clients/cli/report_parts.h"
#include "data/csv.h"
#include "wire/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEATURES_SHOWN 10
#define SUMMARY_SHOWN  20
#define HALF_CELLS     16
#define BAR_CELLS      24
#define ROUNDING       1e-12

/* --- a reply's lists ----------------------------------------------------------------------- */

/* Contributions of one output of a row, n_features of them. */
static const double *contributions_of(const Trivet__V1__ExplainResponse *response, uint32_t row,
                                      size_t output)
{
    return response->contributions + (row * response->n_outputs + output) * response->n_features;
}

/* Their standard errors; NULL: exact. */
static const double *errors_of(const Trivet__V1__ExplainResponse *response, uint32_t row,
                               size_t output)
{
    return response->n_errors == 0
               ? NULL
               : response->errors + (row * response->n_outputs + output) * response->n_features;
}

static const char *row_error(const Trivet__V1__ExplainResponse *response, uint32_t row)
{
    for (size_t i = 0; i < response->n_row_errors; i++) {
        if (response->row_errors[i]->row == row) {
            return response->row_errors[i]->message;
        }
    }
    return NULL;
}

enum trivet_status trivet_cli_explain_check(const Trivet__V1__ExplainResponse *response,
                                            uint64_t n_rows, struct trivet_error *err)
{
    size_t n_values = (size_t)n_rows * response->n_outputs;
    size_t n_contributions = n_values * response->n_features;
    bool whole = response->rows == n_rows && response->n_outputs > 0 && response->n_features > 0 &&
                 response->n_base_values == response->n_outputs && response->n_values == n_values &&
                 response->n_contributions == n_contributions &&
                 (response->n_errors == 0 || response->n_errors == n_contributions);
    return whole ? TRIVET_OK
                 : trivet_error_set(err, TRIVET_DATA_LOSS,
                                    "the server's explanation of %llu rows does not fit together",
                                    (unsigned long long)n_rows);
}

/* --- lines --------------------------------------------------------------------------------- */

static enum trivet_status append_csv_text(struct trivet_buffer *out, const char *text,
                                          struct trivet_error *err)
{
    return trivet_csv_append_text(out, text, strlen(text), err);
}

static enum trivet_status append_csv_feature(const Trivet__V1__ExplainResponse *response,
                                             uint32_t row, uint64_t number, size_t output,
                                             size_t feature, struct trivet_buffer *out,
                                             struct trivet_error *err)
{
    const double *errors = errors_of(response, row, output);
    char value[TRIVET_DOUBLE_TEXT_BYTES];
    char base[TRIVET_DOUBLE_TEXT_BYTES];
    char contribution[TRIVET_DOUBLE_TEXT_BYTES];
    char error[TRIVET_DOUBLE_TEXT_BYTES] = "";
    trivet_text_double(response->values[row * response->n_outputs + output], value);
    trivet_text_double(response->base_values[output], base);
    trivet_text_double(contributions_of(response, row, output)[feature], contribution);
    if (errors != NULL) {
        trivet_text_double(errors[feature], error);
    }
    enum trivet_status status = trivet_buffer_printf(out, err, "%llu,", (unsigned long long)number);
    if (status == TRIVET_OK) {
        status = append_csv_text(out, response->outputs[output], err);
    }
    if (status == TRIVET_OK) {
        status = trivet_buffer_printf(out, err, ",%s,%s,", value, base);
    }
    if (status == TRIVET_OK) {
        status = append_csv_text(out, response->features[feature], err);
    }
    return status == TRIVET_OK ? trivet_buffer_printf(out, err, ",%s,%s,\n", contribution, error)
                               : status;
}

static enum trivet_status append_csv(const Trivet__V1__ExplainResponse *response, uint32_t row,
                                     uint64_t number, struct trivet_buffer *out,
                                     struct trivet_error *err)
{
    const char *error = row_error(response, row);
    enum trivet_status status = TRIVET_OK;
    if (error != NULL) {
        status = trivet_buffer_printf(out, err, "%llu,,,,,,,", (unsigned long long)number);
        if (status == TRIVET_OK) {
            status = append_csv_text(out, error, err);
        }
        return status == TRIVET_OK ? trivet_buffer_append(out, "\n", 1, err) : status;
    }
    for (size_t k = 0; k < response->n_outputs; k++) {
        for (size_t j = 0; status == TRIVET_OK && j < response->n_features; j++) {
            status = append_csv_feature(response, row, number, k, j, out, err);
        }
    }
    return status;
}

/* "NAME":{"FEATURE":0.5,…} */
static enum trivet_status append_object(const Trivet__V1__ExplainResponse *response,
                                        const char *name, const double *values,
                                        struct trivet_buffer *out, struct trivet_error *err)
{
    enum trivet_status status = trivet_buffer_printf(out, err, ",\"%s\":{", name);
    for (size_t j = 0; status == TRIVET_OK && j < response->n_features; j++) {
        status = trivet_buffer_printf(out, err, "%s", j > 0 ? "," : "");
        if (status == TRIVET_OK) {
            status = trivet_wire_json_text(response->features[j], out, err);
        }
        if (status == TRIVET_OK) {
            status = trivet_buffer_append(out, ":", 1, err);
        }
        if (status == TRIVET_OK) {
            status = trivet_wire_json_double(values[j], out, err);
        }
    }
    return status == TRIVET_OK ? trivet_buffer_append(out, "}", 1, err) : status;
}

static enum trivet_status append_json_output(const Trivet__V1__ExplainResponse *response,
                                             uint32_t row, size_t output, struct trivet_buffer *out,
                                             struct trivet_error *err)
{
    const double *errors = errors_of(response, row, output);
    enum trivet_status status =
        trivet_buffer_printf(out, err, "%s{\"output\":", output > 0 ? "," : "");
    if (status == TRIVET_OK) {
        status = trivet_wire_json_text(response->outputs[output], out, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_buffer_printf(out, err, ",\"value\":");
    }
    if (status == TRIVET_OK) {
        status =
            trivet_wire_json_double(response->values[row * response->n_outputs + output], out, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_buffer_printf(out, err, ",\"base\":");
    }
    if (status == TRIVET_OK) {
        status = trivet_wire_json_double(response->base_values[output], out, err);
    }
    if (status == TRIVET_OK) {
        status = append_object(response, "contributions", contributions_of(response, row, output),
                               out, err);
    }
    if (status == TRIVET_OK && errors != NULL) {
        status = append_object(response, "standard_errors", errors, out, err);
    }
    return status == TRIVET_OK ? trivet_buffer_append(out, "}", 1, err) : status;
}

static enum trivet_status append_json(const Trivet__V1__ExplainResponse *response, uint32_t row,
                                      uint64_t number, struct trivet_buffer *out,
                                      struct trivet_error *err)
{
    const char *error = row_error(response, row);
    enum trivet_status status =
        trivet_buffer_printf(out, err, "{\"row\":%llu,\"%s\":", (unsigned long long)number,
                             error != NULL ? "error" : "explained");
    if (status == TRIVET_OK) {
        status = trivet_wire_json_text(error != NULL ? error : response->explained, out, err);
    }
    if (status == TRIVET_OK && error == NULL) {
        status = trivet_buffer_printf(out, err, ",\"outputs\":[");
    }
    for (size_t k = 0; status == TRIVET_OK && error == NULL && k < response->n_outputs; k++) {
        status = append_json_output(response, row, k, out, err);
    }
    return status == TRIVET_OK ? trivet_buffer_printf(out, err, "%s}\n", error == NULL ? "]" : "")
                               : status;
}

enum trivet_status trivet_cli_explain_append(const Trivet__V1__ExplainResponse *response,
                                             uint64_t first_row, bool json,
                                             struct trivet_buffer *out, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    for (uint32_t row = 0; status == TRIVET_OK && row < response->rows; row++) {
        status = json ? append_json(response, row, first_row + row, out, err)
                      : append_csv(response, row, first_row + row, out, err);
    }
    return status;
}

/* --- for a person -------------------------------------------------------------------------- */

struct part {
    size_t feature;
    double size;
};

static int by_size(const void *left, const void *right)
{
    const struct part *a = left;
    const struct part *b = right;
    if (a->size != b->size) {
        return a->size < b->size ? 1 : -1;
    }
    return a->feature < b->feature ? -1 : a->feature > b->feature;
}

static struct part *sorted_parts(const double *values, size_t n_values)
{
    struct part *parts = trivet_alloc_array(n_values, sizeof(*parts));
    for (size_t j = 0; parts != NULL && j < n_values; j++) {
        parts[j] = (struct part){j, isfinite(values[j]) ? fabs(values[j]) : 0};
    }
    if (parts != NULL) {
        qsort(parts, n_values, sizeof(*parts), by_size);
    }
    return parts;
}

/* Of one output: "probabilities" is "probability" then. */
static const char *singular(const char *explained)
{
    return strcmp(explained, "probabilities") == 0 ? "probability"
           : strcmp(explained, "scores") == 0      ? "score"
           : strcmp(explained, "distances") == 0   ? "distance"
                                                   : explained;
}

/* Rounding is no error of sampling; few features are not sampled at all. */
static bool has_errors(const double *values, const double *errors, size_t n_features)
{
    double largest = 0;
    double error = 0;
    for (size_t j = 0; errors != NULL && j < n_features; j++) {
        largest = fmax(largest, fabs(values[j]));
        error = fmax(error, errors[j]);
    }
    return error > ROUNDING * largest;
}

static void fill_row(struct trivet_cli_table *table, const Trivet__V1__ExplainResponse *response,
                     const double *values, const double *errors, const struct part *parts,
                     size_t n_shown)
{
    bool blocks = trivet_cli_has_blocks();
    bool sampled = has_errors(values, errors, response->n_features);
    char number[TRIVET_CLI_TEXT_BYTES];
    double rest = 0;
    for (size_t i = 0; i < response->n_features; i++) {
        size_t j = parts[i].feature;
        char bar[TRIVET_CLI_BAR_BYTES];
        if (i >= n_shown) {
            rest += values[j];
            continue;
        }
        double share = parts[0].size > 0 ? parts[i].size / parts[0].size : 0;
        /* Left of the middle whole cells only: blocks fill from the left. */
        double cells = round(share * HALF_CELLS);
        bool down = values[j] < 0;
        trivet_cli_bar(down ? cells / HALF_CELLS : share, HALF_CELLS, blocks, bar);
        trivet_cli_table_text(table, "%s", response->features[j]);
        trivet_cli_format_short(values[j], true, number);
        if (sampled) {
            trivet_cli_table_text(table, "%s \xc2\xb1 %.1g", number, errors[j]);
        } else {
            trivet_cli_table_text(table, "%s", number);
        }
        trivet_cli_table_text(table, "%s", down ? bar : "");
        trivet_cli_table_text(table, "%s", down ? "" : bar);
    }
    if (response->n_features > n_shown) {
        trivet_cli_table_text(table, "… %zu more", response->n_features - n_shown);
        trivet_cli_format_short(rest, true, number);
        trivet_cli_table_text(table, "%s", number);
        trivet_cli_table_empty(table);
        trivet_cli_table_empty(table);
    }
}

static bool is_distance(const Trivet__V1__ExplainResponse *response)
{
    return strcmp(response->explained, "distances") == 0;
}

/* The class that is likeliest; the cluster that is nearest. */
static size_t telling_output(const Trivet__V1__ExplainResponse *response, uint32_t row)
{
    const double *values = response->values + row * response->n_outputs;
    size_t best = 0;
    for (size_t k = 1; k < response->n_outputs; k++) {
        bool better = is_distance(response) ? values[k] < values[best] : values[k] > values[best];
        best = better ? k : best;
    }
    return best;
}

int trivet_cli_explain_print_row(struct trivet_cli *cli,
                                 const Trivet__V1__ExplainResponse *response, uint32_t row,
                                 uint64_t number)
{
    static const struct trivet_cli_column columns[] = {
        {"feature", false, true}, {"adds", true, false}, {"", true, false}, {"", false, false}};
    const char *error = row_error(response, row);
    if (error != NULL) {
        trivet_cli_heading(cli, "Row %llu failed: %s", (unsigned long long)number, error);
        return TRIVET_CLI_DONE;
    }
    size_t output = telling_output(response, row);
    const char *name = response->outputs[output];
    const double *values = contributions_of(response, row, output);
    struct part *parts = sorted_parts(values, response->n_features);
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 4);
    if (parts != NULL && table != NULL) {
        fill_row(table, response, values, errors_of(response, row, output), parts,
                 response->n_features < FEATURES_SHOWN ? response->n_features : FEATURES_SHOWN);
    }
    trivet_free(parts);
    bool said = strcmp(name, response->explained) == 0 || name[0] == '\0';
    double value = response->values[row * response->n_outputs + output];
    char added[TRIVET_CLI_TEXT_BYTES];
    trivet_cli_format_short(value - response->base_values[output], true, added);
    trivet_cli_heading(cli, "Row %llu: %s%s%s %.6g, %s from the base %.6g",
                       (unsigned long long)number, singular(response->explained),
                       said                    ? ""
                       : is_distance(response) ? " to "
                                               : " of ",
                       said ? "" : name, value, added, response->base_values[output]);
    return trivet_cli_print_table(cli, table);
}

/* --- over all rows ------------------------------------------------------------------------- */

static enum trivet_status begin(struct trivet_cli_influence *influence,
                                const Trivet__V1__ExplainResponse *response,
                                struct trivet_error *err)
{
    size_t n = response->n_features;
    influence->names = trivet_calloc(n, sizeof(*influence->names));
    influence->sums = trivet_calloc(n, sizeof(*influence->sums));
    influence->n_features = influence->names != NULL && influence->sums != NULL ? n : 0;
    bool whole = influence->n_features > 0;
    for (size_t j = 0; whole && j < n; j++) {
        influence->names[j] = trivet_strndup(response->features[j], strlen(response->features[j]));
        whole = influence->names[j] != NULL;
    }
    influence->n_outputs = response->n_outputs;
    trivet_text_copy(influence->explained, sizeof(influence->explained), response->explained);
    return whole ? TRIVET_OK
                 : trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                    "out of memory for an explanation");
}

enum trivet_status trivet_cli_influence_add(struct trivet_cli_influence *influence,
                                            const Trivet__V1__ExplainResponse *response,
                                            struct trivet_error *err)
{
    enum trivet_status status =
        influence->names == NULL ? begin(influence, response, err) : TRIVET_OK;
    if (status != TRIVET_OK || response->n_features != influence->n_features ||
        response->n_outputs != influence->n_outputs) {
        return status != TRIVET_OK
                   ? status
                   : trivet_error_set(err, TRIVET_DATA_LOSS,
                                      "the server's explanations are of different models");
    }
    for (uint32_t row = 0; row < response->rows; row++) {
        if (row_error(response, row) != NULL) {
            influence->n_failed++;
            continue;
        }
        influence->n_rows++;
        for (size_t k = 0; k < response->n_outputs; k++) {
            const double *values = contributions_of(response, row, k);
            const double *errors = errors_of(response, row, k);
            for (size_t j = 0; j < response->n_features; j++) {
                influence->sums[j] += isfinite(values[j]) ? fabs(values[j]) : 0;
                if (errors != NULL && errors[j] > influence->worst_error &&
                    has_errors(values, errors, response->n_features)) {
                    influence->worst_error = errors[j];
                }
            }
        }
    }
    return TRIVET_OK;
}

int trivet_cli_influence_print(struct trivet_cli *cli, const struct trivet_cli_influence *influence)
{
    static const struct trivet_cli_column columns[] = {
        {"feature", false, true}, {"mean_size", true, false}, {"", false, false}};
    bool blocks = trivet_cli_has_blocks();
    size_t n_shown = influence->n_features < SUMMARY_SHOWN ? influence->n_features : SUMMARY_SHOWN;
    double n_values = (double)influence->n_rows * (double)influence->n_outputs;
    struct part *parts = sorted_parts(influence->sums, influence->n_features);
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 3);
    for (size_t i = 0; parts != NULL && table != NULL && i < n_shown; i++) {
        char bar[TRIVET_CLI_BAR_BYTES];
        char number[TRIVET_CLI_TEXT_BYTES];
        trivet_cli_bar(parts[0].size > 0 ? parts[i].size / parts[0].size : 0, BAR_CELLS, blocks,
                       bar);
        trivet_cli_table_text(table, "%s", influence->names[parts[i].feature]);
        trivet_cli_format_short(n_values > 0 ? parts[i].size / n_values : 0, false, number);
        trivet_cli_table_text(table, "%s", number);
        trivet_cli_table_text(table, "%s", bar);
    }
    trivet_free(parts);
    trivet_cli_heading(cli, "All %llu rows: mean size of the contributions to %s%s",
                       (unsigned long long)influence->n_rows, singular(influence->explained),
                       influence->n_outputs > 1 ? ", over all outputs" : "");
    int code = trivet_cli_print_table(cli, table);
    trivet_cli_more(influence->n_features, n_shown);
    if (influence->worst_error > 0) {
        printf("Sampled: standard errors up to %.2g; --samples makes them smaller.\n",
               influence->worst_error);
    }
    return code;
}

void trivet_cli_influence_release(struct trivet_cli_influence *influence)
{
    for (size_t j = 0; influence->names != NULL && j < influence->n_features; j++) {
        trivet_free(influence->names[j]);
    }
    trivet_free(influence->names);
    trivet_free(influence->sums);
    *influence = (struct trivet_cli_influence){0};
}
