"""How ours is compared with the reference. A comparator is made with its tolerance and called with
(ours, reference, data); it answers a Result. Whatever is not a number, or not of the reference's
shape, is a difference without end.

Ours is an Ours of parity.py (job, prediction, single()), reference a fitted estimator or pipeline of
scikit-learn, or XGBoost's with that face.
"""

import dataclasses
import itertools
import math

import numpy as np
from sklearn.metrics import r2_score


@dataclasses.dataclass
class Result:
    reference: float  # score of the reference
    ours: float
    difference: float
    tolerance: float

    @property
    def ok(self):
        return bool(self.difference <= self.tolerance)  # False for NaN


def largest(ours, reference, relative=False):
    """The largest difference; `relative`: to the largest value of the reference."""
    ours, reference = np.asarray(ours, float), np.asarray(reference, float)
    if ours.shape != reference.shape or not np.all(np.isfinite(ours)):
        return math.inf
    difference = np.max(np.abs(ours - reference), initial=0.0)
    scale = np.max(np.abs(reference), initial=0.0)
    return float(difference / scale if relative and scale > 0 else difference)


def last_step(reference):
    return reference.steps[-1][1] if hasattr(reference, "steps") else reference


def classes_of(reference):
    return last_step(reference).classes_


def label_places(labels, classes):
    """Index into `classes` (of the reference) for each of the server's labels; -1 for none."""
    classes = np.asarray(classes)
    keys = classes.astype(float) if classes.dtype.kind in "biuf" else classes.astype(str)
    place = {key: i for i, key in enumerate(keys.tolist())}
    known, inverse = np.unique(np.asarray(labels), return_inverse=True)
    kind = float if keys.dtype.kind == "f" else str
    return np.array([place.get(kind(label), -1) for label in known], int)[inverse]


def _by_class(prediction, name, classes):
    """An output with its columns in the reference's order of classes, or of the pairs of classes
    (0, 1), (0, 2) … (1, 2) …; NaN where they are not those."""
    values, names = prediction.outputs[name], prediction.columns.get(name, [])
    if values.ndim == 1:
        return values
    places = [tuple(label_places(column.split("/"), classes)) for column in names]
    of_pairs = all(len(place) == 2 for place in places)
    wanted = list(itertools.combinations(range(len(classes)), 2 if of_pairs else 1))
    turned = [place if place in wanted else place[::-1] for place in places]
    if sorted(turned) != wanted or values.shape[1] != len(wanted):
        return np.full(values.shape, np.nan)
    out = np.empty_like(values)
    for column, (place, turn) in enumerate(zip(places, turned)):
        out[:, wanted.index(turn)] = values[:, column] * (1 if place == turn else -1)
    return out


def _share_equal(places, truth):
    return float(np.mean(places == truth)) if places.shape == truth.shape else math.nan


def _wrong(ours, reference, data):
    """Share of rows whose label is another than the reference's."""
    expected = label_places(reference.predict(data.x), classes_of(reference))
    found = label_places(ours.prediction.labels, classes_of(reference))
    return float(np.mean(found != expected)) if found.shape == expected.shape else math.inf


def _accuracies(ours, reference, data):
    found = label_places(ours.prediction.labels, classes_of(reference))
    truth = label_places(data.y, classes_of(reference))
    expected = label_places(reference.predict(data.x), classes_of(reference))
    return _share_equal(expected, truth), _share_equal(found, truth)


def coefficients(tolerance):
    """Weights and intercepts, each relative to the largest of the reference's."""
    def coefficients_compared(ours, reference, data):
        step, report = last_step(reference), ours.job.report
        expected = np.atleast_2d(step.coef_)
        found = np.array([c.value for c in report.coefficients])
        found = found.reshape(expected.shape) if found.size == expected.size else found
        intercepts = [i.value for i in report.intercepts] or [report.intercept]
        wanted = np.broadcast_to(step.intercept_, (len(expected),))
        difference = max(largest(found, expected, relative=True),
                         largest(intercepts, wanted, relative=True))
        return Result(float(np.linalg.norm(expected)), float(np.linalg.norm(found)), difference,
                      tolerance)
    return coefficients_compared


def support(threshold):
    """Number of coefficients that are zero on one side only. Scores are how many are not."""
    def support_compared(ours, reference, data):
        expected = np.abs(np.ravel(last_step(reference).coef_)) > threshold
        found = np.abs([c.value for c in ours.job.report.coefficients]) > threshold
        differing = np.sum(found != expected) if found.shape == expected.shape else math.inf
        return Result(float(expected.sum()), float(found.sum()), float(differing), 0.0)
    return support_compared


def predictions(tolerance):
    """Predicted numbers, relative to the largest of the reference's. Scores are R²."""
    def predictions_compared(ours, reference, data):
        expected, found = reference.predict(data.x), ours.prediction.values
        return Result(r2_score(data.y, expected), r2_score(data.y, np.nan_to_num(found)),
                      largest(found, expected, relative=True), tolerance)
    return predictions_compared


def labels(tolerance=0.0):
    """Share of rows with another label. Scores are accuracies."""
    def labels_compared(ours, reference, data):
        return Result(*_accuracies(ours, reference, data), _wrong(ours, reference, data), tolerance)
    return labels_compared


def probabilities(tolerance):
    """Absolute difference of class probabilities."""
    def probabilities_compared(ours, reference, data):
        found = _by_class(ours.prediction, "probabilities", classes_of(reference))
        return Result(*_accuracies(ours, reference, data),
                      largest(found, reference.predict_proba(data.x)), tolerance)
    return probabilities_compared


def probabilities_in_single(tolerance=1e-6):
    """Probabilities served in float32 against our own in double."""
    def probabilities_in_single_compared(ours, reference, data):
        classes = classes_of(reference)
        single = _by_class(ours.single(), "probabilities", classes)
        if single.dtype != np.float32:
            return Result(math.nan, math.nan, math.inf, tolerance)
        return Result(*_accuracies(ours, reference, data),
                      largest(single, _by_class(ours.prediction, "probabilities", classes)),
                      tolerance)
    return probabilities_in_single_compared


def decision_values(tolerance):
    """Absolute difference of decision values; labels have to be the same."""
    def decision_values_compared(ours, reference, data):
        expected = reference.decision_function(data.x)
        found = _by_class(ours.prediction, "scores", classes_of(reference))
        difference = largest(found, expected)
        if _wrong(ours, reference, data) > 0:
            difference = math.inf
        return Result(*_accuracies(ours, reference, data), difference, tolerance)
    return decision_values_compared


def distances(tolerance):
    """Distances to the centres, relative to the largest of the reference's, where both began at the
    same centres; rows in the same clusters. Scores are inertias."""
    def distances_compared(ours, reference, data):
        found, expected = ours.prediction.outputs["distances"], reference.transform(data.x)
        difference = largest(found, expected, relative=True)
        if not np.array_equal(ours.prediction.values, reference.predict(data.x)):
            difference = math.inf
        return Result(last_step(reference).inertia_, float(np.sum(np.min(found, axis=1) ** 2)),
                      difference, tolerance)
    return distances_compared


def inertia(factor=1.001):
    """Sum of squared distances to the nearest centre, as a multiple of the reference's; of several
    references the best counts. Smaller is better and no fault."""
    def inertia_compared(ours, reference, data):
        found = float(np.sum(np.min(ours.prediction.outputs["distances"], axis=1) ** 2))
        best = last_step(reference).inertia_
        return Result(best, found, found / best - 1.0, factor - 1.0)
    return inertia_compared


def _spread(ours, references, floor, measure):
    ours, references = np.asarray(ours, float), np.asarray(references, float)
    n = len(references)
    if len(ours) != n or n < 2:
        return Result(math.nan, math.nan, math.inf, floor)
    error = math.sqrt((np.var(ours, ddof=1) + np.var(references, ddof=1)) / n)
    return Result(float(references.mean()), float(ours.mean()),
                  measure(float(references.mean() - ours.mean())), max(2.0 * error, floor))


def metric(score, floor=0.0):
    """The same algorithm with other random numbers. By R² ("r2"), "accuracy" or "log_loss" on rows
    held out, over the seeds of the case: the means may differ, to either side, by 2 standard errors
    (and at least `floor`). A score that is far better is a comparison of unlike things."""
    def metric_compared(ours, references):
        return _spread(ours, references, floor, abs)
    metric_compared.score = score
    return metric_compared


def metric_at_least(score, floor=0.0):
    """Like metric, for another algorithm of the same purpose: ours may be better."""
    def metric_at_least_compared(ours, references):
        return _spread(ours, references, floor, lambda behind: behind if math.isnan(behind)
                       else max(0.0, behind))
    metric_at_least_compared.score = score
    return metric_at_least_compared


def score_of(name, truth, found, classes=None):
    """A score, greater is better, of `found`: a Prediction of ours, or what the reference predicts,
    which is probabilities for log_loss."""
    ours = hasattr(found, "outputs")
    if name == "r2":
        return r2_score(truth, np.asarray(found.values if ours else found, float))
    if name == "log_loss":
        values = _by_class(found, "probabilities", classes) if ours else found
        chosen = values[np.arange(len(values)), label_places(truth, classes)]
        return float(np.mean(np.log(np.maximum(chosen, 1e-15))))
    return _share_equal(label_places(found.values if ours else found, classes),
                        label_places(truth, classes))
