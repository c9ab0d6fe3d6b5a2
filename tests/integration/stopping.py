"""SIGTERM and SIGINT drain the server, whichever thread takes them and however often they come."""

import os
import signal
import tempfile
import time

from harness import *


class Stopping(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="trivet-")
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name

    def start(self):
        trivetd = start_trivetd(self.folder)
        self.addCleanup(trivetd.kill)
        return trivetd

    def drained(self, trivetd):
        trivetd.popen.wait(30)
        self.assertEqual(trivetd.popen.returncode, 0)
        with open(trivetd.log_path) as log:
            self.assertIn("stopped", log.read().splitlines()[-1])

    def test_twice(self):
        for number in (signal.SIGTERM, signal.SIGINT) * 3:
            trivetd = self.start()
            trivetd.signal(number)
            time.sleep(0.01)
            try:
                trivetd.signal(number)
            except ProcessLookupError:
                pass  # stopped already
            self.drained(trivetd)

    def test_while_stopped(self):
        for _ in range(10):
            trivetd = self.start()
            trivetd.signal(signal.SIGSTOP)
            time.sleep(0.05)
            trivetd.signal(signal.SIGTERM)
            trivetd.signal(signal.SIGCONT)
            self.drained(trivetd)

    def test_calls_in_hand_are_answered(self):
        trivetd = self.start()
        client = Client(trivetd.ready["listen"])
        self.addCleanup(client.close)
        # Long enough to be still running when the signal comes.
        columns = {"x%d" % j: [float((i * (j + 3)) % 89) for i in range(4000)] for j in range(20)}
        columns["y"] = [float(i % 17) for i in range(4000)]
        dataset = client.upload(columns)
        job = client.train("slow", dataset.id, "y", folds=100)
        waiting = client.send(pack_frame("Training/WaitJob", training.WaitJobRequest(
            job_id=job.id, after_revision=1 << 62), timeout_us=60000000))
        time.sleep(0.1)
        trivetd.signal(signal.SIGTERM)
        got, reply = client.receive()
        self.assertEqual(got, waiting)
        header, body = parse_reply(reply)
        self.assertEqual(header.status, frame.STATUS_OK, header.message)
        self.assertEqual(training.Job.FromString(body).id, job.id)
        self.drained(trivetd)
        # The job was cut off, not lost.
        again = self.start()
        other = Client(again.ready["listen"])
        self.assertEqual(other.wait(job.id).state, training.JOB_STATE_SUCCEEDED)
        other.close()
        again.signal(signal.SIGTERM)
        self.drained(again)

    def test_files_are_private(self):
        trivetd = self.start()
        data_dir = os.path.join(self.folder, "data")
        for name in os.listdir(data_dir):
            mode = os.stat(os.path.join(data_dir, name)).st_mode
            self.assertEqual(mode & 0o077, 0, name)
        trivetd.signal(signal.SIGTERM)
        self.drained(trivetd)


if __name__ == "__main__":
    main()
