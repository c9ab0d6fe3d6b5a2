#include "data/csv.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool needs_quotes(const char *text, size_t n_bytes, size_t *n_quotes)
{
    bool needed = n_bytes == 0 || is_blank(text[0]) || is_blank(text[n_bytes - 1]);
    size_t count = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        char c = text[i];
        count += c == '"';
        needed = needed || c == '"' || c == ',' || c == '\n' || c == '\r';
    }
    *n_quotes = count;
    return needed;
}

enum trivet_status trivet_csv_append_text(struct trivet_buffer *buffer, const char *text,
                                          size_t n_bytes, struct trivet_error *err)
{
    size_t n_quotes;
    if (!needs_quotes(text, n_bytes, &n_quotes)) {
        return trivet_buffer_append(buffer, text, n_bytes, err);
    }
    enum trivet_status status = trivet_buffer_reserve(buffer, n_bytes + n_quotes + 2, err);
    if (status != TRIVET_OK) {
        return status;
    }
    uint8_t *out = buffer->data + buffer->n_bytes;
    *out++ = '"';
    for (size_t i = 0; i < n_bytes; i++) {
        *out++ = (uint8_t)text[i];
        if (text[i] == '"') {
            *out++ = '"';
        }
    }
    *out = '"';
    buffer->n_bytes += n_bytes + n_quotes + 2;
    return TRIVET_OK;
}
