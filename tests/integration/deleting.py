"""Deletions and aliases taken away: what they need, what the audit log keeps of them, what the
clients do; and settings that change one by one."""

import csv
import io
import random
import threading

from harness import *  # the way to the package too

import trivet

DELETED, CONFIGURED = models.ALIAS_CHANGE_KIND_DELETED, models.ALIAS_CHANGE_KIND_CONFIGURED


class Deleting(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        source = random.Random(1)
        cls.columns = {name: [source.gauss(0, 1) for _ in range(200)] for name in ("a", "b")}
        cls.columns["y"] = [a + 3 * b for a, b in zip(cls.columns["a"], cls.columns["b"])]
        client = Client(cls.url)
        cls.dataset = client.upload(cls.columns).id
        client.close()

    def train(self, model, count):
        for seed in range(count):
            self.client.train_and_wait(model, self.dataset, "y", seed=seed)

    def history(self, model, **options):
        return self.client.call("Models/History", models.HistoryRequest(model=model, **options),
                                models.HistoryResponse).changes

    def delete(self, model, version=0, reason=""):
        self.client.call("Models/Delete", models.DeleteModelRequest(
            model=model, version=version, reason=reason), models.DeleteModelResponse,
            request_id="delete-%s-%d" % (model, version))

    # --- the audit log

    def test_deletions_are_in_the_log_which_stays(self):
        self.train("gone", 2)
        self.client.deploy("gone", 2, reason="good")
        self.delete("gone", 1, "too old")
        self.delete("gone", reason="nobody calls it")
        self.delete("gone", reason="nobody calls it")  # the same call again
        self.fails("NOT_FOUND", "no model 'gone'", "Models/Describe",
                   models.DescribeModelRequest(model="gone"), models.Model)
        whole, one, promoted = self.history("gone")
        self.assertEqual((whole.kind, whole.version, whole.reason, whole.request_id),
                         (DELETED, 0, "nobody calls it", "delete-gone-0"))
        self.assertEqual((one.kind, one.version, one.reason, one.peer),
                         (DELETED, 1, "too old", whole.peer))
        self.assertEqual(promoted.reason, "good")
        self.assertEqual(list(self.history("gone", before=promoted.sequence)), [])
        self.fails("NOT_FOUND", "no model 'never'", "Models/History",
                   models.HistoryRequest(model="never"), models.HistoryResponse)

    def test_settings_are_in_the_log(self):
        self.train("set", 3)
        run_cli(self.url, "configure", "set", "--keep-versions", "2", "--reason", "room")
        run_cli(self.url, "configure", "set", "--keep-features", "on")
        on, gone, few = self.history("set")
        self.assertEqual((few.kind, few.settings), (CONFIGURED,
                                                    models.ModelSettings(keep_versions=2)))
        self.assertEqual(on.settings, models.ModelSettings(keep_versions=2, keep_features=True))
        self.assertEqual((gone.kind, gone.version, gone.reason, gone.peer, gone.request_id),
                         (DELETED, 1, "retention", few.peer, few.request_id))
        rows = list(csv.DictReader(io.StringIO(run_cli(self.url, "history", "set").stdout)))
        self.assertEqual([(r["change"], r["version"], r["settings"], r["why"]) for r in rows],
                         [("configured", "", "keep_features on keep_versions 2", ""),
                          ("deleted", "1", "", "retention"),
                          ("configured", "", "keep_versions 2", "room")])

    def test_settings_change_one_by_one(self):
        self.train("both", 1)
        failures = []

        def change(option, values):
            for value in values:
                done = run_cli(self.url, "configure", "both", option, value, check=False)
                if done.returncode != 0:
                    failures.append(done.stderr)

        threads = [threading.Thread(target=change, args=each) for each in (
            ("--keep-features", ["off", "on"] * 10),
            ("--keep-versions", [str(i) for i in range(1, 21)]),
            ("--outcomes-per-minute", [str(i) for i in range(101, 121)]))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        found = self.client.call("Models/Describe", models.DescribeModelRequest(model="both"),
                                 models.Model).settings
        self.assertEqual(found, models.ModelSettings(keep_features=True, keep_versions=20,
                                                     outcomes_per_minute_max=120))
        self.fails("INVALID_ARGUMENT", "no setting 'keep'", "Models/Configure",
                   models.ConfigureRequest(model="both", settings=found, fields=["keep"]),
                   models.Model)
        # Without names: all of them.
        self.client.call("Models/Configure", models.ConfigureRequest(
            model="both", settings=models.ModelSettings(keep_versions=7)), models.Model)
        self.assertEqual(self.history("both")[0].settings, models.ModelSettings(keep_versions=7))

    # --- what is needed stays

    def test_a_version_that_a_job_needs_stays(self):
        self.train("busy", 2)
        wide = self.client.upload({name: values * 500 for name, values in self.columns.items()}).id
        slow = self.client.train("other", wide, "y", "random_forest_regressor",
                                 {"n_estimators": 500})
        job = self.client.call("Prediction/PredictDataset", prediction.PredictDatasetRequest(
            model=prediction.ModelRef(name="busy", version=1), dataset_id=self.dataset),
            training.Job)  # waits for its turn
        for version in (1, 0):
            self.fails("FAILED_PRECONDITION", job.id, "Models/Delete",
                       models.DeleteModelRequest(model="busy", version=version),
                       models.DeleteModelResponse)
        self.delete("busy", 2)
        self.client.call("Training/CancelJob", training.CancelJobRequest(job_id=slow.id),
                         training.Job)
        self.assertEqual(self.client.wait(job.id).state, training.JOB_STATE_SUCCEEDED)
        self.delete("busy", 1)

    # --- aliases

    def test_an_alias_is_taken_away(self):
        self.train("named", 2)
        self.client.deploy("named", 1)
        self.client.deploy("named", 2, alias="staging")
        call = ("Models/RemoveAlias", models.RemoveAliasRequest(model="named", alias="staging"),
                models.Model)
        self.fails("FAILED_PRECONDITION", "or remove it", "Models/Delete",
                   models.DeleteModelRequest(model="named", version=2), models.DeleteModelResponse)
        left = self.client.call(*call)
        self.assertEqual([alias.name for alias in left.aliases], ["production"])
        self.fails("NOT_FOUND", "no alias 'staging'", *call)
        self.fails("NOT_FOUND", "staging", "Prediction/Predict", prediction.PredictRequest(
            model=prediction.ModelRef(name="named", alias="staging"), matrix=matrix_of([[1, 1]])),
            prediction.PredictResponse)
        change = self.history("named")[0]
        self.assertEqual((change.kind, change.alias, change.version, change.previous_version),
                         (models.ALIAS_CHANGE_KIND_ALIAS_REMOVED, "staging", 0, 2))
        self.client.call("Models/SetTraffic", models.SetTrafficRequest(model="named", shares=[
            models.TrafficShare(version=2, weight=10000, shadow=True)]), models.Model)
        production = models.RemoveAliasRequest(model="named", alias="production")
        self.fails("FAILED_PRECONDITION", "--no-split", "Models/RemoveAlias", production,
                   models.Model)
        self.client.call("Models/SetTraffic", models.SetTrafficRequest(model="named"), models.Model)
        self.delete("named", 2)
        self.client.call("Models/RemoveAlias", production, models.Model)
        self.fails("NOT_FOUND", "production", "Prediction/Predict", prediction.PredictRequest(
            model=prediction.ModelRef(name="named"), matrix=matrix_of([[1, 1]])),
            prediction.PredictResponse)
        self.client.deploy("named", 1)
        self.assertEqual(self.client.predict("named", [[1.0, 1.0]]).version, 1)

    # --- the clients

    def test_command_line(self):
        self.train("line", 3)
        self.client.deploy("line", 1)
        self.client.deploy("line", 3, alias="staging")
        for what in ("line", "line:2", "line@staging"):
            done = run_cli(self.url, "models", "delete", what, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn("--yes", done.stderr)
        self.assertEqual(run_cli(self.url, "models", "line", "--yes", check=False).returncode, 2)
        self.assertIn("staging", run_cli(self.url, "models", "delete", "line:3", "--yes",
                                         check=False).stderr)
        run_cli(self.url, "models", "delete", "line@staging", "--yes")
        run_cli(self.url, "models", "delete", "line:3", "--yes", "--reason", "a slip")
        rows = csv.DictReader(io.StringIO(run_cli(self.url, "models", "line").stdout))
        self.assertEqual([(row["version"], row["aliases"]) for row in rows],
                         [("2", ""), ("1", "production")])
        run_cli(self.url, "models", "delete", "line", "--yes", "--reason", "the end")
        self.assertNotIn("\nline,", run_cli(self.url, "models").stdout)
        rows = csv.DictReader(io.StringIO(run_cli(self.url, "history", "line").stdout))
        self.assertEqual([(r["change"], r["alias"], r["version"], r["before"], r["why"])
                          for r in rows],
                         [("model deleted", "", "", "", "the end"),
                          ("deleted", "", "3", "", "a slip"),
                          ("alias removed", "staging", "", "3", ""),
                          ("promoted", "staging", "3", "", ""),
                          ("promoted", "production", "1", "", "")])

    def test_python_client(self):
        self.train("python", 2)
        with trivet.connect(self.url) as client:
            client.promote("python", 1)
            client.promote("python", 2, alias="staging")
            with self.assertRaises(trivet.FailedPrecondition):
                client.delete_model("python:2")
            with self.assertRaises(trivet.InvalidArgument):
                client.delete_model("python@staging")
            self.assertEqual(len(client.remove_alias("python", "staging", "done").aliases), 1)
            client.delete_model("python:2", reason="a slip")
            client.delete_model("python")
            self.assertEqual([(c.kind == DELETED, c.reason) for c in client.history("python")[:3]],
                             [(True, ""), (True, "a slip"), (False, "done")])


if __name__ == "__main__":
    main()
