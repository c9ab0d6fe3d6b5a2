#!/usr/bin/python3
"""Generates the contract's messages into the package, before it is installed:

    clients/python/generate.py && pip install clients/python
"""

import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
PROTO = HERE.parents[1] / "proto"

if __name__ == "__main__":
    subprocess.run(["protoc", "--python_out=%s" % HERE, "-I%s" % PROTO]
                   + sorted(map(str, PROTO.glob("trivet/v1/*.proto"))), check=True)
