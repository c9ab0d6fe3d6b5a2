"""What trivetd serves is counted in the bins of each version's reference profile, published, and
scored by the monitor: quiet while nothing changes, found and named when one feature of 30 moves,
over restarts of both programs, by the fast lane and by tables."""

import json
import os
import random
import tempfile
import time
import urllib.error
import urllib.request

from harness import *

FEATURES = 30
REFERENCE_ROWS = 2500
WINDOW_S = 1
ROWS = 600  # of a window
SHIFTED = "x7"
MODELS = "numbers", "tables"


class Source:
    """Rows like those the model was trained on; `shift` moves one column, in deviations."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def row(self, shift=0.0):
        values = [self.random.gauss(i, 1 + i % 3) for i in range(FEATURES)]
        values[7] += shift * (1 + 7 % 3)
        return values

    def rows(self, count, shift=0.0):
        return [self.row(shift) for _ in range(count)]

    def colours(self, count, new=0):
        return ["violet"] * new + [self.random.choice(["red", "green", "green", "blue"])
                                   for _ in range(count - new)]


class Drift(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="trivet-")
        cls.folder = cls.temporary.name
        cls.trivetd = start_trivetd(cls.folder, "--bins-every", "200")
        cls.client = Client(cls.trivetd.ready["listen"])
        source = Source(1)
        rows = source.rows(REFERENCE_ROWS)
        columns = {"x%d" % i: [row[i] for row in rows] for i in range(FEATURES)}
        columns["y"] = ["up" if row[0] + row[1] + source.random.gauss(0, 1) > 1 else "down"
                        for row in rows]
        job = cls.client.train_and_wait("numbers", cls.client.upload(columns).id, "y",
                                        estimator="logistic_regression", test_size=0.2)
        cls.client.deploy("numbers", job.version)
        columns = {"colour": source.colours(REFERENCE_ROWS),
                   "size": [source.random.gauss(0, 1) for _ in range(REFERENCE_ROWS)]}
        columns["y"] = [size + (colour == "red") for colour, size in
                        zip(columns["colour"], columns["size"])]
        job = cls.client.train_and_wait("tables", cls.client.upload(columns).id, "y")
        cls.client.deploy("tables", job.version)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.trivetd.kill()
        cls.temporary.cleanup()

    def setUp(self):
        self.source = Source(2)
        self.monitor = self.start_monitor()
        self.addCleanup(lambda: self.monitor.kill())

    def start_monitor(self):
        monitor = start_monitor(self.folder, self.trivetd, "--drift-window", str(WINDOW_S))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.get("api/v1/health", monitor)["status"] != "ok":
            time.sleep(0.05)
        return monitor

    # --- asking

    def get(self, path, monitor=None):
        with urllib.request.urlopen((monitor or self.monitor).ready["http"] + path,
                                    timeout=10) as reply:
            return json.load(reply)

    def drift(self, model, query=""):
        return self.get("api/v1/models/%s/versions/1/drift%s" % (model, query))

    def wait(self, what, holds, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                found = what()
                if holds(found):
                    return found
            except urllib.error.HTTPError:
                pass  # not seen yet
            time.sleep(0.05)
        self.fail("still: %s" % json.dumps(what())[:2000])

    @staticmethod
    def states(drift):
        return {column["name"]: column["state"] for column in drift["columns"]
                if column["state"] != "quiet"}

    # --- serving

    def serve_numbers(self, shift=0.0, count=ROWS):
        for _ in range(count // 20):
            self.client.predict("numbers", self.source.rows(20, shift))

    def serve_table(self, count=ROWS, missing=0, unseen=0):
        sizes = [self.source.random.gauss(0, 1) for _ in range(count)]
        sizes[:missing] = [None] * missing
        request = prediction.PredictRequest(
            model=prediction.ModelRef(name="tables"),
            table=table_of({"colour": self.source.colours(count, unseen), "size": sizes}))
        self.client.call("Prediction/Predict", request, prediction.PredictResponse)

    def serve(self, count=ROWS, shift=0.0, missing=0, unseen=0):
        self.serve_numbers(shift, count)
        self.serve_table(count, missing * count // ROWS, unseen * count // ROWS)

    def watched(self, **options):
        """Serves until the monitor has the profiles and knows where counting began."""
        self.serve(20, **options)
        self.wait(lambda: [self.drift(model) for model in MODELS],
                  lambda found: all(drift["columns"] for drift in found))
        for _ in range(2):
            self.serve(20, **options)
            time.sleep(0.3)

    def window(self, **options):
        """One more window of each model, served at once and closed when it is old enough."""
        before = [self.drift(model)["windows"] for model in MODELS]
        self.serve(**options)
        return self.wait(lambda: [self.drift(model) for model in MODELS],
                         lambda found: all(drift["windows"] > n
                                           for drift, n in zip(found, before)))

    # --- tests

    def test_found_and_named_over_restarts(self):
        self.watched()
        for _ in range(2):
            numbers, tables = self.window()
            self.assertEqual((self.states(numbers), self.states(tables)), ({}, {}))
        self.assertEqual((numbers["state"], numbers["reference_rows"]), ("quiet", REFERENCE_ROWS))
        self.assertEqual(len(numbers["columns"]), FEATURES + 2)  # what is predicted, how surely
        self.assertAlmostEqual(numbers["expected_accuracy"], numbers["reference_accuracy"],
                               delta=0.06)
        self.assertIsNone(numbers["expected_accuracy_doubt"])

        # Half a deviation: found in the first window, told of after the second.
        disturbed = {"shift": 0.5, "missing": ROWS // 5}
        numbers, tables = self.window(**disturbed)
        self.assertEqual(self.states(numbers), {SHIFTED: "pending"})
        self.restart_monitor()
        self.assertEqual(self.states(self.drift("numbers")), {SHIFTED: "pending"})
        self.watched(**disturbed)
        numbers, tables = self.window(**disturbed)
        self.assertEqual(self.states(numbers), {SHIFTED: "firing"})
        self.check_told(numbers)
        # What is predicted without the size lies elsewhere too.
        self.assertEqual(self.states(tables), {"size": "firing", "prediction": "firing"})
        self.check_size(tables)

        self.restart_trivetd()
        self.assertEqual(self.states(self.drift("numbers")), {SHIFTED: "firing"})
        self.watched(unseen=ROWS // 10)
        for _ in range(4):  # the first one may hold the last of what was disturbed
            numbers, tables = self.window(unseen=ROWS // 10)
            if numbers["state"] == "quiet" and self.states(tables).get("colour") == "firing":
                break
        self.assertEqual(self.states(numbers), {})
        self.check_colour(tables)

        self.restart_monitor()
        numbers = self.drift("numbers", "?hours=1")
        self.assertEqual(self.states(numbers), {})
        self.assertGreaterEqual(len(numbers["history"]), 2)
        self.assertEqual(numbers["heat"][0]["name"], SHIFTED)
        self.assertGreater(max(numbers["heat"][0]["psi"]), 0.1)

    def restart_monitor(self):
        self.assertEqual(self.monitor.stop(), 0)
        self.monitor = self.start_monitor()

    def restart_trivetd(self):
        """A new epoch, of which every row is taken."""
        listen, events_url = self.trivetd.ready["listen"], self.trivetd.ready["events"]
        self.client.close()
        self.assertEqual(self.trivetd.stop(), 0)
        type(self).trivetd = start_trivetd(self.folder, "--bins-every", "200", listen=(listen,),
                                           events=events_url)
        type(self).client = Client(listen)
        self.wait(lambda: self.get("api/v1/health"), lambda health: health["status"] == "ok")

    def check_size(self, drift):
        size = next(column for column in drift["columns"] if column["name"] == "size")
        self.assertEqual(size["findings"]["missing"]["state"], "firing")
        self.assertAlmostEqual(size["missing"], 0.2, delta=0.05)

    def check_colour(self, drift):
        colour = next(column for column in drift["columns"] if column["name"] == "colour")
        self.assertEqual(colour["findings"]["out_of_range"]["state"], "firing")
        self.assertAlmostEqual(colour["out_of_range"], 0.1, delta=0.03)

    def check_told(self, drift):
        column = next(c for c in drift["columns"] if c["name"] == SHIFTED)
        self.assertTrue(column["psi"] > column["psi_limit"] or column["ks"] > column["ks_limit"])
        self.assertGreater(column["since_us"], 0)
        drill = self.drift("numbers", "?column=" + SHIFTED)["column"]
        self.assertEqual(len(drill["reference"]), len(drill["edges"]) + 2)
        self.assertEqual(len(drill["window"]), len(drill["reference"]))
        for shares in drill["reference"], drill["window"]:
            self.assertAlmostEqual(sum(shares), 1, places=9)
        with self.assertRaises(urllib.error.HTTPError) as caught:
            self.drift("numbers", "?column=none")
        self.assertEqual(caught.exception.code, 404)
        with urllib.request.urlopen(self.monitor.ready["http"] + "metrics") as reply:
            metrics = reply.read().decode()
        self.assertNotIn(SHIFTED, metrics)


class Totals(unittest.TestCase):
    """The events themselves."""

    def test_every_row_is_counted(self):
        temporary = tempfile.TemporaryDirectory(prefix="trivet-")
        self.addCleanup(temporary.cleanup)
        trivetd = start_trivetd(temporary.name, "--bins-every", "100")
        self.addCleanup(trivetd.kill)
        client = Client(trivetd.ready["listen"])
        subscriber = Socket(trivetd.ready["events"], SUB)
        columns = {"x%d" % i: [float(k * (i + 1) % 97) for k in range(1000)]
                   for i in range(400)}
        columns["y"] = [float(k % 13) for k in range(1000)]
        job = client.train_and_wait("wide", client.upload(columns).id, "y",
                                    estimator="linear_regression")
        client.deploy("wide", job.version)
        sent = 0
        for count in (1, 7, 64, 300, 500):
            client.predict("wide", [[float(i)] * 400 for i in range(count)])
            sent += count
        client.close()
        self.assertEqual(trivetd.stop(), 0)  # the last state comes with the end
        self.check(self.received(subscriber), sent)

    @staticmethod
    def received(subscriber):
        """{snapshot: pieces}"""
        snapshots = {}
        try:
            while True:
                topic, _, body = subscriber.receive().partition(b"\0")
                event = events.Event.FromString(body)
                if event.WhichOneof("body") == "bin_totals":
                    assert topic == b"prediction.wide." and len(body) <= 16384
                    snapshots.setdefault(event.bin_totals.snapshot, []).append(event.bin_totals)
        except (Closed, OSError):
            subscriber.close()
        return snapshots

    def check(self, snapshots, sent):
        pieces = snapshots[max(snapshots)]
        self.assertGreater(len(pieces), 1)
        cells = [cell for piece in pieces for cell in piece.cells]
        self.assertEqual([piece.first_column for piece in pieces],
                         sorted(piece.first_column for piece in pieces))
        for piece in pieces:
            self.assertEqual((piece.columns, piece.weights, piece.squares), (401, sent, sent))
            self.assertEqual(piece.confidence_weights, 0)
        self.assertEqual(sum(cells), 401 * sent)
        print("%d rows sent, weights of %d pieces: %g" % (sent, len(pieces), pieces[0].weights))


if __name__ == "__main__":
    main()
