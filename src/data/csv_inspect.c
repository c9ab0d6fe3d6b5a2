#include "base/alloc.h"
#include "base/hash.h"
#include "base/text.h"
#include "data/csv_reader.h"

#include <string.h>

/* Open addressing at half load, so that a free place is always near; 0 is free. */
#define SEEN_PLACES ((size_t)2 * TRIVET_CSV_DISTINCT_MAX)

/* Until a text comes twice, or enough are there: then the table is of no more use. */
static void look_for_repeat(struct trivet_csv_reader *reader, size_t column, const char *text,
                            size_t n_bytes)
{
    struct trivet_csv_column_counts *counts = &reader->counts[column];
    uint64_t **seen = &reader->seen[column];
    if (counts->n_texts == 0) {
        *seen = trivet_calloc(SEEN_PLACES, sizeof(uint64_t));
        counts->texts_differ = *seen != NULL; /* the hint is not worth failing for */
    }
    if (*seen == NULL) {
        return;
    }
    const uint64_t hash = trivet_hash_bytes(text, n_bytes) | 1;
    size_t place = (size_t)(hash >> 1) % SEEN_PLACES;
    while ((*seen)[place] != 0 && (*seen)[place] != hash) {
        place = (place + 1) % SEEN_PLACES;
    }
    counts->texts_differ = (*seen)[place] == 0;
    (*seen)[place] = hash;
    if (!counts->texts_differ || counts->n_texts + 1 == TRIVET_CSV_DISTINCT_MAX) {
        trivet_free(*seen);
        *seen = NULL;
    }
}

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
        look_for_repeat(reader, column, text, n_bytes);
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
    const size_t n_columns = reader->n_columns;
    found.columns = trivet_calloc(n_columns, sizeof(*found.columns));
    reader->seen = trivet_calloc(n_columns, sizeof(*reader->seen));
    if (found.columns == NULL || reader->seen == NULL) {
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
    for (size_t i = 0; reader->seen != NULL && i < n_columns; i++) {
        trivet_free(reader->seen[i]);
    }
    trivet_free(reader->seen);
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
