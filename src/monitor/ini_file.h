/* A file of [section] and key = value, read whole or refused. */
#ifndef TRIVET_MONITOR_INI_FILE_H
#define TRIVET_MONITOR_INI_FILE_H

#include "base/compiler.h"

#include <trivet/error.h>

/* Takes one value; what it refuses ends in trivet_ini_file_read's error. */
typedef enum trivet_status (*trivet_ini_take)(void *context, const char *section, const char *name,
                                              const char *value, struct trivet_error *err);
/* NOT_FOUND: cannot be read; else `take`'s first error, or INVALID_ARGUMENT for a line that is
 * none, with file and line before. Nothing that was taken is to be used on error: inih cuts a long
 * line and only notices at the next. */
enum trivet_status trivet_ini_file_read(const char *path, trivet_ini_take take, void *context,
                                        struct trivet_error *err) TRIVET_MUST_USE;

#endif
