"""Estimators with scikit-learn's protocol that are fitted and served by a trivetd.

Parameters are the server's own, by keyword: client.estimators("svc") lists them with defaults and
ranges, and a wrong one is answered with the allowed ones when fitting. A parameter that is not
given has the server's default. scikit-learn is not needed; where it is installed, its clone,
cross_val_score and the like take these estimators.

    client         a Client, an address, or None: the environment's TRIVET_SERVER, else the default
    model          name on the server; None: a new name for each fit
    transformers   as of Client.train; None: none for numbers, the defaults where there is text
    preprocess     True: the default transformers for numbers too
"""

import contextlib
import itertools
import uuid

import numpy as np

from . import _data
from .client import Client
from .errors import FailedPrecondition, Internal, InvalidArgument

_clients = {}
_OWN = ("client", "model", "transformers", "preprocess")


def _client_of(given):
    """One client for each address."""
    if isinstance(given, Client):
        return given
    fresh = Client(given)
    return _clients.setdefault(fresh.url, fresh)


class _Estimator:
    """`estimator` names it on the server; `fixed` are parameters that make this class what it is."""

    estimator = None
    fixed = {}

    def __init__(self, *, client=None, model=None, transformers=None, preprocess=False,
                 **parameters):
        self.client = client
        self.model = model
        self.transformers = transformers
        self.preprocess = preprocess
        self._names = list(parameters)
        for name, value in parameters.items():
            setattr(self, name, value)

    def get_params(self, deep=True):
        return {name: getattr(self, name) for name in list(_OWN) + self._names}

    def set_params(self, **parameters):
        for name, value in parameters.items():
            if name not in _OWN and name not in self._names:
                self._names.append(name)
            setattr(self, name, value)
        return self

    def __repr__(self):
        own = {"client": None, "model": None, "transformers": None, "preprocess": False}
        return "%s(%s)" % (type(self).__name__, ", ".join(
            "%s=%r" % (name, value) for name, value in self.get_params().items()
            if name not in own or value is not own[name]))

    def _fit(self, X, y):
        client, rows = _client_of(self.client), _data.rows_of(X)
        transformers = self.transformers
        if transformers is None and rows.is_numeric and not self.preprocess:
            transformers = []
        target = None if y is None else "target"
        dataset = client.upload(rows, y)
        try:
            job = client.train(
                self.model or "py-" + uuid.uuid4().hex[:16], dataset, target=target,
                estimator=self.estimator, transformers=transformers, test_size=0.0,
                parameters={**self.fixed, **{name: getattr(self, name) for name in self._names}})
        finally:
            client.delete_dataset(dataset)
        self.model_ = "%s:%d" % (job.model, job.version)
        self.report_ = job.report
        self.n_features_in_ = len(rows.names)
        if rows.matrix is None:
            self.feature_names_in_ = np.array(rows.names, dtype=object)
        self.n_iter_ = job.report.fit.iterations
        self.loss_curve_ = list(job.report.fit.loss_curve)
        if job.report.coefficients:
            self._take_coefficients(job.report)
        return self

    def _take_coefficients(self, report):
        outputs = list(dict.fromkeys(c.output for c in report.coefficients))
        values = np.array([c.value for c in report.coefficients]).reshape(len(outputs), -1)
        intercepts = [i.value for i in report.intercepts] or [report.intercept]
        one = self._estimator_type == "regressor"
        self.coef_ = values[0] if one else values
        self.intercept_ = intercepts[0] if one else np.array(intercepts)

    def _predict(self, X, outputs=()):
        if not hasattr(self, "model_"):
            raise FailedPrecondition("this %s is not fitted yet; call fit" % type(self).__name__)
        return _client_of(self.client).predict(self.model_, X, outputs=outputs).check()


class _Regressor(_Estimator):
    _estimator_type = "regressor"

    def fit(self, X, y):
        return self._fit(X, y)

    def predict(self, X):
        return self._predict(X).values

    def score(self, X, y, sample_weight=None):
        """R²."""
        y = np.asarray(y, float)
        weights = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, float)
        residual = np.sum(weights * (y - self.predict(X)) ** 2)
        total = np.sum(weights * (y - np.average(y, weights=weights)) ** 2)
        return float(1.0 - residual / total) if total > 0 else float(residual == 0)


class _Classifier(_Estimator):
    _estimator_type = "classifier"

    def fit(self, X, y):
        y = np.asarray(y)
        if y.dtype.kind == "f" and np.isnan(y).any():
            raise InvalidArgument("y holds NaN: every row needs a class; leave the others out")
        self.classes_ = np.unique(y)
        numeric = y.dtype.kind in "biuf"
        # As the server names the classes, in the order of classes_.
        self._keys = self.classes_.astype(float) if numeric else self.classes_.astype(str)
        return self._fit(X, y if numeric else y.astype(str))

    def _places(self, labels):
        """Index into classes_ of each of the server's labels."""
        labels = np.asarray(labels)
        labels = labels.astype(float if self._keys.dtype.kind == "f" else str)
        places = np.minimum(np.searchsorted(self._keys, labels), len(self._keys) - 1)
        if not np.array_equal(self._keys[places], labels):
            raise Internal("%s answered with a class that it was not trained on" % self.model_)
        return places

    def _pair(self, name):
        """(i, j) of "A/B", indices into classes_; None when it names no pair. A label may hold a
        slash itself."""
        for cut in (at for at, letter in enumerate(name) if letter == "/"):
            with contextlib.suppress(ValueError, Internal):
                return tuple(self._places([name[:cut], name[cut + 1:]]))
        return None

    def predict(self, X):
        labels = self._predict(X, ["label"]).labels
        return self.classes_[self._places(labels)]

    def _by_class(self, found, name):
        """An output's columns in the order of classes_, or of their pairs."""
        values, names = found.outputs[name], found.columns.get(name, [])
        if values.ndim == 1:
            return values
        pairs = [self._pair(column) for column in names]
        out = np.empty_like(values)
        if None in pairs:
            out[:, self._places(names)] = values
            return out
        wanted = list(itertools.combinations(range(len(self.classes_)), 2))
        for column, (i, j) in enumerate(pairs):
            sign = 1 if i < j else -1
            out[:, wanted.index((min(i, j), max(i, j)))] = sign * values[:, column]
        return out

    def predict_proba(self, X):
        return self._by_class(self._predict(X, ["probabilities"]), "probabilities")

    def predict_log_proba(self, X):
        return np.log(self.predict_proba(X))

    def decision_function(self, X):
        """Of two classes one value, positive for classes_[1]. Of more a column for each class; of
        SVC a column for each pair (0, 1), (0, 2) … (1, 2) …, positive for the first, as
        scikit-learn's with decision_function_shape="ovo"."""
        return self._by_class(self._predict(X, ["scores"]), "scores")

    def score(self, X, y, sample_weight=None):
        """Accuracy."""
        return float(np.average(self.predict(X) == np.asarray(y), weights=sample_weight))


class LinearRegression(_Regressor):
    estimator = "linear_regression"
    fixed = {"penalty": "none"}


class Ridge(_Regressor):
    estimator = "linear_regression"
    fixed = {"penalty": "l2"}


class Lasso(_Regressor):
    estimator = "linear_regression"
    fixed = {"penalty": "l1"}


class ElasticNet(_Regressor):
    estimator = "linear_regression"
    fixed = {"penalty": "elastic_net"}


class LogisticRegression(_Classifier):
    estimator = "logistic_regression"


class LinearSVC(_Classifier):
    estimator = "linear_svc"


class LinearSVR(_Regressor):
    estimator = "linear_svr"


class SVC(_Classifier):
    estimator = "svc"


class SVR(_Regressor):
    estimator = "svr"


class MLPClassifier(_Classifier):
    estimator = "mlp_classifier"


class MLPRegressor(_Regressor):
    estimator = "mlp_regressor"


class DecisionTreeClassifier(_Classifier):
    estimator = "decision_tree_classifier"


class DecisionTreeRegressor(_Regressor):
    estimator = "decision_tree_regressor"


class RandomForestClassifier(_Classifier):
    estimator = "random_forest_classifier"


class RandomForestRegressor(_Regressor):
    estimator = "random_forest_regressor"


class GradientBoostingClassifier(_Classifier):
    estimator = "gradient_boosting_classifier"


class GradientBoostingRegressor(_Regressor):
    estimator = "gradient_boosting_regressor"


class DummyClassifier(_Classifier):
    estimator = "dummy_classifier"


class DummyRegressor(_Regressor):
    estimator = "dummy_regressor"


class KMeans(_Estimator):
    _estimator_type = "clusterer"
    estimator = "kmeans"

    def fit(self, X, y=None):
        self._fit(X, None)
        self.labels_ = self.predict(X)
        self.inertia_ = next(f.value for f in self.report_.fit.facts if f.name == "inertia")
        rows = _data.rows_of(X)
        if rows.matrix is not None and not self.transformers and not self.preprocess:
            self.cluster_centers_ = self._centres(np.asarray(rows.matrix, dtype=float))
        return self

    def _centres(self, x):
        """The centres that the server has, from its distances: of the points m - s and m + s along
        an axis, the difference of the squared distances to c is 4 s (c - m). With m a cluster's
        mean, which is near c, nothing is lost to rounding. Only where nothing changes X before it
        is clustered."""
        n_clusters = self.transform(x[:1]).shape[1]
        means = np.array([x[self.labels_ == k].mean(axis=0) if np.any(self.labels_ == k)
                          else x.mean(axis=0) for k in range(n_clusters)])
        step = np.maximum(x.std(axis=0), 1e-6 * (1.0 + np.abs(x).max(axis=0)))
        moves = np.diag(step)
        points = np.concatenate([means[:, None, :] - moves, means[:, None, :] + moves], axis=1)
        squares = self.transform(points.reshape(-1, x.shape[1])) ** 2
        squares = squares.reshape(n_clusters, 2, x.shape[1], n_clusters)
        own = squares[np.arange(n_clusters), :, :, np.arange(n_clusters)]
        return means + (own[:, 0] - own[:, 1]) / (4.0 * step)

    def fit_predict(self, X, y=None):
        return self.fit(X).labels_

    def predict(self, X):
        return self._predict(X, ["cluster"]).values.astype(np.int64)

    def transform(self, X):
        """Distance to each centre."""
        return self._predict(X, ["distances"]).outputs["distances"]

    def score(self, X, y=None):
        """Minus the inertia."""
        return -float(np.sum(np.min(self.transform(X), axis=1) ** 2))
