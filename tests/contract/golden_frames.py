#!/usr/bin/python3
"""Golden frames, made by Google's protobuf and not by ours.

    golden_frames.py check  DESCRIPTOR FIXTURES
    golden_frames.py update DESCRIPTOR FIXTURES

FIXTURES is tests/contract/fixtures. Each NAME.hex there is one frame in hex, with what it holds
as comment lines. tests/unit/wire/test_golden.c builds the same messages in C and compares bytes,
both ways. `update` writes the files; `check` fails when the bytes of one differ from what it would write."""

import argparse
import pathlib
import struct
import sys

import contract
from google.protobuf import json_format, text_format

FRAMES = {
    "predict_request": (
        ("RequestHeader", {"method": "trivet.v1.Prediction/Predict", "timeoutUs": 250000,
                           "requestId": "req-1"}),
        ("PredictRequest", {
            "model": {"name": "house-prices", "version": 3},
            "matrix": {"rows": 2, "cols": 3, "f64": [120.5, 4, -0.25, 1e300, 0, 0.1]},
            "outputs": ["price"], "predictionId": "call-7"})),
    "predict_request_table": (
        ("RequestHeader", {"method": "trivet.v1.Prediction/Predict"}),
        ("PredictRequest", {
            "model": {"name": "house-prices", "alias": "canary"},
            "table": {"rows": 3, "columns": [
                {"name": "area", "numeric": {"values": [50, 75.5, 0]}, "nullBitmap": "BA=="},
                {"name": "Größe", "categorical": {
                    "dictionary": ["klein", "groß"], "codes": [1, 0, 1]}}]}})),
    "predict_response": (
        ("ResponseHeader", {"timings": {"queueUs": 3, "computeUs": 12, "totalUs": 40},
                            "requestId": "req-1"}),
        ("PredictResponse", {
            "model": "house-prices", "version": 3, "predictionId": "call-7", "rows": 2,
            "outputs": [{"name": "price", "cols": 1, "f32": [250000.5, "NaN"]}],
            "rowErrors": [{"row": 1, "status": "STATUS_INVALID_ARGUMENT",
                           "message": "column 'rooms' is NaN"}]})),
    "error_response": (
        ("ResponseHeader", {
            "status": "STATUS_NOT_FOUND", "message": "no model 'x'; train it first",
            "violations": [{"field": "model.name", "description": "unknown"}],
            "timings": {"totalUs": 5}, "replayed": True}),
        None),
}


def frame(classes, header, body):
    """The bytes of a frame, and its text."""
    parts, texts = [], []
    for part in (header, body):
        message = None
        if part:
            message = json_format.ParseDict(part[1], classes[f"trivet.v1.{part[0]}"]())
            texts.append(f"{part[0]} {{\n{text_format.MessageToString(message, as_utf8=True)}}}")
        parts.append(message.SerializeToString(deterministic=True) if message else b"")
    return struct.pack("<BBH", 1, 0, len(parts[0])) + parts[0] + parts[1], "\n".join(texts)


def fixture(classes, header, body):
    data, text = frame(classes, header, body)
    comment = "".join(f"# {line}\n" for line in text.splitlines())
    rows = [data[at:at + 32].hex() for at in range(0, len(data), 32)]
    return comment + "\n".join(rows) + "\n"


def same_bytes(path, text):
    """Comments do not count: another protobuf may write the text another way."""
    def bytes_of(lines):
        return "".join(line for line in lines.splitlines() if not line.startswith("#"))
    return path.exists() and bytes_of(path.read_text(encoding="utf-8")) == bytes_of(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("action", choices=["check", "update"])
    parser.add_argument("descriptor")
    parser.add_argument("fixtures", type=pathlib.Path)
    options = parser.parse_args()
    classes = contract.classes(contract.load(options.descriptor))
    n_different = 0
    for name, parts in FRAMES.items():
        path = options.fixtures / f"{name}.hex"
        text = fixture(classes, *parts)
        if options.action == "update":
            path.write_text(text, encoding="utf-8")
        elif not same_bytes(path, text):
            print(f"{path} is not what golden_frames.py writes: a frame on the wire has changed")
            n_different += 1
    known = {f"{name}.hex" for name in FRAMES}
    for path in options.fixtures.glob("*.hex"):
        if path.name not in known:
            print(f"{path} is made by nothing")
            n_different += 1
    return 1 if n_different else 0


if __name__ == "__main__":
    sys.exit(main())
