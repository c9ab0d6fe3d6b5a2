"""The results as a picture, by gnuplot."""

import os
import subprocess

COLOURS = {1: "#3465a4", 2: "#73a946"}


def ratios(found, path,
           title="Seconds of the peer / seconds of Trivet (right of 1: Trivet is faster)"):
    """Bars of how many times faster than the peer we are, and the goals as marks."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    names = list(dict.fromkeys(numbers["name"] for numbers in found))
    counts = sorted({numbers["threads"] for numbers in found})
    by_key = {(numbers["name"], numbers["threads"]): numbers for numbers in found}
    height = 0.8 / len(counts)
    blocks, plots = [], []
    for k, threads in enumerate(counts):
        rows = []
        for place, name in enumerate(names):
            if (name, threads) in by_key:
                top = place - 0.4 + k * height
                ratio = by_key[name, threads]["ratio"]
                rows.append("%g %g %g %g %g" % (ratio, top + height / 2, min(ratio, 1.0),
                                                top + 0.04, top + height - 0.02))
                rows[-1] += " %g" % max(ratio, 1.0)
        blocks.append("$T%d << E\n%s\nE" % (threads, "\n".join(rows)))
        plots.append("$T%d using 1:2:3:6:4:5 with boxxyerror fs solid noborder lc rgb '%s' title "
                     "'%d thread%s'" % (threads, COLOURS.get(threads, "#888888"), threads,
                                        "" if threads == 1 else "s"))
        plots.append("$T%d using ($1 < 1 ? 1 : $1):2:(sprintf(' %%.2g', $1)) with labels left "
                     "notitle" % threads)
    goals = ["%g %d" % (by_key[name, threads]["goal"], place) for place, name in enumerate(names)
             for threads in counts[:1] if by_key.get((name, threads), {}).get("goal")]
    blocks.append("$G << E\n%s\nE" % "\n".join(goals))
    if goals:
        plots.append("$G using 1:2 with points pt 5 ps 0.9 lc rgb '#cc0000' title 'goal'")
    tics = ", ".join("'%s' %d" % (name, place) for place, name in enumerate(names))
    largest = max([numbers["ratio"] for numbers in found] + [10.0])
    script = "\n".join(blocks + [
        "set terminal pngcairo size 1000,%d font 'sans,10'" % (160 + 44 * len(names)),
        "set output '%s'" % path.replace("'", "''"),
        "set title '%s'" % title,
        "set logscale x", "set xrange [0.25:%g]" % (largest * 2),
        "set yrange [%g:-0.6]" % (len(names) - 0.4), "set ytics (%s) noenhanced" % tics,
        "set xtics (0.25, 0.5, 1, 2, 5, 10, 20, 50, 100)", "set grid xtics lc rgb '#dddddd'",
        "set arrow from 1, graph 0 to 1, graph 1 nohead lw 1.5 lc rgb '#333333' front",
        "set key outside bottom center horizontal", "plot " + ", ".join(plots)])
    subprocess.run(["gnuplot"], input=script, text=True, check=True)
    print("plot: %s" % path)
