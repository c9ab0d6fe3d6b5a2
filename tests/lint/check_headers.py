#!/usr/bin/python3
"""Every header compiles alone, and a second time.

    check_headers.py GENERATED    GENERATED holds trivet/v1/*.pb-c.h (src/wire/generated)"""

import concurrent.futures
import os
import subprocess
import sys

import lint

PACKAGES = ("libprotobuf-c", "sqlite3", "libmicrohttpd", "jansson", "openblas", "lapacke",
            "libcrypto", "inih", "cmocka")


def package_flags():
    found = subprocess.run(["pkg-config", "--cflags", *PACKAGES], capture_output=True, text=True,
                           check=True)
    return found.stdout.split()


def compile_alone(root, name, flags):
    source = f'#include "{root / name}"\n' * 2
    done = subprocess.run(
        ["gcc", "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
         f"-I{root / 'include'}", f"-I{root / 'src'}", f"-I{root}", f"-I{root / 'tests'}",
         *flags, "-x", "c", "-"],
        input=source, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return []
    return [f"{name} does not compile alone:\n{done.stderr}"]


def check_with(flags):
    def check(root):
        headers = [name for name in lint.c_files(root) if name.endswith(".h")]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            results = pool.map(lambda name: compile_alone(root, name, flags), headers)
            return [problem for problems in results for problem in problems]
    return check


GUARDED = "#ifndef A_H\n#define A_H\n{}\n#endif\n"
PLANTED = [
    ("fine", {"src/base/a.h": GUARDED.format("#include <stddef.h>\nint f(size_t n);")}, None),
    ("an include is missing", {"src/base/a.h": GUARDED.format("int f(size_t n);")}, "src/base/a.h"),
    ("another header is missing", {"src/data/a.h": GUARDED.format('#include "data/b.h"')}, "b.h"),
    ("no guard", {"include/trivet/a.h": "struct a { int b; };\n"}, "redefinition"),
]

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    lint.main(check_with([*package_flags(), "-isystem", sys.argv[1]]), PLANTED)
