/* DESIGN: a record is made on the caller's stack and leaves by one write() of at most PIPE_BUF
 * bytes, which no other writer can interleave. No lock, no allocation: a record can be written
 * when memory is spent. */
#include "base/log.h"

#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define TEXT_BYTES   2048
#define RECORD_BYTES PIPE_BUF
/* Kept free for what closes a record: quote, brace, newline. */
#define CLOSE_BYTES 3

static const char *const level_names[] = {
    [TRIVET_LOG_DEBUG] = "debug",
    [TRIVET_LOG_INFO] = "info",
    [TRIVET_LOG_WARN] = "warn",
    [TRIVET_LOG_ERROR] = "error",
};

/* Written before threads start, read by all. */
static struct {
    const char *program;
    enum trivet_log_level level;
    bool json;
} config = {.program = "trivet", .level = TRIVET_LOG_INFO};

struct record {
    size_t n_bytes;
    char data[RECORD_BYTES];
};

void trivet_log_configure(const char *program, enum trivet_log_level level, bool json)
{
    config.program = program;
    config.level = level;
    config.json = json;
}

bool trivet_log_level_parse(const char *name, enum trivet_log_level *out)
{
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(level_names); i++) {
        if (strcasecmp(name, level_names[i]) == 0) {
            *out = (enum trivet_log_level)i;
            return true;
        }
    }
    return false;
}

/* All of it or nothing, so that an escape or a character is never cut. */
static void put(struct record *record, const char *text, size_t n_bytes)
{
    if (record->n_bytes + n_bytes + CLOSE_BYTES <= sizeof(record->data)) {
        memcpy(record->data + record->n_bytes, text, n_bytes);
        record->n_bytes += n_bytes;
    }
}

static void put_text(struct record *record, const char *text)
{
    put(record, text, strlen(text));
}

/* One character of outside text at text[0..n_bytes); returns the bytes it took. */
static size_t put_escaped(struct record *record, const char *text, size_t n_bytes)
{
    char escape[8];
    unsigned char c = (unsigned char)text[0];
    size_t length = trivet_text_utf8_character(text, n_bytes);
    if (length == 0) {
        (void)trivet_text_format(escape, sizeof(escape), config.json ? "\\ufffd" : "\\x%02x", c);
    } else if (c == '\n') {
        (void)trivet_text_copy(escape, sizeof(escape), "\\n");
    } else if (c < 0x20 || c == 0x7f) {
        (void)trivet_text_format(escape, sizeof(escape), config.json ? "\\u%04x" : "\\x%02x", c);
    } else if (config.json && (c == '"' || c == '\\')) {
        (void)trivet_text_format(escape, sizeof(escape), "\\%c", c);
    } else {
        put(record, text, length);
        return length;
    }
    put_text(record, escape);
    return 1;
}

static void put_escaped_all(struct record *record, const char *text, size_t n_bytes)
{
    for (size_t at = 0; at < n_bytes;) {
        at += put_escaped(record, text + at, n_bytes - at);
    }
}

static void put_member(struct record *record, const char *key, size_t key_bytes, const char *value,
                       size_t value_bytes)
{
    /* A member is begun only when its frame fits; its value may be cut. */
    size_t frame_bytes = 6 * key_bytes + sizeof(",\"\":\"\"");
    if (record->n_bytes + frame_bytes + CLOSE_BYTES > sizeof(record->data)) {
        return;
    }
    put_text(record, record->n_bytes == 0 ? "{\"" : ",\"");
    put_escaped_all(record, key, key_bytes);
    put_text(record, "\":\"");
    put_escaped_all(record, value, value_bytes);
    record->data[record->n_bytes++] = '"';
}

/* The end of the value that starts at `text`: it goes on until a space that a key= follows. */
static size_t value_bytes_at(const char *text)
{
    for (const char *space = strchr(text, ' '); space; space = strchr(space + 1, ' ')) {
        size_t word = strcspn(space + 1, " =");
        if (word > 0 && space[1 + word] == '=') {
            return (size_t)(space - text);
        }
    }
    return strlen(text);
}

/* "key=value key=value message=the rest" as members. */
static void put_words(struct record *record, const char *text)
{
    while (*text != '\0') {
        size_t key_bytes = strcspn(text, " =");
        const char *key = text;
        if (text[key_bytes] != '=') { /* no key: all up to the next one is a message */
            key = "message";
            key_bytes = strlen(key);
        } else {
            text += key_bytes + 1;
        }
        bool rest = key_bytes == strlen("message") && memcmp(key, "message", key_bytes) == 0;
        size_t value_bytes = rest ? strlen(text) : value_bytes_at(text);
        put_member(record, key, key_bytes, text, value_bytes);
        text += value_bytes;
        text += strspn(text, " ");
    }
}

static void put_json(struct record *record, const char *time, enum trivet_log_level level,
                     const char *event, const char *text)
{
    put_member(record, "time", 4, time, strlen(time));
    put_member(record, "level", 5, level_names[level], strlen(level_names[level]));
    put_member(record, "program", 7, config.program, strlen(config.program));
    put_member(record, "event", 5, event, strlen(event));
    put_words(record, text);
    record->data[record->n_bytes++] = '}';
}

static void put_plain(struct record *record, const char *time, enum trivet_log_level level,
                      const char *event, const char *text)
{
    const char *const words[] = {time, " ", level_names[level], " ", config.program, " ", event};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(words); i++) {
        put_text(record, words[i]);
    }
    if (*text != '\0') {
        put_text(record, " ");
        put_escaped_all(record, text, strlen(text));
    }
}

void trivet_log(enum trivet_log_level level, const char *event, const char *format, ...)
{
    if (level < config.level) {
        return;
    }
    int errno_before = errno;
    char text[TEXT_BYTES];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (length < 0) {
        text[0] = '\0';
    } else if ((size_t)length >= sizeof(text)) {
        trivet_text_trim_utf8(text);
    }
    char time[32];
    trivet_clock_format_unix_us(trivet_clock_unix_us(), time, sizeof(time));

    struct record record = {.n_bytes = 0};
    if (config.json) {
        put_json(&record, time, level, event, text);
    } else {
        put_plain(&record, time, level, event, text);
    }
    record.data[record.n_bytes++] = '\n';
    /* Nobody to tell when the log itself cannot be written. */
    while (write(STDERR_FILENO, record.data, record.n_bytes) < 0 && errno == EINTR) {
    }
    errno = errno_before;
}
