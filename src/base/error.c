#include <trivet/error.h>

#include "base/compiler.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Format into a bounded text; what does not fit is cut between two characters. */
TRIVET_PRINTF(3, 0)
static void format_cut(char *to, size_t to_bytes, const char *format, va_list args)
{
    int length = vsnprintf(to, to_bytes, format, args);
    if (length < 0) {
        to[0] = '\0';
    } else if ((size_t)length >= to_bytes) {
        trivet_text_trim_utf8(to);
    }
}

enum trivet_status trivet_error_set(struct trivet_error *err, enum trivet_status status,
                                    const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        err->status = status;
        err->n_violations = 0;
        format_cut(err->message, sizeof(err->message), format, args);
        va_end(args);
    }
    return status;
}

void trivet_error_add_violation(struct trivet_error *err, const char *field, const char *format,
                                ...)
{
    if (!err || err->n_violations >= TRIVET_ERROR_VIOLATIONS_MAX) {
        return;
    }
    struct trivet_violation *violation = &err->violations[err->n_violations++];
    if (!trivet_text_copy(violation->field, sizeof(violation->field), field)) {
        trivet_text_trim_utf8(violation->field);
    }
    va_list args;
    va_start(args, format);
    format_cut(violation->reason, sizeof(violation->reason), format, args);
    va_end(args);
}

void trivet_error_prefix(struct trivet_error *err, const char *format, ...)
{
    if (!err) {
        return;
    }
    char prefix[TRIVET_ERROR_MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    format_cut(prefix, sizeof(prefix), format, args);
    va_end(args);

    size_t prefix_bytes = strlen(prefix);
    size_t message_bytes = strlen(err->message);
    size_t room = sizeof(err->message) - 1 - prefix_bytes;
    bool cut = message_bytes > room;
    if (cut) {
        message_bytes = room;
    }
    memmove(err->message + prefix_bytes, err->message, message_bytes);
    memcpy(err->message, prefix, prefix_bytes);
    err->message[prefix_bytes + message_bytes] = '\0';
    if (cut) {
        trivet_text_trim_utf8(err->message);
    }
}
