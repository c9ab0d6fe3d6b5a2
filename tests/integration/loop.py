"""The loop of trivet-monitor against a real trivetd: nothing without a policy, what a policy file
may say, and a round that ends by itself. The whole way is lifecycle/."""

import json
import re
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.request

from harness import *

POLICY = """
[loop]
check = 0.1s
[loop line]
on_drift = no
new_labels = 20
labels_min = 20
every = 1s
cooldown = 1h
pause = 0
"""


def loop_of(monitor):
    with urllib.request.urlopen(monitor.ready["http"] + "api/v1/loop", timeout=10) as reply:
        return json.load(reply)


def until(what, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = what()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("not within %d s" % seconds)


class LoopTest(ServerTest):
    def policy(self, text):
        path = os.path.join(self.folder, "policy.ini")
        with open(path, "w") as file:
            file.write(text)
        return path

    def monitor(self, *arguments):
        folder = tempfile.mkdtemp(dir=self.folder)
        monitor = start_monitor(folder, self.trivetd, *arguments)
        self.addCleanup(monitor.stop)
        return monitor

    def test_nothing_without_a_policy(self):
        self.assertEqual(loop_of(self.monitor()), {"enabled": False, "server": "", "models": []})

    def test_bad_policy(self):
        path = self.policy("[loop line]\nspeed = 3\n")
        done = subprocess.run([program("trivet-monitor"), "--policy", path], capture_output=True,
                              text=True, timeout=30)
        self.assertEqual(done.returncode, 2)
        self.assertIn("policy.ini:2: 'speed' is not known", done.stderr)

    def test_the_example(self):
        """The file that shows all keys is one that can be read."""
        example = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy",
                               "policy.ini")
        with open(example) as file:
            keys = re.findall(r"^(\w+) =", file.read(), re.M)
        self.assertEqual(len(keys), 38)
        loop = loop_of(self.monitor("--policy", example))
        self.assertEqual([model["model"] for model in loop["models"]], ["house"])

    def test_version_tells_how_it_was_fitted(self):
        rows = [float(i) for i in range(40)]
        made = self.client.upload({"x": rows, "y": [2 * x for x in rows]})
        job = self.client.train_and_wait("told", made.id, "y", "linear_regression",
                                         {"penalty": "l2", "alpha": 0.5}, test_size=0.25, seed=7)
        version = self.client.call("Models/Describe", models.DescribeModelRequest(
            model="told", version=job.version), models.Model).versions[0]
        self.assertEqual(version.pipeline.estimator, "linear_regression")
        self.assertEqual(version.pipeline.target, "y")
        self.assertEqual([(p.name, p.value) for p in version.pipeline.parameters],
                         [("penalty", "l2"), ("alpha", "0.5")])
        self.assertTrue(version.pipeline.default_transformers)
        self.assertEqual((version.split.test_size, version.split.seed), (0.25, 7))

    def test_too_few_labels(self):
        rows = [float(i) for i in range(40)]
        made = self.client.upload({"x": rows, "y": [2 * x for x in rows]})
        job = self.client.train_and_wait("line", made.id, "y")
        monitor = self.monitor("--policy", self.policy(POLICY))
        model = until(lambda: loop_of(monitor)["models"][0]["why"] and loop_of(monitor)["models"][0])
        self.assertEqual(model["model"], "line")
        until(lambda: loop_of(monitor)["models"][0]["why"] == "no version is in production")
        self.client.deploy("line", job.version)
        until(lambda: loop_of(monitor)["models"][0]["why"] == "schedule: 0 of 20 new labels")
        model = loop_of(monitor)["models"][0]
        self.assertEqual((model["step"], model["round"], model["steps"]), ("idle", 0, []))
        self.assertEqual(model["switches"]["canary"], False)
        self.trivetd.signal(signal.SIGSTOP)  # SIGSTOP: a call has a deadline
        try:
            until(lambda: loop_of(monitor)["models"][0]["why"] == "the server does not answer")
        finally:
            self.trivetd.signal(signal.SIGCONT)
        until(lambda: loop_of(monitor)["models"][0]["why"] == "schedule: 0 of 20 new labels")


if __name__ == "__main__":
    main()
