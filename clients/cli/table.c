#include "clients/cli/table.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "clients/cli/format.h"
#include "data/csv.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define GAP           2
#define CUT_WIDTH_MIN 8
/* In place of a width: the column has no value. */
#define HIDDEN         SIZE_MAX
#define NAME_BYTES     64
#define CELL_BYTES_MAX 1024
#define DATE_BYTES     32
#define ELLIPSIS       "\xe2\x80\xa6"

struct trivet_cli_table {
    const struct trivet_cli_column *columns;
    size_t n_columns;
    bool csv;
    bool keep_names;
    bool failed;               /* out of memory: render says so */
    struct trivet_buffer text; /* cells, each with its NUL */
    size_t n_cells;
    int64_t now_unix_us;
};

struct trivet_cli_table *trivet_cli_table_create(const struct trivet_cli_column *columns,
                                                 size_t n_columns, bool csv)
{
    struct trivet_cli_table *table = trivet_calloc(1, sizeof(*table));
    if (table != NULL) {
        table->columns = columns;
        table->n_columns = n_columns;
        table->csv = csv;
        table->now_unix_us = trivet_clock_unix_us();
    }
    return table;
}

void trivet_cli_table_free(struct trivet_cli_table *table)
{
    if (table != NULL) {
        trivet_buffer_release(&table->text);
        trivet_free(table);
    }
}

void trivet_cli_table_keep_names(struct trivet_cli_table *table)
{
    table->keep_names = true;
}

/* Names come from other people: nothing in them may steer the terminal. */
static void disarm(char *text)
{
    for (char *at = text; *at != '\0'; at++) {
        if (iscntrl((unsigned char)*at)) {
            *at = '?';
        }
    }
}

static void add(struct trivet_cli_table *table, const char *text)
{
    if (trivet_buffer_append(&table->text, text, strlen(text) + 1, NULL) != TRIVET_OK) {
        table->failed = true;
    }
    table->n_cells++;
}

void trivet_cli_table_text(struct trivet_cli_table *table, const char *format, ...)
{
    char text[CELL_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (!table->csv) {
        disarm(text);
    }
    add(table, text);
}

void trivet_cli_table_empty(struct trivet_cli_table *table)
{
    add(table, "");
}

void trivet_cli_table_count(struct trivet_cli_table *table, uint64_t count)
{
    char text[TRIVET_CLI_TEXT_BYTES];
    if (table->csv) {
        snprintf(text, sizeof(text), "%llu", (unsigned long long)count);
    } else {
        trivet_cli_format_count(count, text);
    }
    add(table, text);
}

void trivet_cli_table_bytes(struct trivet_cli_table *table, uint64_t n_bytes)
{
    char text[TRIVET_CLI_TEXT_BYTES];
    if (table->csv) {
        trivet_cli_table_count(table, n_bytes);
        return;
    }
    trivet_cli_format_bytes(n_bytes, text);
    add(table, text);
}

void trivet_cli_table_number(struct trivet_cli_table *table, double value)
{
    char text[TRIVET_CLI_TEXT_BYTES];
    char exact[TRIVET_DOUBLE_TEXT_BYTES];
    if (table->csv) {
        trivet_text_double(value, exact);
        add(table, exact);
        return;
    }
    trivet_cli_format_number(value, text);
    add(table, text);
}

void trivet_cli_table_score(struct trivet_cli_table *table, double value)
{
    char text[TRIVET_CLI_TEXT_BYTES];
    if (table->csv) {
        trivet_cli_table_number(table, value);
        return;
    }
    snprintf(text, sizeof(text), "%.4f", value);
    add(table, text);
}

void trivet_cli_table_time(struct trivet_cli_table *table, int64_t unix_us)
{
    char text[TRIVET_CLI_TEXT_BYTES] = "";
    if (table->csv && unix_us != 0) {
        trivet_clock_format_unix_us(unix_us, text, sizeof(text));
    } else if (unix_us != 0) {
        trivet_cli_format_age(unix_us, table->now_unix_us, text);
    }
    add(table, text);
}

void trivet_cli_table_seconds(struct trivet_cli_table *table, double seconds)
{
    char text[TRIVET_CLI_TEXT_BYTES];
    if (table->csv) {
        trivet_cli_table_number(table, seconds);
        return;
    }
    trivet_cli_format_seconds(seconds, text);
    add(table, text);
}

/* --- rendering --- */

static void header_text(const struct trivet_cli_table *table,
                        const struct trivet_cli_column *column, char text[NAME_BYTES])
{
    size_t i = 0;
    if (table->keep_names) {
        snprintf(text, NAME_BYTES, "%s", column->name);
        trivet_text_trim_utf8(text);
        disarm(text);
        return;
    }
    for (; column->name[i] != '\0' && i + 1 < NAME_BYTES; i++) {
        text[i] = column->name[i] == '_' ? ' ' : (char)toupper((unsigned char)column->name[i]);
    }
    text[i] = '\0';
}

static enum trivet_status render_csv(const struct trivet_cli_table *table,
                                     struct trivet_buffer *out, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    for (size_t j = 0; status == TRIVET_OK && j < table->n_columns; j++) {
        status = trivet_buffer_printf(out, err, "%s%s", j > 0 ? "," : "", table->columns[j].name);
    }
    const char *cell = (const char *)table->text.data;
    for (size_t i = 0; status == TRIVET_OK && i < table->n_cells; i++) {
        size_t n_bytes = strlen(cell);
        status = trivet_buffer_append(out, i % table->n_columns == 0 ? "\n" : ",", 1, err);
        if (status == TRIVET_OK && n_bytes > 0) {
            status = trivet_csv_append_text(out, cell, n_bytes, err);
        }
        cell += n_bytes + 1;
    }
    return status == TRIVET_OK ? trivet_buffer_append(out, "\n", 1, err) : status;
}

/* One cell, cut and padded to its column; `last` cells get no blanks at the end. */
static enum trivet_status render_cell(const char *cell, size_t width, bool right, bool last,
                                      struct trivet_buffer *out, struct trivet_error *err)
{
    char cut[CELL_BYTES_MAX + sizeof(ELLIPSIS)];
    size_t cell_width = trivet_cli_text_width(cell);
    if (cell_width > width) {
        size_t n_bytes = trivet_cli_text_fit(cell, width - 1);
        snprintf(cut, sizeof(cut), "%.*s" ELLIPSIS, (int)n_bytes, cell);
        cell = cut;
        cell_width = trivet_cli_text_width(cut);
    }
    size_t pad = cell_width < width ? width - cell_width : 0;
    size_t before = right ? pad : 0;
    size_t after = last ? 0 : pad - before + GAP;
    return trivet_buffer_printf(out, err, "%*s%s%*s", (int)before, "", cell, (int)after, "");
}

static void measure(const struct trivet_cli_table *table, size_t *widths)
{
    for (size_t j = 0; j < table->n_columns; j++) {
        widths[j] = 0;
    }
    const char *cell = (const char *)table->text.data;
    for (size_t i = 0; i < table->n_cells; i++) {
        size_t width = trivet_cli_text_width(cell);
        size_t *column = &widths[i % table->n_columns];
        *column = width > *column ? width : *column;
        cell += strlen(cell) + 1;
    }
    for (size_t j = 0; j < table->n_columns; j++) {
        char name[NAME_BYTES];
        header_text(table, &table->columns[j], name);
        size_t name_width = trivet_cli_text_width(name);
        if (widths[j] == 0 && table->n_cells > 0) {
            widths[j] = HIDDEN;
        } else if (widths[j] < name_width) {
            widths[j] = name_width;
        }
    }
}

/* Takes from the widest column that may be cut until the line fits, or nothing is left to take. */
static void shrink(const struct trivet_cli_table *table, size_t width_max, size_t *widths)
{
    size_t total = 0;
    for (size_t j = 0; j < table->n_columns; j++) {
        total += widths[j] == HIDDEN ? 0 : widths[j] + (total > 0 ? GAP : 0);
    }
    while (width_max > 0 && total > width_max) {
        size_t widest = table->n_columns;
        for (size_t j = 0; j < table->n_columns; j++) {
            if (table->columns[j].cut && widths[j] != HIDDEN && widths[j] > CUT_WIDTH_MIN &&
                (widest == table->n_columns || widths[j] > widths[widest])) {
                widest = j;
            }
        }
        if (widest == table->n_columns) {
            return;
        }
        widths[widest]--;
        total--;
    }
}

/* The last cell of a line, which may go on in the lines below, under itself. */
static enum trivet_status render_last(const char *cell, size_t indent, size_t width, bool right,
                                      struct trivet_buffer *out, struct trivet_error *err)
{
    if (right || trivet_cli_text_width(cell) <= width) {
        return render_cell(cell, width, right, true, out, err);
    }
    enum trivet_status status = TRIVET_OK;
    const char *rest = cell;
    while (status == TRIVET_OK && rest[0] != '\0') {
        size_t n_bytes = trivet_cli_text_line(rest, width);
        const char *next = rest + n_bytes + strspn(rest + n_bytes, " ");
        status = trivet_buffer_printf(out, err, "%.*s", (int)n_bytes, rest);
        if (status == TRIVET_OK && next[0] != '\0') {
            status = trivet_buffer_printf(out, err, "\n%*s", (int)indent, "");
        }
        rest = next;
    }
    return status;
}

/* One line of cells, each with its NUL. It ends after its last cell that is not empty, so that no
 * blanks stand at its end. */
static enum trivet_status render_line(const struct trivet_cli_table *table, const size_t *widths,
                                      const char *cells, struct trivet_buffer *out,
                                      struct trivet_error *err)
{
    size_t last = 0;
    const char *cell = cells;
    for (size_t j = 0; j < table->n_columns; j++) {
        last = cell[0] != '\0' && widths[j] != HIDDEN ? j : last;
        cell += strlen(cell) + 1;
    }
    enum trivet_status status = TRIVET_OK;
    size_t indent = 0;
    cell = cells;
    for (size_t j = 0; status == TRIVET_OK && j <= last; j++) {
        bool right = table->columns[j].right;
        if (widths[j] == HIDDEN) {
            cell += strlen(cell) + 1;
            continue;
        }
        status = j == last ? render_last(cell, indent, widths[j], right, out, err)
                           : render_cell(cell, widths[j], right, false, out, err);
        indent += widths[j] + GAP;
        cell += strlen(cell) + 1;
    }
    return status;
}

static enum trivet_status render_rows(const struct trivet_cli_table *table, const size_t *widths,
                                      struct trivet_buffer *out, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    const char *cell = (const char *)table->text.data;
    for (size_t i = 0; status == TRIVET_OK && i < table->n_cells; i++) {
        if (i % table->n_columns == 0) {
            status = render_line(table, widths, cell, out, err);
            if (status == TRIVET_OK) {
                status = trivet_buffer_append(out, "\n", 1, err);
            }
        }
        cell += strlen(cell) + 1;
    }
    return status;
}

static enum trivet_status render_header(const struct trivet_cli_table *table, const size_t *widths,
                                        bool bold, struct trivet_buffer *out,
                                        struct trivet_error *err)
{
    struct trivet_buffer names = {0};
    enum trivet_status status = TRIVET_OK;
    for (size_t j = 0; status == TRIVET_OK && j < table->n_columns; j++) {
        char name[NAME_BYTES];
        header_text(table, &table->columns[j], name);
        status = trivet_buffer_append(&names, name, strlen(name) + 1, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_buffer_printf(out, err, "%s", bold ? "\033[1m" : "");
    }
    if (status == TRIVET_OK) {
        status = render_line(table, widths, (const char *)names.data, out, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_buffer_printf(out, err, "%s\n", bold ? "\033[0m" : "");
    }
    trivet_buffer_release(&names);
    return status;
}

enum trivet_status trivet_cli_table_render(const struct trivet_cli_table *table, size_t width_max,
                                           bool bold, struct trivet_buffer *out,
                                           struct trivet_error *err)
{
    size_t *widths = trivet_alloc_array(table->n_columns, sizeof(*widths));
    if (table->failed || widths == NULL) {
        trivet_free(widths);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a table");
    }
    enum trivet_status status = TRIVET_OK;
    if (table->csv) {
        status = render_csv(table, out, err);
    } else {
        measure(table, widths);
        shrink(table, width_max, widths);
        status = render_header(table, widths, bold, out, err);
        if (status == TRIVET_OK) {
            status = render_rows(table, widths, out, err);
        }
    }
    trivet_free(widths);
    return status;
}
