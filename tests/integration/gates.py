"""Gates on rows of the caller's choice: versions that were trained on different data are scored side
by side on one dataset before an alias moves."""

import csv
import os
import random

from harness import *  # the way to the package too

import trivet

N_ROWS = 400


def columns_of(weights, seed, n_rows=N_ROWS, missing=False):
    source = random.Random(seed)
    columns = {"a": [], "b": [], "y": []}
    for _ in range(n_rows):
        a, b = source.gauss(0, 1), source.gauss(0, 1)
        columns["y"].append(weights[0] * a + weights[1] * b + source.gauss(0, 0.3))
        columns["a"].append(None if missing and source.random() < 0.1 else a)
        columns["b"].append(b)
    return columns


OLD, NEW = (1.0, 3.0), (3.0, 1.0)


class Gates(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        client = Client(cls.url)
        cls.old = client.upload(columns_of(OLD, 1)).id
        cls.new = client.upload(columns_of(NEW, 2)).id
        cls.holdout = client.upload(columns_of(NEW, 3)).id
        client.close()

    def train_two(self, model):
        """Version 1, the champion, knows the old world; 2, the challenger, the new one."""
        for dataset in (self.old, self.new):
            self.client.train_and_wait(model, dataset, "y", test_size=0.2, seed=1)
        self.client.deploy(model, 1)

    def refuses(self, status, text, model, version, **options):
        return self.fails(status, text, "Models/Promote",
                          models.PromoteRequest(model=model, version=version, **options),
                          models.Model)

    def production(self, model):
        found = self.client.call("Models/Describe", models.DescribeModelRequest(model=model),
                                 models.Model)
        return [alias.version for alias in found.aliases if alias.name == "production"]

    def test_the_better_on_new_rows_takes_over(self):
        self.train_two("world")
        # By their own evaluations they cannot be told apart, and both are good.
        self.refuses("FAILED_PRECONDITION", "not evaluated on the same holdout", "world", 2,
                     require_better_than="@production")
        self.client.deploy("world", 1, require=["r2>=0.9"])
        error = self.refuses("FAILED_PRECONDITION", "'r2>=0.9' is not met", "world", 1,
                             require=["r2>=0.9"], holdout_dataset_id=self.holdout)
        print(error.message)
        self.client.deploy("world", 2, require=["r2>=0.9"], require_better_than="@production",
                           holdout_dataset_id=self.holdout)
        self.assertEqual(self.production("world"), [2])
        error = self.refuses("FAILED_PRECONDITION", "not better than the other", "world", 1,
                             require_better_than="@production", better_metric="rmse",
                             holdout_dataset_id=self.holdout)
        print(error.message)
        self.refuses("FAILED_PRECONDITION", "itself", "world", 2, require_better_than="@production",
                     holdout_dataset_id=self.holdout)
        self.assertEqual(self.production("world"), [2])

    def test_rows_that_cannot_judge(self):
        self.train_two("rows")
        gate = {"require_better_than": "@production"}
        columns = columns_of(NEW, 4, 50)
        for lacks, text in (("y", "no column 'y' with the true outcomes"), ("a", "'a'")):
            part = self.client.upload({k: v for k, v in columns.items() if k != lacks}).id
            error = self.refuses("INVALID_ARGUMENT", text, "rows", 2, holdout_dataset_id=part,
                                 **gate)
            self.assertIn("version 2 on the holdout %s" % part, error.message)
        self.refuses("NOT_FOUND", "ds-0123456789abcdef", "rows", 2,
                     holdout_dataset_id="ds-0123456789abcdef", **gate)
        still_open = self.client.call("Datasets/Create", datasets.CreateDatasetRequest(
            name="open", schema=schema_of(columns)), datasets.Dataset).id
        self.refuses("FAILED_PRECONDITION", "not committed", "rows", 2,
                     holdout_dataset_id=still_open, **gate)
        self.refuses("INVALID_ARGUMENT", "a holdout without a gate", "rows", 2,
                     holdout_dataset_id=self.holdout)
        self.assertEqual(self.production("rows"), [1])

    def test_who_leaves_out_rows_is_not_better(self):
        self.train_two("gaps")
        self.client.train_and_wait("gaps", self.new, "y", transformers=[])  # takes no missing value
        gaps = self.client.upload(columns_of(NEW, 5, missing=True)).id
        error = self.refuses("FAILED_PRECONDITION", "it must not have fewer", "gaps", 3,
                             require_better_than="@production", holdout_dataset_id=gaps)
        print(error.message)
        self.client.deploy("gaps", 3, require_better_than="@production",
                           holdout_dataset_id=self.holdout)

    def test_training_rows_prove_nothing(self):
        source = random.Random(11)
        noise = {"f%02d" % i: [source.gauss(0, 1) for _ in range(25)] for i in range(30)}
        noise["y"] = [source.gauss(0, 1) for _ in range(25)]
        self.client.train_and_wait("noise", self.client.upload(noise).id, "y")  # fits all rows
        self.client.deploy("noise", 1)  # without a gate it may
        error = self.refuses("FAILED_PRECONDITION", "--holdout", "noise", 1, require=["r2>=0.99"])
        print(error.message)
        self.refuses("INVALID_ARGUMENT", "f9", "noise", 1, require=["f9>=0.99"])
        fresh = self.client.upload({name: [source.gauss(0, 1) for _ in range(50)]
                                    for name in noise}).id
        self.refuses("FAILED_PRECONDITION", "is not met", "noise", 1, require=["r2>=0.99"],
                     holdout_dataset_id=fresh)

    def test_rows_without_a_prediction(self):
        for alpha in (0.1, 0.2):  # neither takes a missing value
            self.client.train_and_wait("skips", self.new, "y", test_size=0.2, transformers=[],
                                       params={"penalty": "l2", "alpha": alpha})
        self.client.deploy("skips", 1, require=["r2>=0.5"], holdout_dataset_id=self.missing(8))
        many = self.missing(198)
        for options in ({"require": ["r2>=-1e9"]}, {"require_better_than": "@production"}):
            error = self.refuses("FAILED_PRECONDITION", "no prediction for 198 of the 200 rows",
                                 "skips", 2, holdout_dataset_id=many, **options)
        print(error.message)

    def missing(self, count):
        columns = columns_of(NEW, 12, 200)
        columns["a"][:count] = [None] * count
        return self.client.upload(columns).id

    def test_nobody_waits_for_it_any_more(self):
        for trees in (1, 300):
            self.client.train_and_wait("slow", self.new, "y", "random_forest_regressor",
                                       {"n_estimators": trees}, test_size=0.2)

        def request(rows):
            return models.PromoteRequest(model="slow", version=2, require=["r2>=0.1"],
                                         holdout_dataset_id=rows)

        # How long it takes is this machine's; the second holdout has to be scored as the first.
        holdouts = [self.client.upload({name: values * 150 for name, values in
                                        columns_of(NEW, seed, 1000).items()}).id
                    for seed in (13, 14)]
        begun = time.monotonic()
        self.client.call("Models/Promote", request(holdouts[0]), models.Model)
        whole_us = 1e6 * (time.monotonic() - begun)
        print('scored in %.0f ms' % (whole_us / 1000))
        self.client.deploy("slow", 1)
        self.fails("DEADLINE_EXCEEDED", "Promote", "Models/Promote", request(holdouts[1]),
                   models.Model, timeout_us=int(whole_us / 8))
        self.assertEqual(self.production("slow"), [1])
        self.client.call("Models/Promote", request(holdouts[1]), models.Model)
        self.assertEqual(self.production("slow"), [2])

    def test_a_metric_that_is_none_is_told_first(self):
        self.train_two("named")
        self.refuses("INVALID_ARGUMENT", "no metric 'zzz'", "named", 2,
                     require_better_than="@production", better_metric="zzz")

    def test_other_targets_are_not_compared(self):
        self.train_two("targets")
        self.client.train_and_wait("targets", self.new, "b")
        self.refuses("FAILED_PRECONDITION", "different targets", "targets", 3,
                     require_better_than="1", holdout_dataset_id=self.holdout)

    def test_repeated_it_is_not_scored_again(self):
        self.train_two("again")
        rows = self.client.upload(columns_of(NEW, 6, 100)).id
        request = models.PromoteRequest(model="again", version=2, require_better_than="@production",
                                        holdout_dataset_id=rows)
        self.client.call("Models/Promote", request, models.Model, request_id="again-1")
        self.client.call("Datasets/Delete", datasets.DeleteDatasetRequest(dataset_id=rows),
                         datasets.DeleteDatasetResponse)
        self.client.call("Models/Promote", request, models.Model, request_id="again-1")

    # --- the clients

    def write_csv(self, name, columns):
        path = os.path.join(self.folder, name)
        with open(path, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values()))
        return path

    def n_datasets(self):
        return len(self.client.call("Datasets/List", datasets.ListDatasetsRequest(),
                                    datasets.ListDatasetsResponse).datasets)

    def test_command_line(self):
        self.train_two("line")
        path = self.write_csv("new.csv", columns_of(NEW, 7))
        before = self.n_datasets()
        run_cli(self.url, "deploy", "line", "2", "--require-better-than", "@production",
                "--require", "r2>=0.9", "--holdout", path)
        self.assertEqual(self.production("line"), [2])
        for holdout in (path, self.holdout):
            done = run_cli(self.url, "deploy", "line", "1", "--require-better-than", "@production",
                           "--holdout", holdout, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("not better than the other", done.stderr)
        self.assertEqual(self.n_datasets(), before)  # what was sent is gone again
        without = self.write_csv("without.csv", {"a": [1.0, 2.0], "b": [1.0, 2.0]})
        done = run_cli(self.url, "deploy", "line", "1", "--require", "r2>=0", "--holdout", without,
                       check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("'y'", done.stderr)
        self.assertEqual(run_cli(self.url, "deploy", "line", "1", "--holdout", path,
                                 check=False).returncode, 2)
        self.assertEqual(self.n_datasets(), before)

    def test_python_client(self):
        self.train_two("python")
        before = self.n_datasets()
        columns = columns_of(NEW, 8)
        with trivet.connect(self.url) as client:
            with self.assertRaises(trivet.FailedPrecondition):
                client.promote("python", 1, require="r2>=0.9", holdout=columns)
            client.promote("python", 2, better_than="@production", holdout=columns)
            with self.assertRaises(trivet.FailedPrecondition):
                client.promote("python", 1, better_than="@production", holdout=self.holdout)
        self.assertEqual((self.production("python"), self.n_datasets()), ([2], before))


if __name__ == "__main__":
    main()
