"""trivetd's own HTTP address: health, and metrics whose counts are exactly those of the calls that
were made; a version's series go with the version."""

import re
import socket

from harness import *

SAMPLE = re.compile(r'^([a-z_]+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-z]+)="([^"]*)"')


def parse(page):
    """{(name, label, …): value}; labels as "name=value", sorted."""
    values = {}
    for line in page.splitlines():
        if not line.startswith("#"):
            name, labels, value = SAMPLE.match(line).groups()
            labels = sorted("%s=%s" % pair for pair in LABEL.findall(labels or ""))
            values[(name,) + tuple(labels)] = float(value)
    return values


class ServerHttp(ServerTest):
    server_arguments = ("--model-memory", "100000000", "--allow-host", "models.example")

    def metrics(self):
        status, page = http_get(self.trivetd, "metrics")
        self.assertEqual(status, 200)
        return parse(page)

    def model(self, name, versions=1):
        columns = {"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 4.0, 6.0, 8.1]}
        dataset = self.client.upload(columns).id
        return [self.client.train_and_wait(name, dataset, "y", seed=i).version
                for i in range(versions)]

    def test_health(self):
        self.assertRegex(self.trivetd.ready["http"], r"^http://127\.0\.0\.1:\d+/$")
        self.assertEqual(http_get(self.trivetd, "live"), (200, '{"live":true}\n'))
        self.assertEqual(http_get(self.trivetd, "ready"), (200, '{"ready":true}\n'))
        self.assertEqual(http_get(self.trivetd, "")[0], 404)
        self.assertEqual(http_get(self.trivetd, "live", {"Host": "evil.example"})[0], 403)
        self.assertEqual(http_get(self.trivetd, "live", {"Host": "models.example:7602"})[0], 200)
        self.assertEqual(http_get(self.trivetd, "live", {"Origin": "http://evil.example"})[0], 403)

    def test_counts(self):
        version, = self.model("counted")
        self.client.deploy("counted", version)
        for _ in range(30):
            self.client.predict("counted", [[2.5]])
        for _ in range(4):
            self.client.predict("counted", [[1.0], [float("nan")], [3.0]])
        before = self.metrics()
        with self.assertRaises(CallError):
            self.client.predict("counted", [[1.0, 2.0]])
        now = self.metrics()
        labels = ("model=counted", "version=%d" % version)
        ok, bad = (tuple(sorted(labels + ("code=" + code,))) for code in ("OK", "INVALID_ARGUMENT"))
        self.assertEqual(now[("trivet_predictions_total",) + ok], 38)
        self.assertEqual(now[("trivet_predictions_total",) + bad], 4)
        self.assertEqual(now[("trivet_prediction_calls_total",) + ok], 34)
        self.assertEqual(now[("trivet_prediction_calls_total",) + bad], 1)
        for part in ("latency", "queue", "compute"):
            name = "trivet_prediction_%s_seconds" % part
            self.assertEqual(now[(name + "_count",) + labels], 35)
            self.assertEqual(now[(name + "_bucket", "le=+Inf") + labels], 35)
        self.assertGreater(now[("trivet_prediction_latency_seconds_sum",) + labels], 0)
        method = "method=trivet.v1.Prediction/Predict"
        self.assertEqual(now[("trivet_calls_total", "code=OK", method)] -
                         before[("trivet_calls_total", "code=OK", method)], 0)
        self.assertEqual(now[("trivet_calls_total", "code=INVALID_ARGUMENT", method)], 1)

    def test_saturation(self):
        version, = self.model("loaded")
        before = self.metrics()
        self.client.deploy("loaded", version)
        others = [Client(self.url) for _ in range(5)]
        now = self.metrics()
        stats = self.client.call("Server/Stats", server.StatsRequest(), server.StatsResponse).server
        for other in others:
            other.close()
        self.assertEqual(now[("trivet_models_loaded",)], before[("trivet_models_loaded",)] + 1)
        self.assertGreater(now[("trivet_model_memory_bytes",)],
                           before[("trivet_model_memory_bytes",)])
        self.assertEqual(now[("trivet_model_memory_max_bytes",)], 100000000)
        self.assertEqual(now[("trivet_queue_rows_max",)], 4000000)
        self.assertEqual(now[("trivet_jobs_running",)], 0)
        self.assertEqual(stats.models_loaded, now[("trivet_models_loaded",)])
        self.assertEqual(stats.model_bytes, now[("trivet_model_memory_bytes",)])
        self.assertEqual(stats.calls_max, now[("trivet_calls_in_hand_max",)])
        self.assertGreaterEqual(stats.calls_in_hand, 1)
        if TRANSPORT == "sp":
            self.assertGreaterEqual(now[("trivet_connections",)], 6)
            self.assertEqual(stats.connections_max, now[("trivet_connections_max",)])

    def test_series_go_with_the_version(self):
        def series(version):
            return {key[0] for key in self.metrics()
                    if "model=gone" in key and "version=%d" % version in key}

        first, second = self.model("gone", 2)
        self.assertEqual(series(first), set())
        self.client.deploy("gone", first)
        self.client.deploy("gone", second)
        self.assertIn("trivet_predictions_total", series(first))
        self.assertEqual(series(first), series(second))
        self.client.call("Models/Delete", models.DeleteModelRequest(
            model="gone", version=first), models.DeleteModelResponse)
        self.assertEqual(series(first), set())
        self.assertIn("trivet_predictions_total", series(second))

    def test_no_waiting_for_a_slow_reader(self):
        """A client that sends half a request costs nobody else anything."""
        host, _, port = self.trivetd.ready["http"][len("http://"):-1].rpartition(":")
        with socket.create_connection((host, int(port))) as slow:
            slow.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n")
            self.assertEqual(http_get(self.trivetd, "live")[0], 200)
            self.client.call("Server/Live", server.LiveRequest(), server.LiveResponse)


if __name__ == "__main__":
    main()
