"""Faults that the suite has to see, and likenesses that it has to let pass, before it is believed:
parameters a millionth off on a real fit, and for every comparator answers made by hand."""

import types

import numpy as np
from sklearn.linear_model import Ridge

import comparators
import trivet
from case import Case
from comparators import coefficients, predictions

RIDGE = dict(estimator="linear_regression", data="diabetes",
             parameters={"penalty": "l2", "alpha": 1.0})
# (name, case, failures expected)
FITS = [
    ("equal fits", Case(reference=Ridge, compare=[coefficients(1e-8), predictions(1e-8)], **RIDGE),
     0),
    ("alpha a millionth off", Case(reference=lambda: Ridge(alpha=1.000001), compare=[
        coefficients(1e-8), predictions(1e-8)], **RIDGE), 2),
    ("no intercept", Case(reference=lambda: Ridge(fit_intercept=False), compare=[
        predictions(1e-8)], **RIDGE), 1),
    ("a parameter that does not exist", Case(
        "linear_regression", "diabetes", Ridge, [predictions(1e-8)], {"alhpa": 1.0}), 1),
    ("nothing compared", Case(reference=Ridge, compare=[], **RIDGE), 1),
]

Y = np.array(["a", "b", "b", "c"])
DATA = types.SimpleNamespace(x=np.zeros((4, 1)), y=Y)
NUMBERS = types.SimpleNamespace(x=np.zeros((4, 1)), y=np.array([1.0, 2.0, 3.0, 5.0]))
PROBABILITIES = np.array([[.7, .2, .1], [.1, .8, .1], [.2, .5, .3], [.1, .1, .8]])


def reference(**more):
    """A fitted classifier of the classes a, b, c that knows the truth."""
    return types.SimpleNamespace(
        classes_=np.array(["a", "b", "c"]), predict=lambda x: Y, inertia_=10.0,
        predict_proba=lambda x: PROBABILITIES, decision_function=lambda x: PROBABILITIES - 0.5,
        **more)


def ours(labels=Y, order="abc", shift=0.0, single_type=np.float32, single_shift=0.0, distance=None):
    """What a server would answer: columns in `order`, values off by `shift`."""
    columns = ["abc".index(name) for name in order]

    def prediction(offset, dtype):
        outputs = {"label": np.asarray(labels),
                   "probabilities": (PROBABILITIES[:, columns] + offset).astype(dtype),
                   "scores": (PROBABILITIES[:, columns] - 0.5 + offset).astype(dtype)}
        if distance is not None:
            outputs["distances"] = np.full((4, 2), distance)
        names = {"probabilities": list(order), "scores": list(order)}
        return trivet.Prediction("m", 1, outputs, names, {}, [("p", 4)], None)

    return types.SimpleNamespace(prediction=prediction(shift, float),
                                 single=lambda: prediction(single_shift, single_type))


PAIRS = PROBABILITIES - 0.3


def pairs(names=("a/b", "a/c", "b/c"), columns=(0, 1, 2), signs=(1, 1, 1)):
    """Decision values of pairs, as a server would answer them."""
    return types.SimpleNamespace(prediction=trivet.Prediction(
        "m", 1, {"label": Y, "scores": PAIRS[:, columns] * signs}, {"scores": list(names)}, {},
        [("p", 4)], None))


def _numbers(values):
    return types.SimpleNamespace(prediction=trivet.Prediction(
        "m", 1, {"prediction": np.asarray(values)}, {}, {}, [("p", len(values))], None))


def by_hand():
    """[(name, Result, whether it has to be ok)]."""
    c, expected = comparators, reference()
    numbers = types.SimpleNamespace(predict=lambda x: NUMBERS.y)
    near = Y.copy()
    near[0] = "c"
    rows = [
        ("labels", c.labels(), ours(), True), ("one label", c.labels(), ours(near), False),
        ("an unknown label", c.labels(), ours(["z", "b", "b", "c"]), False),
        ("labels missing", c.labels(), ours(Y[:3]), False),
        ("probabilities", c.probabilities(1e-7), ours(), True),
        ("columns in another order", c.probabilities(1e-7), ours(order="cab"), True),
        ("probabilities off", c.probabilities(1e-7), ours(shift=2e-7), False),
        ("probabilities NaN", c.probabilities(1e-7), ours(shift=np.nan), False),
        ("in single", c.probabilities_in_single(), ours(), True),
        ("in single off", c.probabilities_in_single(), ours(single_shift=3e-6), False),
        ("single in double", c.probabilities_in_single(), ours(single_type=float), False),
        ("decision values", c.decision_values(1e-3), ours(shift=5e-4), True),
        ("decision values off", c.decision_values(1e-3), ours(shift=2e-3), False),
        ("decision, one label", c.decision_values(1e-3), ours(near), False),
        ("inertia", c.inertia(), ours(distance=np.sqrt(10.0 / 4)), True),
        ("inertia better", c.inertia(), ours(distance=1.0), True),
        ("inertia worse", c.inertia(), ours(distance=np.sqrt(10.03 / 4)), False),
    ]
    found = [(name, compare(answer, expected, DATA), ok) for name, compare, answer, ok in rows]
    centred = types.SimpleNamespace(transform=lambda x: PROBABILITIES, inertia_=1.0,
                                    predict=lambda x: np.argmin(PROBABILITIES, axis=1))
    near_centres = np.argmin(PROBABILITIES, axis=1)
    for name, shift, cluster, ok in [("distances", 0.0, near_centres, True),
                                     ("distances off", 1e-7, near_centres, False),
                                     ("another cluster", 0.0, near_centres[::-1], False)]:
        answer = types.SimpleNamespace(prediction=trivet.Prediction(
            "m", 1, {"cluster": cluster, "distances": PROBABILITIES + shift}, {}, {}, [("p", 4)],
            None))
        found.append((name, c.distances(1e-8)(answer, centred, DATA), ok))
    for name, values, ok in [("numbers", NUMBERS.y, True), ("a number", NUMBERS.y + [0, 1e-7, 0, 0],
                             False), ("NaN", NUMBERS.y * np.nan, False)]:
        found.append((name, c.predictions(1e-8)(_numbers(values), numbers, NUMBERS), ok))
    sparse = types.SimpleNamespace(coef_=np.array([0.5, 0.0, 1e-12]))
    for name, values, ok in [("support", [0.4, 0.0, 0.0], True),
                             ("one more", [0.4, 1e-6, 0.0], False), ("one less", [0.0] * 3, False),
                             ("a coefficient missing", [0.4, 0.0], False)]:
        report = types.SimpleNamespace(coefficients=[types.SimpleNamespace(value=value)
                                                     for value in values])
        answer = types.SimpleNamespace(job=types.SimpleNamespace(report=report))
        found.append((name, c.support(1e-8)(answer, sparse, DATA), ok))
    by_pair = types.SimpleNamespace(classes_=expected.classes_, predict=expected.predict,
                                    decision_function=lambda x: PAIRS)
    for name, answer, ok in [
            ("pairs", pairs(), True),
            ("pairs turned", pairs(["b/c", "b/a", "a/c"], [2, 0, 1], [1, -1, 1]), True),
            ("a pair's sign", pairs(signs=(1, 1, -1)), False),
            ("pairs in another order", pairs(["a/b", "b/c", "a/c"]), False),
            ("a pair twice", pairs(["a/b", "a/c", "a/c"]), False)]:
        found.append((name, c.decision_values(1e-3)(answer, by_pair, DATA), ok))
    spread = np.linspace(0.88, 0.92, 10)
    for name, values, within, at_least in [
            ("metric", spread - 0.002, True, True), ("metric better", spread + 0.1, False, True),
            ("metric worse", spread - 0.05, False, False),
            ("metric NaN", spread * np.nan, False, False),
            ("a seed missing", spread[1:], False, False)]:
        found.append((name, c.metric("accuracy")(values, spread), within))
        found.append((name + ", at least", c.metric_at_least("accuracy")(values, spread), at_least))
    return found


COUNT = len(FITS) + len(by_hand())


def unseen(run_case):
    """Names of the faults that were let pass, and of the likenesses that were not."""
    names = [name for name, case, n_expected in FITS if run_case(case) != n_expected]
    return names + [name for name, result, ok in by_hand() if result.ok != ok]
