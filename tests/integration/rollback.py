"""Back to the version before: under load, across kill -9, repeated; gates against another version;
and the record of who did it and why."""

import csv
import io
import os
import random
import tempfile
import threading

from harness import *

KILLS = 5


def columns_of(n_rows, seed):
    source = random.Random(seed)
    columns = {"a": [], "b": [], "y": []}
    for _ in range(n_rows):
        a, b = source.gauss(0, 1), source.gauss(0, 1)
        columns["a"].append(a)
        columns["b"].append(b)
        columns["y"].append(a + 3 * b + source.gauss(0, 0.5))
    return columns


class Calls:
    """What both test cases call; they have a `client`."""

    def rollback(self, model, request_id=None, **options):
        return self.client.call("Models/Rollback", models.RollbackRequest(model=model, **options),
                                models.Model, request_id=request_id)

    def history(self, model, **options):
        return self.client.call("Models/History", models.HistoryRequest(model=model, **options),
                                models.HistoryResponse).changes

    def train_alphas(self, model, dataset_id, alphas, **options):
        """A version for each: the greater alpha, the worse."""
        for alpha in alphas:
            self.client.train_and_wait(model, dataset_id, "y", estimator="linear_regression",
                                       params={"penalty": "l2", "alpha": alpha}, test_size=0.2,
                                       seed=3, **options)

    def version_of(self, model, alias="production"):
        found = self.client.call("Models/Describe", models.DescribeModelRequest(model=model),
                                 models.Model)
        return {alias.name: alias.version for alias in found.aliases}[alias]


class Rollback(Calls, ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.sockets = tempfile.TemporaryDirectory(prefix="trivet-")
        cls.addClassCleanup(cls.sockets.cleanup)
        cls.listen = ("tcp://127.0.0.1:0", "ipc://%s/socket" % cls.sockets.name)
        super().setUpClass()
        cls.url = next(url for url in cls.trivetd.urls if url.startswith("tcp"))
        client = Client(cls.url)
        cls.dataset = client.upload(columns_of(500, 1)).id
        client.close()

    def test_back_and_back_again(self):
        self.train_alphas("steps", self.dataset, (1000, 10, 0.1))
        for version in (1, 2, 3):
            self.client.deploy("steps", version, reason="trial %d" % version)
        answer = self.rollback("steps", reason="too slow")
        self.assertEqual([(a.name, a.version) for a in answer.aliases], [("production", 2)])
        self.assertEqual(self.client.predict("steps", [[1.0, 1.0]]).version, 2)
        self.rollback("steps")
        self.assertEqual(self.client.predict("steps", [[1.0, 1.0]]).version, 1)
        self.fails("FAILED_PRECONDITION", "nothing before it to go back to", "Models/Rollback",
                   models.RollbackRequest(model="steps"), models.Model)
        self.fails("NOT_FOUND", "no alias 'canary'", "Models/Rollback",
                   models.RollbackRequest(model="steps", alias="canary"), models.Model)
        self.fails("NOT_FOUND", "nowhere", "Models/Rollback",
                   models.RollbackRequest(model="nowhere"), models.Model)
        self.assertEqual(
            [(c.kind, c.version, c.previous_version, c.reason) for c in self.history("steps")],
            [(models.ALIAS_CHANGE_KIND_ROLLED_BACK, 1, 2, ""),
             (models.ALIAS_CHANGE_KIND_ROLLED_BACK, 2, 3, "too slow"),
             (models.ALIAS_CHANGE_KIND_PROMOTED, 3, 2, "trial 3"),
             (models.ALIAS_CHANGE_KIND_PROMOTED, 2, 1, "trial 2"),
             (models.ALIAS_CHANGE_KIND_PROMOTED, 1, 0, "trial 1")])

    def test_where_it_came_from(self):
        self.train_alphas("from", self.dataset, (10, 0.1))
        request = models.PromoteRequest(model="from", version=1)
        path = next(url for url in self.trivetd.urls if url.startswith("ipc"))
        for url in (self.url, path):
            client = Client(url)
            client.call("Models/Promote", request, models.Model, request_id="from-1")
            client.close()
        # Once, whoever repeats it: what is kept does not ask where a call came from.
        self.assertEqual([c.peer for c in self.history("from")], ["127.0.0.1"])
        client = Client(path)
        client.call("Models/Promote", models.PromoteRequest(model="from", version=2), models.Model,
                    request_id="from-2")
        client.close()
        self.assertEqual([c.peer for c in self.history("from")],
                         ["uid:%d" % os.getuid(), "127.0.0.1"])
        rows = list(csv.DictReader(io.StringIO(run_cli(self.url, "history", "from").stdout)))
        self.assertEqual([row["who"] for row in rows], ["uid:%d" % os.getuid(), "127.0.0.1"])

    def test_repeated_it_is_made_once(self):
        self.train_alphas("once", self.dataset, (1000, 10, 0.1))
        for version in (1, 2, 3):
            self.client.deploy("once", version)
        for _ in range(3):
            self.rollback("once", request_id="undo-1")
        self.assertEqual(self.version_of("once"), 2)
        with self.assertRaises(CallError) as caught:
            self.rollback("once", request_id="undo-1", alias="staging")
        self.assertEqual(caught.exception.status, "ALREADY_EXISTS")
        self.assertEqual(self.history("once")[0].request_id, "undo-1")
        # A promotion is repeated after its gate has ceased to hold.
        request = models.PromoteRequest(model="once", version=3, require_better_than="@production")
        for _ in range(2):
            self.client.call("Models/Promote", request, models.Model, request_id="better-1")
        self.assertEqual(self.version_of("once"), 3)
        self.assertEqual(len(self.history("once")), 5)

    def test_history_by_pages_and_alias(self):
        self.train_alphas("pages", self.dataset, (10, 0.1))
        for i in range(6):
            self.client.deploy("pages", 1 + i % 2, alias="a", reason=str(i))
            self.client.deploy("pages", 1 + i % 2, alias="b", reason=str(i))
        newest = self.history("pages", limit=5)
        self.assertEqual([c.reason for c in newest], ["5", "5", "4", "4", "3"])
        older = self.history("pages", before=newest[-1].sequence)
        self.assertEqual(len(newest) + len(older), 12)
        self.assertEqual([c.reason for c in self.history("pages", alias="a")],
                         ["5", "4", "3", "2", "1", "0"])
        self.assertEqual(len(self.history("pages", alias="none")), 0)
        self.fails("NOT_FOUND", "no model 'nowhere'", "Models/History",
                   models.HistoryRequest(model="nowhere"), models.HistoryResponse)

    def test_under_load_nothing_fails(self):
        self.train_alphas("busy", self.dataset, (1000, 0.1))
        self.client.deploy("busy", 1)
        seen, failures, stop = [], [], threading.Event()

        def load():
            client = Client(self.url)
            while not stop.is_set():
                try:
                    seen.append(client.predict("busy", [[1.0, 1.0]]).version)
                except CallError as error:
                    failures.append(error)
            client.close()

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        rounds = scaled(50, 5)
        for _ in range(rounds):
            self.client.deploy("busy", 2)
            self.assertEqual(self.client.predict("busy", [[1.0, 1.0]]).version, 2)
            self.rollback("busy")
            self.assertEqual(self.client.predict("busy", [[1.0, 1.0]]).version, 1)
        stop.set()
        for thread in threads:
            thread.join()
        print("%d promotions and as many rollbacks under %d calls: %d by version 1, %d by version "
              "2, %d failed" % (rounds, len(seen) + len(failures), seen.count(1), seen.count(2),
                                len(failures)))
        self.assertEqual(failures, [])
        self.assertEqual(set(seen), {1, 2})

    # --- gates against another version

    def refuses(self, status, text, model, version, **options):
        self.fails(status, text, "Models/Promote",
                   models.PromoteRequest(model=model, version=version, **options), models.Model)

    def test_gate_against_another_version(self):
        self.train_alphas("gate", self.dataset, (10, 1000, 0.1))
        self.refuses("NOT_FOUND", "no alias", "gate", 1, require_better_than="@production")
        self.client.deploy("gate", 1)
        self.refuses("FAILED_PRECONDITION", "not better than the other: on the same holdout its r2",
                     "gate", 2, require_better_than="@production")
        self.assertEqual(self.version_of("gate"), 1)
        self.client.deploy("gate", 3, require_better_than="@production", better_metric="rmse")
        self.assertEqual(self.version_of("gate"), 3)
        self.refuses("FAILED_PRECONDITION", "itself", "gate", 3, require_better_than="3")
        self.refuses("INVALID_ARGUMENT", "no metric 'f1'", "gate", 1, require_better_than="3",
                     better_metric="f1")
        for text in ("production", "@", "0", "-1", "@a b"):
            self.refuses("INVALID_ARGUMENT", "@production", "gate", 1, require_better_than=text)
        self.refuses("NOT_FOUND", "no version 9", "gate", 1, require_better_than="9")
        self.client.deploy("gate", 1, alias="staging", require_better_than="2")

    def test_gate_needs_the_same_holdout(self):
        self.train_alphas("holdout", self.dataset, (1000, ))
        other = self.client.upload(columns_of(500, 2)).id
        same = self.client.upload(columns_of(500, 1)).id  # the same rows, uploaded again
        self.train_alphas("holdout", other, (0.1, ))
        for options in ({"test_size": 0.2, "seed": 4}, {"test_size": 0.3, "seed": 3}, {"seed": 3}):
            self.client.train_and_wait("holdout", self.dataset, "y", **options)
        self.train_alphas("holdout", same, (0.1, ))
        self.client.deploy("holdout", 1)
        for version in (2, 3, 4, 5):
            self.refuses("FAILED_PRECONDITION", "not evaluated on the same holdout; give a dataset "
                         "that both are scored on", "holdout", version, require_better_than="@production")
        self.client.deploy("holdout", 6, require_better_than="@production")

    # --- the command line

    def test_command_line(self):
        self.train_alphas("line", self.dataset, (1000, 0.1))
        run_cli(self.url, "deploy", "line", "1", "--reason", "first")
        run_cli(self.url, "deploy", "line", "2", "--require-better-than", "@production",
                "--metric", "mae", "--reason", "better")
        done = run_cli(self.url, "deploy", "line", "1", "--require-better-than", "@production",
                       check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("not better", done.stderr)
        done = run_cli(self.url, "rollback", "line", "--reason", "too slow")
        self.assertEqual(list(csv.DictReader(io.StringIO(done.stdout))),
                         [{"model": "line", "alias": "production", "version": "1"}])
        done = run_cli(self.url, "rollback", "line", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing before", done.stderr)
        rows = list(csv.DictReader(io.StringIO(run_cli(self.url, "history", "line").stdout)))
        self.assertEqual([(r["change"], r["version"], r["before"], r["why"]) for r in rows],
                         [("rolled back", "1", "2", "too slow"), ("promoted", "2", "1", "better"),
                          ("promoted", "1", "", "first")])
        for arguments in (("rollback",), ("rollback", "line", "1"), ("history",),
                          ("history", "line", "--limit", "0"), ("rollback", "line:1"),
                          ("deploy", "line", "1", "--metric", "r2")):
            self.assertEqual(run_cli(self.url, *arguments, check=False).returncode, 2, arguments)


class Killed(Calls, unittest.TestCase):
    def test_an_acknowledged_rollback_is_there_after_kill_9(self):
        with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
            trivetd = start_trivetd(folder)
            self.client = Client(trivetd.ready["listen"])
            try:
                dataset = self.client.upload(columns_of(500, 1)).id
                self.train_alphas("m", dataset, (10, 0.1))
                self.client.deploy("m", 1)
                for i in range(KILLS):
                    self.client.deploy("m", 2)
                    self.rollback("m", request_id="undo-%d" % i, reason="kill %d" % i)
                    trivetd.kill()
                    self.client.close()
                    trivetd = start_trivetd(folder)
                    self.client = Client(trivetd.ready["listen"])
                    self.assertEqual(self.client.predict("m", [[1.0, 1.0]]).version, 1)
                    self.rollback("m", request_id="undo-%d" % i, reason="kill %d" % i)
                    self.assertEqual(self.client.predict("m", [[1.0, 1.0]]).version, 1)
                    self.assertEqual(self.history("m")[0].reason, "kill %d" % i)
                print("%d kills after an acknowledged rollback: each is there" % KILLS)
            finally:
                trivetd.kill()
                self.client.close()


if __name__ == "__main__":
    main()
