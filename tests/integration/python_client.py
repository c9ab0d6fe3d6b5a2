"""The Python client against a real server: the shapes of data, missing values, typed errors,
streams, deadlines, broken connections, and scikit-learn's protocol."""

import copy
import doctest
import os
import pickle
import socket
import struct
import threading
import time

import numpy
import pandas
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.cluster import KMeans as ReferenceKMeans
from sklearn.linear_model import LinearRegression as ReferenceRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.svm import SVC as ReferenceSVC

from harness import *  # the way to the package too

import trivet
from trivet import _wire
from trivet.estimators import (SVC, DummyClassifier, KMeans, LinearRegression, MLPClassifier,
                               Ridge)

README = os.path.join(os.path.dirname(__file__), "../../clients/python/README.md")


class PythonClientTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.python = trivet.connect(self.url)
        self.addCleanup(self.python.close)
        self.random = numpy.random.default_rng(7)

    def exact(self, name, n_rows=200):
        """A model of y = x0 + 1000 x1, exactly; the finished job."""
        x = self.random.normal(size=(n_rows, 2))
        return self.python.train(name, x, x @ [1.0, 1000.0], transformers=[], test_size=0.0)


class Data(PythonClientTest):
    def test_all_shapes_are_the_same_dataset(self):
        n = 50
        area, district = self.random.normal(size=n), self.random.choice(["a", "bé", "c"], n)
        structured = numpy.zeros(n, dtype=[("area", "f8"), ("district", "U8")])
        structured["area"], structured["district"] = area, district
        forms = {
            "arrays": {"area": area, "district": district},
            "lists": {"area": area.tolist(), "district": district.tolist()},
            "structured": structured,
            "frame": pandas.DataFrame({"area": area, "district": district}),
            "categories": pandas.DataFrame({"area": area, "district": pandas.Categorical(district)}),
        }
        hashes = {name: self.python.upload(form).content_hash for name, form in forms.items()}
        self.assertEqual(len(set(hashes.values())), 1, hashes)

    def test_matrix_and_outcomes_beside_it(self):
        x = self.random.normal(size=(20, 3))
        made = self.python.upload(x.astype(numpy.float32), x[:, 0] > 0, target="up")
        columns = self.python.dataset(made.id).schema.columns
        self.assertEqual([c.name for c in columns], ["x0", "x1", "x2", "up"])
        self.assertEqual({c.type for c in columns}, {data.COLUMN_TYPE_NUMERIC})
        self.assertEqual(made.rows, 20)

    def test_missing_values_are_nulls(self):
        forms = [
            {"a": [1.0, None, float("nan")], "t": ["x", None, "y"]},
            {"a": numpy.array([1.0, numpy.nan, numpy.nan]),
             "t": numpy.array(["x", numpy.nan, "y"], object)},
            pandas.DataFrame({"a": pandas.array([1, None, pandas.NA], "Int64"),
                              "t": pandas.array(["x", pandas.NA, "y"], "string")}),
            [[1.0, "x"], [None, None], [float("nan"), "y"]],
        ]
        hashes = {self.python.upload(form).content_hash for form in forms[:3]}
        self.assertEqual(len(hashes), 1)
        self.assertEqual(self.python.upload(forms[3]).rows, 3)
        # As the contract spells it, by another client.
        reference = self.client.upload({"a": [1.0, None, None], "t": ["x", None, "y"]})
        self.assertEqual(hashes, {reference.content_hash})

    def test_many_chunks_with_long_dictionaries(self):
        n = scaled(300000, 20000)
        names = numpy.array(["name %06d" % i for i in range(n)])
        made = self.python.upload({"v": numpy.arange(float(n)), "t": names})
        self.assertEqual(made.rows, n)
        if SCALE == 1:
            self.assertGreater(made.chunks, 1)
        one = self.client.upload({"v": numpy.arange(50.0).tolist(), "t": names[:50].tolist()})
        two = self.python.upload({"v": numpy.arange(50.0), "t": names[:50]})
        self.assertEqual(one.content_hash, two.content_hash)

    def test_what_is_no_table_is_told_before_anything_is_sent(self):
        before = len(self.python.datasets())
        for rows, text in [
                ([1.0, 2.0], "give (rows, columns)"), (numpy.zeros((2, 0)), "no columns"),
                ({}, "no columns"), ({"a": [1.0, 2.0], "b": [1.0]}, "'b' has 1 rows"),
                ({"a": [1.0, "x"]}, "mixes"), ({"a": numpy.zeros((2, 2))}, "one value per row"),
                ({"a": numpy.zeros(2, "M8[s]")}, "give numbers or text"),
                ([[1.0, 2.0], [3.0]], "not a table")]:
            with self.assertRaises(trivet.InvalidArgument) as caught:
                self.python.upload(rows)
            self.assertIn(text, str(caught.exception))
        self.assertEqual(len(self.python.datasets()), before)

    def test_a_refused_upload_leaves_no_dataset(self):
        before = len(self.python.datasets())
        with self.assertRaises(trivet.InvalidArgument):
            self.python.upload({"a" * 200: [1.0]})
        with self.assertRaises(trivet.TrivetError):
            self.python.upload({"a": []})
        self.assertEqual(len(self.python.datasets()), before)

    def test_varints(self):
        for top in (1, 127, 128, 16384, 2**28, 2**32 - 1):
            values = self.random.integers(0, top + 1, 1000).astype(numpy.uint32)
            values[0] = top
            packed = _wire.pack_varints(values)
            self.assertEqual(data.CategoricalColumn.FromString(
                _wire.bytes_field(2, packed)).codes, values.tolist())
            numpy.testing.assert_array_equal(_wire.unpack_varints(packed), values)


class Calls(PythonClientTest):
    def test_train_evaluate_predict_promote(self):
        seen = []
        x = self.random.normal(size=(300, 2))
        y = x @ [1.0, 2.0] + self.random.normal(size=300)
        job = self.python.train("way", x, y, folds=3, seed=4, progress=seen.append)
        self.assertEqual((job.state, job.version), ("succeeded", 1))
        self.assertTrue(seen[-1].ended)
        self.assertEqual(len(job.report.cross_validation.folds), 3)
        self.assertEqual(job.report.rows_test, 60)
        evaluation = self.python.evaluate("way:1", x, y)
        found = self.python.predict(job, x)
        self.assertAlmostEqual(evaluation.metrics["mse"], numpy.mean((found.values - y) ** 2), 10)
        with self.assertRaises(trivet.FailedPrecondition):
            self.python.promote(job, require="r2>=0.9999")
        self.python.promote(job, alias="best")
        numpy.testing.assert_array_equal(self.python.predict("way@best", x).values, found.values)
        with self.assertRaises(trivet.FailedPrecondition):
            self.python.rollback("way", alias="best")
        with self.assertRaises(trivet.FailedPrecondition):
            self.python.promote(job, alias="best", better_than="@best")
        self.assertEqual([(c.alias, c.version) for c in self.python.history("way")], [("best", 1)])
        folds = self.python.cross_validate(x, y, folds=4)
        self.assertEqual(len(folds.report.cross_validation.folds), 4)
        self.assertIn("r2", folds.metrics)
        self.assertIn("way", [model.name for model in self.python.models()])
        self.assertEqual(self.python.describe("way:1").versions[0].target, "target")
        self.assertEqual(self.python.jobs("way")[0].id, job.id)
        self.assertIn("linear_regression", [e.name for e in self.python.estimators()])
        self.assertEqual(self.python.status().pid, self.trivetd.pid)
        self.assertEqual(self.python.ready(), (True, ""))

    def test_a_grouped_target_and_transformers_by_name(self):
        table = {"a": self.random.normal(size=100), "b": self.random.normal(size=100)}
        table["y"] = table["a"] * 3 + 1
        table["a"][5] = numpy.nan
        job = self.python.train(
            "steps", table, target="y", columns=["a"], test_size=0.0,
            transformers=[("imputer", {"strategy": "median"}), ("standard_scaler", None, ["a"])])
        self.assertEqual([step.partition(":")[0] for step in job.report.steps],
                         ["imputer(median)", "standard_scaler", "linear_regression"])

    def test_precision_is_kept_and_large_requests_are_cut(self):
        job = self.exact("cut")
        n = scaled(400000, 100000)
        x = self.random.normal(size=(n, 2))
        found = self.python.predict(job, x)
        self.assertEqual((len(found), len(set(found.ids))), (n, n))
        numpy.testing.assert_allclose(found.values, x @ [1.0, 1000.0], atol=1e-9)
        single = self.python.predict(job, x[:10].astype(numpy.float32))
        self.assertEqual(single.values.dtype, numpy.float32)
        self.assertEqual(found.values.dtype, numpy.float64)

    def test_bad_rows_are_listed_at_their_place(self):
        job = self.exact("rows")
        x = self.random.normal(size=(200000, 2))
        x[[3, 150000], 1] = numpy.nan
        found = self.python.predict(job, x)
        self.assertEqual(sorted(found.row_errors), [3, 150000])
        self.assertEqual(numpy.flatnonzero(numpy.isnan(found.values)).tolist(), [3, 150000])
        with self.assertRaises(trivet.InvalidArgument) as caught:
            found.check()
        self.assertIn("row 3", str(caught.exception))

    def test_errors_are_typed(self):
        x = self.random.normal(size=(10, 2))
        with self.assertRaises(trivet.NotFound) as caught:
            self.python.predict("nowhere", x)
        self.assertIsInstance(caught.exception, trivet.TrivetError)
        self.assertIsInstance(caught.exception, LookupError)
        self.assertEqual(caught.exception.code, "NOT_FOUND")
        self.assertGreater(caught.exception.timings.total_us, 0)
        with self.assertRaises(trivet.InvalidArgument) as caught:
            self.python.train("typed", x, x[:, 0], parameters={"alhpa": 1})
        self.assertIn("alpha", caught.exception.message)
        self.assertEqual(caught.exception.violations[0][0], "alhpa")
        with self.assertRaises(trivet.InvalidArgument):
            self.python.predict("a:b:c", x)
        # A job that fails on the data.
        with self.assertRaises(trivet.InvalidArgument) as caught:
            self.python.train("typed", {"a": x[:, 0], "y": ["u", "v"] * 5}, target="y")
        codes = {name[len("STATUS_"):] for name in frame.Status.keys()} - {"OK"}
        self.assertEqual({kind.code for kind in trivet.errors.CLASSES.values()}, codes)

    def test_a_request_id_makes_one_job(self):
        made = self.python.upload(self.random.normal(size=(10, 2)))
        first, second = (self.python.train("once", made, target="x1", request_id="once-7")
                         for _ in range(2))
        self.assertEqual(first.id, second.id)
        with self.assertRaises(trivet.AlreadyExists):
            self.python.train("other", made, target="x1", request_id="once-7")

    def test_cancel(self):
        made = self.python.upload(self.random.normal(size=(scaled(200000, 20000), 20)))
        jobs = [self.python.train("cancelled", made, target="x1", folds=20, wait=False)
                for _ in range(2)]
        self.assertEqual(self.python.cancel(jobs[1]).state, "cancelled")
        with self.assertRaises(trivet.Cancelled):
            jobs[1].wait()
        jobs[0].cancel()

    def test_threads_share_a_client(self):
        job = self.exact("shared")
        x = self.random.normal(size=(20, 2))
        wrong = []

        def work():
            for i in range(50):
                found = self.python.predict(job, x[i % 20:][:1]).values[0]
                if abs(found - x[i % 20] @ [1.0, 1000.0]) > 1e-9:
                    wrong.append(found)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class Readme(ServerTest):
    def test_readme(self):
        os.environ["TRIVET_SERVER"] = self.url
        self.addCleanup(os.environ.pop, "TRIVET_SERVER")
        result = doctest.testfile(README, module_relative=False)
        self.assertEqual(result.failed, 0)
        self.assertGreater(result.attempted, 20)


class Streams(PythonClientTest):
    def test_in_order_and_no_further_than_the_window(self):
        job = self.exact("stream")
        n, window = scaled(5000, 500), 16
        read = yielded = 0

        def source():
            nonlocal read
            for i in range(n):
                read += 1
                yield [[float(i), 0.0]] * (1 + i % 3)

        for part in self.python.stream(job, source(), window=window):
            self.assertLessEqual(read - yielded, window)
            self.assertEqual(len(part), 1 + yielded % 3)
            self.assertAlmostEqual(part.values[0], yielded, 6)
            yielded += 1
        self.assertEqual(yielded, n)

    def test_large_parts_fill_both_directions(self):
        job = self.exact("wide")
        part = self.random.normal(size=(60000, 2))
        for found in self.python.stream(job, (part for _ in range(60)), window=32):
            self.assertEqual(len(found), 60000)

    def test_an_abandoned_stream_leaves_the_client_usable(self):
        job = self.exact("abandoned")
        stream = self.python.stream(job, ([[float(i), 0.0]] for i in range(1000)), window=64)
        self.assertAlmostEqual(next(stream).values[0], 0.0)
        stream.close()
        self.assertAlmostEqual(self.python.predict(job, [[5.0, 0.0]]).values[0], 5.0)

    def test_errors(self):
        job = self.exact("errors")
        parts = [[[1.0, 2.0]], [[1.0, 2.0, 3.0]], [[1.0, 2.0]]]
        stream = self.python.stream(job, parts, window=1)
        self.assertEqual(len(next(stream)), 1)
        with self.assertRaises(trivet.InvalidArgument):
            next(stream)
        with self.assertRaises(trivet.InvalidArgument):
            self.python.stream(job, parts, window=0)


class Breaks(PythonClientTest):
    def restart(self):
        cls = type(self)
        cls.trivetd.stop()
        cls.trivetd = start_trivetd(self.folder, listen=(self.trivetd.ready["listen"],))

    def test_a_restart_between_calls_and_inside_a_stream(self):
        job = self.exact("restart")
        self.restart()
        self.assertAlmostEqual(self.python.predict(job, [[5.0, 0.0]]).values[0], 5.0)

        def source():
            for i in range(100):
                if i == 50:
                    self.restart()
                yield [[float(i), 0.0]]

        found = [part.values[0] for part in self.python.stream(job, source(), window=8)]
        numpy.testing.assert_allclose(found, numpy.arange(100.0), atol=1e-6)

    def test_no_server(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        started = time.monotonic()
        with self.assertRaises(trivet.Unavailable) as caught:
            trivet.connect("tcp://127.0.0.1:%d" % port, timeout=1.0)
        self.assertLess(time.monotonic() - started, 10)
        self.assertIn("start trivetd there", str(caught.exception))
        for url in ("127.0.0.1:7600", "http://127.0.0.1:80", "tcp://127.0.0.1", "ipc://"):
            with self.assertRaises(ValueError):
                trivet.connect(url)


class Peer(threading.Thread):
    """A server that takes the hello and a request, then does what `answer(connection)` does."""

    def __init__(self, answer, hello=b"\0SP\0" + struct.pack(">HH", REP, 0)):
        super().__init__(daemon=True)
        self.answer, self.hello = answer, hello
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "tcp://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.connections = []
        self.start()

    def run(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            self.connections.append(connection)
            connection.sendall(self.hello)
            try:
                connection.recv(1 << 16)
                self.answer(connection)
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            connection.close()


def answer_of(status, message=""):
    """For a Peer: a reply to the first request of a connection."""
    header = frame.ResponseHeader(status=status, message=message).SerializeToString()
    body = struct.pack(">I", 0x80000001) + struct.pack("<BBH", 1, 0, len(header)) + header
    return struct.pack(">Q", len(body)) + body


class BadPeers(unittest.TestCase):
    def call(self, peer, timeout=60):
        self.addCleanup(peer.close)
        return trivet.connect(peer.url, timeout=timeout)

    def test_silence_is_a_deadline(self):
        started = time.monotonic()
        with self.assertRaises(trivet.DeadlineExceeded) as caught:
            self.call(Peer(lambda connection: None), timeout=0.3)
        self.assertIsInstance(caught.exception, TimeoutError)
        self.assertTrue(0.3 <= time.monotonic() - started < 30)

    def test_one_that_closes_is_tried_twice(self):
        peer = Peer(lambda connection: connection.close())
        with self.assertRaises(trivet.Unavailable) as caught:
            self.call(peer)
        self.assertIn("twice", str(caught.exception))
        self.assertEqual(len(peer.connections), 2)

    def test_a_server_that_stops_is_asked_again_when_it_is_back(self):
        answers = [answer_of(frame.STATUS_UNAVAILABLE, "stopping")] * 2 + [
            answer_of(frame.STATUS_OK)]
        peer = Peer(lambda connection: connection.sendall(answers.pop(0)))
        self.call(peer).close()
        self.assertEqual(len(peer.connections), 3)
        asked = Peer(lambda connection: connection.sendall(
            answer_of(frame.STATUS_UNAVAILABLE, "for ever")))
        started = time.monotonic()
        with self.assertRaises(trivet.Unavailable) as caught:
            self.call(asked, timeout=1)
        self.assertEqual(caught.exception.message, "for ever")
        self.assertLess(time.monotonic() - started, 30)
        self.assertLess(len(asked.connections), 10)

    def test_a_stream_sends_again_what_a_stopping_server_refused(self):
        answers = [answer_of(frame.STATUS_OK)] + [
            answer_of(frame.STATUS_UNAVAILABLE, "stopping")] * 2 + [answer_of(frame.STATUS_OK)] * 2
        peer = Peer(lambda connection: connection.sendall(answers.pop(0)))
        with self.call(peer) as client:
            client._channel.drop_idle()  # a Peer answers one request of a connection
            self.assertEqual(len(list(client.stream("m", [[[1.0]]]))), 1)
        self.assertEqual(len(answers), 1)

    def test_what_is_no_replier_or_no_frame(self):
        with self.assertRaises(trivet.Unavailable) as caught:
            self.call(Peer(lambda connection: None, hello=b"SSH-2.0-"))
        self.assertIn("not an SP replier", str(caught.exception))
        claims = struct.pack(">Q", 1 << 40)
        with self.assertRaises(trivet.Unavailable):
            self.call(Peer(lambda connection: connection.sendall(claims)))
        reply = struct.pack(">QI", 6, 0x80000001) + b"\2\0"
        with self.assertRaises(trivet.Internal):
            self.call(Peer(lambda connection: connection.sendall(reply)))


class LikeScikitLearn(PythonClientTest):
    def data(self):
        x = self.random.normal(size=(120, 4))
        return x, x @ [1.0, -2.0, 0.5, 3.0] + 7 + self.random.normal(size=120)

    def test_fit_predict_score(self):
        x, y = self.data()
        kept = len(self.python.datasets())
        ours = LinearRegression(client=self.python).fit(x, y)
        self.assertEqual(len(self.python.datasets()), kept)
        reference = ReferenceRegression().fit(x, y)
        numpy.testing.assert_allclose(ours.coef_, reference.coef_, rtol=1e-8)
        numpy.testing.assert_allclose(ours.intercept_, reference.intercept_, rtol=1e-8)
        numpy.testing.assert_allclose(ours.predict(x), reference.predict(x), rtol=1e-8)
        weights = self.random.uniform(size=120)
        self.assertAlmostEqual(ours.score(x, y, weights), reference.score(x, y, weights), 10)
        self.assertEqual((ours.n_features_in_, is_regressor(ours)), (4, True))

    def test_protocol(self):
        x, y = self.data()
        ridge = Ridge(client=self.python, alpha=2.0)
        self.assertEqual(ridge.get_params()["alpha"], 2.0)
        copied = clone(ridge).set_params(alpha=3.0)
        self.assertEqual((ridge.alpha, copied.alpha), (2.0, 3.0))
        self.assertIs(copy.deepcopy(self.python), self.python)
        scores = cross_val_score(ridge, x, y, cv=3)
        self.assertGreater(scores.min(), 0.5)
        search = GridSearchCV(ridge, {"alpha": [0.1, 1000.0]}, cv=3).fit(x, y)
        self.assertEqual(search.best_params_, {"alpha": 0.1})
        again = pickle.loads(pickle.dumps(ridge.fit(x, y)))
        numpy.testing.assert_array_equal(again.predict(x), ridge.predict(x))
        again.client.close()
        with self.assertRaises(trivet.InvalidArgument) as caught:
            Ridge(client=self.python, alhpa=1).fit(x, y)
        self.assertIn("alpha", str(caught.exception))
        with self.assertRaises(trivet.FailedPrecondition):
            Ridge(client=self.python).predict(x)

    def test_text_is_prepared_by_default(self):
        table = {"a": self.random.normal(size=60), "t": self.random.choice(["u", "v"], 60)}
        y = table["a"] + 5.0 * (table["t"] == "v")
        ours = LinearRegression(client=self.python).fit(table, y)
        numpy.testing.assert_allclose(ours.predict(table), y, atol=1e-8)
        self.assertEqual(ours.feature_names_in_.tolist(), ["a", "t"])

    def classes(self, labels, n_rows=150):
        """Rows around one centre for each label; ascending labels are not in the order of centres."""
        y = numpy.repeat(numpy.arange(len(labels)), n_rows // len(labels))
        centres = self.random.normal(scale=3, size=(len(labels), 4))
        x = centres[y] + self.random.normal(size=(len(y), 4))
        return x, numpy.array(labels)[y]

    def test_labels_come_back_as_they_were_given(self):
        for labels in ([3, -1, 20], ["ö", "a", "b/c"], [0.5, 1 / 3, -2.0], [True, False],
                       ["10", "9"], ["a/b", "a", "b"]):
            x, y = self.classes(labels)
            ours = SVC(client=self.python).fit(x, y)
            reference = ReferenceSVC(decision_function_shape="ovo").fit(x, [str(v) for v in y])
            self.assertTrue(is_classifier(ours))
            numpy.testing.assert_array_equal(ours.classes_, numpy.unique(y))
            found = ours.predict(x)
            self.assertEqual(found.dtype, y.dtype)
            self.assertEqual(found.astype(str).tolist(), reference.predict(x).tolist())
            self.assertEqual(ours.score(x, y), numpy.mean(found == y))
            baseline = DummyClassifier(client=self.python).fit(x, y)
            shares = [numpy.mean(y == label) for label in ours.classes_]
            numpy.testing.assert_allclose(baseline.predict_proba(x[:2]), [shares] * 2, rtol=1e-12)
            numpy.testing.assert_allclose(numpy.exp(baseline.predict_log_proba(x[:1])), [shares])

    def test_decision_values_have_scikit_learns_order_and_sign(self):
        for labels in ([5, -5], ["no", "yes"], [10, 9, -1], ["c", "a", "b", "d/e"]):
            x, y = self.classes(labels)
            ours = SVC(client=self.python, tol=1e-6).fit(x, y).decision_function(x)
            reference = ReferenceSVC(decision_function_shape="ovo", tol=1e-6).fit(x, y)
            numpy.testing.assert_allclose(ours, reference.decision_function(x), atol=1e-6)

    def test_classifiers_in_cross_validation(self):
        x, y = self.classes(["a", "b", "c"])
        scores = cross_val_score(SVC(client=self.python), x, y, cv=3)
        expected = cross_val_score(ReferenceSVC(), x, y, cv=3)
        numpy.testing.assert_array_equal(scores, expected)
        perceptron = MLPClassifier(client=self.python, hidden_layers=[20], epochs=60,
                                   learning_rate=0.01).fit(x, y)
        self.assertGreater(perceptron.score(x, y), 0.9)
        self.assertEqual(len(perceptron.loss_curve_), perceptron.n_iter_)
        numpy.testing.assert_allclose(perceptron.predict_proba(x).sum(axis=1), 1.0)
        with self.assertRaises(trivet.InvalidArgument):
            SVC(client=self.python).fit(x, ["a"] * len(x))

    def test_clusters(self):
        x, y = self.classes([0, 1, 2])
        ours = KMeans(client=self.python, n_clusters=3, n_init=5).fit(x)
        reference = ReferenceKMeans(3, n_init=5, random_state=0).fit(x)
        self.assertEqual(adjusted_rand_score(ours.labels_, reference.labels_), 1.0)
        self.assertEqual((ours.labels_.dtype.kind, is_classifier(ours)), ("i", False))
        self.assertAlmostEqual(ours.score(x), reference.score(x), 6)
        self.assertAlmostEqual(ours.inertia_, reference.inertia_, 6)
        self.assertEqual(ours.cluster_centers_.shape, reference.cluster_centers_.shape)
        numpy.testing.assert_allclose(
            ours.cluster_centers_[numpy.argsort(ours.cluster_centers_[:, 0])],
            reference.cluster_centers_[numpy.argsort(reference.cluster_centers_[:, 0])], atol=1e-9)
        # The server's own centres, not the means of where a fit has not converged.
        early = KMeans(client=self.python, n_clusters=3, n_init=1, max_iter=1).fit(x)
        distances = numpy.linalg.norm(x[:, None] - early.cluster_centers_, axis=2)
        numpy.testing.assert_allclose(distances, early.transform(x), atol=1e-9)
        scaled = KMeans(client=self.python, n_clusters=3, preprocess=True).fit(x)
        self.assertFalse(hasattr(scaled, "cluster_centers_"))
        numpy.testing.assert_array_equal(ours.transform(x).argmin(axis=1), ours.predict(x))
        again = KMeans(client=self.python, n_clusters=3, n_init=5)
        numpy.testing.assert_array_equal(again.fit_predict(x, y), ours.labels_)


if __name__ == "__main__":
    main()
