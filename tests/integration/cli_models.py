"""The command line with classes, clusters, searches, explanations and pictures: what is printed on
a terminal and piped is what was trained."""

import csv
import io
import json
import math
import os
import random

from harness import *
from terminal import in_terminal

COLOURS = ("blue", "green", "red")


def write_flowers(path, n_rows, with_colour=True):
    """Three colours told apart by size and width; a kind that tells nothing, and gaps."""
    chance = random.Random(1)
    with open(path, "w") as out:
        out.write("size,width,kind" + (",colour" if with_colour else "") + "\n")
        for i in range(n_rows):
            k = i % 3
            size = "" if i % 25 == 7 else "%.4f" % chance.gauss(2 * k, 0.5)
            out.write("%s,%.4f,%s" % (size, chance.gauss(-k, 0.5), "xy"[chance.randrange(2)]))
            out.write((",%s" % COLOURS[k] if with_colour else "") + "\n")


class Models(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.flowers = os.path.join(cls.folder, "flowers.csv")
        cls.new = os.path.join(cls.folder, "new.csv")
        write_flowers(cls.flowers, 240)
        write_flowers(cls.new, 12, with_colour=False)
        cls.train("flower", "--estimator", "svc", "--param", "probability=true")
        run_cli(cls.url, "deploy", "flower", "1")

    @classmethod
    def train(cls, name, *arguments, target="colour", check=True):
        wanted = ("--target", target) if target else ()
        return run_cli(cls.url, "train", name, "--data", cls.flowers, *wanted, *arguments,
                       check=check)

    def json_of(self, *arguments):
        return json.loads(run_cli(self.url, "--json", *arguments).stdout)

    def rows_of(self, *arguments):
        return list(csv.DictReader(io.StringIO(run_cli(self.url, *arguments).stdout)))

    # --- training ---

    def test_the_plan_is_what_is_trained(self):
        done = self.train("planned", "--estimator", "svc", "--impute", "median", "--impute",
                          "size=constant:1", "--scale", "width=min_max", "--encode", "ordinal",
                          "--transform", "pca(n_components=2): size, width", "--seed", "5",
                          "--threads", "2", "--split", "shuffled", "--test-size", "0.25")
        for line in ("size: impute constant:1, scale standard", "width: impute median, scale min_max",
                     "categorical: impute most_frequent, encode ordinal",
                     "transform: pca(n_components=2): size, width", "estimator: svc"):
            self.assertIn("\n%s\n" % line, done.stderr)
        report = self.json_of("models", "planned:1")["versions"][0]["report"]
        self.assertEqual(report["steps"], [
            "imputer(constant, fill_value=1): size", "imputer(median): width", "imputer(most_frequent): kind",
            "standard_scaler: size", "min_max_scaler: width", "ordinal_encoder: kind",
            "pca(n_components=2): size, width", "svc"])
        self.assertEqual((report["seed"], report["threads"], report["rows_test"]), (5, 2, 60))

    def test_groups_and_duplicates(self):
        doubled = os.path.join(self.folder, "doubled.csv")
        with open(self.flowers) as lines, open(doubled, "w") as out:
            rows = lines.read().splitlines()
            out.write("\n".join([rows[0] + ",plot"] + [
                "%s,p%d" % (row, i % 40) for i, row in enumerate(rows[1:] + rows[1:11])]) + "\n")
        done = run_cli(self.url, "train", "grouped", "--data", doubled, "--target", "colour",
                       "--estimator", "svc", "--split", "grouped:plot", "--drop-duplicates")
        self.assertRegex(done.stderr, r"\nplot +categorical +0  group\n")
        report = self.json_of("models", "grouped:1")["versions"][0]["report"]
        dropped = {part["reason"]: part["rows"] for part in report["dropped"]}
        self.assertEqual(dropped, {"duplicate": 10})
        self.assertNotIn("plot", " ".join(report["steps"]))

    def test_numbers_as_classes(self):
        numbered = os.path.join(self.folder, "numbered.csv")
        with open(self.flowers) as lines, open(numbered, "w") as out:
            text = lines.read()
            for k, colour in enumerate(COLOURS):
                text = text.replace(colour, str(k))
            out.write(text)
        run_cli(self.url, "train", "numbered", "--data", numbered, "--target", "colour",
                "--estimator", "svc")
        run_cli(self.url, "deploy", "numbered", "1")
        said = {row["prediction"] for row in self.rows_of("predict", "numbered", "--data", self.new)}
        self.assertEqual(said, {"0", "1", "2"})

    def test_clusters_are_evaluated_without_a_target(self):
        run_cli(self.url, "train", "groups", "--data", self.flowers, "--estimator", "kmeans",
                "--exclude", "kind")
        done = run_cli(self.url, "evaluate", "groups:1", "--data", self.flowers, "--target", "kind",
                       check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("--target kind: groups groups rows without a target; leave --target out",
                      done.stderr)
        self.assertIn("inertia", run_cli(self.url, "evaluate", "groups:1", "--data",
                                         self.flowers).stdout)

    def test_search(self):
        train = ("searched", "--estimator", "svc", "--grid", "C=0.001,1,100", "--metric", "accuracy")
        done = self.train(*train)
        self.assertIn("search: all 3 combinations by accuracy, 5 folds", done.stderr)
        search = self.json_of("models", "searched:1")["versions"][0]["report"]["search"]
        self.assertEqual((search["method"], search["metric"], len(search["trials"])),
                         ("GRID", "accuracy", 3))
        self.assertEqual({trial["parameters"][0]["value"] for trial in search["trials"]},
                         {"0.001", "1", "100"})
        shown = in_terminal(self.url, "models", "searched:1")
        self.assertIn("Search: 3 tried, 5 folds, best first", shown)
        self.assertRegex(shown, r"\n1  C=%s " % search["trials"][0]["parameters"][0]["value"])
        done = self.train("drawn", "--estimator", "svc", "--range", "C=0.01..100:log", "--tries", "4",
                          "--cross-validate", "3")
        report = self.json_of("models", "drawn:1")["versions"][0]["report"]
        self.assertEqual((report["search"]["method"], report["search"]["folds"]), ("RANDOM", 3))
        self.assertEqual(len(report["search"]["trials"]), 4)
        self.assertEqual(len(report["cross_validation"]["folds"]), 3)

    def test_a_report_on_a_terminal(self):
        self.train("curved", "--estimator", "mlp_classifier", "--param", "epochs=30",
                   "--learning-curve", "--importance", "--cross-validate", "3")
        shown = in_terminal(self.url, "models", "curved:1")
        for part in ("\nClasses, test rows\n", "\nConfusion, test rows\n", "\nLearning curve, f1_macro\n",
                     "\nImportance: how much worse f1_macro gets when a column is shuffled\n",
                     "MEAN OF 3 FOLDS", "seed 0", "Memory "):
            self.assertIn(part, shown)
        self.assertLess(max(len(line) for line in shown.splitlines()), 81)

    # --- predictions ---

    def test_predictions_of_classes(self):
        rows = self.rows_of("predict", "flower", "--data", self.new)
        self.assertEqual(list(rows[0]), ["row", "prediction"] +
                         ["probability:" + colour for colour in COLOURS] + ["error"])
        self.assertEqual([row["row"] for row in rows], [str(i) for i in range(12)])
        right = 0
        for i, row in enumerate(rows):
            shares = [float(row["probability:" + colour]) for colour in COLOURS]
            self.assertAlmostEqual(sum(shares), 1, 9)
            self.assertEqual(row["prediction"], COLOURS[shares.index(max(shares))])
            right += row["prediction"] == COLOURS[i % 3]
        self.assertGreaterEqual(right, 10)
        lines = run_cli(self.url, "--json", "predict", "flower", "--data", self.new).stdout
        first = json.loads(lines.splitlines()[0])
        self.assertEqual(first["prediction"], rows[0]["prediction"])
        self.assertEqual(first["probabilities"],
                         {colour: float(rows[0]["probability:" + colour]) for colour in COLOURS})

    def test_a_row_that_fails_keeps_its_columns(self):
        bad = os.path.join(self.folder, "bad.csv")
        with open(bad, "w") as out:
            out.write("size,width,kind\n1,1,z\n1,1,x\n")
        done = run_cli(self.url, "predict", "flower", "--data", bad, check=False)
        rows = list(csv.reader(io.StringIO(done.stdout)))
        self.assertEqual(done.returncode, 1)
        self.assertEqual([len(row) for row in rows], [6, 6, 6])
        self.assertEqual(rows[1][:5], ["0", "", "", "", ""])
        self.assertIn("kind", rows[1][5])
        self.assertNotEqual(rows[2][1], "")

    def test_scores_and_clusters(self):
        self.train("scored", "--estimator", "svc", "--task", "classification", "--exclude", "kind")
        run_cli(self.url, "deploy", "scored", "1")
        header = list(self.rows_of("predict", "scored", "--data", self.new)[0])
        self.assertEqual(header[:2] + header[-1:], ["row", "prediction", "error"])
        self.assertTrue(header[2].startswith("score:"), header)
        self.train("grouping", "--task", "clustering", "--param", "n_clusters=3", "--exclude",
                   "colour,kind", target=None)
        run_cli(self.url, "deploy", "grouping", "1")
        rows = self.rows_of("predict", "grouping", "--data", self.new)
        self.assertEqual(list(rows[0]), ["row", "cluster", "distance", "error"])
        self.assertEqual({row["cluster"] for row in rows}, {"0", "1", "2"})
        metrics = {row["metric"] for row in self.rows_of("evaluate", "grouping", "--data", self.flowers)}
        self.assertIn("silhouette", metrics)

    # --- evaluation ---

    def test_slices_and_importances(self):
        rows = self.rows_of("evaluate", "flower", "--data", self.flowers, "--slice", "kind", "--slice",
                            "size")
        counts = {(row["slice_column"], row["slice_value"]) for row in rows}
        self.assertTrue({("", ""), ("kind", "x"), ("kind", "y")} <= counts, counts)
        self.assertTrue(any(column == "size" and value.startswith("[") for column, value in counts))
        shown = in_terminal(self.url, "evaluate", "flower", "--data", self.flowers, "--slice", "kind",
                            "--importance")
        for part in ("Confusion, rows scored", "Slices", "kind", "Importance: how much worse f1_macro"):
            self.assertIn(part, shown)
        refused = run_cli(self.url, "evaluate", "flower", "--data", self.flowers, "--slice", "petals",
                          check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("--slice 'petals'", refused.stderr)

    def test_pictures(self):
        folder = os.path.join(self.folder, "pictures")
        os.mkdir(folder)
        done = run_cli(self.url, "evaluate", "flower", "--data", self.flowers, "--plot", folder)
        path = os.path.join(folder, "flower-1-evaluation.png")
        self.assertIn("drawn: " + path, done.stderr)
        with open(path, "rb") as picture:
            self.assertEqual(picture.read(4), b"\x89PNG")
        path = os.path.join(folder, "loss.svg")
        self.train("losing", "--estimator", "mlp_classifier", "--param", "epochs=5", "--plot", path)
        with open(path) as picture:
            self.assertIn("losing version 1, mlp_classifier", picture.read())
        self.assertEqual(sorted(os.listdir(folder)), ["flower-1-evaluation.png", "loss.svg"])

    # --- explanations ---

    def test_explanations_sum_to_the_output(self):
        rows = self.rows_of("explain", "flower", "--data", self.new, "--rows", "4", "--samples", "8")
        sums = {}
        for row in rows:
            key = (row["row"], row["output"])
            sums.setdefault(key, [float(row["base"]), float(row["value"])])[0] += float(
                row["contribution"])
        self.assertEqual(len(sums), 4 * 3)
        for total, value in sums.values():
            self.assertTrue(math.isclose(total, value, abs_tol=1e-9), sums)
        lines = run_cli(self.url, "--json", "explain", "flower", "--data", self.new, "--rows", "4",
                        "--samples", "8").stdout.splitlines()
        first = json.loads(lines[0])
        self.assertEqual([output["output"] for output in first["outputs"]], list(COLOURS))
        self.assertEqual(float(rows[0]["contribution"]),
                         first["outputs"][0]["contributions"][rows[0]["feature"]])
        shown = in_terminal(self.url, "explain", "flower", "--data", self.new, "--show", "2")
        self.assertIn("Row 1: probability of ", shown)
        self.assertNotIn("Row 2:", shown)
        self.assertIn("All 12 rows: mean size of the contributions to probability", shown)

    def test_estimators(self):
        rows = {row["name"]: row for row in self.rows_of("estimators")}
        self.assertEqual((rows["svc"]["kind"], rows["svc"]["task"]), ("estimator", "classification"))
        self.assertEqual((rows["imputer"]["takes"], rows["pca"]["takes"]), ("all", "numeric"))
        shown = in_terminal(self.url, "estimators", "svc")
        self.assertRegex(shown, r"\nC +1 +[^(]*\(number in \(0, inf\)\)\n")
        names = {metric["name"] for metric in self.json_of("estimators")["metrics"]}
        self.assertTrue({"r2", "f1_macro", "silhouette"} <= names, names)


if __name__ == "__main__":
    main()
