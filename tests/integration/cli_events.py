"""`trivet events`: a job and predictions as they happen, filters, Ctrl-C, a server that goes away
and comes back."""

import json
import os
import signal
import subprocess
import tempfile
import threading
import time

from harness import *

COLUMNS = {"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 4.0, 6.0, 8.1]}


class Follower:
    """A running `trivet events`; its lines, and what it says on stderr."""

    def __init__(self, url, *arguments):
        self.popen = subprocess.Popen([program("trivet"), "--server", url, "events", *arguments],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.events, self.told = [], []
        self.threads = [threading.Thread(target=self._read), threading.Thread(target=self._listen)]
        for thread in self.threads:
            thread.start()

    def _read(self):
        for line in self.popen.stdout:
            self.events.append(json.loads(line))

    def _listen(self):
        for line in self.popen.stderr:
            self.told.append(line.strip())

    def wait_for(self, condition, seconds=30):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError("events %s\nstderr %s" % (self.events[-5:], self.told))
            time.sleep(0.05)

    def interrupt(self, number=signal.SIGINT):
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        status = self.popen.wait(30)
        for thread in self.threads:
            thread.join()
        self.popen.stdout.close()
        self.popen.stderr.close()
        return status


class Events(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="trivet-")
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        # Over ipc, whose socket buffers are small: a stopped subscriber loses events soon.
        self.trivetd = start_trivetd(self.folder, events="ipc://%s/s/events" % self.folder)
        self.addCleanup(lambda: self.trivetd.kill())
        self.url = self.trivetd.ready["listen"]
        self.client = Client(self.url)
        self.addCleanup(lambda: self.client.close())

    def follow(self, *arguments):
        follower = Follower(self.url, *arguments)
        self.addCleanup(lambda: follower.popen.poll() is None and follower.interrupt())
        return follower

    def train(self, model):
        job = self.client.train_and_wait(model, self.client.upload(COLUMNS, name=model).id, "y")
        self.client.deploy(model, job.version)
        return job

    def test_a_job_and_predictions(self):
        all_of_it = self.follow()
        all_of_it.wait_for(lambda: all_of_it.events)
        one_model = self.follow("--model", "line")
        two_kinds = self.follow("--kind", "job", "--kind", "totals")
        # The server's events pass neither filter: these two are there when a deployment is seen.
        self.train("ready")
        two_kinds.wait_for(lambda: two_kinds.events)
        job = self.train("line")
        for _ in range(37):
            self.client.predict("line", [[1.5], [2.5]])

        def counted():
            return [e["event"]["prediction_totals"]["rows"] for e in all_of_it.events
                    if e["event"].get("prediction_totals", {}).get("model") == "line"]
        all_of_it.wait_for(lambda: counted() and counted()[-1] == [{"status": "OK", "count": 74}])
        states = [e["event"]["job"]["state"] for e in all_of_it.events
                  if e["event"].get("job", {}).get("id") == job.id]
        self.assertEqual(states[-1], "SUCCEEDED")
        changes = [(e["topic"], e["event"]["model"]["change"]) for e in all_of_it.events
                   if e["event"].get("model", {}).get("model") == "line"]
        self.assertIn(("model.line.", "ALIAS_SET"), changes)
        numbers = [int(e["event"]["sequence"]) for e in all_of_it.events]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        time.sleep(0.5)
        for follower in (all_of_it, one_model, two_kinds):
            self.assertEqual(follower.interrupt(), 0)
            self.assertEqual(follower.told, [])
        self.assertEqual({e["topic"] for e in one_model.events},
                         {"model.line.", "prediction.line.", "training.%s." % job.id})
        self.assertEqual({e["topic"].split(".")[0] for e in two_kinds.events},
                         {"prediction", "training"})
        self.assertFalse([e for e in two_kinds.events if "prediction_sample" in e["event"]])

    def test_ends_at_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            follower = self.follow("--kind", "server")
            follower.wait_for(lambda: follower.events)
            began = time.monotonic()
            self.assertEqual(follower.interrupt(number), 0)
            self.assertLess(time.monotonic() - began, 10)
            self.assertEqual(follower.told, [])

    def test_a_server_that_comes_back(self):
        listen, events = self.url, self.trivetd.ready["events"]
        follower = self.follow("--kind", "server")
        follower.wait_for(lambda: follower.events)
        first = follower.events[0]["event"]["publisher_epoch"]
        self.client.close()
        self.trivetd.kill()
        follower.wait_for(lambda: follower.told)
        self.assertEqual(follower.told, ["trivet: the server is silent; waiting for it"])
        self.trivetd = start_trivetd(self.folder, listen=(listen,), events=events)
        self.client = Client(listen)
        follower.wait_for(lambda: follower.events[-1]["event"]["publisher_epoch"] != first)
        self.assertEqual(follower.interrupt(), 0)
        self.assertEqual(follower.told[1:3], [
            "trivet: the server is back",
            "trivet: the server started anew; its totals begin again at zero"])

    def test_losses_are_told(self):
        """A stopped reader loses what no queue keeps: 4,096 there, and little between."""
        follower = self.follow("--kind", "server")
        follower.wait_for(lambda: follower.events)
        self.train("busy")
        follower.popen.send_signal(signal.SIGSTOP)
        request = models.PromoteRequest(model="busy", version=1)
        for i in range(8000):
            request.alias = "a%d" % (i % 100)
            self.client.call("Models/Promote", request, models.Model)
        follower.popen.send_signal(signal.SIGCONT)
        n_events = len(follower.events)
        follower.wait_for(lambda: len(follower.events) > n_events + 2)
        self.assertEqual(follower.interrupt(), 0)
        self.assertTrue([line for line in follower.told if line.endswith("events were lost")],
                        follower.told)

    def test_wrong_usage(self):
        done = run_cli(self.url, "events", "--kind", "weather", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("totals, sample, job, model, server, bins, quality, shadow, unjoined", done.stderr)


if __name__ == "__main__":
    main()
