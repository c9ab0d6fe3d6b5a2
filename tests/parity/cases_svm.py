"""Support vector machines: libsvm on both sides, so decision values and not only labels."""

from sklearn.svm import SVC, SVR

from case import Case
from comparators import (decision_values, labels, metric, predictions, probabilities_in_single)
from pipelines import steps

TOL = {"tol": 1e-6}
CLASSES = [decision_values(1e-3), labels()]
NUMBERS = [predictions(1e-3)]


def svc(data, compare=tuple(CLASSES), seeds=5, **parameters):
    transformers, behind = steps(data)

    def reference(seed=0):
        return behind(SVC(decision_function_shape="ovo", random_state=seed, **TOL, **parameters))

    return Case("svc", data, reference, list(compare), {**TOL, **parameters}, transformers,
                seeds=seeds)


def svr(data, **parameters):
    transformers, behind = steps(data)
    return Case("svr", data, lambda: behind(SVR(**TOL, **parameters)), NUMBERS,
                {**TOL, **parameters}, transformers)


def raw(estimator, data, reference, compare):
    """With all defaults, on the data as it is."""
    return Case(estimator, data, reference, compare)


CASES = [
    *map(svc, ["breast_cancer", "wine", "iris", "digits", "mixed_classes", "some_classes"]),
    svc("iris", kernel="linear"), svc("breast_cancer", kernel="linear", C=0.1),
    svc("wine", kernel="poly", degree=2, coef0=1.0), svc("breast_cancer", kernel="poly"),
    svc("wine", kernel="sigmoid", gamma=0.05, coef0=0.5),
    svc("digits", gamma=0.01, C=10.0), svc("iris", gamma="auto"),
    svc("mixed_classes", class_weight="balanced"),
    svc("iris", shrinking=False),
    *(raw("svc", data, lambda: SVC(decision_function_shape="ovo"), CLASSES)
      for data in ("breast_cancer", "wine", "digits")),
    # Calibrated on folds that are drawn.
    svc("breast_cancer", [metric("log_loss", floor=0.01), metric("accuracy", floor=0.01)],
        probability=True),
    svc("wine", [metric("log_loss", floor=0.02), metric("accuracy", floor=0.02)], probability=True),
    svc("digits", [probabilities_in_single()], probability=True),
    *map(svr, ["diabetes", "mixed", "gaps", "collinear", "wide", "offset"]),
    svr("diabetes", kernel="linear", C=10.0), svr("diabetes", kernel="poly", degree=2, coef0=1.0),
    svr("gaps", C=100.0, epsilon=0.5, gamma=0.1),
    raw("svr", "diabetes", SVR, NUMBERS),
]
