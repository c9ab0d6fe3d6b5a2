"""The tour in README.md is true: its commands run in a terminal and print what stands there. Numbers
that depend on the machine or the moment (times, rates, ids, ports) are masked on both sides.

    tour.py --print    prints the tour as it is now, for README.md
"""

import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile

from harness import *

ROOT = pathlib.Path(__file__).resolve().parents[2]
MASKS = (
    (re.compile(r"\b(just now|\d+ [a-z]+ ago)"), "AGE"),
    (re.compile(r"\d[\d.,]* (ns|µs|ms|s)\b"), "TIME"),
    (re.compile(r"\d[\d.,]* rows/s"), "RATE"),
    (re.compile(r"\d[\d.,]* ([KMG]i)?B\b"), "SIZE"),
    (re.compile(r"\d+ threads?\b"), "THREADS"),
    (re.compile(r"(tcp|http)://127\.0\.0\.1:\d+"), "URL"),
    (re.compile(r"pid=\d+"), "PID"),
    (re.compile(r"\d+\.\d{7,}"), lambda found: "%.7g" % float(found.group())),
    (re.compile(r" +"), " "),
)


def tour():
    """[(command, [line])] of the README's console block."""
    block = re.search(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL).group(1)
    steps = []
    for line in block.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], []))
        else:
            steps[-1][1].append(line)
    return steps


def masked(line):
    for pattern, text in MASKS:
        line = pattern.sub(text, line)
    return line.strip()


def run_in_terminal(command, folder, env):
    """What a terminal of 100 columns shows once the progress has been wiped."""
    leader, follower = pty.openpty()
    subprocess.run(["stty", "cols", "100", "rows", "50"], stdin=follower, check=True)
    child = subprocess.Popen(["sh", "-c", command], stdin=follower, stdout=follower,
                             stderr=follower, cwd=folder, env=env, close_fds=True)
    os.close(follower)
    raw = b""
    while True:
        if select.select([leader], [], [], 60)[0]:
            try:
                piece = os.read(leader, 65536)
            except OSError:
                break
            if piece == b"":
                break
            raw += piece
        else:
            child.kill()
            break
    os.close(leader)
    if child.wait() != 0:
        raise AssertionError("%s: exit %d\n%s" % (command, child.returncode, raw.decode()))
    return screen(raw.decode())


def screen(text):
    """Lines as they end up: a carriage return writes over, ESC [ K wipes, colours go."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-JL-Za-z]", "", text)
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        shown = ""
        for part in line.split("\r"):
            head, wipe, _ = part.partition("\x1b[K")
            tail = part.rpartition("\x1b[K")[2] if wipe else ""
            shown = (head + tail) if wipe else part + shown[len(part):]
        lines.append(shown.rstrip())
    while lines and lines[-1] == "":
        lines.pop()
    return lines


def section_commands(title):
    """The indented lines of a section; not those that delete."""
    section = re.search(r"\n## %s\n(.*?)\n## " % re.escape(title), (ROOT / "README.md").read_text(),
                        re.DOTALL).group(1)
    return [line for line in re.findall(r"(?m)^    (\S.*)$", section) if " delete " not in line]


def environment():
    return dict(os.environ, TERM="dumb", NO_COLOR="1", COLUMNS="100", LC_ALL="C.UTF-8",
                PATH="%s:%s" % (BIN, os.environ["PATH"]))


def walk(folder, env):
    """Each step of the tour, run: (command, lines printed, lines of README.md). `env` gets the
    server's address."""
    shutil.copytree(ROOT / "deploy", os.path.join(folder, "deploy"))
    trivetd = None
    try:
        for command, lines in tour():
            if command.startswith("trivetd"):
                trivetd = start_trivetd(folder)
                env["TRIVET_SERVER"] = trivetd.ready["listen"]
                yield command, ["ready listen=%(listen)s events=%(events)s http=%(http)s "
                                "pid=%(pid)s"
                                % trivetd.ready], lines
            else:
                yield command, run_in_terminal(command, folder, env), lines
    finally:
        if trivetd is not None:
            trivetd.stop()


class Tour(unittest.TestCase):
    def test_readme(self):
        with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
            for command, printed, lines in walk(folder, environment()):
                with self.subTest(command=command):
                    self.assertEqual([masked(line) for line in printed],
                                     [masked(line) for line in lines])

    def test_commands_after_it(self):
        """The sections on new versions and on outcomes can be followed where the tour ended."""
        for title in ("A new version for a few calls first", "What became of the predictions"):
            with self.subTest(section=title), \
                    tempfile.TemporaryDirectory(prefix="trivet-") as folder:
                env = environment()
                steps = walk(folder, env)
                for command, _, _ in steps:
                    if command.startswith("trivet deploy"):
                        break
                commands = section_commands(title)
                self.assertGreater(len(commands), 4)
                for command in commands:
                    done = subprocess.run(["bash", "-c", command], cwd=folder, env=env,
                                          capture_output=True, text=True, timeout=120)
                    self.assertEqual(done.returncode, 0, "%s\n%s" % (command, done.stderr))
                steps.close()

    def test_files_of_rules_and_policies(self):
        """The monitor takes every ini block, and says which line is wrong in one that is not."""
        blocks = re.findall(r"```ini\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
        kinds = ["--policy" if "[loop" in block else "--rules" for block in blocks]
        self.assertEqual(sorted(set(kinds)), ["--policy", "--rules"])
        for kind, block in zip(kinds + ["--policy"], blocks + ["[loop a]\nbogus = 1\n"]):
            with tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
                file.write(block)
                file.flush()
                done = subprocess.run([program("trivet-monitor"), "--print-rules", kind, file.name],
                                      capture_output=True, text=True, timeout=60)
            if "bogus" in block:
                self.assertIn(":2: 'bogus' is not known", done.stderr)
            else:
                self.assertEqual(done.returncode, 0, done.stderr + block)


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        with tempfile.TemporaryDirectory(prefix="trivet-") as temporary:
            for step, output, _ in walk(temporary, environment()):
                print("\n".join(["$ " + step] + output))
    else:
        main()
