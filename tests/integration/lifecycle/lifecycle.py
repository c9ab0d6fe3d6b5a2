"""The life of two models on real data, as one story: from development to production and back.

    digits   train → a gate refuses a bad version → promote → canary, measured → promote
    tumour   train → serve → drift → alert → labels return → the loop retrains by itself → the
             challenger shadows → promoted by itself → bad labels → rolled back by itself

Meanwhile a client calls both models all the time, and not one call may fail. `tumour` is
scikit-learn's breast cancer data: 569 rows, so its drift reference grows from undisturbed serving.
Times are short by configuration; nothing else differs from a real installation."""

import json
import os
import random
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import numpy  # noqa: E402
from sklearn.datasets import load_breast_cancer, load_digits  # noqa: E402

from harness import *  # noqa: E402, F403

CANARY_CALLS = scaled(20000, 2000)
CANARY_SHARE = 0.10
# 0.7 points are 3.3 standard errors of 20,000 calls.
CANARY_TOLERANCE = 0.007 * (20000 / CANARY_CALLS) ** 0.5
PLANTED_SHARE = 0.10 + 0.02 * (20000 / CANARY_CALLS) ** 0.5  # 12 %
WINDOW = 64
BULK = 20  # rows of a call
POLICY = """
[loop]
check = 0.1s
[loop tumour]
on_drift = yes
on_quality = no
labels_min = 400
pause = 0
cooldown = 1h
metric = accuracy
require = accuracy>=0.8
holdout_share = 0.25
holdout_rows_min = 60
base_drop_max = 0.05
shadow_for = 1s
shadow_rows = 300
watch_for = 10m
watch_labels = 150
"""
# A new instrument measures sizes too large.
INSTRUMENT = {"mean radius": 1.5, "mean perimeter": 1.5, "mean area": 2.2, "worst radius": 1.5,
              "worst perimeter": 1.5, "worst area": 2.2}


def say(text, *values):
    print("      " + text % values, flush=True)


def chapter(title):
    print("\n  %s" % title, flush=True)


class World:
    """Where rows come from: the data as it is, then as a new instrument measures it."""

    def __init__(self):
        cancer = load_breast_cancer()
        self.names = [str(name) for name in cancer.feature_names]
        self.rows = cancer.data
        self.truth = [str(cancer.target_names[target]) for target in cancer.target]
        self.factors = numpy.ones(len(self.names))
        self.random = numpy.random.default_rng(5)
        self.lock = threading.Lock()

    def new_instrument(self):
        self.factors = numpy.array([INSTRUMENT.get(name, 1.0) for name in self.names])

    def draw(self, count):
        """Rows as they come in, and what is true of them."""
        with self.lock:
            chosen = self.random.integers(0, len(self.rows), count)
        return (self.rows[chosen] * self.factors).tolist(), [self.truth[i] for i in chosen]


class Everyday(threading.Thread):
    """A client that calls both models all the time and counts what fails."""

    def __init__(self, url, calls):
        super().__init__(daemon=True)
        self.client = Client(url)
        self.calls = calls  # functions that make a request
        self.made = 0
        self.failures = []
        self.versions = set()
        self.ends = threading.Event()

    def run(self):
        while not self.ends.wait(0.004):
            for make in self.calls:
                self.made += 1
                try:
                    answer = self.client.call("Prediction/Predict", make(),
                                              prediction.PredictResponse)
                    self.versions.add((answer.model, answer.version))
                    if answer.row_errors:
                        self.failures.append(answer.row_errors[0].message)
                except Exception as error:  # whatever it is, the call failed
                    self.failures.append(repr(error))

    def stop(self):
        self.ends.set()
        self.join(30)
        self.client.close()

    def check(self, test):
        test.assertEqual(self.failures[:3], [])


def request_of(model, rows, **options):
    return prediction.PredictRequest(model=prediction.ModelRef(name=model),
                                     matrix=matrix_of(rows), **options)


class Lifecycle(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="trivet-")
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        self.trivetd = start_trivetd(self.folder, "--bins-every", "200")
        self.addCleanup(self.trivetd.kill)
        self.url = self.trivetd.ready["listen"]
        self.client = Client(self.url)
        self.addCleanup(self.client.close)
        self.world = World()
        self.monitor = None
        self.predicted = []  # (prediction, truth), the newest last

    # --- tools

    def start_monitor(self):
        policy = os.path.join(self.folder, "policy.ini")
        with open(policy, "w") as file:
            file.write(POLICY)
        self.monitor = start_monitor(self.folder, self.trivetd, "--policy", policy,
                                     "--drift-window", "1")
        self.addCleanup(lambda: self.monitor.kill())

    def get(self, path):
        with urllib.request.urlopen(self.monitor.ready["http"] + "api/v1/" + path,
                                    timeout=10) as reply:
            return json.load(reply)

    def until(self, what, seconds=60, meanwhile=lambda: time.sleep(0.05)):
        """What `what` gives, as soon as it gives something; `meanwhile` goes on until then."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = what()
            if found:
                return found
            meanwhile()
        raise AssertionError("not within %d s: %s" % (seconds, json.dumps(self.get("loop"))))

    def loop(self):
        return self.get("loop")["models"][0]

    def loop_step(self, step, round=1):
        return next((taken for taken in self.loop()["steps"]
                     if (taken["step"], taken["round"]) == (step, round)), None)

    def drift(self):
        try:
            return self.get("models/tumour/versions/1/drift")
        except urllib.error.HTTPError:
            return {"windows": 0, "columns": []}

    def production(self, model):
        described = self.client.call("Models/Describe", models.DescribeModelRequest(model=model),
                                     models.Model)
        return next((alias.version for alias in described.aliases if alias.name == "production"), 0)

    def set_traffic(self, model, *shares):
        self.client.call("Models/SetTraffic", models.SetTrafficRequest(
            model=model, shares=[models.TrafficShare(version=version, weight=weight)
                                 for version, weight in shares]), models.Model)

    def serve_tumour(self, count=BULK):
        """Rows of the world as it is, remembered for their outcomes. The versions that answered."""
        rows, truth = self.world.draw(count)
        answer = self.client.call("Prediction/Predict", request_of("tumour", rows),
                                  prediction.PredictResponse)
        self.assertEqual(list(answer.row_errors), [])
        self.predicted += [("%s/%d" % (answer.prediction_id, row), true)
                           for row, true in enumerate(truth)]
        codes = answer.outputs[0].text_codes
        time.sleep(0.02)  # about a thousand rows a second
        right = sum(answer.outputs[0].text[code] == true for code, true in zip(codes, truth))
        return answer.version, right / count

    def send_labels(self, labels):
        """Outcomes of predictions, by Feedback.Record."""
        outcomes = [feedback.Outcome(prediction=prediction_id, label=label,
                                     observed_unix_us=int(time.time() * 1e6))
                    for prediction_id, label in labels]
        return self.client.call("Feedback/Record", feedback.RecordRequest(
            model="tumour", outcomes=outcomes), feedback.RecordResponse)

    def measure_share(self, model, version, rows, calls=CANARY_CALLS):
        """The share of calls, each for another key, that `version` answers."""
        answered = 0
        in_flight = 0
        for i in range(calls):
            if in_flight == WINDOW:
                answered += self.take_answer() == version
                in_flight -= 1
            self.client.send(pack_frame("Prediction/Predict", request_of(
                model, [rows[i % len(rows)]], key="customer-%d" % i)))
            in_flight += 1
        for _ in range(in_flight):
            answered += self.take_answer() == version
        return answered / calls

    def take_answer(self):
        header, body = parse_reply(self.client.receive()[1])
        self.assertEqual(frame.Status.Name(header.status), "STATUS_OK", header.message)
        answer = prediction.PredictResponse.FromString(body)
        self.assertEqual(list(answer.row_errors), [])
        return answer.version

    def check_share(self, share):
        self.assertLess(abs(share - CANARY_SHARE), CANARY_TOLERANCE,
                        "the canary got %.2f %% of the calls" % (100 * share))

    # --- the story

    def test_story(self):
        began = time.monotonic()
        self.chapter_training_and_gates()
        everyday = Everyday(self.url, [
            lambda: request_of("digits", [random.choice(self.digits)]),
            lambda: request_of("tumour", self.world.draw(1)[0])])
        everyday.start()
        try:
            self.chapter_canary(everyday)
            self.chapter_undisturbed()
            self.chapter_drift()
            self.chapter_labels_return()
            self.chapter_the_loop()
            self.chapter_bad_labels()
        finally:
            everyday.stop()
        chapter("The end")
        everyday.check(self)
        say("%d calls of the everyday client, 0 failed; versions that answered: %s", everyday.made,
            ", ".join("%s:%d" % pair for pair in sorted(everyday.versions)))
        self.assertEqual({version for model, version in everyday.versions if model == "tumour"},
                         {1, 2})
        self.check_audit()
        say("%.1f s", time.monotonic() - began)
        self.chapter_planted_faults(everyday)
        self.assertEqual(self.monitor.stop(), 0)
        self.assertEqual(self.trivetd.stop(), 0)

    def chapter_training_and_gates(self):
        chapter("Two models are trained; a gate refuses a bad version")
        data_set = load_digits()
        self.digits = data_set.data.tolist()
        columns = {"p%02d" % i: data_set.data[:, i].tolist() for i in range(64)}
        columns["digit"] = ["d%d" % target for target in data_set.target]
        uploaded = self.client.upload(columns)
        gate = {"require": ["f1_macro>=0.8"]}
        scores = []
        for estimator, params in (("decision_tree_classifier", {}), ("dummy_classifier", {}),
                                  ("logistic_regression", {})):
            job = self.client.train_and_wait("digits", uploaded.id, "digit", estimator, params,
                                             test_size=0.25, seed=1)
            scores.append(next(metric.value for metric in job.report.test.metrics
                               if metric.name == "f1_macro"))
        say("digits: f1_macro %.3f (tree), %.3f (dummy), %.3f (logistic)", *scores)
        self.client.deploy("digits", 1, **gate)
        for options in (gate, {"require_better_than": "@production"}):
            with self.assertRaises(CallError) as refused:
                self.client.deploy("digits", 2, **options)
            self.assertEqual(refused.exception.status, "FAILED_PRECONDITION")
            say("version 2: %s", refused.exception.message)
        self.assertEqual(self.production("digits"), 1)

        chosen = numpy.random.default_rng(1).permutation(len(self.world.rows))[:400]
        columns = {name: self.world.rows[chosen, i].tolist()
                   for i, name in enumerate(self.world.names)}
        columns["diagnosis"] = [self.world.truth[i] for i in chosen]
        job = self.client.train_and_wait("tumour", self.client.upload(columns).id, "diagnosis",
                                         "random_forest_classifier", {"n_estimators": 40},
                                         test_size=0.2, seed=1)
        self.client.call("Models/Configure", models.ConfigureRequest(
            model="tumour", settings=models.ModelSettings(keep_features=True)), models.Model)
        self.client.deploy("tumour", 1, require=["accuracy>=0.9"])
        say("tumour: accuracy %.3f on %d test rows, in production",
            next(metric.value for metric in job.report.test.metrics if metric.name == "accuracy"),
            job.report.rows_test)
        self.start_monitor()

    def chapter_canary(self, everyday):
        chapter("A canary of 10 %, then the better version")
        self.set_traffic("digits", (1, 9000), (3, 1000))
        began = time.monotonic()
        share = self.measure_share("digits", 3, self.digits)
        say("%d calls in %.1f s: version 3 answered %.2f %%, 10 ± %.1f were asked for",
            CANARY_CALLS, time.monotonic() - began, 100 * share, 100 * CANARY_TOLERANCE)
        self.check_share(share)
        self.client.deploy("digits", 3, require_better_than="@production",
                           reason="the canary was well")
        self.assertEqual(self.production("digits"), 3)
        self.assertEqual(self.measure_share("digits", 3, self.digits, 500), 1.0)
        everyday.check(self)
        say("promoted: it answers every call")

    def chapter_undisturbed(self):
        chapter("The drift reference grows from undisturbed serving")
        self.until(lambda: self.drift()["columns"], meanwhile=self.serve_tumour)
        began = self.drift()["reference_rows"]
        self.until(lambda: self.drift()["reference_rows"] >= 2000, meanwhile=self.serve_tumour)
        drift = self.drift()
        self.assertEqual(drift["state"], "quiet")
        say("from %d to %d rows in %d windows, all quiet", began, drift["reference_rows"],
            drift["windows"])
        self.assertIn(self.loop()["why"], ("nothing calls for a new version",))

    def chapter_drift(self):
        chapter("A new instrument measures %d columns too large" % len(INSTRUMENT))
        windows = self.drift()["windows"]
        self.until(lambda: self.drift()["windows"] > windows, meanwhile=self.serve_tumour)
        windows = self.drift()["windows"]
        self.predicted.clear()
        self.world.new_instrument()
        served = []
        alert = self.until(
            lambda: next((alert for alert in self.get("alerts")["active"]
                          if (alert["kind"], alert["state"]) == ("drift", "firing")), None),
            meanwhile=lambda: served.append(self.serve_tumour()))
        took = self.drift()["windows"] - windows
        say("alert after %d windows: %s", took, alert["detail"])
        self.assertLessEqual(took, 2)
        self.assertEqual((alert["model"], alert["version"]), ("tumour", 1))
        named = alert["detail"].split(" and ")[0]
        self.assertIn(named.split(":")[0].split(" (")[0], INSTRUMENT)
        say("the version in production is right in %.1f %% of %d rows now",
            100 * sum(right for _, right in served) / len(served), BULK * len(served))
        self.assertTrue(self.until(lambda: "new labels" in self.loop()["why"]))
        say("the loop waits: %s", self.loop()["why"])
        self.assertEqual(self.loop()["round"], 0)

    def chapter_labels_return(self):
        chapter("Labels return")
        while len(self.predicted) < 1000:
            self.serve_tumour()
        labels = self.predicted[-1000:]
        self.until(lambda: self.log_is_written(labels))
        said = self.send_labels(labels)
        say("%d outcomes: %d joined, %d of predictions that the log left out, %d unmatched",
            len(labels), said.joined + said.duplicate, said.not_sampled, said.unmatched)
        self.assertEqual(said.unmatched + said.invalid, 0)

    def log_is_written(self, labels):
        """The log is written off the data path: an outcome may be there before its prediction."""
        return self.send_labels(labels[-1:]).unmatched == 0

    def chapter_the_loop(self):
        chapter("The loop retrains, shadows and promotes by itself")
        told = set()

        def follow():
            for taken in reversed(self.loop()["steps"]):
                line = "%s %s: %s" % (taken["step"], taken["outcome"], taken["text"])
                if line not in told:
                    told.add(line)
                    say("%s", line)
            self.serve_tumour()

        self.until(lambda: self.loop()["step"] == "watch", seconds=120, meanwhile=follow)
        follow()
        outcomes = {taken["step"]: taken["outcome"] for taken in self.loop()["steps"]}
        self.assertEqual(outcomes, {"idle": "begun", "grow_train": "done", "grow_holdout": "done",
                                    "train": "done", "training": "done", "evaluate": "done",
                                    "shadow": "done", "shadowing": "done", "promote": "done"})
        self.assertEqual(self.production("tumour"), 2)
        served = [self.serve_tumour() for _ in range(30)]
        self.assertEqual({version for version, _ in served}, {2})
        say("version 2 is right in %.1f %% of %d rows",
            100 * sum(right for _, right in served) / len(served), BULK * len(served))

    def chapter_bad_labels(self):
        chapter("Bad labels come; the loop rolls back by itself")
        self.predicted.clear()
        while len(self.predicted) < 400:
            self.serve_tumour()
        wrong = {"benign": "malignant", "malignant": "benign"}
        labels = [(prediction_id, wrong[true]) for prediction_id, true in self.predicted]
        self.until(lambda: self.log_is_written(labels))
        self.send_labels(labels)
        taken = self.until(lambda: self.loop_step("rollback"), meanwhile=self.serve_tumour)
        say("%s: %s", taken["outcome"], taken["text"])
        self.assertEqual((taken["outcome"], taken["version"]), ("done", 1))
        self.assertEqual(self.production("tumour"), 1)
        self.assertEqual(self.serve_tumour()[0], 1)
        self.until(lambda: self.loop()["step"] == "idle")
        left = [made.name for made in self.client.call(
            "Datasets/List", datasets.ListDatasetsRequest(), datasets.ListDatasetsResponse).datasets]
        self.assertFalse([name for name in left if name.startswith("tumour-")])
        say("the loop tidies up: %s", self.loop_step("tidy")["text"])
        self.assertGreater(self.loop()["next_unix_us"], time.time() * 1e6)
        say("the loop rests: %s", self.loop()["why"] or "idle")

    def check_audit(self):
        """Who did it, and why, stands in the history of the model."""
        said = run_cli(self.url, "history", "tumour").stdout
        self.assertIn("loop, round 1 by drift", said)
        self.assertIn("live accuracy", said)

    # --- what shows that the story can fail

    def chapter_planted_faults(self, everyday):
        chapter("Planted faults are caught")
        weight = round(PLANTED_SHARE * 10000)
        self.set_traffic("digits", (1, weight), (3, 10000 - weight))
        share = self.measure_share("digits", 1, self.digits)
        with self.assertRaises(AssertionError) as caught:
            self.check_share(share)
        say("%.1f %% instead of 10: %s", weight / 100, str(caught.exception).split(" : ")[-1])
        careless = Everyday(self.url, [lambda: request_of("digits", [[1.0, 2.0]])])
        careless.start()
        self.until(lambda: careless.made > 0)
        careless.stop()
        with self.assertRaises(AssertionError):
            careless.check(self)
        say("a call that fails: %s", careless.failures[0])
        everyday.check(self)


if __name__ == "__main__":
    main()
