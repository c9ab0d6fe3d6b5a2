#!/usr/bin/python3
"""The layer table (layers.txt) against includes, CMake links and src/README.md.

    check_layers.py            check
    check_layers.py --table    print the table for src/README.md, between the two markers"""

import re
import sys

import lint

TABLE = "tests/lint/layers.txt"
README = "src/README.md"
MARKERS = ("<!-- layers -->", "<!-- /layers -->")
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)
CALL = re.compile(r"\b(trivet_library|trivet_program|add_library|add_executable|"
                  r"target_link_libraries)\s*\(([^)]*)\)")
FREE = {"trivet/status.h", "trivet/error.h"}
# Targets that are not named after their folder.
TARGETS = {"trivet_client": "libtrivet", "trivet_shared": "libtrivet", "trivet_proto": "wire"}


def read_table(root):
    """{folder: (layer, [folders it may use])}, in the order of the file."""
    table = {}
    for line in lint.read(root, TABLE).splitlines():
        if line and not line.startswith("#"):
            head, _, used = line.partition(":")
            layer, folder = head.split()
            table[folder] = (layer, used.split())
    return table


def markdown(table):
    rows = ["| layer | folder | may include |", "| --- | --- | --- |"]
    for folder, (layer, used) in table.items():
        names = ", ".join(f"`{name}`" for name in used) or "–"
        rows.append(f"| {layer.replace('-', '–')} | `{folder}` | {names} |")
    return "\n".join(rows)


def folder_of(name):
    """The folder of the table that a file is in."""
    parts = name.split("/")
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    if parts[0] == "clients" and len(parts) > 2:
        return "/".join(parts[:2])
    return None


def used_by_include(path, quoted, table):
    """The folder an include uses, None when it is free, or a problem in words."""
    if path in FREE:
        return None
    if path.startswith("trivet/v1/"):
        return "wire"
    if path.startswith("trivet/"):
        return "libtrivet"
    if path.startswith("clients/"):
        return "/".join(path.split("/")[:2])
    first = path.split("/")[0]
    if quoted and ("/" not in path or first not in table):
        return "?"
    return first if quoted else None


def allowed(table, folder, used):
    return used in (None, folder, "base") or used in table[folder][1]


def check_includes(root, table):
    problems = []
    for name in lint.c_files(root):
        folder = folder_of(name)
        if folder is None:
            continue
        if folder not in table:
            problems.append(f"{name}: the folder {folder} has no line in {TABLE}")
            continue
        text = lint.read(root, name)
        for match in INCLUDE.finditer(text):
            used = used_by_include(match.group(2), match.group(1) == '"', table)
            where = f"{name}:{lint.line_of(text, match.start(1))}"
            if used == "?":
                problems.append(f"{where}: write the include with its folder: {match.group(2)}")
            elif not allowed(table, folder, used):
                problems.append(f"{where}: {folder} may not include {match.group(2)}")
    return problems


def links_of(text):
    """Our targets that a CMake file links, without those it defines itself."""
    defined, linked = set(), set()
    for match in CALL.finditer(re.sub(r"#[^\n]*", "", text)):
        words = match.group(2).split()
        if not words:
            continue
        if match.group(1) == "target_link_libraries":
            linked |= set(words[1:])
        else:
            defined.add(words[0])
            linked |= set(words[1:])
    return sorted(word for word in linked - defined
                  if word.startswith("trivet_") and word != "trivet_flags")


def check_links(root, table):
    problems = []
    for name in lint.files(root, "CMakeLists.txt"):
        folder = folder_of(name)
        if folder not in table:
            continue
        for target in links_of(lint.read(root, name)):
            used = TARGETS.get(target, target[len("trivet_"):])
            if not allowed(table, folder, used):
                problems.append(f"{name}: {folder} may not link {target}")
    return problems


def check_readme(root, table):
    if not (root / README).exists():
        return []
    text = lint.read(root, README)
    if MARKERS[0] not in text:
        return []
    written = text.partition(MARKERS[0])[2].partition(MARKERS[1])[0].strip()
    if written != markdown(table):
        return [f"{README}: its layer table is not that of {TABLE}; "
                "paste what check_layers.py --table prints"]
    return []


def check_order(table):
    """A folder uses lower layers, or earlier lines of its own."""
    problems = []
    order = list(table)
    for folder, (_, used) in table.items():
        for name in used:
            if name == "libtrivet":
                continue
            if name not in table:
                problems.append(f"{TABLE}: {folder} uses {name}, which has no line")
            elif order.index(name) >= order.index(folder):
                problems.append(f"{TABLE}: {folder} uses {name}, which stands above it")
    return problems


def check(root):
    table = read_table(root)
    return (check_order(table) + check_includes(root, table) + check_links(root, table) +
            check_readme(root, table))


def planted():
    table = "0 base:\n1 wire:\n2 data: wire\n- clients/cli: wire libtrivet\n"
    good = {
        TABLE: table,
        "src/data/a.c": '#include "base/x.h"\n#include "data/a.h"\n#include "wire/w.h"\n'
                        '#include "trivet/v1/data.pb-c.h"\n#include <trivet/error.h>\n',
        "src/data/CMakeLists.txt": "trivet_library(data SOURCES a.c LINKS trivet_base trivet_wire)",
        "clients/cli/c.c": "#include <trivet/client.h>\n",
        "clients/cli/CMakeLists.txt": "trivet_program(trivet SOURCES c.c LINKS trivet_client)",
        README: f"x\n{MARKERS[0]}\n"
                "| layer | folder | may include |\n| --- | --- | --- |\n| 0 | `base` | – |\n"
                "| 1 | `wire` | – |\n| 2 | `data` | `wire` |\n"
                f"| – | `clients/cli` | `wire`, `libtrivet` |\n{MARKERS[1]}\n",
    }
    cases = [("fine", good, None)]
    for name, path, text, found in [
            ("upward include", "src/wire/w.c", '#include "data/a.h"\n', "wire may not include"),
            ("include in a header", "src/base/b.h", '#  include "wire/w.h"\n', "b.h:1: base may not"),
            ("generated header", "src/base/b.c", '#include "trivet/v1/data.pb-c.h"\n', "may not"),
            ("generated in brackets", "src/base/b.c", "#include <trivet/v1/data.pb-c.h>\n", "may not"),
            ("client library", "src/data/b.c", "#include <trivet/client.h>\n", "may not include"),
            ("client's inside", "clients/cli/d.c", '#include "clients/c/call.h"\n', "may not"),
            ("no folder", "src/data/b.c", '#include "a.h"\n', "with its folder"),
            ("dots", "src/data/b.c", '#include "../wire/w.h"\n', "with its folder"),
            ("unknown folder", "src/new/n.c", "\n", "has no line"),
            ("upward link", "src/wire/CMakeLists.txt",
             "trivet_library(wire SOURCES w.c\n  LINKS trivet_base\n  trivet_data)", "may not link"),
            ("link by hand", "src/wire/CMakeLists.txt",
             "target_link_libraries(trivet_wire PUBLIC trivet_data)", "may not link"),
            ("table upside down", TABLE, table + "1 x: y\n1 y:\n", "stands above it"),
            ("table with a gap", TABLE, table + "1 x: nowhere\n", "no line"),
            ("another README", README, f"{MARKERS[0]}\n| 0 | base |\n{MARKERS[1]}\n", README)]:
        cases.append((name, {**good, path: text}, found))
    return cases


if __name__ == "__main__":
    if sys.argv[1:] == ["--table"]:
        print(markdown(read_table(lint.ROOT)))
    else:
        lint.main(check, planted())
