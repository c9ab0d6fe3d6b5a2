"""Predictions as NumPy arrays."""

import numpy as np

from . import _wire
from .errors import Internal, error_of
from .v1 import prediction_pb2

_OUTPUTS = _wire.number(prediction_pb2.PredictResponse, "outputs")
_F64 = _wire.number(prediction_pb2.Output, "f64")
_F32 = _wire.number(prediction_pb2.Output, "f32")
_CODES = _wire.number(prediction_pb2.Output, "text_codes")


class Prediction:
    """What a model answered for some rows.

    outputs     {name: array}: (rows,) or (rows, columns); text is an array of str
    columns     {name: [str]}: names of the columns of an output that has several
    values      the main output: labels of a classifier, clusters, else the predictions
    row_errors  {row: TrivetError}: rows that have no prediction (NaN, or the empty text)
    model, version   which one answered
    timings     of the server; of the last call when there were several
    """

    def __init__(self, model, version, outputs, columns, row_errors, calls, timings):
        self.model = model
        self.version = version
        self.outputs = outputs
        self.columns = columns
        self.row_errors = row_errors
        self.timings = timings
        self._calls = calls  # [(prediction id, rows)]

    def __len__(self):
        return sum(rows for _, rows in self._calls)

    def __array__(self, dtype=None):
        return np.asarray(self.values, dtype)

    def __getitem__(self, name):
        return self.outputs[name]

    def __repr__(self):
        return "<Prediction of %d rows by %s:%d: %s>" % (
            len(self), self.model, self.version, ", ".join(self.outputs))

    @property
    def values(self):
        for name in ("prediction", "label", "cluster"):
            if name in self.outputs:
                return self.outputs[name]
        return next(iter(self.outputs.values()))

    @property
    def labels(self):
        """Class labels as str, or None."""
        return self.outputs.get("label")

    @property
    def probabilities(self):
        """(rows, classes), or None. The classes are `classes`."""
        return self.outputs.get("probabilities")

    @property
    def scores(self):
        """Decision values, or None."""
        return self.outputs.get("scores")

    @property
    def classes(self):
        """Labels in the order of the columns of probabilities or scores; empty without them."""
        return self.columns.get("probabilities") or self.columns.get("scores") or []

    @property
    def ids(self):
        """Id of each row, for feedback."""
        return ["%s/%d" % (name, row) for name, rows in self._calls for row in range(rows)]

    def check(self):
        """Raises the first row's error, if there is one; else the prediction itself."""
        for row, error in self.row_errors.items():
            raise type(error)("row %d: %s" % (row, error.message))
        return self


def _output(data):
    """(name, values, names of the columns) of one packed Output."""
    rest, found = _wire.split(data, (_F64, _F32, _CODES))
    output = prediction_pb2.Output.FromString(rest)
    if found[_CODES]:
        codes = _wire.unpack_varints(b"".join(found[_CODES]))
        values = np.array(list(output.text) or [""], dtype=str)[codes]
    elif found[_F32]:
        values = np.frombuffer(b"".join(found[_F32]), "<f4")
    else:
        values = np.frombuffer(b"".join(found[_F64]), "<f8")
    if output.cols > 1:
        values = values.reshape(-1, output.cols)
    return output.name, values, list(output.columns)


def decode(reply):
    """The Prediction of one reply."""
    try:
        rest, found = _wire.split(reply.body, (_OUTPUTS,))
        response = prediction_pb2.PredictResponse.FromString(rest)
        decoded = [_output(data) for data in found[_OUTPUTS]]
    except (ValueError, IndexError) as error:
        raise Internal("the reply is no prediction: %s" % error) from error
    return Prediction(
        response.model, response.version, {name: values for name, values, _ in decoded},
        {name: names for name, _, names in decoded if names},
        {e.row: error_of(e.status, e.message) for e in response.row_errors},
        [(response.prediction_id, response.rows)], reply.header.timings)


def join(parts):
    """One Prediction of several, in order."""
    if len(parts) == 1:
        return parts[0]
    row_errors, before = {}, 0
    for part in parts:
        row_errors.update({before + row: error for row, error in part.row_errors.items()})
        before += len(part)
    last = parts[-1]
    return Prediction(
        last.model, last.version,
        {name: np.concatenate([part.outputs[name] for part in parts]) for name in last.outputs},
        last.columns, row_errors, [call for part in parts for call in part._calls], last.timings)
