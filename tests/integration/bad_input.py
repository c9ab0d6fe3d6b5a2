"""Bad input gets a clear status and message, loses nothing, and the server keeps serving."""

import math
import os
import socket
import struct
import time
import unittest

from harness import *


class BadInput(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        client = Client(cls.url)
        cls.columns = {"area": [50.0, 60.0, 70.0, 80.0, 90.0, 55.0],
                       "city": ["a", "b", "a", "b", "a", "b"],
                       "price": [101.0, 135.0, 141.0, 175.0, 181.0, 125.0]}
        cls.dataset = client.upload(cls.columns)
        job = client.train_and_wait("house", cls.dataset.id, "price")
        client.deploy("house", job.version)
        numeric = {"a": [1.0, 2.0, 3.0, 5.0], "b": [2.0, 1.0, 4.0, 3.0], "y": [3.0, 4.0, 9.0, 11.0]}
        job = client.train_and_wait("plane", client.upload(numeric).id, "y")
        client.deploy("plane", job.version)
        client.close()

    def tearDown(self):
        # Whatever the test did, the server serves.
        client = Client(self.url)
        reply = client.predict("plane", [[1.0, 2.0]])
        client.close()
        self.assertEqual(len(reply.outputs[0].f64), 1)

    # --- frames

    def refused_frame(self, body, status, text):
        header, rest = self.client.raw(body)
        self.assertEqual(frame.Status.Name(header.status), "STATUS_" + status, header.message)
        self.assertIn(text, header.message)
        self.assertEqual(rest, b"")
        self.assertTrue(header.HasField("timings"))

    def test_truncated_frame(self):
        whole = pack_frame("Server/Live", server.LiveRequest())
        for length in range(len(whole)):
            header, _ = self.client.raw(whole[:length])
            self.assertEqual(header.status, frame.STATUS_INVALID_ARGUMENT, length)
            self.assertNotEqual(header.message, "")

    def test_frame_of_another_version(self):
        self.refused_frame(b"\2\0\0\0", "INVALID_ARGUMENT", "version")

    def test_frame_with_flags(self):
        self.refused_frame(b"\1\1\0\0", "INVALID_ARGUMENT", "flags")

    def test_header_longer_than_frame(self):
        self.refused_frame(b"\1\0\xff\xff", "INVALID_ARGUMENT", "header")

    def test_garbage(self):
        for length in (0, 1, 3, 4, 5, 100, 10000):
            header, _ = self.client.raw(os.urandom(length))
            self.assertNotEqual(header.status, frame.STATUS_OK)

    def test_garbage_body(self):
        body = pack_frame("Prediction/Predict", server.LiveRequest()) + b"\x0a\xff\xff\xff\xff\x0f"
        self.refused_frame(body, "INVALID_ARGUMENT", "Prediction/Predict")

    def test_oversized_frame(self):
        self.refused_frame(bytes(17 << 20), "INVALID_ARGUMENT", "bytes")

    def test_frame_beyond_the_transport(self):
        """Over the message limit the connection is closed; the others go on."""
        other = Client(self.url)
        self.addCleanup(other.close)
        with self.assertRaises((Closed, OSError)):
            other.raw(bytes(33 << 20))

    def test_claimed_size(self):
        """A peer's word for a length reserves nothing."""
        before = self.trivetd.rss_bytes()
        for _ in range(20):
            sock = Socket(self.url)
            sock.sock.sendall(struct.pack(">Q", 1 << 40))
            self.addCleanup(sock.close)
        self.client.call("Server/Live", server.LiveRequest(), server.LiveResponse)
        self.assertLess(self.trivetd.rss_bytes() - before, 64 << 20)

    def test_connect_and_close(self):
        host, _, port = self.url.rpartition("://")[2].rpartition(":")
        for _ in range(50):
            socket.create_connection((host, int(port))).close()

    @unittest.skipIf(TRANSPORT == "nng", "nng 1.5.2 never frees such a connection")
    def test_pipelined_client_killed(self):
        """Requests on their way whose client is gone cost nothing; stopping is checked at the
        end of the class."""
        body = pack_frame("Prediction/Predict", self.predict([[1.0, 2.0]]))
        self.client.predict("plane", [[1.0, 2.0]])
        before = self.trivetd.fds()
        for _ in range(scaled(300, 30)):
            client = Client(self.url)
            for _ in range(20):
                client.send(body)
            client.close()
        deadline = time.monotonic() + 60
        while self.trivetd.fds() > before and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertLessEqual(self.trivetd.fds(), before)

    # --- methods

    def test_unknown_method(self):
        self.fails("UNIMPLEMENTED", "Predict", "Prediction/Nope", server.LiveRequest(),
                   server.LiveResponse)
        self.fails("UNIMPLEMENTED", "services", "Nope/Nope", server.LiveRequest(),
                   server.LiveResponse)

    def test_method_of_a_later_release(self):
        self.fails("UNIMPLEMENTED", "not served", "Models/Export", models.ExportRequest(),
                   models.ExportResponse)
        self.fails("UNIMPLEMENTED", "not served", "Models/Import", models.ImportRequest(),
                   models.Version, request_id="import-1")

    def test_explain_nothing(self):
        self.fails("INVALID_ARGUMENT", "name the model", "Prediction/Explain",
                   prediction.ExplainRequest(), prediction.ExplainResponse)

    def test_change_without_request_id(self):
        self.fails("INVALID_ARGUMENT", "request id", "Datasets/Create",
                   datasets.CreateDatasetRequest(schema=schema_of({"x": [1.0]})), datasets.Dataset,
                   request_id="")

    def test_long_request_id(self):
        self.fails("INVALID_ARGUMENT", "64", "Server/Live", server.LiveRequest(),
                   server.LiveResponse, request_id="x" * 65)

    # --- predictions

    def predict(self, rows, model="plane", **options):
        return prediction.PredictRequest(model=prediction.ModelRef(name=model),
                                         matrix=matrix_of(rows), **options)

    def refuse_predict(self, status, text, request):
        return self.fails(status, text, "Prediction/Predict", request, prediction.PredictResponse)

    def test_no_model(self):
        self.refuse_predict("INVALID_ARGUMENT", "name the model",
                            prediction.PredictRequest(matrix=matrix_of([[1.0]])))

    def test_unknown_model(self):
        self.refuse_predict("NOT_FOUND", "nowhere", self.predict([[1.0, 2.0]], "nowhere"))

    def test_unknown_version_and_alias(self):
        request = self.predict([[1.0, 2.0]])
        request.model.version = 99
        self.refuse_predict("NOT_FOUND", "99", request)
        request = self.predict([[1.0, 2.0]])
        request.model.alias = "staging"
        self.refuse_predict("NOT_FOUND", "staging", request)

    def test_zero_rows(self):
        self.refuse_predict("INVALID_ARGUMENT", "zero rows", self.predict([]))
        self.refuse_predict("INVALID_ARGUMENT", "zero rows", prediction.PredictRequest(
            model=prediction.ModelRef(name="plane")))

    def test_wrong_width(self):
        self.refuse_predict("INVALID_ARGUMENT", "2", self.predict([[1.0, 2.0, 3.0]]))
        self.refuse_predict("INVALID_ARGUMENT", "2", self.predict([[1.0]]))

    def test_values_do_not_fill_the_shape(self):
        request = self.predict([[1.0, 2.0]])
        request.matrix.rows = 1000000
        self.refuse_predict("INVALID_ARGUMENT", "", request)
        request.matrix.rows = 0xFFFFFFFF
        request.matrix.cols = 0xFFFFFFFF
        self.refuse_predict("INVALID_ARGUMENT", "", request)

    def test_nan_and_infinity_fail_their_row_only(self):
        reply = self.client.predict("plane", [[1.0, 2.0], [math.nan, 2.0], [1.0, math.inf],
                                              [1.0, 2.0]])
        self.assertEqual([error.row for error in reply.row_errors], [1, 2])
        self.assertIn("NaN", reply.row_errors[0].message)
        self.assertIn("'a'", reply.row_errors[0].message)
        self.assertIn("'b'", reply.row_errors[1].message)
        values = reply.outputs[0].f64
        self.assertTrue(math.isnan(values[1]) and math.isnan(values[2]))
        self.assertEqual(values[0], values[3])

    def test_nan_as_missing_is_imputed(self):
        reply = self.client.call("Prediction/Predict", prediction.PredictRequest(
            model=prediction.ModelRef(name="plane"),
            matrix=matrix_of([[math.nan, 2.0], [2.75, 2.0]], nan_is_missing=True)),
            prediction.PredictResponse)
        self.assertEqual(len(reply.row_errors), 0)
        self.assertAlmostEqual(reply.outputs[0].f64[0], reply.outputs[0].f64[1], 12)

    def test_missing_column(self):
        error = self.refuse_predict("INVALID_ARGUMENT", "city", prediction.PredictRequest(
            model=prediction.ModelRef(name="house"), table=table_of({"area": [50.0]})))
        self.assertEqual([v.field for v in error.header.violations], ["city"])

    def test_text_in_a_numeric_column(self):
        self.refuse_predict("INVALID_ARGUMENT", "area", prediction.PredictRequest(
            model=prediction.ModelRef(name="house"),
            table=table_of({"area": ["large"], "city": ["a"]})))

    def test_unseen_category_fails_its_row_only(self):
        reply = self.client.call("Prediction/Predict", prediction.PredictRequest(
            model=prediction.ModelRef(name="house"),
            table=table_of({"city": ["a", "zz", "b"], "area": [50.0, 50.0, 50.0],
                            "unused": [math.nan, 1.0, 1.0]})), prediction.PredictResponse)
        self.assertEqual([error.row for error in reply.row_errors], [1])
        self.assertIn("city", reply.row_errors[0].message)
        self.assertFalse(math.isnan(reply.outputs[0].f64[0]))

    def test_expired_deadline(self):
        """A deadline of 1 µs has passed before compute."""
        self.fails("DEADLINE_EXCEEDED", "", "Prediction/Predict", self.predict([[1.0, 2.0]]),
                   prediction.PredictResponse, timeout_us=1)

    def test_float32_in_float32_out(self):
        reply = self.client.call("Prediction/Predict", prediction.PredictRequest(
            model=prediction.ModelRef(name="plane"), matrix=data.Matrix(rows=1, cols=2,
                                                                        f32=[1.0, 2.0])),
            prediction.PredictResponse)
        self.assertEqual((len(reply.outputs[0].f32), len(reply.outputs[0].f64)), (1, 0))

    # --- datasets and training

    def test_text_where_numbers_are_due(self):
        made = self.client.call("Datasets/Create", datasets.CreateDatasetRequest(
            schema=schema_of({"x": [1.0]})), datasets.Dataset)
        self.fails("INVALID_ARGUMENT", "x", "Datasets/Append", datasets.AppendDatasetRequest(
            dataset_id=made.id, rows=table_of({"x": ["one"]})), datasets.AppendDatasetResponse)

    def test_upload_to_a_committed_dataset(self):
        self.fails("FAILED_PRECONDITION", "committed", "Datasets/Append",
                   datasets.AppendDatasetRequest(dataset_id=self.dataset.id, chunk=1,
                                                 rows=table_of(self.columns)),
                   datasets.AppendDatasetResponse)
        after = self.client.call("Datasets/Describe", datasets.DescribeDatasetRequest(
            dataset_id=self.dataset.id), datasets.Dataset)
        self.assertEqual((after.rows, after.content_hash),
                         (self.dataset.rows, self.dataset.content_hash))

    def test_chunk_again(self):
        made = self.client.call("Datasets/Create", datasets.CreateDatasetRequest(
            schema=schema_of({"x": [1.0]})), datasets.Dataset)
        chunk = datasets.AppendDatasetRequest(dataset_id=made.id, rows=table_of({"x": [1.0, 2.0]}))
        for _ in range(2):
            reply = self.client.call("Datasets/Append", chunk, datasets.AppendDatasetResponse)
            self.assertEqual((reply.rows, reply.chunks), (2, 1))
        chunk.rows.columns[0].numeric.values[0] = 5.0
        self.fails("ALREADY_EXISTS", "", "Datasets/Append", chunk, datasets.AppendDatasetResponse)

    def test_commit_with_a_gap(self):
        made = self.client.call("Datasets/Create", datasets.CreateDatasetRequest(
            schema=schema_of({"x": [1.0]})), datasets.Dataset)
        self.client.call("Datasets/Append", datasets.AppendDatasetRequest(
            dataset_id=made.id, chunk=1, rows=table_of({"x": [1.0]})),
            datasets.AppendDatasetResponse)
        self.fails("FAILED_PRECONDITION", "0", "Datasets/Commit", datasets.CommitDatasetRequest(
            dataset_id=made.id, chunks=2), datasets.Dataset)

    def test_too_many_open_datasets(self):
        request = datasets.CreateDatasetRequest(schema=schema_of({"x": [1.0]}))
        made = []
        with self.assertRaises(CallError) as caught:
            while len(made) < 300:
                made.append(self.client.call("Datasets/Create", request, datasets.Dataset).id)
        self.assertEqual(caught.exception.status, "RESOURCE_EXHAUSTED", caught.exception.message)
        self.assertIn("commit or delete an open one", caught.exception.message)
        for dataset_id in made:  # the other tests make some of their own
            self.client.call("Datasets/Delete", datasets.DeleteDatasetRequest(
                dataset_id=dataset_id), datasets.DeleteDatasetResponse)
        again = self.client.call("Datasets/Create", request, datasets.Dataset)
        self.client.call("Datasets/Delete", datasets.DeleteDatasetRequest(
            dataset_id=again.id), datasets.DeleteDatasetResponse)

    def test_too_many_aliases(self):
        def promote(i):
            self.client.call("Models/Promote", models.PromoteRequest(
                model="plane", version=1, alias=f"many-{i}"), models.Model)

        with self.assertRaises(CallError) as caught:
            for i in range(300):
                promote(i)
        self.assertEqual(caught.exception.status, "RESOURCE_EXHAUSTED", caught.exception.message)
        self.assertIn("256 aliases", caught.exception.message)
        promote(0)  # those that are there can still be set
        model = self.client.call("Models/Describe", models.DescribeModelRequest(model="plane"),
                                 models.Model)
        self.assertEqual(len(model.aliases), 256)

    def refuse_training(self, status, text, **changes):
        arguments = dict(model="bad", dataset_id=self.dataset.id, target="price")
        arguments.update(changes)
        with self.assertRaises(CallError) as caught:
            self.client.train(**arguments)
        self.assertEqual(caught.exception.status, status, caught.exception.message)
        self.assertIn(text, caught.exception.message)

    def test_training_that_cannot_be(self):
        self.refuse_training("INVALID_ARGUMENT", "cost", target="cost")
        self.refuse_training("NOT_FOUND", "ds-0", dataset_id="ds-0000000000000000")
        self.refuse_training("INVALID_ARGUMENT", "linear_regression", estimator="magic")
        self.refuse_training("INVALID_ARGUMENT", "alpha", params={"beta": 1})
        self.refuse_training("INVALID_ARGUMENT", "alpha", params={"alpha": -1})
        self.refuse_training("INVALID_ARGUMENT", "numeric", target="city")
        self.refuse_training("INVALID_ARGUMENT", "", model="no spaces")
        self.refuse_training("INVALID_ARGUMENT", "city", transformers=[
            training.TransformerSpec(name="standard_scaler")])

    def test_training_on_an_open_dataset(self):
        made = self.client.call("Datasets/Create", datasets.CreateDatasetRequest(
            schema=schema_of(self.columns)), datasets.Dataset)
        self.refuse_training("FAILED_PRECONDITION", "commit", dataset_id=made.id)

    def test_cancel_again(self):
        job = self.client.train("cancelled", self.dataset.id, "price", folds=5)
        request = training.CancelJobRequest(job_id=job.id)
        first = self.cancel(request)
        done = self.client.wait(job.id)
        second = self.cancel(request)
        if done.state == training.JOB_STATE_CANCELLED:
            self.assertIsNotNone(first)
            self.assertEqual(second.state, training.JOB_STATE_CANCELLED)
        else:  # it was faster
            self.assertIsNone(second)

    def cancel(self, request):
        """The job, or None when it had ended otherwise."""
        try:
            return self.client.call("Training/CancelJob", request, training.Job)
        except CallError as error:
            self.assertEqual(error.status, "FAILED_PRECONDITION", error.message)
            return None

    def test_request_id_again(self):
        first = self.client.train("again", self.dataset.id, "price", request_id="train-once")
        second = self.client.train("again", self.dataset.id, "price", request_id="train-once")
        self.assertEqual(first.id, second.id)
        with self.assertRaises(CallError) as caught:
            self.client.train("other", self.dataset.id, "price", request_id="train-once")
        self.assertEqual(caught.exception.status, "ALREADY_EXISTS")
        self.client.wait(first.id)
        third = self.client.train("again", self.dataset.id, "price", request_id="train-once")
        self.assertEqual((third.id, third.state), (first.id, training.JOB_STATE_SUCCEEDED))

    def test_request_id_again_for_a_dataset(self):
        request = datasets.CreateDatasetRequest(name="once", schema=schema_of({"x": [1.0]}))
        header, first = self.client.call_full("Datasets/Create", request, datasets.Dataset,
                                              request_id="create-once")
        self.assertFalse(header.replayed)
        header, second = self.client.call_full("Datasets/Create", request, datasets.Dataset,
                                               request_id="create-once")
        self.assertTrue(header.replayed)
        self.assertEqual(first, second)

    def test_gate(self):
        self.client.train_and_wait("held", self.dataset.id, "price", test_size=0.3)
        for gate, status in (("r2>=0.1", None), ("r2>=1.5", "FAILED_PRECONDITION"),
                             ("f9>=1", "INVALID_ARGUMENT"), ("r2", "INVALID_ARGUMENT")):
            request = models.PromoteRequest(model="held", version=1, alias="gated",
                                            require=[gate])
            if status is None:
                self.client.call("Models/Promote", request, models.Model)
            else:
                self.fails(status, gate.split(">")[0], "Models/Promote", request, models.Model)

    def test_delete_what_an_alias_points_at(self):
        self.fails("FAILED_PRECONDITION", "alias", "Models/Delete", models.DeleteModelRequest(
            model="house", version=1), models.DeleteModelResponse)

    def test_second_server_on_the_data_directory(self):
        with self.assertRaises(RuntimeError) as caught:
            start_trivetd(self.folder)
        self.assertIn(str(self.trivetd.pid), str(caught.exception))


if __name__ == "__main__":
    main()
