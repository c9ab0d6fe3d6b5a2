"""What the integration tests share: real processes on ports they pick, and a client that speaks
SP and the frame by hand, so that the server is tested against the contract and not against
libtrivet.

Environment (set by ctest): TRIVET_BIN, the folder of trivetd, trivet and trivet-monitor;
TRIVET_PROTO, the folder of the generated Python messages; TRIVET_SCALE, a factor for the sizes of
the long tests (sanitized programs are slow); TRIVET_TRANSPORT, trivetd's --transport (sp).
"""

import itertools
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.environ["TRIVET_PROTO"])

from trivet.v1 import data_pb2 as data  # noqa: E402
from trivet.v1 import datasets_pb2 as datasets  # noqa: E402
from trivet.v1 import evaluation_pb2 as evaluation  # noqa: E402
from trivet.v1 import events_pb2 as events  # noqa: E402
from trivet.v1 import feedback_pb2 as feedback  # noqa: E402
from trivet.v1 import frame_pb2 as frame  # noqa: E402
from trivet.v1 import models_pb2 as models  # noqa: E402
from trivet.v1 import prediction_pb2 as prediction  # noqa: E402
from trivet.v1 import server_pb2 as server  # noqa: E402
from trivet.v1 import training_pb2 as training  # noqa: E402

BIN = os.environ["TRIVET_BIN"]
SCALE = float(os.environ.get("TRIVET_SCALE", "1"))
TRANSPORT = os.environ.get("TRIVET_TRANSPORT", "sp")
START_SECONDS = 60
REQ, REP, SUB, PUB = 0x30, 0x31, 0x21, 0x20


def program(name):
    return os.path.join(BIN, name)


def scaled(count, least=1):
    return max(least, int(count * SCALE))


# --- processes -----------------------------------------------------------------------------------


class Process:
    """A program that prints a line beginning `ready`; ended by the id it was started with."""

    def __init__(self, arguments, log_path, env=None):
        self.log_path = log_path
        self.log = open(log_path, "ab")
        self.popen = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=self.log, env=env, text=True)
        self.ready = self._wait_ready()

    def _wait_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if select.select([self.popen.stdout], [], [], 0.2)[0]:
                line = self.popen.stdout.readline()
                if line.startswith("ready"):
                    words = [word.split("=", 1) for word in line.split()[1:]]
                    self.urls = [value for name, value in words if name == "listen"]
                    return dict(reversed(words))
                if line == "":
                    break
        self.kill()
        with open(self.log_path) as log:
            raise RuntimeError("%s did not get ready:\n%s" % (self.popen.args[0], log.read()))

    @property
    def pid(self):
        return self.popen.pid

    def signal(self, number):
        os.kill(self.popen.pid, number)

    def child(self):
        """The id of its first child process; None when it has none."""
        for thread in os.listdir("/proc/%d/task" % self.pid):
            try:
                with open("/proc/%d/task/%s/children" % (self.pid, thread)) as children:
                    found = children.read().split()
            except FileNotFoundError:
                continue  # the thread has ended
            if found:
                return int(found[0])
        return None

    def kill(self):
        """SIGKILL, as a crash."""
        if self.popen.poll() is None:
            self.popen.kill()
        self._reap()

    def stop(self, seconds=30):
        """SIGTERM; the exit status is the program's word that it ended well."""
        if self.popen.poll() is None:
            self.popen.terminate()
        try:
            self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self._reap()
        return self.popen.returncode

    def _reap(self):
        self.popen.wait(30)
        if self.log.closed:
            return
        self.popen.stdout.close()
        self.log.close()
        with open(self.log_path, errors="replace") as log:
            text = log.read()
        # Of sanitizers, and of libraries that give up.
        for word in ("Sanitizer", "runtime error:", "panic:"):
            if word in text:
                raise AssertionError("%s (process %d):\n%s" % (
                    self.popen.args[0], self.pid, text[-20000:]))

    def fds(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def rss_bytes(self):
        with open("/proc/%d/status" % self.pid) as status:
            for line in status:
                if line.startswith("VmRSS"):
                    return int(line.split()[1]) * 1024
        return 0


def start_trivetd(folder, *extra, listen=("tcp://127.0.0.1:0",), events="tcp://127.0.0.1:0",
                  http="127.0.0.1:0", binary=None):
    arguments = [binary or program("trivetd"), "--data-dir", os.path.join(folder, "data"),
                 "--events", events, "--http", http, "--transport", TRANSPORT]
    for url in listen:
        arguments += ["--listen", url]
    return Process(arguments + list(extra), os.path.join(folder, "trivetd.log"))


def start_monitor(folder, trivetd, *extra):
    return Process(
        [program("trivet-monitor"), "--server", trivetd.ready["listen"], "--events",
         trivetd.ready["events"], "--http", "127.0.0.1:0", "--history",
         os.path.join(folder, "monitor.db")] + list(extra),
        os.path.join(folder, "monitor.log"))


def http_get(process, path, headers=None):
    """(status, text) of a GET from a process that names its HTTP address."""
    request = urllib.request.Request(process.ready["http"] + path, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def run_cli(url, *arguments, check=True, stdin=None, timeout=300):
    done = subprocess.run([program("trivet"), "--server", url] + list(arguments),
                          capture_output=True, text=True, input=stdin, timeout=timeout)
    if check and done.returncode != 0:
        raise RuntimeError("trivet %s: exit %d\n%s%s" % (
            " ".join(arguments), done.returncode, done.stdout, done.stderr))
    return done


# --- SP and the frame ----------------------------------------------------------------------------


class Closed(Exception):
    pass


class Socket:
    """One SP connection over tcp or ipc."""

    def __init__(self, url, protocol=REQ, timeout=30):
        scheme, _, rest = url.partition("://")
        self.ipc = scheme == "ipc"
        if self.ipc:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout)
            self.sock.connect(rest)
        else:
            host, _, port = rest.rpartition(":")
            self.sock = socket.create_connection((host, int(port)), timeout)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.sendall(struct.pack(">4sHH", b"\0SP\0", protocol, 0))
        self.buffer = b""
        hello = self.read(8)
        assert hello[:4] == b"\0SP\0", hello

    def read(self, count):
        while len(self.buffer) < count:
            piece = self.sock.recv(1 << 20)
            if piece == b"":
                raise Closed()
            self.buffer += piece
        piece, self.buffer = self.buffer[:count], self.buffer[count:]
        return piece

    def send(self, payload):
        head = (b"\1" if self.ipc else b"") + struct.pack(">Q", len(payload))
        self.sock.sendall(head + payload)

    def receive(self):
        if self.ipc:
            assert self.read(1) == b"\1"
        return self.read(struct.unpack(">Q", self.read(8))[0])

    def close(self):
        self.sock.close()


class CallError(Exception):
    def __init__(self, header):
        super().__init__("%s: %s" % (frame.Status.Name(header.status), header.message))
        self.header = header
        self.status = frame.Status.Name(header.status)[len("STATUS_"):]
        self.message = header.message


def pack_frame(method, request, request_id="", timeout_us=0):
    header = frame.RequestHeader(method="trivet.v1." + method, request_id=request_id,
                                 timeout_us=timeout_us).SerializeToString()
    return struct.pack("<BBH", 1, 0, len(header)) + header + request.SerializeToString()


def parse_reply(body):
    version, flags, header_bytes = struct.unpack("<BBH", body[:4])
    assert (version, flags) == (1, 0), body[:4]
    header = frame.ResponseHeader.FromString(body[4:4 + header_bytes])
    return header, body[4 + header_bytes:]


class Client:
    """Blocking calls, or many in flight: send() and receive() match by SP request id."""

    def __init__(self, url, timeout=60):
        self.socket = Socket(url, REQ, timeout)
        self.ids = itertools.count(1)
        self.request_ids = itertools.count(1)
        self.name = os.urandom(6).hex()

    def send(self, body):
        sp_id = next(self.ids) & 0x7FFFFFFF
        self.socket.send(struct.pack(">I", sp_id | 0x80000000) + body)
        return sp_id

    def receive(self):
        payload = self.socket.receive()
        return struct.unpack(">I", payload[:4])[0] & 0x7FFFFFFF, payload[4:]

    def raw(self, body):
        """Any bytes as a request; the reply's header and body."""
        sp_id = self.send(body)
        got_id, reply = self.receive()
        assert got_id == sp_id, (got_id, sp_id)
        return parse_reply(reply)

    def call_full(self, method, request, response_type, request_id=None, timeout_us=0):
        if request_id is None:
            request_id = "%s-%d" % (self.name, next(self.request_ids))
        header, body = self.raw(pack_frame(method, request, request_id, timeout_us))
        if header.status != frame.STATUS_OK:
            raise CallError(header)
        return header, response_type.FromString(body)

    def call(self, method, request, response_type, **options):
        return self.call_full(method, request, response_type, **options)[1]

    def close(self):
        self.socket.close()

    # --- the whole way, as the tests use it

    def upload(self, columns, rows_per_chunk=100000, name="test"):
        """`columns`: {name: list of float or None, or of str or None}. The committed dataset."""
        made = self.call("Datasets/Create", datasets.CreateDatasetRequest(
            name=name, schema=schema_of(columns)), datasets.Dataset)
        n_rows = len(next(iter(columns.values())))
        chunks = 0
        for first in range(0, n_rows, rows_per_chunk):
            part = {k: v[first:first + rows_per_chunk] for k, v in columns.items()}
            self.call("Datasets/Append", datasets.AppendDatasetRequest(
                dataset_id=made.id, chunk=chunks, rows=table_of(part)),
                datasets.AppendDatasetResponse)
            chunks += 1
        return self.call("Datasets/Commit", datasets.CommitDatasetRequest(
            dataset_id=made.id, chunks=chunks), datasets.Dataset)

    def train(self, model, dataset_id, target, estimator="linear_regression", params=None,
              transformers=None, test_size=0.0, seed=0, folds=0, request_id=None):
        """Submit; `transformers` None = the defaults, else a list of TransformerSpec."""
        spec = training.PipelineSpec(
            target=target, estimator=estimator, default_transformers=transformers is None,
            transformers=transformers or [],
            parameters=[data.Parameter(name=k, value=str(v)) for k, v in (params or {}).items()])
        return self.call("Training/Train", training.TrainRequest(
            model=model, dataset_id=dataset_id, pipeline=spec,
            split=training.SplitSpec(test_size=test_size, seed=seed, folds=folds)), training.Job,
            request_id=request_id)

    def wait(self, job_id, seconds=120):
        revision = 0
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            job = self.call("Training/WaitJob", training.WaitJobRequest(
                job_id=job_id, after_revision=revision), training.Job, timeout_us=5000000)
            if job.state in (training.JOB_STATE_SUCCEEDED, training.JOB_STATE_FAILED,
                             training.JOB_STATE_CANCELLED):
                return job
            revision = job.revision
        raise TimeoutError("job %s has not ended" % job_id)

    def train_and_wait(self, *arguments, **options):
        job = self.wait(self.train(*arguments, **options).id)
        assert job.state == training.JOB_STATE_SUCCEEDED, job
        return job

    def deploy(self, model, version, **options):
        return self.call("Models/Promote", models.PromoteRequest(
            model=model, version=version, **options), models.Model)

    def predict(self, model, rows, version=0, **options):
        """`rows`: a list of lists of floats. The PredictResponse."""
        request = prediction.PredictRequest(
            model=prediction.ModelRef(name=model, version=version), matrix=matrix_of(rows))
        return self.call("Prediction/Predict", request, prediction.PredictResponse, **options)


def matrix_of(rows, **options):
    return data.Matrix(rows=len(rows), cols=len(rows[0]) if rows else 0,
                       f64=[value for row in rows for value in row], **options)


def is_text(values):
    return any(isinstance(value, str) for value in values)


def schema_of(columns):
    return data.Schema(columns=[
        data.Column(name=name, type=data.COLUMN_TYPE_CATEGORICAL if is_text(values)
                    else data.COLUMN_TYPE_NUMERIC) for name, values in columns.items()])


def table_of(columns):
    out = data.Table(rows=len(next(iter(columns.values()))))
    for name, values in columns.items():
        column = out.columns.add(name=name)
        nulls = bytearray((len(values) + 7) // 8)
        for i, value in enumerate(values):
            if value is None:
                nulls[i // 8] |= 1 << (i % 8)
        if any(nulls):
            column.null_bitmap = bytes(nulls)
        if is_text(values):
            dictionary = sorted({value for value in values if value is not None})
            code = {value: i for i, value in enumerate(dictionary)}
            column.categorical.dictionary.extend(dictionary)
            column.categorical.codes.extend(code.get(value, 0) for value in values)
        else:
            column.numeric.values.extend(float("nan") if v is None else v for v in values)
    return out


# --- the test case -------------------------------------------------------------------------------


class ServerTest(unittest.TestCase):
    """A trivetd in a temporary folder for all tests of the class; a client for each test."""

    server_arguments = ()
    listen = ("tcp://127.0.0.1:0",)

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="trivet-")
        cls.folder = cls.temporary.name
        cls.trivetd = start_trivetd(cls.folder, *cls.server_arguments, listen=cls.listen)
        cls.url = cls.trivetd.ready["listen"]

    @classmethod
    def tearDownClass(cls):
        status = cls.trivetd.stop()
        cls.temporary.cleanup()
        if status != 0:
            raise AssertionError("trivetd ended with %d" % status)

    def setUp(self):
        self.client = Client(self.url)
        self.addCleanup(self.client.close)

    def fails(self, status, text, *arguments, **options):
        """The call is refused with `status`, and its message holds `text`."""
        with self.assertRaises(CallError) as caught:
            self.client.call(*arguments, **options)
        self.assertEqual(caught.exception.status, status, caught.exception.message)
        self.assertIn(text, caught.exception.message)
        return caught.exception


def main():
    unittest.main(verbosity=2)


__all__ = [name for name in globals() if not name.startswith("_")]
