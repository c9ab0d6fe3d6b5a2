"""Every answer is that of its own request, however calls are batched: models, sizes, precisions and
errors mixed over many connections that come and go, each answer compared with the one that an
unbatched server gave.

    TRIVET_CALLS=1000000 batching.py    as many calls (default 60,000)
"""

import math
import multiprocessing
import random

from harness import *

CALLS = int(os.environ.get("TRIVET_CALLS", "0")) or scaled(60000, 5000)
PROCESSES = 2
CONNECTIONS = 12
IN_FLIGHT_MAX = 40
COLUMNS = ["a", "b", "c"]
# Batched and single products differ in the last bits.
RELATIVE = {"f64": 1e-9, "f32": 2e-6}
ABSOLUTE = {"f64": 1e-11, "f32": 1e-6}


def training_columns(draw, n=240):
    columns = {name: [draw.gauss(2, 1) for _ in range(n)] for name in COLUMNS}
    score = [a - 2 * b + 0.5 * c + draw.gauss(0, 0.2)
             for a, b, c in zip(*(columns[name] for name in COLUMNS))]
    columns["number"] = score
    columns["class"] = ["low" if s < -3 else "high" if s > 0 else "middle" for s in score]
    return columns


def train_all(client):
    columns = training_columns(random.Random(5))
    models_ = [("linear", "linear_regression", "number"), ("logistic", "logistic_regression", "class"),
               ("network", "mlp_classifier", "class"), ("forest", "random_forest_regressor", "number"),
               ("margins", "svc", "class"), ("clusters", "kmeans", "")]
    for name, estimator, target in models_:
        kept = {key: values for key, values in columns.items() if key in COLUMNS + [target]}
        params = {"epochs": 5} if estimator == "mlp_classifier" else {}
        job = client.train_and_wait(name, client.upload(kept).id, target, estimator, params)
        client.deploy(name, job.version)
    return [name for name, _, _ in models_]


def draw_request(draw, names, i):
    """(header fields, PredictRequest): mostly plain, with everything else now and then."""
    request = prediction.PredictRequest(
        model=prediction.ModelRef(name=draw.choice(names)), prediction_id="call-%d" % i)
    cols = 3 if draw.random() > 0.02 else 4
    request.matrix.rows = draw.choice([1] * 12 + [2, 3, 17, 64, 65, 300])
    request.matrix.cols = cols
    values = [draw.gauss(2, 2) for _ in range(request.matrix.rows * cols)]
    if draw.random() < 0.1:
        values[draw.randrange(len(values))] = draw.choice([math.nan, math.inf, -math.inf])
        request.matrix.nan_is_missing = draw.random() < 0.5
    (request.matrix.f32 if draw.random() < 0.3 else request.matrix.f64).extend(values)
    odd = draw.random()
    if odd < 0.02:
        request.model.name = "nobody"
    elif odd < 0.04:
        request.model.version = draw.choice([1, 99])
    elif odd < 0.06:
        request.outputs.append(draw.choice(["prediction", "label", "nothing"]))
    elif odd < 0.08:
        request.ClearField("rows")
        rows = draw.randrange(1, 5)
        request.table.CopyFrom(table_of(
            {name: [draw.gauss(2, 2) for _ in range(rows)] for name in COLUMNS}))
    header = {"method": "trivet.v1.Prediction/Predict", "request_id": "r%d" % i}
    if draw.random() < 0.05:
        header["priority"] = frame.PRIORITY_BATCH
    if draw.random() < 0.05:
        header["trace_parent"] = "00-trace-%d" % i
    return header, request


def pack(header, request):
    packed = frame.RequestHeader(**header).SerializeToString()
    return struct.pack("<BBH", 1, 0, len(packed)) + packed + request.SerializeToString()


def close_enough(kind, wanted, got):
    return len(wanted) == len(got) and all(
        (math.isnan(a) and math.isnan(b)) or
        math.isclose(a, b, rel_tol=RELATIVE[kind], abs_tol=ABSOLUTE[kind])
        for a, b in zip(wanted, got))


class Expected:
    """The answer of one request, and the bytes that were found equal to it."""

    def __init__(self, reply):
        self.header, body = parse_reply(reply)
        self.body = prediction.PredictResponse.FromString(body)
        self.seen = {body}

    def matches(self, reply):
        header, body = parse_reply(reply)
        if (header.status, header.message, header.request_id) != (
                self.header.status, self.header.message, self.header.request_id):
            return False
        if body in self.seen:
            return True
        if not self.is_like(prediction.PredictResponse.FromString(body)):
            return False
        self.seen.add(body)
        return True

    def is_like(self, got):
        wanted = self.body
        same = (got.model, got.version, got.prediction_id, got.rows, list(got.row_errors)) == (
            wanted.model, wanted.version, wanted.prediction_id, wanted.rows,
            list(wanted.row_errors)) and len(got.outputs) == len(wanted.outputs)
        for a, b in zip(wanted.outputs, got.outputs):
            same = same and (a.name, a.cols, a.text_codes, a.text, a.columns) == (
                b.name, b.cols, b.text_codes, b.text, b.columns)
            same = same and close_enough("f64", a.f64, b.f64) and close_enough("f32", a.f32, b.f32)
        return same


class Driver:
    """One process's connections: bursts of calls, written in pieces of any size."""

    def __init__(self, url, requests, expected, seed):
        self.url = url
        self.requests = requests
        self.expected = expected
        self.draw = random.Random(seed)
        self.sockets = [None] * CONNECTIONS
        self.waiting = [{} for _ in range(CONNECTIONS)]
        self.ids = itertools.count(1)
        self.compared = 0
        self.wrong = []

    def close(self, i):
        if self.sockets[i] is not None:
            self.sockets[i].close()
        self.sockets[i] = None
        self.waiting[i] = {}

    def burst(self, i, count):
        if self.sockets[i] is None:
            self.sockets[i] = Socket(self.url)
        piece = b""
        for _ in range(count):
            sp_id = next(self.ids) & 0x7FFFFFFF
            k = self.draw.randrange(len(self.requests))
            payload = struct.pack(">I", sp_id | 0x80000000) + self.requests[k]
            piece += (b"\1" if self.sockets[i].ipc else b"") + struct.pack(">Q", len(payload)) + payload
            self.waiting[i][sp_id] = k
        if self.draw.random() < 0.02:  # goes away in the middle of a call
            self.sockets[i].sock.sendall(piece[:self.draw.randrange(len(piece))])
            self.close(i)
        elif self.draw.random() < 0.2:
            cut = self.draw.randrange(len(piece))
            self.sockets[i].sock.sendall(piece[:cut])
            self.sockets[i].sock.sendall(piece[cut:])
        else:
            self.sockets[i].sock.sendall(piece)

    def collect(self, i):
        while self.waiting[i]:
            if self.draw.random() < 0.0005:  # without its answers
                self.close(i)
                return
            payload = self.sockets[i].receive()
            k = self.waiting[i].pop(struct.unpack(">I", payload[:4])[0] & 0x7FFFFFFF)
            self.compared += 1
            if not self.expected[k].matches(payload[4:]):
                self.wrong.append(k)

    def run(self, calls):
        while self.compared < calls and len(self.wrong) < 5:
            for i in range(CONNECTIONS):
                self.burst(i, self.draw.randrange(1, IN_FLIGHT_MAX))
            for i in self.draw.sample(range(CONNECTIONS), CONNECTIONS):
                if self.sockets[i] is not None:
                    self.collect(i)
        for i in range(CONNECTIONS):
            self.close(i)
        return self.compared, self.wrong


def drive(arguments):
    url, requests, expected, seed, calls = arguments
    return Driver(url, requests, expected, seed).run(calls)


class Batching(unittest.TestCase):
    def test_each_answer_is_the_unbatched_one(self):
        with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
            requests, expected = self.unbatched(folder)
            trivetd = start_trivetd(folder, listen=("tcp://127.0.0.1:0", "ipc://%s/rpc" % folder))
            try:
                self.batched(trivetd.urls, requests, expected)
            finally:
                status = trivetd.stop()
            self.assertEqual(status, 0)

    def unbatched(self, folder):
        """One row a batch, all of it by the workers, one call at a time."""
        trivetd = start_trivetd(folder, "--inline-us", "0", "--batch-rows", "1")
        try:
            client = Client(trivetd.ready["listen"])
            names = train_all(client)
            draw = random.Random(11)
            requests = [pack(*draw_request(draw, names, i)) for i in range(600)]
            expected = []
            for request in requests:
                client.send(request)
                expected.append(Expected(client.receive()[1]))
            client.close()
        finally:
            trivetd.stop()
        statuses = {frame.Status.Name(one.header.status) for one in expected}
        self.assertGreaterEqual(statuses, {"STATUS_OK", "STATUS_NOT_FOUND",
                                           "STATUS_INVALID_ARGUMENT"})
        self.assertTrue(any(one.body.row_errors for one in expected))
        return requests, expected

    def batched(self, urls, requests, expected):
        # A wrong answer would be seen.
        planted = list(expected)
        k = next(i for i, one in enumerate(expected) if one.body.outputs and one.body.outputs[0].f64)
        planted[k] = Expected(b"\1\0\0\0")
        planted[k].header = expected[k].header
        planted[k].body.CopyFrom(expected[k].body)
        planted[k].body.outputs[0].f64[0] += 1e-6
        self.assertIn(k, Driver(urls[0], requests, planted, 1).run(CALLS)[1])
        jobs = [(urls[i % len(urls)], requests, expected, 100 + i, CALLS // PROCESSES)
                for i in range(PROCESSES)]
        with multiprocessing.Pool(PROCESSES) as pool:
            results = pool.map(drive, jobs)
        wrong = sorted({k for _, some in results for k in some})
        print("%d answers compared, wrong: %s" % (sum(n for n, _ in results), wrong or "none"))
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    main()
