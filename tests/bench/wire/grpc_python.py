"""The Python peer: grpcio and scikit-learn, the same prediction on the same messages.

    grpc_python.py ADDRESS MODEL-FILE THREADS     in $TRIVET_PROTO the generated messages
"""

import concurrent.futures
import os
import sys

import grpc
import numpy as np
from sklearn.linear_model import LinearRegression

sys.path.insert(0, os.environ["TRIVET_PROTO"])

from trivet.v1 import prediction_pb2 as prediction  # noqa: E402


def read_model(path):
    """(version, the fitted model) of the file that the load generator reads."""
    with open(path) as file:
        kind, version, n, *numbers = file.read().split()
    if kind != "linear" or len(numbers) != int(n) + 1:
        sys.exit("%s: no linear model" % path)
    model = LinearRegression()
    model.intercept_ = float(numbers[0])
    model.coef_ = np.array(numbers[1:], dtype=float)
    model.n_features_in_ = int(n)
    return int(version), model


def main():
    address, path, threads = sys.argv[1:]
    version, model = read_model(path)

    def predict(request, context):
        matrix = request.matrix
        if len(matrix.f64) != matrix.rows * matrix.cols or matrix.cols != model.n_features_in_:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "wrong width")
        x = np.array(matrix.f64).reshape(matrix.rows, matrix.cols)
        response = prediction.PredictResponse(
            model=request.model.name, version=version, rows=matrix.rows)
        response.outputs.add(name="prediction", cols=1).f64.extend(model.predict(x))
        return response

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(int(threads)))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("trivet.bench.Peer", {
        "Predict": grpc.unary_unary_rpc_method_handler(
            predict, request_deserializer=prediction.PredictRequest.FromString,
            response_serializer=prediction.PredictResponse.SerializeToString)})])
    if server.add_insecure_port(address) == 0:
        sys.exit("%s: cannot listen" % address)
    server.start()
    print("ready listen=%s" % address, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
