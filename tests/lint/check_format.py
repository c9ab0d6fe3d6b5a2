#!/usr/bin/python3
"""All C is formatted as .clang-format says. To repair: clang-format -i FILE."""

import subprocess

import lint


def check(root):
    names = lint.c_files(root)
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", "--style=file", *names],
                          cwd=root, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return []
    bad = sorted({line.split(":")[0] for line in done.stderr.splitlines()
                  if "-Wclang-format-violations" in line})
    return [f"{name} is not formatted: clang-format -i {name}" for name in bad] or [done.stderr]


PLANTED = [
    ("fine", {"src/a.c": "int f(void)\n{\n    return 1;\n}\n"}, None),
    ("two spaces", {"src/a.c": "int f(void)\n{\n  return 1;\n}\n"}, "src/a.c"),
    ("brace", {"tests/a.h": "int f(void) {\n    return 1;\n}\n"}, "tests/a.h"),
]

if __name__ == "__main__":
    lint.main(check, PLANTED)
