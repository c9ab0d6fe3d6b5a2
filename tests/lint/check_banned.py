#!/usr/bin/python3
"""Functions and words that do not stand in this project. Direct allocations that a library's own
rules ask for are in allocations.txt, each with its reason."""

import re

import lint

ALLOCATIONS = "tests/lint/allocations.txt"
OURS = ("src/", "clients/", "include/")

# (functions, where: a prefix of the path or "" for all C, unless under, what to do instead)
BANNED = [
    ("strcpy strcat stpcpy sprintf vsprintf gets strtok alloca", "", None,
     "use base/text.h or snprintf"),
    ("atoi atol atoll atof", "", None, "use the parsers of base/text.h"),
    ("newlocale uselocale", "", None, "numbers are read and written in the C locale"),
    ("fork vfork", OURS, None, "use posix_spawn: OpenBLAS does not survive a fork"),
    (r"cblas_\w+ LAPACKE_\w+ openblas_\w+", OURS, "src/linalg/", "call src/linalg"),
]
# LC_CTYPE, for the widths of characters, leaves numbers alone.
LOCALE = re.compile(r"\b(setlocale)\s*\(\s*(?!LC_CTYPE\b)")
ALLOCATORS = ("malloc calloc realloc reallocarray aligned_alloc posix_memalign memalign valloc "
              "strdup strndup asprintf vasprintf getline getdelim open_memstream realpath free")
# Machine paths and unfinished work. Written so that no pattern finds itself.
WORDS = [
    (re.compile(r"(?<![\w.$}])/(?:work|home|root|workspace)/[\w.]"), "the path of one machine"),
    (re.compile(r"/tmp/b[-]\w"), "the path of one machine"),
    (re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X]|HAC[K])\b"), "unfinished work: do it, or say it in words"),
    (re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE), "a conflict"),
]
TEXT_SUFFIXES = (".c", ".h", ".py", ".sh", ".md", ".txt", ".cmake", ".json", ".proto", ".map", ".js",
                 ".css", ".html", ".in", ".service", ".yml", ".yaml", ".conf", ".ini", ".toml")


def called(names):
    """A call or declaration of one of `names`; not a member of that name."""
    return re.compile(r"(?<![\w.>])(" + "|".join(names.split()) + r")\s*\(")


def find(root, name, pattern):
    code = lint.code_of(lint.read(root, name))
    for match in pattern.finditer(code):
        yield match.group(1), f"{name}:{lint.line_of(code, match.start(1))}"


def check_functions(root):
    problems = []
    for name in lint.c_files(root):
        for names, where, unless, instead in BANNED:
            if name.startswith(where) and not (unless and name.startswith(unless)):
                problems += [f"{place}: {function}() is banned: {instead}"
                             for function, place in find(root, name, called(names))]
        problems += [f"{place}: {function}() of numbers: they are read and written in the C locale"
                     for function, place in find(root, name, LOCALE)]
    return problems


def read_exceptions(root):
    path = root / ALLOCATIONS
    if not path.exists():
        return {}
    rows = [line.split(maxsplit=2) for line in path.read_text(encoding="utf-8").splitlines()
            if line and not line.startswith("#")]
    return {(row[0], row[1]): row[2] for row in rows if len(row) == 3}


def check_allocations(root):
    exceptions = read_exceptions(root)
    problems, used = [], set()
    for name in lint.c_files(root):
        if not name.startswith(OURS):
            continue
        for function, place in find(root, name, called(ALLOCATORS)):
            keys = {(name, function), (name, "*")} & set(exceptions)
            used |= keys
            if not keys:
                problems.append(f"{place}: {function}() directly: use base/alloc.h, or give the "
                                f"reason in {ALLOCATIONS}")
    problems += [f"{ALLOCATIONS}: {name} {function} is not needed any more"
                 for name, function in set(exceptions) - used]
    return problems


def check_words(root):
    problems = []
    for name in lint.files(root, *TEXT_SUFFIXES):
        text = lint.read(root, name)
        for pattern, why in WORDS:
            problems += [f"{name}:{lint.line_of(text, match.start())}: {match.group()!r}: {why}"
                         for match in pattern.finditer(text)]
    return problems


def check_flags(root):
    """Variable-length arrays are the compiler's to find."""
    top = root / "CMakeLists.txt"
    if top.exists() and "-Wvla" not in top.read_text(encoding="utf-8"):
        return ["CMakeLists.txt: -Wvla is gone, which keeps variable-length arrays out"]
    return []


def check(root):
    return check_functions(root) + check_allocations(root) + check_words(root) + check_flags(root)


def planted():
    fine = {
        "src/data/a.c": '/* strcpy(a, b) and TODOS */\nconst char *s = "malloc(1)";\n'
                        "void g(struct ops *ops)\n{\n    ops->free(1);\n    ops.free(2);\n"
                        "    trivet_free(3);\n    x_strcpy(4);\n}\n",
        "src/linalg/b.c": "int i = cblas_ddot(1);\n",
        "clients/cli/m.c": 'setlocale(LC_CTYPE, "");\n',
        "tests/t.c": "int i = fork();\nvoid *m = malloc(1);\n",
        "src/httpd/l.c": "free(library_text());\n",
        ALLOCATIONS: "# c\nsrc/httpd/l.c free the library says so\n",
        "CMakeLists.txt": "add_compile_options(-Wvla)\n",
        "a.sh": "cd ${HOME}/work/build\nfile=$(mktemp -d /tmp/trivet-XXXXXX)\n",
    }
    cases = [("fine", fine, None)]
    functions = " ".join(names for names, where, _, _ in BANNED if where == "").split()
    for function in functions:
        cases.append((function, {"tests/a.c": f"int i = {function} (x);\n"}, f"a.c:1: {function}()"))
    for function in ALLOCATORS.split():
        cases.append((function, {"src/data/a.c": f"\nx({function}(y));\n"}, f"a.c:2: {function}()"))
    for name, path, text, found in [
            ("fork", "src/a/a.c", "fork();\n", "fork()"),
            ("locale", "src/a/a.c", 'setlocale(LC_ALL, "");\n', "setlocale()"),
            ("BLAS elsewhere", "src/models/a.c", "cblas_dgemm(1);\n", "cblas_dgemm"),
            ("LAPACK elsewhere", "clients/c/a.c", "LAPACKE_dgels(1);\n", "LAPACKE_dgels"),
            ("after a string", "src/a.c", 'f("//");\n/* "x */ strcpy(a, "b");\n', "a.c:2: strcpy"),
            ("after a quote", "src/a.c", "char c = '\"'; gets(x);\n", "gets()"),
            ("an old exception", "src/httpd/l.c", "int i;\n", "not needed any more"),
            ("a machine's path", "src/a.h", "/* see " + "/wo" + "rk/x */\n", "one machine"),
            ("a machine's path in a script", "b.sh", "cd " + "/ho" + "me/me\n", "one machine"),
            ("unfinished", "src/a.c", "/* TO" + "DO: */\n", "unfinished"),
            ("a conflict", "README.md", "x\n" + "<" * 7 + " HEAD\n", "conflict"),
            ("no flag", "CMakeLists.txt", "project(x)\n", "-Wvla")]:
        cases.append((name, {**fine, path: text}, found))
    return cases


if __name__ == "__main__":
    lint.main(check, planted())
