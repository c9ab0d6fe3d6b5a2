"""One exception for each canonical status code, all of them TrivetError.

Where Python has an exception of the same meaning the class is one too: InvalidArgument is a
ValueError, NotFound a LookupError, DeadlineExceeded a TimeoutError, Unavailable a ConnectionError.
"""

from .v1 import frame_pb2


class TrivetError(Exception):
    """A call that was refused or failed.

    code        the status by name: "NOT_FOUND"
    message     what is wrong, where, and what to do
    violations  [(field, description)]: which fields of the request are wrong
    timings     of the server for this call, or None when it did not answer
    """

    code = "UNKNOWN"

    def __init__(self, message, violations=(), timings=None):
        self.message = message
        self.violations = list(violations)
        self.timings = timings
        more = ["%s: %s" % (field, text) for field, text in self.violations if text not in message]
        super().__init__("; ".join([message] + more))


class Cancelled(TrivetError):
    code = "CANCELLED"


class Unknown(TrivetError):
    code = "UNKNOWN"


class InvalidArgument(TrivetError, ValueError):
    code = "INVALID_ARGUMENT"


class DeadlineExceeded(TrivetError, TimeoutError):
    code = "DEADLINE_EXCEEDED"


class NotFound(TrivetError, LookupError):
    code = "NOT_FOUND"


class AlreadyExists(TrivetError):
    code = "ALREADY_EXISTS"


class PermissionDenied(TrivetError, PermissionError):
    code = "PERMISSION_DENIED"


class ResourceExhausted(TrivetError):
    code = "RESOURCE_EXHAUSTED"


class FailedPrecondition(TrivetError):
    code = "FAILED_PRECONDITION"


class Aborted(TrivetError):
    code = "ABORTED"


class OutOfRange(TrivetError, ValueError):
    code = "OUT_OF_RANGE"


class Unimplemented(TrivetError, NotImplementedError):
    code = "UNIMPLEMENTED"


class Internal(TrivetError):
    code = "INTERNAL"


class Unavailable(TrivetError, ConnectionError):
    code = "UNAVAILABLE"


class DataLoss(TrivetError):
    code = "DATA_LOSS"


class Unauthenticated(TrivetError):
    code = "UNAUTHENTICATED"


CLASSES = {"STATUS_" + kind.code: kind for kind in (
    Cancelled, Unknown, InvalidArgument, DeadlineExceeded, NotFound, AlreadyExists,
    PermissionDenied, ResourceExhausted, FailedPrecondition, Aborted, OutOfRange, Unimplemented,
    Internal, Unavailable, DataLoss, Unauthenticated)}


def error_of(status, message, violations=(), timings=None):
    """The exception of a status number; a number that this client does not know is Unknown."""
    name = frame_pb2.Status.Name(status) if status in frame_pb2.Status.values() else ""
    return CLASSES.get(name, Unknown)(message, violations, timings)
