"""The table of what is measured: one row a line of results."""

import dataclasses


@dataclasses.dataclass
class Row:
    """`estimator` with `parameters`, on the data set `data` of `n_rows`, against peers.`peer`.

    goal       ratio of the peer's seconds to ours that has to be reached; None: no goal
    quality    metric of the training rows that both have to reach; `within` is how far ours may be
               behind, relative to the peer's
    predict    also a line for predicting all rows, by the time that replies say was computed;
               the goal of that
    quick_rows how many rows in the short form
    """

    name: str
    estimator: str
    parameters: dict
    data: str
    n_rows: int
    peer: str
    quality: str
    goal: float = None
    within: float = 1e-3
    predict: float = None
    library: str = "sklearn"
    quick_rows: int = 5000


ROWS = [
    Row("ols", "linear_regression", {"penalty": "none"}, "numbers", 100000, "ols", "r2", 5.0, 1e-9),
    Row("ridge", "linear_regression", {"penalty": "l2"}, "numbers", 100000, "ridge", "r2", 1.0,
        1e-9),
    Row("lasso", "linear_regression", {"penalty": "l1", "alpha": 0.1}, "numbers", 100000, "lasso",
        "r2", 1.0, 1e-4),
    Row("elastic_net", "linear_regression", {"penalty": "elastic_net", "alpha": 0.1}, "numbers",
        100000, "elastic_net", "r2", 1.0, 1e-4),
    Row("logistic", "logistic_regression", {}, "classes", 100000, "logistic", "log_loss", 1.5,
        1e-5),
    Row("logistic_l1", "logistic_regression", {"penalty": "l1"}, "classes", 100000, "logistic_l1",
        "log_loss", 1.5, 1e-5),
    Row("svc", "svc", {}, "kernel_classes", 10000, "svc", "accuracy", 0.95, 1e-9, predict=10.0,
        quick_rows=1500),
    Row("svr", "svr", {}, "kernel_numbers", 10000, "svr", "r2", 0.95, 1e-6, predict=10.0,
        quick_rows=1500),
    Row("linear_svc", "linear_svc", {}, "classes", 100000, "linear_svc", "accuracy", 1.0, 1e-4),
    Row("linear_svr", "linear_svr", {"loss": "squared_epsilon_insensitive"}, "numbers", 100000,
        "linear_svr", "r2", 1.0, 1e-6),
    Row("mlp_classifier", "mlp_classifier", {"epochs": 20}, "network_classes", 20000,
        "mlp_classifier", "accuracy", 1.5, 2e-2, quick_rows=2000),
    Row("mlp_regressor", "mlp_regressor", {"epochs": 20, "scale_target": False}, "network_numbers",
        20000, "mlp_regressor", "r2", 1.5, 2e-2, quick_rows=2000),
    # The same first centres, so the same iterations.
    Row("kmeans", "kmeans", {"n_clusters": 10, "init": "first_k"}, "blobs", 100000, "kmeans",
        "inertia", 1.5, 1e-6),
    Row("kmeans_plus_plus", "kmeans", {"n_clusters": 10, "n_init": 5}, "blobs", 100000,
        "kmeans_plus_plus", "inertia", 1.5, 1e-3),
    # The same library: all that is ours is what goes in and comes out, and the prediction.
    Row("boosting_regressor", "gradient_boosting_regressor", {}, "numbers", 100000,
        "boosting_regressor", "r2", 0.95, 1e-6, predict=1.5, library="xgboost"),
    Row("boosting_classifier", "gradient_boosting_classifier", {}, "classes", 100000,
        "boosting_classifier", "accuracy", 0.95, 1e-6, predict=1.5, library="xgboost"),
    Row("forest_regressor", "random_forest_regressor", {}, "numbers", 100000, "forest_regressor",
        "r2", 0.95, 1e-3, predict=1.5, library="xgboost"),
    Row("tree_regressor", "decision_tree_regressor", {}, "numbers", 100000, "tree_regressor", "r2",
        0.95, 1e-6, predict=1.5, library="xgboost"),
]
