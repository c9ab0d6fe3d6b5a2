"""The data that training is measured on. Generated, so that sizes are round and anyone has it."""

import functools

import numpy as np
import sklearn.datasets


def _numbers(n_rows, n_columns=50):
    rng = np.random.default_rng(31)
    x = rng.normal(size=(n_rows, n_columns))
    return x, x @ rng.normal(size=n_columns) + 3 * rng.normal(size=n_rows)


def _classes(n_rows, n_columns=50):
    rng = np.random.default_rng(32)
    x = rng.normal(size=(n_rows, n_columns))
    x[:, 1::2] += 0.5 * x[:, ::2]
    weights = rng.normal(size=n_columns) / np.sqrt(n_columns)
    return x, (3 * x @ weights + rng.logistic(size=n_rows) > 0).astype(float)


def _kernel_classes(n_rows):
    x, y = sklearn.datasets.make_classification(
        n_rows, 20, n_informative=10, n_redundant=4, class_sep=1.0, random_state=33)
    return np.ascontiguousarray(x), y.astype(float)


def _kernel_numbers(n_rows):
    x, y = sklearn.datasets.make_friedman1(n_rows, 20, noise=1.0, random_state=34)
    return x, y


def _network_classes(n_rows):
    x, y = sklearn.datasets.make_classification(
        n_rows, 50, n_informative=20, n_classes=5, class_sep=1.5, random_state=35)
    return np.ascontiguousarray(x), y.astype(float)


def _network_numbers(n_rows):
    x, y = sklearn.datasets.make_friedman1(n_rows, 50, noise=1.0, random_state=36)
    return x, (y - y.mean()) / y.std()


def _blobs(n_rows):
    """Ten clouds that overlap, so that the centres have some way to go."""
    x, _ = sklearn.datasets.make_blobs(n_rows, 50, centers=10, cluster_std=6.0,
                                       center_box=(-5, 5), random_state=37)
    return x, None


_MAKERS = {
    "numbers": _numbers, "classes": _classes, "kernel_classes": _kernel_classes,
    "kernel_numbers": _kernel_numbers, "network_classes": _network_classes,
    "network_numbers": _network_numbers, "blobs": _blobs,
}


@functools.lru_cache(maxsize=None)
def get(name, n_rows):
    """(x, y) or (x, None)."""
    return _MAKERS[name](n_rows)
