"""The wire beside its peers on the same machine in the same run, in turn; a line for each peer:

    bench=NAME ours=X peer=NAME:Y unit=U better=RATIO goal=G met|missed …

X and Y are medians of the repetitions. RATIO above 1 is us ahead, whatever the unit; for a bench
with no peer ours is set against itself without the disturbance, or against a fixed limit. Every
answer of every call is checked against the model that was trained for it; one that is wrong ends
the run. A peer that is not there is named with its reason.

    wire.py [--quick] [--only REGEX] [--repeat N] [--seconds S] [--workers N] [--loops N]
            [--out FOLDER]

--quick: a moment each, one repetition; goals do not count, only that everything can be measured.
Client and server share the machine's cores; both sides of a comparison have the same.
"""

import argparse
import importlib.util
import os
import random
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../integration"))

import harness  # noqa: E402  (the way to the client)

import numpy as np  # noqa: E402
import trivet  # noqa: E402

import plot  # noqa: E402

MIB = float(1 << 20)
BULK_ROWS, BULK_WINDOW, WINDOW = 1024, 4, 64
CONNECTIONS = (1, 100, 1000, 10000)
PAIRS, PAIRS_BESIDE = 15, 9
PLACES = ("anywhere", "one-core")
BESIDE = ("--mode", "open", "--rate", "5000", "--connections", "4")
MANY_SECONDS = 0.6
NO_ANSWER = 2  # the exit status of a load without one


class Wrong(Exception):
    pass


def numbers_of(text):
    """{name: value} of the line `load name=value …`."""
    words = [word.split("=", 1) for word in text.split()[1:]]
    return {name: float(value) for name, value in words if name != "mode"}


class Measure:
    """A server, and how it is measured once; called, it gives the results."""

    def __init__(self, pid, measure):
        self.pid, self.measure = pid, measure

    def __call__(self):
        return dict(self.measure(), threads=len(threads_of(self.pid)))

    def on_one_core(self):
        """The same with client and server on one core, the last."""
        everywhere = os.sched_getaffinity(0)
        self.place({max(everywhere)})
        try:
            return self()
        finally:
            self.place(everywhere)

    def place(self, cores):
        for thread in threads_of(self.pid):
            try:
                os.sched_setaffinity(thread, cores)
            except ProcessLookupError:
                pass  # it has ended
        os.sched_setaffinity(0, cores)  # and with us the clients that we start


class Bench:
    """Servers and models of one run, and how each is put under load."""

    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.seconds = arguments.seconds
        self.programs = os.path.join(os.path.dirname(harness.BIN), "bench")
        self.found, self.processes, self.skipped = [], {}, {}
        self.loops, self.workers = (count or os.cpu_count() for count in (
            arguments.loops, arguments.workers))
        self.threads = self.loops + self.workers  # of ours that predict, and of a gRPC server
        self.trivetd = self.start_trivetd(folder)
        self.urls = dict(zip(("ipc", "tcp"), self.trivetd.urls))
        self.client = trivet.connect(self.urls["ipc"], timeout=600)
        self.models = {}

    def start_trivetd(self, folder, program=None):
        options = ["--workers", str(self.workers), "--loops", str(self.loops)]
        return harness.start_trivetd(
            folder, *options, listen=("ipc://%s/socket" % folder, "tcp://127.0.0.1:0"),
            binary=program)

    def stop(self):
        self.client.close()
        for process in self.processes.values():
            process.kill()
        self.trivetd.stop()

    def program(self, name):
        return os.path.join(self.programs, name)

    # --- models

    def train(self, client, name, n_features, seed=1):
        """Trains and promotes; (version, file of its coefficients)."""
        source = np.random.default_rng(seed)
        x = source.normal(size=(2000, n_features))
        score = x @ source.normal(size=n_features) + source.normal(size=2000)
        logistic = name.startswith("logistic")
        job = client.train(
            name, x, np.where(score > 0, "yes", "no") if logistic else score, transformers=[],
            estimator="logistic_regression" if logistic else "linear_regression", test_size=0.0)
        client.promote(job)
        path = os.path.join(self.folder, "%s-%d" % (name, job.version))
        with open(path, "w") as out:
            out.write("%s %d %d %r %s\n" % (
                "logistic" if logistic else "linear", job.version, n_features,
                job.report.intercept, " ".join(repr(c.value) for c in job.report.coefficients)))
        return job.version, path

    def model(self, name):
        if name not in self.models:
            self.models[name] = self.train(self.client, name, int(re.search("[0-9]+", name)[0]))[1]
        return self.models[name]

    # --- load

    @staticmethod
    def run(make_command, seconds):
        """Of make_command(seconds); on a busy machine a moment may be too short for any answer."""
        for factor in (1, 4, 16, 64):
            command = make_command("%g" % (seconds * factor))
            done = subprocess.run(command, capture_output=True, text=True, timeout=300)
            if done.returncode != NO_ANSWER or not done.stdout.startswith("load "):
                break
        if done.returncode != 0:
            raise Wrong("%s: exit %d\n%s%s" % (" ".join(command), done.returncode, done.stdout,
                                                done.stderr))
        return numbers_of(done.stdout)

    def load(self, url, pid, model, *options, files=None, seconds=None):
        command = [self.program("load"), "--url", url, "--pid", str(pid), "--model", model,
                   "--warm-up", "0.05" if self.arguments.quick else "0.3"]
        for path in files or [self.model(model)]:
            command += ["--file", path]
        return self.run(lambda seconds: command + list(options) + ["--seconds", seconds],
                        seconds or self.seconds)

    def ours(self, scheme, model, *options, **more):
        self.model(model)
        return Measure(self.trivetd.pid, lambda: self.load(
            self.urls[scheme], self.trivetd.pid, model, *options, **more))

    def process(self, key, make_command):
        """A peer, started when it is first needed."""
        if key not in self.processes:
            command = make_command()
            if command[0].endswith(".py"):
                command = ("/usr/bin/python3", os.path.join(HERE, "wire", command[0])) + command[1:]
            else:
                command = (self.program(command[0]),) + command[1:]
            self.processes[key] = harness.Process(
                [str(word) for word in command], os.path.join(self.folder, "peers.log"))
        return self.processes[key]

    def address(self, scheme, name):
        """A new one of a peer."""
        return ("ipc://%s/%s-%d" % (self.folder, name, len(self.processes)) if scheme == "ipc"
                else "tcp://127.0.0.1:%d" % free_port())

    def sizes(self, scheme, model, *options):
        """(request, reply) bytes on the wire, of real calls."""
        seen = self.ours(scheme, model, *options, "--warm-up", "0.05", seconds=0.1)()
        return int(seen["request_bytes"]), int(seen["reply_bytes"])

    def echo(self, scheme, model, *options, seconds=None):
        request, reply = self.sizes(scheme, model, *options)
        peer = self.process(("echo", scheme, request, reply), lambda: (
            "echo", self.address(scheme, "echo"), request, reply))
        return Measure(peer.pid, lambda: self.load(
            peer.ready["listen"], peer.pid, model, "--bare", "--echo", str(reply), *options,
            seconds=seconds))

    def nng(self, scheme, model, *options):
        _, reply = self.sizes(scheme, model, *options)
        peer = self.process(("nng", scheme, reply), lambda: (
            "nng_echo", self.address(scheme, "nng"), reply - (13 if scheme == "ipc" else 12)))
        return Measure(peer.pid, lambda: self.load(
            peer.ready["listen"], peer.pid, model, "--echo", str(reply), *options))

    def grpc(self, scheme, model, kind, mode, rows=1, window=1, connections=1):
        """Under the load of grpc_client; kind: sync, callback, python."""
        missing = self.missing(kind)
        if missing:
            self.skipped["grpc-" + kind] = missing
            return None
        file = self.model(model)
        address = self.address(scheme, "grpc").replace("ipc://", "unix:").replace("tcp://", "")
        peer = self.process(("grpc", scheme, model, kind), lambda: (
            ("grpc_python.py", address, file, self.threads) if kind == "python" else
            ("grpc_server", address, file, kind)))
        return Measure(peer.pid, lambda: self.run(lambda seconds: [
            self.program("grpc_client"), peer.ready["listen"], file, mode, str(rows), str(window),
            seconds, str(peer.pid), str(connections)], self.seconds_for(connections)))

    def seconds_for(self, connections):
        """A thousand connections need more than a moment until the first has its answer."""
        return self.seconds if connections == 1 else max(self.seconds, MANY_SECONDS)

    def missing(self, kind):
        """Why there is no such gRPC peer; "" when there is one."""
        if not os.path.exists(self.program("grpc_server")):
            return ("its packages were not there when this was built: deploy/install-deps.sh "
                    "--bench")
        if kind == "python" and importlib.util.find_spec("grpc") is None:
            return "python3-grpcio is not installed: deploy/install-deps.sh --bench"
        return ""

    # --- results

    def in_turn(self, measured):
        """{name: results} of `measured` {name: function or None}."""
        answers = {name: [] for name, measure in measured.items() if measure}
        for _ in range(self.arguments.repeat):
            for name in answers:
                answers[name].append(measured[name]())
        return answers

    def show(self, name, ours, peer, theirs, unit, goal, greater=False, more="", ratio=None):
        if ratio is None:
            ratio = (ours / theirs if greater else theirs / ours) if ours and theirs else 0.0
        counts = goal is not None and not self.arguments.quick
        met = not counts or ratio >= goal
        print("bench=%s ours=%.4g peer=%s:%.4g unit=%s better=%.3g%s %s" % (
            name, ours, peer, theirs, unit, ratio,
            " goal=%g %s" % (goal, "met" if met else "missed") if counts else "", more),
            flush=True)
        self.found.append({"name": "%s %s" % (name, peer), "threads": 1, "ratio": ratio,
                           "goal": goal, "met": met})

    def compare(self, name, key, unit, answers, goals, greater=False, places=None):
        """Ours beside each peer, by the medians of `key`."""
        ours = answers["ours"]
        more = "server_cpu_us=%.3g client_cpu_us=%.3g p999_us=%.4g server_rss=%.0fM" % tuple(
            [median(ours, k) for k in ("server_cpu_us", "client_cpu_us", "p999_us")] +
            [median(ours, "server_rss") / MIB])
        for peer, results in answers.items():
            if peer != "ours":
                self.show(name, median(ours, key), peer, median(results, key), unit,
                          goals.get(peer), greater, "range=%s peer_range=%s %s peer_cpu_us=%.3g "
                          "peer_threads=%d%s" % (
                              spread(ours, key), spread(results, key), more,
                              median(results, "server_cpu_us"), median(results, "threads"),
                              " placed=%s peer_placed=%s" % (places["ours"], places[peer]) if places else ""))


def threads_of(pid):
    return [int(thread) for thread in os.listdir("/proc/%d/task" % pid)]


def spread(answers, key):
    """The least and the most of the repetitions."""
    values = [answer[key] for answer in answers]
    return "%.4g..%.4g" % (min(values), max(values))


def median(answers, key):
    return statistics.median(answer[key] for answer in answers)


def free_port():
    """Below those that the system gives to clients: nobody takes it until our peer listens."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as range_file:
        first = int(range_file.read().split()[0])
    while True:
        port = random.randrange(max(1024, first // 2), first) if first > 2048 else 0
        with socket.socket() as found:
            try:
                found.bind(("127.0.0.1", port))
                return found.getsockname()[1]
            except OSError:
                pass  # taken


# --- the benches ----------------------------------------------------------------------------------


def unary(bench, scheme, model="linear16"):
    """With one call in flight only one side runs at a time. Where the system puts the two decides
    more than either does (to wake another core takes long, and cores differ), and a server stays
    where it is put first. So each is measured as it comes and on one core, and the better counts.
    """
    sides = {
        "ours": bench.ours(scheme, model, "--mode", "unary"),
        "echo": bench.echo(scheme, model, "--mode", "unary"),
        "nng": bench.nng(scheme, model, "--mode", "unary"),
        "grpc-sync": bench.grpc(scheme, "linear16", "sync", "unary"),
        "grpc-python": bench.grpc(scheme, "linear16", "python", "unary")}
    sides = {name: side for name, side in sides.items() if side}
    answers = bench.in_turn({(name, place): side if place == "anywhere" else side.on_one_core
                             for name, side in sides.items() for place in PLACES})
    goals = {"echo": 1 / 1.25, "grpc-sync": 4.0 if scheme == "ipc" else 2.4}
    name = "unary-%s%s" % (scheme, "" if model == "linear16" else "-" + model)
    for quantile in ("p50_us", "p99_us"):
        places = {side: min(PLACES, key=lambda place, side=side: median(
            answers[side, place], quantile)) for side in sides}
        bench.compare("%s-%s" % (name, quantile[:3]), quantile, "us",
                      {side: answers[side, place] for side, place in places.items()}, goals,
                      places=places)


def pipelined(bench, scheme, connections, window=WINDOW):
    options = ("--mode", "pipelined", "--connections", str(connections), "--window", str(window))
    seconds = bench.seconds_for(connections)
    if connections > 1:
        options += ("--warm-up", "0.3")
    # gRPC is at its best with a call for each channel; with 64 for each it chokes on its queues.
    of_grpc = min(window, max(connections, WINDOW))
    grpc = "grpc-callback" + ("" if of_grpc == window else "-%d" % of_grpc)
    answers = bench.in_turn({
        "ours": bench.ours(scheme, "linear16", *options, seconds=seconds),
        "echo": bench.echo(scheme, "linear16", *options, seconds=seconds),
        grpc: bench.grpc(scheme, "linear16", "callback", "pipelined", window=of_grpc,
                         connections=connections)})
    name = "pipelined-%s-%d%s" % (scheme, connections,
                                  "" if window == WINDOW else "x%d" % (window // connections))
    bench.compare(name, "calls_per_s", "calls/s", answers, {grpc: 30.0}, greater=True)
    ours = answers["ours"]
    bench.show(name, median(ours, "calls_per_s"), "limit", 2e6, "calls/s", 1.0, greater=True,
               more="range=" + spread(ours, "calls_per_s"))


def checks_cost(bench):
    """The same load on a trivetd without events, metrics and checks of rows, pair by pair."""
    folder = os.path.join(bench.folder, "unchecked")
    os.makedirs(folder)
    unchecked = bench.start_trivetd(folder, bench.program("trivetd_unchecked"))
    with trivet.connect(unchecked.ready["listen"], timeout=600) as client:
        _, path = bench.train(client, "linear16", 16)
    options = ("--mode", "pipelined", "--window", str(WINDOW))
    sides = [bench.ours("ipc", "linear16", *options),
             lambda: bench.load(unchecked.urls[0], unchecked.pid, "linear16", *options,
                                files=[path])]
    pairs = []
    for k in range(1 if bench.arguments.quick else PAIRS):
        found = [None, None]
        for side in (0, 1) if k % 2 == 0 else (1, 0):  # neither is always the first
            found[side] = sides[side]()
        pairs.append(found)
    unchecked.stop()
    ours, without = zip(*pairs)
    ratios = [one["calls_per_s"] / other["calls_per_s"] for one, other in pairs]
    # Where the client is the slower side, the server's CPU time shows what throughput does not.
    bench.show("checks-cost", median(ours, "calls_per_s"), "without",
               median(without, "calls_per_s"), "calls/s", 0.95, ratio=statistics.median(ratios),
               more="pairs=%d ratios=%.3g..%.3g server_cpu_us=%.3g peer_cpu_us=%.3g" % (
                   len(pairs), min(ratios), max(ratios), median(ours, "server_cpu_us"),
                   median(without, "server_cpu_us")))


def bulk(bench, scheme):
    options = ("--mode", "pipelined", "--rows", str(BULK_ROWS), "--window", str(BULK_WINDOW))
    answers = bench.in_turn({
        "ours": bench.ours(scheme, "linear64", *options),
        "echo": bench.echo(scheme, "linear64", *options),
        "grpc-stream": bench.grpc(scheme, "linear64", "sync", "stream", BULK_ROWS, BULK_WINDOW)})
    bench.compare("bulk-" + scheme, "rows_per_s", "rows/s", answers,
                  {"echo": 0.8, "grpc-stream": 2.0}, greater=True)


def connections(bench):
    """The same total load over more and more connections."""
    rate = "2000" if bench.arguments.quick else "10000"
    counts = CONNECTIONS[:2] if bench.arguments.quick else CONNECTIONS
    answers = bench.in_turn({count: bench.ours(
        "ipc", "linear16", "--mode", "open", "--rate", rate, "--connections", str(count))
        for count in counts})
    one = median(answers[1], "p50_us")
    for count in counts[1:]:
        bench.show("connections-%d-p50" % count, median(answers[count], "p50_us"),
                   "one-connection", one, "us", 1 / 1.5, more="rate=%s p99_us=%.4g" % (
                       rate, median(answers[count], "p99_us")))
    connections_memory(bench, counts[-1], rate)


def connections_memory(bench, count, rate):
    """In a process that has done nothing else: memory that was taken once would be used again."""
    folder = os.path.join(bench.folder, "connections")
    os.makedirs(folder)
    fresh = bench.start_trivetd(folder)
    with trivet.connect(fresh.ready["listen"]) as client:
        _, path = bench.train(client, "linear16", 16)
    seen = bench.load(fresh.urls[0], fresh.pid, "linear16", "--mode", "open", "--rate", rate,
                      "--connections", str(count), files=[path])
    fresh.stop()
    each = (seen["server_rss"] - seen["server_rss_before"]) / count / 1024
    bench.show("connections-rss", max(each, 0.001), "limit", 16.0, "KiB", 1.0,
               more="connections=%d" % count)


def swapped(bench):
    """The production version is another one again and again while calls come in."""
    files, versions = [], []
    for seed in (1, 2):
        version, path = bench.train(bench.client, "swapped16", 16, seed)
        versions.append(version)
        files.append(path)
    rounds = 1 if bench.arguments.quick else PAIRS_BESIDE
    seconds = 0.5 if bench.arguments.quick else 2.0
    wanted = 20 if bench.arguments.quick else -(-1000 // rounds)

    def measure():
        return bench.load(bench.urls["ipc"], bench.trivetd.pid, "swapped16", *BESIDE, files=files,
                          seconds=seconds)

    answers, n_swaps = {"with": [], "without": []}, 0
    for _ in range(rounds):
        answers["without"].append(measure())
        box = []
        thread = threading.Thread(target=lambda: box.append(outcome(measure)))
        thread.start()
        for k in range(wanted):
            bench.client.promote("swapped16", versions[k % 2])
            n_swaps += 1
            time.sleep(0.8 * seconds / wanted / 2)
        thread.join()
        if isinstance(box[0], Exception):
            raise box[0]
        answers["with"].append(box[0])
    beside(bench, "swapped-p99", answers, 1 / 1.2, "swaps=%d calls=%d failed=0" % (
        n_swaps, sum(answer["calls"] for answer in answers["with"])))


def beside(bench, name, answers, goal, more):
    """What something beside does to the slowest calls."""
    bench.show(name, median(answers["with"], "p99_us"), "without",
               median(answers["without"], "p99_us"), "us", goal, more="range=%s peer_range=%s %s" % (
                   spread(answers["with"], "p99_us"), spread(answers["without"], "p99_us"), more))


def outcome(function):
    try:
        return function()
    except Exception as error:  # told by the thread that waits for it
        return error


def training_beside(bench):
    """A trainer that is stopped and goes on, pair by pair; what it does to the echo is what this
    machine's scheduler does to everyone."""
    source = np.random.default_rng(3)
    n_rows = 2000 if bench.arguments.quick else 20000
    x = source.normal(size=(n_rows, 50))
    dataset = bench.client.upload(x, x @ source.normal(size=50), name="beside")
    sides = {"training-p99": bench.ours("ipc", "linear16", *BESIDE),
             "training-p99-of-echo": bench.echo("ipc", "linear16", *BESIDE)}
    answers = {name: {"with": [], "without": []} for name in sides}
    job = bench.client.train("beside", dataset, estimator="mlp_regressor", test_size=0.0,
                             parameters={"epochs": 100000, "n_iter_no_change": 100000}, wait=False)
    trainer = child_of(bench.trivetd.pid)
    try:
        for _ in range(1 if bench.arguments.quick else PAIRS_BESIDE):
            for state, sign in (("without", signal.SIGSTOP), ("with", signal.SIGCONT)):
                os.kill(trainer, sign)
                for name, side in sides.items():
                    answers[name][state].append(side())
        state = job.refresh().state
    finally:
        os.kill(trainer, signal.SIGCONT)
        job.cancel()
    for name in sides:
        beside(bench, name, answers[name], 1 / 1.5 if name == "training-p99" else None,
               "job=%s" % state)


def child_of(pid):
    """The first child process that appears."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for thread in threads_of(pid):
            try:
                with open("/proc/%d/task/%d/children" % (pid, thread)) as children:
                    found = children.read().split()
            except FileNotFoundError:
                continue  # it has ended
            if found:
                return int(found[0])
        time.sleep(0.01)
    raise Wrong("no trainer has started")


def start(bench):
    folder = os.path.join(bench.folder, "small")
    os.makedirs(folder)
    small = bench.start_trivetd(folder)
    with trivet.connect(small.ready["listen"]) as client:
        _, path = bench.train(client, "linear16", 16)
    small.stop()
    times, memory = [], []
    for _ in range(1 if bench.arguments.quick else 5):
        begun = time.monotonic()
        small = bench.start_trivetd(folder)
        times.append((time.monotonic() - begun) * 1e3)
        seen = bench.load(small.urls[0], small.pid, "linear16", files=[path], seconds=0.2)
        memory.append(seen["server_rss"] / MIB)
        small.stop()
    bench.show("start", statistics.median(times), "limit", 50.0, "ms", 1.0)
    bench.show("memory", statistics.median(memory), "limit", 32.0, "MiB", 1.0)
    stripped = os.path.join(bench.folder, "stripped")
    subprocess.run(["strip", "-o", stripped, harness.program("trivetd")], check=True)
    bench.show("binary", os.path.getsize(stripped) / MIB, "limit", 4.0, "MiB", 1.0)


BENCHES = (
    ("unary-ipc", lambda bench: unary(bench, "ipc")),
    ("unary-tcp", lambda bench: unary(bench, "tcp")),
    ("unary-ipc-logistic16", lambda bench: unary(bench, "ipc", "logistic16")),
    ("pipelined-ipc-1", lambda bench: pipelined(bench, "ipc", 1)),
    ("pipelined-tcp-1", lambda bench: pipelined(bench, "tcp", 1)),
    ("pipelined-ipc-1000", lambda bench: pipelined(bench, "ipc", 1000)),
    ("pipelined-ipc-1000x64", lambda bench: pipelined(bench, "ipc", 1000, 64000)),
    ("checks", checks_cost),
    ("bulk-ipc", lambda bench: bulk(bench, "ipc")),
    ("bulk-tcp", lambda bench: bulk(bench, "tcp")),
    ("connections", connections),
    ("swapped", swapped),
    ("training", training_beside),
    ("start", start),
)


def cpu_name():
    with open("/proc/cpuinfo") as cpus:
        return next((text.split(":")[1].strip() for text in cpus if text.startswith("model name")),
                    "?")


def show_environment(bench):
    status = bench.client.status()
    forced = sorted(name for name in os.environ if name.startswith("OPENBLAS_"))
    print("environment cpu='%s' cores=%d load=%.1f OPENBLAS_*=%s" % (
        cpu_name(), os.cpu_count(), os.getloadavg()[0], ",".join(forced) or "unset"))
    print("environment ours: trivetd %s, %s, kernel %s, workers=%d loops=%d; gRPC in Python "
          "serves calls by %d threads at most, in C++ by as many as it takes" % (
              status.version, status.blas, status.blas_kernel, bench.workers, bench.loops,
              bench.threads), flush=True)


def parse(words=None):
    parser = argparse.ArgumentParser(description="The wire beside its peers.")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", metavar="REGEX")
    parser.add_argument("--repeat", type=int, default=0, metavar="N")
    parser.add_argument("--seconds", type=float, default=0, metavar="S")
    parser.add_argument("--workers", type=int, default=0, metavar="N")
    parser.add_argument("--loops", type=int, default=0, metavar="N")
    parser.add_argument("--out", default="", metavar="FOLDER")
    arguments = parser.parse_args(words)
    arguments.repeat = arguments.repeat or (1 if arguments.quick else 5)
    arguments.seconds = arguments.seconds or (0.15 if arguments.quick else 1.0)
    return arguments


def main():
    arguments = parse()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
        bench = Bench(arguments, folder)
        try:
            show_environment(bench)
            for name, measure in BENCHES:
                if re.search(arguments.only, name):
                    measure(bench)
        except Wrong as error:
            print("bench: %s" % error, file=sys.stderr)
            sys.exit(1)
        finally:
            bench.stop()
    for name, reason in sorted(bench.skipped.items()):
        print("peer %s skipped: %s" % (name, reason))
    if arguments.out and bench.found and shutil.which("gnuplot"):
        plot.ratios(bench.found, os.path.join(arguments.out, "wire.png"),
                    "How many times better than the peer (right of 1: Trivet is ahead)")
    missed = sum(not numbers["met"] for numbers in bench.found)
    print("bench: %d lines, %s" % (len(bench.found), "goals not judged: --quick"
                                   if arguments.quick else "%d goals missed" % missed))
    sys.exit(0 if bench.found else 1)


if __name__ == "__main__":
    main()
