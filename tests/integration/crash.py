"""kill -9 of trivetd: after a job was acknowledged it finishes on restart, with the predictions of
an uninterrupted run; after it SUCCEEDED the version is there and predicts the same."""

import random
import tempfile
import time

from harness import *

KILLS = 10
FOLDS = 60  # long enough to be cut off


def training_columns(n_rows):
    source = random.Random(7)
    columns = {"x%d" % j: [source.gauss(0, 1) for _ in range(n_rows)] for j in range(8)}
    columns["y"] = [sum((j + 1) * columns["x%d" % j][i] for j in range(8)) + source.gauss(0, 1)
                    for i in range(n_rows)]
    return columns


class Crash(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="trivet-")
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        self.rows = [[0.1 * (i + j) for j in range(8)] for i in range(50)]
        self.start()
        self.addCleanup(lambda: (self.trivetd.kill(), self.client.close()))
        self.dataset = self.client.upload(training_columns(scaled(20000, 4000)))

    def start(self):
        self.trivetd = start_trivetd(self.folder)
        self.client = Client(self.trivetd.ready["listen"])

    def restart_after_kill(self):
        self.trivetd.kill()
        self.client.close()
        self.start()

    def submit(self, model, folds=5):
        return self.client.train(model, self.dataset.id, "y", test_size=0.2, seed=3, folds=folds)

    def predictions(self, model, version):
        return list(self.client.predict(model, self.rows, version=version).outputs[0].f64)

    def reference(self):
        """Predictions of an uninterrupted run, and how long it took."""
        started = time.monotonic()
        job = self.client.wait(self.submit("reference", FOLDS).id)
        self.assertEqual(job.state, training.JOB_STATE_SUCCEEDED, job.error_message)
        return self.predictions("reference", job.version), time.monotonic() - started

    def test_killed_after_the_job_was_acknowledged(self):
        expected, seconds = self.reference()
        source = random.Random(1)
        interrupted = 0
        n_kills = 0
        while n_kills < KILLS or interrupted < KILLS // 2:
            self.assertLess(n_kills, 5 * KILLS, "only %d cut a job off" % interrupted)
            n_kills += 1
            model = "acknowledged-%d" % n_kills
            job = self.submit(model, FOLDS)
            time.sleep(source.uniform(0, 0.8 * seconds))
            self.restart_after_kill()
            done = self.client.wait(job.id)
            self.assertEqual(done.state, training.JOB_STATE_SUCCEEDED, done.error_message)
            self.assertEqual(self.predictions(model, done.version), expected)
            interrupted += done.attempts > 1
            print("kill %d after acknowledgement: %s finished after %d attempts, predictions equal"
                  % (n_kills, job.id, done.attempts))
        print("%d of %d kills cut a running job off (it takes %.2f s)" % (
            interrupted, n_kills, seconds))

    def test_killed_after_the_job_succeeded(self):
        for i in range(KILLS):
            model = "succeeded-%d" % i
            done = self.client.wait(self.submit(model).id)
            self.assertEqual(done.state, training.JOB_STATE_SUCCEEDED, done.error_message)
            self.client.deploy(model, done.version)
            expected = self.predictions(model, 0)
            self.restart_after_kill()
            self.assertEqual(self.client.call("Training/GetJob", training.GetJobRequest(
                job_id=done.id), training.Job).version, done.version)
            self.assertEqual(self.predictions(model, 0), expected)
            print("kill %d after SUCCEEDED: %s version %d is there, predictions equal"
                  % (i + 1, model, done.version))

    def test_second_server_is_refused(self):
        with self.assertRaises(RuntimeError) as caught:
            start_trivetd(self.folder)
        self.assertIn("in use", str(caught.exception))
        print("second trivetd:", str(caught.exception).strip().splitlines()[-1])


if __name__ == "__main__":
    main()
