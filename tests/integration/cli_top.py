"""`trivet top` in a real terminal (tmux), over a trivetd under load: what it shows is what
Server.Stats says."""

import csv
import io
import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import tempfile
import threading
import time

from harness import *

COLUMNS = {"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 4.0, 6.0, 8.1]}
MODELS = ("house", "flaky", "quiet")
EXACT = ("CALLS", "ROWS", "ERRORS")


class Terminal:
    """A command in a tmux of its own."""

    def __init__(self, folder, arguments, width, height):
        self.socket = os.path.join(folder, "tmux")
        self.status = os.path.join(folder, "status")
        command = " ".join(map(shlex.quote, arguments))
        self.tmux("-f", "/dev/null", "-u", "new-session", "-d", "-x", str(width), "-y", str(height),
                  "%s; echo $? > %s; echo ended; exec sleep 1000" % (
                      command, shlex.quote(self.status)))

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-S", self.socket, *arguments], check=True, text=True,
                              stdout=subprocess.PIPE, timeout=30).stdout

    def lines(self, colours=False):
        options = ["-e"] if colours else []
        return self.tmux("capture-pane", "-p", *options).split("\n")

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def resize(self, width, height):
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def wait_for(self, condition, seconds=60):
        """The screen that `condition(lines)` is true for."""
        deadline = time.monotonic() + seconds
        while True:
            lines = self.lines()
            if condition(lines):
                return lines
            if time.monotonic() > deadline:
                raise TimeoutError("\n".join(lines))
            time.sleep(0.1)

    def exit_status(self):
        self.wait_for(lambda lines: "ended" in "\n".join(lines))
        with open(self.status) as status:
            return int(status.read())

    def close(self):
        self.tmux("kill-server")


def table_of(lines):
    """{"house:1": {"CALLS/S": "12.5", …}} of a screen; cells such as "1.25 ms" are one."""
    at = next((i for i, line in enumerate(lines) if "MODEL:VERSION" in line), None)
    if at is None:
        return {}
    names = lines[at].replace("*", "").split()
    rows = {}
    for line in lines[at + 1:]:
        cells = re.sub(r" (µs|ms|s)\b", r"\1", line).split()
        if len(cells) == len(names) and ":" in cells[0]:
            rows[cells[0]] = dict(zip(names, cells))
    return rows


def number(text):
    factor = {"k": 1e3, "M": 1e6}.get(text[-1], 1)
    return float(text.rstrip("kM").replace(",", "")) * factor


class Top(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="trivet-")
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        self.trivetd = start_trivetd(self.folder)
        self.addCleanup(lambda: self.trivetd.kill())
        self.url = self.trivetd.ready["listen"]
        self.client = Client(self.url)
        self.addCleanup(lambda: self.client.close())
        self.loads = []
        self.loading = threading.Event()
        self.addCleanup(self.stop_load)
        dataset = self.client.upload(COLUMNS).id
        for model in MODELS:
            self.client.deploy(model, self.client.train_and_wait(model, dataset, "y").version)

    def terminal(self, *arguments, width=140, height=24):
        terminal = Terminal(self.folder, [program("trivet"), "--server", self.url, "top",
                                          *arguments], width, height)
        self.addCleanup(terminal.close)
        return terminal

    def load(self, model, rows, seconds_between):
        def run():
            with_client = Client(self.url)
            while self.loading.is_set():
                try:
                    with_client.predict(model, rows)
                except CallError as refused:
                    assert refused.status == "INVALID_ARGUMENT", refused
                time.sleep(seconds_between)
            with_client.close()
        self.loading.set()
        self.loads.append(threading.Thread(target=run))
        self.loads[-1].start()

    def stop_load(self):
        self.loading.clear()
        for load in self.loads:
            load.join()
        self.loads = []

    def stats(self):
        """{"house:1": {"CALLS": …}} as Server.Stats counts, and the whole answer."""
        reply = self.client.call("Server/Stats", server.StatsRequest(), server.StatsResponse)

        def total(counts, which):
            return sum(c.count for c in counts if which(c.status == frame.STATUS_OK))
        return {"%s:%d" % (p.model, p.version): {
            "CALLS": total(p.calls, lambda ok: True), "FAILED": total(p.calls, lambda ok: not ok),
            "ROWS": total(p.rows, lambda ok: ok),
            "ERRORS": total(p.rows, lambda ok: not ok)} for p in reply.predictions}, reply

    def exact(self):
        """Those of stats that the screen shows as totals."""
        return {name: {key: counts[key] for key in EXACT}
                for name, counts in self.stats()[0].items()}

    def totals_shown(self, lines):
        return {name: {key: int(number(row[key])) for key in EXACT}
                for name, row in table_of(lines).items() if all(key in row for key in EXACT)}

    def rates_agree(self, terminal):
        """The table once all its rates are those by Stats; the load of a busy machine is not even."""
        deadline = time.monotonic() + 60
        while True:
            before, began = self.stats()[0], time.monotonic()
            time.sleep(4)  # two intervals of the screen
            after, seconds = self.stats()[0], time.monotonic() - began
            shown = table_of(terminal.lines())
            rates = {(name, column): (number(shown[name][column]),
                                      (after[name][key] - before[name][key]) / seconds)
                     for name in ("house:1", "flaky:1")
                     for column, key in (("CALLS/S", "CALLS"), ("ROWS/S", "ROWS"),
                                         ("ERR/S", "ERRORS"), ("FAIL/S", "FAILED"))}
            apart = {cell: pair for cell, pair in rates.items()
                     if abs(pair[0] - pair[1]) > 0.3 * pair[1]}
            if not apart:
                for (name, column), pair in rates.items():
                    print("%s %s: shown %s, by Stats %.1f" % ((name, column) + pair))
                return shown
            self.assertLess(time.monotonic(), deadline, apart)

    def test_what_it_shows_is_what_stats_says(self):
        terminal = self.terminal("--interval", "2")
        self.load("house", [[1.5]] * 10, 0.005)
        self.load("flaky", [[1.5], [float("nan")]], 0.02)
        self.load("flaky", [[1.5, 2.5]], 0.03)  # refused before its rows are counted
        terminal.wait_for(lambda lines: number(table_of(lines).get("house:1", {}).get(
            "CALLS/S", "0").replace("-", "0")) > 1)
        shown = self.rates_agree(terminal)
        for name in ("house:1", "flaky:1"):
            for column in ("P50", "P99", "QUEUE", "COMPUTE"):
                self.assertRegex(shown[name][column], r"^[0-9.]+(µs|ms|s)$")
        self.assertGreater(number(shown["house:1"]["BATCH"]), 9.9)
        self.assertEqual(shown["quiet:1"]["CALLS/S"], "0")
        self.assertEqual(shown["quiet:1"]["P50"], "-")
        # Red is what fails, of the server and of the version that has it, and nothing else.
        coloured = [line for line in terminal.lines(colours=True) if "\x1b[31m" in line
                    or ";31m" in line]
        self.assertEqual(len(coloured), 2, coloured)
        self.assertTrue(coloured[0].startswith("all calls "), coloured)
        self.assertTrue(coloured[1].startswith("flaky:1 "), coloured)
        self.stop_load()
        exact, reply = self.exact(), self.stats()[1]
        lines = terminal.wait_for(lambda lines: self.totals_shown(lines) == exact)
        print("totals shown and by Stats: %s" % exact)
        self.assertIn("threads %d " % reply.server.threads, lines[1])
        self.assertIn("queue 0 rows", lines[1])
        self.assertRegex(lines[1], r"^RSS [0-9.]+ MiB  CPU \d+ %")
        rss = float(re.search(r"RSS ([0-9.]+) MiB", lines[1]).group(1))
        self.assertAlmostEqual(rss, reply.server.rss_bytes / 2 ** 20, delta=0.2 * rss)
        self.assertIn("events dropped 0, lost 0", lines[2])
        self.assertIn("ready", lines[0])

    def test_sizes_and_keys(self):
        terminal = self.terminal("--interval", "0.5", width=80)
        lines = terminal.wait_for(lambda lines: len(table_of(lines)) == 3)
        self.assertEqual(lines[3].split(), ["MODEL:VERSION", "*CALLS/S", "FAIL/S", "ROWS/S", "ERR/S",
                                            "P50", "P99", "QUEUE", "COMPUTE"])
        self.assertIn("lost 0", lines[2])
        self.assertTrue(lines[23].startswith("q quit "), lines)
        for _ in range(3):
            self.client.predict("quiet", [[1.0]])
        terminal.wait_for(lambda lines: lines[4].startswith("quiet:1 "))
        terminal.press("n")
        lines = terminal.wait_for(lambda lines: lines[3].startswith("*MODEL:VERSION"))
        self.assertEqual(list(table_of(lines)), ["flaky:1", "house:1", "quiet:1"])
        terminal.press("n")
        terminal.wait_for(lambda lines: list(table_of(lines)) == ["quiet:1", "house:1", "flaky:1"])
        for key, column in (("e", "*ERR/S"), ("r", "*ROWS/S"), ("l", "*P99"), ("c", "*CALLS/S")):
            terminal.press(key)
            terminal.wait_for(lambda lines: column in lines[3])
        terminal.resize(110, 30)
        terminal.wait_for(lambda lines: len(lines) > 29 and lines[29].startswith("q quit ") and
                          lines[3].split()[-2:] == ["BATCH", "CALLS"])
        terminal.resize(80, 7)
        lines = terminal.wait_for(lambda lines: lines[6].startswith("q quit ") and
                                  lines[6].endswith("1–2 of 3"))
        self.assertEqual(len(table_of(lines)), 2)
        first = list(table_of(lines))
        terminal.press("Down")
        terminal.wait_for(lambda lines: list(table_of(lines))[0] == first[1])
        terminal.press("q")
        self.assertEqual(terminal.exit_status(), 0)

    def test_ctrl_c_ends_it(self):
        terminal = self.terminal()
        terminal.wait_for(lambda lines: len(table_of(lines)) == 3)
        terminal.press("C-c")
        self.assertEqual(terminal.exit_status(), 0)

    def test_a_server_that_comes_back(self):
        terminal = self.terminal("--interval", "0.5")
        self.client.predict("house", [[1.0]])
        terminal.wait_for(lambda lines: self.totals_shown(lines).get("house:1", {}).get("CALLS") == 1)
        listen, events = self.url, self.trivetd.ready["events"]
        self.client.close()
        self.trivetd.kill()
        terminal.wait_for(lambda lines: "silent, waiting for it" in lines[0])
        self.trivetd = start_trivetd(self.folder, listen=(listen,), events=events)
        self.client = Client(listen)
        for _ in range(5):
            self.client.predict("house", [[1.0], [2.0]])
        exact = self.exact()
        lines = terminal.wait_for(lambda lines: self.totals_shown(lines) == exact)
        self.assertIn("ready, 1 restart seen", lines[0])
        self.assertEqual(exact["house:1"]["CALLS"], 5)

    def test_once(self):
        for _ in range(7):
            self.client.predict("flaky", [[1.5], [float("nan")]])
        for _ in range(3):
            with self.assertRaisesRegex(CallError, "INVALID_ARGUMENT"):
                self.client.predict("flaky", [[1.5, 2.5]])
        exact = self.exact()
        rows = list(csv.DictReader(io.StringIO(run_cli(self.url, "top", "--once").stdout)))
        self.assertEqual({"%s:%s" % (row["model"], row["version"]): {
            key: int(row[key.lower()]) for key in EXACT} for row in rows}, exact)
        answer = json.loads(run_cli(self.url, "--json", "top", "--once", "--sort", "errors",
                                    "--interval", "1").stdout)
        self.assertEqual({"%s:%d" % (v["model"], v["version"]): {
            key: v[key.lower()] for key in EXACT} for v in answer["versions"]}, exact)
        self.assertEqual(answer["versions"][0]["model"], "flaky")
        self.assertEqual(answer["versions"][0]["calls_failed"], 3)
        self.assertEqual([row["calls_failed"] for row in rows if row["model"] == "flaky"], ["3"])
        self.assertEqual(answer["versions"][0]["calls_per_s"], 0)
        self.assertIsNone(answer["versions"][0]["p50_us"])
        self.assertIsNotNone(answer["server"]["calls_per_s"])
        # From events alone: they repeat all totals within 5 s.
        answer = json.loads(run_cli("tcp://127.0.0.1:1", "--json", "top", "--once", "--interval",
                                    "6", "--events", self.trivetd.ready["events"]).stdout)
        self.assertEqual({"%s:%d" % (v["model"], v["version"]): {
            key: v[key.lower()] for key in EXACT} for v in answer["versions"]}, exact)

    def test_nothing_is_cleared_after_the_start(self):
        """No flicker: a screen is cleared once, then only what changed is written."""
        leader, follower = pty.openpty()
        with subprocess.Popen([program("trivet"), "--server", self.url, "top", "--interval", "0.2"],
                              stdin=follower, stdout=follower, stderr=follower,
                              env=dict(os.environ, TERM="xterm")) as top:
            os.close(follower)
            self.load("house", [[1.0]], 0.002)
            shown = b""
            began = time.monotonic()
            while time.monotonic() < began + (4 if b"house:1" in shown else 60):
                if select.select([leader], [], [], 0.1)[0]:
                    shown += os.read(leader, 65536)
            self.stop_load()
            top.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + 60
            while top.poll() is None and time.monotonic() < deadline:
                if select.select([leader], [], [], 0.1)[0]:
                    try:
                        os.read(leader, 65536)
                    except OSError:
                        break
        os.close(leader)
        self.assertEqual(top.returncode, 0)
        self.assertIn(b"house:1", shown)
        self.assertEqual(shown.count(b"\x1b[2J"), 1, shown)
        print("4 s at 5 a second: %d bytes to the terminal" % len(shown))

    def test_wrong_usage(self):
        for arguments, words in ((["top"], "--once"), (["top", "--sort", "age"], "p99"),
                                 (["top", "--interval", "0.01"], "--interval")):
            done = run_cli(self.url, *arguments, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    main()
