"""Measures peers, each in a process of its own: a child of this one, which has the libraries loaded
and no threads. Reads one JSON object a line, {"peer", "data", "threads", "quality", "predict"}, and
answers with one: seconds, memory, how good the fit is; or {"error"}.

The number of threads of BLAS and OpenMP is in the environment of this process.
"""

import json
import os
import sys
import time
import traceback
import warnings

import numpy as np
import sklearn.cluster
import sklearn.linear_model
import sklearn.neural_network
import sklearn.svm
import threadpoolctl
import xgboost

import peers

WARM_ROWS = 300


def peak_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def forget_peak():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def measure(asked):
    forget_peak()
    base = peak_bytes()
    x = np.load(asked["data"] + "-x.npy")
    y = np.load(asked["data"] + "-y.npy") if os.path.exists(asked["data"] + "-y.npy") else None
    model = getattr(peers, asked["peer"])(asked["threads"])
    # What is loaded and started at the first fit is not what is measured; ours begins warm too.
    getattr(peers, asked["peer"])(asked["threads"]).fit(
        x[:WARM_ROWS], None if y is None else y[:WARM_ROWS])
    started = time.perf_counter()
    model.fit(x, y)
    answer = {"seconds": time.perf_counter() - started, "peak": peak_bytes(), "base": base,
              "iterations": int(np.max(getattr(model, "n_iter_", None) or 0))}
    if asked["predict"]:
        started = time.perf_counter()
        model.predict(x)
        answer["predict_seconds"] = time.perf_counter() - started
    answer["quality"] = peers.quality(asked["quality"], model, x, y)
    return answer


def in_child(asked):
    """measure() in a fork of this process; the answer comes through a pipe."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            answer = measure(asked)
        except BaseException:
            answer = {"error": traceback.format_exc()}
        with os.fdopen(writer, "w") as out:
            json.dump(answer, out)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else {"error": "the peer's process ended early"}


def main():
    warnings.simplefilter("ignore")
    blas = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    print(json.dumps({
        "numpy": np.__version__, "sklearn": sklearn.__version__, "xgboost": xgboost.__version__,
        "blas": sorted({"%s %s" % (p["internal_api"], p["version"]) for p in blas}),
        "kernel": sorted({str(p.get("architecture")) for p in blas}),
        "threads": sorted({p["num_threads"] for p in blas})}), flush=True)
    for line in sys.stdin:
        print(json.dumps(in_child(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
