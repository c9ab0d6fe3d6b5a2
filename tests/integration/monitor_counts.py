"""The monitor's count of predictions equals what was sent, exactly: over 100,000 single-row calls,
and when the monitor was stopped in between, so that events were lost."""

import json
import os
import signal
import tempfile
import time
import urllib.request

from harness import *

CALLS = scaled(100000, 5000)
STOPPED_SECONDS = 20 if SCALE == 1 else 5
WINDOW = 64


class MonitorCounts(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="trivet-")
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        # Over ipc, whose socket buffers are small: a stopped subscriber loses events soon.
        self.trivetd = start_trivetd(self.folder, events="ipc://%s/s/events" % self.folder)
        self.addCleanup(lambda: (self.trivetd.kill(), self.client.close()))
        self.client = Client(self.trivetd.ready["listen"])
        columns = {"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 4.0, 6.0, 8.1]}
        job = self.client.train_and_wait("counted", self.client.upload(columns).id, "y")
        self.client.deploy("counted", job.version)
        self.monitor = start_monitor(self.folder, self.trivetd)
        self.addCleanup(lambda: self.monitor.kill())

    def send(self, count):
        """`count` single-row calls, WINDOW in flight; every reply is checked."""
        request = pack_frame("Prediction/Predict", prediction.PredictRequest(
            model=prediction.ModelRef(name="counted"), matrix=matrix_of([[2.5]])))
        sent = received = 0
        while received < count:
            while sent < count and sent - received < WINDOW:
                self.client.send(request)
                sent += 1
            _, reply = self.client.receive()
            header, body = parse_reply(reply)
            self.assertEqual(header.status, frame.STATUS_OK, header.message)
            received += 1

    def overview(self):
        url = self.monitor.ready["http"] + "api/v1/overview"
        with urllib.request.urlopen(url, timeout=10) as reply:
            return json.load(reply)

    def counted(self):
        for model in self.overview()["models"]:
            if model["model"] == "counted":
                return model["predictions"]
        return 0

    def wait_for(self, expected, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.counted() != expected:
            time.sleep(0.1)
        time.sleep(1.5)  # it must not go beyond either
        self.assertEqual(self.counted(), expected)

    def test_exact(self):
        started = time.monotonic()
        self.send(CALLS)
        print("%d calls in %.1f s" % (CALLS, time.monotonic() - started))
        self.wait_for(CALLS)
        print("monitor counts %d of %d sent" % (self.counted(), CALLS))

    def test_exact_after_sigstop(self):
        first = CALLS // 4
        self.send(first)
        self.wait_for(first)
        self.monitor.signal(signal.SIGSTOP)
        stopped = time.monotonic()
        self.send(CALLS // 2)
        self.flood_events()
        time.sleep(max(0.0, STOPPED_SECONDS - (time.monotonic() - stopped)))
        self.monitor.signal(signal.SIGCONT)
        last = CALLS - first - CALLS // 2
        self.send(last)
        self.wait_for(CALLS)
        lost = self.overview()["lost_events"]
        print("stopped for %.0f s: monitor counts %d of %d sent, %d events lost" % (
            STOPPED_SECONDS, self.counted(), CALLS, lost))
        self.assertGreater(lost, 0)

    def flood_events(self):
        """More events than socket and publisher keep for a stopped subscriber: each deployment is
        one, and the publisher's queue holds 4,096."""
        for i in range(8000):
            self.client.call("Models/Promote", models.PromoteRequest(
                model="counted", version=1, alias="a%d" % (i % 100)), models.Model)

    def test_restart_of_trivetd(self):
        self.send(1000)
        self.wait_for(1000)
        self.client.close()
        listen, events = self.trivetd.ready["listen"], self.trivetd.ready["events"]
        self.assertEqual(self.trivetd.stop(), 0)
        self.trivetd = start_trivetd(self.folder, listen=(listen,), events=events)
        self.client = Client(listen)
        self.send(500)
        self.wait_for(1500)
        print("1,000 before a restart of trivetd and 500 after it: monitor counts 1,500")

    def test_restart_of_the_monitor(self):
        self.send(1000)
        self.wait_for(1000)
        self.assertEqual(self.monitor.stop(), 0)
        self.send(500)
        self.monitor = start_monitor(self.folder, self.trivetd)
        self.wait_for(1500)


if __name__ == "__main__":
    main()
