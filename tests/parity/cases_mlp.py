"""Multi-layer perceptrons: not the same random numbers, so by metric over ten seeds."""

from sklearn.compose import TransformedTargetRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from case import Case
from comparators import metric


def perceptron(seed):
    """With a scaled target, as ours has by default."""
    return make_pipeline(StandardScaler(), TransformedTargetRegressor(
        MLPRegressor((30,), max_iter=100, random_state=seed), transformer=StandardScaler()))


CASES = [
    Case("mlp_regressor", "diabetes", perceptron, [metric("r2")],
         {"hidden_layers": "30", "epochs": 100}, ["standard_scaler"]),
]
