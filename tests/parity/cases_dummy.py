"""Baselines: exact."""

from sklearn.dummy import DummyClassifier, DummyRegressor

from case import Case
from comparators import labels, predictions, probabilities, probabilities_in_single

CLASSES = [labels(), probabilities(1e-15), probabilities_in_single()]
NUMBERS = [predictions(1e-14)]


def classes(data, strategy="prior", compare=tuple(CLASSES), transformers=()):
    return Case("dummy_classifier", data, lambda: DummyClassifier(strategy=strategy), list(compare),
                {"strategy": strategy}, transformers)


def numbers(data, transformers=(), **parameters):
    return Case("dummy_regressor", data, lambda: DummyRegressor(**parameters), NUMBERS, parameters,
                transformers)


CASES = [
    *map(classes, ["breast_cancer", "wine", "iris", "digits", "large_classes"]),
    classes("mixed_classes", compare=CLASSES[:2], transformers=None),
    classes("breast_cancer", "most_frequent"),
    # The label is drawn there, and is one of the likeliest here.
    classes("wine", "uniform", [probabilities(1e-15)]),
    *map(numbers, ["diabetes", "collinear", "wide", "large"]),
    numbers("mixed", None), numbers("gaps", ["imputer"]),
    numbers("diabetes", strategy="median"), numbers("large", strategy="median"),
    numbers("diabetes", strategy="quantile", quantile=0.9),
    numbers("diabetes", strategy="constant", constant=-2.5),
]
