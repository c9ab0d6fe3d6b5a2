"""What the monitor says of a real server: the live quality of answers whose outcomes came back, against
scikit-learn and SciPy on the same rows, over a restart; and its resources, against /proc."""

import json
import os
import tempfile
import time

import numpy
from scipy.stats import binomtest
from sklearn import datasets as datasets_of_sklearn, metrics

from harness import *

ROWS, LABELLED, CORRECTED, DUPLICATE = 600, 450, 30, 20


class LiveQuality(ServerTest):
    served = set()  # by every test of the class: the server is one

    def setUp(self):
        super().setUp()
        temporary = tempfile.TemporaryDirectory(prefix="trivet-")
        self.addCleanup(temporary.cleanup)
        self.monitor_folder = temporary.name
        self.monitor = start_monitor(self.monitor_folder, self.trivetd)
        self.addCleanup(lambda: self.monitor.kill())
        self.source = numpy.random.default_rng(11)

    def get(self, path):
        status, text = http_get(self.monitor, path)
        self.assertEqual(status, 200, text)
        return json.loads(text)

    def serve(self, model, columns, target, **options):
        job = self.client.train_and_wait(model, self.client.upload(columns).id, target, **options)
        self.client.deploy(model, job.version)
        self.served.add(model)

    def answers(self, model, rows):
        """Of one call whose id is the model's name."""
        output = self.client.call("Prediction/Predict", prediction.PredictRequest(
            model=prediction.ModelRef(name=model), matrix=matrix_of(rows.tolist()),
            prediction_id=model), prediction.PredictResponse).outputs[0]
        return [output.text[i] for i in output.text_codes] or list(output.f64)

    def record(self, model, outcomes):
        """`outcomes`: (row, value) each."""
        field = "label" if isinstance(outcomes[0][1], str) else "number"
        return self.client.call("Feedback/Record", feedback.RecordRequest(
            model=model, outcomes=[feedback.Outcome(prediction="%s/%d" % (model, row),
                                                    **{field: value})
                                   for row, value in outcomes]), feedback.RecordResponse)

    def bring_back(self, model, truth, wrong):
        """Outcomes of the first LABELLED rows; some are wrong at first, some come twice."""
        values = [wrong[row] if row < CORRECTED else truth[row] for row in range(LABELLED)]
        self.record(model, list(enumerate(values)))
        self.record(model, [(row, truth[row]) for row in range(CORRECTED + DUPLICATE)])

    def quality(self, model):
        """When everything has arrived."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            status, text = http_get(self.monitor, "api/v1/models/%s/versions/1/quality" % model)
            told = json.loads(text)
            if (told.get("labelled"), told.get("corrected"), told.get("duplicate")) == (
                    LABELLED, CORRECTED, DUPLICATE):
                return told
            time.sleep(0.2)
        self.fail("the monitor says %s" % json.dumps(told, indent=1))

    def is_near(self, told, value, interval=None):
        self.assertAlmostEqual(told["value"], value, delta=1e-9 * max(1.0, abs(value)))
        if interval is not None:
            self.assertAlmostEqual(told["lower"], interval[0], 6)
            self.assertAlmostEqual(told["upper"], interval[1], 6)

    def restart(self):
        self.assertEqual(self.monitor.stop(), 0)
        self.monitor = start_monitor(self.monitor_folder, self.trivetd)

    def test_classes(self):
        kinds = numpy.array(["ant", "bee", "cat"])
        x = self.source.normal(size=(400, 2))
        columns = {"a": x[:, 0].tolist(), "b": x[:, 1].tolist(),
                   "kind": kinds[(x[:, 0] > 0).astype(int) + (x[:, 1] > 0.5)].tolist()}
        self.serve("classes", columns, "kind", estimator="logistic_regression")
        rows = self.source.normal(size=(ROWS, 2))
        predicted = self.answers("classes", rows)
        truth = [str(kind) for kind in self.source.choice(kinds, ROWS)]
        for row in range(0, ROWS, 2):
            truth[row] = predicted[row]
        wrong = ["bee" if kind != "bee" else "ant" for kind in truth]
        self.bring_back("classes", truth, wrong)
        truth, predicted = truth[:LABELLED], predicted[:LABELLED]
        right = sum(t == p for t, p in zip(truth, predicted))
        interval = binomtest(right, LABELLED).proportion_ci(method="wilson")
        for _ in range(2):
            told = self.quality("classes")
            self.assertEqual((told["task"], told["labels"], told["enough"]),
                             ("classification", LABELLED, True))
            self.assertAlmostEqual(told["coverage"], LABELLED / ROWS, 9)
            self.is_near(told["metrics"]["accuracy"], right / LABELLED, interval)
            self.is_near(told["metrics"]["f1_macro"],
                         metrics.f1_score(truth, predicted, average="macro"))
            confusion = told["confusion"]
            self.assertEqual(confusion["labels"], sorted(kinds.tolist()))
            self.assertEqual(confusion["counts"], metrics.confusion_matrix(
                truth, predicted, labels=confusion["labels"]).tolist())
            self.assertEqual((confusion["other_right"], confusion["other_wrong"]), (0, 0))
            self.restart()

    def test_numbers(self):
        x = self.source.normal(size=(400, 2))
        columns = {"a": x[:, 0].tolist(), "b": x[:, 1].tolist(),
                   "y": (x[:, 0] - 2 * x[:, 1] + self.source.normal(size=400)).tolist()}
        self.serve("numbers", columns, "y")
        rows = self.source.normal(size=(ROWS, 2))
        predicted = numpy.array(self.answers("numbers", rows))
        truth = rows[:, 0] - 2 * rows[:, 1] + self.source.normal(size=ROWS) + 0.5
        self.bring_back("numbers", truth.tolist(), (truth + 100).tolist())
        truth, predicted = truth[:LABELLED], predicted[:LABELLED]
        absolute = numpy.abs(predicted - truth)
        half = 1.959963985 * absolute.std() / LABELLED ** 0.5
        for _ in range(2):
            told = self.quality("numbers")
            self.assertEqual((told["task"], told["labels"], told["confusion"]),
                             ("regression", LABELLED, None))
            self.is_near(told["metrics"]["mae"], absolute.mean())
            self.assertAlmostEqual(told["metrics"]["mae"]["upper"], absolute.mean() + half, 3)
            self.assertAlmostEqual(told["metrics"]["mae"]["lower"], absolute.mean() - half, 3)
            self.is_near(told["metrics"]["mse"], metrics.mean_squared_error(truth, predicted))
            self.is_near(told["metrics"]["r2"], metrics.r2_score(truth, predicted))
            self.assertAlmostEqual(told["bias"], (predicted - truth).mean(), 9)
            self.restart()

    def test_resources(self):
        self.serve("one", {"x": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.1]}, "y")
        deadline = time.monotonic() + 60
        while True:  # until it has asked again since
            server = self.get("api/v1/server")["servers"][0]
            told = {name: [value for value in values if value is not None]
                    for name, values in server.items() if isinstance(values, list)}
            if len(told["rss_bytes"]) > 1 and told["models_loaded"][-1] == len(self.served):
                break
            self.assertLess(time.monotonic(), deadline, told)
            time.sleep(0.2)
        newest = {name: values[-1] for name, values in told.items()}
        self.assertTrue(server["server_up"])
        # The server counts before it answers, and looks into /proc through a file of its own.
        self.assertAlmostEqual(newest["rss_bytes"], self.trivetd.rss_bytes(), delta=8 << 20)
        self.assertAlmostEqual(newest["threads"],
                               len(os.listdir("/proc/%d/task" % self.trivetd.pid)), delta=4)
        self.assertAlmostEqual(newest["open_files"], self.trivetd.fds(), delta=8)
        self.assertGreaterEqual(newest["cpu_percent"], 0)

    def test_only_calibrated_probabilities_are_believed(self):
        """A linear model of breast cancer, and one of digits that was fitted to a tenth of the rows as
        closely as it goes."""
        told = {}
        for model, loaded, params, test_size in (
                ("cancer", datasets_of_sklearn.load_breast_cancer(), {}, 0.3),
                ("digits", datasets_of_sklearn.load_digits(), {"C": 1e6}, 0.9)):
            columns = {"x%d" % i: column.tolist() for i, column in enumerate(loaded.data.T)}
            columns["y"] = ["c%d" % label for label in loaded.target]
            self.serve(model, columns, "y", estimator="logistic_regression", params=params,
                       test_size=test_size, seed=3)
            version = self.client.call("Models/Describe", models.DescribeModelRequest(
                model=model, version=1), models.Model).versions[0]
            held_out = version.profile.calibration
            print(model, str(held_out).replace("\n", " "))
            self.assertEqual(held_out.rows, version.report.test.rows)
            accuracy = {metric.name: metric.value for metric in version.report.test.metrics}
            self.assertAlmostEqual(held_out.accuracy, accuracy["accuracy"])
            self.answers(model, loaded.data[:40])
            deadline = time.monotonic() + 60
            while told.get(model, {}).get("reference_accuracy") is None:
                self.assertLess(time.monotonic(), deadline, told)
                status, text = http_get(self.monitor,
                                        "api/v1/models/%s/versions/1/quality" % model)
                told[model] = json.loads(text) if status == 200 else {}
                time.sleep(0.1)
            self.assertAlmostEqual(told[model]["reference_accuracy"], held_out.accuracy)
        self.assertIsNone(told["cancer"]["expected_accuracy_doubt"])
        self.assertIsNone(told["digits"]["expected_accuracy"])
        self.assertIn("not calibrated: on 1618 held-out rows", told["digits"]["expected_accuracy_doubt"])


if __name__ == "__main__":
    main()
