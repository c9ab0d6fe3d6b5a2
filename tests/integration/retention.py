"""Only so many versions are kept: what goes and what is spared with every change, what is told of it,
rollbacks, restarts, and calls meanwhile."""

import csv
import io
import random
import tempfile
import threading

from harness import *


def columns_of(n_rows, seed):
    source = random.Random(seed)
    columns = {"a": [], "b": [], "y": []}
    for _ in range(n_rows):
        a, b = source.gauss(0, 1), source.gauss(0, 1)
        columns["a"].append(a)
        columns["b"].append(b)
        columns["y"].append(a + 3 * b + source.gauss(0, 0.5))
    return columns


class Deletions:
    """What the events tell of versions that are gone, while the server runs."""

    def __init__(self, url, model):
        self.model, self.found = model, []
        self.socket = Socket(url, SUB)
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self):
        try:
            while True:
                event = events.Event.FromString(self.socket.receive().split(b"\0", 1)[1])
                if (event.WhichOneof("body") == "model" and event.model.model == self.model and
                        event.model.change == events.MODEL_CHANGE_DELETED):
                    with self.changed:
                        self.found.append((event.model.version, event.model.reason))
                        self.changed.notify_all()
        except (Closed, OSError):
            pass

    def wait(self, count):
        with self.changed:
            self.changed.wait_for(lambda: len(self.found) >= count, 20)
            return list(self.found)

    def close(self):
        self.thread.join()
        self.socket.close()


class Retention(unittest.TestCase):
    model = "kept"

    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="trivet-")
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        self.start()
        self.dataset = self.client.upload(columns_of(100, 1)).id

    def start(self):
        self.trivetd = start_trivetd(self.folder)
        self.addCleanup(self.trivetd.kill)
        self.url = self.trivetd.ready["listen"]
        self.client = Client(self.url)
        self.addCleanup(self.client.close)

    def train(self, count=1):
        for _ in range(count):
            self.client.train_and_wait(self.model, self.dataset, "y")

    def configure(self, keep, **options):
        return self.client.call("Models/Configure", models.ConfigureRequest(
            model=self.model, settings=models.ModelSettings(keep_versions=keep)), models.Model,
            **options)

    def split(self, *shares):
        self.client.call("Models/SetTraffic", models.SetTrafficRequest(
            model=self.model, shares=[models.TrafficShare(version=v, weight=w, shadow=s)
                                      for v, w, s in shares]), models.Model)

    def rollback(self):
        self.client.call("Models/Rollback", models.RollbackRequest(model=self.model), models.Model)

    def left(self, *expected):
        rows = csv.DictReader(io.StringIO(run_cli(self.url, "models", self.model).stdout))
        self.assertEqual([int(row["version"]) for row in rows], list(expected))

    def answers(self):
        return self.client.predict(self.model, [[1.0, 1.0]]).version

    def is_gone(self, version):
        with self.assertRaises(CallError) as caught:
            self.client.predict(self.model, [[1.0, 1.0]], version=version)
        self.assertEqual(caught.exception.status, "NOT_FOUND", caught.exception.message)
        self.assertNotIn('version="%d"' % version, http_get(self.trivetd, "/metrics")[1])

    def history(self):
        """What was deleted is apart, with why."""
        changes = self.client.call("Models/History", models.HistoryRequest(model=self.model),
                                   models.HistoryResponse).changes
        deleted = models.ALIAS_CHANGE_KIND_DELETED
        return ([(c.alias, c.kind, c.version) for c in changes if c.kind != deleted],
                [(c.version, c.reason) for c in reversed(changes) if c.kind == deleted])

    def test_every_change(self):
        deletions = Deletions(self.trivetd.ready["events"], self.model)
        self.train()
        self.configure(2)
        self.client.deploy(self.model, 1)
        self.train()
        self.client.deploy(self.model, 2, alias="staging")
        self.train(2)
        self.split((1, 9, False), (3, 1, False), (4, 5000, True))
        self.train(4)
        # 1 is production, 2 staging, 3 has a share, 4 is a shadow.
        self.left(8, 7, 4, 3, 2, 1)
        self.is_gone(5)
        self.split()
        self.left(8, 7, 2, 1)
        for version in (3, 4):  # they were loaded
            self.is_gone(version)
        self.client.deploy(self.model, 8)
        self.client.deploy(self.model, 7)
        self.left(8, 7, 2, 1)
        self.train(2)
        self.left(10, 9, 8, 7, 2)
        self.rollback()
        self.assertEqual(self.answers(), 8)
        self.left(10, 9, 8, 2)
        self.is_gone(7)
        # What 8 had before it is gone.
        with self.assertRaises(CallError) as caught:
            self.rollback()
        self.assertEqual(caught.exception.status, "FAILED_PRECONDITION")
        self.assertEqual(self.answers(), 8)
        told = [(version, "retention") for version in (5, 6, 3, 4, 1, 7)]
        self.assertEqual(deletions.wait(len(told)), told)
        promoted, back = models.ALIAS_CHANGE_KIND_PROMOTED, models.ALIAS_CHANGE_KIND_ROLLED_BACK
        traffic, configured = (models.ALIAS_CHANGE_KIND_TRAFFIC_SET,
                               models.ALIAS_CHANGE_KIND_CONFIGURED)
        history = [("production", back, 8), ("production", promoted, 7),
                   ("production", promoted, 8), ("production", traffic, 0),
                   ("production", traffic, 0), ("staging", promoted, 2),
                   ("production", promoted, 1), ("", configured, 0)]
        self.assertEqual(self.history(), (history, told))
        self.trivetd.kill()
        deletions.close()

        self.start()
        self.left(10, 9, 8, 2)
        self.assertEqual(self.answers(), 8)
        self.assertEqual(self.history(), (history, told))
        self.train()
        self.left(11, 10, 8, 2)
        run_cli(self.url, "configure", self.model, "--keep-versions", "1")
        self.left(11, 8, 2)
        self.is_gone(10)
        self.configure(0)
        self.train(2)
        self.left(13, 12, 11, 8, 2)
        with open(os.path.join(self.folder, "trivetd.log")) as log:
            self.assertEqual(log.read().count("version_deleted"), 8)
        self.assertEqual(self.trivetd.stop(), 0)

    def test_several_rollbacks_find_what_they_go_back_to(self):
        self.train(5)
        for version in (1, 2, 3, 4):
            self.client.deploy(self.model, version)
        self.configure(2)
        self.left(5, 4, 3, 2)  # 4 answers, 3 is before it, 2 and 5 are the newest of the others
        self.rollback()
        self.left(5, 4, 3, 2)
        self.rollback()
        self.assertEqual(self.answers(), 2)
        self.left(5, 4, 2)
        with self.assertRaises(CallError) as caught:
            self.rollback()
        self.assertEqual(caught.exception.status, "FAILED_PRECONDITION")
        self.client.deploy(self.model, 5)
        self.rollback()
        self.assertEqual(self.answers(), 2)
        self.left(5, 4, 2)

    def test_a_repeated_call_deletes_once(self):
        self.train(3)
        self.configure(1, request_id="few-1")
        self.left(3)
        self.configure(0)
        self.train()
        self.configure(1, request_id="few-1")  # made before: not again
        self.left(4, 3)

    def test_no_call_of_an_alias_fails(self):
        self.train()
        self.configure(1)
        self.client.deploy(self.model, 1)
        seen, failures, stop = set(), [], threading.Event()

        def load():
            client = Client(self.url)
            while not stop.is_set():
                try:
                    seen.add(client.predict(self.model, [[1.0, 1.0]]).version)
                except CallError as error:
                    failures.append(error)
            client.close()

        threads = [threading.Thread(target=load) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for version in range(2, 5):
                self.train()
                self.client.deploy(self.model, version)
            self.train()
            self.rollback()  # 4 goes while it answers
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])
        self.assertGreaterEqual(seen, {1, 4})
        self.left(5, 3)


if __name__ == "__main__":
    main()
