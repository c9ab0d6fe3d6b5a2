"""The data that parity is shown on: scikit-learn's own sets, and generated ones with what real data
has. Each is made once and sent to the server once."""

import functools

import numpy as np
import pandas as pd
import sklearn.datasets

ROWS_LARGE = 100000


class DataSet:
    """x: a 2-D array or a data frame; y: numbers, text, or None for clustering."""

    def __init__(self, name, x, y):
        self.name = name
        self.x = x
        self.y = y

    @functools.lru_cache(maxsize=None)
    def halves(self):
        """(to train, to test) as two sets, split by a fixed shuffle, for comparisons by metric."""
        order = np.random.default_rng(0).permutation(len(self.x))
        cut = len(order) * 7 // 10
        return tuple(DataSet("%s/%s" % (self.name, part), self._rows(rows), self.y[rows])
                     for part, rows in (("train", order[:cut]), ("test", order[cut:])))

    def _rows(self, rows):
        return self.x.iloc[rows].reset_index(drop=True) if hasattr(self.x, "iloc") else self.x[rows]


def _shipped(loader):
    loaded = loader()
    return loaded.data, loaded.target


def _mixed(rng, n_rows):
    """Numbers and categories, values missing in both, one column constant."""
    frame = pd.DataFrame({
        "area": rng.uniform(20, 200, n_rows), "rooms": rng.integers(1, 9, n_rows).astype(float),
        "age": rng.exponential(30, n_rows), "same": np.full(n_rows, 3.0),
        "district": rng.choice(["centre", "north", "süd", "west"], n_rows).astype(object),
        "heating": rng.choice(["gas", "oil"], n_rows, p=[0.8, 0.2]).astype(object)})
    score = (frame["area"] / 50 + frame["rooms"] + (frame["district"] == "centre") * 2
             - (frame["heating"] == "oil") + rng.normal(size=n_rows)).to_numpy()
    for name in ("area", "age", "district", "heating"):
        frame.loc[rng.random(n_rows) < 0.08, name] = np.nan
    return frame, score


def _mixed_numbers():
    return _mixed(np.random.default_rng(11), 2000)


def _mixed_classes():
    frame, score = _mixed(np.random.default_rng(12), 2000)
    return frame, np.where(score > np.quantile(score, 0.7), "dear",
                           np.where(score > np.median(score), "fair", "cheap"))


def _gaps():
    """Numbers only, a tenth of them missing."""
    rng = np.random.default_rng(13)
    x = rng.normal(size=(1500, 6))
    y = x @ rng.normal(size=6) + rng.normal(size=1500)
    x[rng.random(x.shape) < 0.1] = np.nan
    return x, y


def _gaps_filled():
    """The same with nothing missing, in columns of few values."""
    x, y = _gaps()
    return np.round(np.nan_to_num(x), 1), y


def _collinear():
    """Columns that follow from others, and constant ones: rank 6 of 10."""
    rng = np.random.default_rng(14)
    x = rng.normal(size=(1000, 6))
    x = np.column_stack([x, x[:, 0] + x[:, 1], 2 * x[:, 2], np.full(1000, 7.0), np.zeros(1000)])
    return x, x[:, :6] @ rng.normal(size=6) + 4 + rng.normal(size=1000)


def _offset():
    """Means of 1e6 beside deviations of 1."""
    rng = np.random.default_rng(15)
    x = rng.normal(size=(1000, 5))
    return x + 1e6, x @ rng.normal(size=5) + rng.normal(size=1000)


def _wide():
    """More columns than rows."""
    rng = np.random.default_rng(16)
    x = rng.normal(size=(60, 150))
    return x, x[:, :5] @ np.ones(5) + 0.1 * rng.normal(size=60)


def _large():
    rng = np.random.default_rng(17)
    x = rng.normal(size=(ROWS_LARGE, 20))
    return x, x @ rng.normal(size=20) + rng.normal(size=ROWS_LARGE)


def _large_classes():
    rng = np.random.default_rng(18)
    x = rng.normal(size=(ROWS_LARGE, 20))
    return x, (x @ rng.normal(size=20) + rng.logistic(size=ROWS_LARGE) > 0).astype(int)


def _some_classes():
    """As many rows as a kernel's reference is fitted on in a second."""
    return sklearn.datasets.make_classification(
        2500, 20, n_informative=8, n_classes=4, class_sep=1.2, random_state=20)


def _blobs():
    return sklearn.datasets.make_blobs(2000, 6, centers=5, cluster_std=1.2, random_state=19)


def _iris_lengths():
    """All above 0."""
    loaded = sklearn.datasets.load_iris()
    return loaded.data[:, :3], loaded.data[:, 3]


def _texts():
    """Sentences of words of several scripts, and how they are meant."""
    rng = np.random.default_rng(20)
    words = np.array("the of and Good good BAD bad service,food Café straße слово ПРИВЕТ 你好 42 x "
                     "don't e-mail naïve ÉCOLE ΑΒΓ snake_case very-very not".split())
    weights = rng.normal(size=len(words))
    drawn = [rng.integers(0, len(words), rng.integers(1, 12)) for _ in range(400)]
    text = [" ".join(words[row]) + "." for row in drawn]
    y = np.array([weights[row].sum() for row in drawn]) + rng.normal(size=400)
    return pd.DataFrame({"text": np.array(text, dtype=object)}), y


_MAKERS = {
    "diabetes": lambda: _shipped(sklearn.datasets.load_diabetes),
    "breast_cancer": lambda: _shipped(sklearn.datasets.load_breast_cancer),
    "wine": lambda: _shipped(sklearn.datasets.load_wine),
    "iris": lambda: _shipped(sklearn.datasets.load_iris),
    "digits": lambda: _shipped(sklearn.datasets.load_digits),
    "mixed": _mixed_numbers, "mixed_classes": _mixed_classes, "gaps": _gaps,
    "gaps_filled": _gaps_filled, "some_classes": _some_classes,
    "collinear": _collinear, "offset": _offset, "wide": _wide, "large": _large,
    "large_classes": _large_classes, "blobs": _blobs,
    "iris_lengths": _iris_lengths, "texts": _texts,
}


@functools.lru_cache(maxsize=None)
def get(name):
    """`NAME:x` is NAME without its outcomes, to be clustered."""
    if name.endswith(":x"):
        return DataSet(name, get(name[:-2]).x, None)
    return DataSet(name, *_MAKERS[name]())
