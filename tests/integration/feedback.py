"""Outcomes, joined to predictions: every count exactly, the log of them across restarts and kill -9,
what it keeps of features, and rows to train on out of both."""

import csv
import io
import random
import tempfile
import time

from harness import *

DAY_US = 24 * 3600 * 1000000
COUNTS = ("joined", "not_sampled", "unmatched", "duplicate", "corrected", "invalid", "late")


def regression_columns(n_rows, seed):
    source = random.Random(seed)
    columns = {"a": [], "b": [], "y": []}
    for _ in range(n_rows):
        a, b = source.gauss(0, 1), source.gauss(0, 1)
        columns["a"].append(a)
        columns["b"].append(b)
        columns["y"].append(a + 3 * b + source.gauss(0, 0.1))
    return columns


def class_columns(n_rows, seed):
    source = random.Random(seed)
    columns = {"size": [], "colour": [], "kind": []}
    for _ in range(n_rows):
        size, colour = source.gauss(0, 1), source.choice(("red", "green", "blue"))
        columns["size"].append(size)
        columns["colour"].append(colour)
        columns["kind"].append("cat" if size + (colour == "red") > 0.3 else "dog")
    return columns


def outcome(prediction, value, observed=0):
    if isinstance(value, str):
        return feedback.Outcome(prediction=prediction, label=value, observed_unix_us=observed)
    return feedback.Outcome(prediction=prediction, number=value, observed_unix_us=observed)


class Calls:
    """What the test cases call; they have a `client`."""

    def record(self, model, outcomes, **options):
        return self.client.call("Feedback/Record", feedback.RecordRequest(
            model=model, outcomes=[outcome(*each) for each in outcomes]), feedback.RecordResponse,
            **options)

    def records(self, model, outcomes, **expected):
        found = self.record(model, outcomes)
        self.assertEqual({name: getattr(found, name) for name in COUNTS},
                         {name: expected.get(name, 0) for name in COUNTS})

    def configure(self, model, reason="", **settings):
        return self.client.call("Models/Configure", models.ConfigureRequest(
            model=model, settings=models.ModelSettings(**settings), reason=reason), models.Model)

    def grow(self, model, **options):
        return self.client.call("Feedback/GrowDataset",
                                feedback.GrowDatasetRequest(model=model, **options),
                                datasets.Dataset)

    def stats(self):
        return self.client.call("Server/Stats", server.StatsRequest(), server.StatsResponse)

    def quality(self, model, version=1):
        return [q for q in self.stats().quality if (q.model, q.version) == (model, version)][0]

    def unjoined(self, model):
        return [u for u in self.stats().unjoined if u.model == model][0]

    def train(self, model, columns, target, **options):
        dataset = self.client.upload(columns).id
        self.client.train_and_wait(model, dataset, target, **options)
        self.client.deploy(model, 1)
        return dataset

    def predict(self, model, rows, prediction_id=""):
        return self.client.call("Prediction/Predict", prediction.PredictRequest(
            model=prediction.ModelRef(name=model), matrix=matrix_of(rows),
            prediction_id=prediction_id), prediction.PredictResponse)

    def predict_table(self, model, columns, prediction_id):
        return self.client.call("Prediction/Predict", prediction.PredictRequest(
            model=prediction.ModelRef(name=model), table=table_of(columns),
            prediction_id=prediction_id), prediction.PredictResponse)


class Feedback(Calls, ServerTest):
    def test_outcomes_far_off(self):
        """What no sum of squares holds, and what no target is, is refused and counted; what was
        counted stays to the digit."""
        self.train("far", regression_columns(200, 7), "y")
        answer = self.predict("far", [[1.0, 1.0]] * 102, prediction_id="f")
        value = answer.outputs[0].f64[0]
        self.record("far", [("f/%d" % i, value + 1) for i in range(100)])
        before = self.quality("far")
        times = [-2**63, -1, 2**63 - 1]
        self.records("far", [("f/100", 1e200), ("f/100", 1e15), ("f/1", -1e15)] +
                     [("f/101", value, at) for at in times], invalid=6)
        self.predict("far", [[1e200, 0.0]], prediction_id="g")
        self.records("far", [("g/0", 1.0)], invalid=1)
        quality = self.quality("far")
        self.assertEqual((quality.invalid, self.unjoined("far").invalid), (4, 3))
        self.assertEqual(quality.squared_error, before.squared_error)
        self.assertAlmostEqual(quality.squared_error, 100, 6)
        self.records("far", [("f/100", value + 1), ("f/1", value + 2)], joined=1, corrected=1)
        self.assertAlmostEqual(self.quality("far").squared_error, 104, 6)

    def test_classes_that_are_numbers(self):
        """ "1.0", 1 and "1" are one class where the target is a column of numbers."""
        columns = regression_columns(200, 8)
        columns["y"] = [float(y > 0) for y in columns["y"]]
        self.train("binary", columns, "y", estimator="logistic_regression")
        self.predict("binary", [[0.0, 2.0]] * 4 + [[0.0, -2.0]], prediction_id="b")
        self.records("binary", [("b/0", "1.0"), ("b/1", 1.0), ("b/2", "1"), ("b/3", "1e0"),
                                ("b/4", -0.0)], joined=5)
        quality = self.quality("binary")
        self.assertEqual({(p.truth, p.predicted): p.weight for p in quality.pairs},
                         {("1", "1"): 4, ("0", "0"): 1})
        self.records("binary", [("b/0", 1)], duplicate=1)

    def test_every_count(self):
        self.train("counts", regression_columns(200, 1), "y")
        answer = self.predict("counts", [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
                                     prediction_id="call-1")
        values = list(answer.outputs[0].f64)
        self.records("counts", [("call-1/0", 7.5), ("call-1/1", 15.0)], joined=2)
        later = int(time.time() * 1e6) + DAY_US + 60000000
        self.records("counts", [("call-1/0", 7.5),             # as before
                                ("call-1/1", 16.0, later),     # another, late
                                ("call-1/2", 20.0, later),     # the first, late
                                ("call-1/2", 21.0),            # another
                                ("call-1/3", 1.0),             # no such row
                                ("call-2/0", 1.0),             # no such call
                                ("call-1", 1.0), ("", 1.0), ("call-1/02", 1.0),
                                ("call-1/0", "seven"), ("call-1/0", float("nan"))],
                     joined=1, duplicate=1, corrected=2, unmatched=5, invalid=2, late=2)
        truths = [7.5, 16.0, 21.0]
        errors = [p - t for p, t in zip(values, truths)]
        quality = self.quality("counts")
        self.assertEqual((quality.logged, quality.labelled, quality.corrected, quality.duplicate,
                          quality.late), (3, 3, 2, 1, 2))
        self.assertEqual((quality.logged_weight, quality.labelled_weight), (3, 3))
        self.assertAlmostEqual(quality.error, sum(errors), 9)
        self.assertAlmostEqual(quality.absolute_error, sum(map(abs, errors)), 9)
        self.assertAlmostEqual(quality.squared_error, sum(e * e for e in errors), 9)
        self.assertAlmostEqual(quality.outcome, sum(truths), 9)
        self.assertAlmostEqual(quality.squared_outcome, sum(t * t for t in truths), 9)
        self.assertEqual(quality.invalid, 1)
        unjoined = self.unjoined("counts")
        self.assertEqual(unjoined.invalid, 1)
        self.assertEqual((unjoined.unmatched, unjoined.not_sampled, unjoined.refused), (5, 0, 0))

    def test_classes_and_tables(self):
        self.train("classes", class_columns(300, 2), "kind", estimator="logistic_regression")
        rows = {"size": [3.0, -3.0, 3.0], "colour": ["red", "green", "blue"]}
        answer = self.predict_table("classes", rows, "t")
        text = answer.outputs[0].text
        self.assertEqual([text[code] for code in answer.outputs[0].text_codes],
                         ["cat", "dog", "cat"])
        self.records("classes", [("t/0", "cat"), ("t/1", "cat"), ("t/2", "bird"), ("t/0", 1.0)],
                     joined=3, invalid=1)
        self.records("classes", [("t/1", "dog")], corrected=1)
        pairs = {(p.truth, p.predicted): p.weight for p in self.quality("classes").pairs
                 if p.weight}
        self.assertEqual(pairs, {("cat", "cat"): 1, ("dog", "dog"): 1, ("bird", "cat"): 1})

    def test_a_repeated_call_counts_once(self):
        self.train("repeated", regression_columns(200, 1), "y")
        self.predict("repeated", [[1.0, 2.0]], prediction_id="r")
        first = self.record("repeated", [("r/0", 1.0)], request_id="label-1")
        again = self.record("repeated", [("r/0", 1.0)], request_id="label-1")
        self.assertEqual(first, again)
        self.assertEqual(self.quality("repeated").duplicate, 0)
        with self.assertRaises(CallError) as caught:
            self.record("repeated", [("r/0", 2.0)], request_id="label-1")
        self.assertEqual(caught.exception.status, "ALREADY_EXISTS")

    def test_refused(self):
        self.fails("NOT_FOUND", "no model 'nowhere'", "Feedback/Record", feedback.RecordRequest(
            model="nowhere", outcomes=[outcome("a/0", 1.0)]), feedback.RecordResponse)
        self.train("refused", regression_columns(200, 1), "y")
        self.fails("INVALID_ARGUMENT", "send 1 to 100000", "Feedback/Record",
                   feedback.RecordRequest(model="refused"), feedback.RecordResponse)
        self.fails("FAILED_PRECONDITION", "keeps no features", "Feedback/GrowDataset",
                   feedback.GrowDatasetRequest(model="refused"), datasets.Dataset)
        self.configure("refused", keep_features=True)
        self.fails("FAILED_PRECONDITION", "has an outcome yet", "Feedback/GrowDataset",
                   feedback.GrowDatasetRequest(model="refused"), datasets.Dataset)

    def test_settings(self):
        self.train("set", regression_columns(200, 1), "y")
        answer = self.configure("set", reason="to learn from it", keep_features=True,
                                keep_versions=5, outcomes_per_minute_max=10)
        settings = models.ModelSettings(keep_features=True, keep_versions=5,
                                        outcomes_per_minute_max=10)
        self.assertEqual(answer.settings, settings)
        found = self.client.call("Models/Describe", models.DescribeModelRequest(model="set"),
                                 models.Model)
        self.assertEqual(found.settings, settings)
        changes = self.client.call("Models/History", models.HistoryRequest(model="set"),
                                   models.HistoryResponse).changes
        self.assertEqual((changes[0].kind, changes[0].alias, changes[0].reason),
                         (models.ALIAS_CHANGE_KIND_CONFIGURED, "", "to learn from it"))
        self.fails("NOT_FOUND", "no model 'nowhere'", "Models/Configure", models.ConfigureRequest(
            model="nowhere", settings=settings), models.Model)

    def test_limit_on_one_caller(self):
        self.train("limited", regression_columns(200, 1), "y")
        self.configure("limited", outcomes_per_minute_max=5)
        self.predict("limited", [[1.0, 2.0]] * 8, prediction_id="l")
        self.records("limited", [("l/%d" % i, 1.0) for i in range(4)], joined=4)
        more = feedback.RecordRequest(
            model="limited", outcomes=[outcome("l/%d" % i, 1.0) for i in range(4, 8)])
        self.fails("RESOURCE_EXHAUSTED", "repeat the call in", "Feedback/Record", more,
                   feedback.RecordResponse)
        self.fails("RESOURCE_EXHAUSTED", "send fewer in a call", "Feedback/Record",
                   feedback.RecordRequest(model="limited", outcomes=[outcome("l/7", 1.0)] * 6),
                   feedback.RecordResponse)
        self.assertEqual(self.unjoined("limited").refused, 10)
        self.assertEqual(self.quality("limited").labelled, 4)
        self.configure("limited", outcomes_per_minute_max=0)
        self.records("limited", [("l/%d" % i, 1.0) for i in range(4, 8)], joined=4)

    def test_a_flood_of_one_caller_is_refused_though_nothing_was_configured(self):
        self.train("flooded", regression_columns(200, 1), "y")
        flood = feedback.RecordRequest(
            model="flooded", outcomes=[outcome("f/0", float("nan"))] * 100000)
        taken = 0
        with self.assertRaises(CallError) as caught:
            for _ in range(30):
                taken += self.client.call("Feedback/Record", flood, feedback.RecordResponse).invalid
        self.assertEqual(caught.exception.status, "RESOURCE_EXHAUSTED")
        self.assertIn("takes 1000000 outcomes in a minute", str(caught.exception))
        self.assertGreaterEqual(taken, 1000000)
        self.assertEqual(self.unjoined("flooded").refused, 100000)

    def test_what_was_not_sampled_is_told_from_what_is_not_known(self):
        self.train("busy", regression_columns(200, 1), "y")
        n_calls, n_rows = 40, 2500
        rows = [[random.gauss(0, 1), random.gauss(0, 1)] for _ in range(n_rows)]
        for i in range(n_calls):
            self.predict("busy", rows, prediction_id="b%d" % i)
        ids = ["b%d/%d" % (i, k) for i in range(n_calls) for k in range(n_rows)]
        found = self.record("busy", [(each, 1.0) for each in ids])
        logged = self.quality("busy")
        print("%d rows at once: %d logged, which stand for %d; %d joined, %d not sampled, %d unmatched"
              % (len(ids), logged.logged, logged.logged_weight, found.joined, found.not_sampled,
                 found.unmatched))
        self.assertEqual(found.joined, logged.logged)
        self.assertEqual(found.unmatched, 0)
        self.assertEqual(found.joined + found.not_sampled, len(ids))
        self.assertGreater(found.not_sampled, 0)
        self.assertGreater(found.joined, 10000)
        self.assertLess(abs(logged.logged_weight / len(ids) - 1), 0.25)
        # Nobody predicted these: about the share that was logged when most was sampled out.
        never = self.record("busy", [("never%d/0" % i, 1.0) for i in range(20000)])
        self.assertGreater(never.unmatched, 0)
        self.assertEqual(never.joined, 0)

    def test_a_model_that_logs_all_knows_what_it_never_predicted(self):
        self.train("calm", regression_columns(200, 1), "y")
        self.predict("calm", [[1.0, 2.0]] * 1000, prediction_id="c")
        self.records("calm", [("c/%d" % i, 1.0) for i in range(1000)], joined=1000)
        self.records("calm", [("n/%d" % i, 1.0) for i in range(1000)], unmatched=1000)

    def profile_of(self, model, dataset):
        self.client.train_and_wait(model, dataset, "kind", estimator="logistic_regression")
        found = self.client.call("Models/Describe", models.DescribeModelRequest(
            model=model, version=1), models.Model).versions[0]
        return found.profile, found.report.coefficients

    def test_grown_rows_train_a_model(self):
        base = self.train("grow", class_columns(300, 3), "kind", estimator="logistic_regression")
        self.configure("grow", keep_features=True)
        columns = class_columns(400, 4)
        columns["colour"][:3] = [None] * 3
        columns["size"][3:5] = [None] * 2
        columns["size"][5] = float("inf")
        truth = columns["kind"]
        answer = self.predict_table("grow", {name: columns[name] for name in ("colour", "size")},
                                    "g")
        self.assertEqual([error.row for error in answer.row_errors], [5])
        self.records("grow", [("g/%d" % i, kind) for i, kind in enumerate(truth)], joined=399,
                     unmatched=1)
        whole = self.grow("grow")
        self.assertEqual((whole.name, whole.rows, whole.state),
                         ("grow-feedback", 399, datasets.DATASET_STATE_COMMITTED))
        self.assertEqual([c.name for c in whole.schema.columns], ["size", "colour", "kind"])
        # The same rows, uploaded: the same categories, nulls and numbers, in the same order.
        same = {name: values[:5] + values[6:] for name, values in columns.items()}
        self.assertEqual(self.profile_of("grown", whole.id),
                         self.profile_of("uploaded", self.client.upload(same).id))
        parts = [self.grow("grow", part=part, holdout_share=0.25, name="part").rows
                 for part in (feedback.FEEDBACK_PART_TRAIN, feedback.FEEDBACK_PART_HOLDOUT)]
        self.assertEqual(sum(parts), 399)
        self.assertLess(abs(parts[1] - 99), 40)
        both = self.grow("grow", base_dataset_id=base, rows_max=100)
        self.assertEqual(both.rows, 400)
        self.assertEqual(self.grow("grow", since_unix_us=1, rows_max=10).rows, 10)
        self.client.train_and_wait("grow", both.id, "kind", estimator="logistic_regression")
        self.client.deploy("grow", 2)
        answer = self.predict_table("grow", {"size": [3.0, -3.0], "colour": ["red", "green"]}, "h")
        text = answer.outputs[0].text
        self.assertEqual(answer.version, 2)
        self.assertEqual([text[code] for code in answer.outputs[0].text_codes], ["cat", "dog"])

    def rows_of(self, dataset):
        """All rows, as tuples; of numbers."""
        rows = []
        for chunk in range(dataset.chunks):
            table = self.client.call("Datasets/Read", datasets.ReadDatasetRequest(
                dataset_id=dataset.id, chunk=chunk), datasets.ReadDatasetResponse).rows
            rows += zip(*(column.numeric.values for column in table.columns))
        return rows

    def test_growing_again_and_again_takes_no_row_twice(self):
        """As the loop does it: each time on the rows of the version before. Of pure noise nothing
        can be learnt, unless the test rows are among those trained on."""
        source = random.Random(5)
        noise = lambda n: [source.gauss(0, 1) for _ in range(n)]
        base = self.train("noise", {"x": noise(200), "y": noise(200)}, "y",
                          estimator="decision_tree_regressor", params={"max_depth": 30})
        self.configure("noise", keep_features=True)
        for turn, n_new in enumerate((250, 100, 100)):
            self.predict("noise", [[x] for x in noise(n_new)], prediction_id="n%d" % turn)
            self.records("noise", [("n%d/%d" % (turn, i), y) for i, y in enumerate(noise(n_new))],
                         joined=n_new)
            grown = self.grow("noise", base_dataset_id=base, part=feedback.FEEDBACK_PART_TRAIN,
                              rows_max=200)
            rows = self.rows_of(grown)
            self.assertEqual((grown.grown_from, grown.base_rows), ("noise", 200))
            self.assertEqual(len(set(rows)), len(rows))
            self.assertLessEqual(len(rows), 400)
            self.assertGreater(len(rows), 300)
            job = self.client.train_and_wait("noise", grown.id, "y", "decision_tree_regressor",
                                             {"max_depth": 30}, test_size=0.25)
            scores = {metric.name: metric.value for metric in job.report.test.metrics}
            self.assertLess(scores["r2"], 0.1)
            base = grown.id
        # A corrected outcome is in the next one as it is now, and not as it was as well.
        self.records("noise", [("n2/%d" % i, 77.0) for i in range(100)], corrected=100)
        rows = self.rows_of(self.grow("noise", base_dataset_id=base, rows_max=100))
        self.assertEqual([y for _, y in rows[200:]], [77.0] * 100)
        self.assertEqual(len(rows), 300)

    def test_a_repeated_call_grows_one_dataset(self):
        self.train("again", regression_columns(200, 1), "y")
        self.configure("again", keep_features=True)
        self.predict("again", [[1.5, 2.5]], prediction_id="a")
        self.record("again", [("a/0", 9.0)])
        request = feedback.GrowDatasetRequest(model="again", name="grown-once")
        made = [self.client.call("Feedback/GrowDataset", request, datasets.Dataset,
                                 request_id="grow-1").id for _ in range(2)]
        self.assertEqual(made[0], made[1])
        names = [d.name for d in self.client.call(
            "Datasets/List", datasets.ListDatasetsRequest(), datasets.ListDatasetsResponse).datasets]
        self.assertEqual(names.count("grown-once"), 1)

    def test_events_carry_the_totals(self):
        subscriber = Socket(self.trivetd.ready["events"], SUB)
        try:
            self.train("told", regression_columns(200, 1), "y")
            self.predict("told", [[1.0, 2.0]], prediction_id="e")
            self.records("told", [("e/0", 1.0), ("e/1", 1.0)], joined=1, unmatched=1)
            self.configure("told", keep_versions=3, reason="few")
            wanted = {"quality_totals", "unjoined_totals", "model"}
            while wanted:
                topic, body = subscriber.receive().split(b"\0", 1)
                event = events.Event.FromString(body)
                kind = event.WhichOneof("body")
                if kind == "quality_totals" and event.quality_totals.model == "told":
                    self.assertEqual(topic, b"prediction.told.")
                    if event.quality_totals.labelled:
                        wanted.discard(kind)
                elif kind == "unjoined_totals" and event.unjoined_totals.model == "told":
                    self.assertEqual(event.unjoined_totals.unmatched, 1)
                    wanted.discard(kind)
                elif kind == "model" and event.model.change == events.MODEL_CHANGE_CONFIGURED:
                    self.assertEqual((event.model.model, event.model.reason), ("told", "few"))
                    wanted.discard(kind)
        finally:
            subscriber.close()


class Clients(Calls, ServerTest):
    def write(self, name, columns):
        path = os.path.join(self.folder, name)
        with open(path, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values()))
        return path

    def counts(self, *arguments, **options):
        text = run_cli(self.url, "feedback", *arguments, **options).stdout
        return {row["result"]: int(row["outcomes"])
                for row in csv.DictReader(io.StringIO(text)) if row["outcomes"] != "0"}

    def test_command_line(self):
        columns = class_columns(300, 5)
        self.train("line", columns, "kind", estimator="logistic_regression")
        done = run_cli(self.url, "configure", "line", "--keep-features", "on", "--keep-versions", "4",
                       "--reason", "to learn")
        self.assertEqual(list(csv.DictReader(io.StringIO(done.stdout))),
                         [{"model": "line", "keep_features": "on", "keep_versions": "4",
                           "outcomes_per_minute": "0"}])
        # What is not named stays.
        self.assertIn("on,4,7000", run_cli(self.url, "configure", "line", "--outcomes-per-minute",
                                           "7000").stdout)
        data = self.write("rows.csv", {name: columns[name] for name in ("size", "colour")})
        predicted = run_cli(self.url, "predict", "line", "--data", data, "--ids").stdout
        ids = [row["id"] for row in csv.DictReader(io.StringIO(predicted))]
        lines = run_cli(self.url, "--json", "predict", "line", "--data", data, "--ids").stdout
        self.assertRegex(lines.splitlines()[2], r'"row":2,"id":"p-[0-9a-f]{16}/2"')
        late = [time.time() + 2 * 24 * 3600] * 10 + [""] * 290
        labels = self.write("labels.csv", {"what": ids, "kind": columns["kind"][:290] + [""] * 10,
                                           "at": late})
        self.assertEqual(self.counts("line", "--data", labels, "--id", "what", "--outcome", "kind",
                                     "--observed", "at"), {"joined": 290, "late": 10})
        with open(labels) as file:
            self.assertEqual(self.counts("line", "--data", "-", "--id", "what", "--outcome", "kind",
                                         stdin=file.read()), {"duplicate": 290})
        rows = [int(next(csv.DictReader(io.StringIO(run_cli(
            self.url, "feedback", "line", "--grow", *options).stdout)))["rows"])
            for options in ((), ("--part", "train"), ("--part", "holdout", "--name", "held"))]
        self.assertEqual(rows[0], 290)
        self.assertEqual(rows[1] + rows[2], 290)
        history = run_cli(self.url, "history", "line").stdout
        self.assertIn("configured", history)
        for arguments in ((), ("line", ), ("line", "--grow", "--data", "-"),
                          ("line", "--data", "-", "--part", "train"),
                          ("line", "--grow", "--part", "all")):
            done = run_cli(self.url, "feedback", *arguments, check=False, stdin="")
            self.assertEqual(done.returncode, 2, arguments)

    def test_python(self):
        import trivet
        with trivet.connect(self.url) as client:
            columns = regression_columns(200, 6)
            self.train("python", columns, "y")
            self.assertTrue(client.configure("python", keep_features=True).keep_features)
            self.assertEqual(client.configure("python", keep_versions=2),
                             models.ModelSettings(keep_features=True, keep_versions=2))
            answer = client.predict("python", {name: columns[name] for name in "ab"})
            found = client.record("python", answer.ids, columns["y"])
            self.assertEqual((found.joined, found.unmatched), (200, 0))
            for _ in range(2):
                found = client.record("python", answer.ids[:1], [1.0], request_id="correct-1")
                self.assertEqual(found.corrected, 1)
            parts = [client.grow_dataset("python", part=part) for part in ("train", "holdout")]
            self.assertEqual(sum(part.rows for part in parts), 200)
            job = client.train("python", parts[0], target="y")
            self.assertEqual(job.version, 2)
            with self.assertRaises(trivet.InvalidArgument):
                client.record("python", ["a/0"], [])
            with self.assertRaises(trivet.InvalidArgument):
                client.configure("python", keep=True)


class Restarted(Calls, unittest.TestCase):
    """The log across the ends of trivetd, good and bad."""

    def start(self, folder):
        self.trivetd = start_trivetd(folder)
        self.client = Client(self.trivetd.ready["listen"])

    def end(self, kill):
        self.client.close()
        self.trivetd.kill() if kill else self.trivetd.stop()

    def log_bytes(self, folder):
        found = b""
        for root, _, files in os.walk(folder):
            for name in files:
                if name.startswith("log.db"):
                    with open(os.path.join(root, name), "rb") as file:
                        found += file.read()
        self.assertNotEqual(found, b"")
        return found

    def test_restart_and_kill(self):
        with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
            self.start(folder)
            try:
                self.train("m", regression_columns(200, 1), "y")
                value = self.predict("m", [[1.0, 2.0]] * 3, prediction_id="p").outputs[0].f64[0]
                self.records("m", [("p/0", 5.0)], joined=1)
                self.end(kill=True)  # after the acknowledgement
                self.start(folder)
                self.records("m", [("p/0", 5.0), ("p/1", 6.0)], duplicate=1, joined=1)
                self.end(kill=False)
                self.start(folder)
                # Totals count from here; what is corrected was counted before.
                self.records("m", [("p/0", 8.0), ("p/2", 7.0)], corrected=1, joined=1)
                quality = self.quality("m")
                self.assertEqual((quality.labelled, quality.corrected), (1, 1))
                self.assertAlmostEqual(quality.error, (value - 8.0) - (value - 5.0) + (value - 7.0), 9)
            finally:
                self.end(kill=True)

    def test_the_parts_stay_the_same(self):
        with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
            parts = []
            self.start(folder)
            try:
                self.train("m", regression_columns(200, 1), "y")
                self.configure("m", keep_features=True)
                self.predict("m", [[float(i), 2.0] for i in range(200)], prediction_id="p")
                self.records("m", [("p/%d" % i, 5.0) for i in range(200)], joined=200)
                for _ in range(2):
                    grown = [self.grow("m", part=part, holdout_share=0.3) for part in (
                        feedback.FEEDBACK_PART_HOLDOUT, feedback.FEEDBACK_PART_TRAIN)]
                    parts.append([(part.rows, part.content_hash) for part in grown])
                    self.end(kill=True)
                    self.start(folder)
                self.assertEqual(parts[0], parts[1])
                self.assertEqual(sum(rows for rows, _ in parts[0]), 200)
            finally:
                self.end(kill=True)

    def test_features_are_kept_only_when_asked_for(self):
        secret, kept = 1234.5678901234, 8765.4321098765
        with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
            self.start(folder)
            try:
                self.train("m", regression_columns(200, 1), "y")
                self.predict("m", [[secret, 2.0]], prediction_id="off")
                self.records("m", [("off/0", 5.0)], joined=1)
                self.assertNotIn(struct.pack("<d", secret), self.log_bytes(folder))
                self.configure("m", keep_features=True)
                self.predict("m", [[kept, 2.0]], prediction_id="on")
                self.records("m", [("on/0", 5.0)], joined=1)
                self.assertIn(struct.pack("<d", kept), self.log_bytes(folder))
                self.assertEqual(self.grow("m").rows, 1)
                self.configure("m", keep_features=False)
                deadline = time.monotonic() + 60
                while struct.pack("<d", kept) in self.log_bytes(folder):
                    self.assertLess(time.monotonic(), deadline, "features stay in the log")
                    time.sleep(0.1)
            finally:
                self.end(kill=True)

    def test_features_go_with_their_model(self):
        kept = 4321.123456789
        with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
            self.start(folder)
            try:
                self.train("m", regression_columns(200, 1), "y")
                self.configure("m", keep_features=True)
                self.predict("m", [[kept, 2.0]], prediction_id="on")
                self.records("m", [("on/0", 5.0)], joined=1)
                self.assertIn(struct.pack("<d", kept), self.log_bytes(folder))
                self.client.call("Models/Delete", models.DeleteModelRequest(model="m"),
                                 models.DeleteModelResponse)
                deadline = time.monotonic() + 60
                while struct.pack("<d", kept) in self.log_bytes(folder):
                    self.assertLess(time.monotonic(), deadline, "features stay in the log")
                    time.sleep(0.1)
            finally:
                self.end(kill=True)

    def test_a_damaged_log_does_not_keep_from_serving(self):
        with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
            self.start(folder)
            self.train("m", regression_columns(200, 1), "y")
            self.end(kill=False)
            path = [os.path.join(root, name) for root, _, files in os.walk(folder)
                    for name in files if name == "log.db"][0]
            with open(path, "r+b") as file:
                file.write(os.urandom(8192))
            self.start(folder)
            try:
                self.assertEqual(self.predict("m", [[1.0, 2.0]]).version, 1)
                with self.assertRaises(CallError) as caught:
                    self.record("m", [("p/0", 5.0)])
                self.assertEqual(caught.exception.status, "DATA_LOSS")
                self.assertIn("log.db", str(caught.exception))
                self.assertEqual(self.predict("m", [[1.0, 2.0]]).version, 1)
            finally:
                self.end(kill=True)


if __name__ == "__main__":
    main()
