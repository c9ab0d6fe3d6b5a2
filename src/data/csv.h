/* CSV files: a streaming reader on libcsv with memory that does not grow with the file, type
 * inference, and the quoting rule for output.
 *
 * Format: UTF-8 (a byte order mark is skipped), a header row with unique non-empty names, fields
 * with optional double quotes (a quote inside is doubled; line breaks and delimiters inside are
 * text), rows ended by LF, CRLF or CR, the last one also by the end of the file. Blank lines are
 * skipped. Blanks round an unquoted field are dropped. Missing values are the empty field, "?", and
 * in any case of letters "NA", "N/A", "NaN" and "null", quoted or not. Numbers are decimal or
 * scientific; "inf" is text.
 *
 * Every message names file and line, and the column where there is one:
 * "prices.csv:17: column 'area': 'abc' is not a number; …". The line is the one on which the row
 * begins. */
#ifndef TRIVET_DATA_CSV_H
#define TRIVET_DATA_CSV_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "data/schema.h"
#include "data/table.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_CSV_FIELD_BYTES_MAX (64u << 10)
#define TRIVET_CSV_ROW_BYTES_MAX   (2u << 20)
/* A table is cut after the row that brings it to this size, so that it fits a dataset chunk. */
#define TRIVET_CSV_TABLE_BYTES_MAX (4u << 20)

/* So many texts of a column are compared with each other when a file is inspected. */
#define TRIVET_CSV_DISTINCT_MAX 4096

struct trivet_csv_options {
    char delimiter; /* 0 = ',' */
};

struct trivet_csv_reader;

/* Opens `path` ("-": standard input) and reads the header. `options` may be NULL. NOT_FOUND,
 * PERMISSION_DENIED, or INVALID_ARGUMENT: empty file, bad header. One thread at a time. */
enum trivet_status trivet_csv_open(const char *path, const struct trivet_csv_options *options,
                                   struct trivet_csv_reader **out,
                                   struct trivet_error *err) TRIVET_MUST_USE;
void trivet_csv_close(struct trivet_csv_reader *reader);

/* Index of a column of the file, or TRIVET_COLUMN_NOT_FOUND. */
size_t trivet_csv_find_column(const struct trivet_csv_reader *reader, const char *name);

/* The next rows, at most `rows_max` (>= 1) and about TRIVET_CSV_TABLE_BYTES_MAX: `*out` has the
 * columns of `schema` in its order, of its types, categories coded by a dictionary of this table
 * alone; other columns of the file are ignored. out->n_rows == 0: the end of the file. The view and
 * its names are valid until the next read or close; `schema` need not outlive the call.
 * INVALID_ARGUMENT: a column of `schema` is not in the file, a row has another number of fields
 * than the header, text in a numeric column, a stray or unclosed quote, a field or row that is too
 * long, text that is not UTF-8. After an error in the file every read gives that error. */
enum trivet_status trivet_csv_read(struct trivet_csv_reader *reader,
                                   const struct trivet_schema *schema, size_t rows_max,
                                   struct trivet_table *out,
                                   struct trivet_error *err) TRIVET_MUST_USE;
/* Line on which row `row` of the last table begins, from 1. */
uint64_t trivet_csv_row_line(const struct trivet_csv_reader *reader, size_t row);
/* For progress bars: bytes taken so far; size of the file, 0 when unknown (a pipe). */
uint64_t trivet_csv_bytes_read(const struct trivet_csv_reader *reader);
uint64_t trivet_csv_bytes_total(const struct trivet_csv_reader *reader);

/* What one column of a file holds. */
struct trivet_csv_column_counts {
    uint64_t n_missing;
    uint64_t n_numbers;
    uint64_t n_texts;         /* neither */
    uint64_t first_text_line; /* 0 when n_texts == 0 */
    uint64_t n_infinite;      /* of the texts: "inf", "-Infinity", 1e999 */
    uint64_t first_infinite_line;
    bool texts_differ; /* no text was seen twice, of the first TRIVET_CSV_DISTINCT_MAX */
};

/* What one pass over a file found. Zero-initialised is empty; release when done. */
struct trivet_csv_inference {
    struct trivet_schema schema; /* owned */
    uint64_t n_rows;
    struct trivet_csv_column_counts *columns; /* owned; one per column of the schema */
};

/* One streaming pass: a column is numeric when every value that is not missing is a number (also
 * when all are missing), else categorical. `path` is a file: standard input cannot be read twice
 * (INVALID_ARGUMENT). `*out` is empty before. */
enum trivet_status trivet_csv_inspect(const char *path, const struct trivet_csv_options *options,
                                      struct trivet_csv_inference *out,
                                      struct trivet_error *err) TRIVET_MUST_USE;
void trivet_csv_inference_release(struct trivet_csv_inference *inference);
/* INVALID_ARGUMENT, with file, line, column and advice: infinities are all that keeps a column from
 * being numeric. Nobody means categories then. */
enum trivet_status trivet_csv_check_finite(const char *path,
                                           const struct trivet_csv_inference *inference,
                                           size_t column, struct trivet_error *err) TRIVET_MUST_USE;
/* The same, schema (empty before; owned by the caller) and number of rows only. */
enum trivet_status trivet_csv_infer(const char *path, const struct trivet_csv_options *options,
                                    struct trivet_schema *schema, uint64_t *n_rows,
                                    struct trivet_error *err) TRIVET_MUST_USE;

/* True for the texts that the reader takes as missing. */
bool trivet_csv_is_missing(const char *text, size_t n_bytes);

/* Append one field; the caller appends "," and "\n". Text is quoted when it must be: empty, with
 * comma, quote or line break, or with a blank at an end. */
enum trivet_status trivet_csv_append_text(struct trivet_buffer *buffer, const char *text,
                                          size_t n_bytes, struct trivet_error *err) TRIVET_MUST_USE;

#endif
