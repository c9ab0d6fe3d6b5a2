"""The command line, end to end: what it prints when piped, its exit codes, and that its errors say
what to do."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import time

from harness import *
from terminal import in_terminal


class CommandLine(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.houses = os.path.join(cls.folder, "houses.csv")
        with open(cls.houses, "w") as out:
            out.write("area,district,price\n")
            for i in range(200):
                out.write("%d,%s,%d\n" % (50 + i, "ab"[i % 2], 1000 * (50 + i) + 500 * (i % 2)))
        run_cli(cls.url, "train", "house", "--data", cls.houses, "--target", "price")
        run_cli(cls.url, "deploy", "house", "1")

    def json_of(self, *arguments):
        return json.loads(run_cli(self.url, "--json", *arguments).stdout)

    def rows_of(self, *arguments, **options):
        return list(csv.DictReader(io.StringIO(run_cli(self.url, *arguments, **options).stdout)))

    def refused(self, text, *arguments, status=1, **options):
        done = run_cli(self.url, *arguments, check=False, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(text, done.stderr)
        self.assertIn("\ntrivet: ", "\n" + done.stderr)

    def test_metrics_as_csv(self):
        rows = self.rows_of("evaluate", "house", "--data", self.houses)
        metrics = {row["metric"]: float(row["value"]) for row in rows}
        self.assertGreater(metrics["r2"], 0.999)
        self.assertEqual(set(metrics), {"mse", "rmse", "mae", "r2", "mape", "explained_variance",
                                        "median_absolute_error", "max_error", "pinball_loss"})

    def test_json(self):
        for arguments in (("models",), ("models", "house"), ("jobs",), ("datasets",), ("status",),
                          ("estimators",), ("estimators", "linear_regression"),
                          ("evaluate", "house@production", "--data", self.houses)):
            self.assertIsInstance(self.json_of(*arguments), dict, arguments)

    def test_lists_as_csv(self):
        self.assertEqual(self.rows_of("models")[0]["model"], "house")
        self.assertEqual(self.rows_of("jobs", "--model", "house")[0]["state"],
                         "succeeded")
        self.assertEqual(self.rows_of("datasets")[0]["state"], "committed")
        names = {row["name"] for row in self.rows_of("estimators")}
        self.assertLessEqual({"linear_regression", "imputer", "standard_scaler",
                              "one_hot_encoder"}, names)

    def test_predict_from_a_pipe(self):
        rows = self.rows_of("predict", "house", "--data", "-", stdin="district,area\nb,60\na,70\n")
        self.assertEqual([row["row"] for row in rows], ["0", "1"])
        self.assertAlmostEqual(float(rows[0]["prediction"]), 60500, delta=5)
        self.assertAlmostEqual(float(rows[1]["prediction"]), 70000, delta=5)

    def test_predict_with_rows_that_fail(self):
        done = run_cli(self.url, "predict", "house", "--data", "-", check=False,
                       stdin="area,district\n60,a\n60,zz\n60,b\n")
        self.assertEqual(done.returncode, 1)
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        self.assertEqual([row["prediction"] == "" for row in rows], [False, True, False])
        self.assertIn("district", rows[1]["error"])
        self.assertIn("1 failed", done.stderr)

    def test_wrong_usage(self):
        for arguments in ((), ("fly",), ("train", "house"), ("predict",), ("deploy", "house"),
                          ("deploy", "house", "first"), ("predict", "house", "--window", "0")):
            done = run_cli(self.url, *arguments, check=False)
            self.assertEqual(done.returncode, 2, (arguments, done.stderr))

    def test_help_is_in_columns(self):
        """argp tears a wide option with a long text apart, and wraps a long summary to the margin."""
        commands = run_cli(self.url, "--help").stdout.split("Commands:\n")[1].split("\n\n")[0]
        names = [re.match(r"  (\w+) +\S", line) for line in commands.split("\n")]
        self.assertTrue(all(names) and len(names) > 10, commands)
        for name in names:
            said = run_cli(self.url, name.group(1), "--help").stdout
            options = said.split("\n\n")[1].split("\n")
            self.assertTrue(all(re.match(r" For |  -\S(, --\w.*)?( |$)|      --\w| {29}\S", line)
                                for line in options if line.strip()), said)

    def test_errors_say_what_to_do(self):
        self.refused("houses.csv has no such column", "train", "x", "--data", self.houses,
                     "--target", "cost", status=1)
        self.refused("no model 'nowhere'", "predict", "nowhere", "--data", self.houses)
        self.refused("no model 'nowhere'", "rollback", "nowhere")
        self.refused("linear_regression", "train", "x", "--data", self.houses, "--target", "price",
                     "--estimator", "magic")
        self.refused("penalty", "train", "x", "--data", self.houses, "--target", "price",
                     "--param", "colour=red")
        self.refused("r2", "deploy", "house", "1", "--require", "r2>=1.5")
        self.refused("none.csv", "predict", "house", "--data", "none.csv")
        self.refused("area", "predict", "house", "--data", "-", stdin="district\na\n")

    def test_train_finds_mistakes_before_it_uploads(self):
        bad = os.path.join(self.folder, "infinite.csv")
        with open(bad, "w") as out:
            out.write("x,y\n" + "".join("%d,%d\n" % (i, 2 * i) for i in range(30)) + "30,inf\n")
        short = os.path.join(self.folder, "short.csv")
        with open(short, "w") as out:
            out.write("x,y\n" + "".join("%d,%d\n" % (i, 2 * i) for i in range(31)))
        train = ("train", "early", "--data", self.houses, "--target", "price")
        before = self.rows_of("datasets")
        for text, arguments in (
                ("choose auto or one of: ", train + ("--estimator", "foo")),
                ("no parameter 'nope'; it has: ", train + ("--param", "nope=1")),
                ("--param alpha=abc: give a number in ", train + ("--param", "alpha=abc")),
                ("--param penalty=l3: give one of: ", train + ("--param", "penalty=l3")),
                ("fill_value=abc: give a number in ", train + ("--impute", "constant:abc")),
                ("write constant:NUMBER", train + ("--impute", "constant=0")),
                ("--scale normal: choose ", train + ("--scale", "normal")),
                ("--transform 'pcb': the server has no such transformer; choose one of: ",
                 train + ("--transform", "pcb")),
                ("holds text, first 'a' in line 2 of ",
                 train[:-1] + ("district", "--estimator", "linear_regression")),
                ("infinite.csv:32: column 'y': an infinite value among numbers; correct it",
                 ("train", "early", "--data", bad, "--target", "y")),
                ("infinite.csv:32: column 'y': an infinite value among numbers; correct it",
                 ("train", "early", "--data", bad, "--target", "x")),
                ("--param alpha=-1: give a number in [0, inf)", train + ("--param", "alpha=-1")),
                ("pca n_components=0: give a number in (0, ",
                 train + ("--transform", "pca(n_components=0)")),
                ("--range alpha=-1..2: both ends of alpha are in [0, inf)",
                 train + ("--range", "alpha=-1..2")),
                ("--transform lag looks at the rows before a row, which another split tears apart",
                 train + ("--transform", "lag(lags=1): area")),
                ("--transform rolling_window looks at the rows before",
                 train + ("--transform", "rolling_window(window=3): area", "--split", "shuffled")),
                ("--plot: cannot write /nowhere/loss.png: No such file or directory; give a file",
                 train + ("--plot", "/nowhere/loss.png")),
                ("--task classification: linear_regression is for regression",
                 train + ("--estimator", "linear_regression", "--task", "classification")),
                ("--grid alpha=x: give a number in ", train + ("--grid", "alpha=1,x")),
                ("--metric accuracy: for regression choose one of: mse, ",
                 train + ("--grid", "alpha=1,2", "--metric", "accuracy")),
                ("--split stratified keeps the shares of classes",
                 train + ("--split", "stratified")),
                ("give a file that ends in .png or .svg", train + ("--plot", "loss.pdf")),
                ("has only 31 rows", ("train", "early", "--data", short, "--target", "x",
                                      "--cross-validate", "32"))):
            done = run_cli(self.url, *arguments, check=False)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(text, done.stderr)
            self.assertTrue(done.stderr.startswith("trivet: "), done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1, "more than the message: " + done.stderr)
        for folds in ("1", "101", "200", "-2", "two"):
            done = run_cli(self.url, *train, "--cross-validate=" + folds, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("give 2 to 100, or 0 for none", done.stderr)
        self.assertEqual(self.rows_of("datasets"), before)
        self.assertEqual(self.rows_of("jobs", "--model", "early"), [])
        # What shows an upload, so that its absence above means something.
        self.assertIn("upload", run_cli(self.url, *train, "--cross-validate", "0").stderr)

    def test_a_column_like_an_identifier_is_told(self):
        path = os.path.join(self.folder, "named.csv")
        with open(path, "w") as out:
            out.write("name,town,size,price\n")
            for i in range(60):
                out.write("n%d,%s,%d,%d\n" % (i, "ab"[i % 2], i, 3 * i))
        train = ("train", "named", "--data", path, "--target", "price", "--test-size", "0")
        told = "note: 'name' looks like an identifier, all its values are different"
        done = run_cli(self.url, *train)
        self.assertIn(told, done.stderr)
        self.assertIn("leave it out with --exclude name", done.stderr)
        self.assertNotIn("'town' looks", done.stderr)
        self.assertNotIn(told, run_cli(self.url, *train, "--exclude", "name").stderr)
        self.assertNotIn(told, run_cli(self.url, *train, "--encode", "ordinal").stderr)

    def test_evaluate_judges_its_picture_first(self):
        before = self.rows_of("datasets")
        for path, text in (("/nowhere/e.svg", "cannot write /nowhere/e.svg"),
                           ("e.gif", "give a file that ends in .png or .svg")):
            done = run_cli(self.url, "evaluate", "house", "--data", self.houses, "--plot", path,
                           check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(text, done.stderr)
            self.assertNotIn("upload", done.stderr)
        self.assertEqual(self.rows_of("datasets"), before)

    def test_a_violation_is_not_said_twice(self):
        with self.assertRaises(CallError) as refused:
            self.client.call("Training/Train", training.TrainRequest(
                model="x", dataset_id="ds-1", split=training.SplitSpec(folds=200),
                pipeline=training.PipelineSpec(target="y")), training.Job)
        header = refused.exception.header
        self.assertEqual([v.field for v in header.violations], ["split.folds"])
        self.assertNotIn(header.message, [v.description for v in header.violations])
        self.assertIn("give 2 to 100", header.message)
        done = run_cli(self.url, "train", "x", "--data", self.houses, "--target", "price",
                       "--estimator", "mlp_regressor", "--param",
                       "hidden_layers=" + ",".join(["9"] * 17), check=False)
        said = done.stderr[done.stderr.index("trivet: "):].splitlines()
        self.assertEqual(len(said), 1, done.stderr)
        self.assertIn("; give 1 to 16 whole numbers in [1, ", said[0])

    def test_predict_writes_nothing_for_input_without_a_column(self):
        kept = os.path.join(self.folder, "kept.csv")
        with open(kept, "w") as out:
            out.write("kept\n")
        for output in ((), ("--output", kept)):
            done = run_cli(self.url, "predict", "house", "--data", "-", *output, check=False,
                           stdin="district\na\n")
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("'area'", done.stderr)
            self.assertNotIn("failed", done.stderr)
        with open(kept) as lines:
            self.assertEqual(lines.read(), "kept\n")

    def test_predictions_that_cannot_be_written_are_no_success(self):
        done = run_cli(self.url, "predict", "house", "--data", self.houses, "--output",
                       "/dev/full", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write the predictions", done.stderr)
        self.assertNotIn("failed", done.stderr)

    def test_no_limit_is_none(self):
        shown = in_terminal(self.url, "status")
        self.assertNotIn(" 0 B", shown)
        self.assertRegex(shown, r"model_memory_bytes_max +none")

    def test_wrong_address(self):
        for arguments in (("status",), ("events", "--events", "tcp://127.0.0.1:22222222")):
            url = "tcp://127.0.0.1:22222222" if arguments[0] == "status" else self.url
            done = run_cli(url, *arguments, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("'tcp://127.0.0.1:22222222' is wrong", done.stderr)

    def test_the_server_may_be_named_after_any_command(self):
        for arguments in (("deploy", "house", "1"), ("models",), ("status",), ("jobs",)):
            done = subprocess.run([program("trivet"), *arguments, "-s", self.url],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_no_server(self):
        done = subprocess.run([program("trivet"), "--server", "tcp://127.0.0.1:1", "status"],
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn("trivetd", done.stderr)

    def test_events(self):
        listener = subprocess.Popen(
            [program("trivet"), "--server", self.url, "events", "--events",
             self.trivetd.ready["events"], "--topic", "model.", "--count", "1"],
            stdout=subprocess.PIPE, text=True)
        try:
            deadline = time.monotonic() + 60
            while listener.poll() is None and time.monotonic() < deadline:
                run_cli(self.url, "deploy", "house", "1", "--alias", "staging")
                time.sleep(0.3)
            event = json.loads(listener.stdout.read())
        finally:
            listener.kill()
            listener.wait()
            listener.stdout.close()
        self.assertTrue(event["topic"].startswith("model.house."), event)
        self.assertEqual(event["event"]["model"]["model"], "house")

    def test_interrupted_training_is_cancelled(self):
        big = os.path.join(self.folder, "big.csv")
        with open(big, "w") as out:
            out.write(",".join("x%d" % j for j in range(30)) + ",y\n")
            for i in range(20000):
                out.write(",".join(str((i * (j + 3)) % 97) for j in range(30)) + ",%d\n" % (i % 31))
        job = subprocess.Popen([program("trivet"), "--server", self.url, "train", "interrupted",
                                "--data", big, "--target", "y", "--cross-validate", "100"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            states = [row["state"] for row in self.rows_of("jobs", "--model", "interrupted")]
            if states == ["running"] and self.trivetd.child() is not None:
                break
            time.sleep(0.02)
        os.kill(self.trivetd.child(), signal.SIGSTOP)  # it is not done before it is cancelled
        job.send_signal(signal.SIGINT)
        _, text = job.communicate(timeout=60)
        self.assertNotEqual(job.returncode, 0, text)
        states = [row["state"] for row in self.rows_of("jobs", "--model", "interrupted")]
        self.assertEqual(states, ["cancelled"], text)


if __name__ == "__main__":
    main()
