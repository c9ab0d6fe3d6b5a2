"""The compute of predictions alone: models are trained through a trivetd, their artefacts read from
its store, and bench/compute times them beside peers in one process."""

import argparse
import glob
import os
import re
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))

import harness  # noqa: E402  (the way to the client)

import numpy as np  # noqa: E402
import onnx_peer  # noqa: E402
import trivet  # noqa: E402

SCALED = ["standard_scaler"]

# name, estimator, parameters, columns, transformers, batches, peer, goal
ROWS = [
    ("mlp", "mlp_classifier", {"hidden_layers": "256,128", "epochs": 3}, 784, [], "1,32,256,1024",
     "blas", 0.95),
    ("mlp-scaled", "mlp_classifier", {"hidden_layers": "256,128", "epochs": 3}, 784, SCALED,
     "1,32,256,1024", "blas", 0.95),
    ("trees", "gradient_boosting_regressor", {}, 50, [], "1,256,100000", "xgboost", 1.5),
    ("linear16", "linear_regression", {}, 16, SCALED, "1,64,1024", "blas", None),
    ("linear64", "linear_regression", {}, 64, SCALED, "1,64,1024", "blas", None),
    ("svc", "svc", {}, 20, SCALED, "1,256", "blas", None),
]
SHAPES = {"mlp": "784-256-128-10", "mlp-scaled": "784-256-128-10", "linear16": "16-1",
          "linear64": "64-1", "svc": "20-1000-1"}


def data(name, n_columns):
    rng = np.random.default_rng(41)
    n_rows = {"trees": 20000, "mlp": 3000, "mlp-scaled": 3000}.get(name, 2000)
    x = rng.normal(size=(n_rows, n_columns)).astype(np.float32).astype(float)
    score = x @ rng.normal(size=(n_columns, 10))
    if name.startswith("mlp"):
        return x, np.argmax(score, axis=1).astype(float)
    if name == "svc":
        return x, (score[:, 0] + score[:, 1] ** 2 > 0).astype(float)
    return x, score[:, 0] + np.abs(score[:, 1])


def read_artefact(folder, model, path):
    """All parts of the newest version, from the catalog."""
    found = glob.glob(os.path.join(folder, "**", "catalog.db"), recursive=True)
    with sqlite3.connect("file:%s?mode=ro" % found[0], uri=True) as catalog:
        parts = catalog.execute(
            "SELECT data FROM artefact_parts WHERE version_key ="
            " (SELECT max(key) FROM versions WHERE model = ?) ORDER BY part", (model,)).fetchall()
    with open(path, "wb") as out:
        out.write(b"".join(part for part, in parts))


def train_peer(x, y, path):
    """The same library, data and parameters: the same trees."""
    import xgboost
    matrix = xgboost.DMatrix(x, y, nthread=1)
    booster = xgboost.train({"nthread": 1, "tree_method": "hist", "max_depth": 6, "verbosity": 0},
                            matrix, 100)
    booster.save_model(path)


def measure(client, folder, program, row):
    name, estimator, parameters, n_columns, transformers, batches, peer, goal = row
    x, y = data(name, n_columns)
    model, artefact = "compute-" + name, os.path.join(folder, name)
    client.train(model, client.upload(x, y, name=name), target="target", estimator=estimator,
                 parameters=parameters, transformers=transformers, test_size=0.0, threads=1)
    read_artefact(folder, model, artefact)
    most = max(int(batch) for batch in batches.split(","))
    np.resize(x.astype(np.float32), (most, n_columns)).tofile(artefact + ".rows")
    peer_of = SHAPES.get(name)
    if peer == "xgboost":
        peer_of = artefact + ".json"
        train_peer(x, y, peer_of)
    command = [program, name, artefact, artefact + ".rows", str(n_columns), batches, peer, peer_of]
    print(subprocess.run(command + ([str(goal)] if goal else []), check=True,
                         stdout=subprocess.PIPE, text=True).stdout, end="", flush=True)
    if name == "mlp" and not onnx_peer.missing(os.path.dirname(program)):
        for line in onnx_peer.compare(os.path.dirname(program), folder, name, artefact,
                                      artefact + ".rows", n_columns,
                                      [int(batch) for batch in batches.split(",")]):
            print(line, flush=True)


def main():
    parser = argparse.ArgumentParser(description="Compute alone, beside OpenBLAS, XGBoost and "
                                     "ONNX Runtime.")
    parser.add_argument("--only", default="", metavar="REGEX")
    parser.add_argument("--out", default="build/release/bench", metavar="FOLDER",
                        help="where bench/compute was built")
    arguments = parser.parse_args()
    program = os.path.join(arguments.out, "compute")
    with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
        trivetd = harness.start_trivetd(folder, listen=("ipc://%s/socket" % folder,))
        try:
            with trivet.connect(trivetd.ready["listen"], timeout=600) as client:
                status = client.status()
                print("environment load=%.1f %s, kernel %s" % (
                    os.getloadavg()[0], status.blas, status.blas_kernel))
                for row in (row for row in ROWS if re.search(arguments.only, row[0])):
                    measure(client, folder, program, row)
        finally:
            trivetd.stop()
    why = onnx_peer.missing(arguments.out)
    if why and re.search(arguments.only, "mlp"):
        print("bench=compute-mlp peer=onnxruntime skipped: " + why)


if __name__ == "__main__":
    main()
