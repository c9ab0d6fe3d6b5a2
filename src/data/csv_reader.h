/* The CSV reader's core: bytes → rows of fields, given to a sink. Internal to src/data. */
#ifndef TRIVET_DATA_CSV_READER_H
#define TRIVET_DATA_CSV_READER_H

#include "base/compiler.h"
#include "data/csv.h"
#include "data/dictionary.h"
#include "data/names.h"

#include <trivet/error.h>

#include <csv.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One field of the row that is open; `column` counts from 0 and is below n_columns, but for the
 * header's sink. Runs inside csv_parse: it reports by trivet_csv_fail_row. */
typedef void (*trivet_csv_sink)(struct trivet_csv_reader *reader, size_t column, const char *text,
                                size_t n_bytes);

/* A column of the tables that are read. */
struct trivet_csv_target {
    enum trivet_column_type type;
    size_t file_column;
    double *numbers;
    uint32_t *codes;
    struct trivet_dictionary dictionary;
};

struct trivet_csv_reader {
    char *name; /* for messages */
    int fd;
    bool owns_fd;
    bool at_end;   /* of the bytes */
    bool finished; /* the parser has given its last row */

    struct csv_parser parser;
    uint8_t *buffer;
    size_t begin;
    size_t end;
    uint64_t bytes_read;
    uint64_t bytes_total;

    /* Of the row that is open, or the last one. */
    uint64_t line; /* of the next byte */
    bool after_cr;
    bool row_open;
    bool row_ended; /* by the last piece */
    uint64_t row_line;
    size_t row_bytes;
    size_t n_fields;
    trivet_csv_sink sink;

    /* A row's first fault waits for the end of the row: when the row also has the wrong number of
     * fields, that is what explains it. `failed` is for good. */
    bool row_failed;
    bool failed;
    struct trivet_error error;

    char **names; /* (n_columns), owned */
    size_t n_columns;
    size_t names_capacity;
    bool header_done;
    struct trivet_name_ref *sorted_names;

    struct trivet_csv_column_counts *counts; /* of trivet_csv_inspect, borrowed */
    uint64_t **seen; /* of trivet_csv_inspect, while it runs: hashes of each column's texts */

    /* Of trivet_csv_read. */
    struct trivet_csv_target *targets; /* (n_targets) */
    size_t n_targets;
    size_t *target_of_column; /* (n_columns); SIZE_MAX = ignored */
    struct trivet_column *columns;
    uint64_t *row_lines;
    size_t n_rows;
    size_t capacity_rows;
    size_t row_bytes_max; /* of the fixed part of a row, by the bound columns */
};

/* The next row's fields go to the sink; *got = false: the end of the file. */
enum trivet_status trivet_csv_next_row(struct trivet_csv_reader *reader, bool *got,
                                       struct trivet_error *err) TRIVET_MUST_USE;
/* From a sink: the row is refused; `column` is put into the message by its name unless it is
 * TRIVET_COLUMN_NOT_FOUND. */
void trivet_csv_fail_row(struct trivet_csv_reader *reader, enum trivet_status status, size_t column,
                         const char *format, ...) TRIVET_PRINTF(4, 5);
/* Columns, arrays and dictionaries of trivet_csv_read. */
void trivet_csv_unbind(struct trivet_csv_reader *reader);

#endif
