#!/usr/bin/python3
"""The statistics of drift against SciPy's, on cases drawn from a fixed seed.

    drift_parity.py HELPER    HELPER is drift_helper.c, built"""

import subprocess
import sys

import numpy as np
from scipy import stats
from scipy.spatial import distance

CASES = 400
CELL_ROWS = 5


def chi2_case(rng):
    freedom = int(rng.integers(1, 300))
    x = freedom * rng.exponential(1.5)
    level = 10.0 ** -rng.uniform(0.1, 9)
    return ("chi2 %d %.17g %.17g" % (freedom, x, level),
            [stats.chi2.sf(x, freedom), stats.chi2.isf(level, freedom)], 1e-10)


def ks_case(rng):
    level = 10.0 ** -rng.uniform(0.5, 7)
    # kstwobign is the whole series; its first term is all of it from 1 % on, to nine digits.
    level = min(level, 0.01)
    return "ks %.17g" % level, [stats.kstwobign.isf(level)], 1e-6


def hypergeom_case(rng):
    marked = int(rng.integers(1, 20000))
    total = marked + int(rng.integers(1, 20000))
    draws = int(rng.integers(1, total))
    x = int(stats.hypergeom.ppf(10.0 ** -rng.uniform(0, 12), total, marked, draws))
    return ("hypergeom %d %d %d %d" % (x, total, marked, draws),
            [stats.hypergeom.cdf(x, total, marked, draws)], 1e-7)


def beyond_tail(beyond, n, few, m):
    """P(at least `beyond` of n rows lie beyond edges that m rows of the same kind, few of them
    beyond, have set). Summed: betabinom.sf is one minus a sum."""
    return np.exp(stats.betabinom.logpmf(np.arange(beyond, n + 1), n, 2 + few, m - 1 - few)).sum()


def out_of_range_case(rng):
    """As the judgement uses it: rows of the window beyond the extremes of the reference."""
    m, n = int(rng.integers(500, 5000)), int(rng.integers(500, 5000))
    beyond = int(rng.integers(1, 40))
    return ("hypergeom 1 %d %d %d" % (m + n, m, beyond + 1),
            [beyond_tail(beyond, n, 0, m)], 1e-7)


def fisher_case(rng):
    """More missing: one-sided exact test."""
    m, n = int(rng.integers(500, 3000)), int(rng.integers(500, 3000))
    few = int(rng.binomial(m, 0.05))
    many = int(rng.binomial(n, rng.uniform(0.05, 0.1)))
    exact = stats.fisher_exact([[few, m - few], [many, n - many]], alternative="less")[1]
    return "hypergeom %d %d %d %d" % (few, m + n, m, few + many), [exact], 1e-7


def score_case(rng):
    """Everything of one column, by SciPy's entropy, ks_2samp, chi2, kstwobign and fisher_exact."""
    categorical = bool(rng.integers(2))
    n_counts = int(rng.integers(1, 40)) if categorical else 12
    shares = rng.dirichlet(np.full(n_counts + 1, rng.choice([0.2, 1.0, 10.0])))
    moved = rng.dirichlet(shares * 10.0 ** rng.uniform(1, 5) + 1e-12)
    m, n = (int(10.0 ** rng.uniform(2.5, 5)) for _ in "mn")
    reference, window = rng.multinomial(m, shares), rng.multinomial(n, moved)
    level = 10.0 ** -rng.uniform(2, 6)
    each = level if categorical else level / 2

    rare = (reference + window) / (m + n) * min(m, n) < CELL_ROWS
    if categorical:
        rare[n_counts - 1] = True
    p, q = ([*counts[~rare], counts[rare].sum()] / counts.sum() for counts in (reference, window))
    if p[-1] == 0 and q[-1] == 0:
        p, q = p[:-1], q[:-1]
    mixed_p, mixed_q = p + 0.5 / min(m, n), q + 0.5 / min(m, n)  # entropy() scales them to 1
    psi = stats.entropy(mixed_q, mixed_p) + stats.entropy(mixed_p, mixed_q)
    noise = stats.chi2.isf(each, len(p) - 1) * (1 / n + 1 / m) if len(p) > 1 else 0
    psi_limit = max(0.1, noise)

    ks, ks_limit = 0, 0.1
    present_m, present_n = m - reference[-1], n - window[-1]
    if not categorical:
        if present_m > 0 and present_n > 0:
            bins = np.arange(n_counts)
            ks = stats.ks_2samp(np.repeat(bins, reference[:-1]), np.repeat(bins, window[:-1]),
                                mode="asymp").statistic
        ks_limit = max(0.1, stats.kstwobign.isf(each) *
                       np.sqrt(1 / max(present_m, 1) + 1 / max(present_n, 1)))
    js = distance.jensenshannon(reference / m, window / n, base=2)

    judged = m >= 500 and n >= 500
    drift = judged and (psi >= psi_limit or not categorical and ks >= ks_limit)
    p_missing = stats.fisher_exact([[reference[-1], m - reference[-1]],
                                    [window[-1], n - window[-1]]], alternative="less")[1]
    missing = judged and window[-1] / n - reference[-1] / m >= 0.05 and p_missing <= level
    line = "score %d %.17g %d %s %s" % (categorical, level, n_counts + 1,
                                        " ".join(map(str, reference)), " ".join(map(str, window)))
    wanted = [psi, psi_limit, ks, ks_limit, js, drift, missing]
    if not categorical:
        few, beyond = reference[0] + reference[11], window[0] + window[11]
        more = judged and beyond / n - few / m >= 0.01
        wanted.append(more and few < m - 1 and beyond_tail(beyond, n, few, m) <= level)
    return line, wanted, 1e-6


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    rng = np.random.default_rng(5)
    kinds = [chi2_case, ks_case, hypergeom_case, out_of_range_case, fisher_case, score_case]
    cases = [(kind.__name__, *kind(rng)) for kind in kinds for _ in range(CASES)]
    done = subprocess.run([sys.argv[1]], input="\n".join(case[1] for case in cases) + "\n",
                          capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == len(cases), "%d answers to %d cases" % (len(lines), len(cases))
    worst, failed, findings = {}, 0, np.zeros(3, int)
    for (kind, line, wanted, tolerance), answer in zip(cases, lines):
        got = np.array(answer.split(), float)[:len(wanted)]
        wanted = np.array(wanted, float)
        error = np.max(np.abs(got - wanted) / np.maximum(np.abs(wanted), 1e-300), initial=0,
                       where=wanted != got)
        worst[kind] = max(worst.get(kind, 0), error)
        if kind == "score_case":
            findings += np.append(wanted, 0)[5:8].astype(int)
        if not error <= tolerance:
            failed += 1
            print("%s: %s instead of %s" % (line, got, wanted))
    for kind, error in worst.items():
        print("%-18s %d cases, largest relative difference %.1e" % (kind, CASES, error))
    print("of the scores %d drift, %d missing, %d numbers out of range" % tuple(findings))
    # Cases on one side of the limits only would compare nothing.
    if failed or not all(CASES / 100 < count < CASES * 0.9 for count in findings):
        sys.exit(1)


if __name__ == "__main__":
    main()
