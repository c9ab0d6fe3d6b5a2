"""Linear models."""

import numpy as np
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from case import Case
from comparators import coefficients, predictions

EXACT = [coefficients(1e-8), predictions(1e-8)]
# Rank-deficient or badly conditioned: what is predicted is what has to agree.
LOOSE = [predictions(1e-6)]
OLS, L2 = {"penalty": "none"}, {"penalty": "l2"}



def on_independent_columns():
    """All columns of `collinear` tell what its first six do, so predictions have to be equal. On all
    ten scikit-learn 1.2 is no reference: it takes singular values of 1e-14 for real (rank 7 of a
    true 6, coefficients of 1e13) and leaves a larger sum of squares than its fit on the six."""
    return make_pipeline(FunctionTransformer(lambda x: x[:, :6]), LinearRegression())


class MinimumNorm:
    """Of all least-squares solutions the smallest, by NumPy's SVD with a cutoff above rounding: the
    coefficients where scikit-learn's are not of minimum norm (`wide`: rank 60 of a possible 59)."""

    def fit(self, x, y):
        means = x.mean(axis=0)
        self.coef_ = np.linalg.lstsq(x - means, y - y.mean(), rcond=1e-10)[0]
        self.intercept_ = y.mean() - means @ self.coef_
        return self

    def predict(self, x):
        return x @ self.coef_ + self.intercept_


CASES = [
    Case("linear_regression", "diabetes", LinearRegression, EXACT, OLS),
    Case("linear_regression", "large", LinearRegression, EXACT, OLS),
    Case("linear_regression", "collinear", on_independent_columns, LOOSE, OLS),
    Case("linear_regression", "wide", LinearRegression, LOOSE, OLS),
    Case("linear_regression", "collinear", MinimumNorm, EXACT, OLS),
    Case("linear_regression", "wide", MinimumNorm, EXACT, OLS),
    Case("linear_regression", "offset", LinearRegression, LOOSE, OLS),
    Case("linear_regression", "diabetes", lambda: LinearRegression(fit_intercept=False), EXACT,
         {**OLS, "fit_intercept": False}),
    Case("linear_regression", "diabetes", Ridge, EXACT, L2),
    Case("linear_regression", "diabetes", lambda: Ridge(alpha=0.01), EXACT, {**L2, "alpha": 0.01}),
    Case("linear_regression", "large", lambda: Ridge(alpha=100), EXACT, {**L2, "alpha": 100}),
    Case("linear_regression", "collinear", Ridge, EXACT, L2),
    Case("linear_regression", "wide", Ridge, EXACT, L2),
    Case("linear_regression", "offset", Ridge, LOOSE, L2),
]
