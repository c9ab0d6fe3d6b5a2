"""The monitor beside a server under load, and what a stopped monitor costs the server:

    monitor.py [--quick] [--rate N] [--models N] [--features N] [--seconds S] [--stop S] [--rounds N]

One narrow model is asked for --rate predictions/s; beside it each of --models wide models of --features
features is asked again and again, so that the monitor has all of their profiles and windows. Printed:
whether the monitor counts exactly the rows that were answered; its memory early and late; the server's
p99 with the monitor running and stopped (SIGSTOP), in turn, medians; the server's memory over one stop
of --stop seconds under the same load, and the counts after it. A count that is wrong ends it with 1;
times and memory are goals: they are printed, met or missed, and count without --quick.
"""

import argparse
import os
import re
import signal
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

MIB = float(1 << 20)
CALL_ROWS, NARROW, WIDE_ROWS = 100, 16, 50
REFERENCE_ROWS = 1200
COUNT = re.compile(r'^trivet_monitor_predictions_total\{model="([^"]+)",version="\d+",code="OK"\} (\S+)$',
                   re.MULTILINE)


class Wrong(Exception):
    pass


class Scene:
    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.load_program = os.path.join(os.path.dirname(harness.BIN), "bench", "load")
        self.trivetd = harness.start_trivetd(folder, listen=("ipc://%s/socket" % folder,))
        self.url = self.trivetd.ready["listen"]
        self.monitor = None
        self.narrow_rows = 0
        self.wide_rows = 0
        self.ending = threading.Event()
        self.wide = None

    # --- models

    def make_models(self):
        source = np.random.default_rng(1)
        with trivet.connect(self.url, timeout=600) as client:
            x = source.normal(size=(REFERENCE_ROWS, NARROW))
            job = client.train("narrow", x, x @ source.normal(size=NARROW), transformers=[],
                               estimator="linear_regression", test_size=0.0)
            client.promote(job)
        self.file = os.path.join(self.folder, "narrow")
        with open(self.file, "w") as out:
            out.write("linear %d %d %r %s\n" % (
                job.version, NARROW, job.report.intercept,
                " ".join(repr(c.value) for c in job.report.coefficients)))
        n_features = self.arguments.features
        x = source.normal(size=(REFERENCE_ROWS, n_features))
        columns = {"f%d" % i: x[:, i].tolist() for i in range(n_features)}
        columns["y"] = (x[:, 0] + source.normal(size=REFERENCE_ROWS)).tolist()
        client = harness.Client(self.url, timeout=600)
        dataset = client.upload(columns, rows_per_chunk=400).id
        for i in range(self.arguments.models):
            job = client.train_and_wait("wide%d" % i, dataset, "y", transformers=[],
                                        estimator="linear_regression", params={"penalty": "l2"})
            client.deploy("wide%d" % i, job.version)
        client.close()
        rows = source.normal(size=(WIDE_ROWS, n_features)).tolist()
        self.wide_frames = [harness.pack_frame("Prediction/Predict", harness.prediction.PredictRequest(
            model=harness.prediction.ModelRef(name="wide%d" % i), matrix=harness.matrix_of(rows)))
            for i in range(self.arguments.models)]

    # --- load

    def ask_wide_models(self):
        """A thread: all wide models, one call after the other, about fifty calls a second."""
        client = harness.Client(self.url, timeout=60)
        while not self.ending.is_set():
            for frame in self.wide_frames:
                header, _ = client.raw(frame)
                if header.status != harness.frame.STATUS_OK:
                    raise Wrong(header.message)
                self.wide_rows += WIDE_ROWS
                if self.ending.wait(0.02):
                    break
        client.close()

    def load(self, seconds):
        """The narrow model, an open loop; its line of numbers."""
        done = subprocess.run(
            [self.load_program, "--url", self.url, "--pid", str(self.trivetd.pid), "--model",
             "narrow", "--file", self.file, "--mode", "open", "--rows", str(CALL_ROWS), "--rate",
             "%d" % (self.arguments.rate // CALL_ROWS), "--connections", "4", "--warm-up", "0",
             "--seconds", "%g" % seconds], capture_output=True, text=True, timeout=seconds + 120)
        if done.returncode != 0:
            raise Wrong("load: exit %d\n%s%s" % (done.returncode, done.stdout, done.stderr))
        seen = {name: float(value) for name, value in
                (word.split("=", 1) for word in done.stdout.split()[1:]) if name != "mode"}
        self.narrow_rows += int(seen["calls"]) * CALL_ROWS
        return seen

    # --- what the monitor says

    def page(self):
        status, page = harness.http_get(self.monitor, "metrics")
        if status != 200:
            raise Wrong("/metrics of the monitor: %d %s" % (status, page))
        return page

    def counts(self):
        narrow = wide = 0
        for model, count in COUNT.findall(self.page()):
            if model == "narrow":
                narrow += int(float(count))
            else:
                wide += int(float(count))
        return narrow, wide

    def number(self, name):
        return sum(float(value) for value in
                   re.findall(r"^%s(?:\{[^}]*\})? (\S+)$" % name, self.page(), re.MULTILINE))

    def compared(self):
        """Wide models of which a window was compared with the reference."""
        return len(re.findall(r'^trivet_monitor_drift_windows_total\{model="wide[^}]*\} [1-9]',
                              self.page(), re.MULTILINE))

    def exact(self, when):
        """While nothing is asked: the monitor has soon counted all, and no more later."""
        sent = (self.narrow_rows, self.wide_rows)
        begun = time.monotonic()
        while self.counts() != sent and time.monotonic() < begun + 60:
            time.sleep(0.05)
        took = time.monotonic() - begun
        time.sleep(1.5)
        counted = self.counts()
        print("counts %s: answered=%d counted=%d wide_answered=%d wide_counted=%d after_s=%.2f "
              "lost_events=%d" % (when, sent[0], counted[0], sent[1], counted[1], took,
                                  self.number("trivet_monitor_lost_events_total")), flush=True)
        if counted != sent:
            raise Wrong("the monitor counts %r of %r" % (counted, sent))

    def start_wide(self):
        self.ending.clear()
        self.wide = threading.Thread(target=self.ask_wide_models)
        self.wide.start()

    def stop_wide(self):
        self.ending.set()
        self.wide.join()

    def stop(self):
        self.ending.set()
        if self.wide is not None:
            self.wide.join()
        if self.monitor is not None:
            self.monitor.signal(signal.SIGCONT)
            self.monitor.kill()
        self.trivetd.stop()


def goal(arguments, name, value, unit, most):
    met = value <= most
    print("bench=%s ours=%.4g unit=%s goal=%g %s" % (name, value, unit, most,
                                                     "met" if met else "missed"), flush=True)
    return met or arguments.quick


def keeps_up(scene):
    """Exact counts at the full rate; memory once every model was looked at, and later."""
    arguments = scene.arguments
    scene.start_wide()
    first = scene.load(arguments.seconds)
    deadline = time.monotonic() + arguments.warm_seconds
    while scene.compared() < arguments.models and time.monotonic() < deadline:
        time.sleep(0.5)
    watched = scene.compared()
    early = scene.monitor.rss_bytes()
    cpu = scene.number("process_cpu_seconds_total")
    begun = time.monotonic()
    second = scene.load(arguments.seconds)
    seconds = time.monotonic() - begun
    cpu = scene.number("process_cpu_seconds_total") - cpu
    late = scene.monitor.rss_bytes()
    scene.stop_wide()
    print("monitor rate=%.0f/s,%.0f/s watched=%d monitor_cpu=%.1f%% rss_early=%.1fM rss_late=%.1fM" % (
        first["rows_per_s"], second["rows_per_s"], watched, 100 * cpu / seconds, early / MIB,
        late / MIB), flush=True)
    scene.exact("at the full rate")
    if watched != arguments.models:
        raise Wrong("of %d of %d versions drift was looked at" % (watched, arguments.models))
    return goal(arguments, "monitor-memory-growth", (late - early) / MIB, "MiB", 4)


def stopped_or_not(scene):
    """p99 of the server with the monitor running and stopped, in turn."""
    found = {"running": [], "stopped": []}
    for i in range(scene.arguments.rounds):
        for name in ("running", "stopped") if i % 2 == 0 else ("stopped", "running"):
            scene.monitor.signal(signal.SIGSTOP if name == "stopped" else signal.SIGCONT)
            found[name].append(scene.load(scene.arguments.round_seconds))
    scene.monitor.signal(signal.SIGCONT)
    running, stopped = (statistics.median(each["p99_us"] for each in found[name])
                        for name in ("running", "stopped"))
    for name, each in found.items():
        print("server monitor=%s p50_us=%.1f server_cpu_us=%.1f p99_us=%.1f of %s" % (
            (name,) + tuple(statistics.median(one[key] for one in each)
                            for key in ("p50_us", "server_cpu_us", "p99_us")) +
            (" ".join("%.0f" % one["p99_us"] for one in sorted(each, key=lambda o: o["p99_us"])),)))
    return goal(scene.arguments, "stopped-monitor-p99", 100 * (stopped / running - 1), "%", 5)


def long_stop(scene):
    """The server's memory over one long stop under load, and exact counts after it."""
    arguments = scene.arguments
    scene.start_wide()
    scene.load(arguments.round_seconds)
    before = scene.trivetd.rss_bytes()
    scene.monitor.signal(signal.SIGSTOP)
    stopped = time.monotonic()
    most, p99 = 0, []
    while time.monotonic() < stopped + arguments.stop:
        p99.append(scene.load(min(10.0, arguments.stop))["p99_us"])
        most = max(most, scene.trivetd.rss_bytes())
    scene.monitor.signal(signal.SIGCONT)
    seconds = time.monotonic() - stopped
    scene.load(arguments.round_seconds)
    scene.stop_wide()
    print("stop seconds=%.0f server_rss_before=%.1fM server_rss_most=%.1fM p99_us_median=%.1f" % (
        seconds, before / MIB, most / MIB, statistics.median(p99)), flush=True)
    scene.exact("after the stop")
    return goal(arguments, "stopped-monitor-server-memory", (most - before) / MIB, "MiB", 16)


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out")
    parser.add_argument("--rate", type=int, default=200000)
    parser.add_argument("--models", type=int)
    parser.add_argument("--features", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--stop", type=float)
    parser.add_argument("--rounds", type=int)
    arguments = parser.parse_args()
    short, whole = (4, 50, 1.0, 1.0, 1), (100, 1000, 60.0, 600.0, 11)
    for name, value in zip(("models", "features", "seconds", "stop", "rounds"),
                           short if arguments.quick else whole):
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    # Windows of the default minute take one to fill; the short form has windows of a second.
    arguments.warm_seconds = 240 if arguments.quick else 600
    arguments.drift_window = "1" if arguments.quick else "60"
    arguments.round_seconds = 0.5 if arguments.quick else 5.0
    return arguments


def main():
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
        scene = Scene(arguments, folder)
        try:
            scene.make_models()
            scene.monitor = harness.start_monitor(folder, scene.trivetd, "--drift-window",
                                                  arguments.drift_window)
            good = [step(scene) for step in (keeps_up, stopped_or_not, long_stop)]
        except Wrong as wrong:
            print("wrong: %s" % wrong)
            return 1
        finally:
            scene.stop()
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
