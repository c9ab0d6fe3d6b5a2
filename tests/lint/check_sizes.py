#!/usr/bin/python3
"""No function over 70 lines, no file over 800 (a warning from 600 on)."""

import lint

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 800
FILE_LINES_WARN = 600


def functions(text):
    """(first line, number of lines, signature) of each function: clang-format puts the braces of a
    body, and of nothing else, at the start of a line."""
    lines = lint.code_of(text).splitlines()
    begin = None
    for at, line in enumerate(lines):
        if line.rstrip() == "{":
            begin = at
            while begin > 0 and lines[begin - 1].strip() and lines[begin - 1][0] not in "#}":
                begin -= 1
        elif line.rstrip() == "}" and begin is not None:
            yield begin + 1, at - begin + 1, lines[begin].strip()
            begin = None


def check(root):
    problems = []
    for name in lint.c_files(root):
        text = lint.read(root, name)
        for line, count, signature in functions(text):
            if count > FUNCTION_LINES_MAX:
                problems.append(f"{name}:{line}: {count} lines, at most {FUNCTION_LINES_MAX}: "
                                f"{signature}")
        n_lines = text.count("\n")
        if n_lines > FILE_LINES_MAX:
            problems.append(f"{name}: {n_lines} lines, at most {FILE_LINES_MAX}")
        elif n_lines > FILE_LINES_WARN:
            print(f"warning: {name}: {n_lines} lines, more than {FILE_LINES_WARN}")
    return problems


def function(n_body):
    return "static int\nf(int a)\n{\n" + "    a++;\n" * n_body + "}\n"


PLANTED = [
    ("fine", {"src/a.c": "/* c */\n" + function(66) + "\n" + function(66)}, None),
    ("one line too long", {"src/a.c": "struct a {\n    int b;\n};\n\n" + function(67)}, "src/a.c:5: 71"),
    ("in a test", {"tests/a.c": function(100)}, "tests/a.c:1: 104"),
    ("braces in a comment", {"src/a.c": function(60).replace("a++;", "/*\n}\n*/", 5)}, "74 lines"),
    ("a long file", {"src/a.h": "int a;\n" * 801}, "801 lines"),
    ("a file just so long", {"src/a.h": "int a;\n" * 600}, None),
]

if __name__ == "__main__":
    lint.main(check, PLANTED)
