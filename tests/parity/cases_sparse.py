"""Lasso and elastic net: converged tightly on both sides the same coefficients are zero."""

from sklearn.linear_model import ElasticNet, Lasso

from case import Case
from comparators import coefficients, predictions, support
from pipelines import steps

SAME = [support(1e-8), coefficients(1e-8), predictions(1e-8)]
# What two equal columns get each is no matter of the objective.
LOOSE = [predictions(1e-6)]
TIGHT = {"tol": 1e-12, "max_iter": 100000}


def case(penalty, model, data, compare=SAME, **parameters):
    transformers, behind = steps(data)
    return Case("linear_regression", data, lambda: behind(model(**TIGHT, **parameters)),
                list(compare), {"penalty": penalty, **TIGHT, **parameters}, transformers)


def lasso(data, compare=SAME, **parameters):
    return case("l1", Lasso, data, compare, **parameters)


def elastic_net(data, compare=SAME, **parameters):
    return case("elastic_net", ElasticNet, data, compare, **parameters)


CASES = [
    *map(lasso, ["diabetes", "mixed", "gaps", "large"]), lasso("diabetes", alpha=0.01),
    lasso("collinear", LOOSE, alpha=0.1), lasso("wide", alpha=0.1), lasso("offset", alpha=0.2),
    lasso("gaps", alpha=0.1, fit_intercept=False),
    *map(elastic_net, ["diabetes", "mixed", "large", "wide"]),
    elastic_net("collinear", alpha=0.1), elastic_net("gaps", alpha=0.05, l1_ratio=0.9),
    # Where they stop by default.
    Case("linear_regression", "large", Lasso, [predictions(1e-4)], {"penalty": "l1"}),
]
