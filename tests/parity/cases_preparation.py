"""Transformers before a linear model, against scikit-learn's Pipeline."""

from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (MaxAbsScaler, MinMaxScaler, OneHotEncoder, OrdinalEncoder,
                                   RobustScaler, StandardScaler)

from case import Case
from comparators import coefficients, predictions

NUMERIC, CATEGORICAL = ["area", "rooms", "age", "same"], ["district", "heating"]
EXACT = [coefficients(1e-8), predictions(1e-8)]
L2 = {"penalty": "l2"}


def mixed(*numeric_steps, encoder=OneHotEncoder(sparse_output=False)):
    """Of both kinds of columns, as the server lays them out: numbers first."""
    return lambda: make_pipeline(ColumnTransformer([
        ("numeric", make_pipeline(*numeric_steps), NUMERIC),
        ("categorical", make_pipeline(SimpleImputer(strategy="most_frequent"), encoder),
         CATEGORICAL)]), Ridge())


def piped(*steps):
    return lambda: make_pipeline(*steps, Ridge())


def mixed_steps(strategy, *scalers, encoder="one_hot_encoder"):
    return [("imputer", {"strategy": strategy}, NUMERIC), *((s, None, NUMERIC) for s in scalers),
            ("imputer", {"strategy": "most_frequent"}, CATEGORICAL), encoder]


def scaled(step, reference, data="diabetes"):
    return Case("linear_regression", data, piped(reference), EXACT, L2, [step])


CASES = [
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
    Case("linear_regression", "gaps", piped(SimpleImputer(), StandardScaler()), EXACT, L2,
         ["imputer", "standard_scaler"]),
    Case("linear_regression", "gaps", piped(SimpleImputer(strategy="constant", fill_value=-1)), EXACT,
         L2, [("imputer", {"strategy": "constant", "fill_value": -1})]),
    scaled("standard_scaler", StandardScaler()),
    scaled("standard_scaler", StandardScaler(), "collinear"),
    scaled("standard_scaler", StandardScaler(), "offset"),
    scaled("min_max_scaler", MinMaxScaler()),
    scaled("min_max_scaler", MinMaxScaler(), "collinear"),
    scaled("max_abs_scaler", MaxAbsScaler()),
    scaled("robust_scaler", RobustScaler()),
    scaled("robust_scaler", RobustScaler(), "collinear"),
    scaled("variance_threshold", VarianceThreshold(), "collinear"),
    scaled(("select_k_best", {"k": 4}), SelectKBest(f_regression, k=4)),
]
