#!/usr/bin/python3
"""Drift on real columns (breast cancer, digits), by the library alone: windows drawn from the same
rows as the reference are quiet, half a deviation is found.

    drift_real.py HELPER    HELPER is drift_helper.c, built"""

import subprocess
import sys

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits

REFERENCES, REFERENCE_ROWS = 20, 2000
# Windows of so many rows for each reference.
WINDOWS = {500: 10, 1000: 10, 10000: 1}
SHIFTED_ROWS, SHIFT = 500, 0.5


def values(column):
    return "%d %s" % (len(column), " ".join(map(repr, column.tolist())))


def cases(x, rng):
    """Lines for the helper, and for each but the references (kind, column)."""
    level = 0.01 / x.shape[1]
    lines, kinds = [], []
    for _ in range(REFERENCES):
        reference = x[rng.integers(0, len(x), REFERENCE_ROWS)]
        drawn = [(n, x[rng.integers(0, len(x), n)]) for n, count in WINDOWS.items()
                 for _ in range(count)]
        for j in range(x.shape[1]):
            lines.append("reference " + values(reference[:, j]))
            kinds.append("reference")
            for n, window in drawn:
                lines.append("window %r %s" % (level, values(window[:, j])))
                kinds.append(n)
            deviation = reference[:, j].std()
            if deviation > 0:  # else nothing is half of it
                moved = x[rng.integers(0, len(x), SHIFTED_ROWS), j] + SHIFT * deviation
                lines.append("window %r %s" % (level, values(moved)))
                kinds.append("shifted")
    return lines, kinds


def run(helper, name, x, rng):
    lines, kinds = cases(x[:, x.std(axis=0) > 0], rng)
    done = subprocess.run([helper], input="\n".join(lines) + "\n", capture_output=True, text=True,
                          check=True)
    found = {kind: np.zeros(4, int) for kind in [*WINDOWS, "shifted"]}
    for kind, answer in zip(kinds, done.stdout.splitlines(), strict=True):
        if kind != "reference":
            found[kind] += [1, *map(int, answer.split())]
    for kind, (count, drift, missing, beyond) in found.items():
        print("%s %s: of %d feature windows %d drift, %d missing, %d out of range"
              % (name, kind, count, drift, missing, beyond))
    quiet = all(max(found[n][1:]) * 1000 <= found[n][0] for n in WINDOWS)
    return quiet and found["shifted"][1] == found["shifted"][0]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    rng = np.random.default_rng(11)
    sets = {"breast_cancer": load_breast_cancer().data, "digits": load_digits().data}
    if not all([run(sys.argv[1], name, x, rng) for name, x in sets.items()]):
        sys.exit(1)


if __name__ == "__main__":
    main()
