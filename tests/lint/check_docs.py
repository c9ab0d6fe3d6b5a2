#!/usr/bin/python3
"""What the documents repeat is what the sources say: the limits in src/README.md, and the files
that it names.

    check_docs.py --limits     prints the table of limits for src/README.md
"""

import re
import sys

import lint

README = "src/README.md"
LIMITS = "src/server/limits.h"


def limits(root):
    """{name: value as it stands in the header}."""
    return dict(re.findall(r"^#define TRIVET_(\w+) +(.+?)(?: +/\*.*)?$", lint.read(root, LIMITS),
                           re.MULTILINE))


def shown(value):
    """"(16u << 20)" → "16 MiB", "(4ull << 30)" → "4 GiB"; a plain number with separators."""
    shift = re.fullmatch(r"\((\d+)u(?:ll)? << (10|20|30)\)", value)
    if shift:
        number, power = shift.groups()
        return "%s %s" % (number, {"10": "KiB", "20": "MiB", "30": "GiB"}[power])
    return "{:,}".format(int(value))


def table(root):
    rows = ["| limit | value |", "| --- | --- |"]
    rows += ["| %s | %s |" % (name.lower(), shown(value)) for name, value in limits(root).items()
             if not name.endswith("_H")]
    return "\n".join(rows)


def check(root):
    problems = []
    text = lint.read(root, README)
    marked = re.search(r"<!-- limits -->\n(.*?)\n<!-- /limits -->", text, re.DOTALL)
    if marked is None:
        problems.append("%s: no table of limits between its marks" % README)
    elif marked.group(1).strip() != table(root):
        problems.append("%s: the limits are not those of %s; print them with check_docs.py "
                        "--limits" % (README, LIMITS))
    for path in sorted(set(re.findall(r"`((?:[a-z]+/)+[a-z_]+\.c)`", text))):
        if not (root / "src" / path).exists() and not (root / path).exists():
            problems.append("%s: names %s, which is not there" % (README, path))
    return problems


GOOD = {
    LIMITS: "#ifndef TRIVET_SERVER_LIMITS_H\n#define TRIVET_CALLS_MAX   256\n"
            "#define TRIVET_FRAME_MAX (16u << 20) /* why */\n",
    README: "see `rpc/a.c`\n<!-- limits -->\n| limit | value |\n| --- | --- |\n| calls_max | 256 |\n"
            "| frame_max | 16 MiB |\n<!-- /limits -->\n",
    "src/rpc/a.c": "",
}
PLANTED = [
    ("fine", GOOD, None),
    ("a limit changed", dict(GOOD, **{LIMITS: GOOD[LIMITS].replace("256", "255")}), "limits"),
    ("a limit is new", dict(GOOD, **{LIMITS: GOOD[LIMITS] + "#define TRIVET_A_MAX 1\n"}), "limits"),
    ("a file is gone", dict(GOOD, **{README: GOOD[README].replace("a.c", "b.c")}), "rpc/b.c"),
    ("no marks", dict(GOOD, **{README: ""}), "no table"),
]

if __name__ == "__main__":
    if sys.argv[1:] == ["--limits"]:
        print(table(lint.ROOT))
    else:
        lint.main(check, PLANTED)
