"""Data that cannot be trained on, or cannot be predicted: each is refused with words that say what
is wrong, where, and what to do."""

import numpy

from harness import *  # the way to the package too

import trivet


class BadData(ServerTest):
    def setUp(self):
        super().setUp()
        self.python = trivet.connect(self.url)
        self.addCleanup(self.python.close)
        random = numpy.random.default_rng(3)
        self.rows = {"a": random.normal(size=60), "b": random.normal(size=60),
                     "town": random.choice(["x", "y"], 60)}
        self.rows["price"] = self.rows["a"] + random.normal(size=60)
        self.rows["kind"] = numpy.where(self.rows["price"] > 0, "high", "low")

    def refused(self, words, rows, **options):
        with self.assertRaises(trivet.InvalidArgument) as caught:
            self.python.train("bad", rows, **options)
        message = str(caught.exception)
        for word in words:
            self.assertIn(word, message)
        print(message)

    def test_single_class_target(self):
        self.refused(["'kind'", "single class 'low'", "two"],
                     dict(self.rows, kind=["low"] * 60), target="kind",
                     estimator="dummy_classifier")

    def test_constant_target(self):
        self.refused(["'price'", "is 7 in all", "nothing to learn"],
                     dict(self.rows, price=[7.0] * 60), target="price")

    def test_all_missing_column(self):
        self.refused(["'a'"], dict(self.rows, a=[None] * 59 + [float("nan")]), target="price",
                     columns=["a", "b"])

    def test_more_columns_than_rows(self):
        random = numpy.random.default_rng(4)
        x, y = random.normal(size=(10, 40)), random.normal(size=10)
        job = self.python.train("wide", x, y, test_size=0)
        self.assertTrue(any("rank" in warning for warning in job.report.fit.warnings),
                        list(job.report.fit.warnings))
        print(*job.report.fit.warnings, sep="\n")

    def test_infinite_values(self):
        self.refused(["'a'", "infinity", "row 8"],
                     dict(self.rows, a=[1.0] * 7 + [float("inf")] + [2.0] * 52), target="price",
                     test_size=0)

    def test_infinite_target(self):
        self.refused(["'price'", "infinity"], dict(self.rows, price=[float("inf")] + [2.0] * 59),
                     target="price", test_size=0)

    def test_unseen_category(self):
        job = self.python.train("seen", self.rows, target="price", columns=["a", "town"])
        answer = self.python.predict("seen:%d" % job.version, {
            "a": [0.0, 1.0], "town": ["x", "nowhere"]})
        self.assertEqual(list(answer.row_errors), [1])
        message = str(answer.row_errors[1])
        self.assertIn("town", message)
        self.assertTrue(numpy.isfinite(answer.values[0]) and numpy.isnan(answer.values[1]))
        print(message)

    def test_wrong_label_type(self):
        self.refused(["'kind' holds text", "numeric"], self.rows, target="kind",
                     estimator="linear_regression")

    def test_target_with_too_many_values_for_classes(self):
        many = {"a": numpy.arange(2000.0), "price": numpy.arange(2000.0) / 7}
        self.refused(["'price'", "1000 different values", "regression"], many, target="price",
                     estimator="dummy_classifier")

    def test_k_larger_than_the_rows(self):
        self.refused(["100", "60"], {"a": self.rows["a"], "b": self.rows["b"]}, target=None,
                     estimator="kmeans", parameters={"n_clusters": 100}, test_size=0)

    def test_more_folds_than_rows(self):
        self.refused(["folds"], self.rows, target="price", folds=80)

    def test_fewer_groups_than_folds_of_a_search(self):
        self.refused(["5 folds cannot be made of 2 groups"], self.rows, target="price",
                     group="town", columns=["a", "b"], test_size=0,
                     search={"ranges": {"alpha": [0.1, 1]}, "folds": 5})

    def test_a_class_with_fewer_rows_than_folds_is_named(self):
        kinds = ["low"] * 30 + ["high"] * 27 + ["rare"] * 3
        job = self.python.train("rare", dict(self.rows, kind=kinds), target="kind", test_size=0,
                                columns=["a", "b"], estimator="logistic_regression", folds=5)
        self.assertTrue(any("class 'rare' has 3 rows for 5 folds" in text and "fewer folds" in text
                            for text in job.report.fit.warnings), list(job.report.fit.warnings))
        job = self.python.train("rare", dict(self.rows, kind=kinds), target="kind", test_size=0,
                                columns=["a", "b"], estimator="logistic_regression", folds=3)
        self.assertFalse(any("rare" in text for text in job.report.fit.warnings))
        self.refused(["class 'rare' has 1 row among the 60", "give more rows of it"],
                     dict(self.rows, kind=["low"] * 59 + ["rare"]), target="kind", test_size=0,
                     columns=["a", "b"], estimator="logistic_regression", folds=5)

    def test_targets_of_zero_are_told_beside_mape(self):
        rows = dict(self.rows, price=[0.0] * 6 + list(range(1, 55)))
        job = self.python.train("zeros", rows, target="price", columns=["a", "b"], test_size=0.2)
        told = [text for text in job.report.fit.warnings if "mape" in text]
        self.assertEqual(sum(int(text.split(" in ")[1].split()[0]) for text in told), 6, told)
        job = self.python.train("zeros", self.rows, target="price", columns=["a", "b"])
        self.assertFalse(any("mape" in text for text in job.report.fit.warnings))

    def test_parameters_that_do_nothing_are_told(self):
        for estimator, parameters, words in (
                ("linear_regression", {"l1_ratio": 0.3},
                 "l1_ratio does nothing with penalty=none; it needs penalty=elastic_net"),
                ("mlp_regressor", {"momentum": 0.5, "epochs": 5},
                 "momentum does nothing with solver=adam; it needs solver=sgd"),
                ("svr", {"degree": 2}, "degree does nothing with kernel=rbf; it needs kernel=poly"),
                ("linear_svr", {"fit_intercept": False, "intercept_scaling": 2.0},
                 "intercept_scaling does nothing with fit_intercept=false")):
            job = self.python.train("idle", self.rows, target="price", columns=["a", "b"],
                                    estimator=estimator, parameters=parameters)
            told = [text for text in job.report.fit.warnings if "does nothing" in text]
            self.assertEqual(len(told), 1, told)
            self.assertIn(words, told[0])
        job = self.python.train("idle", self.rows, target="price", columns=["a", "b"],
                                estimator="svr", parameters={"kernel": "poly", "degree": 2})
        self.assertFalse([text for text in job.report.fit.warnings if "nothing" in text])

    def test_clusters_take_no_target(self):
        self.refused(["kmeans", "takes no target"], self.rows, target="price", estimator="kmeans")

    def test_group_that_is_not_there(self):
        self.refused(["'nobody'"], self.rows, target="price", group="nobody")

    def test_stratified_needs_classes(self):
        self.refused(["stratified", "classes"], self.rows, target="price", split="stratified")

    def test_lags_need_rows_in_order(self):
        self.refused(["in order", "time"], {"a": self.rows["a"], "price": self.rows["price"]},
                     target="price", transformers=[("lag", {"lags": "1"})])

    def test_wrong_parameter_names_the_allowed_ones(self):
        self.refused(["'alhpa'", "alpha"], self.rows, target="price", parameters={"alhpa": 1})

    def test_wrong_estimator_names_the_allowed_ones(self):
        self.refused(["'magic'", "linear_regression"], self.rows, target="price",
                     estimator="magic")


if __name__ == "__main__":
    main()
