#include "base/alloc.h"
#include "base/text.h"
#include "data/csv_reader.h"

#include <string.h>

static void inspect_field(struct trivet_csv_reader *reader, size_t column, const char *text,
                          size_t n_bytes)
{
    struct trivet_csv_column_counts *counts = &reader->counts[column];
    double number;
    if (trivet_csv_is_missing(text, n_bytes)) {
        counts->n_missing++;
    } else if (trivet_text_parse_double(text, n_bytes, &number)) {
        counts->n_numbers++;
    } else {
        if (counts->n_texts == 0) {
            counts->first_text_line = reader->row_line;
        }
        counts->n_texts++;
        if (trivet_text_is_infinite(text, n_bytes)) {
            counts->first_infinite_line =
                counts->n_infinite == 0 ? reader->row_line : counts->first_infinite_line;
            counts->n_infinite++;
        }
    }
}

void trivet_csv_inference_release(struct trivet_csv_inference *inference)
{
    trivet_schema_release(&inference->schema);
    trivet_free(inference->columns);
    *inference = (struct trivet_csv_inference){0};
}

enum trivet_status trivet_csv_check_finite(const char *path,
                                           const struct trivet_csv_inference *inference,
                                           size_t column, struct trivet_error *err)
{
    const struct trivet_csv_column_counts *counts = &inference->columns[column];
    if (counts->n_infinite == 0 || counts->n_infinite < counts->n_texts || counts->n_numbers == 0) {
        return TRIVET_OK;
    }
    char more[64] = "";
    if (counts->n_infinite > 1) {
        trivet_text_format(more, sizeof(more), ", one of %llu there",
                           (unsigned long long)counts->n_infinite);
    }
    const char *name = inference->schema.columns[column].name;
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "%.200s:%llu: column '%.80s': an infinite value among numbers%s; "
                            "correct it, leave it empty if it is missing, or leave the column out",
                            path, (unsigned long long)counts->first_infinite_line, name, more);
}

static enum trivet_status make_schema(const struct trivet_csv_reader *reader,
                                      struct trivet_csv_inference *inference,
                                      struct trivet_error *err)
{
    for (size_t i = 0; i < reader->n_columns; i++) {
        enum trivet_column_type type =
            inference->columns[i].n_texts > 0 ? TRIVET_COLUMN_CATEGORICAL : TRIVET_COLUMN_NUMERIC;
        enum trivet_status status =
            trivet_schema_add(&inference->schema, reader->names[i], type, err);
        if (status != TRIVET_OK) {
            trivet_error_prefix(err, "%s: ", reader->name);
            return status;
        }
    }
    return TRIVET_OK;
}

static enum trivet_status count_rows(struct trivet_csv_reader *reader, uint64_t *n_rows,
                                     struct trivet_error *err)
{
    enum trivet_status status;
    bool got = true;
    reader->sink = inspect_field;
    while ((status = trivet_csv_next_row(reader, &got, err)) == TRIVET_OK && got) {
        (*n_rows)++;
    }
    return status;
}

enum trivet_status trivet_csv_inspect(const char *path, const struct trivet_csv_options *options,
                                      struct trivet_csv_inference *out, struct trivet_error *err)
{
    if (strcmp(path, "-") == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "standard input cannot be read twice; save it to a file and name "
                                "that");
    }
    struct trivet_csv_reader *reader = NULL;
    struct trivet_csv_inference found = {0};
    enum trivet_status status = trivet_csv_open(path, options, &reader, err);
    if (status != TRIVET_OK) {
        return status;
    }
    found.columns = trivet_calloc(reader->n_columns, sizeof(*found.columns));
    if (found.columns == NULL) {
        status =
            trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "%s: out of memory reading it", path);
        goto done;
    }
    reader->counts = found.columns;
    status = count_rows(reader, &found.n_rows, err);
    if (status == TRIVET_OK) {
        status = make_schema(reader, &found, err);
    }
    if (status == TRIVET_OK) {
        *out = found;
        found = (struct trivet_csv_inference){0};
    }
done:
    trivet_csv_inference_release(&found);
    trivet_csv_close(reader);
    return status;
}

enum trivet_status trivet_csv_infer(const char *path, const struct trivet_csv_options *options,
                                    struct trivet_schema *schema, uint64_t *n_rows,
                                    struct trivet_error *err)
{
    struct trivet_csv_inference inference = {0};
    enum trivet_status status = trivet_csv_inspect(path, options, &inference, err);
    if (status == TRIVET_OK) {
        *schema = inference.schema;
        *n_rows = inference.n_rows;
        inference.schema = (struct trivet_schema){0};
        trivet_csv_inference_release(&inference);
    }
    return status;
}
