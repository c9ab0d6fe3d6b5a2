"""The loop of trivet-monitor against a real trivetd: nothing without a policy, what a policy file
may say, a round that ends by itself, and what it leaves behind. The whole way is lifecycle/."""

import json
import re
import resource
import signal
import socket
import subprocess
import tempfile
import threading
import time
import types
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


def until(what, seconds=60):
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
check = 0.3s
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
        self.assertEqual(len(keys), 39)
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
        self.assertEqual((model["switches"]["canary"], model["switches"]["tidy"]), (False, True))
        self.trivetd.signal(signal.SIGSTOP)  # SIGSTOP: a call has a deadline
        try:
            until(lambda: loop_of(monitor)["models"][0]["why"] == "the server does not answer")
        finally:
            self.trivetd.signal(signal.SIGCONT)
        until(lambda: loop_of(monitor)["models"][0]["why"] == "schedule: 0 of 20 new labels")


# Straight to the gates, and from the promotion to the end.
SHORT = """
[loop]
check = 0.05s
[loop often]
on_drift = no
on_quality = no
new_labels = 200
pause = 0
holdout_rows_min = 20
shadow = no
watch_for = 0.2s
watch_labels = 50
"""


class Round(unittest.TestCase):
    """A server, and a model that is wrong about what it is asked."""

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

    def policy(self, text):
        path = os.path.join(self.folder, "policy.ini")
        with open(path, "w") as file:
            file.write(text)
        return path

    def learn(self):
        """The model, and the outcomes that tell how wrong it is."""
        low = [float(i) / 5 for i in range(200)]
        made = self.client.upload({"x": low, "y": [2 * x for x in low]})
        job = self.client.train_and_wait("often", made.id, "y", "decision_tree_regressor",
                                         test_size=0.2)
        self.client.call("Models/Configure", models.ConfigureRequest(
            model="often", settings=models.ModelSettings(keep_features=True)), models.Model)
        self.client.deploy("often", job.version)
        self.high = [100 + float(i) / 8 for i in range(320)]
        self.label()

    def label(self):
        answer = self.client.predict("often", [[x] for x in self.high])
        outcomes = [feedback.Outcome(prediction="%s/%d" % (answer.prediction_id, row),
                                     number=500 - x) for row, x in enumerate(self.high)]
        until(lambda: self.client.call("Feedback/Record", feedback.RecordRequest(
            model="often", outcomes=outcomes), feedback.RecordResponse).unmatched == 0)

    def names(self):
        """Of the datasets: name by id. One that a crash cut off is open; it goes after a day."""
        return {made.id: made.name for made
                in self.client.call("Datasets/List", datasets.ListDatasetsRequest(),
                                    datasets.ListDatasetsResponse).datasets
                if made.state == datasets.DATASET_STATE_COMMITTED}

    def done_so_far(self):
        """What trivetd was made to do."""
        ask = self.client.call
        described = ask("Models/Describe", models.DescribeModelRequest(model="often"), models.Model)
        changes = ask("Models/History", models.HistoryRequest(model="often"),
                      models.HistoryResponse).changes
        names = list(self.names().values())
        jobs = ask("Training/ListJobs", training.ListJobsRequest(model="often"),
                   training.ListJobsResponse).jobs
        return (names.count("often-grown"), names.count("often-holdout"), len(jobs),
                described.version_count, [change.kind for change in changes
                                          if change.reason.startswith("loop")])


class Killed(Round):
    """A round of the loop while monitor and server are killed again and again."""

    def test_killed_after_every_change(self):
        self.learn()
        policy = self.policy(QUICK)
        monitor = start_monitor(self.folder, self.trivetd, "--policy", policy)
        self.addCleanup(lambda: monitor.kill())
        before = self.done_so_far()
        kills = 0
        deadline = time.monotonic() + 240
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


class Holding:
    """Between monitor and server: passes everything on, but holds back what says `word` for the
    `n`th time, and all that the same connection sends after it."""

    def __init__(self, url, word, n):
        host, _, port = url.partition("://")[2].rpartition(":")
        self.server = (host, int(port))
        self.word, self.left = word, n
        self.held = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "tcp://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.sockets = [self.listener]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return  # closed
            far = socket.create_connection(self.server)
            self.sockets += [near, far]
            for source, sink, looks in ((near, far, True), (far, near, False)):
                threading.Thread(target=self.pump, args=(source, sink, looks), daemon=True).start()

    def pump(self, source, sink, looks):
        try:
            while piece := source.recv(1 << 16):
                says = looks and self.word in piece
                self.left -= says
                if says and self.left <= 0:
                    self.held.set()
                    return
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        for one in self.sockets:
            one.close()


class Tidied(Round):
    """What a round leaves on the server."""

    def steps(self, monitor, name):
        return [taken for taken in loop_of(monitor)["models"][0]["steps"] if taken["step"] == name]

    def watch(self, *arguments, of=None):
        monitor = start_monitor(self.folder, of or self.trivetd, *arguments)
        self.addCleanup(monitor.kill)
        return monitor

    def test_refused_and_killed_between_the_two(self):
        self.learn()
        before = self.names()
        policy = self.policy(SHORT + "better_by = 1000000\n")
        holding = Holding(self.trivetd.ready["listen"], b"Datasets/Delete", 2)
        self.addCleanup(holding.close)
        monitor = self.watch("--policy", policy, of=types.SimpleNamespace(
            ready={**self.trivetd.ready, "listen": holding.url}))
        self.assertTrue(holding.held.wait(60), loop_of(monitor))
        left = {made: name for made, name in self.names().items() if made not in before}
        self.assertEqual(list(left.values()), ["often-grown"])
        self.assertEqual(loop_of(monitor)["models"][0]["step"], "tidy")
        monitor.kill()
        monitor = self.watch("--policy", policy)
        tidied = until(lambda: self.steps(monitor, "tidy"))
        self.assertEqual([taken["outcome"] for taken in tidied], ["done"])
        self.assertIn(list(left)[0], tidied[0]["text"])
        self.assertEqual(self.names(), before)
        self.assertEqual([taken["outcome"] for taken in self.steps(monitor, "evaluate")],
                         ["refused"])
        self.assertEqual(loop_of(monitor)["models"][0]["step"], "idle")
        self.assertEqual(monitor.stop(), 0)

    def test_gone_already(self):
        """Somebody was faster."""
        self.learn()
        before = self.names()
        policy = self.policy(SHORT + "better_by = 1000000\n")
        holding = Holding(self.trivetd.ready["listen"], b"Datasets/Delete", 1)
        self.addCleanup(holding.close)
        monitor = self.watch("--policy", policy, of=types.SimpleNamespace(
            ready={**self.trivetd.ready, "listen": holding.url}))
        self.assertTrue(holding.held.wait(60), loop_of(monitor))
        monitor.kill()
        for made in set(self.names()) - set(before):
            self.client.call("Datasets/Delete", datasets.DeleteDatasetRequest(dataset_id=made),
                             datasets.DeleteDatasetResponse)
        monitor = self.watch("--policy", policy)
        self.assertEqual([taken["outcome"] for taken in until(lambda: self.steps(monitor, "tidy"))],
                         ["done"])
        self.assertEqual(self.names(), before)

    def test_adopted_rows_are_the_base_of_the_next_round(self):
        self.learn()
        before = self.names()
        monitor = self.watch("--policy", self.policy(SHORT + "cooldown = 0\n"))
        tidied = until(lambda: self.steps(monitor, "tidy"))
        self.assertEqual([taken["outcome"] for taken in tidied], ["done"], tidied)
        version = self.client.call("Models/Describe", models.DescribeModelRequest(
            model="often", version=2), models.Model).versions[0]
        self.assertEqual(self.client.predict("often", [[120.0]]).version, 2)
        self.assertEqual(self.names(), {**before, version.dataset_id: "often-grown"})
        self.assertIn("grows from " + version.dataset_id, tidied[0]["text"])
        self.label()
        until(lambda: len(self.steps(monitor, "tidy")) == 2)
        self.assertEqual([taken["outcome"] for taken in self.steps(monitor, "grow_train")],
                         ["done", "done"])
        after = self.names()
        self.assertIn(version.dataset_id, after)
        self.assertNotIn("often-holdout", after.values())
        self.assertEqual(monitor.stop(), 0)


class FullDisk(Round):
    """A version that turns bad while the monitor can write no file."""

    def watch(self, policy):
        # Ignored, the signal that comes with a limit leaves an error of the write.
        return Process(["/bin/sh", "-c", 'trap "" XFSZ; exec "$@"', "sh",
                        program("trivet-monitor"), "--server", self.trivetd.ready["listen"],
                        "--events", self.trivetd.ready["events"], "--http", "127.0.0.1:0",
                        "--history", os.path.join(self.folder, "monitor.db"), "--policy", policy],
                       os.path.join(self.folder, "monitor.log"))

    def answered_by(self):
        return self.client.predict("often", [[120.0]]).version

    def label_wrongly(self):
        """What is in production, by labels of any number."""
        answer = self.client.predict("often", [[x] for x in self.high])
        outcomes = [feedback.Outcome(prediction="%s/%d" % (answer.prediction_id, row),
                                     number=-5000 * x) for row, x in enumerate(self.high)]
        self.client.call("Feedback/Record", feedback.RecordRequest(
            model="often", outcomes=outcomes), feedback.RecordResponse)

    def test_rolled_back_all_the_same(self):
        self.learn()
        policy = self.policy(SHORT.replace("watch_for = 0.2s", "watch_for = 1h"))
        monitor = self.watch(policy)
        self.addCleanup(lambda: monitor.kill())
        until(lambda: loop_of(monitor)["models"][0]["step"] == "watch")
        self.assertEqual(self.answered_by(), 2)
        hard = resource.prlimit(monitor.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(monitor.pid, resource.RLIMIT_FSIZE, (1, hard))
        until(lambda: self.answered_by() == 1 or self.label_wrongly())
        # Nothing further is done that cannot be remembered.
        model = until(lambda: (lambda at: at if at["why"] == "the history cannot be written"
                               else None)(loop_of(monitor)["models"][0]))
        self.assertEqual(model["step"], "tidy")
        resource.prlimit(monitor.pid, resource.RLIMIT_FSIZE, (hard, hard))
        until(lambda: loop_of(monitor)["models"][0]["step"] == "idle")
        before = [(taken["step"], taken["outcome"]) for taken
                  in loop_of(monitor)["models"][0]["steps"]]
        self.assertEqual(before[:3], [("tidy", "done"), ("rollback", "done"),
                                      ("watch", "refused")])
        monitor.kill()
        monitor = self.watch(policy)
        after = [(taken["step"], taken["outcome"]) for taken
                 in loop_of(monitor)["models"][0]["steps"]]
        self.assertEqual(after, before)  # the history has what it missed
        self.assertEqual(monitor.stop(), 0)


class Beside(Round):
    """More than one loop at work."""

    def test_a_model_does_not_wait_for_the_call_of_another(self):
        self.learn()
        policy = self.policy(SHORT + "[loop line]\nlabels_min = 20\n")
        holding = Holding(self.trivetd.ready["listen"], b"Feedback/GrowDataset", 1)
        self.addCleanup(holding.close)
        monitor = start_monitor(self.folder, types.SimpleNamespace(
            ready={**self.trivetd.ready, "listen": holding.url}), "--policy", policy)
        self.addCleanup(monitor.kill)
        self.assertTrue(holding.held.wait(60), loop_of(monitor))
        why = lambda: loop_of(monitor)["models"][1]["why"]
        until(lambda: why() == "no version is in production")
        made = self.client.upload({"x": [1.0, 2, 3, 4, 5, 6], "y": [2.0, 4, 6, 8, 10, 12]})
        self.client.deploy("line", self.client.train_and_wait("line", made.id, "y").version)
        until(lambda: why() == "nothing calls for a new version", 40)
        self.assertEqual(loop_of(monitor)["models"][0]["step"], "grow_train")
        self.assertEqual(monitor.stop(), 0)

    def test_two_monitors(self):
        """The one that asks for the training first goes on."""
        policy = self.policy(SHORT.replace("pause = 0", "pause = 1s") + "cooldown = 1h\n")
        monitors = []
        for name in ("a", "b"):
            folder = os.path.join(self.folder, name)
            os.mkdir(folder)
            monitors.append(start_monitor(folder, self.trivetd, "--policy", policy))
            self.addCleanup(monitors[-1].kill)
        self.learn()
        ends = until(lambda: (lambda steps: steps if all(steps) else None)(
            [[taken for taken in loop_of(monitor)["models"][0]["steps"]
              if (taken["step"], taken["outcome"]) in (("watch", "done"), ("train", "refused"))]
             for monitor in monitors]), 120)
        self.assertEqual(sorted(end[0]["step"] for end in ends), ["train", "watch"])
        self.assertIn("another loop trains this model (job-",
                      [end[0]["text"] for end in ends if end[0]["step"] == "train"][0])
        self.assertEqual([monitor.stop() for monitor in monitors], [0, 0])


if __name__ == "__main__":
    main()
