/* libcsv parses; this file feeds it line by line, so that at most one row ends in a piece: the
 * number of rows can be bounded, and lines are counted exactly, also inside quotes. libcsv's strict
 * mode refuses stray and unclosed quotes. Its buffer grows through our hook, which bounds a field;
 * the length of a row is bounded here. */
#include "data/csv_reader.h"

#include "base/alloc.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES     (64u << 10)
#define FIELD_GROW_BYTES 1024
/* libcsv stores the closing quote before it knows it, and grows before it looks at a byte. */
#define PARSER_BYTES_MAX (TRIVET_CSV_FIELD_BYTES_MAX + 2)

static void *bounded_realloc(void *memory, size_t bytes)
{
    return bytes <= PARSER_BYTES_MAX ? trivet_realloc(memory, bytes) : NULL;
}

static enum trivet_status out_of_memory(const struct trivet_csv_reader *reader,
                                        struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "%s: out of memory reading it",
                            reader->name);
}

void trivet_csv_fail_row(struct trivet_csv_reader *reader, enum trivet_status status, size_t column,
                         const char *format, ...)
{
    if (reader->row_failed) {
        return;
    }
    char text[TRIVET_ERROR_MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (column < reader->n_columns) {
        trivet_error_set(&reader->error, status, "%s:%llu: column '%s': %s", reader->name,
                         (unsigned long long)reader->row_line, reader->names[column], text);
    } else {
        trivet_error_set(&reader->error, status, "%s:%llu: %s", reader->name,
                         (unsigned long long)reader->row_line, text);
    }
    reader->row_failed = true;
}

static void open_row(struct trivet_csv_reader *reader)
{
    reader->row_open = true;
    reader->row_line = reader->line;
    reader->row_bytes = 0;
    reader->n_fields = 0;
}

static void on_field(void *text, size_t n_bytes, void *data)
{
    struct trivet_csv_reader *reader = data;
    size_t column = reader->n_fields++;
    if (n_bytes > TRIVET_CSV_FIELD_BYTES_MAX) {
        trivet_csv_fail_row(reader, TRIVET_INVALID_ARGUMENT, column,
                            "a field longer than %u bytes; shorten it", TRIVET_CSV_FIELD_BYTES_MAX);
    } else if (!reader->header_done || column < reader->n_columns) {
        reader->sink(reader, column, text, n_bytes);
    }
}

static void on_row(int terminator, void *data)
{
    (void)terminator;
    struct trivet_csv_reader *reader = data;
    reader->row_open = false;
    reader->row_ended = true;
    if (reader->header_done && reader->n_fields != reader->n_columns &&
        (!reader->row_failed || reader->error.status == TRIVET_INVALID_ARGUMENT)) {
        reader->row_failed = false;
        trivet_csv_fail_row(reader, TRIVET_INVALID_ARGUMENT, TRIVET_COLUMN_NOT_FOUND,
                            "%zu field%s, and the header names %zu; give every row one field per "
                            "column, and quote text that has a comma",
                            reader->n_fields, reader->n_fields == 1 ? "" : "s", reader->n_columns);
    }
}

/* What made csv_parse stop. */
static void explain_parse_error(struct trivet_csv_reader *reader)
{
    if (csv_error(&reader->parser) == CSV_EPARSE) {
        trivet_csv_fail_row(reader, TRIVET_INVALID_ARGUMENT, reader->n_fields,
                            "a stray quote; put the whole field in quotes and double each quote "
                            "inside it");
    } else if (csv_get_buffer_size(&reader->parser) >= PARSER_BYTES_MAX) {
        trivet_csv_fail_row(reader, TRIVET_INVALID_ARGUMENT, reader->n_fields,
                            "a field longer than %u bytes; shorten it, or close its quote",
                            TRIVET_CSV_FIELD_BYTES_MAX);
    } else {
        reader->row_failed = false;
        trivet_csv_fail_row(reader, TRIVET_RESOURCE_EXHAUSTED, TRIVET_COLUMN_NOT_FOUND,
                            "out of memory");
    }
    reader->row_ended = true;
}

static bool is_blank(const struct trivet_csv_reader *reader, const uint8_t *piece, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        bool blank =
            piece[i] == '\n' || piece[i] == '\r' ||
            ((piece[i] == ' ' || piece[i] == '\t') && piece[i] != reader->parser.delim_char);
        if (!blank) {
            return false;
        }
    }
    return true;
}

/* `piece` ends with the first CR or LF in it, or has none. */
static void feed(struct trivet_csv_reader *reader, const uint8_t *piece, size_t n_bytes)
{
    if (!reader->row_open && !is_blank(reader, piece, n_bytes)) {
        open_row(reader);
    }
    reader->row_bytes += n_bytes;
    if (reader->row_open && reader->row_bytes > TRIVET_CSV_ROW_BYTES_MAX) {
        trivet_csv_fail_row(reader, TRIVET_INVALID_ARGUMENT, TRIVET_COLUMN_NOT_FOUND,
                            "a row longer than %u bytes; shorten it, or close its quote",
                            TRIVET_CSV_ROW_BYTES_MAX);
        reader->row_ended = true;
        return;
    }
    if (csv_parse(&reader->parser, piece, n_bytes, on_field, on_row, reader) != n_bytes) {
        explain_parse_error(reader);
        return;
    }
    bool is_lf_of_crlf = reader->after_cr && n_bytes == 1 && piece[0] == '\n';
    uint8_t last = piece[n_bytes - 1];
    reader->line += (last == '\n' || last == '\r') && !is_lf_of_crlf;
    reader->after_cr = last == '\r';
}

/* The end of the bytes: a last row without a line break may be waiting. */
static void finish(struct trivet_csv_reader *reader)
{
    reader->finished = true;
    if (csv_fini(&reader->parser, on_field, on_row, reader) != 0) {
        trivet_csv_fail_row(reader, TRIVET_INVALID_ARGUMENT, reader->n_fields,
                            "the quote that opens here is never closed; close it");
        reader->row_ended = true;
    }
}

static enum trivet_status fill(struct trivet_csv_reader *reader, struct trivet_error *err)
{
    ssize_t count;
    do {
        count = read(reader->fd, reader->buffer + reader->end, BUFFER_BYTES - reader->end);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return trivet_error_set(err, TRIVET_UNAVAILABLE, "%s: cannot read: %s", reader->name,
                                strerrordesc_np(errno));
    }
    reader->at_end = count == 0;
    reader->end += (size_t)count;
    reader->bytes_read += (uint64_t)count;
    return TRIVET_OK;
}

static size_t piece_bytes(const uint8_t *bytes, size_t n_bytes)
{
    const uint8_t *lf = memchr(bytes, '\n', n_bytes);
    if (lf != NULL) {
        n_bytes = (size_t)(lf - bytes) + 1;
    }
    const uint8_t *cr = memchr(bytes, '\r', n_bytes);
    return cr != NULL ? (size_t)(cr - bytes) + 1 : n_bytes;
}

enum trivet_status trivet_csv_next_row(struct trivet_csv_reader *reader, bool *got,
                                       struct trivet_error *err)
{
    reader->row_ended = false;
    while (!reader->failed && !reader->row_ended && !reader->finished) {
        if (reader->begin < reader->end) {
            const uint8_t *piece = reader->buffer + reader->begin;
            size_t n_bytes = piece_bytes(piece, reader->end - reader->begin);
            reader->begin += n_bytes;
            feed(reader, piece, n_bytes);
        } else if (reader->at_end) {
            finish(reader);
        } else {
            reader->begin = 0;
            reader->end = 0;
            reader->failed = fill(reader, &reader->error) != TRIVET_OK;
        }
    }
    reader->failed = reader->failed || (reader->row_failed && reader->row_ended);
    if (reader->failed) {
        if (err != NULL) {
            *err = reader->error;
        }
        return reader->error.status;
    }
    *got = reader->row_ended;
    return TRIVET_OK;
}

/* --- the header --- */

static void header_field(struct trivet_csv_reader *reader, size_t column, const char *text,
                         size_t n_bytes)
{
    if (column >= TRIVET_COLUMNS_MAX) {
        trivet_csv_fail_row(reader, TRIVET_INVALID_ARGUMENT, TRIVET_COLUMN_NOT_FOUND,
                            "more than %d columns; leave out what is not needed",
                            TRIVET_COLUMNS_MAX);
        return;
    }
    if (n_bytes > 0 && memchr(text, '\0', n_bytes) != NULL) {
        trivet_csv_fail_row(reader, TRIVET_INVALID_ARGUMENT, TRIVET_COLUMN_NOT_FOUND,
                            "the name of column %zu has a NUL byte; save the file as UTF-8 text",
                            column + 1);
        return;
    }
    char *name = trivet_strndup(text, n_bytes);
    if (name != NULL && reader->n_columns == reader->names_capacity) {
        size_t capacity = reader->names_capacity == 0 ? 16 : reader->names_capacity * 2;
        char **names = trivet_realloc_array(reader->names, capacity, sizeof(*names));
        if (names == NULL) {
            trivet_free(name);
            name = NULL;
        } else {
            reader->names = names;
            reader->names_capacity = capacity;
        }
    }
    if (name == NULL) {
        trivet_csv_fail_row(reader, TRIVET_RESOURCE_EXHAUSTED, TRIVET_COLUMN_NOT_FOUND,
                            "out of memory");
        return;
    }
    struct trivet_error error;
    if (trivet_names_check(name, column + 1, &error) != TRIVET_OK) {
        trivet_csv_fail_row(reader, TRIVET_INVALID_ARGUMENT, TRIVET_COLUMN_NOT_FOUND, "%s",
                            error.message);
        trivet_free(name);
        return;
    }
    reader->names[reader->n_columns++] = name;
}

static enum trivet_status sort_names(struct trivet_csv_reader *reader, struct trivet_error *err)
{
    size_t n_columns = reader->n_columns;
    reader->sorted_names = trivet_alloc_array(n_columns, sizeof(*reader->sorted_names));
    if (reader->sorted_names == NULL) {
        return out_of_memory(reader, err);
    }
    for (size_t i = 0; i < n_columns; i++) {
        reader->sorted_names[i] = (struct trivet_name_ref){.name = reader->names[i], .index = i};
    }
    trivet_names_sort(reader->sorted_names, n_columns);
    const char *duplicate = trivet_names_duplicate(reader->sorted_names, n_columns);
    if (duplicate != NULL) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%s:%llu: column '%s' stands twice in the header; names must be "
                                "unique",
                                reader->name, (unsigned long long)reader->row_line, duplicate);
    }
    return TRIVET_OK;
}

static enum trivet_status read_header(struct trivet_csv_reader *reader, struct trivet_error *err)
{
    static const uint8_t byte_order_mark[] = {0xef, 0xbb, 0xbf};
    while (reader->end < sizeof(byte_order_mark) && !reader->at_end) {
        enum trivet_status status = fill(reader, err);
        if (status != TRIVET_OK) {
            return status;
        }
    }
    if (reader->end >= sizeof(byte_order_mark) &&
        memcmp(reader->buffer, byte_order_mark, sizeof(byte_order_mark)) == 0) {
        reader->begin = sizeof(byte_order_mark);
    }
    reader->sink = header_field;
    bool got = false;
    enum trivet_status status = trivet_csv_next_row(reader, &got, err);
    if (status != TRIVET_OK) {
        return status;
    }
    if (!got) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%s: the file is empty; its first line must name the columns",
                                reader->name);
    }
    reader->header_done = true;
    return sort_names(reader, err);
}

/* --- open and close --- */

static enum trivet_status open_file(struct trivet_csv_reader *reader, const char *path,
                                    struct trivet_error *err)
{
    if (strcmp(path, "-") == 0) {
        reader->fd = STDIN_FILENO;
    } else {
        reader->fd = open(path, O_RDONLY | O_CLOEXEC);
        reader->owns_fd = reader->fd >= 0;
    }
    struct stat info;
    if (reader->fd < 0 || fstat(reader->fd, &info) != 0) {
        int error = errno;
        enum trivet_status status = error == ENOENT   ? TRIVET_NOT_FOUND
                                    : error == EACCES ? TRIVET_PERMISSION_DENIED
                                                      : TRIVET_UNAVAILABLE;
        return trivet_error_set(err, status, "%s: cannot open: %s", reader->name,
                                strerrordesc_np(error));
    }
    if (S_ISDIR(info.st_mode)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%s: it is a directory; name a CSV file", reader->name);
    }
    reader->bytes_total = S_ISREG(info.st_mode) ? (uint64_t)info.st_size : 0;
    return TRIVET_OK;
}

static enum trivet_status init_parser(struct trivet_csv_reader *reader,
                                      const struct trivet_csv_options *options,
                                      struct trivet_error *err)
{
    char delimiter = options != NULL && options->delimiter != 0 ? options->delimiter : ',';
    if (delimiter == '"' || delimiter == '\r' || delimiter == '\n') {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the delimiter cannot be a quote or a line break; use ',', ';' or "
                                "a tab");
    }
    (void)csv_init(&reader->parser, CSV_STRICT | CSV_STRICT_FINI);
    csv_set_delim(&reader->parser, (unsigned char)delimiter);
    csv_set_realloc_func(&reader->parser, bounded_realloc);
    csv_set_free_func(&reader->parser, trivet_free);
    csv_set_blk_size(&reader->parser, FIELD_GROW_BYTES);
    return TRIVET_OK;
}

enum trivet_status trivet_csv_open(const char *path, const struct trivet_csv_options *options,
                                   struct trivet_csv_reader **out, struct trivet_error *err)
{
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    struct trivet_csv_reader *reader = trivet_calloc(1, sizeof(*reader));
    if (reader == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "%s: out of memory", name);
    }
    reader->fd = -1;
    reader->line = 1;
    reader->row_line = 1;
    enum trivet_status status = init_parser(reader, options, err);
    if (status != TRIVET_OK) {
        goto done;
    }
    reader->name = trivet_strdup(name);
    reader->buffer = trivet_malloc(BUFFER_BYTES);
    if (reader->name == NULL || reader->buffer == NULL) {
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "%s: out of memory", name);
        goto done;
    }
    status = open_file(reader, path, err);
    if (status == TRIVET_OK) {
        status = read_header(reader, err);
    }
    if (status == TRIVET_OK) {
        *out = reader;
        reader = NULL;
    }
done:
    trivet_csv_close(reader);
    return status;
}

void trivet_csv_close(struct trivet_csv_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    trivet_csv_unbind(reader);
    csv_free(&reader->parser);
    for (size_t i = 0; i < reader->n_columns; i++) {
        trivet_free(reader->names[i]);
    }
    trivet_free(reader->names);
    trivet_free(reader->sorted_names);
    trivet_free(reader->target_of_column);
    trivet_free(reader->buffer);
    trivet_free(reader->name);
    if (reader->owns_fd) {
        (void)close(reader->fd);
    }
    trivet_free(reader);
}

size_t trivet_csv_find_column(const struct trivet_csv_reader *reader, const char *name)
{
    return trivet_names_find(reader->sorted_names, reader->n_columns, name);
}

uint64_t trivet_csv_bytes_read(const struct trivet_csv_reader *reader)
{
    return reader->bytes_read - (reader->end - reader->begin);
}

uint64_t trivet_csv_bytes_total(const struct trivet_csv_reader *reader)
{
    return reader->bytes_total;
}
