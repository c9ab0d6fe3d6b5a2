"""Trains every estimator through the RPC and its peer on the same data with the same number of
threads, in turn, and prints a line for each:

    bench=train-NAME ours=S peer=LIBRARY:S unit=s better=RATIO threads=N goal=G met|missed …

S are medians of the repetitions. Ours is what the training report says the estimator took for a
matrix of features, which the peer is given ready too; ours_fit is with making that matrix out of
the table, ours_total with reading the data, scores and profiles. For bench=predict-NAME it is what
replies say was computed. RATIO is the peer's seconds to ours: above 1 is us
ahead. A fit that is not as good as the peer's has missed, whatever its speed. Memory is the peak of
the process that fits, `base` before it had the data.

    train.py [--quick] [--only REGEX] [--repeat N] [--threads 1,2] [--out FOLDER]

--quick: small data, one repetition, one thread; goals do not count, only that everything can be
measured and is as good as the peer. Exits 1 when a fit is worse; a goal that is missed is told and
no error: a busy machine is none of ours.
"""

import argparse
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))

import harness  # noqa: E402  (the way to the client)

import numpy as np  # noqa: E402
import trivet  # noqa: E402
from trivet.job import metrics_of  # noqa: E402

import data_sets  # noqa: E402
import plot  # noqa: E402
from rows import ROWS  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = float(1 << 20)
PART_BYTES = 1 << 20
GREATER_IS_BETTER = {"r2": True, "accuracy": True, "log_loss": False, "inertia": False}


class Peers:
    """A peer.py for each number of threads."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = {}

    def _process(self, threads):
        if threads not in self.processes:
            count = str(threads)
            started = subprocess.Popen(
                ["/usr/bin/python3", os.path.join(HERE, "peer.py")], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, text=True, env={
                    **os.environ, "OPENBLAS_NUM_THREADS": count, "OMP_NUM_THREADS": count})
            self.processes[threads] = (started, json.loads(started.stdout.readline()))
        return self.processes[threads]

    def versions(self, threads):
        return self._process(threads)[1]

    def measure(self, row, data, threads):
        process, _ = self._process(threads)
        process.stdin.write(json.dumps({"peer": row.peer, "data": data, "threads": threads,
                                        "quality": row.quality,
                                        "predict": row.predict is not None}) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def stop(self):
        for process, _ in self.processes.values():
            process.stdin.close()
            process.wait(30)
            process.stdout.close()


class Ours:
    """Fits of a trivetd; a data set is sent and written for the peers once."""

    def __init__(self, client, folder):
        self.client, self.folder = client, folder
        self.datasets = {}

    def data(self, row, n_rows):
        """(x, dataset, where the peers find it)."""
        key = (row.data, n_rows)
        if key not in self.datasets:
            x, y = data_sets.get(*key)
            path = os.path.join(self.folder, "%s-%d" % key)
            np.save(path + "-x.npy", x)
            if y is not None:
                np.save(path + "-y.npy", y)
            self.datasets[key] = (x, self.client.upload(x, y, name=row.data), path)
        return self.datasets[key]

    def measure(self, row, n_rows, threads):
        x, dataset, _ = self.data(row, n_rows)
        clustering = data_sets.get(row.data, n_rows)[1] is None
        job = self.client.train(
            "bench-" + row.name, dataset, target=None if clustering else "target",
            estimator=row.estimator, parameters=row.parameters, transformers=[], test_size=0.0,
            threads=threads)
        report = job.report
        answer = {"seconds": report.estimator_seconds, "fit": report.fit_seconds,
                  "total": report.total_seconds,
                  "peak": report.peak_rss_bytes, "base": report.base_rss_bytes,
                  "data": report.data_bytes, "iterations": report.fit.iterations,
                  "quality": metrics_of(report.train)[row.quality]}
        if row.predict is not None:
            answer["predict_seconds"] = self.predict_seconds(job, x)
        return answer

    def predict_seconds(self, job, x):
        """Computing alone, one call at a time: on one thread, whatever the server has."""
        step = max(1, PART_BYTES // (8 * x.shape[1]))
        parts = (x[first:first + step] for first in range(0, len(x), step))
        return sum(found.timings.compute_us
                   for found in self.client.stream(job, parts, window=1)) / 1e6


def median(answers, key):
    return statistics.median(answer[key] for answer in answers)


def is_as_good(row, ours, peer):
    behind = (peer - ours) if GREATER_IS_BETTER[row.quality] else (ours - peer)
    return behind <= row.within * abs(peer)


def line(name, ours, peer, library, threads, goal, good, more):
    """(the line as text, its numbers for the plot)."""
    ratio = peer / ours if ours > 0 else math.nan
    verdict = "" if goal is None else " goal=%g %s" % (
        goal, "met" if good and ratio >= goal else "missed")
    text = "bench=%s ours=%.4g peer=%s:%.4g unit=s better=%.2f threads=%d%s %s" % (
        name, ours, library, peer, ratio, threads, verdict, more)
    return text, {"name": name, "threads": threads, "ratio": ratio, "goal": goal, "good": good,
                  "met": goal is None or (good and ratio >= goal)}


def lines_of(row, n_rows, threads, ours, peer, with_goals):
    """Of all repetitions of a row."""
    ours_quality, peer_quality = median(ours, "quality"), median(peer, "quality")
    good = is_as_good(row, ours_quality, peer_quality)
    memory = "ours_rss=%.0fM ours_base=%.0fM peer_rss=%.0fM peer_base=%.0fM data=%.0fM" % tuple(
        median(answers, key) / MIB for answers, key in (
            (ours, "peak"), (ours, "base"), (peer, "peak"), (peer, "base"), (ours, "data")))
    of_data = "rows=%d set=%s" % (n_rows, row.data)
    compared = "%s=%.6g/%.6g%s iterations=%d/%d" % (
        row.quality, ours_quality, peer_quality, "" if good else ":worse",
        median(ours, "iterations"), median(peer, "iterations"))
    yield line("train-" + row.name, median(ours, "seconds"), median(peer, "seconds"), row.library,
               threads, row.goal if with_goals else None, good,
               "ours_fit=%.3g ours_total=%.3g %s %s %s" % (
                   median(ours, "fit"), median(ours, "total"), compared, memory, of_data))
    if row.predict is not None and threads == 1:
        yield line("predict-" + row.name, median(ours, "predict_seconds"),
                   median(peer, "predict_seconds"), row.library, threads,
                   row.predict if with_goals else None, good, of_data)


def cpu_name():
    with open("/proc/cpuinfo") as cpus:
        return next((text.split(":")[1].strip() for text in cpus if text.startswith("model name")),
                    "?")


def show_environment(client, peers, threads):
    status, versions = client.status(), peers.versions(threads[0])
    forced = sorted(name for name in os.environ if name.startswith("OPENBLAS_"))
    print("environment cpu='%s' cores=%d load=%.1f OPENBLAS_*=%s" % (
        cpu_name(), os.cpu_count(), os.getloadavg()[0], ",".join(forced) or "unset"))
    print("environment ours: trivetd %s, %s, kernel %s" % (
        status.version, status.blas, status.blas_kernel))
    print("environment peers: sklearn %s, xgboost %s, numpy %s, %s, kernel %s" % (
        versions["sklearn"], versions["xgboost"], versions["numpy"], ", ".join(versions["blas"]),
        ", ".join(versions["kernel"])))
    for count in threads:
        print("environment peers' BLAS threads for threads=%d: %s" % (
            count, peers.versions(count)["threads"]), flush=True)


def run(arguments, client, folder):
    """Numbers of all lines; those that could not be measured have the ratio NaN."""
    peers, ours, found = Peers(folder), Ours(client, folder), []
    try:
        show_environment(client, peers, arguments.threads)
        for row in (row for row in ROWS if re.search(arguments.only, row.name)):
            n_rows = row.quick_rows if arguments.quick else row.n_rows
            _, _, path = ours.data(row, n_rows)
            for threads in arguments.threads:
                of_ours, of_peer = [], []
                for _ in range(arguments.repeat):
                    of_ours.append(ours.measure(row, n_rows, threads))
                    of_peer.append(peers.measure(row, path, threads))
                for text, numbers in lines_of(row, n_rows, threads, of_ours, of_peer,
                                              not arguments.quick):
                    print(text, flush=True)
                    found.append(numbers)
    finally:
        peers.stop()
    return found


def parse():
    parser = argparse.ArgumentParser(description="Training time beside scikit-learn and XGBoost.")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", metavar="REGEX")
    parser.add_argument("--repeat", type=int, default=0, metavar="N")
    parser.add_argument("--threads", default="", metavar="N,N")
    parser.add_argument("--out", default="", metavar="FOLDER")
    arguments = parser.parse_args()
    arguments.repeat = arguments.repeat or (1 if arguments.quick else 3)
    # Two threads on a machine that tests are busy on wait for each other.
    counts = arguments.threads or ("1" if arguments.quick else "1,2")
    arguments.threads = [int(count) for count in counts.split(",")]
    return arguments


def main():
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
        trivetd = harness.start_trivetd(folder, listen=("ipc://%s/socket" % folder,))
        try:
            with trivet.connect(trivetd.ready["listen"], timeout=600) as client:
                found = run(arguments, client, folder)
        finally:
            trivetd.stop()
    worse = [numbers for numbers in found if not numbers["good"] or not numbers["ratio"] > 0]
    missed = [numbers for numbers in found if not numbers["met"]]
    if arguments.out:
        plot.ratios(found, os.path.join(arguments.out, "train.png"))
    print("bench: %d lines, %d goals missed, %d worse than the peer" % (
        len(found), len(missed), len(worse)))
    sys.exit(1 if worse or not found else 0)


if __name__ == "__main__":
    main()
