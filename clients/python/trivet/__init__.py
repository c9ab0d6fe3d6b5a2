"""Python client of Trivet, a model server: NumPy in, NumPy out.

    import trivet
    client = trivet.connect("tcp://127.0.0.1:7600")
    job = client.train("house", data, target="price")
    client.promote(job)
    client.predict("house", rows).values
"""

try:
    from .v1 import frame_pb2 as _frame_pb2  # noqa: F401
except ModuleNotFoundError as _error:
    if _error.name != "trivet.v1.frame_pb2":
        raise
    raise ImportError("trivet's messages are not generated: run clients/python/generate.py, or use "
                      "the build's folder python") from _error

from . import errors, estimators
from .client import DEFAULT_URL, Client, Evaluation, Explanation, connect
from .errors import (Aborted, AlreadyExists, Cancelled, DataLoss, DeadlineExceeded,
                     FailedPrecondition, Internal, InvalidArgument, NotFound, OutOfRange,
                     PermissionDenied, ResourceExhausted, TrivetError, Unauthenticated,
                     Unavailable, Unimplemented, Unknown)
from .job import Job, metrics_of
from .prediction import Prediction

__version__ = "0.1.0"
__all__ = ["connect", "Client", "DEFAULT_URL", "Job", "Prediction", "Evaluation", "Explanation",
           "estimators", "errors", "metrics_of", "TrivetError"]
__all__ += [kind.__name__ for kind in errors.CLASSES.values()]
