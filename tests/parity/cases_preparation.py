"""Transformers before a linear model, against scikit-learn's Pipeline: coefficients tell every
column that a transformer makes."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (FunctionTransformer, KBinsDiscretizer, MaxAbsScaler, MinMaxScaler,
                                   Normalizer, OneHotEncoder, OrdinalEncoder, PolynomialFeatures,
                                   RobustScaler, StandardScaler)

from case import Case
from comparators import coefficients, predictions
from pipelines import CATEGORICAL, NUMERIC, columns

EXACT = [coefficients(1e-9), predictions(1e-9)]
L2 = {"penalty": "l2"}


def mixed(*numeric_steps, encoder=None):
    return lambda: make_pipeline(columns(*numeric_steps, encoder=encoder), Ridge())


def mixed_steps(strategy, *scalers, encoder="one_hot_encoder"):
    return [("imputer", {"strategy": strategy}, NUMERIC), *((s, None, NUMERIC) for s in scalers),
            ("imputer", {"strategy": "most_frequent"}, CATEGORICAL), encoder]


def step(ours, reference, data="diabetes", compare=tuple(EXACT)):
    """One step, or a list of steps on both sides."""
    listed = [entry if isinstance(entry, list) else [entry] for entry in (ours, reference)]
    return Case("linear_regression", data, lambda: make_pipeline(*listed[1], Ridge()),
                list(compare), L2, listed[0])


class Clipped(BaseEstimator, TransformerMixin):
    """What scikit-learn has no transformer for: values beyond bounds of training become those."""

    def __init__(self, bounds):
        self.bounds = bounds

    def fit(self, x, y=None):
        self.limits = self.bounds(x)
        return self

    def transform(self, x):
        return np.clip(x, *self.limits)


def beyond_quartiles(factor):
    def bounds(x):
        low, high = np.quantile(x, [0.25, 0.75], axis=0)
        return low - factor * (high - low), high + factor * (high - low)
    return bounds


class Uncorrelated(BaseEstimator, TransformerMixin):
    """Without the later one of two columns whose correlation is beyond the threshold."""

    def __init__(self, threshold):
        self.threshold = threshold

    def fit(self, x, y=None):
        with np.errstate(invalid="ignore", divide="ignore"):
            matrix = np.abs(np.nan_to_num(np.corrcoef(x.T)))
        self.kept = []
        for i in range(x.shape[1]):
            if not np.any(matrix[i, self.kept] > self.threshold):
                self.kept.append(i)
        return self

    def transform(self, x):
        return x[:, self.kept]


def of_rows(before):
    """A function of the rows as a data frame, for features that look back."""
    return FunctionTransformer(lambda x: before(pd.DataFrame(x)).to_numpy())


def lagged(frame):
    """Of each column itself, then one and three rows before."""
    return pd.concat([shifted for name in frame for shifted in (
        frame[name], frame[name].shift(1), frame[name].shift(3))], axis=1)


def rolling(frame):
    """Mean of five rows that end one row before."""
    return frame.shift(1).rolling(5).mean()


class AfterFirst(Ridge):
    """Fitted without the first rows: rows that have none so far before them are not trained on."""

    def __init__(self, n_rows):
        super().__init__()
        self.n_rows = n_rows

    def fit(self, x, y):
        return super().fit(x[self.n_rows:], y[self.n_rows:])


def bins(n, strategy="quantile", encode="onehot-dense"):
    return KBinsDiscretizer(n, strategy=strategy, encode=encode, subsample=None)


SCALERS = [
    step("standard_scaler", StandardScaler()), step("standard_scaler", StandardScaler(), "collinear"),
    step("standard_scaler", StandardScaler(), "offset", [predictions(1e-9)]),
    step("standard_scaler", StandardScaler(), "large"),
    step(("standard_scaler", {"with_mean": False}), StandardScaler(with_mean=False), "wide"),
    step("min_max_scaler", MinMaxScaler()), step("min_max_scaler", MinMaxScaler(), "collinear"),
    step(("min_max_scaler", {"min": -1, "max": 2}), MinMaxScaler((-1, 2)), "large"),
    step("max_abs_scaler", MaxAbsScaler()), step("max_abs_scaler", MaxAbsScaler(), "large"),
    step("robust_scaler", RobustScaler()), step("robust_scaler", RobustScaler(), "collinear"),
    step(("robust_scaler", {"quantile_min": 10, "quantile_max": 80}),
         RobustScaler(quantile_range=(10, 80)), "large"),
]

SELECTION = [
    step("variance_threshold", VarianceThreshold(), "collinear"),
    step(("variance_threshold", {"threshold": 1.0}), VarianceThreshold(1.0), "large"),
    step(("select_k_best", {"k": 4}), SelectKBest(f_regression, k=4)),
    step(("drop_correlated", {"threshold": 0.6}), Uncorrelated(0.6)),
    step("drop_correlated", Uncorrelated(0.95), "collinear"),
    step("outlier_clipper", Clipped(beyond_quartiles(1.5))),
    step(("outlier_clipper", {"bounds": "quantile", "lower": 0.05, "upper": 0.9}),
         Clipped(lambda x: np.quantile(x, [0.05, 0.9], axis=0)), "large"),
]

FEATURES = [
    step(("normalizer", {"norm": "l1"}), Normalizer("l1"), "large"),
    step(("polynomial_features", {"degree": 3, "interaction_only": True}),
         PolynomialFeatures(3, interaction_only=True, include_bias=False), "collinear"),
    step(("pca", {"n_components": 5}), PCA(5, svd_solver="full"), "large"),
    step(("quantile_binner", {"n_bins": 6, "strategy": "uniform", "encode": "ordinal"}),
         bins(6, "uniform", "ordinal"), "gaps_filled"),
    step(("quantile_binner", {"n_bins": 5}), bins(5), "large",
         [coefficients(1e-8), predictions(1e-9)]),
    step(["min_max_scaler", ("power_transformer", {"method": "log1p", "standardize": False})],
         [MinMaxScaler(), FunctionTransformer(np.log1p)]),
]

LOOKING_BACK = [
    Case("linear_regression", "diabetes",
         lambda: make_pipeline(of_rows(lagged), SimpleImputer(), AfterFirst(3)), EXACT, L2,
         [("lag", {"lags": [1, 3], "keep": True}), "imputer"]),
    Case("linear_regression", "diabetes",
         lambda: make_pipeline(of_rows(rolling), SimpleImputer(), AfterFirst(5)), EXACT, L2,
         [("rolling_window", {"window": 5, "statistic": "mean", "shift": 1, "keep": False}),
          "imputer"]),
]

MIXED = [
    Case("linear_regression", "mixed", mixed(SimpleImputer(), StandardScaler()), EXACT, L2, None),
    Case("linear_regression", "mixed", mixed(SimpleImputer(strategy="median"), StandardScaler()),
         EXACT, L2, mixed_steps("median", "standard_scaler")),
    Case("linear_regression", "mixed", mixed(SimpleImputer(strategy="most_frequent")), EXACT, L2,
         mixed_steps("most_frequent")),
    Case("linear_regression", "mixed", mixed(SimpleImputer(), encoder=OrdinalEncoder()), EXACT, L2,
         mixed_steps("mean", encoder="ordinal_encoder")),
    Case("linear_regression", "mixed", mixed(SimpleImputer(), encoder=OneHotEncoder(
        sparse_output=False, drop="first")), EXACT, L2,
        mixed_steps("mean", encoder=("one_hot_encoder", {"drop": "first"}))),
    Case("linear_regression", "mixed", mixed(SimpleImputer(), encoder=OneHotEncoder(
        sparse_output=False, max_categories=3)), EXACT, L2,
        mixed_steps("mean", encoder=("one_hot_encoder", {"max_categories": 3}))),
    Case("linear_regression", "mixed", mixed(SimpleImputer(), encoder=OneHotEncoder(
        sparse_output=False, min_frequency=480, drop="first",
        handle_unknown="infrequent_if_exist")), EXACT, L2,
        mixed_steps("mean", encoder=("one_hot_encoder", {
            "min_frequency": 480, "drop": "first", "handle_unknown": "infrequent_if_exist"}))),
    Case("linear_regression", "mixed", mixed(SimpleImputer(), encoder=OneHotEncoder(
        sparse_output=False, min_frequency=0.25)), EXACT, L2,
        mixed_steps("mean", encoder=("one_hot_encoder", {"min_frequency": 0.25}))),
    Case("linear_regression", "mixed", mixed(SimpleImputer(), MinMaxScaler(), PolynomialFeatures(
        include_bias=False)), EXACT, L2,
        mixed_steps("mean", "min_max_scaler", "polynomial_features")),
    step(["imputer", "standard_scaler"], [SimpleImputer(), StandardScaler()], "gaps"),
    step(("imputer", {"strategy": "constant", "fill_value": -1}),
         SimpleImputer(strategy="constant", fill_value=-1), "gaps"),
    step(("imputer", {"add_indicator": True}), SimpleImputer(add_indicator=True), "gaps"),
]

CASES = SCALERS + SELECTION + FEATURES + LOOKING_BACK + MIXED
