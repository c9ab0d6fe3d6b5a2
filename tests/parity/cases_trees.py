"""Trees: XGBoost on both sides, so the same trees; scikit-learn's by metric."""

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (GradientBoostingClassifier, GradientBoostingRegressor,
                              RandomForestClassifier, RandomForestRegressor)
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from xgboost import XGBClassifier, XGBRegressor, XGBRFClassifier, XGBRFRegressor

from case import Case
from comparators import (labels, metric_at_least, predictions, probabilities,
                         probabilities_in_single)
from pipelines import CATEGORICAL, NUMERIC

NUMBERS = [predictions(1e-6)]
CLASSES = [probabilities(1e-6), labels(), probabilities_in_single()]


class Labelled:
    """XGBoost's classifier takes classes 0, 1 … only, and weights of rows; this one any classes."""

    def __init__(self, made, balanced=False):
        self.made = made
        self.balanced = balanced

    def fit(self, x, y):
        self.classes_, codes = np.unique(y, return_inverse=True)
        counts = np.bincount(codes)
        weights = len(y) / (len(counts) * counts[codes]) if self.balanced else None
        self.made.fit(x, codes, sample_weight=weights)
        return self

    def predict(self, x):
        return self.classes_[np.argmax(self.made.predict_proba(x), axis=1)]

    def predict_proba(self, x):
        return self.made.predict_proba(x)


def encoded(estimator):
    """What the server puts before trees where it is not told: missing numbers stay."""
    return make_pipeline(ColumnTransformer([
        ("numeric", "passthrough", NUMERIC),
        ("categorical", make_pipeline(SimpleImputer(strategy="most_frequent"),
                                      OneHotEncoder(sparse_output=False)), CATEGORICAL)]),
        estimator)


def same(estimator, data, made, compare, parameters):
    """On the data as it is; `parameters` have XGBoost's names, but for max_bins."""
    mixed = data.startswith("mixed")
    theirs = {"max_bin" if name == "max_bins" else name: value for name, value in
              parameters.items()}

    def reference():
        fresh = made({"random_state": 0, "n_jobs": 1, **theirs})
        return encoded(fresh) if mixed else fresh

    return Case(estimator, data, reference, compare, parameters, None if mixed else ())


def boosted(data, **parameters):
    return same("gradient_boosting_regressor", data,
                lambda theirs: XGBRegressor(**{"tree_method": "hist", **theirs}), NUMBERS,
                parameters)


def boosted_classes(data, **parameters):
    compare = CLASSES[:2] if data.startswith("mixed") else CLASSES
    return same("gradient_boosting_classifier", data,
                lambda theirs: Labelled(XGBClassifier(**{"tree_method": "hist", **theirs})), compare,
                parameters)


def tree(data, **parameters):
    return same("decision_tree_regressor", data, lambda theirs: XGBRegressor(**{
        "n_estimators": 1, "learning_rate": 1, "reg_lambda": 0, "tree_method": "exact", **theirs}),
        NUMBERS, parameters)


def tree_classes(data, **parameters):
    return same("decision_tree_classifier", data, lambda theirs: Labelled(XGBClassifier(**{
        "n_estimators": 1, "learning_rate": 1, "reg_lambda": 0, "tree_method": "exact", **theirs})),
        CLASSES, parameters)


def forest(data, **parameters):
    return same("random_forest_regressor", data,
                lambda theirs: XGBRFRegressor(**{"tree_method": "hist", **theirs}), NUMBERS,
                parameters)


def forest_classes(data, **parameters):
    return same("random_forest_classifier", data,
                lambda theirs: Labelled(XGBRFClassifier(**{"tree_method": "hist", **theirs})),
                CLASSES, parameters)


def as_good(estimator, data, made, **parameters):
    """As scikit-learn's of the same purpose, which grows its trees otherwise."""
    score, floor = ("accuracy", 0.02) if estimator.endswith("classifier") else ("r2", 0.05)
    return Case(estimator, data, lambda seed: made(random_state=seed),
                [metric_at_least(score, floor)], parameters, seeds=5)


def balanced(data):
    return Case("gradient_boosting_classifier", data, lambda: Labelled(XGBClassifier(
        tree_method="hist", n_jobs=1), balanced=True), CLASSES, {"class_weight": "balanced"})


CASES = [
    *map(boosted, ["diabetes", "collinear", "wide", "gaps", "mixed"]),
    boosted("large", n_estimators=20),
    boosted("diabetes", tree_method="exact", max_depth=3, learning_rate=0.1, n_estimators=200),
    boosted("gaps", tree_method="approx", gamma=0.5, reg_alpha=0.3, reg_lambda=3,
            min_child_weight=4),
    boosted("gaps", max_bins=32, max_depth=12, n_estimators=30, base_score=2.5),
    boosted("diabetes", subsample=0.7, colsample_bytree=0.6, colsample_bynode=0.8),
    *map(boosted_classes, ["breast_cancer", "wine", "iris", "digits", "mixed_classes"]),
    boosted_classes("large_classes", n_estimators=20),
    boosted_classes("wine", subsample=0.5, max_depth=2, n_estimators=40),
    boosted_classes("breast_cancer", scale_pos_weight=3, n_estimators=15),
    boosted_classes("breast_cancer", base_score=0.2, tree_method="exact", n_estimators=10),
    balanced("wine"), balanced("breast_cancer"),
    *map(tree, ["diabetes", "collinear", "gaps"]), tree("diabetes", max_depth=12),
    *map(tree_classes, ["breast_cancer", "iris", "digits"]),
    *map(forest, ["diabetes", "gaps"]), forest("diabetes", n_estimators=30, subsample=1.0),
    *map(forest_classes, ["breast_cancer", "wine", "digits"]),
    as_good("decision_tree_regressor", "diabetes", DecisionTreeRegressor),
    as_good("decision_tree_classifier", "breast_cancer", DecisionTreeClassifier),
    as_good("random_forest_regressor", "diabetes", RandomForestRegressor),
    as_good("random_forest_classifier", "digits", RandomForestClassifier, max_depth=12,
            min_child_weight=0.1),
    as_good("gradient_boosting_regressor", "diabetes", GradientBoostingRegressor, max_depth=3,
            learning_rate=0.1),
    as_good("gradient_boosting_classifier", "breast_cancer", GradientBoostingClassifier),
]
