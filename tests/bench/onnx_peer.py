"""ONNX Runtime beside ours, compute alone: the same MLP as an ONNX file, run by npm's onnxruntime-node
in a process of its own, and ours by bench/compute; they are asked in turn, a round each.

The package is optional: found in PACKAGE, below the folder of the benchmarks' programs.
"""

import os
import shutil
import statistics
import subprocess

import numpy as np
from trivet.v1 import artefact_pb2

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = "node_modules/onnxruntime-node"
ARTEFACT_HEADER_BYTES = 40
ROUNDS = 15
GOAL, DIFFERENCE_MAX = 1.0, 1e-5


def missing(programs):
    """Why it cannot be run, and how it can; "" when it can."""
    if shutil.which("node") is None:
        return "node is not installed: apt-get install nodejs npm"
    try:
        import onnx  # noqa: F401
    except ImportError:
        return "python3-onnx is not installed: deploy/install-deps.sh --bench"
    if not os.path.isdir(os.path.join(programs, PACKAGE)):
        return ("its package is not in %s: npm install --ignore-scripts --prefix %s "
                "onnxruntime-node" % (programs, programs))
    return ""


def weights_of(artefact):
    """[(weights, biases)] of the layers, as float32."""
    with open(artefact, "rb") as file:
        message = artefact_pb2.Artefact.FromString(file.read()[ARTEFACT_HEADER_BYTES:])
    assert not message.pipeline.transformers, "only the network goes into the file"
    state = {tensor.name: tensor for tensor in message.pipeline.estimator.state}
    widths = list(state["widths"].i64)
    return [(np.array(state["weights_%d" % k].f64, np.float32).reshape(n_in, n_out),
             np.array(state["biases_%d" % k].f64, np.float32))
            for k, (n_in, n_out) in enumerate(zip(widths, widths[1:]), 1)]


def model_of(layers):
    from onnx import helper, numpy_helper
    nodes, weights, above = [], [], "x"
    for k, (w, b) in enumerate(layers):
        is_last = k == len(layers) - 1
        weights += [numpy_helper.from_array(w, "w%d" % k), numpy_helper.from_array(b, "b%d" % k)]
        nodes.append(helper.make_node("Gemm", [above, "w%d" % k, "b%d" % k], ["z%d" % k]))
        above = "y" if is_last else "h%d" % k
        nodes.append(helper.make_node("Softmax", ["z%d" % k], [above], axis=1) if is_last else
                     helper.make_node("Relu", ["z%d" % k], [above]))
    return packed(nodes, weights, layers[0][0].shape[0], layers[-1][0].shape[1])


def nothing(n_columns):
    """A model of one column that does next to nothing: what a call costs on the way through node."""
    from onnx import helper, numpy_helper
    column = numpy_helper.from_array(np.zeros(1, np.int64), "first")
    return packed([helper.make_node("Gather", ["x", "first"], ["y"], axis=1)], [column],
                  n_columns, 1)


def packed(nodes, weights, n_inputs, n_outputs):
    from onnx import TensorProto, helper
    graph = helper.make_graph(
        nodes, "bench",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", n_inputs])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", n_outputs])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    return model.SerializeToString()


class Side:
    """A process that answers questions, a line each."""

    def __init__(self, *command):
        self.popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True)

    def ask(self, *words):
        self.popen.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.popen.stdin.flush()
        answer = self.popen.stdout.readline()
        if not answer:
            raise RuntimeError("%s ended: %d" % (self.popen.args[0], self.popen.wait()))
        return answer.strip()

    def close(self):
        self.popen.stdin.close()
        self.popen.wait(30)
        self.popen.stdout.close()


def difference(ours, peer, n_rows, folder):
    """The greatest of all outputs."""
    values = []
    for side in (ours, peer):
        path = os.path.join(folder, "answers")
        side.ask("answers", n_rows, path)
        values.append(np.fromfile(path))
        os.remove(path)
    assert values[0].shape == values[1].shape and values[0].size % n_rows == 0
    found = np.max(np.abs(values[0] - values[1]))
    return np.inf if np.isnan(found) else found


def line(name, n_rows, times, of_node, found):
    ours, peer = (statistics.median(side) for side in times)
    met = peer / ours >= GOAL and found <= DIFFERENCE_MAX
    return ("bench=compute-%s-float-%d ours=%.4g peer=onnxruntime:%.4g unit=us better=%.2f goal=%g "
            "%s difference=%.1e range=%.4g..%.4g peer_range=%.4g..%.4g through_node=%.3g" % (
                name, n_rows, ours, peer, peer / ours, GOAL, "met" if met else "missed", found,
                min(times[0]), max(times[0]), min(times[1]), max(times[1]), of_node))


def compare(programs, folder, name, artefact, rows, n_columns, batches):
    """Lines of all batches; RuntimeError when a side ends."""
    models = {"network": model_of(weights_of(artefact)), "nothing": nothing(n_columns)}
    peers = {}
    ours = Side(os.path.join(programs, "compute"), name, artefact, rows, str(n_columns), "asked")
    try:
        for which, model in models.items():
            path = os.path.join(folder, which + ".onnx")
            with open(path, "wb") as file:
                file.write(model)
            peers[which] = Side("node", os.path.join(HERE, "onnx_peer.js"),
                                os.path.abspath(os.path.join(programs, PACKAGE)), path, rows,
                                str(n_columns))
        of_node = statistics.median(float(peers["nothing"].ask("time", 1)) for _ in range(ROUNDS))
        for n_rows in batches:
            found = difference(ours, peers["network"], n_rows, folder)
            times = [], []
            for _ in range(ROUNDS):
                for side, asked in zip(times, (ours, peers["network"])):
                    side.append(float(asked.ask("time", n_rows)))
            yield line(name, n_rows, times, of_node, found)
    finally:
        for side in [ours, *peers.values()]:
            side.close()
