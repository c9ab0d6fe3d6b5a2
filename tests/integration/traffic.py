"""Traffic that is split by weight: shares of calls, keys that stay, changes under load, restarts,
kill -9, what ends a split, and what it keeps from being deleted."""

import collections
import csv
import io
import random
import tempfile
import threading

from harness import *
import trivet

CALLS = 20000
WINDOW = 200
KILLS = 3
# A check by chance: four deviations of 10 % of 20,000 calls are 0.85 %. Calls without a key are
# spread more evenly than that.
TOLERANCE = 0.007


def columns_of(n_rows, seed):
    source = random.Random(seed)
    columns = {"a": [], "b": [], "y": []}
    for _ in range(n_rows):
        a, b = source.gauss(0, 1), source.gauss(0, 1)
        columns["a"].append(a)
        columns["b"].append(b)
        columns["y"].append(a + 3 * b + source.gauss(0, 0.5))
    return columns


def share(version, weight, shadow=False):
    return models.TrafficShare(version=version, weight=weight, shadow=shadow)


def request_of(model, key="", alias="", table=False, rows=1):
    matrix = matrix_of([[1.0, 1.0]] * rows)
    request = prediction.PredictRequest(model=prediction.ModelRef(name=model, alias=alias), key=key)
    if table:
        request.table.CopyFrom(table_of({"a": [1.0] * rows, "b": [1.0] * rows}))
    else:
        request.matrix.CopyFrom(matrix)
    return request


class Calls:
    def train_alphas(self, model, dataset_id, alphas):
        for alpha in alphas:
            self.client.train_and_wait(model, dataset_id, "y", params={"penalty": "l2",
                                                                        "alpha": alpha})
        self.client.deploy(model, 1)

    def split(self, model, *shares, request_id=None, **options):
        return self.client.call("Models/SetTraffic", models.SetTrafficRequest(
            model=model, shares=shares, **options), models.Model, request_id=request_id)

    def history(self, model, **options):
        return self.client.call("Models/History", models.HistoryRequest(model=model, **options),
                                models.HistoryResponse).changes

    def traffic_of(self, model):
        found = self.client.call("Models/Describe", models.DescribeModelRequest(model=model),
                                 models.Model)
        return [(s.version, s.weight, s.shadow) for s in found.traffic]

    def versions_of(self, requests):
        """Which version answered each, many in flight."""
        order, versions = {}, {}
        for i, request in enumerate(requests):
            order[self.client.send(pack_frame("Prediction/Predict", request))] = i
            if len(order) - len(versions) >= WINDOW:
                self.receive(order, versions)
        while len(versions) < len(order):
            self.receive(order, versions)
        return [versions[i] for i in range(len(versions))]

    def receive(self, order, versions):
        sp_id, reply = self.client.receive()
        header, body = parse_reply(reply)
        if header.status != frame.STATUS_OK:
            raise CallError(header)
        versions[order[sp_id]] = prediction.PredictResponse.FromString(body).version

    def check_part(self, versions, version, part):
        found = versions.count(version) / len(versions)
        self.assertLess(abs(found - part), TOLERANCE,
                        "%.2f %% of %d calls" % (100 * found, len(versions)))
        return 100 * found


class Traffic(Calls, ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        client = Client(cls.url)
        cls.dataset = client.upload(columns_of(500, 1)).id
        client.close()

    def test_a_tenth_is_a_tenth(self):
        self.train_alphas("tenth", self.dataset, (1000, 0.1))
        n_calls = scaled(CALLS, 4000)
        answer = self.split("tenth", share(1, 90), share(2, 10), reason="canary")
        self.assertEqual([(s.version, s.weight) for s in answer.traffic], [(1, 90), (2, 10)])
        parts = {}
        ways = {"matrix, no key": {}, "table, no key": {"table": True},
                "by alias": {"alias": "production"}}
        for name, options in ways.items():
            versions = self.versions_of(request_of("tenth", **options) for _ in range(n_calls))
            parts[name] = self.check_part(versions, 2, 0.1)
        source = random.Random(7)
        keys = ["customer-%d" % source.getrandbits(48) for _ in range(n_calls)]
        versions = self.versions_of(request_of("tenth", key) for key in keys)
        parts["keys"] = 100 * versions.count(2) / len(versions)
        self.assertLess(abs(parts["keys"] - 10), 100 * TOLERANCE * max(1, (CALLS / n_calls) ** 0.5))
        print("a canary of 10 %% over %d calls: %s" % (n_calls, ", ".join(
            "%.2f %% (%s)" % (part, name) for name, part in parts.items())))
        # The check would see 12 %.
        self.split("tenth", share(1, 88), share(2, 12))
        versions = self.versions_of(request_of("tenth") for _ in range(n_calls))
        with self.assertRaises(AssertionError) as caught:
            self.check_part(versions, 2, 0.1)
        print("a planted 12 %% is found: %s" % caught.exception)

    def test_equal_keys_get_the_same_version(self):
        self.train_alphas("keys", self.dataset, (1000, 10, 0.1))
        self.split("keys", share(1, 70), share(2, 30))
        keys = ["k%d" % i for i in range(1000)]
        first = self.versions_of(request_of("keys", key) for key in keys)
        # Any number of times, whichever way a call goes, and by the id where there is no key.
        for options in ({}, {"table": True}, {"rows": 100}):
            self.assertEqual(first, self.versions_of(
                request_of("keys", key, **options) for key in keys))
        by_id = []
        for key in keys:
            by_id.append(request_of("keys"))
            by_id[-1].prediction_id = key
        self.assertEqual(first, self.versions_of(by_id))
        # A key that says more than the id.
        for request in by_id:
            request.key = "k1"
        self.assertEqual(set(self.versions_of(by_id)), {first[1]})
        self.split("keys", share(1, 60), share(2, 40))
        second = self.versions_of(request_of("keys", key) for key in keys)
        moved = collections.Counter((a, b) for a, b in zip(first, second) if a != b)
        self.assertEqual(set(moved), {(1, 2)})
        print("from 70:30 to 60:40, %d of 1000 keys moved to the second version, and none back"
              % moved[1, 2])
        # Who names a version, or another alias, gets that.
        self.client.deploy("keys", 3, alias="staging")
        self.assertEqual(set(self.versions_of(request_of("keys", key, alias="staging")
                                              for key in keys)), {3})

    def test_changes_under_load(self):
        self.train_alphas("busy", self.dataset, (1000, 10, 0.1))
        answered, failures, stop = collections.Counter(), [], threading.Event()

        def load(table):
            client = Client(self.url)
            while not stop.is_set():
                try:
                    found = client.call("Prediction/Predict", request_of("busy", table=table),
                                        prediction.PredictResponse)
                    answered[found.version] += 1
                except CallError as error:
                    failures.append(error)
            client.close()

        threads = [threading.Thread(target=load, args=(i % 2 == 1,)) for i in range(4)]
        for thread in threads:
            thread.start()
        rounds = scaled(40, 4)
        for i in range(rounds):
            self.split("busy", share(2, 1))
            self.assertEqual(self.client.predict("busy", [[1.0, 1.0]]).version, 2)
            self.split("busy", share(1, 1), share(3, 1))
            found = set(self.versions_of(request_of("busy") for _ in range(20)))
            self.assertEqual(found, {1, 3})
            if i % 2 == 0:
                self.split("busy")
            else:
                self.client.deploy("busy", 1)
            self.assertEqual(self.client.predict("busy", [[1.0, 1.0]]).version, 1)
        stop.set()
        for thread in threads:
            thread.join()
        print("%d changes of the split under %d calls, %d failed" % (
            3 * rounds, sum(answered.values()) + len(failures), len(failures)))
        self.assertEqual(failures, [])

    def test_what_ends_a_split_and_what_is_refused(self):
        self.train_alphas("ends", self.dataset, (1000, 10, 0.1))
        self.split("ends", share(1, 1), share(2, 1), reason="half")
        self.fails("FAILED_PRECONDITION", "has a share of the traffic", "Models/Delete",
                   models.DeleteModelRequest(model="ends", version=2), models.DeleteModelResponse)
        self.client.deploy("ends", 2, alias="staging")
        self.assertEqual(len(self.traffic_of("ends")), 2)
        self.client.deploy("ends", 2, reason="it is better")
        self.assertEqual(self.traffic_of("ends"), [])
        self.assertEqual(set(self.versions_of(request_of("ends") for _ in range(50))), {2})
        self.split("ends", share(1, 1), share(3, 1))
        self.client.call("Models/Rollback", models.RollbackRequest(model="ends"), models.Model)
        self.assertEqual(self.traffic_of("ends"), [])
        self.split("ends", share(3, 1), request_id="once")
        self.split("ends", reason="enough")
        self.split("ends", share(3, 1), request_id="once")  # made before: not again
        self.split("ends")  # nothing changes
        self.assertEqual(self.traffic_of("ends"), [])
        told = [(c.kind, c.reason, [(s.version, s.weight) for s in c.traffic])
                for c in self.history("ends", alias="production")]
        split, promoted, back = (models.ALIAS_CHANGE_KIND_TRAFFIC_SET,
                                 models.ALIAS_CHANGE_KIND_PROMOTED,
                                 models.ALIAS_CHANGE_KIND_ROLLED_BACK)
        self.assertEqual(told, [(split, "enough", []), (split, "", [(3, 1)]), (back, "", []),
                                (split, "", []), (split, "", [(1, 1), (3, 1)]),
                                (promoted, "it is better", []), (split, "it is better", []),
                                (split, "half", [(1, 1), (2, 1)]), (promoted, "", [])])
        self.client.call("Models/Delete", models.DeleteModelRequest(model="ends", version=3),
                         models.DeleteModelResponse)
        bad = [("INVALID_ARGUMENT", "weights are 1 to 10000", [share(1, 0)]),
               ("INVALID_ARGUMENT", "weights are 1 to 10000", [share(1, 10001)]),
               ("INVALID_ARGUMENT", "named twice", [share(1, 1), share(1, 2, True)]),
               ("INVALID_ARGUMENT", "by number", [share(0, 1)]),
               ("INVALID_ARGUMENT", "at most 16", [share(i + 1, 1) for i in range(17)]),
               ("NOT_FOUND", "no version 9", [share(1, 1), share(9, 1)])]
        for status, text, shares in bad:
            self.fails(status, text, "Models/SetTraffic",
                       models.SetTrafficRequest(model="ends", shares=shares), models.Model)
        self.fails("NOT_FOUND", "no model 'nowhere'", "Models/SetTraffic",
                   models.SetTrafficRequest(model="nowhere", shares=[share(1, 1)]), models.Model)
        self.client.train_and_wait("fresh", self.dataset, "y")
        self.fails("NOT_FOUND", "no alias 'production'", "Models/SetTraffic",
                   models.SetTrafficRequest(model="fresh", shares=[share(1, 1)]), models.Model)
        for table in (False, True):
            self.fails("INVALID_ARGUMENT", "the key has more than 64 bytes", "Prediction/Predict",
                       request_of("ends", "k" * 65, table=table), prediction.PredictResponse)


    def test_a_change_that_was_not_seen(self):
        self.train_alphas("seen", self.dataset, (1000, 10))
        newest = self.client.call("Models/History", models.HistoryRequest(model="seen", limit=1),
                                  models.HistoryResponse).changes[0].sequence
        split = models.SetTrafficRequest(model="seen", seen_sequence=newest,
                                         shares=[share(1, 90), share(2, 10)])
        self.client.call("Models/SetTraffic", split, models.Model)
        split.shares[1].weight = 20
        self.fails("ABORTED", "changed meanwhile", "Models/SetTraffic", split, models.Model)
        self.assertEqual(self.traffic_of("seen"), [(1, 90, False), (2, 10, False)])

    def test_production_is_not_its_own_shadow(self):
        self.train_alphas("self", self.dataset, (1000, 10))
        alone = [models.TrafficShare(version=v, weight=10000, shadow=True) for v in (1, 2)]
        self.fails("INVALID_ARGUMENT", "compared with itself", "Models/SetTraffic",
                   models.SetTrafficRequest(model="self", shares=alone), models.Model)
        # It may watch another that answers everything.
        self.client.call("Models/SetTraffic", models.SetTrafficRequest(
            model="self", shares=[share(2, 1), alone[0]]), models.Model)

    # --- the command line and Python

    def rows(self, *arguments):
        return list(csv.DictReader(io.StringIO(run_cli(self.url, *arguments).stdout)))

    def test_command_line(self):
        self.train_alphas("line", self.dataset, (1000, 10, 0.1))
        self.assertEqual(self.rows("deploy", "line", "2", "--traffic", "2.5", "--reason", "try"),
                         [{"model": "line", "version": "1", "traffic": "97.5 %"},
                          {"model": "line", "version": "2", "traffic": "2.5 %"}])
        self.assertEqual({r["version"]: r["traffic"] for r in self.rows("models", "line")},
                         {"1": "97.5 %", "2": "2.5 %", "3": ""})
        # A shadow beside the canary; the canary as a shadow; another canary; and one in its place.
        run_cli(self.url, "deploy", "line", "3", "--shadow")
        self.assertEqual(self.traffic_of("line"), [(1, 9750, False), (2, 250, False),
                                                   (3, 10000, True)])
        run_cli(self.url, "deploy", "line", "2", "--shadow", "--traffic", "25")
        self.assertEqual(self.traffic_of("line"), [(3, 10000, True), (2, 2500, True)])
        self.assertEqual(run_cli(self.url, "deploy", "line", "3", "--traffic", "20").stderr, "")
        self.assertEqual(self.traffic_of("line"), [(1, 8000, False), (3, 2000, False),
                                                   (2, 2500, True)])
        self.client.train_and_wait("line", self.dataset, "y")
        done = run_cli(self.url, "deploy", "line", "4", "--traffic", "10")
        self.assertIn("version 3 has no share any more; it had 20 %", done.stderr)
        self.assertEqual(self.traffic_of("line"), [(1, 9000, False), (4, 1000, False),
                                                   (2, 2500, True)])
        run_cli(self.url, "deploy", "line", "--no-split", "--reason", "enough")
        self.assertEqual(self.traffic_of("line"), [])
        self.assertEqual([(r["change"], r["version"], r["traffic"], r["why"])
                          for r in self.rows("history", "line")],
                         [("split ended", "", "", "enough"),
                          ("split", "", "1: 90 %, 4: 10 %, 2: shadow 25 %", ""),
                          ("split", "", "1: 80 %, 3: 20 %, 2: shadow 25 %", ""),
                          ("split", "", "3: shadow, 2: shadow 25 %", ""),
                          ("split", "", "1: 97.5 %, 2: 2.5 %, 3: shadow", ""),
                          ("split", "", "1: 97.5 %, 2: 2.5 %", "try"), ("promoted", "1", "", "")])
        for arguments in (("2", "--traffic", "0"), ("2", "--traffic", "101"), ("2", "--no-split"),
                          ("2", "--shadow", "--alias", "staging"), ("--traffic", "5"),
                          ("2", "--traffic", "5", "--require", "r2>=0")):
            done = run_cli(self.url, "deploy", "line", *arguments, check=False)
            self.assertEqual(done.returncode, 2, arguments)
        for arguments in (("2", "--traffic", "100"), ("1", "--traffic", "5")):
            done = run_cli(self.url, "deploy", "line", *arguments, check=False)
            self.assertEqual(done.returncode, 1, arguments)
            self.assertIn("that would be no split", done.stderr)

    def test_python_client(self):
        self.train_alphas("py", self.dataset, (1000, 10))
        with trivet.connect(self.url) as client:
            self.assertEqual(len(client.split("py", {1: 1, 2: 1}, reason="half").traffic), 2)
            found = [client.predict("py", [[1.0, 1.0]], key="k%d" % i).version for i in range(40)]
            self.assertEqual(set(found), {1, 2})
            self.assertEqual(found, [client.predict("py", [[1.0, 1.0]], key="k%d" % i).version
                                     for i in range(40)])
            client.split("py", shadows={2: 2.5})
            self.assertEqual(self.traffic_of("py"), [(2, 250, True)])
            client.split("py")
            self.assertEqual(self.traffic_of("py"), [])


class Shadow(Calls, ServerTest):
    """Answered by one version, computed by another, compared, never answered."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        client = Client(cls.url)
        cls.dataset = client.upload(columns_of(500, 1)).id
        wide = columns_of(500, 2)
        wide["c"] = [a * b for a, b in zip(wide["a"], wide["b"])]
        cls.wide = client.upload(wide).id
        client.close()

    def shadows_of(self, model, n_rows=None, seconds=60):
        """{(shadow, answered by): ShadowTotals}, once `n_rows` are counted in all."""
        deadline = time.monotonic() + seconds
        while True:
            stats = self.client.call("Server/Stats", server.StatsRequest(), server.StatsResponse)
            found = {(s.version, s.answered_by): s for s in stats.shadows if s.model == model}
            counted = sum(s.compared + s.failed + s.skipped for s in found.values())
            if n_rows is None or counted >= n_rows or time.monotonic() > deadline:
                return found
            time.sleep(0.02)

    def values_of(self, model, points):
        return [self.client.predict(model, [point]).outputs[0].f64[0] for point in points]

    def test_every_row_is_counted_once(self):
        self.train_alphas("exact", self.dataset, (1000, 0.1))
        source = random.Random(3)
        points = [[source.gauss(0, 1), source.gauss(0, 1)] for _ in range(100)]
        apart = [b - a for a, b in zip(self.values_of("exact", points), (
            self.client.predict("exact", [p], version=2).outputs[0].f64[0] for p in points))]
        self.split("exact", share(2, 10000, True), reason="watch")
        self.assertEqual(self.traffic_of("exact"), [(2, 10000, True)])
        for point in points:  # in the lane, as tables, and as large matrices
            self.assertEqual(self.client.predict("exact", [point]).version, 1)
        self.versions_of(request_of("exact", table=True, rows=3) for _ in range(100))
        self.versions_of(request_of("exact", rows=1000) for _ in range(5))
        # A row without an answer is no row for the shadow; nor is one that names a version.
        bad = request_of("exact", rows=2)
        bad.matrix.f64[0] = float("nan")
        self.versions_of([bad])
        self.client.predict("exact", points, version=1)
        n_rows = 100 + 300 + 5000 + 1
        found = self.shadows_of("exact", n_rows)
        self.assertEqual(set(found), {(2, 1)})
        totals = found[2, 1]
        self.assertEqual(totals.compared + totals.skipped + totals.failed, n_rows)
        self.assertEqual((totals.equal, totals.failed, totals.skipped), (0, 0, 0))
        self.assertGreater(totals.compute.count, 0)
        same = self.client.predict("exact", [[1.0, 1.0]], version=2).outputs[0].f64[0] - \
            self.client.predict("exact", [[1.0, 1.0]], version=1).outputs[0].f64[0]
        self.assertAlmostEqual(totals.absolute_difference,
                               sum(map(abs, apart)) + (n_rows - 100) * abs(same), 6)
        self.assertAlmostEqual(totals.squared_difference,
                               sum(x * x for x in apart) + (n_rows - 100) * same * same, 6)
        print("%d rows answered: %d compared, %d equal, %d failed, %d skipped; mean difference "
              "%.4f" % (n_rows, totals.compared, totals.equal, totals.failed, totals.skipped,
                        totals.absolute_difference / totals.compared))

    def test_beside_a_split_and_for_a_part(self):
        self.train_alphas("part", self.dataset, (1000, 10, 1000))  # 3 is as 1
        self.split("part", share(1, 1), share(2, 1), share(3, 2500, True))
        n_calls = scaled(8000, 2000)
        versions = self.versions_of(request_of("part") for _ in range(n_calls))
        found = self.shadows_of("part", int(n_calls * 0.24))
        for _ in range(100):  # until nothing more is counted
            before, found = found, (time.sleep(0.5), self.shadows_of("part"))[1]
            if found == before:
                break
        self.assertEqual(set(found), {(3, 1), (3, 2)})
        for (_, answered_by), totals in found.items():
            part = (totals.compared + totals.skipped) / versions.count(answered_by)
            self.assertAlmostEqual(part, 0.25, delta=0.01 * (8000 / n_calls) ** 0.5)
        self.assertEqual(found[3, 1].equal, found[3, 1].compared)
        self.assertEqual(found[3, 2].equal, 0)

    def test_a_shadow_that_cannot_is_the_shadows_trouble(self):
        self.train_alphas("wrong", self.dataset, (1000, ))
        self.client.train_and_wait("wrong", self.wide, "y")
        self.split("wrong", share(2, 10000, True))
        versions = self.versions_of(request_of("wrong", table=i % 2 == 1) for i in range(200))
        self.assertEqual(set(versions), {1})
        totals = self.shadows_of("wrong", 200)[2, 1]
        self.assertEqual((totals.compared, totals.failed + totals.skipped), (0, 200))
        self.split("wrong")
        self.versions_of(request_of("wrong") for _ in range(50))
        time.sleep(0.1)
        totals = self.shadows_of("wrong")[2, 1]
        self.assertEqual(totals.failed + totals.skipped, 200)

    def test_classes_are_compared_by_their_labels(self):
        columns = columns_of(400, 5)
        for name, flip in (("one", False), ("two", True)):
            columns["y"] = ["low" if (a + b < 0) != flip else "up"
                            for a, b in zip(columns["a"], columns["b"])]
            dataset = self.client.upload(columns).id
            self.client.train_and_wait("classes", dataset, "y", estimator="logistic_regression")
        self.client.train_and_wait("classes", dataset, "y", estimator="logistic_regression")
        self.client.deploy("classes", 3)
        self.split("classes", share(1, 10000, True), share(2, 10000, True))
        self.versions_of(request_of("classes") for _ in range(100))
        found = self.shadows_of("classes", 200)
        self.assertEqual((found[1, 3].compared, found[1, 3].equal), (100, 0))
        self.assertEqual((found[2, 3].compared, found[2, 3].equal), (100, 100))

    def test_the_caller_does_not_wait_for_it(self):
        """p50 and p99 of single rows, without a shadow and with one."""
        self.train_alphas("fast", self.dataset, (1000, ))
        self.client.train_and_wait("fast", self.dataset, "y", estimator="random_forest_regressor",
                                   params={"n_estimators": 200})
        n_calls = scaled(3000, 200)
        told = []
        for round_ in range(4):
            self.split("fast", *([share(2, 10000, True)] if round_ % 2 else []))
            took = []
            for _ in range(n_calls):
                started = time.perf_counter()
                self.client.predict("fast", [[1.0, 1.0]])
                took.append(time.perf_counter() - started)
            took.sort()
            told.append("%s: p50 %.0f us, p99 %.0f us" % (
                "with" if round_ % 2 else "without", took[n_calls // 2] * 1e6,
                took[n_calls * 99 // 100] * 1e6))
        totals = self.shadows_of("fast", 2 * n_calls)[2, 1]
        self.assertEqual(totals.compared + totals.skipped + totals.failed, 2 * n_calls)
        print("single rows beside a forest as a shadow; %s (%d compared, %d skipped)" % (
            "; ".join(told), totals.compared, totals.skipped))


class Killed(Calls, unittest.TestCase):
    def test_an_acknowledged_split_is_there_after_kill_9(self):
        with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
            trivetd = start_trivetd(folder)
            self.client = Client(trivetd.ready["listen"])
            try:
                dataset = self.client.upload(columns_of(500, 1)).id
                self.train_alphas("m", dataset, (10, 0.1, 1))
                keys = ["k%d" % i for i in range(200)]
                for i in range(KILLS):
                    self.split("m", share(1 + i % 3, 3), share(1 + (i + 1) % 3, 1))
                    trivetd.kill()
                    self.client.close()
                    trivetd = start_trivetd(folder)
                    self.client = Client(trivetd.ready["listen"])
                    before = self.versions_of(request_of("m", key) for key in keys)
                    self.assertEqual(set(before), {1 + i % 3, 1 + (i + 1) % 3})
                    trivetd.stop()
                    self.client.close()
                    trivetd = start_trivetd(folder)
                    self.client = Client(trivetd.ready["listen"])
                    self.assertEqual(before, self.versions_of(
                        request_of("m", key) for key in keys))
                print("%d kills and as many restarts: each split is there, and its keys stayed"
                      % KILLS)
            finally:
                trivetd.kill()
                self.client.close()


if __name__ == "__main__":
    main()
