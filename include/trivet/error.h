/* What went wrong: filled once, where it is detected, and passed on unchanged. */
#ifndef TRIVET_ERROR_H
#define TRIVET_ERROR_H

#include <trivet/status.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TRIVET_ERROR_MESSAGE_BYTES  512
#define TRIVET_ERROR_FIELD_BYTES    64
#define TRIVET_ERROR_REASON_BYTES   192
#define TRIVET_ERROR_VIOLATIONS_MAX 4

/* One field of a request that was refused, and why. */
struct trivet_violation {
    char field[TRIVET_ERROR_FIELD_BYTES];
    char reason[TRIVET_ERROR_REASON_BYTES];
};

/* Caller's memory, no allocation. `message` says what is wrong, where, and what to do. */
struct trivet_error {
    enum trivet_status status;
    char message[TRIVET_ERROR_MESSAGE_BYTES];
    size_t n_violations;
    struct trivet_violation violations[TRIVET_ERROR_VIOLATIONS_MAX];
};

/* Fill `err` (may be NULL) and return `status`, so that a caller can write
 * `return trivet_error_set(err, TRIVET_NOT_FOUND, "no model '%s'; …", name);`.
 * Drops earlier violations. A long message is cut at a UTF-8 boundary. */
__attribute__((format(printf, 3, 4))) enum trivet_status
trivet_error_set(struct trivet_error *err, enum trivet_status status, const char *format, ...);

/* Add a refused field to an error already set; beyond TRIVET_ERROR_VIOLATIONS_MAX it is dropped. */
__attribute__((format(printf, 3, 4))) void
trivet_error_add_violation(struct trivet_error *err, const char *field, const char *format, ...);

/* Put text in front of the message: "FILE.csv: " + message. `err` may be NULL. */
__attribute__((format(printf, 2, 3))) void trivet_error_prefix(struct trivet_error *err,
                                                               const char *format, ...);

#ifdef __cplusplus
}
#endif
#endif
