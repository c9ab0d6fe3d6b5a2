#include "models/prediction_table.h"

#include "base/text.h"
#include "models/labels.h"

#include <math.h>
#include <string.h>

#define NAME_BYTES        (TRIVET_COLUMN_NAME_BYTES_MAX + 1)
#define REASON_BYTES      512
#define ERROR_COLUMN      "error"
#define PREDICTION_COLUMN "prediction"

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while predictions become a table");
}

/* --- names ----------------------------------------------------------------------------------- */

/* "probability:yes" … */
static enum trivet_status add_named(const struct trivet_pipeline *pipeline, const char *word,
                                    struct trivet_schema *schema, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    const size_t n_outputs = trivet_pipeline_n_outputs(pipeline);
    for (size_t k = 0; status == TRIVET_OK && k < n_outputs; k++) {
        char label[NAME_BYTES];
        char name[NAME_BYTES];
        trivet_pipeline_output_name(pipeline, k, label, sizeof label);
        if (!trivet_text_format(name, sizeof name, "%s:%s", word, label)) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "the label '%.60s…' is too long for the name of a column; "
                                    "predict the rows by calls instead",
                                    label);
        }
        status = trivet_schema_add(schema, name, TRIVET_COLUMN_NUMERIC, err);
    }
    return status;
}

static enum trivet_status add_outputs(const struct trivet_pipeline *pipeline,
                                      struct trivet_schema *schema, struct trivet_error *err)
{
    const enum trivet_output_kind kind = trivet_pipeline_output_kind(pipeline);
    enum trivet_status status = TRIVET_OK;
    switch (kind) {
    case TRIVET_OUTPUT_VALUE:
        return trivet_schema_add(schema, PREDICTION_COLUMN, TRIVET_COLUMN_NUMERIC, err);
    case TRIVET_OUTPUT_PROBABILITIES:
    case TRIVET_OUTPUT_MARGINS:
    case TRIVET_OUTPUT_PAIR_MARGINS:
        status = trivet_schema_add(schema, PREDICTION_COLUMN, TRIVET_COLUMN_CATEGORICAL, err);
        return status != TRIVET_OK
                   ? status
                   : add_named(pipeline,
                               kind == TRIVET_OUTPUT_PROBABILITIES ? "probability" : "score",
                               schema, err);
    case TRIVET_OUTPUT_DISTANCES:
        status = trivet_schema_add(schema, "cluster", TRIVET_COLUMN_NUMERIC, err);
        return status != TRIVET_OK
                   ? status
                   : trivet_schema_add(schema, "distance", TRIVET_COLUMN_NUMERIC, err);
    }
    return trivet_error_set(err, TRIVET_INTERNAL, "outputs of an unknown kind");
}

enum trivet_status trivet_prediction_columns(const struct trivet_pipeline *pipeline,
                                             struct trivet_schema *schema, struct trivet_error *err)
{
    enum trivet_status status = add_outputs(pipeline, schema, err);
    return status == TRIVET_OK
               ? trivet_schema_add(schema, ERROR_COLUMN, TRIVET_COLUMN_CATEGORICAL, err)
               : status;
}

/* --- values ---------------------------------------------------------------------------------- */

/* What is filled: the columns of one kind of output, in order. */
struct filling {
    const struct trivet_pipeline *pipeline;
    size_t n_rows;
    const double *outputs;
    size_t n_outputs;
    const struct trivet_row_status *rows;
    struct trivet_arena *arena;
    struct trivet_column *next; /* the column to fill */
};

static bool is_fine(const struct filling *filling, size_t row)
{
    return filling->rows[row].fault == TRIVET_ROW_FINE;
}

/* Room for numbers as the next column; NULL without memory. */
static double *add_numbers(struct filling *filling)
{
    double *numbers = trivet_arena_alloc_array(filling->arena, filling->n_rows, sizeof *numbers);
    *filling->next++ =
        (struct trivet_column){.type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = numbers};
    return numbers;
}

static uint32_t *add_codes(struct filling *filling, const char *const *dictionary,
                           size_t n_dictionary)
{
    uint32_t *codes = trivet_arena_alloc_array(filling->arena, filling->n_rows, sizeof *codes);
    *filling->next++ = (struct trivet_column){.type = TRIVET_COLUMN_CATEGORICAL,
                                              .stride = 1,
                                              .codes = codes,
                                              .dictionary = dictionary,
                                              .n_dictionary = n_dictionary};
    return codes;
}

/* Column k of the outputs; failed rows are NaN there already, and say so themselves here. */
static bool fill_output(struct filling *filling, size_t k)
{
    double *numbers = add_numbers(filling);
    for (size_t i = 0; numbers != NULL && i < filling->n_rows; i++) {
        numbers[i] =
            is_fine(filling, i) ? filling->outputs[i * filling->n_outputs + k] : (double)NAN;
    }
    return numbers != NULL;
}

static bool fill_labels(struct filling *filling)
{
    const struct trivet_labels *labels = trivet_pipeline_labels(filling->pipeline);
    uint32_t *codes = add_codes(filling, (const char *const *)labels->texts, labels->n_labels);
    for (size_t i = 0; codes != NULL && i < filling->n_rows; i++) {
        codes[i] = is_fine(filling, i)
                       ? trivet_pipeline_decide(filling->pipeline,
                                                &filling->outputs[i * filling->n_outputs])
                       : TRIVET_CODE_NULL;
    }
    return codes != NULL;
}

static bool fill_clusters(struct filling *filling)
{
    double *clusters = add_numbers(filling);
    double *distances = clusters == NULL ? NULL : add_numbers(filling);
    for (size_t i = 0; distances != NULL && i < filling->n_rows; i++) {
        const double *row = &filling->outputs[i * filling->n_outputs];
        const uint32_t own =
            is_fine(filling, i) ? trivet_pipeline_decide(filling->pipeline, row) : 0;
        clusters[i] = is_fine(filling, i) ? (double)own : (double)NAN;
        distances[i] = is_fine(filling, i) ? row[own] : (double)NAN;
    }
    return distances != NULL;
}

/* A sentence for each fault of each column, once. */
struct reasons {
    size_t n_reasons;
    const char **texts;
    struct trivet_row_status *statuses;
};

static uint32_t find_reason(const struct reasons *reasons, struct trivet_row_status status)
{
    size_t i = 0;
    while (i < reasons->n_reasons && (reasons->statuses[i].fault != status.fault ||
                                      reasons->statuses[i].column != status.column)) {
        i++;
    }
    return (uint32_t)i;
}

static bool add_reason(const struct filling *filling, const struct trivet_table *bound,
                       struct trivet_row_status status, struct reasons *reasons)
{
    char text[REASON_BYTES];
    trivet_row_fault_text(status, bound, text, sizeof text);
    const char *kept = trivet_arena_strdup(filling->arena, text);
    reasons->statuses[reasons->n_reasons] = status;
    reasons->texts[reasons->n_reasons++] = kept;
    return kept != NULL;
}

static bool fill_errors(struct filling *filling, const struct trivet_table *bound)
{
    const size_t n_faults = TRIVET_ROW_OVERFLOW + 1;
    const size_t room = n_faults * (bound->n_columns + 1);
    struct reasons reasons = {
        .texts = trivet_arena_alloc_array(filling->arena, room, sizeof *reasons.texts),
        .statuses = trivet_arena_alloc_array(filling->arena, room, sizeof *reasons.statuses),
    };
    struct trivet_column *column = filling->next;
    uint32_t *codes = add_codes(filling, reasons.texts, 0);
    if (reasons.texts == NULL || reasons.statuses == NULL || codes == NULL) {
        return false;
    }
    for (size_t i = 0; i < filling->n_rows; i++) {
        struct trivet_row_status status = filling->rows[i];
        codes[i] = TRIVET_CODE_NULL;
        if (status.fault == TRIVET_ROW_FINE) {
            continue;
        }
        if (status.fault == TRIVET_ROW_OVERFLOW || status.column >= bound->n_columns) {
            status.column = 0; /* it is about none */
        }
        codes[i] = find_reason(&reasons, status);
        if (codes[i] == reasons.n_reasons && !add_reason(filling, bound, status, &reasons)) {
            return false;
        }
    }
    column->n_dictionary = reasons.n_reasons;
    return true;
}

static bool fill_outputs(struct filling *filling)
{
    bool filled = true;
    switch (trivet_pipeline_output_kind(filling->pipeline)) {
    case TRIVET_OUTPUT_VALUE:
        return fill_output(filling, 0);
    case TRIVET_OUTPUT_PROBABILITIES:
    case TRIVET_OUTPUT_MARGINS:
    case TRIVET_OUTPUT_PAIR_MARGINS:
        filled = fill_labels(filling);
        for (size_t k = 0; filled && k < filling->n_outputs; k++) {
            filled = fill_output(filling, k);
        }
        return filled;
    case TRIVET_OUTPUT_DISTANCES:
        return fill_clusters(filling);
    }
    return false;
}

static size_t count_columns(const struct trivet_pipeline *pipeline)
{
    switch (trivet_pipeline_output_kind(pipeline)) {
    case TRIVET_OUTPUT_VALUE:
        return 2;
    case TRIVET_OUTPUT_DISTANCES:
        return 3;
    case TRIVET_OUTPUT_PROBABILITIES:
    case TRIVET_OUTPUT_MARGINS:
    case TRIVET_OUTPUT_PAIR_MARGINS:
        break;
    }
    return 2 + trivet_pipeline_n_outputs(pipeline);
}

enum trivet_status trivet_prediction_fill(const struct trivet_pipeline *pipeline,
                                          const struct trivet_table *bound, const double *outputs,
                                          const struct trivet_row_status *rows,
                                          const struct trivet_schema *schema,
                                          struct trivet_arena *arena, struct trivet_column *columns,
                                          struct trivet_error *err)
{
    const size_t first = schema->n_columns - count_columns(pipeline);
    struct filling filling = {
        .pipeline = pipeline,
        .n_rows = bound->n_rows,
        .outputs = outputs,
        .n_outputs = trivet_pipeline_n_outputs(pipeline),
        .rows = rows,
        .arena = arena,
        .next = &columns[first],
    };
    if (!fill_outputs(&filling) || !fill_errors(&filling, bound)) {
        return no_memory(err);
    }
    for (size_t j = first; j < schema->n_columns; j++) {
        columns[j].name = schema->columns[j].name;
    }
    return TRIVET_OK;
}
