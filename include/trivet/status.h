/* Status of a call: gRPC's canonical codes, by name and number. */
#ifndef TRIVET_STATUS_H
#define TRIVET_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

enum trivet_status {
    TRIVET_OK = 0,
    TRIVET_CANCELLED = 1,
    TRIVET_UNKNOWN = 2,
    TRIVET_INVALID_ARGUMENT = 3,
    TRIVET_DEADLINE_EXCEEDED = 4,
    TRIVET_NOT_FOUND = 5,
    TRIVET_ALREADY_EXISTS = 6,
    TRIVET_PERMISSION_DENIED = 7,
    TRIVET_RESOURCE_EXHAUSTED = 8,
    TRIVET_FAILED_PRECONDITION = 9,
    TRIVET_ABORTED = 10,
    TRIVET_OUT_OF_RANGE = 11,
    TRIVET_UNIMPLEMENTED = 12,
    TRIVET_INTERNAL = 13,
    TRIVET_UNAVAILABLE = 14,
    TRIVET_DATA_LOSS = 15,
    TRIVET_UNAUTHENTICATED = 16,
};

#define TRIVET_STATUS_COUNT 17

/* "OK", "INVALID_ARGUMENT", …; "UNKNOWN" for a number outside the table. Static text. */
const char *trivet_status_name(enum trivet_status status);

#ifdef __cplusplus
}
#endif
#endif
