#!/usr/bin/python3
"""Compare the contract with its golden text, and refuse what would break a client.

    golden_descriptor.py check  DESCRIPTOR GOLDEN
    golden_descriptor.py update DESCRIPTOR GOLDEN [--breaking]

DESCRIPTOR is the FileDescriptorSet of the build (src/wire/trivet.descriptor in the build folder).
A line of the golden that is gone, or another, breaks somebody: `check` fails. A new line fails
too, until `update` has written it. `update` refuses to drop a line unless --breaking is given.
`check` first plants breaking changes in a copy of the contract and fails when one is not found."""

import argparse
import copy
import sys

import contract
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field

TYPES = {number: name[5:].lower() for name, number in Field.Type.items()}
LABELS = {number: name[6:].lower() for name, number in Field.Label.items()}


def field_line(scope, message, field):
    kind = field.type_name.lstrip(".") or TYPES[field.type]
    words = [f"field {scope} {field.number} {field.name} {kind} {LABELS[field.label]}"]
    if field.HasField("oneof_index"):
        words.append(f"oneof={message.oneof_decl[field.oneof_index].name}")
    if field.options.HasField("packed"):
        words.append(f"packed={str(field.options.packed).lower()}")
    return " ".join(words)


def message_lines(scope, message):
    scope = f"{scope}.{message.name}"
    yield f"message {scope}"
    for field in message.field:
        yield field_line(scope, message, field)
    for enum in message.enum_type:
        yield from enum_lines(scope, enum)
    for nested in message.nested_type:
        yield from message_lines(scope, nested)


def enum_lines(scope, enum):
    for value in enum.value:
        yield f"enum {scope}.{enum.name} {value.number} {value.name}"


def lines(files):
    """The contract, one line per thing that a client may rely on."""
    found = []
    for file in files.file:
        for message in file.message_type:
            found.extend(message_lines(file.package, message))
        for enum in file.enum_type:
            found.extend(enum_lines(file.package, enum))
        for service in file.service:
            for method in service.method:
                found.append(f"method {file.package}.{service.name}/{method.name} "
                             f"{method.input_type.lstrip('.')} {method.output_type.lstrip('.')}"
                             f"{' streaming' if method.client_streaming or method.server_streaming else ''}")
    return sorted(found)


def forbidden(files):
    """What protobuf-c cannot do safely: recursive messages, and proto3 `optional`."""
    fields = {}
    problems = []
    for file in files.file:
        for message in file.message_type:
            name = f".{file.package}.{message.name}"
            fields[name] = {f.type_name for f in message.field if f.type == Field.TYPE_MESSAGE}
            problems += [f"proto3 optional: {name[1:]}.{f.name}" for f in message.field
                         if f.proto3_optional]
    for name in fields:
        reached, todo = set(), set(fields[name])
        while todo:
            child = todo.pop()
            reached.add(child)
            todo |= fields.get(child, set()) - reached
        if name in reached:
            problems.append(f"recursive message: {name[1:]}")
    return problems


def compare(golden, files):
    """(lines that are gone, lines that are new, forbidden things)."""
    now = set(lines(files))
    return sorted(set(golden) - now), sorted(now - set(golden)), forbidden(files)


def find(things, name):
    return next(thing for thing in things if thing.name == name)


def plant(files, change):
    planted = copy.deepcopy(files)
    messages = [m for file in planted.file for m in file.message_type]
    services = [s for file in planted.file for s in file.service]
    enums = [e for file in planted.file for e in file.enum_type]
    change(find(messages, "PredictRequest"), find(services, "Prediction"), find(enums, "Status"))
    return planted


def set_field(message, field_name, **values):
    field = find(message.field, field_name)
    for key, value in values.items():
        setattr(field, key, value)


BREAKING = {
    "field number changed": lambda m, s, e: set_field(m, "prediction_id", number=99),
    "field type changed": lambda m, s, e: set_field(m, "prediction_id", type=Field.TYPE_BYTES),
    "field label changed": lambda m, s, e: set_field(m, "outputs", label=Field.LABEL_OPTIONAL),
    "field renamed": lambda m, s, e: set_field(m, "outputs", name="wanted"),
    "field left its oneof": lambda m, s, e: find(m.field, "table").ClearField("oneof_index"),
    "message type changed": lambda m, s, e: set_field(m, "matrix", type_name=".trivet.v1.Table"),
    "field removed": lambda m, s, e: m.field.remove(find(m.field, "outputs")),
    "method removed": lambda m, s, e: s.method.remove(find(s.method, "Predict")),
    "method renamed": lambda m, s, e: setattr(find(s.method, "Predict"), "name", "Infer"),
    "method answers another type": lambda m, s, e: setattr(
        find(s.method, "Predict"), "output_type", ".trivet.v1.ExplainResponse"),
    "enum value renumbered": lambda m, s, e: setattr(
        find(e.value, "STATUS_NOT_FOUND"), "number", 77),
    "enum value removed": lambda m, s, e: e.value.remove(find(e.value, "STATUS_ABORTED")),
}
FORBIDDEN = {
    "recursive message": lambda m, s, e: m.field.add(
        name="nested", number=90, label=Field.LABEL_OPTIONAL, type=Field.TYPE_MESSAGE,
        type_name=".trivet.v1.PredictRequest"),
    "proto3 optional": lambda m, s, e: set_field(m, "prediction_id", proto3_optional=True),
}


def self_test(files):
    """Names of planted changes that were not found."""
    golden = lines(files)
    missed = [name for name, change in BREAKING.items()
              if not compare(golden, plant(files, change))[0]]
    missed += [name for name, change in FORBIDDEN.items()
               if not compare(golden, plant(files, change))[2]]

    def add(message, _service, _enum):
        message.field.add(name="more", number=91, label=Field.LABEL_OPTIONAL,
                          type=Field.TYPE_UINT64)

    gone, new, _ = compare(golden, plant(files, add))
    if gone or len(new) != 1:
        missed.append("field added")
    if compare(golden, files) != ([], [], forbidden(files)):
        missed.append("nothing changed")
    return missed


def read_golden(path):
    with open(path, encoding="utf-8") as file:
        return [line.rstrip("\n") for line in file if not line.startswith("#")]


def check(files, golden_path):
    missed = self_test(files)
    if missed:
        print("the check is blind to: " + ", ".join(missed))
        return 1
    gone, new, problems = compare(read_golden(golden_path), files)
    for line in gone:
        print(f"BREAKING  {line}")
    for line in new:
        print(f"new       {line}")
    for problem in problems:
        print(f"FORBIDDEN {problem}")
    if gone:
        print("A client built on the contract would break: add instead of changing.")
    elif new:
        print("Compatible, but not in the golden yet: run golden_descriptor.py update.")
    return 1 if gone or new or problems else 0


def update(files, golden_path, breaking):
    now = lines(files)
    try:
        gone = sorted(set(read_golden(golden_path)) - set(now))
    except FileNotFoundError:
        gone = []
    if gone and not breaking:
        print("\n".join(f"BREAKING  {line}" for line in gone))
        print("Not written. Give --breaking when no client relies on these yet.")
        return 1
    with open(golden_path, "w", encoding="utf-8") as file:
        file.write("# The contract, one line per thing a client may rely on. Written by\n"
                   "# golden_descriptor.py update; tests refuse a line that goes or changes.\n")
        file.writelines(line + "\n" for line in now)
    print(f"{golden_path}: {len(now)} lines")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("action", choices=["check", "update"])
    parser.add_argument("descriptor")
    parser.add_argument("golden")
    parser.add_argument("--breaking", action="store_true", help="update: drop lines as well")
    options = parser.parse_args()
    files = contract.load(options.descriptor)
    if options.action == "check":
        return check(files, options.golden)
    return update(files, options.golden, options.breaking)


if __name__ == "__main__":
    sys.exit(main())
