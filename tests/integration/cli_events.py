"""`trivet events`: a job and predictions as they happen, filters, Ctrl-C, a server that goes away
and comes back."""

import json
import math
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

    def wait_for(self, condition, seconds=60):
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
        one_model.wait_for(lambda: len({e["topic"] for e in one_model.events}) > 2)
        two_kinds.wait_for(lambda: len({e["topic"].split(".")[0] for e in two_kinds.events}) > 1)
        for follower in (all_of_it, one_model, two_kinds):
            self.assertEqual(follower.interrupt(), 0)
            self.assertEqual(follower.told, [])
        self.assertEqual({e["topic"] for e in one_model.events},
                         {"model.line.", "prediction.line.", "training.%s." % job.id})
        self.assertEqual({e["topic"].split(".")[0] for e in two_kinds.events},
                         {"prediction", "training"})
        self.assertFalse([e for e in two_kinds.events if "prediction_sample" in e["event"]])

    def losses(self, job):
        """How its loss went so far, checked for what must hold of any job."""
        points = [(point.iteration, point.loss) for point in job.progress.losses]
        self.assertLessEqual(len(points), 128)
        self.assertEqual(points, sorted(dict(points).items()))
        self.assertTrue(all(iteration > 0 and math.isfinite(loss) for iteration, loss in points))
        return points

    def test_loss_while_it_trains(self):
        """A fit that goes on until it is cancelled: its loss is told ever further."""
        follower = self.follow("--kind", "job")
        rows = {"x": [i / 50 for i in range(100)], "y": [math.sin(i / 9) for i in range(100)]}
        job = self.client.train("net", self.client.upload(rows).id, "y", estimator="mlp_regressor",
                                params={"epochs": 1000000, "n_iter_no_change": 1000000})
        seen, deadline = [], time.monotonic() + 100
        while len(seen) < 2 or len(seen[-1]) <= len(seen[0]):
            self.assertLess(time.monotonic(), deadline, seen[-1:])
            job = self.client.call("Training/WaitJob", training.WaitJobRequest(
                job_id=job.id, after_revision=job.revision), training.Job, timeout_us=5000000)
            self.assertIn(job.state, (training.JOB_STATE_QUEUED, training.JOB_STATE_RUNNING))
            seen += [points for points in [self.losses(job)] if points]
        for before, after in zip(seen, seen[1:]):
            self.assertEqual(before[0], after[0])
            self.assertLessEqual(before[-1][0], after[-1][0])
        told = dict(point for points in seen for point in points)
        self.assertTrue(all(dict(points).items() <= told.items() for points in seen))
        listed = self.client.call("Training/ListJobs", training.ListJobsRequest(),
                                  training.ListJobsResponse).jobs[0]
        self.assertGreaterEqual(self.losses(listed)[-1][0], seen[-1][-1][0])
        shown = subprocess.run([program("trivet"), "--server", self.url, "jobs", job.id],
                               capture_output=True, text=True, timeout=60, check=True).stdout
        self.assertRegex(shown, r"fit \d+ %, loss \d")

        def newest():
            return [e["event"]["job"]["progress"]["losses"] for e in follower.events
                    if e["event"].get("job", {}).get("progress", {}).get("losses")]
        follower.wait_for(newest)
        self.assertEqual({len(points) for points in newest()}, {1})
        self.client.call("Training/CancelJob", training.CancelJobRequest(job_id=job.id),
                         training.Job)
        self.assertEqual(self.losses(self.client.wait(job.id)), [])

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
