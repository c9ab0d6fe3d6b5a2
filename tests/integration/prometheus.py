"""Prometheus and Grafana: what is in deploy/ passes promtool, uses only names of metrics that the
running processes expose, and works in a real Prometheus server: its queries return exactly the calls
that were made, and an alert fires. Needs Debian's package prometheus (deploy/install-deps.sh --tests)."""

import json
import pathlib
import re
import shutil
import urllib.parse

from harness import *

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
RULES = ("recording.rules.yml", "alerts.rules.yml")
CALLS = 300
ROWS = 3
REFUSED = 5  # calls, for their columns: before rows are counted
# Queries of the dashboard without data in the test: no window of drift was closed, no alert of
# Prometheus fires, there are no classes, no shadow and no round of the loop.
EXCUSED = re.compile(r'^trivet_monitor_drift|accuracy|live_f1|shadow|loop_steps|ALERTS')


def run(*arguments, stdin=None, cwd=None):
    done = subprocess.run(arguments, input=stdin, capture_output=True, text=True, cwd=cwd,
                          timeout=60)
    if done.returncode != 0:
        raise AssertionError("%s: exit %d\n%s%s" % (
            " ".join(map(str, arguments)), done.returncode, done.stdout, done.stderr))
    return done.stdout + done.stderr


# --- the names that queries use --------------------------------------------------------------------

STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')
SELECTORS = re.compile(r"\{[^{}]*\}|\[[^\[\]]*\]")
GROUPING = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)")
WORD = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*(?=(\s*\()?)")
KEYWORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan", "by", "without"}
# Those that Prometheus itself adds.
ITS_OWN = {"up", "ALERTS"}


def metrics_in(query):
    """Names of metrics in a PromQL expression: the words that are no function and no label."""
    text = GROUPING.sub(" ", SELECTORS.sub(" ", STRINGS.sub(" ", query)))
    return {match.group() for match in WORD.finditer(text)
            if match.group(1) is None and match.group().lower() not in KEYWORDS}


def rule_queries(text):
    """[(name recorded or None, expression)] of a rule file, as promtool would read it."""
    rules = []
    for block in re.split(r"(?m)^\s*- (?=record:|alert:)", text)[1:]:
        record = re.match(r"record: (\S+)", block)
        expr = re.search(r"(?ms)^\s*expr: (?:>-\n)?(.*?)(?=^\s*(?:labels|for|annotations):|^\s*#|^\s*- |\Z)",
                         block).group(1)
        rules.append((record and record.group(1), expr))
    return rules


def dashboard_queries(dashboard):
    """Every expression in it; Grafana's variables as Prometheus would see them."""
    found = []

    def walk(node):
        if isinstance(node, dict):
            if isinstance(node.get("expr"), str):
                found.append(node["expr"])
            if isinstance(node.get("definition"), str):
                found.append(re.sub(r"^label_values\((.*), \w+\)$", r"\1", node["definition"]))
            node = list(node.values())
        if isinstance(node, list):
            for item in node:
                walk(item)

    walk(dashboard)
    return [text.replace("$__rate_interval", "5m").replace("$job", "trivetd")
            .replace("$model", ".*").replace("$version", ".*") for text in found]


def exposed(page):
    """Names of series that a page of metrics may have."""
    names = set()
    for name, kind in re.findall(r"(?m)^# TYPE (\S+) (\S+)$", page):
        names |= {name + end for end in (("_bucket", "_sum", "_count") if kind == "histogram"
                                         else ("",))}
    return names


def unknown_names(known, rules, dashboard):
    """Names in rules and dashboard that neither a process exposes nor a rule records."""
    queries = [rule for text in rules for rule in rule_queries(text)]
    known = known | ITS_OWN | {record for record, _ in queries if record is not None}
    used = {name for _, query in queries for name in metrics_in(query)}
    for query in dashboard_queries(dashboard):
        used |= metrics_in(query)
    assert len(used) > 20, used
    return used - known


# --- the tests -------------------------------------------------------------------------------------


class Files(unittest.TestCase):
    """What promtool says of the files alone."""

    def test_config_and_rules(self):
        folder = DEPLOY / "prometheus"
        run("promtool", "check", "config", "prometheus.yml", cwd=folder)
        said = run("promtool", "check", "rules", *RULES, cwd=folder)
        self.assertEqual(said.count("SUCCESS"), 2, said)
        self.assertIn("SUCCESS", run("promtool", "test", "rules", "rules.test.yml", cwd=folder))

    def test_queries_of_the_dashboard_parse(self):
        dashboard = json.loads((DEPLOY / "grafana" / "trivet.json").read_text())
        rules = [{"record": "a:b:c", "expr": query} for query in dashboard_queries(dashboard)]
        self.assertGreater(len(rules), 30)
        with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
            path = os.path.join(folder, "queries.yml")
            for number, rule in enumerate(rules):
                rule["labels"] = {"number": str(number)}
            with open(path, "w") as out:
                json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, out)
            self.assertIn("SUCCESS", run("promtool", "check", "rules", path))


class Prometheus(unittest.TestCase):
    """trivetd, trivet-monitor and a model with calls and their outcomes, for all tests."""

    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="trivet-")
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = temporary.name
        cls.trivetd = start_trivetd(cls.folder, "--model-memory", "100000000")
        cls.addClassCleanup(cls.trivetd.kill)
        cls.client = Client(cls.trivetd.ready["listen"])
        cls.addClassCleanup(cls.client.close)
        columns = {"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 4.0, 6.0, 8.1]}
        job = cls.client.train_and_wait("scraped", cls.client.upload(columns).id, "y")
        cls.client.deploy("scraped", job.version)
        policy = os.path.join(cls.folder, "policy.ini")
        with open(policy, "w") as file:
            file.write("[loop scraped]\nenabled = yes\n")
        cls.monitor = start_monitor(cls.folder, cls.trivetd, "--policy", policy)
        cls.addClassCleanup(cls.monitor.kill)
        for i in range(CALLS):
            cls.client.call("Prediction/Predict", prediction.PredictRequest(
                model=prediction.ModelRef(name="scraped"), prediction_id="c%d" % i,
                matrix=matrix_of([[1.0], [2.0], [float("nan")]])), prediction.PredictResponse)
        for _ in range(REFUSED):
            try:
                cls.client.predict("scraped", [[1.0, 2.0]])
            except CallError as refused:
                assert refused.status == "INVALID_ARGUMENT", refused
        cls.client.call("Feedback/Record", feedback.RecordRequest(
            model="scraped", outcomes=[feedback.Outcome(prediction="c%d/0" % i, number=2.5)
                                       for i in range(CALLS)]), feedback.RecordResponse)

    def pages(self):
        pages = []
        for process in (self.trivetd, self.monitor):
            status, page = http_get(process, "metrics")
            self.assertEqual(status, 200)
            pages.append(page)
        return pages

    def test_check_metrics(self):
        for page in self.pages():
            run("promtool", "check", "metrics", stdin=page)
        broken = self.pages()[0].replace("# TYPE trivet_calls_total counter\n",
                                         "# TYPE trivet_calls_total gauge\n")
        with self.assertRaises(AssertionError):
            run("promtool", "check", "metrics", stdin=broken)

    def test_names_that_rules_and_dashboard_use(self):
        """Ours, not promtool's: every name in a query is one that a process exposes."""
        known = set().union(*map(exposed, self.pages()))
        rules = [(DEPLOY / "prometheus" / name).read_text() for name in RULES]
        dashboard = json.loads((DEPLOY / "grafana" / "trivet.json").read_text())
        # First what the test is for: a wrong name, planted, is found; in a rule and in a panel.
        planted = [text.replace("trivet_queue_rows_max", "trivet_queue_rows_limit")
                   for text in rules]
        self.assertEqual(unknown_names(known, planted, dashboard), {"trivet_queue_rows_limit"})
        planted = json.loads(json.dumps(dashboard).replace("trivet_jobs_running", "trivet_job_count"))
        self.assertEqual(unknown_names(known, rules, planted), {"trivet_job_count"})
        self.assertEqual(unknown_names(known - {"trivet_ready"}, rules, dashboard), {"trivet_ready"})
        self.assertEqual(unknown_names(known, rules, dashboard), set())

    # --- a real server

    def start_prometheus(self):
        folder = os.path.join(self.folder, "prometheus")
        shutil.copytree(DEPLOY / "prometheus", folder)
        # The same configuration, with the addresses of the test, and in a hurry.
        edits = {"127.0.0.1:7602": address(self.trivetd), "127.0.0.1:7603": address(self.monitor),
                 "interval: 15s": "interval: 500ms"}
        edit(os.path.join(folder, "prometheus.yml"), edits)
        edit(os.path.join(folder, "alerts.rules.yml"), {"for: 1m": "for: 1s"})
        path = os.path.join(folder, "log")
        log = open(path, "wb")
        self.addCleanup(log.close)
        server = subprocess.Popen(
            ["prometheus", "--config.file", os.path.join(folder, "prometheus.yml"),
             "--storage.tsdb.path", os.path.join(folder, "data"),
             "--web.listen-address", "127.0.0.1:0"], stdout=log, stderr=log)
        self.addCleanup(lambda: (server.kill(), server.wait(30)))
        port = self.until(lambda: re.search(
            r'msg="Listening on" address=127\.0\.0\.1:(\d+)', pathlib.Path(path).read_text()))
        self.base = "http://127.0.0.1:" + port.group(1)
        self.until(lambda: self.get("/-/ready") is not None)

    def get(self, path, **parameters):
        url = self.base + path + ("?" + urllib.parse.urlencode(parameters) if parameters else "")
        try:
            with urllib.request.urlopen(url, timeout=10) as reply:
                return reply.read()
        except (urllib.error.URLError, ConnectionError):
            return None

    def query(self, expression):
        """[(labels, value)] now."""
        reply = json.loads(self.get("/api/v1/query", query=expression) or '{"status": "no answer"}')
        self.assertEqual(reply["status"], "success", expression)
        return [(each["metric"], float(each["value"][1])) for each in reply["data"]["result"]]

    def until(self, condition, seconds=60, otherwise=str):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            value = condition()
            if value:
                return value
            time.sleep(0.1)
        self.fail("it did not come true %s" % (otherwise(),))

    def firing(self):
        data = json.loads(self.get("/api/v1/alerts"))["data"]
        return {(alert["labels"]["alertname"], alert["labels"].get("job", ""))
                for alert in data["alerts"] if alert["state"] == "firing"}

    def test_scraped_by_a_real_server(self):
        self.start_prometheus()
        self.until(lambda: self.query('sum(up) == 2'))
        ok = '{model="scraped",code="OK"}'
        exact = {"trivet_predictions_total" + ok: CALLS * (ROWS - 1),
                 'trivet_predictions_total{model="scraped",code="INVALID_ARGUMENT"}': CALLS,
                 "trivet_prediction_calls_total" + ok: CALLS,
                 'trivet_prediction_calls_total{model="scraped",code="INVALID_ARGUMENT"}': REFUSED,
                 'trivet_prediction_latency_seconds_count{model="scraped"}': CALLS + REFUSED,
                 'trivet_prediction_latency_seconds_bucket{model="scraped",le="+Inf"}': CALLS + REFUSED,
                 'trivet_calls_total{method="trivet.v1.Prediction/Predict",code="OK"}': CALLS,
                 "trivet_models_loaded": 1,
                 "trivet_monitor_predictions_total" + ok: CALLS * (ROWS - 1),
                 "trivet_monitor_prediction_calls_total" + ok: CALLS,
                 "trivet_monitor_labelled_predictions_total": CALLS,
                 "trivet_monitor_label_coverage_ratio": 0.5,
                 'trivet_monitor_loop_new_labels{model="scraped"}': CALLS}
        for expression, count in exact.items():
            self.until(lambda: self.query(expression))
            self.until(lambda: [value for _, value in self.query(expression)] == [count])
        for _ in range(11):
            self.client.predict("scraped", [[1.0]])
        self.until(lambda: [v for _, v in self.query("trivet_prediction_calls_total" + ok)] ==
                   [CALLS + 11])
        print("%d calls, and Prometheus counts as many, in trivetd's and the monitor's series" % CALLS)
        self.every_query()
        self.assertNotIn("TrivetDown", {name for name, _ in self.firing()})
        self.monitor.kill()
        self.until(lambda: ("TrivetDown", "trivet-monitor") in self.firing())
        self.assertNotIn(("TrivetDown", "trivetd"), self.firing())

    def every_query(self):
        """All queries of the dashboard are answered with data, but for those of what did not happen;
        each excuse is needed, and none is good for a query that has data."""
        dashboard = json.loads((DEPLOY / "grafana" / "trivet.json").read_text())
        queries = dashboard_queries(dashboard)
        excused = {query for query in queries if EXCUSED.search(query)}
        for excuse in EXCUSED.pattern.split("|"):
            self.assertTrue([query for query in excused if re.search(excuse, query)], excuse)

        def empty():
            return {query for query in queries if not self.query(query)}

        self.until(lambda: empty() <= excused, otherwise=lambda: empty() - excused)
        self.assertEqual(empty(), excused)
        print("%d queries of the dashboard, %d without data yet" % (len(queries), len(excused)))


def address(process):
    return process.ready["http"][len("http://"):].rstrip("/")


def edit(path, edits):
    with open(path) as file:
        text = file.read()
    for old, new in edits.items():
        assert old in text, old
        text = text.replace(old, new)
    with open(path, "w") as file:
        file.write(text)


if __name__ == "__main__":
    missing = [name for name in ("promtool", "prometheus") if shutil.which(name) is None]
    if missing:
        sys.exit("%s is not installed: deploy/install-deps.sh --tests" % " and ".join(missing))
    main()
