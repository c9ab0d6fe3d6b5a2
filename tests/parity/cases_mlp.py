"""Multi-layer perceptrons: not the same random numbers, so by metric over ten seeds."""

from sklearn.compose import TransformedTargetRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from case import SEEDS, Case
from comparators import metric, probabilities_in_single
from pipelines import steps

OURS = {"learning_rate": "learning_rate_init", "epochs": "max_iter"}
# A row more or less of the rows held out is no difference.
ROW = {"breast_cancer": 171, "wine": 54, "iris": 45, "digits": 540, "mixed_classes": 600,
       "large_classes": 30000}


def named(hidden, parameters):
    """Our names as scikit-learn's."""
    return {"hidden_layer_sizes": hidden, **{OURS.get(name, name): value
                                             for name, value in parameters.items()}}


def classifier(data, hidden=(30,), compare=None, seeds=SEEDS, **parameters):
    transformers, behind = steps(data)

    def reference(seed=0):
        return behind(MLPClassifier(random_state=seed, **named(hidden, parameters)))

    return Case("mlp_classifier", data, reference,
                compare or [metric("accuracy", floor=1.0 / ROW[data])],
                {"hidden_layers": list(hidden), **parameters}, transformers, seeds=seeds)


def regressor(data, hidden=(30,), scale_target=True, seeds=SEEDS, **parameters):
    transformers, behind = steps(data)

    def reference(seed):
        network = MLPRegressor(random_state=seed, **named(hidden, parameters))
        return behind(TransformedTargetRegressor(network, transformer=StandardScaler())
                      if scale_target else network)

    return Case("mlp_regressor", data, reference, [metric("r2", floor=1e-3)],
                {"hidden_layers": list(hidden), "scale_target": scale_target, **parameters},
                transformers, seeds=seeds)


CASES = [
    classifier("breast_cancer", epochs=60), classifier("wine", epochs=60),
    classifier("iris", epochs=100), classifier("digits", epochs=20),
    classifier("mixed_classes", epochs=20),
    classifier("large_classes", epochs=2, seeds=3),
    classifier("digits", (40, 20), epochs=15, activation="tanh"),
    classifier("wine", epochs=40, solver="sgd", learning_rate=0.05, activation="logistic"),
    classifier("breast_cancer", epochs=40, early_stopping=True, alpha=0.1),
    classifier("digits", compare=[probabilities_in_single()], epochs=10),
    regressor("diabetes", epochs=100), regressor("diabetes", scale_target=False, epochs=300),
    regressor("mixed", epochs=40), regressor("gaps", epochs=60),
    regressor("collinear", epochs=60, solver="sgd", learning_rate=0.01),
    regressor("large", epochs=2, seeds=3),
]
