"""Choosing as one training job: grid and random search, auto, learning curves, importances, folds
by group and in time, duplicates."""

import numpy
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold

from harness import *  # the way to the package too

import trivet
from trivet.v1 import report_pb2


class Choosing(ServerTest):
    def setUp(self):
        super().setUp()
        self.python = trivet.connect(self.url)
        self.addCleanup(self.python.close)
        random = numpy.random.default_rng(11)
        self.x = random.normal(size=(240, 6))
        self.y = self.x @ [3.0, -2.0, 1.0, 0, 0, 0] + random.normal(size=240)
        self.random = random

    def test_grid_finds_what_scikit_learn_finds(self):
        groups = numpy.arange(240) % 12
        columns = {"x%d" % j: self.x[:, j] for j in range(6)}
        alphas = [0.01, 1, 20, 300, 10000]
        job = self.python.train(
            "grid", dict(columns, y=self.y, who=groups.astype(float)), target="y",
            parameters={"penalty": "l2"}, transformers=[], test_size=0, group="who",
            search={"method": "grid", "ranges": {"alpha": alphas}, "folds": 4, "metric": "r2",
                    "keep_hopeless": True})
        found = job.report.search
        self.assertEqual([trial.state for trial in found.trials],
                         [report_pb2.TRIAL_STATE_FINISHED] * 5)
        reference = GridSearchCV(Ridge(), {"alpha": alphas}, cv=GroupKFold(4), scoring="r2").fit(
            self.x, self.y, groups=groups)
        best = found.trials[0]
        self.assertEqual(float(best.parameters[0].value), reference.best_params_["alpha"])
        # Groups are of one size, so that their places in the folds may differ: means, not folds.
        self.assertAlmostEqual(best.mean, reference.best_score_, delta=0.02)
        self.assertIn("best mean r2", found.reason)
        self.assertEqual({p.name: p.value for p in job.report.parameters}["alpha"],
                         best.parameters[0].value)
        self.assertEqual(len(job.report.coefficients), 6)  # the groups are no feature
        print(found.reason)

    def test_hopeless_trials_are_stopped(self):
        job = self.python.train(
            "hopeless", self.x, self.y, parameters={"penalty": "l2"}, transformers=[],
            search={"method": "grid", "ranges": {"alpha": [1, 1e6, 1e7, 1e8]}, "folds": 5})
        states = [trial.state for trial in job.report.search.trials]
        self.assertEqual(states[0], report_pb2.TRIAL_STATE_FINISHED)
        stopped = [t for t in job.report.search.trials
                   if t.state == report_pb2.TRIAL_STATE_STOPPED]
        self.assertEqual(len(stopped), 3)
        self.assertTrue(all(2 <= len(trial.scores) < 5 for trial in stopped))

    def test_random_is_the_same_for_a_seed(self):
        def search(seed):
            job = self.python.train(
                "random", self.x, self.y, parameters={"penalty": "l2"}, seed=seed,
                search={"method": "random", "tries": 6, "folds": 3,
                        "ranges": {"alpha": {"low": 1e-3, "high": 1e3, "log_scale": True}}})
            return sorted(float(trial.parameters[0].value) for trial in job.report.search.trials)
        first = search(1)
        self.assertEqual(first, search(1))
        self.assertNotEqual(first, search(2))
        self.assertTrue(all(1e-3 <= alpha <= 1e3 for alpha in first))

    def test_parameters_of_a_transformer(self):
        job = self.python.train(
            "steps", self.x, self.y, transformers=["standard_scaler", ("pca", {})],
            search={"method": "grid", "ranges": {"pca.n_components": [1, 6]}, "folds": 3})
        self.assertEqual(job.report.search.trials[0].parameters[0].value, "6")

    def test_auto_says_why(self):
        kind = numpy.where(self.y > 0, "up", "down")
        job = self.python.train("auto", self.x, kind, estimator="",
                                search={"method": "auto", "folds": 3, "budget_seconds": 30})
        found = job.report.search
        self.assertGreater(found.trials[0].mean, 0.8)
        self.assertNotEqual(found.trials[0].estimator, "dummy_classifier")
        self.assertIn(found.trials[0].estimator, found.reason)
        print(found.reason)

    def test_wrong_searches_are_refused_at_once(self):
        for words, search in (
                ("'alhpa'", {"ranges": {"alhpa": [1]}}),
                ("'-1'", {"ranges": {"alpha": [-1]}}),
                ("no such transformer", {"ranges": {"pca.n_components": [1]}}),
                ("varies no parameter", {}),
                ("1000 combinations", {"ranges": {"alpha": list(range(1001))}})):
            with self.assertRaises(trivet.InvalidArgument) as caught:
                self.python.train("wrong", self.x, self.y, search=dict(search, method="grid"))
            self.assertIn(words, str(caught.exception))

    def test_unknown_metric_names_the_others(self):
        with self.assertRaises(trivet.InvalidArgument) as caught:
            self.python.train("metric", self.x, self.y,
                              search={"method": "grid", "ranges": {"alpha": [1]}, "metric": "f1"})
        self.assertIn("rmse", str(caught.exception))

    def test_learning_curve_rises(self):
        job = self.python.train("curve", self.x, self.y, learning_curve=True)
        points = job.report.learning_curve.points
        self.assertEqual(len(points), 5)
        rows = [point.rows_train for point in points]
        self.assertEqual(rows, sorted(rows))
        self.assertGreater(points[-1].validation_mean, points[0].validation_mean)
        self.assertGreaterEqual(points[0].train_mean, points[0].validation_mean)

    def test_importances_name_the_columns_that_count(self):
        job = self.python.train("importance", self.x, self.y, permutation_importance=True)
        importances = {i.column: i.mean for i in job.report.test.importances}
        order = [i.column for i in job.report.test.importances]
        self.assertEqual(order[:3], ["x0", "x1", "x2"])
        self.assertLess(abs(importances["x5"]), 0.05)

    def test_duplicates_are_dropped_before_the_split(self):
        x, y = numpy.vstack([self.x] * 3), numpy.concatenate([self.y] * 3)
        job = self.python.train("twice", x, y, drop_duplicates=True)
        self.assertEqual([(d.reason, d.rows) for d in job.report.dropped], [("duplicate", 480)])
        self.assertEqual(job.report.rows_train + job.report.rows_test, 240)

    def test_time_split_tests_on_the_last_rows(self):
        y = numpy.where(numpy.arange(240) < 192, 0.0, 100.0) + self.y
        job = self.python.train("time", self.x, y, split="time")
        self.assertLess(metrics_of(job.report.test)["r2"], -1)  # it never saw the new level

    def test_slices_and_curves(self):
        kind = numpy.where(self.y > 0, "up", "down")
        self.python.train("told", self.x, kind, estimator="mlp_classifier",
                          parameters={"hidden_layers": "8"})
        told = self.python.evaluate("told:1", dict(
            {"x%d" % j: self.x[:, j] for j in range(6)}, target=kind,
            where=self.random.choice(["here", "there"], 240)), curves=True, slices=["where"])
        slices = told.message.slices if hasattr(told, "message") else told.report.slices
        self.assertEqual({part.value for part in slices}, {"here", "there"})
        self.assertEqual(sum(part.rows for part in slices), 240)


def metrics_of(report):
    return {metric.name: metric.value for metric in report.metrics}


if __name__ == "__main__":
    main()
