"""Arrays and data frames as the contract's rows.

Accepted everywhere: a dict of arrays, a 2-D array or list of rows (columns x0, x1, …), a structured
array, anything with `.columns` and `.dtypes` (a pandas data frame), or a Rows made before. Numbers
and booleans become numeric columns, text and other objects categorical ones; None, NaN, NaT and NA
are missing values.
"""

import numpy as np

from . import _wire
from .errors import InvalidArgument
from .v1 import data_pb2

_ABSENT_TYPES = ("NAType", "NaTType")
_NAME = _wire.number(data_pb2.TableColumn, "name")
_NUMERIC = _wire.number(data_pb2.TableColumn, "numeric")
_CATEGORICAL = _wire.number(data_pb2.TableColumn, "categorical")
_NULLS = _wire.number(data_pb2.TableColumn, "null_bitmap")
_NUMBERS = _wire.number(data_pb2.NumericColumn, "values")
_DICTIONARY = _wire.number(data_pb2.CategoricalColumn, "dictionary")
_CODES = _wire.number(data_pb2.CategoricalColumn, "codes")
_COLUMNS = _wire.number(data_pb2.Table, "columns")
_F64 = _wire.number(data_pb2.Matrix, "f64")
_F32 = _wire.number(data_pb2.Matrix, "f32")


class NumericColumn:
    type = data_pb2.COLUMN_TYPE_NUMERIC
    row_bytes = 9  # with its null bit, rounded up

    def __init__(self, name, values):
        self.name = name
        self.values = values

    def __len__(self):
        return len(self.values)

    def encode(self, first, last):
        """Rows [first, last) as the bytes of a TableColumn."""
        values = self.values[first:last]
        return (_wire.bytes_field(_NAME, self.name.encode()) +
                _wire.bytes_field(_NUMERIC, _wire.fixed_field(_NUMBERS, values, "<f8")) +
                _null_field(np.isnan(values)))


class CategoricalColumn:
    type = data_pb2.COLUMN_TYPE_CATEGORICAL
    row_bytes = 6

    def __init__(self, name, dictionary, codes, nulls):
        self.name = name
        self.dictionary = dictionary  # list of str
        self.codes = codes
        self.nulls = nulls

    def __len__(self):
        return len(self.codes)

    def encode(self, first, last):
        nulls = self.nulls[first:last]
        used, codes = np.unique(np.where(nulls, 0, self.codes[first:last]), return_inverse=True)
        words = [_wire.bytes_field(_DICTIONARY, self.dictionary[code].encode()) for code in used
                 if code < len(self.dictionary)]
        return (_wire.bytes_field(_NAME, self.name.encode()) +
                _wire.bytes_field(_CATEGORICAL, *words, _wire.varints_field(_CODES, codes)) +
                _null_field(nulls))


def _null_field(nulls):
    if not nulls.any():
        return b""
    return _wire.bytes_field(_NULLS, np.packbits(nulls, bitorder="little").tobytes())


def _is_absent(value):
    return value is None or type(value).__name__ in _ABSENT_TYPES or (
        isinstance(value, (float, np.floating)) and value != value)


def column_of(name, values):
    """One column out of a 1-D array, a list or a pandas series."""
    kind = getattr(getattr(values, "dtype", None), "kind", None)
    if hasattr(values, "to_numpy") and kind in tuple("biuf"):
        values = values.to_numpy(dtype=np.float64, na_value=np.nan)
    elif hasattr(values, "to_numpy"):
        values = np.asarray(values, dtype=object)
    elif not isinstance(values, np.ndarray):
        # NumPy would make text of a list of text and numbers.
        has_text = any(isinstance(value, str) for value in values)
        values = np.asarray(values, dtype=object if has_text else None)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise InvalidArgument("column %r has the shape %s; give one value per row"
                              % (name, values.shape))
    if values.dtype.kind in "biuf":
        return NumericColumn(name, values.astype(np.float64, copy=False))
    if values.dtype.kind == "U":
        return _categorical(name, values, np.zeros(len(values), bool))
    if values.dtype.kind == "S":
        return _categorical(name, np.char.decode(values, "utf-8"), np.zeros(len(values), bool))
    if values.dtype.kind != "O":
        raise InvalidArgument("column %r is of the type %s; give numbers or text"
                              % (name, values.dtype))
    return _column_of_objects(name, values)


def _column_of_objects(name, values):
    nulls = np.fromiter((_is_absent(value) for value in values), bool, len(values))
    present = values[~nulls]
    if all(isinstance(value, (int, float, np.number, np.bool_)) for value in present):
        numbers = np.full(len(values), np.nan)
        numbers[~nulls] = present.astype(np.float64)
        return NumericColumn(name, numbers)
    if not all(isinstance(value, str) for value in present):
        kinds = sorted({type(value).__name__ for value in present})
        raise InvalidArgument("column %r mixes %s; give numbers or text"
                              % (name, ", ".join(kinds)))
    return _categorical(name, np.where(nulls, "", values).astype(str), nulls)


def _categorical(name, values, nulls):
    dictionary, codes = np.unique(values[~nulls], return_inverse=True)
    all_codes = np.zeros(len(values), np.int64)
    all_codes[~nulls] = codes
    return CategoricalColumn(name, dictionary.tolist(), all_codes, nulls)


class Rows:
    """Rows by named columns; `matrix` as well when they came as a numeric 2-D array."""

    def __init__(self, columns, matrix=None):
        self._columns = columns
        self.matrix = matrix
        self.n_rows = len(matrix) if matrix is not None else len(columns[0])
        for column in columns or ():
            if len(column) != self.n_rows:
                raise InvalidArgument("column %r has %d rows, column %r has %d" % (
                    column.name, len(column), columns[0].name, self.n_rows))

    @property
    def columns(self):
        if self._columns is None:
            self._columns = [NumericColumn("x%d" % j, self.matrix[:, j].astype(np.float64))
                             for j in range(self.matrix.shape[1])]
        return self._columns

    @property
    def names(self):
        if self._columns is None:
            return ["x%d" % j for j in range(self.matrix.shape[1])]
        return [column.name for column in self._columns]

    @property
    def is_numeric(self):
        return self.matrix is not None or all(
            column.type == data_pb2.COLUMN_TYPE_NUMERIC for column in self.columns)

    def with_column(self, column):
        if column.name in self.names:
            raise InvalidArgument("the data has a column %r already; choose another name for the "
                                  "target" % column.name)
        return Rows(self.columns + [column])

    def schema(self):
        return data_pb2.Schema(columns=[data_pb2.Column(name=c.name, type=c.type)
                                        for c in self.columns])

    def row_bytes(self):
        if self.matrix is not None:
            return max(1, self.matrix.shape[1] * self.matrix.itemsize)
        return sum(column.row_bytes for column in self.columns)

    def table(self, first, last):
        """Rows [first, last) as the bytes of a Table."""
        return data_pb2.Table(rows=last - first).SerializeToString() + b"".join(
            _wire.bytes_field(_COLUMNS, column.encode(first, last)) for column in self.columns)

    def rows(self, first, last):
        """("matrix" or "table", the bytes of it), as a prediction sends them."""
        if self.matrix is None:
            return "table", self.table(first, last)
        part = self.matrix[first:last]
        head = data_pb2.Matrix(rows=part.shape[0], cols=part.shape[1], nan_is_missing=True)
        if part.dtype == np.float32:
            return "matrix", head.SerializeToString() + _wire.fixed_field(_F32, part, "<f4")
        return "matrix", head.SerializeToString() + _wire.fixed_field(_F64, part, "<f8")


def rows_of(data):
    """Any accepted form of data as Rows."""
    if isinstance(data, Rows):
        return data
    columns = None
    if hasattr(data, "dtypes") and hasattr(data, "columns"):
        columns = [column_of(str(name), data[name]) for name in data.columns]
    elif hasattr(data, "keys"):
        columns = [column_of(str(name), data[name]) for name in data.keys()]
    elif isinstance(data, np.ndarray) and data.dtype.names:
        columns = [column_of(name, data[name]) for name in data.dtype.names]
    if columns is not None:
        if not columns:
            raise InvalidArgument("the data has no columns")
        return Rows(columns)
    array = data if isinstance(data, np.ndarray) else _array_of_lists(data)
    if array.ndim != 2:
        raise InvalidArgument("rows of the shape %s; give (rows, columns), one row as [row]"
                              % (array.shape,))
    if array.shape[1] == 0:
        raise InvalidArgument("the data has no columns")
    if array.dtype.kind in "biuf":
        keep = array.dtype in (np.float32, np.float64)
        return Rows(None, array if keep else array.astype(np.float64))
    return Rows([column_of("x%d" % j, array[:, j]) for j in range(array.shape[1])])


def _array_of_lists(data):
    """A list of rows may mix numbers, text and None."""
    rows = [list(row) if isinstance(row, (list, tuple)) else row for row in data]
    mixed = any(isinstance(value, str) or value is None for row in rows if isinstance(row, list)
                for value in row)
    try:
        return np.array(rows, dtype=object if mixed else np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidArgument("the rows are not a table of numbers or text: %s" % error) from error


def table_of(X, y=None, target="target"):
    """Rows to learn from or to score: X, with y as the column `target` when it is given."""
    rows = rows_of(X)
    return rows if y is None else rows.with_column(column_of(target, y))


def _is_null(bitmap, n_rows):
    """A bool for each row; an empty bitmap: none is null."""
    if not bitmap:
        return np.zeros(n_rows, bool)
    bits = np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little")
    return bits[:n_rows].astype(bool)


def arrays_of(table):
    """{name: array} of a contract's Table: floats with NaN, or str with None."""
    arrays = {}
    for column in table.columns:
        null = _is_null(column.null_bitmap, table.rows)
        if column.HasField("categorical"):
            texts = np.array(list(column.categorical.dictionary) + [None], object)
            codes = np.where(null, -1, np.array(column.categorical.codes, np.int64))
            arrays[column.name] = texts[codes]
        else:
            arrays[column.name] = np.where(null, np.nan, np.array(column.numeric.values, float))
    return arrays
