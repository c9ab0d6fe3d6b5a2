"""The client: upload, train, evaluate, predict, deploy."""

import contextlib
import os
import re

import numpy as np

from . import _data, _wire, prediction
from ._channel import Channel
from .errors import InvalidArgument, TrivetError
from .job import Job, metrics_of
from .v1 import (data_pb2, datasets_pb2, evaluation_pb2, feedback_pb2, models_pb2, prediction_pb2, report_pb2,
                 server_pb2, training_pb2)

DEFAULT_URL = "tcp://127.0.0.1:7600"
# A chunk of a dataset is at most 8 MiB packed and 1,000,000 rows; a frame at most 16 MiB.
CHUNK_BYTES = 4 << 20
CHUNK_BYTES_MAX = 8 << 20
CHUNK_ROWS_MAX = 1000000
UPLOAD_WINDOW = 4
CALL_BYTES = 1 << 20
PREDICT_WINDOW = 4
DOWNLOAD_WINDOW = 2
WINDOW_MAX = 1024
OUTCOMES_PER_CALL = 10000
OUTCOMES_MAX = 100000
_MODEL = re.compile(r"(?P<name>[^:@]+)(:(?P<version>[0-9]+)|@(?P<alias>.+))?")


def connect(url=None, token=None, timeout=60.0):
    """A client of the server at `url`: tcp://HOST:PORT or ipc:///PATH; by default the environment's
    TRIVET_SERVER, else tcp://127.0.0.1:7600. `timeout`: seconds that a call may take. Raises
    Unavailable when no server answers there."""
    client = Client(url, token, timeout)
    try:
        client.call("Server/Live", server_pb2.LiveRequest(), server_pb2.LiveResponse)
    except BaseException:
        client.close()
        raise
    return client


def model_ref(model, version=0):
    """"NAME", "NAME:VERSION" or "NAME@ALIAS", or a finished training Job."""
    if isinstance(model, Job):
        return prediction_pb2.ModelRef(name=model.model, version=model.version)
    found = _MODEL.fullmatch(str(model))
    if not found:
        raise InvalidArgument("%r: give NAME, NAME:VERSION or NAME@ALIAS" % (model,))
    return prediction_pb2.ModelRef(name=found["name"], alias=found["alias"] or "",
                                   version=version or int(found["version"] or 0))


def _text(value):
    """A parameter's value as on the command line."""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    if isinstance(value, (list, tuple, np.ndarray)):
        return ",".join(_text(item) for item in value)
    return str(value)


def _parameters(values):
    """Those that are None are left to the server's default."""
    return [data_pb2.Parameter(name=name, value=_text(value))
            for name, value in (values or {}).items() if value is not None]


def _transformer(spec):
    if isinstance(spec, training_pb2.TransformerSpec):
        return spec
    name, parameters, columns = ((spec,) if isinstance(spec, str) else tuple(spec)) + (None,) * (
        2 if isinstance(spec, str) else 3 - len(spec))
    return training_pb2.TransformerSpec(name=name, parameters=_parameters(parameters),
                                        columns=columns or ())


def _search(spec):
    """A SearchSpec out of {"method": "grid", "ranges": {name: [values] or (low, high)}, …}."""
    if spec is None or isinstance(spec, training_pb2.SearchSpec):
        return spec
    options = dict(spec)
    method = "SEARCH_METHOD_" + options.pop("method", "grid").upper()
    if method not in report_pb2.SearchMethod.keys():
        raise InvalidArgument("search method %r: choose grid, random or auto" % spec["method"])
    out = training_pb2.SearchSpec(method=method)
    for name, values in options.pop("ranges", {}).items():
        if isinstance(values, dict):
            out.ranges.add(parameter=name, **values)
        elif isinstance(values, tuple):
            out.ranges.add(parameter=name, low=values[0], high=values[1])
        else:
            out.ranges.add(parameter=name, values=[_text(value) for value in values])
    for name, value in options.items():
        if name not in ("tries", "metric", "folds", "budget_seconds", "keep_hopeless"):
            raise InvalidArgument("search has no option %r" % name)
        setattr(out, name, value)
    return out


class Evaluation:
    """How good a version is on some data: `metrics` {name: value}, `report` the contract's
    EvaluationReport with all the rest."""

    def __init__(self, response):
        self.model = response.model
        self.version = response.version
        self.report = response.evaluation
        self.metrics = metrics_of(response.evaluation)

    def __repr__(self):
        return "<Evaluation of %s:%d: %s>" % (self.model, self.version, ", ".join(
            "%s %.6g" % item for item in self.metrics.items()))

    @property
    def confusion(self):
        """(labels, counts): counts[i, j] rows of class i that were predicted as j."""
        matrix = self.report.confusion
        n = len(matrix.labels)
        return list(matrix.labels), np.array(matrix.counts, np.uint64).reshape(n, n)


class Explanation:
    """Contributions of the features to the outputs of some rows.

    features       names, after the transformers
    outputs        names of what is explained; `explained` says what they are
    contributions  (rows, outputs, features); with base_values they sum to `values`
    base_values    (outputs,)
    values         (rows, outputs)
    errors         standard errors like contributions when they are sampled, else None
    row_errors     {row: TrivetError}; their contributions are NaN
    """

    def __init__(self, response):
        self.model = response.model
        self.version = response.version
        self.features = list(response.features)
        self.outputs = list(response.outputs)
        self.explained = response.explained
        shape = (response.rows, len(self.outputs), len(self.features))
        self.contributions = np.array(response.contributions).reshape(shape)
        self.base_values = np.array(response.base_values)
        self.values = np.array(response.values).reshape(shape[:2])
        self.errors = np.array(response.errors).reshape(shape) if response.errors else None
        self.row_errors = {e.row: prediction.error_of(e.status, e.message)
                           for e in response.row_errors}


class Client:
    """Any number of threads may use one client. It connects when it first has to, and again after
    a break; a call that a break cut off is repeated once, and a change is made only once."""

    def __init__(self, url=None, token=None, timeout=60.0):
        self.url = url or os.environ.get("TRIVET_SERVER") or DEFAULT_URL
        self.token = token
        self.timeout = timeout
        self._channel = Channel(self.url, token, timeout)

    def __repr__(self):
        return "<trivet client of %s>" % self.url

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # A copy for another process connects on its own; within one process it is the same client.
    def __reduce__(self):
        return Client, (self.url, self.token, self.timeout)

    def __copy__(self):
        return self

    def __deepcopy__(self, _):
        return self

    def close(self):
        self._channel.close()

    def call(self, method, request, response_type, timeout=None, request_id=None):
        """Any method of the contract by its short name, "Models/List". A request id of your own
        makes a change that you repeat be made once; without one every call is new."""
        reply = self._channel.call(method, request.SerializeToString(), timeout, request_id)
        return response_type.FromString(bytes(reply.body))

    # --- datasets

    def upload(self, data, y=None, target="target", name="python"):
        """Sends data as a committed dataset, in chunks; the contract's Dataset. With y it is the
        last column, named `target`."""
        rows = _data.table_of(data, y, target)
        made = self.call("Datasets/Create", datasets_pb2.CreateDatasetRequest(
            name=name, schema=rows.schema()), datasets_pb2.Dataset)
        try:
            n_chunks = sum(1 for _ in self._channel.pipeline(
                "Datasets/Append", self._chunks(made.id, rows), UPLOAD_WINDOW))
            return self.call("Datasets/Commit", datasets_pb2.CommitDatasetRequest(
                dataset_id=made.id, chunks=n_chunks), datasets_pb2.Dataset,
                timeout=max(self.timeout, 120.0))
        except BaseException:
            with contextlib.suppress(TrivetError):
                self.delete_dataset(made)
            raise

    @staticmethod
    def _chunks(dataset_id, rows):
        table = _wire.number(datasets_pb2.AppendDatasetRequest, "rows")
        step = max(1, min(CHUNK_ROWS_MAX, CHUNK_BYTES // rows.row_bytes()))
        first = chunk = 0
        while first < rows.n_rows:
            last = min(first + step, rows.n_rows)
            packed = rows.table(first, last)
            if len(packed) > CHUNK_BYTES_MAX - 1024 and last - first > 1:
                step = max(1, (last - first) // 2)  # long texts
                continue
            yield datasets_pb2.AppendDatasetRequest(
                dataset_id=dataset_id, chunk=chunk).SerializeToString() + _wire.bytes_field(
                    table, packed)
            first, chunk = last, chunk + 1

    def datasets(self, limit=0):
        """Newest first."""
        return list(self.call("Datasets/List", datasets_pb2.ListDatasetsRequest(limit=limit),
                              datasets_pb2.ListDatasetsResponse).datasets)

    def dataset(self, dataset_id):
        """With its schema."""
        return self.call("Datasets/Describe", datasets_pb2.DescribeDatasetRequest(
            dataset_id=dataset_id), datasets_pb2.Dataset)

    def download(self, dataset):
        """The rows of a Dataset or its id: {column: array}, of floats with NaN where a number is
        missing, of str with None where a text is."""
        dataset_id = getattr(dataset, "id", dataset)
        described = self.dataset(dataset_id)
        bodies = (datasets_pb2.ReadDatasetRequest(dataset_id=dataset_id, chunk=i)
                  .SerializeToString() for i in range(described.chunks))
        parts = [_data.arrays_of(datasets_pb2.ReadDatasetResponse.FromString(bytes(reply.body)).rows)
                 for reply in self._channel.pipeline("Datasets/Read", bodies, DOWNLOAD_WINDOW)]
        return {column.name: np.concatenate([part[column.name] for part in parts])
                for column in described.schema.columns}

    def delete_dataset(self, dataset):
        """A Dataset or its id."""
        self.call("Datasets/Delete", datasets_pb2.DeleteDatasetRequest(
            dataset_id=getattr(dataset, "id", dataset)), datasets_pb2.DeleteDatasetResponse)

    def _dataset(self, data, y, target):
        """(id, whether it was uploaded here) of data, a Dataset or its id."""
        if isinstance(data, datasets_pb2.Dataset):
            return data.id, False
        if isinstance(data, str):
            return data, False
        return self.upload(data, y, target).id, True

    # --- training

    def train(self, model, data, y=None, target="target", estimator="linear_regression",
              parameters=None, transformers=None, columns=(), test_size=0.2, folds=0, seed=0,
              split=None, group=None, search=None, learning_curve=False,
              permutation_importance=False, drop_duplicates=False, threads=0, progress=None,
              wait=True, request_id=None):
        """Trains a new version of `model`; the Job, ended when `wait`.

        data           any form of rows, or a Dataset that was uploaded (then `y` is None)
        y, target      true outcomes beside the data; else `target` names a column of the data, and
                       None trains without one (clustering)
        parameters     of the estimator, {name: value}
        transformers   None = by the columns' types; else a list in order: "standard_scaler",
                       ("imputer", {"strategy": "median"}) or ("imputer", {…}, ["area", "rooms"])
        columns        features; empty = all but the target
        test_size      part of the rows held out for the report
        folds          k >= 2: cross-validates as well
        split, group   "shuffled", "stratified", "grouped" (by the column `group`) or "time"
        search         {"method": "grid", "random" or "auto", "ranges": {parameter: [values] or
                       (low, high) or {"low": …, "high": …, "log_scale": True}}, "tries": …,
                       "metric": …, "folds": …, "budget_seconds": …}
        progress       True for a bar on stderr, or a function of the job
        """
        dataset_id, _ = self._dataset(data, y, target)
        request = training_pb2.TrainRequest(
            model=model, dataset_id=dataset_id, search=_search(search),
            pipeline=self._pipeline(target, estimator, parameters, transformers, columns,
                                    drop_duplicates),
            split=self._split(test_size, folds, seed, split, group), learning_curve=learning_curve,
            permutation_importance=permutation_importance, threads=threads)
        job = Job(self, self.call("Training/Train", request, training_pb2.Job,
                                  request_id=request_id))
        return job.wait(progress) if wait else job

    def cross_validate(self, data, y=None, target="target", estimator="linear_regression",
                       parameters=None, transformers=None, columns=(), folds=5, seed=0, split=None,
                       group=None, drop_duplicates=False, progress=None, wait=True):
        """Scores a pipeline by k folds and makes no version; the Job, whose report holds the folds.
        Arguments as of train."""
        dataset_id, ours = self._dataset(data, y, target)
        request = evaluation_pb2.CrossValidateRequest(
            dataset_id=dataset_id, split=self._split(0.0, folds, seed, split, group),
            pipeline=self._pipeline(target, estimator, parameters, transformers, columns,
                                    drop_duplicates))
        job = Job(self, self.call("Evaluation/CrossValidate", request, training_pb2.Job))
        if wait:
            try:
                job.wait(progress)
            finally:
                if ours and job.ended:
                    self.delete_dataset(dataset_id)
        return job

    @staticmethod
    def _pipeline(target, estimator, parameters, transformers, columns, drop_duplicates):
        return training_pb2.PipelineSpec(
            target=target or "", columns=columns, estimator=estimator,
            parameters=_parameters(parameters), default_transformers=transformers is None,
            transformers=[_transformer(spec) for spec in transformers or ()],
            drop_duplicates=drop_duplicates)

    @staticmethod
    def _split(test_size, folds, seed, split, group):
        kind = "SPLIT_KIND_" + (split or ("grouped" if group else "unspecified")).upper()
        if kind not in training_pb2.SplitKind.keys():
            raise InvalidArgument("split %r: choose shuffled, stratified, grouped or time" % split)
        return training_pb2.SplitSpec(test_size=test_size, folds=folds, seed=seed, kind=kind,
                                      column=group or "")

    def estimators(self, name=""):
        """The estimators and transformers of the server with their parameters, or one of them."""
        return list(self.call("Training/ListEstimators", training_pb2.ListEstimatorsRequest(
            name=name), training_pb2.ListEstimatorsResponse).estimators)

    def jobs(self, model="", limit=0):
        """Newest first, without their reports."""
        listed = self.call("Training/ListJobs", training_pb2.ListJobsRequest(
            model=model, limit=limit), training_pb2.ListJobsResponse)
        return [Job(self, message) for message in listed.jobs]

    def job(self, job_id):
        return Job(self, training_pb2.Job(id=job_id)).refresh()

    def cancel(self, job):
        """A Job or its id; the Job as it is then."""
        return Job(self, training_pb2.Job(id=getattr(job, "id", job))).cancel()

    # --- quality

    def evaluate(self, model, data, y=None, target="", curves=False, slices=(),
                 permutation_repeats=0, seed=0):
        """Scores a version on data; an Evaluation. Without `target` it is the column that the
        model was trained on."""
        reference = model_ref(model)
        if y is not None and not target:
            target = self._target_of(reference)
        dataset_id, ours = self._dataset(data, y, target)
        try:
            return Evaluation(self.call(
                "Evaluation/Evaluate", evaluation_pb2.EvaluateRequest(
                    model=reference, dataset_id=dataset_id, target=target, curves=curves,
                    slice_columns=slices, permutation_repeats=permutation_repeats, seed=seed),
                evaluation_pb2.EvaluateResponse, timeout=max(self.timeout, 120.0)))
        finally:
            if ours:
                with contextlib.suppress(TrivetError):
                    self.delete_dataset(dataset_id)

    def _target_of(self, reference):
        version = reference.version
        if not version:
            alias = reference.alias or "production"
            version = next((a.version for a in self.describe(reference.name).aliases
                            if a.name == alias), 0)
        described = self.describe(reference.name, version) if version else None
        return described.versions[0].target if described and described.versions else "target"

    # --- predictions

    def predict(self, model, data, outputs=(), prediction_id="", timeout=None, key=""):
        """Predictions for rows; see Prediction. `model`: "NAME" (its production version),
        "NAME:VERSION", "NAME@ALIAS" or a finished Job. Rows of named columns go by their names, a
        2-D array by the order of the model's inputs. float32 is answered in float32. `key`: whom the
        call is for; where the traffic is split, equal keys get the same version."""
        rows = _data.rows_of(data)
        step = max(1, CALL_BYTES // rows.row_bytes())
        if rows.n_rows > step and not key:
            key = prediction_id or os.urandom(8).hex()  # one version for all of its calls
        head = self._predict_head(model, outputs, key)
        bodies = []
        for first in range(0, max(rows.n_rows, 1), step):
            # Every call needs an id of its own.
            part = "%s-%d" % (prediction_id, first) if prediction_id and first else prediction_id
            bodies.append((head, rows, first, min(first + step, rows.n_rows), part))
        if len(bodies) == 1:
            return prediction.decode(self._channel.call(
                "Prediction/Predict", self._predict_body(*bodies[0]), timeout))
        return prediction.join([prediction.decode(reply) for reply in self._channel.pipeline(
            "Prediction/Predict", (self._predict_body(*body) for body in bodies), PREDICT_WINDOW,
            timeout)])

    def stream(self, model, parts, window=16, outputs=(), timeout=None):
        """Predictions for an iterable of rows (each of any form), one Prediction for each, in order;
        at most `window` calls are under way, all on one connection. The iterable is read no further
        than that ahead."""
        if not 1 <= window <= WINDOW_MAX:
            raise InvalidArgument("a window of %r calls; choose 1 to %d" % (window, WINDOW_MAX))
        head = self._predict_head(model, outputs)
        return self._stream(head, parts, window, timeout)

    def _stream(self, head, parts, window, timeout):
        bodies = (self._predict_body(head, rows, 0, rows.n_rows, "")
                  for rows in map(_data.rows_of, parts))
        for reply in self._channel.pipeline("Prediction/Predict", bodies, window, timeout):
            yield prediction.decode(reply)

    @staticmethod
    def _predict_head(model, outputs, key=""):
        return prediction_pb2.PredictRequest(model=model_ref(model), outputs=outputs, key=key)

    @staticmethod
    def _predict_body(head, rows, first, last, prediction_id):
        field, packed = rows.rows(first, last)
        tail = prediction_pb2.PredictRequest(prediction_id=prediction_id)
        return head.SerializeToString() + tail.SerializeToString() + _wire.bytes_field(
            _wire.number(prediction_pb2.PredictRequest, field), packed)

    def predict_dataset(self, model, dataset, keep=(), name=""):
        """Predicts every row of a Dataset or its id on the server; a Job. Its `output_dataset_id`
        is a dataset with a row for each, after the columns `keep` that are copied: `download` it.
        """
        return Job(self, self.call("Prediction/PredictDataset", prediction_pb2.PredictDatasetRequest(
            model=model_ref(model), dataset_id=getattr(dataset, "id", dataset), output_name=name,
            keep_columns=keep), training_pb2.Job))

    def explain(self, model, data, samples=0, seed=0, timeout=None):
        """Contribution of each feature to each prediction; an Explanation."""
        rows = _data.rows_of(data)
        field, packed = rows.rows(0, rows.n_rows)
        body = prediction_pb2.ExplainRequest(model=model_ref(model), samples=samples, seed=seed)
        reply = self._channel.call("Prediction/Explain", body.SerializeToString() +
                                   _wire.bytes_field(_wire.number(prediction_pb2.ExplainRequest,
                                                                  field), packed), timeout)
        return Explanation(prediction_pb2.ExplainResponse.FromString(bytes(reply.body)))

    # --- models

    def models(self, limit=0, after=""):
        """By name, each with its aliases and its newest version."""
        return list(self.call("Models/List", models_pb2.ListModelsRequest(limit=limit, after=after),
                              models_pb2.ListModelsResponse).models)

    def describe(self, model, version=0):
        """The contract's Model: all versions, or one ("NAME:3") with signature, report, profile."""
        reference = model_ref(model, version)
        return self.call("Models/Describe", models_pb2.DescribeModelRequest(
            model=reference.name, version=reference.version), models_pb2.Model)

    def promote(self, model, version=0, alias="", require=(), reason="", better_than="",
                metric="", holdout=None, y=None):
        """Points an alias ("production") at a version, when the gates ("r2>=0.9") hold, and when it
        is better than another by a metric on the same holdout: `better_than` "@production" or "3".
        `holdout` (data, with or without `y`; a Dataset or its id): both are scored on it; a version
        that was trained with test_size=0 passes no gate without one. `model`:
        "NAME" and a version, "NAME:VERSION", or a finished Job."""
        reference = model_ref(model, version)
        target = self._target_of(reference) if y is not None else "target"
        dataset_id, ours = ("", False) if holdout is None else self._dataset(holdout, y, target)
        try:
            return self.call("Models/Promote", models_pb2.PromoteRequest(
                model=reference.name, version=reference.version, alias=alias,
                require=[require] if isinstance(require, str) else require, reason=reason,
                require_better_than=str(better_than), better_metric=metric,
                holdout_dataset_id=dataset_id), models_pb2.Model,
                timeout=max(self.timeout, 120.0) if dataset_id else None)
        finally:
            if ours:
                with contextlib.suppress(TrivetError):
                    self.delete_dataset(dataset_id)

    def rollback(self, model, alias="", reason=""):
        """Points an alias ("production") back at the version it had before; FailedPrecondition when
        there is none."""
        return self.call("Models/Rollback", models_pb2.RollbackRequest(
            model=model, alias=alias, reason=reason), models_pb2.Model)

    def split(self, model, shares=None, shadows=None, reason=""):
        """Splits the calls of "production" by weight, {version: weight}: {1: 90, 2: 10}. `shadows`,
        {version: percent}: versions that compute so many of the calls beside, to be compared with
        what was answered (Server.Stats and events tell). Neither: production answers all again. In the place of
        the split that is there; promote and rollback of production end it."""
        request = models_pb2.SetTrafficRequest(model=model, reason=reason)
        for version, weight in (shares or {}).items():
            request.shares.add(version=version, weight=weight)
        for version, percent in (shadows or {}).items():
            request.shares.add(version=version, weight=round(100 * percent), shadow=True)
        return self.call("Models/SetTraffic", request, models_pb2.Model)

    def history(self, model, alias="", limit=0, before=0):
        """Who pointed which alias at what, configured or deleted what, when and why, newest first; of
        a model that is gone too: the contract's AliasChange.
        Its `peer` is where the call came from: "uid:1000", an address; "" when not known.
        `before`: only those with a smaller sequence number."""
        return list(self.call("Models/History", models_pb2.HistoryRequest(
            model=model, alias=alias, limit=limit, before=before),
            models_pb2.HistoryResponse).changes)

    def configure(self, model, reason="", **settings):
        """Changes what holds for all versions of a model, and returns it: keep_features,
        keep_versions, outcomes_per_minute_max; what is not named stays."""
        if not settings:
            return self.describe(model).settings
        given = models_pb2.ModelSettings()
        for name, value in settings.items():
            if name not in given.DESCRIPTOR.fields_by_name:
                raise InvalidArgument("no setting %r; there are %s" % (
                    name, ", ".join(given.DESCRIPTOR.fields_by_name)))
            setattr(given, name, value)
        return self.call("Models/Configure", models_pb2.ConfigureRequest(
            model=model, settings=given, fields=sorted(settings), reason=reason),
            models_pb2.Model).settings

    def delete_model(self, model, version=0, reason=""):
        """Deletes a version, "NAME:3", for good; or with neither version nor alias the model with
        all of them, and its aliases. FailedPrecondition while something needs it."""
        reference = model_ref(model, version)
        if reference.alias:
            raise InvalidArgument("%r is an alias; see remove_alias" % (model,))
        self.call("Models/Delete", models_pb2.DeleteModelRequest(
            model=reference.name, version=reference.version, reason=reason),
            models_pb2.DeleteModelResponse)

    def remove_alias(self, model, alias, reason=""):
        """Takes an alias away: calls of its name find nothing from then on."""
        return self.call("Models/RemoveAlias", models_pb2.RemoveAliasRequest(
            model=model, alias=alias, reason=reason), models_pb2.Model)

    # --- feedback

    def record(self, model, ids, outcomes, observed=None, request_id=None):
        """Tells what predictions should have been: `ids` as Prediction.ids gives them, a number or a
        label for each, and with `observed` when it was seen (seconds since 1970). The sums of the
        contract's RecordResponse. With a `request_id` at most 100,000 outcomes, recorded once however
        often it is called."""
        ids, outcomes = list(ids), list(outcomes)
        observed = [0] * len(ids) if observed is None else list(observed)
        if not len(ids) == len(outcomes) == len(observed):
            raise InvalidArgument("%d ids, %d outcomes and %d times; give one for each" % (
                len(ids), len(outcomes), len(observed)))
        if request_id is not None and len(ids) > OUTCOMES_MAX:
            raise InvalidArgument("%d outcomes under one request id; send at most %d" % (
                len(ids), OUTCOMES_MAX))
        sums = feedback_pb2.RecordResponse()
        for first in range(0, max(len(ids), 1), OUTCOMES_PER_CALL if request_id is None
                           else OUTCOMES_MAX):
            last = first + (OUTCOMES_PER_CALL if request_id is None else OUTCOMES_MAX)
            counts = self.call("Feedback/Record", feedback_pb2.RecordRequest(
                model=model, outcomes=[self._outcome(*each) for each in zip(
                    ids[first:last], outcomes[first:last], observed[first:last])]),
                feedback_pb2.RecordResponse, request_id=request_id)
            for field in counts.DESCRIPTOR.fields:
                setattr(sums, field.name,
                        getattr(sums, field.name) + getattr(counts, field.name))
        return sums

    @staticmethod
    def _outcome(prediction_id, value, seconds):
        field = {"label": value} if isinstance(value, str) else {"number": float(value)}
        return feedback_pb2.Outcome(prediction=prediction_id,
                                    observed_unix_us=int(seconds * 1000000), **field)

    def grow_dataset(self, model, name="", since=0, rows=0, part="", holdout_share=0.0, base=""):
        """A committed dataset of the features and outcomes of logged predictions, for `train`.
        `part`: "train" or "holdout"; `base`: a Dataset or its id, whose rows come first, but for
        those that it has from the model's log."""
        parts = {"": feedback_pb2.FEEDBACK_PART_UNSPECIFIED,
                 "train": feedback_pb2.FEEDBACK_PART_TRAIN,
                 "holdout": feedback_pb2.FEEDBACK_PART_HOLDOUT}
        if part not in parts:
            raise InvalidArgument("no part %r; there are train and holdout" % (part,))
        return self.call("Feedback/GrowDataset", feedback_pb2.GrowDatasetRequest(
            model=model, name=name, since_unix_us=int(since * 1000000), rows_max=rows,
            part=parts[part], holdout_share=holdout_share,
            base_dataset_id=getattr(base, "id", base)), datasets_pb2.Dataset,
            timeout=max(self.timeout, 120.0))

    # --- the server

    def status(self):
        """The contract's InfoResponse: version, addresses, BLAS kernel, limits."""
        return self.call("Server/Info", server_pb2.InfoRequest(), server_pb2.InfoResponse)

    def ready(self):
        """(whether the server can serve, why not)."""
        response = self.call("Server/Ready", server_pb2.ReadyRequest(), server_pb2.ReadyResponse)
        return response.ready, response.reason
