/* Tables: aligned for a person, CSV for a program. The same calls fill both; a cell is given as
 * what it is (a count, a time), and the style decides how it is written. */
#ifndef TRIVET_CLI_TABLE_H
#define TRIVET_CLI_TABLE_H

#include "base/buffer.h"
#include "base/compiler.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trivet_cli_column {
    const char *name; /* "rows_total": in CSV so, for a person "ROWS TOTAL" */
    bool right;       /* numbers stand at the right */
    bool cut;         /* may be cut on a narrow terminal; what a user types again may not */
};

struct trivet_cli_table;

/* `columns` is borrowed. NULL when out of memory. */
struct trivet_cli_table *trivet_cli_table_create(const struct trivet_cli_column *columns,
                                                 size_t n_columns, bool csv);
void trivet_cli_table_free(struct trivet_cli_table *table);
/* The columns' names are somebody's data: they are shown as they are, also to a person. */
void trivet_cli_table_keep_names(struct trivet_cli_table *table);

/* The next cell, row by row. Running out of memory shows at render. */
void trivet_cli_table_text(struct trivet_cli_table *table, const char *format, ...)
    TRIVET_PRINTF(2, 3);
void trivet_cli_table_empty(struct trivet_cli_table *table);
void trivet_cli_table_count(struct trivet_cli_table *table, uint64_t count);
void trivet_cli_table_bytes(struct trivet_cli_table *table, uint64_t n_bytes);
void trivet_cli_table_number(struct trivet_cli_table *table, double value);
/* Something of the order of one: for a person four decimals. */
void trivet_cli_table_score(struct trivet_cli_table *table, double value);
/* For a person how long ago, in CSV the date; empty for 0. */
void trivet_cli_table_time(struct trivet_cli_table *table, int64_t unix_us);
void trivet_cli_table_seconds(struct trivet_cli_table *table, double seconds);

/* Append the whole table to `out`. For a person: a header line (bold when `bold`), columns two
 * blanks apart, no blanks at line ends; columns without a single value are left out. When a line
 * would be wider than `width_max` (0 = no limit) the widest columns that may be cut are, with "…";
 * the last column goes on in the lines below instead. An empty table is its header. */
enum trivet_status trivet_cli_table_render(const struct trivet_cli_table *table, size_t width_max,
                                           bool bold, struct trivet_buffer *out,
                                           struct trivet_error *err) TRIVET_MUST_USE;

#endif
