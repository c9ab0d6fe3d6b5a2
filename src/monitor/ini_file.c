#include "monitor/ini_file.h"

#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <string.h>

struct reader {
    trivet_ini_take take;
    void *context;
    struct trivet_error err; /* the first */
    bool failed;
};

static int on_value(void *arg, const char *section, const char *name, const char *value)
{
    struct reader *reader = arg;
    struct trivet_error err;
    if (reader->take(reader->context, section, name, value, &err) != TRIVET_OK) {
        reader->err = reader->failed ? reader->err : err;
        reader->failed = true;
        return 0;
    }
    return 1;
}

enum trivet_status trivet_ini_file_read(const char *path, trivet_ini_take take, void *context,
                                        struct trivet_error *err)
{
    struct reader reader = {.take = take, .context = context};
    errno = 0;
    int line = ini_parse(path, on_value, &reader);
    if (line < 0) {
        return trivet_error_set(err, TRIVET_NOT_FOUND, "cannot read %s: %s", path,
                                strerror(errno != 0 ? errno : ENOMEM));
    }
    if (reader.failed) {
        return trivet_error_set(err, reader.err.status, "%s:%d: %s", path, line,
                                reader.err.message);
    }
    if (line > 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%s:%d: not 'key = value' of at most 195 bytes", path, line);
    }
    return TRIVET_OK;
}
