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

# A round by itself as soon as there are labels.
QUICK = """
[loop]
check = 0.05s
[loop often]
on_drift = no
on_quality = no
new_labels = 200
pause = 0
cooldown = 1h
holdout_rows_min = 20
shadow_for = 0.5s
shadow_rows = 50
canary = yes
canary_share = 0.5
canary_for = 0.5s
canary_rows = 50
watch_labels = 50
"""


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
        self.assertEqual(loop_of(monitor)["models"][0]["model"], "line")
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


class Killed(unittest.TestCase):
    """A round of the loop while monitor and server are killed again and again."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="trivet-")
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        self.trivetd = start_trivetd(self.folder)
        self.addCleanup(lambda: self.trivetd.kill())
        self.client = Client(self.trivetd.ready["listen"])
        self.addCleanup(lambda: self.client.close())

    def restart_trivetd(self):
        """Where it was, after a crash."""
        self.client.close()
        self.trivetd.kill()
        self.trivetd = start_trivetd(self.folder, listen=(self.trivetd.ready["listen"],),
                                     events=self.trivetd.ready["events"])
        self.client = Client(self.trivetd.ready["listen"])

    def learn(self):
        """A model that is wrong about what it is asked, and the outcomes that tell."""
        low = [float(i) / 5 for i in range(200)]
        made = self.client.upload({"x": low, "y": [2 * x for x in low]})
        job = self.client.train_and_wait("often", made.id, "y", "decision_tree_regressor",
                                         test_size=0.2)
        self.client.call("Models/Configure", models.ConfigureRequest(
            model="often", settings=models.ModelSettings(keep_features=True)), models.Model)
        self.client.deploy("often", job.version)
        self.high = [100 + float(i) / 8 for i in range(320)]
        answer = self.client.predict("often", [[x] for x in self.high])
        outcomes = [feedback.Outcome(prediction="%s/%d" % (answer.prediction_id, row),
                                     number=500 - x) for row, x in enumerate(self.high)]
        until(lambda: self.client.call("Feedback/Record", feedback.RecordRequest(
            model="often", outcomes=outcomes), feedback.RecordResponse).unmatched == 0)

    def done_so_far(self):
        """What trivetd was made to do."""
        ask = self.client.call
        described = ask("Models/Describe", models.DescribeModelRequest(model="often"), models.Model)
        changes = ask("Models/History", models.HistoryRequest(model="often"),
                      models.HistoryResponse).changes
        # One that a crash cut off is open; it goes after a day.
        names = [made.name for made in ask("Datasets/List", datasets.ListDatasetsRequest(),
                                           datasets.ListDatasetsResponse).datasets
                 if made.state == datasets.DATASET_STATE_COMMITTED]
        jobs = ask("Training/ListJobs", training.ListJobsRequest(model="often"),
                   training.ListJobsResponse).jobs
        return (names.count("often-grown"), names.count("often-holdout"), len(jobs),
                described.version_count, [change.kind for change in changes
                                          if change.reason.startswith("loop")])

    def test_killed_after_every_change(self):
        self.learn()
        policy = os.path.join(self.folder, "policy.ini")
        with open(policy, "w") as file:
            file.write(QUICK)
        monitor = start_monitor(self.folder, self.trivetd, "--policy", policy)
        self.addCleanup(lambda: monitor.kill())
        before = self.done_so_far()
        kills = 0
        deadline = time.monotonic() + 60
        while True:
            self.assertLess(time.monotonic(), deadline, loop_of(monitor))
            self.client.predict("often", [[x] for x in self.high[:20]])
            step = loop_of(monitor)["models"][0]["step"]
            now = self.done_so_far()
            if now != before:
                # Just done, and perhaps not known to be.
                before = now
                kills += 1
                if kills % 2 == 0:
                    self.restart_trivetd()
                    continue
                monitor.kill()
                monitor = start_monitor(self.folder, self.trivetd, "--policy", policy)
            elif step == "watch":
                break
        self.assertGreaterEqual(kills, 6)
        # Newest first: promoted, which ended the split; canary, shadow.
        split, promoted = models.ALIAS_CHANGE_KIND_TRAFFIC_SET, models.ALIAS_CHANGE_KIND_PROMOTED
        self.assertEqual(before[:4], (1, 1, 2, 2))
        self.assertEqual([kind for kind in before[4] if kind in (split, promoted)],
                         [promoted, split, split, split])
        steps = [(taken["step"], taken["outcome"]) for taken
                 in reversed(loop_of(monitor)["models"][0]["steps"])]
        self.assertEqual(steps, [("idle", "begun")] + [
            (step, "done") for step in ("grow_train", "grow_holdout", "train", "training",
                                        "evaluate", "shadow", "shadowing", "canary", "canarying",
                                        "promote")])
        self.assertEqual(self.client.predict("often", [[120.0]]).version, 2)
        self.assertEqual(monitor.stop(), 0)


if __name__ == "__main__":
    main()
