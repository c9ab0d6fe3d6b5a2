"""Prediction of a whole dataset as a job: the rows that `trivet predict` gives, into a dataset that
is there whole or not at all, after kill -9 and cancel too, beside calls that are served."""

import csv
import io
import os
import random
import signal
import tempfile
import threading
import time

from harness import *  # the way to the package too

import trivet

N_ROWS = scaled(200000, 20000)
ENDED = (training.JOB_STATE_SUCCEEDED, training.JOB_STATE_FAILED, training.JOB_STATE_CANCELLED)


def columns_of(n_rows, seed, missing=0.0):
    source = random.Random(seed)
    columns = {"id": [], "a": [], "b": [], "place": [], "y": [], "kind": []}
    for i in range(n_rows):
        a, b, place = source.gauss(0, 1), source.gauss(0, 1), source.choice("north south".split())
        columns["id"].append("row-%d" % i)
        columns["a"].append(a)
        columns["b"].append(None if source.random() < missing else b)
        columns["place"].append(place)
        columns["y"].append(a - 2 * b + (place == "north") + source.gauss(0, 0.1))
        columns["kind"].append("big" if columns["y"][-1] > 0 else "small")
    return columns


def write_csv(path, columns):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values()))
    return path


def table_rows(text):
    return list(csv.reader(io.StringIO(text)))


class Calls:
    """What the test cases share; they have a `client` and a `url`."""

    def predict_dataset(self, model, dataset_id, request_id=None, **options):
        return self.client.call("Prediction/PredictDataset", prediction.PredictDatasetRequest(
            model=prediction.ModelRef(name=model), dataset_id=dataset_id, **options),
            training.Job, request_id=request_id)

    def datasets(self):
        return {d.id: d for d in self.client.call(
            "Datasets/List", datasets.ListDatasetsRequest(limit=1000),
            datasets.ListDatasetsResponse).datasets}

    def job(self, job_id):
        return self.client.call("Training/GetJob", training.GetJobRequest(job_id=job_id),
                                training.Job)

    def wait_running(self, job_id, fraction=0.0):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            job = self.job(job_id)
            if job.state in ENDED or job.progress.phase == "predict" and \
                    job.progress.fraction > fraction:
                return job
            time.sleep(0.01)
        raise TimeoutError(job_id)

    def export(self, dataset_id):
        return run_cli(self.url, "datasets", "export", dataset_id).stdout

    def train_models(self, dataset_id):
        features = ["a", "b", "place"]
        for model, target, estimator in (("line", "y", "linear_regression"),
                                         ("kind", "kind", "logistic_regression"),
                                         ("group", "", "kmeans")):
            spec = training.PipelineSpec(target=target, columns=features, estimator=estimator,
                                         default_transformers=True)
            job = self.client.wait(self.client.call("Training/Train", training.TrainRequest(
                model=model, dataset_id=dataset_id, pipeline=spec), training.Job).id)
            self.assertEqual(job.state, training.JOB_STATE_SUCCEEDED, job.error_message)
            self.client.deploy(model, 1)


class Rows(Calls, ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client = Client(cls.url)
        cls.columns = columns_of(N_ROWS, 1)
        cls.dataset = cls.client.upload(cls.columns, rows_per_chunk=30000, name="people").id
        cls.train_models(cls(), cls.client.upload(columns_of(2000, 2)).id)
        cls.path = write_csv(os.path.join(cls.folder, "people.csv"), cls.columns)
        cls.client.close()

    def compare(self, model, columns, path, dataset_id):
        started = time.monotonic()
        job = self.client.wait(self.predict_dataset(model, dataset_id, keep_columns=["id"]).id)
        seconds = time.monotonic() - started
        n_rows = len(columns["id"])
        self.assertEqual((job.state, job.version, job.kind, job.error_message),
                         (training.JOB_STATE_SUCCEEDED, 1, training.JOB_KIND_PREDICT, ""))
        made = self.datasets()[job.output_dataset_id]
        self.assertEqual((made.rows, made.name, made.state),
                         (n_rows, "people-%s-1" % model, datasets.DATASET_STATE_COMMITTED))
        predicted = table_rows(run_cli(self.url, "predict", model, "--data", path).stdout)
        exported = table_rows(self.export(made.id))
        self.assertEqual(exported[0], ["id"] + predicted[0][1:])
        self.assertEqual([row[0] for row in exported[1:]], columns["id"])
        self.assertEqual([row[1:] for row in exported[1:]], [row[1:] for row in predicted[1:]])
        print("%s: %d rows in %.1f s, %.0f rows/s, peak %.0f MiB, equal to those of predict" % (
            model, n_rows, seconds, n_rows / seconds, job.report.peak_rss_bytes / 2**20))

    def test_rows_are_those_of_predict(self):
        self.compare("kind", self.columns, self.path, self.dataset)
        few = columns_of(5000, 10)
        path = write_csv(os.path.join(self.folder, "few.csv"), few)
        dataset_id = self.client.upload(few, rows_per_chunk=700, name="people").id
        for model in ("line", "group"):
            self.compare(model, few, path, dataset_id)

    def test_rows_without_a_prediction(self):
        self.client.train_and_wait("strict", self.client.upload(
            {k: v for k, v in columns_of(500, 3).items() if k in "aby"}).id, "y", transformers=[])
        self.client.deploy("strict", 1)
        columns = columns_of(1000, 4, missing=0.1)
        n_missing = columns["b"].count(None)
        source = self.client.upload(columns).id
        job = self.client.wait(self.predict_dataset("strict", source, keep_columns=["b"],
                                                    output_name="gaps").id)
        self.assertEqual((job.report.rows_total, job.report.rows_dropped), (1000, n_missing))
        first = columns["b"].index(None)
        self.assertIn("row %d: column 'b': missing" % first, job.report.fit.warnings[0])
        rows = table_rows(self.export(job.output_dataset_id))[1:]
        for row, b in zip(rows, columns["b"]):
            self.assertEqual((row[1] == "", "missing" in row[2]), (b is None, b is None), row)
        done = run_cli(self.url, "predict", "strict", "--dataset", source, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("%d of 1000 rows have no prediction" % n_missing, done.stderr)

    def test_features_that_look_back_over_chunks(self):
        columns = {"x": [float(i * i % 101) for i in range(600)]}
        columns["y"] = [0.0, 0.0] + [columns["x"][i - 2] for i in range(2, 600)]
        lag = training.TransformerSpec(name="lag", columns=["x"], parameters=[
            data.Parameter(name="lags", value="2")])
        whole = self.client.upload(columns).id
        spec = training.PipelineSpec(target="y", estimator="linear_regression", transformers=[lag])
        job = self.client.wait(self.client.call("Training/Train", training.TrainRequest(
            model="lags", dataset_id=whole, pipeline=spec), training.Job).id)
        self.assertEqual(job.state, training.JOB_STATE_SUCCEEDED, job.error_message)
        self.client.deploy("lags", 1)
        pieces = self.client.upload(columns, rows_per_chunk=3).id
        answers = []
        for dataset_id in (whole, pieces):
            job = self.client.wait(self.predict_dataset("lags", dataset_id).id)
            self.assertEqual(job.state, training.JOB_STATE_SUCCEEDED, job.error_message)
            answers.append(self.export(job.output_dataset_id))
        self.assertEqual(answers[0], answers[1])
        for row, y in list(zip(table_rows(answers[0])[1:], columns["y"]))[2:]:
            self.assertAlmostEqual(float(row[0]), y, places=6)

    def refuses(self, status, text, model, dataset_id, **options):
        self.fails(status, text, "Prediction/PredictDataset", prediction.PredictDatasetRequest(
            model=prediction.ModelRef(name=model), dataset_id=dataset_id, **options), training.Job)

    def test_what_is_refused_is_refused_at_once(self):
        columns = columns_of(10, 5)
        for keep, text in ((["none"], "no column 'none' to keep"), (["id", "id"], "id"),
                           (["prediction"], "no column 'prediction'")):
            self.refuses("INVALID_ARGUMENT", text, "line", self.dataset, keep_columns=keep)
        taken = self.client.upload(dict(columns, prediction=columns["a"])).id
        self.refuses("INVALID_ARGUMENT", "prediction", "line", taken, keep_columns=["prediction"])
        without = self.client.upload({k: v for k, v in columns.items() if k != "place"}).id
        self.refuses("INVALID_ARGUMENT", "no column 'place'", "line", without)
        wrong = self.client.upload(dict(columns, a=["x"] * 10)).id
        self.refuses("INVALID_ARGUMENT", "'a' is categorical, the version needs it numeric", "line",
                     wrong)
        self.refuses("NOT_FOUND", "ds-0123456789abcdef", "line", "ds-0123456789abcdef")
        self.refuses("NOT_FOUND", "nowhere", "nowhere", self.dataset)
        self.refuses("INVALID_ARGUMENT", "more than 128", "line", self.dataset,
                     output_name="x" * 129)
        open_one = self.client.call("Datasets/Create", datasets.CreateDatasetRequest(
            name="open", schema=schema_of(columns)), datasets.Dataset).id
        self.refuses("FAILED_PRECONDITION", "not committed", "line", open_one)
        self.fails("FAILED_PRECONDITION", "not committed", "Datasets/Read",
                   datasets.ReadDatasetRequest(dataset_id=open_one), datasets.ReadDatasetResponse)
        self.fails("OUT_OF_RANGE", "chunks", "Datasets/Read", datasets.ReadDatasetRequest(
            dataset_id=self.dataset, chunk=1000), datasets.ReadDatasetResponse)

    def test_repeated_it_is_made_once(self):
        small = self.client.upload(columns_of(100, 6)).id
        first = self.predict_dataset("line", small, request_id="once-1")
        done = self.client.wait(first.id)
        again = self.predict_dataset("line", small, request_id="once-1")
        self.assertEqual((again.id, again.output_dataset_id), (first.id, done.output_dataset_id))
        self.client.call("Datasets/Delete", datasets.DeleteDatasetRequest(dataset_id=small),
                         datasets.DeleteDatasetResponse)
        self.assertEqual(self.predict_dataset("line", small, request_id="once-1").id, first.id)

    def test_cancelled_it_leaves_nothing(self):
        # Many rows, however slow the build: it must not be done before its trainer is held.
        many = self.dataset if N_ROWS >= 200000 else self.client.upload(
            columns_of(200000, 1), rows_per_chunk=7000, name="many").id
        before = set(self.datasets())
        job = self.predict_dataset("kind", many)
        self.wait_running(job.id)
        os.kill(self.trivetd.child(), signal.SIGSTOP)
        output = "ds-" + job.id[len("job-"):]
        for method, request, answer in (
                ("Delete", datasets.DeleteDatasetRequest(dataset_id=output),
                 datasets.DeleteDatasetResponse),
                ("Commit", datasets.CommitDatasetRequest(dataset_id=output, chunks=1),
                 datasets.Dataset),
                ("Append", datasets.AppendDatasetRequest(
                    dataset_id=output, rows=table_of({"prediction": [1.0]})),
                 datasets.AppendDatasetResponse)):
            self.fails("FAILED_PRECONDITION", "is made by a job", "Datasets/" + method, request,
                       answer)
        self.client.call("Training/CancelJob", training.CancelJobRequest(job_id=job.id),
                         training.Job)
        ended = self.client.wait(job.id)
        self.assertEqual((ended.state, ended.output_dataset_id),
                         (training.JOB_STATE_CANCELLED, ""))
        self.assertEqual(set(self.datasets()), before)

    def test_the_clients(self):
        small = self.client.upload(columns_of(100, 7), name="small").id
        done = run_cli(self.url, "predict", "line", "--dataset", small, "--keep", "id,place",
                       "--name", "answers")
        row = list(csv.DictReader(io.StringIO(done.stdout)))[0]
        self.assertEqual((row["rows"], row["failed"], row["version"]), ("100", "0", "1"))
        self.assertEqual(self.datasets()[row["dataset"]].name, "answers")
        path = os.path.join(self.folder, "answers.csv")
        run_cli(self.url, "datasets", "export", row["dataset"], "--output", path)
        with open(path) as file:
            self.assertEqual(file.read(), self.export(row["dataset"]))
        started = list(csv.DictReader(io.StringIO(run_cli(
            self.url, "predict", "line", "--dataset", small, "--detach").stdout)))[0]
        self.assertEqual(self.client.wait(started["job"]).state, training.JOB_STATE_SUCCEEDED)
        self.assertIn("predict", run_cli(self.url, "jobs", started["job"]).stdout)
        for arguments in (("predict", "line", "--keep", "id", "--data", path),
                          ("predict", "line", "--dataset", small, "--data", path),
                          ("predict", "--dataset", small)):
            self.assertEqual(run_cli(self.url, *arguments, check=False).returncode, 2, arguments)
        with trivet.connect(self.url) as client:
            job = client.predict_dataset("line", small, keep=["id"]).wait()
            answers = client.download(job.output_dataset_id)
            self.assertEqual(list(answers), ["id", "prediction", "error"])
            self.assertEqual(list(answers["id"]), ["row-%d" % i for i in range(100)])
            self.assertEqual(list(answers["error"]), [None] * 100)
            expected = client.predict("line", {k: columns_of(100, 7)[k] for k in "a b place".split()})
            self.assertEqual([float(x) for x in expected.values], list(answers["prediction"]))

    def test_calls_beside_it(self):
        """Printed, not bounded: the machine of the test is not quiet."""
        single, stop, times = [[0.1, 0.2]], threading.Event(), []
        self.client.train_and_wait("calls", self.client.upload(
            {k: v for k, v in columns_of(500, 8).items() if k in "aby"}).id, "y")
        self.client.deploy("calls", 1)

        def load():
            client = Client(self.url)
            while not stop.is_set():
                started = time.monotonic()
                client.predict("calls", single)
                times.append(time.monotonic() - started)
            client.close()

        def measure(until):
            times.clear()
            stop.clear()
            thread = threading.Thread(target=load)
            thread.start()
            until()
            stop.set()
            thread.join()
            ordered = sorted(times)
            return 1e6 * ordered[len(ordered) // 2], 1e6 * ordered[int(len(ordered) * 0.99)]

        alone = measure(lambda: time.sleep(1))
        beside = measure(lambda: self.assertEqual(self.client.wait(self.predict_dataset(
            "kind", self.dataset).id).state, training.JOB_STATE_SUCCEEDED))
        print("calls alone: p50 %.0f us, p99 %.0f us; beside the job: p50 %.0f us, p99 %.0f us" %
              (alone + beside))


class Killed(Calls, unittest.TestCase):
    def test_kill_9_in_between(self):
        with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
            trivetd = start_trivetd(folder)
            try:
                self.url = trivetd.ready["listen"]
                self.client = Client(self.url)
                self.train_models(self.client.upload(columns_of(500, 2)).id)
                n_rows = N_ROWS // 2
                source = self.client.upload(columns_of(n_rows, 9), rows_per_chunk=5000).id
                before = set(self.datasets())
                job = self.predict_dataset("kind", source)
                fractions = []
                for after in (0.1, 0.3):
                    seen = self.wait_running(job.id, after)
                    trivetd.kill()
                    self.client.close()
                    fractions.append(seen.progress.fraction)
                    trivetd = start_trivetd(folder)
                    self.url = trivetd.ready["listen"]
                    self.client = Client(self.url)
                done = self.client.wait(job.id)
                self.assertEqual(done.state, training.JOB_STATE_SUCCEEDED, done.error_message)
                self.assertEqual(set(self.datasets()), before | {done.output_dataset_id})
                self.assertEqual(self.datasets()[done.output_dataset_id].rows, n_rows)
                again = self.client.wait(self.predict_dataset("kind", source).id)
                self.assertEqual(self.datasets()[done.output_dataset_id].content_hash,
                                 self.datasets()[again.output_dataset_id].content_hash)
                print("killed at %s of the job: %d attempts, one output, the same rows" % (
                    ", ".join("%.0f %%" % (100 * f) for f in fractions), done.attempts))
            finally:
                trivetd.kill()
                self.client.close()


if __name__ == "__main__":
    main()
