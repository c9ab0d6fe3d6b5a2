/* Structured log: one line per record to stderr, as text or JSON. Any thread; a record is one
 * write. */
#ifndef TRIVET_BASE_LOG_H
#define TRIVET_BASE_LOG_H

#include "base/compiler.h"

#include <stdbool.h>

enum trivet_log_level {
    TRIVET_LOG_DEBUG,
    TRIVET_LOG_INFO,
    TRIVET_LOG_WARN,
    TRIVET_LOG_ERROR,
};

/* Set once at start, before threads. Default: text, INFO. `program` names the source in each
 * record; borrowed. */
void trivet_log_configure(const char *program, enum trivet_log_level level, bool json);
/* "debug" … "error" → level; false when unknown. */
bool trivet_log_level_parse(const char *name, enum trivet_log_level *out);

/* One record: `event` is a short stable name ("job_failed"), then key/value pairs made by the
 * format: `trivet_log(TRIVET_LOG_INFO, "job_done", "job=%s seconds=%.3f", id, s)`. The text is
 * key=value words separated by single spaces; a value with spaces goes last, and is written after
 * "message=". In JSON the words become members, all strings. Cut at 2 KiB. Control bytes are
 * escaped. */
void trivet_log(enum trivet_log_level level, const char *event, const char *format, ...)
    TRIVET_PRINTF(3, 4);

#endif
