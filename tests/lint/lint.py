"""What the checks share: the files of the project, C without its comments, and a main() that first
plants faults, so that a check that has gone blind fails."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("include", "src", "clients", "tests")
LITERAL_OR_COMMENT = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def files(root, *suffixes):
    """Paths relative to `root`: what git tracks, or everything where there is no git."""
    listed = []
    if (root / ".git").exists():
        git = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True,
                             check=False)
        if git.returncode == 0:
            listed = [name for name in git.stdout.decode().split("\0") if name]
    if not listed:
        listed = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
        listed = [name for name in listed if not name.startswith("build/")]
    return sorted(name for name in listed
                  if name.endswith(suffixes) and (root / name).is_file())


def c_files(root):
    return [name for name in files(root, ".c", ".h") if name.startswith(FOLDERS)]


def read(root, name):
    return (root / name).read_text(encoding="utf-8", errors="replace")


def code_of(text):
    """C without comments and the insides of literals; line numbers stay."""
    def blank(match):
        found = match.group()
        if found[0] in "\"'":
            return found[0] * 2
        return " " + "\n" * found.count("\n")
    return LITERAL_OR_COMMENT.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def planted_problems(check, tree):
    """The problems `check` finds in a project of the files {path: text}."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        shutil.copy(ROOT / ".clang-format", root)
        for name, text in tree.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return check(root)


def main(check, planted, root=ROOT):
    """check(root) gives a list of problems. `planted` is [(name, {path: text}, found)]: with that
    text in a problem, or None when the files are fine. Exits 1 on any problem."""
    problems = []
    for name, tree, found in planted:
        seen = planted_problems(check, tree)
        if found is None and seen:
            problems.append(f"self-test '{name}': refuses what is fine: {seen}")
        if found is not None and not any(found in problem for problem in seen):
            problems.append(f"self-test '{name}': does not see the fault; says {seen}")
    if not problems:
        problems = check(root)
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems; {len(planted)} planted cases tried")
    sys.exit(1 if problems else 0)
