"""Logistic regression, against references that have converged tightly."""

from sklearn.linear_model import LogisticRegression

from case import Case
from comparators import labels, probabilities, probabilities_in_single
from pipelines import steps

EXACT = [probabilities(1e-7), labels()]
# Coordinate descent and SAGA are this far from the end after many sweeps.
NEAR = [probabilities(1e-6), labels()]
THEIRS = {"none": None, "elastic_net": "elasticnet"}


def logistic(data, compare=EXACT, transformers=None, reference=None, **parameters):
    found, behind = steps(data)
    theirs = {"solver": "newton-cg", "tol": 1e-10, "max_iter": 1000, **(reference or {})}
    theirs.update({name: THEIRS.get(value, value) for name, value in parameters.items()
                   if name not in ("tol", "solver", "max_iter")})
    return Case("logistic_regression", data, lambda: behind(LogisticRegression(**theirs)),
                list(compare), parameters, found)


def sparse(data, solver="saga", tol=1e-9, **parameters):
    return logistic(data, NEAR, reference={"solver": solver, "tol": tol, "max_iter": 100000,
                                           "random_state": 0}, **parameters, tol=1e-10)


CASES = [
    *map(logistic, ["breast_cancer", "wine", "iris", "digits", "mixed_classes", "some_classes",
                    "large_classes"]),
    logistic("wine", [*EXACT, probabilities_in_single()], C=0.01),
    logistic("breast_cancer", C=100.0, tol=1e-12), logistic("iris", fit_intercept=False),
    logistic("mixed_classes", class_weight="balanced"),
    logistic("breast_cancer", solver="lbfgs", tol=1e-11),
    logistic("some_classes", penalty="none"),
    # liblinear's intercept is penalised.
    sparse("breast_cancer", "liblinear", 1e-10, penalty="l1", C=0.1, fit_intercept=False),
    sparse("iris", penalty="l1", C=0.5),
    sparse("wine", penalty="elastic_net", l1_ratio=0.3),
    sparse("some_classes", penalty="l1", C=0.02),
]
