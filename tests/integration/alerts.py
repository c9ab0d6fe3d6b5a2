"""Alerts of a real server and monitor, with rules of a few seconds: a server that is stopped, calls
that fail, calls that are slow; told to a webhook that fails at first; kept over a restart."""

import http.server
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request

from harness import *

RULES = """
[down]
for = 4
resolve = 2
[error_ratio]
threshold = 0.2
for = 2
resolve = 2
window = 5
minimum = 10
[latency_burn]
on = no
[latency_burn_fast]
latency_ms = 0.001
for = 1
resolve = 3600
window = 3
long_window = 5
minimum = 10
[lost_events]
on = no
"""
FAILURES = 3


class Hook(http.server.BaseHTTPRequestHandler):
    """Answers 503 to the first FAILURES posts, then takes them; of one rule it takes none (400), and
    with `endless` its answers have no end."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.posts.append((body["id"], body["rule"], body["state"]))
        refused = len(self.server.posts) <= FAILURES
        never = body["rule"] == self.server.refused_rule
        if not refused and not never:
            self.server.taken.append((body["id"], body["rule"], body["state"]))
        self.send_response(400 if never else 503 if refused else 200 if self.server.endless else 204)
        if not self.server.endless or refused or never:
            self.send_header("Content-Length", "0")
        self.end_headers()
        try:
            while self.server.endless and not refused and not never:
                self.wfile.write(b"x" * 65536)
        except OSError:
            pass  # broken off, as it should be

    def log_message(self, *arguments):
        pass


class Alerts(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="trivet-")
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        os.environ.pop("http_proxy", None)
        self.hook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        self.hook.posts, self.hook.taken = [], []
        self.hook.refused_rule, self.hook.endless = None, False
        threading.Thread(target=self.hook.serve_forever, daemon=True).start()
        self.addCleanup(self.hook.server_close)
        self.addCleanup(self.hook.shutdown)
        self.rules = os.path.join(self.folder, "rules.ini")
        with open(self.rules, "w") as file:
            file.write(RULES)
        self.trivetd = start_trivetd(self.folder)
        self.client = Client(self.trivetd.ready["listen"])
        self.addCleanup(lambda: (self.trivetd.kill(), self.client.close()))
        columns = {"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 4.0, 6.0, 8.1]}
        job = self.client.train_and_wait("watched", self.client.upload(columns).id, "y")
        self.client.deploy("watched", job.version)
        self.version = job.version
        self.monitor = self.start_monitor()
        self.addCleanup(lambda: self.monitor.kill())

    def start_monitor(self):
        return start_monitor(self.folder, self.trivetd, "--rules", self.rules, "--webhook",
                             "http://user:word@127.0.0.1:%d/hook?token=secret"
                             % self.hook.server_port)

    def get(self, path):
        with urllib.request.urlopen(self.monitor.ready["http"] + path, timeout=10) as reply:
            return reply.read().decode()

    def alerts(self):
        return json.loads(self.get("api/v1/alerts"))

    def wait_state(self, rule, state, seconds=60):
        """The alert of a rule, when it has the state."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            told = self.alerts()
            for alert in told["active"] + told["resolved"]:
                if (alert["rule"], alert["state"]) == (rule, state):
                    return alert
            self.work()
            time.sleep(0.1)
        self.fail("%s is not %s: %s" % (rule, state, json.dumps(told, indent=1)))

    def work(self):
        """What the test does while it waits."""

    def wait_told(self, *expected, seconds=60):
        """The webhook has taken these, in this order; repetitions are allowed."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            once = [one for i, one in enumerate(self.hook.taken)
                    if one not in self.hook.taken[:i]]
            if [one[1:] for one in once] == list(expected):
                return
            time.sleep(0.1)
        self.fail("told %s, expected %s" % (self.hook.taken, expected))

    def test_server_stops_and_monitor_restarts(self):
        self.wait_up()
        self.trivetd.signal(signal.SIGSTOP)
        pending = self.wait_state("down", "pending")
        firing = self.wait_state("down", "firing")
        self.assertEqual(pending["id"], firing["id"])
        self.assertGreaterEqual(firing["fired_unix_us"] - firing["started_unix_us"], 4000000)
        self.assertEqual(firing["server"], self.trivetd.ready["listen"])
        self.assertEqual(json.loads(self.get("api/v1/overview"))["alerts"],
                         {"pending": 0, "firing": 1})
        metrics = self.get("metrics")
        self.assertIn('trivet_monitor_alerts{rule="down",state="firing"} 1\n', metrics)
        self.assertIn('trivet_monitor_alert_firing{rule="down",', metrics)
        # Another monitor with the same history goes on where this one was.
        self.assertEqual(self.monitor.stop(), 0)
        self.monitor = self.start_monitor()
        again = self.wait_state("down", "firing")
        for key in ("id", "started_unix_us", "fired_unix_us"):
            self.assertEqual(again[key], firing[key])
        self.trivetd.signal(signal.SIGCONT)
        resolved = self.wait_state("down", "resolved")
        self.assertEqual(resolved["id"], firing["id"])
        self.wait_told(("down", "firing"), ("down", "resolved"))
        # The refused ones came again, and nothing was taken out of turn.
        self.assertEqual(self.hook.posts[:FAILURES + 1], [self.hook.posts[0]] * (FAILURES + 1))
        told = self.alerts()
        self.assertEqual((told["webhook"]["waiting"], told["webhook"]["message"]), (0, ""))

    def test_hook_that_refuses_one(self):
        """A message that the peer will never take does not hold up the next; an answer without end is
        broken off; what is secret of the address is not in the log."""
        self.assertEqual(self.monitor.stop(), 0)
        with open(self.rules, "a") as file:
            file.write("[down-too]\nkind = down\nfor = 5\n")
        self.hook.posts = [None] * FAILURES
        self.hook.refused_rule, self.hook.endless = "down", True
        self.monitor = self.start_monitor()
        self.wait_up()
        self.trivetd.signal(signal.SIGSTOP)
        self.wait_told(("down-too", "firing"))
        told = self.alerts()["webhook"]
        self.trivetd.signal(signal.SIGCONT)
        deadline = time.monotonic() + 60
        while told["waiting"] and time.monotonic() < deadline:
            told = self.alerts()["webhook"]
        self.assertEqual((told["refused"], told["waiting"], told["dropped"]), (1, 0, 0))
        self.assertEqual([one[1] for one in self.hook.posts[FAILURES:]][:4],
                         ["down"] * 3 + ["down-too"])
        with open(os.path.join(self.folder, "monitor.log")) as log:
            lines = log.read()
        self.assertIn("webhook_message_given_up url=http://127.0.0.1:", lines)
        for secret in ("word", "hook?", "token"):
            self.assertNotIn(secret, lines)

    def wait_up(self):
        deadline = time.monotonic() + 60
        while json.loads(self.get("api/v1/health"))["sources_up"] != 1:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def predict(self, good, bad):
        for rows, count in (([[2.5]], good), ([[1.0, 2.0, 3.0]], bad)):
            for _ in range(count):
                try:
                    self.client.predict("watched", rows)
                except CallError:
                    self.assertGreater(len(rows[0]), 1)

    def test_errors_and_latency(self):
        self.wait_up()
        self.work = lambda: self.predict(5, 5)
        firing = self.wait_state("error_ratio", "firing")
        self.assertEqual((firing["model"], firing["version"]), ("watched", self.version))
        self.assertAlmostEqual(firing["value"], 0.5, delta=0.1)
        # Calls take longer than the microsecond that the objective allows.
        slow = self.wait_state("latency_burn_fast", "firing")
        self.assertGreater(slow["value"], slow["threshold"])
        self.work = lambda: self.predict(5, 0)
        self.wait_state("error_ratio", "resolved")
        self.assertEqual(self.alerts()["rules"][1]["firing"], 0)
        told = [one[1:] for one in self.hook.posts]
        self.assertIn(told[0], [("error_ratio", "firing"), ("latency_burn_fast", "firing")])

    def test_print_rules(self):
        printed = subprocess.run(
            [program("trivet-monitor"), "--rules", self.rules, "--print-rules"], text=True,
            capture_output=True, timeout=30)
        self.assertEqual(printed.returncode, 0, printed.stderr)
        self.assertIn("[down]\nkind = down\non = yes\nmodel = *\nfor = 4s\n", printed.stdout)
        with open(self.rules, "w") as file:
            file.write("[down]\nfor = soon\n")
        refused = subprocess.run(
            [program("trivet-monitor"), "--rules", self.rules, "--print-rules"], text=True,
            capture_output=True, timeout=30)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("rules.ini:2: for = soon", refused.stderr)


if __name__ == "__main__":
    main()
