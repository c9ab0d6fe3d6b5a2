/* Rows of a CSV file as tables. The arrays of a table are made once per reader, of a size that
 * TRIVET_CSV_TABLE_BYTES_MAX bounds; a field costs no allocation but a category at its first sight
 * within a table. */
#include "base/alloc.h"
#include "base/text.h"
#include "data/csv_reader.h"

#include <math.h>
#include <string.h>

/* How much of a text a message shows. */
#define EXCERPT_BYTES 40
#define COLUMNS_TOLD  8

static bool equals_folded(const char *text, const char *lower, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        char c = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
        if (c != lower[i]) {
            return false;
        }
    }
    return true;
}

bool trivet_csv_is_missing(const char *text, size_t n_bytes)
{
    switch (n_bytes) {
    case 0:
        return true;
    case 1:
        return text[0] == '?';
    case 2:
        return equals_folded(text, "na", 2);
    case 3:
        return equals_folded(text, "nan", 3) || equals_folded(text, "n/a", 3);
    case 4:
        return equals_folded(text, "null", 4);
    default:
        return false;
    }
}

/* The beginning of a field for a message: printable, and whole characters. */
static void make_excerpt(const char *text, size_t n_bytes, char out[EXCERPT_BYTES + 4])
{
    size_t count = n_bytes < EXCERPT_BYTES ? n_bytes : EXCERPT_BYTES;
    while (count > 0 && count < n_bytes && ((unsigned char)text[count] & 0xc0) == 0x80) {
        count--;
    }
    bool utf8 = trivet_text_is_utf8(text, count);
    for (size_t i = 0; i < count; i++) {
        unsigned char c = (unsigned char)text[i];
        bool shown = c >= 0x20 && c != 0x7f && (c < 0x80 || utf8);
        out[i] = shown ? text[i] : '?';
    }
    (void)trivet_text_copy(out + count, 4, count < n_bytes ? "..." : "");
}

static void fail_number(struct trivet_csv_reader *reader, size_t column, const char *text,
                        size_t n_bytes)
{
    char excerpt[EXCERPT_BYTES + 4];
    make_excerpt(text, n_bytes, excerpt);
    trivet_csv_fail_row(reader, TRIVET_INVALID_ARGUMENT, column,
                        "'%s' is not a number; correct it, or leave it empty if it is missing",
                        excerpt);
}

static void take_text(struct trivet_csv_reader *reader, struct trivet_csv_target *target,
                      size_t column, const char *text, size_t n_bytes)
{
    if (memchr(text, '\0', n_bytes) != NULL) {
        trivet_csv_fail_row(reader, TRIVET_INVALID_ARGUMENT, column,
                            "a NUL byte; save the file as UTF-8 text");
        return;
    }
    uint32_t n_before = target->dictionary.n_texts;
    uint32_t code = 0;
    if (!trivet_dictionary_intern(&target->dictionary, text, n_bytes, &code)) {
        trivet_csv_fail_row(reader, TRIVET_RESOURCE_EXHAUSTED, column, "out of memory");
        return;
    }
    if (target->dictionary.n_texts != n_before && !trivet_text_is_utf8(text, n_bytes)) {
        char excerpt[EXCERPT_BYTES + 4];
        make_excerpt(text, n_bytes, excerpt);
        trivet_csv_fail_row(reader, TRIVET_INVALID_ARGUMENT, column,
                            "'%s' is not UTF-8; save the file as UTF-8", excerpt);
        return;
    }
    target->codes[reader->n_rows] = code;
}

static void table_field(struct trivet_csv_reader *reader, size_t column, const char *text,
                        size_t n_bytes)
{
    size_t index = reader->target_of_column[column];
    if (index == SIZE_MAX || reader->row_failed) {
        return;
    }
    struct trivet_csv_target *target = &reader->targets[index];
    bool missing = trivet_csv_is_missing(text, n_bytes);
    if (target->type == TRIVET_COLUMN_NUMERIC) {
        double *number = &target->numbers[reader->n_rows];
        *number = (double)NAN;
        if (!missing && !trivet_text_parse_double(text, n_bytes, number)) {
            fail_number(reader, column, text, n_bytes);
        }
    } else if (missing) {
        target->codes[reader->n_rows] = TRIVET_CODE_NULL;
    } else {
        take_text(reader, target, column, text, n_bytes);
    }
}

void trivet_csv_unbind(struct trivet_csv_reader *reader)
{
    for (size_t i = 0; i < reader->n_targets; i++) {
        trivet_free(reader->targets[i].numbers);
        trivet_free(reader->targets[i].codes);
        trivet_dictionary_release(&reader->targets[i].dictionary);
    }
    trivet_free(reader->targets);
    trivet_free(reader->columns);
    trivet_free(reader->row_lines);
    reader->targets = NULL;
    reader->columns = NULL;
    reader->row_lines = NULL;
    reader->n_targets = 0;
    reader->capacity_rows = 0;
}

static bool is_bound_to(const struct trivet_csv_reader *reader, const struct trivet_schema *schema)
{
    if (reader->n_targets == 0 || reader->n_targets != schema->n_columns) {
        return false;
    }
    for (size_t i = 0; i < schema->n_columns; i++) {
        const struct trivet_csv_target *target = &reader->targets[i];
        if (target->type != schema->columns[i].type ||
            strcmp(reader->names[target->file_column], schema->columns[i].name) != 0) {
            return false;
        }
    }
    return true;
}

static enum trivet_status refuse_column(const struct trivet_csv_reader *reader, const char *name,
                                        struct trivet_error *err)
{
    char names[TRIVET_ERROR_MESSAGE_BYTES / 2] = "";
    size_t told = 0;
    for (; told < reader->n_columns && told < COLUMNS_TOLD; told++) {
        size_t used = strlen(names);
        if (!trivet_text_format(names + used, sizeof(names) - used, "%s%s", told > 0 ? ", " : "",
                                reader->names[told])) {
            names[used] = '\0';
            break;
        }
    }
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "%s: no column '%s'; the header names %s%s", reader->name, name, names,
                            told < reader->n_columns ? ", ..." : "");
}

static enum trivet_status out_of_memory(const struct trivet_csv_reader *reader,
                                        struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "%s: out of memory reading it",
                            reader->name);
}

static enum trivet_status bind(struct trivet_csv_reader *reader, const struct trivet_schema *schema,
                               struct trivet_error *err)
{
    size_t n_targets = schema->n_columns;
    if (n_targets == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "%s: no columns are asked for",
                                reader->name);
    }
    trivet_csv_unbind(reader);
    if (reader->target_of_column == NULL) {
        reader->target_of_column =
            trivet_alloc_array(reader->n_columns, sizeof(*reader->target_of_column));
    }
    reader->targets = trivet_calloc(n_targets, sizeof(*reader->targets));
    reader->columns = trivet_calloc(n_targets, sizeof(*reader->columns));
    if (reader->target_of_column == NULL || reader->targets == NULL || reader->columns == NULL) {
        trivet_csv_unbind(reader);
        return out_of_memory(reader, err);
    }
    memset(reader->target_of_column, 0xff, reader->n_columns * sizeof(*reader->target_of_column));
    reader->row_bytes_max = 0;
    for (size_t i = 0; i < n_targets; i++) {
        const struct trivet_column_spec *spec = &schema->columns[i];
        size_t column = trivet_csv_find_column(reader, spec->name);
        if (column == TRIVET_COLUMN_NOT_FOUND) {
            trivet_csv_unbind(reader);
            return refuse_column(reader, spec->name, err);
        }
        reader->targets[i] = (struct trivet_csv_target){.type = spec->type, .file_column = column};
        reader->target_of_column[column] = i;
        reader->row_bytes_max += sizeof(double);
    }
    reader->n_targets = n_targets;
    return TRIVET_OK;
}

static bool reserve_target(struct trivet_csv_target *target, size_t n_rows)
{
    if (target->type == TRIVET_COLUMN_NUMERIC) {
        double *numbers = trivet_realloc_array(target->numbers, n_rows, sizeof(*numbers));
        target->numbers = numbers != NULL ? numbers : target->numbers;
        return numbers != NULL;
    }
    uint32_t *codes = trivet_realloc_array(target->codes, n_rows, sizeof(*codes));
    target->codes = codes != NULL ? codes : target->codes;
    return codes != NULL;
}

static enum trivet_status reserve_rows(struct trivet_csv_reader *reader, size_t n_rows,
                                       struct trivet_error *err)
{
    if (n_rows <= reader->capacity_rows) {
        return TRIVET_OK;
    }
    uint64_t *lines = trivet_realloc_array(reader->row_lines, n_rows, sizeof(*lines));
    if (lines == NULL) {
        return out_of_memory(reader, err);
    }
    reader->row_lines = lines;
    for (size_t i = 0; i < reader->n_targets; i++) {
        if (!reserve_target(&reader->targets[i], n_rows)) {
            return out_of_memory(reader, err);
        }
    }
    reader->capacity_rows = n_rows;
    return TRIVET_OK;
}

/* About what the table takes when it is packed. */
static size_t table_bytes(const struct trivet_csv_reader *reader)
{
    size_t n_bytes = reader->n_rows * reader->row_bytes_max;
    for (size_t i = 0; i < reader->n_targets; i++) {
        const struct trivet_dictionary *dictionary = &reader->targets[i].dictionary;
        n_bytes += dictionary->text_bytes + 4 * (size_t)dictionary->n_texts;
    }
    return n_bytes;
}

static enum trivet_status read_rows(struct trivet_csv_reader *reader, size_t n_rows_max,
                                    struct trivet_error *err)
{
    reader->sink = table_field;
    while (reader->n_rows < n_rows_max && table_bytes(reader) < TRIVET_CSV_TABLE_BYTES_MAX) {
        bool got = false;
        enum trivet_status status = trivet_csv_next_row(reader, &got, err);
        if (status != TRIVET_OK || !got) {
            return status;
        }
        reader->row_lines[reader->n_rows++] = reader->row_line;
    }
    return TRIVET_OK;
}

enum trivet_status trivet_csv_read(struct trivet_csv_reader *reader,
                                   const struct trivet_schema *schema, size_t rows_max,
                                   struct trivet_table *out, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    reader->n_rows = 0;
    if (rows_max == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "%s: rows_max is 0; ask for rows",
                                reader->name);
    }
    if (!is_bound_to(reader, schema)) {
        status = bind(reader, schema, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    size_t fitting = TRIVET_CSV_TABLE_BYTES_MAX / reader->row_bytes_max + 1;
    size_t n_rows_max = rows_max < fitting ? rows_max : fitting;
    for (size_t i = 0; i < reader->n_targets; i++) {
        trivet_dictionary_clear(&reader->targets[i].dictionary);
    }
    status = reserve_rows(reader, n_rows_max, err);
    if (status == TRIVET_OK) {
        status = read_rows(reader, n_rows_max, err);
    }
    if (status != TRIVET_OK) {
        reader->n_rows = 0;
        return status;
    }
    for (size_t i = 0; i < reader->n_targets; i++) {
        const struct trivet_csv_target *target = &reader->targets[i];
        reader->columns[i] = (struct trivet_column){
            .name = reader->names[target->file_column],
            .type = target->type,
            .stride = 1,
            .numbers = target->numbers,
            .codes = target->codes,
            .dictionary = (const char *const *)target->dictionary.texts,
            .n_dictionary = target->dictionary.n_texts,
        };
    }
    *out = (struct trivet_table){
        .n_rows = reader->n_rows, .n_columns = reader->n_targets, .columns = reader->columns};
    return TRIVET_OK;
}

uint64_t trivet_csv_row_line(const struct trivet_csv_reader *reader, size_t row)
{
    return row < reader->n_rows ? reader->row_lines[row] : 0;
}
