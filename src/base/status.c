#include <trivet/status.h>

#include "base/compiler.h"

static const char *const names[TRIVET_STATUS_COUNT] = {
    [TRIVET_OK] = "OK",
    [TRIVET_CANCELLED] = "CANCELLED",
    [TRIVET_UNKNOWN] = "UNKNOWN",
    [TRIVET_INVALID_ARGUMENT] = "INVALID_ARGUMENT",
    [TRIVET_DEADLINE_EXCEEDED] = "DEADLINE_EXCEEDED",
    [TRIVET_NOT_FOUND] = "NOT_FOUND",
    [TRIVET_ALREADY_EXISTS] = "ALREADY_EXISTS",
    [TRIVET_PERMISSION_DENIED] = "PERMISSION_DENIED",
    [TRIVET_RESOURCE_EXHAUSTED] = "RESOURCE_EXHAUSTED",
    [TRIVET_FAILED_PRECONDITION] = "FAILED_PRECONDITION",
    [TRIVET_ABORTED] = "ABORTED",
    [TRIVET_OUT_OF_RANGE] = "OUT_OF_RANGE",
    [TRIVET_UNIMPLEMENTED] = "UNIMPLEMENTED",
    [TRIVET_INTERNAL] = "INTERNAL",
    [TRIVET_UNAVAILABLE] = "UNAVAILABLE",
    [TRIVET_DATA_LOSS] = "DATA_LOSS",
    [TRIVET_UNAUTHENTICATED] = "UNAUTHENTICATED",
};

const char *trivet_status_name(enum trivet_status status)
{
    /* The number may come from a peer, so that it need not be one of the enum's. */
    unsigned code = (unsigned)status;
    return code < TRIVET_ARRAY_COUNT(names) ? names[code] : names[TRIVET_UNKNOWN];
}
