"""Parity: every estimator is trained and asked through the RPC, and compared with the same one of
scikit-learn (or XGBoost) fitted in this process. One line for each comparison:

    estimator dataset parameters compared reference=… ours=… difference=… tolerance=… ok|FAIL

Exits 1 when any fails, or when the server has an estimator or a transformer without a case. First
it shows that it sees faults (faults.py).

    parity.py [--only REGEX]     lines whose "estimator dataset parameters" match
"""

import argparse
import functools
import importlib
import os
import pathlib
import re
import sys
import tempfile
import time
import traceback
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))

import harness  # noqa: E402  (the way to the client)

import numpy as np  # noqa: E402
import trivet  # noqa: E402

import comparators  # noqa: E402
import data_sets  # noqa: E402
import faults  # noqa: E402

# A family is a file cases_*.py with its list CASES.
FAMILIES = sorted(path.stem for path in pathlib.Path(__file__).parent.glob("cases_*.py"))
CASES = [case for family in FAMILIES for case in importlib.import_module(family).CASES]

MORE = 4


class Ours:
    """Our fit of a case, and what it answers for rows of `x`."""

    def __init__(self, client, job, x):
        self.client, self.job, self.x = client, job, x

    @functools.cached_property
    def prediction(self):
        return self.client.predict(self.job, self.x).check()

    def single(self):
        return self.client.predict(self.job, np.asarray(self.x, np.float32)).check()


class Server:
    """One trivetd for all cases; a data set is sent when it is first asked for."""

    def __init__(self, client):
        self.client = client
        self.sent = {}
        self.n_models = 0

    def train(self, case, data, seed=0):
        if data.name not in self.sent:
            self.sent[data.name] = self.client.upload(data.x, data.y, name=data.name)
        self.n_models += 1
        return self.client.train(
            "parity-%d" % self.n_models, self.sent[data.name],
            target=None if data.y is None else "target", estimator=case.estimator,
            parameters=case.parameters, transformers=case.transformers, test_size=0.0, seed=seed)


def fit_reference(case, data, *seed):
    y = data.y if case.prepare_y is None else case.prepare_y(data.y)
    return case.reference(*seed).fit(data.x, y)


def scores_by_seed(server, case, compare, seeds):
    """(ours, the reference's): a score for each seed, on rows that were held out."""
    train, test = data_sets.get(case.data).halves()
    ours, references = [], []
    for seed in seeds:
        reference = fit_reference(case, train, seed)
        classes = None if compare.score == "r2" else comparators.classes_of(reference)
        expected = (reference.predict_proba if compare.score == "log_loss" else reference.predict)(
            test.x)
        references.append(comparators.score_of(compare.score, test.y, expected, classes))
        found = Ours(server.client, server.train(case, train, seed), test.x).prediction
        ours.append(comparators.score_of(compare.score, test.y, found, classes))
    return ours, references


def compare_by_metric(server, case, compare):
    """Two standard errors are passed by chance once in twenty times: then the means of more seeds,
    those and others, decide."""
    ours, references = scores_by_seed(server, case, compare, range(case.seeds))
    result = compare(ours, references)
    if not result.ok:
        more = scores_by_seed(server, case, compare, range(case.seeds, MORE * case.seeds))
        result = compare(ours + more[0], references + more[1])
    return result


def results(server, case):
    """[(name of the comparison, Result)]."""
    def name(compare):
        return compare.__name__[:-len("_compared")]

    by_metric = [compare for compare in case.compare if hasattr(compare, "score")]
    found = [(name(c) + ":" + c.score, compare_by_metric(server, case, c)) for c in by_metric]
    exact = [compare for compare in case.compare if compare not in by_metric]
    if exact:
        data = data_sets.get(case.data)
        ours = Ours(server.client, server.train(case, data), data.x)
        reference = fit_reference(case, data)
        found += [(name(c), c(ours, reference, data)) for c in exact]
    return found


def run_case(server, case, show=print):
    """Number of comparisons that failed; one that cannot be made has failed."""
    head = "%s %s %s" % (case.estimator, case.data, case.label())
    try:
        found = results(server, case)
        if not found:
            raise ValueError("the case compares nothing")
    except Exception as error:
        show("%s: %s: %s FAIL" % (head, type(error).__name__, error))
        if not isinstance(error, trivet.TrivetError):
            show(traceback.format_exc())
        return 1
    for name, result in found:
        show("%s %s reference=%.6g ours=%.6g difference=%.2e tolerance=%.2e %s" % (
            head, name, result.reference, result.ours, result.difference, result.tolerance,
            "ok" if result.ok else "FAIL"))
    return sum(not result.ok for _, result in found)


def untried(client):
    """Names of estimators and transformers that no case has."""
    tried = {case.estimator for case in CASES}
    for case in CASES:
        tried.update(step if isinstance(step, str) else step[0] for step in case.transformers or ())
    return sorted(entry.name for entry in client.estimators() if entry.name not in tried)


def run(server, cases):
    """(comparisons' failures, seconds of the slowest cases)."""
    n_failed, slowest = 0, []
    for case in cases:
        started = time.monotonic()
        n_failed += run_case(server, case)
        slowest.append((time.monotonic() - started, case))
        sys.stdout.flush()
    return n_failed, sorted(slowest, key=lambda entry: -entry[0])[:5]


def main():
    arguments = argparse.ArgumentParser(description="Parity with scikit-learn, through the RPC.")
    arguments.add_argument("--only", default="", metavar="REGEX")
    only = re.compile(arguments.parse_args().only)
    cases = [case for case in CASES
             if only.search("%s %s %s" % (case.estimator, case.data, case.label()))]
    if not cases:
        sys.exit("parity: no case matches")
    # References that stop at the number of rounds the case gives them, or at rounding.
    for module in ("sklearn", "scipy"):
        warnings.filterwarnings("ignore", module=module)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
        trivetd = harness.start_trivetd(folder, listen=("ipc://%s/socket" % folder,))
        try:
            with trivet.connect(trivetd.ready["listen"], timeout=300) as client:
                server = Server(client)
                missing = [] if only.pattern else untried(client)
                unseen = faults.unseen(lambda case: run_case(server, case, lambda line: None))
                n_failed, slowest = run(server, cases)
        finally:
            trivetd.stop()
    for name in missing:
        print("%s has no case FAIL" % name)
    for name in unseen:
        print("planted fault not seen: %s FAIL" % name)
    for seconds, case in slowest:
        print("slow: %.1f s %s %s %s" % (seconds, case.estimator, case.data, case.label()))
    print("parity: %d cases in %.0f s, %d comparisons failed; %d of %d planted faults seen" % (
        len(cases), time.monotonic() - started, n_failed, faults.COUNT - len(unseen),
        faults.COUNT))
    sys.exit(1 if n_failed or unseen or missing else 0)


if __name__ == "__main__":
    main()
