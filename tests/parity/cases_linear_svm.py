"""Linear support vector machines, against fits that have converged."""

from sklearn.svm import LinearSVC, LinearSVR

from case import Case
from comparators import decision_values, labels, predictions
from pipelines import steps

TIGHT = {"tol": 1e-9, "max_iter": 10000000}
CLASSES = [decision_values(1e-3), labels()]
NUMBERS = [predictions(1e-3)]


def svc(data, ours=None, **parameters):
    """`ours`: what only our table has. The dual of the reference where it has no other."""
    transformers, behind = steps(data)
    dual = parameters.get("loss") == "hinge"
    return Case("linear_svc", data, lambda: behind(LinearSVC(dual=dual, **TIGHT, **parameters)),
                CLASSES, {**parameters, **(ours or {})}, transformers)


def svr(data, ours=None, **parameters):
    transformers, behind = steps(data)
    dual = parameters.get("loss") is None
    return Case("linear_svr", data, lambda: behind(LinearSVR(dual=dual, **TIGHT, **parameters)),
                NUMBERS, {**parameters, **(ours or {})}, transformers)


SQUARED = {"loss": "squared_epsilon_insensitive"}

CASES = [
    *map(svc, ["breast_cancer", "wine", "iris", "digits", "mixed_classes", "some_classes",
                "large_classes"]),
    svc("breast_cancer", C=0.01), svc("wine", C=10.0, intercept_scaling=5.0),
    svc("mixed_classes", class_weight="balanced"), svc("iris", fit_intercept=False),
    svc("wine", {"solver": "trust_region", "tol": 1e-8}),
    svc("wine", {"solver": "coordinate_descent", "tol": 1e-6}),
    svc("iris", loss="hinge", C=0.1), svc("wine", {"tol": 1e-6}, loss="hinge", C=0.1),
    svc("breast_cancer", {"tol": 1e-6}, penalty="l1", C=0.1),
    svc("wine", {"tol": 1e-6}, penalty="l1"),
    *(svr(data, **SQUARED) for data in ("diabetes", "mixed", "gaps", "collinear", "wide", "offset",
                                              "large")),
    svr("diabetes", epsilon=30.0, C=0.1, **SQUARED),
    svr("diabetes", {"tol": 1e-6}, epsilon=10.0), svr("gaps", {"tol": 1e-6}, epsilon=0.5, C=0.1),
]
