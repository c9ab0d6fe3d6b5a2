"""What the estimators are measured against. A peer is a function of the number of threads that
returns an estimator with fit and predict; its parameters are those of rows.py on our side."""

import numpy as np


def ols(threads):
    from sklearn.linear_model import LinearRegression
    return LinearRegression()


def ridge(threads):
    from sklearn.linear_model import Ridge
    return Ridge()


def lasso(threads):
    from sklearn.linear_model import Lasso
    return Lasso(alpha=0.1)


def elastic_net(threads):
    from sklearn.linear_model import ElasticNet
    return ElasticNet(alpha=0.1)


def logistic(threads):
    from sklearn.linear_model import LogisticRegression
    return LogisticRegression()


def logistic_l1(threads):
    """liblinear: the fastest of scikit-learn's solvers here."""
    from sklearn.linear_model import LogisticRegression
    return LogisticRegression(penalty="l1", solver="liblinear")


def linear_svc(threads):
    """dual=False, as ours where rows are more than columns."""
    from sklearn.svm import LinearSVC
    return LinearSVC(dual=False)


def linear_svr(threads):
    from sklearn.svm import LinearSVR
    return LinearSVR(loss="squared_epsilon_insensitive", dual=False)


def svc(threads):
    from sklearn.svm import SVC
    return SVC()


def svr(threads):
    from sklearn.svm import SVR
    return SVR()


def mlp_classifier(threads):
    from sklearn.neural_network import MLPClassifier
    return MLPClassifier((100,), max_iter=20, random_state=0)


def mlp_regressor(threads):
    from sklearn.neural_network import MLPRegressor
    return MLPRegressor((100,), max_iter=20, random_state=0)


class _FromFirst:
    """k-means whose first centres are the first rows."""

    def __init__(self, k):
        self.k = k

    def fit(self, x, y=None):
        from sklearn.cluster import KMeans
        self.means = KMeans(self.k, init=x[:self.k], n_init=1).fit(x)
        self.inertia_, self.n_iter_ = self.means.inertia_, self.means.n_iter_
        return self


def kmeans(threads):
    return _FromFirst(10)


def kmeans_plus_plus(threads):
    from sklearn.cluster import KMeans
    return KMeans(10, n_init=5, random_state=0)


class _XGBoost:
    """XGBoost by its own parameters; it predicts from the array as it is, by
    XGBoosterPredictFromDense of its C interface."""

    def __init__(self, threads, rounds, **parameters):
        import xgboost
        self.library, self.rounds = xgboost, rounds
        self.parameters = {"nthread": threads, "tree_method": "hist", "verbosity": 0, **parameters}

    def fit(self, x, y):
        matrix = self.library.DMatrix(x, y, nthread=self.parameters["nthread"])
        self.booster = self.library.train(self.parameters, matrix, self.rounds)
        return self

    def predict(self, x):
        found = self.booster.inplace_predict(x)
        return found > 0.5 if self.parameters.get("objective") == "binary:logistic" else found


def boosting_regressor(threads):
    return _XGBoost(threads, 100)


def boosting_classifier(threads):
    return _XGBoost(threads, 100, objective="binary:logistic")


def forest_regressor(threads):
    """As XGBRFRegressor."""
    return _XGBoost(threads, 1, num_parallel_tree=100, learning_rate=1.0, subsample=0.8,
                    colsample_bynode=0.8, reg_lambda=1e-5)


def tree_regressor(threads):
    """As our decision tree's defaults."""
    return _XGBoost(threads, 1, learning_rate=1.0, reg_lambda=0.0, tree_method="exact")


# --- how good a fit is, by the name of the metric in the server's report


def quality(name, model, x, y):
    if name == "inertia":
        return float(model.inertia_)
    if name == "log_loss":
        shares = model.predict_proba(x)[np.arange(len(y)), np.searchsorted(np.unique(y), y)]
        return float(-np.mean(np.log(np.maximum(shares, 1e-15))))
    found = model.predict(x)
    if name == "accuracy":
        return float(np.mean(found == y))
    return float(1.0 - np.sum((y - found) ** 2) / np.sum((y - y.mean()) ** 2))
