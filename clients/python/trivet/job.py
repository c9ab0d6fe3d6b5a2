"""A job on the server, and how its progress is shown."""

import sys
import time

from .errors import DeadlineExceeded, error_of
from .v1 import training_pb2

WAIT_SECONDS = 10.0
BAR_COLUMNS = 30
_ENDED = (training_pb2.JOB_STATE_SUCCEEDED, training_pb2.JOB_STATE_FAILED,
          training_pb2.JOB_STATE_CANCELLED)


def metrics_of(evaluation):
    """{name: value} of an EvaluationReport; NaN where a metric is not defined on the data."""
    return {m.name: m.value if m.defined else float("nan") for m in evaluation.metrics}


class Bar:
    """One line on stderr; a line for each phase when that is no terminal."""

    def __init__(self, stream=None):
        self.stream = stream or sys.stderr
        self.phase = None

    def __call__(self, job):
        progress = job.message.progress
        phase = progress.phase or job.state
        if not self.stream.isatty():
            if phase != self.phase:
                self.stream.write("%s: %s\n" % (job.id, phase))
        else:
            told = [progress.detail] if progress.detail else []
            told += ["loss %.4g" % point.loss for point in progress.losses[-1:]]
            done = int(BAR_COLUMNS * min(max(progress.fraction, 0.0), 1.0))
            self.stream.write("\r\x1b[K%s [%s%s] %3.0f %% %s %s%s" % (
                job.message.model or job.id, "#" * done, "." * (BAR_COLUMNS - done),
                100 * progress.fraction, phase, ", ".join(told), "\n" if job.ended else ""))
        self.phase = phase
        self.stream.flush()


class Job:
    """Training, cross-validation or prediction of a dataset. `message` is the contract's Job, as it was last seen."""

    def __init__(self, client, message):
        self.client = client
        self.message = message

    def __repr__(self):
        return "<Job %s of %s: %s>" % (self.id, self.message.model or "no model", self.state)

    @property
    def id(self):
        return self.message.id

    @property
    def state(self):
        """"queued", "running", "succeeded", "failed" or "cancelled"."""
        return training_pb2.JobState.Name(self.message.state)[len("JOB_STATE_"):].lower()

    @property
    def ended(self):
        return self.message.state in _ENDED

    @property
    def model(self):
        return self.message.model

    @property
    def version(self):
        """Of the version it made, or that predicts; 0 until a training has succeeded, and for a
        cross-validation."""
        return self.message.version

    @property
    def output_dataset_id(self):
        """Of the predictions it made; "" until it has succeeded, and for a training."""
        return self.message.output_dataset_id

    @property
    def report(self):
        """The contract's TrainingReport."""
        return self.message.report

    @property
    def metrics(self):
        """{name: value}: on the held-out rows, else the mean of the folds, else of training."""
        report = self.report
        if report.HasField("test"):
            return metrics_of(report.test)
        if report.HasField("cross_validation"):
            return {m.name: m.value if m.defined else float("nan")
                    for m in report.cross_validation.mean}
        return metrics_of(report.train)

    def refresh(self):
        self.message = self.client.call("Training/GetJob", training_pb2.GetJobRequest(
            job_id=self.id), training_pb2.Job)
        return self

    def cancel(self):
        self.message = self.client.call("Training/CancelJob", training_pb2.CancelJobRequest(
            job_id=self.id), training_pb2.Job)
        return self

    def wait(self, progress=None, timeout=None):
        """Until the job has ended; itself. A job that failed or was cancelled raises its error;
        DeadlineExceeded after `timeout` seconds, and the job goes on. `progress`: True for a bar
        on stderr, or a function that is called with the job at every change."""
        show = Bar() if progress is True else progress or (lambda job: None)
        deadline = None if timeout is None else time.monotonic() + timeout
        show(self)
        while not self.ended:
            left = WAIT_SECONDS if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise DeadlineExceeded("%s is still %s after %g s; wait again, or cancel it"
                                       % (self.id, self.state, timeout))
            self.message = self.client.call(
                "Training/WaitJob", training_pb2.WaitJobRequest(
                    job_id=self.id, after_revision=self.message.revision),
                training_pb2.Job, timeout=min(left, WAIT_SECONDS))
            show(self)
        if self.message.state != training_pb2.JOB_STATE_SUCCEEDED:
            cancelled = self.message.state == training_pb2.JOB_STATE_CANCELLED
            status = self.message.error_status or (1 if cancelled else 2)
            raise error_of(status, "%s %s: %s" % (self.id, self.state,
                                                  self.message.error_message or "by request"))
        return self
