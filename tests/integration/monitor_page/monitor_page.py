"""The monitor's pages in a real browser: what they draw equals what the JSON API says.

Starts trivetd and trivet-monitor, trains models, makes traffic with errors in it, goes through every
page, and at the end stops the server and the monitor: the page tells. Pictures of all pages are left
in the folder `pages` beside the programs."""

import json
import os
import re
import sys
import time
import unittest
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from browser import Browser  # noqa: E402
from harness import training  # noqa: E402
from odd_cases import OddCases  # noqa: E402
from releases import Releases  # noqa: E402
from site_of_tests import IDLE, LENGTH, Site, percent, pictures_folder  # noqa: E402

PAGES = {
    "overview": "/", "alerts": "/alerts", "jobs": "/jobs", "server": "/server",
    "monitor": "/monitor", "model": "/models/prices", "classifier": "/models/flowers/1",
    "canary": "/models/rents", "automation": "/models/visits", "nowhere": "/models/nix",
}


class MonitorPage(Releases, OddCases, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site("--drift-window", "1")
        cls.addClassCleanup(cls.site.close)
        cls.garden = cls.site.train()
        cls.site.visit()
        cls.site.call(3)
        cls.site.drift(8)
        cls.site.label()
        cls.url = cls.site.url
        cls.pages = dict(PAGES, job="/jobs/" + cls.site.flowers_job.id,
                         failed="/jobs/" + cls.site.failed_job.id)
        cls.pictures = pictures_folder()
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)
        cls.browser.resize(1280, 900)
        cls.browser.scheme("light")
        cls.browser.open(cls.url)
        cls.browser.wait_for("document.documentElement?.dataset.ready === 'yes'")

    # --- helpers

    def get(self, path):
        with urllib.request.urlopen(self.url + "api/v1" + path, timeout=10) as reply:
            return json.load(reply)

    def value(self, expression):
        return self.browser.value(expression)

    def wait(self, expression, seconds=60):
        self.browser.wait_for(expression, seconds)

    def until(self, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)

    def go(self, path):
        self.value("location.hash = %s" % json.dumps("#" + path))
        self.wait("document.documentElement.dataset.page === %s" % json.dumps(path))

    def text(self, selector):
        return self.value("document.querySelector(%s)?.textContent" % json.dumps(selector))

    def rows(self, table):
        return self.value(
            "[...document.querySelectorAll('#%s tbody tr')].map(row => "
            "[...row.cells].map(cell => cell.textContent))" % table)

    def press(self, key, code=None):
        for kind in ("keyDown", "keyUp"):
            self.browser.call("Input.dispatchKeyEvent", type=kind, key=key, code=code or key,
                              windowsVirtualKeyCode={"Enter": 13, "Tab": 9, "ArrowRight": 39,
                                                     "ArrowDown": 40, "Escape": 27}[key],
                              **({"text": "\r"} if key == "Enter" and kind == "keyDown" else {}))

    def agree(self, shown, expected, seconds=60):
        """`shown` reads the page, `expected` the API: both go on, so that they are read until they
        are of the same moment."""
        deadline = time.monotonic() + seconds
        while True:
            before = expected()
            seen = shown()
            if seen == before and seen is not None:
                return seen
            if time.monotonic() > deadline:
                self.assertEqual(seen, before)
                self.fail("nothing is shown")
            time.sleep(0.1)

    def drawn(self, chart):
        """By label: the points of a line as (x, y), or the values of bars."""
        return self.value(
            "Object.fromEntries((trivetCharts.drawn['%s']?.data.datasets ?? []).map(set => "
            "[set.label, set.data]))" % chart)

    def check_lines(self, chart, lines, path, least=30):
        """Every drawn point whose second is still in the API's answer equals it."""
        self.wait("trivetCharts.drawn['%s']?.data.datasets[0].data.some(p => p.y !== null)" % chart)

        def compare():
            sets = self.drawn(chart)
            series = self.get(path)
            at = {t: i for i, t in enumerate(series["t"])}
            wanted = {label: column(series) for label, column in lines.items()}
            seen = {label: {p["x"]: p["y"] for p in sets.get(label, []) if p["x"] in at}
                    for label in lines}
            return seen, {label: {x: wanted[label][at[x]] for x in seen[label]} for label in lines}

        deadline = time.monotonic() + 60
        while True:  # the newest second of the API may still grow by a late event
            seen, wanted = compare()
            n_points = sum(len(points) for points in seen.values())
            if seen == wanted and n_points >= least or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        self.assertEqual(seen, wanted, chart)
        self.assertGreaterEqual(n_points, least, chart)
        return sum(value not in (None, 0) for points in seen.values() for value in points.values())

    def photograph(self, name):
        """Wide and light, and dark on a phone; nothing is wider than the phone. With
        TRIVET_PICTURES=all the other two as well."""
        every = os.environ.get("TRIVET_PICTURES") == "all"
        for width, height, scheme in ((1280, 900, "light"), (390, 844, "dark")):
            self.browser.resize(width, height, width < 400)
            for shown in ["dark", "light"] if every else [scheme]:
                self.browser.scheme(shown)
                self.value("new Promise(done => requestAnimationFrame(() => "
                           "requestAnimationFrame(done)))")
                self.browser.screenshot(os.path.join(
                    self.pictures, "%s-%d-%s.png" % (name, width, shown)))
            wide = self.value("document.documentElement.scrollWidth")
            self.assertLessEqual(wide, width, name)

    # --- the pages

    def test_01_overview(self):
        def tiles():
            return {name: self.text("[data-tile=%s] .value" % name)
                    for name in ("predictions", "lost")}

        def told():
            overview = self.get("/overview")
            return {"predictions": "{:,}".format(overview["totals"]["predictions"]),
                    "lost": "{:,}".format(overview["lost_events"])}

        self.agree(tiles, told)

        def in_table():
            return sorted((row[0], row[1], row[8]) for row in self.rows("models-table"))

        def of_api():
            models = self.get("/models")["servers"][0]["models"]
            roles = {(m["name"], v): "" for m in models for v in range(1, 3)}
            for m in models:
                for a in m["aliases"]:
                    roles[m["name"], a["version"]] += a["name"]
                whole = sum(s["weight"] for s in m["traffic"] if not s["shadow"])
                for s in m["traffic"]:
                    roles[m["name"], s["version"]] += (
                        "shadow" if s["shadow"] else percent(s["weight"] / whole) + " of traffic")
            overview = self.get("/overview")["models"]
            called = [(m["model"] + roles[m["model"], m["version"]], str(m["version"]),
                       "{:,}".format(m["predictions"])) for m in overview]
            return sorted(called + [(IDLE, "1", "–")])

        rows = self.agree(in_table, of_api)
        self.assertTrue({"pricesproduction", "prices", "flowersproduction", IDLE,
                         "rentsproduction75 % of traffic", "rents25 % of traffic",
                         "visitsproduction"}.issubset({row[0] for row in rows}), rows)
        overview = self.get("/overview")
        self.assertGreater(overview["totals"]["failed_rows"], 0)
        self.assertGreater(overview["totals"]["failed_calls"], 0)

    def test_02_traffic(self):
        named = {"predictions/s": lambda s: s["predictions_per_s"]}
        all_of_it = "/series?seconds=300"
        with_value = self.check_lines("chart-rate", named, all_of_it)
        with_value += self.check_lines("chart-latency", {
            q: lambda s, q=q: s[q + "_us"] for q in ("p50", "p90", "p99")}, all_of_it)
        with_value += self.check_lines("chart-errors", {
            "failed %s/s" % what: lambda s, what=what: s["failed_%s_per_s" % what]
            for what in ("calls", "rows")}, all_of_it)
        self.assertGreater(with_value, 6)
        self.value("(box => { box.value = 'prices:1'; box.dispatchEvent(new Event('change')) })"
                   "(document.getElementById('pick-model'))")
        self.value("(box => { box.value = '120'; box.dispatchEvent(new Event('change')) })"
                   "(document.getElementById('pick-seconds'))")
        self.check_lines("chart-rate", named, "/models/prices/versions/1/series?seconds=120")
        inked = self.value(
            "(() => { const c = document.getElementById('chart-rate'); const blank = "
            "document.createElement('canvas'); blank.width = c.width; blank.height = c.height; "
            "return c.toDataURL() !== blank.toDataURL(); })()")
        self.assertTrue(inked)

    def test_03_table_of_a_chart(self):
        self.value("document.querySelector('[data-figure=chart-rate] summary').click()")
        self.wait("document.querySelectorAll('[data-figure=chart-rate] tbody tr').length > 10")
        drawn = self.drawn("chart-rate")["predictions/s"]
        shown = self.value("document.querySelectorAll('[data-figure=chart-rate] tbody tr').length")
        self.assertLessEqual(abs(shown - min(120, len(drawn))), 1)

    def test_04_a_model(self):
        self.go("/")
        self.wait("document.querySelector('a[data-key=\"prices:2\"]')")
        self.value("document.querySelector('a[data-key=\"prices:2\"]').click()")
        self.wait("document.documentElement.dataset.page === '/models/prices/2'")
        self.wait("document.querySelectorAll('#versions-table tbody tr').length === 2")

        def shares():
            return [(row[0], row[2]) for row in self.rows("versions-table")]

        self.agree(shares, lambda: [("2", "100 %"), ("1", "–")])
        path = "/models/prices/versions/2/series?seconds=120"
        self.check_lines("chart-versions", {
            "version 2": lambda s: s["predictions_per_s"]}, path)
        codes = self.get(path)["calls_per_s_by_code"]
        self.assertEqual(sorted(codes), ["INVALID_ARGUMENT", "OK"])
        self.check_lines("chart-codes", {
            code: lambda s, code=code: s["calls_per_s_by_code"][code] for code in codes}, path)
        self.check_lines("chart-waits", {
            "%s %s" % (part, q): lambda s, part=part, q=q: s["%s_%s_us" % (part, q)]
            for part in ("queue", "compute") for q in ("p50", "p99")}, path)

    def test_05_audit_trail(self):
        self.wait("document.querySelectorAll('#audit-table tbody tr').length === 2")
        changes = self.get("/models/prices")["servers"][0]["changes"]
        rows = self.rows("audit-table")
        self.assertEqual([row[3] for row in rows], [c["reason"] for c in changes])
        # Without security, where a call came from is who made it.
        self.assertEqual([row[2] for row in rows], [c["peer"] for c in changes])
        self.assertNotIn("", [c["peer"] for c in changes])
        self.assertEqual(rows[0][1], "pointed production to version 2 from 1")
        self.assertIn("<b>fresher</b> rows & more", rows[0][3])  # text, and never markup

    def test_06_what_training_said(self):
        self.go("/models/flowers/1")
        self.wait("document.querySelector('#report-confusion')")
        report = self.get("/models/flowers/versions/1")["servers"][0]["versions"][0]["report"]
        confusion = report["test"]["confusion"]
        n = len(confusion["labels"])
        shown = self.value("[...document.querySelectorAll('#report-confusion td')].map(cell => "
                           "[cell.dataset.cell, Number(cell.textContent.replaceAll(',', ''))])")
        self.assertEqual(shown, [["%d:%d" % (k // n, k % n), count]
                                 for k, count in enumerate(confusion["counts"])])
        self.assertEqual(sum(confusion["counts"]), report["rows_test"])
        loss = [p["y"] for p in self.drawn("chart-loss")["loss"]]
        self.assertEqual(loss, report["fit"]["loss_curve"])
        self.assertGreater(len(loss), 5)
        accuracy = next(m["value"] for m in report["test"]["metrics"] if m["name"] == "accuracy")
        self.assertEqual(float(self.text("[data-metric=accuracy] td")), float("%.4g" % accuracy))

    def histogram(self, chart, column):
        """Bars are the shares of the API's histograms; a bin of missing values that has none in
        either is left out."""
        told = self.get("/models/flowers/versions/1/drift?column=" + column)["column"]
        kept = [i for i, both in enumerate(zip(told["reference"], told["window"]))
                if any(both) or i < len(told["reference"]) - 1]
        return {"reference": [told["reference"][i] for i in kept],
                "last window": [told["window"][i] for i in kept]}

    def state_of(self, column):
        columns = self.get("/models/flowers/versions/1/drift")["columns"]
        return next(c["state"] for c in columns if c["name"] == column)

    def test_07_heat_map(self):
        self.wait("document.querySelectorAll('#heat td').length > 3")
        path = "/models/flowers/versions/1/drift?hours=6"

        def cells():
            return dict(self.value(
                "[...document.querySelectorAll('#heat tbody tr')].map(row => [row.dataset.column, "
                "[...row.cells].slice(1).map(cell => Number(cell.dataset.psi))])"))

        def told():
            return {line["name"]: line["psi"][-30:] for line in self.get(path)["heat"]}

        # The windows of the moved lengths are closed and looked at a while after the calls.
        self.until(lambda: told()[LENGTH][-1] > 0.1 and self.state_of(LENGTH) == "firing")
        shown = self.agree(cells, told)
        self.assertIn(LENGTH, shown)
        self.assertIn("width", shown)
        first = self.value("document.querySelector('#heat tbody tr').dataset.column")
        self.assertEqual(first, max(shown, key=lambda name: shown[name][-1]))
        drift = self.get(path)
        state = {c["name"]: c["state"] for c in drift["columns"]}
        self.assertEqual((state[LENGTH], state["width"]), ("firing", "quiet"))
        self.assertGreater(shown[LENGTH][-1], 0.1)
        self.agree(lambda: self.drawn("chart-predictions"),
                   lambda: self.histogram("chart-predictions", "label"))

    def test_08_drill_down_by_keyboard(self):
        self.value("document.querySelector('#heat td[tabindex=\"0\"]').focus()")
        here = "document.activeElement.dataset"
        rows = self.value("[...document.querySelectorAll('#heat tbody tr')].map(r => "
                          "r.dataset.column)")
        for row, column in enumerate(rows):
            if row > 0:
                self.press("ArrowDown")
            self.assertEqual(self.value(here + ".column"), column)
            if column == LENGTH:
                break
        self.assertIn("limit", self.value("document.activeElement.ariaLabel"))
        self.press("Enter")
        self.wait("document.activeElement.id === 'column-title'")
        self.agree(lambda: self.drawn("chart-column"),
                   lambda: self.histogram("chart-column", LENGTH))
        self.assertIn("Its distribution has moved", self.text("#column"))
        course = self.drawn("chart-column-psi")["PSI"]
        told = self.get("/models/flowers/versions/1/drift?column=%s&hours=24" % LENGTH)["history"]
        self.assertEqual([p["y"] for p in course], [w["psi"] for w in told])
        self.press("Escape")
        self.wait(here + ".column === '%s'" % LENGTH)
        self.assertTrue(self.value("document.getElementById('column').hidden"))
        self.value("(box => { box.value = 'WID'; box.dispatchEvent(new Event('input')) })"
                   "(document.getElementById('drift-filter'))")
        self.wait("document.querySelectorAll('#heat tbody tr').length === 1")

    def test_09_quality(self):
        path = "/models/flowers/versions/1/quality?hours=24"
        self.wait("document.querySelector('#quality-confusion')")

        def cells():
            labels = self.value("[...document.querySelectorAll('#quality-confusion tbody th')]"
                                ".map(cell => cell.textContent)")
            counts = self.value("[...document.querySelectorAll('#quality-confusion td')].map(cell "
                                "=> Number(cell.textContent.replaceAll(',', '')))")
            n = len(labels)
            return {(labels[k // n], labels[k % n]): count
                    for k, count in enumerate(counts) if count}

        def told():
            confusion = self.get(path)["confusion"]
            return {(truth, predicted): confusion["counts"][i][k]
                    for i, truth in enumerate(confusion["labels"])
                    for k, predicted in enumerate(confusion["labels"])
                    if confusion["counts"][i][k]}

        shown = self.agree(cells, told)
        self.assertGreater(sum(shown.values()), 100)
        quality = self.get(path)
        self.assertTrue(quality["enough"])
        accuracy = quality["metrics"]["accuracy"]
        self.assertGreater(accuracy["value"], 0.6)
        self.assertIn(percent(accuracy["value"]) + percent(accuracy["lower"]),
                      self.text("[data-quality=accuracy]"))
        self.agree(lambda: self.text("#quality .facts dd"), lambda: self.counted(path))
        self.wait("trivetCharts.drawn['chart-quality']")

        def line():
            return [p["y"] for p in self.drawn("chart-quality")["Accuracy"]]

        points = self.agree(line, lambda: [p["accuracy"]["value"] for p in self.get(path)["history"]
                                           if "accuracy" in p])
        self.assertGreater(len(points), 0)
        band = self.drawn("chart-quality")
        self.assertLessEqual(band["low"][-1]["y"], points[-1])
        self.assertGreaterEqual(band["band"][-1]["y"], points[-1])
        self.agree(lambda: [p["y"] for p in self.drawn("chart-coverage")["with an outcome"]],
                   lambda: [p["coverage"] for p in self.get(path)["history"]])

    def counted(self, path):
        counts = self.get(path)
        return "{:,} of {:,} logged predictions ({})".format(
            counts["labelled"], counts["logged"], percent(counts["coverage"]))

    def test_10_jobs(self):
        self.go("/jobs")
        self.wait("document.querySelectorAll('#jobs-table tbody tr').length === 9")
        jobs = self.get("/jobs")["servers"][0]["jobs"]
        self.assertEqual([row[0] for row in self.rows("jobs-table")], [job["id"] for job in jobs])
        # One that is begun now appears by its events, and ends before our eyes.
        job = self.site.client.train("flowers", self.garden, "kind", estimator="mlp_classifier",
                                     params={"epochs": 1000000, "n_iter_no_change": 1000000},
                                     test_size=0.3)
        cell = "document.querySelector('tr[data-job=\"%s\"]')" % job.id
        self.wait("%s?.querySelector('[role=progressbar]')?.ariaValueNow > 0" % cell, 60)
        self.wait("%s?.querySelector('.progress').textContent.includes('fit, loss ')" % cell, 60)
        self.value("%s.querySelector('a').click()" % cell)
        self.wait("document.documentElement.dataset.page === '/jobs/%s'" % job.id)
        self.wait("document.querySelector('#job [role=progressbar]')")
        self.loss_goes_on(job.id)
        self.site.client.call("Training/CancelJob", training.CancelJobRequest(job_id=job.id),
                              training.Job)
        self.wait("document.querySelector('#job .badge')?.textContent === 'cancelled'")
        self.wait("document.querySelector('#page .empty')?.textContent.startsWith('It left no')")
        self.go("/jobs/" + self.site.flowers_job.id)
        self.wait("trivetCharts.drawn['chart-loss']?.data.datasets[0].data.length > 5")
        report = self.get("/jobs/" + self.site.flowers_job.id)["servers"][0]["report"]
        self.assertEqual([p["y"] for p in self.drawn("chart-loss")["loss"]],
                         report["fit"]["loss_curve"])
        self.go("/jobs/job-0000000000000000")
        self.wait("document.querySelector('.why')?.textContent.startsWith('No server knows')")

    def loss_goes_on(self, job_id):
        """Every point that is drawn is one of the API's, and there come more."""
        self.wait("trivetCharts.drawn['chart-loss']?.data.datasets[0].data.length > 0", 60)
        first = self.drawn("chart-loss")["loss"][-1]["x"]
        told = {}

        def equal():
            for point in self.get("/jobs/" + job_id)["servers"][0]["progress"]["losses"]:
                told[point["iteration"]] = point["loss"]
            shown = {point["x"]: point["y"] for point in self.drawn("chart-loss")["loss"]}
            return max(shown) > first and len(shown) > 1 and shown.items() <= told.items()

        self.until(equal, 60)
        self.photograph("running")
        self.browser.resize(1280, 900)
        self.browser.scheme("light")

    def test_11_server(self):
        self.go("/server")
        self.wait("document.querySelectorAll('#page .source').length === 1")
        for chart, column, scale in (("chart-rss", "rss_bytes", 1), ("chart-cpu", "cpu_percent", .01),
                                     ("chart-connections", "connections", 1)):
            self.wait("trivetCharts.drawn['%s']?.data.datasets[0].data.some(p => p.y)" % chart)

            def shown(chart=chart):
                return [p["y"] for p in next(iter(self.drawn(chart).values()))][-20:]

            def told(column=column, scale=scale):
                values = self.get("/server")["servers"][0][column][-20:]
                return [None if v is None else v * scale for v in values]

            self.agree(shown, told)
        self.assertIn("up", self.text(".source .badge"))
        self.wait("/Calls in hand[0-9,]+ of [0-9,]+/.test("
                  "document.querySelector('.limits').textContent)")

    def test_12_monitor(self):
        self.go("/monitor")

        def shown():
            rows = self.rows("streams-table")
            return rows and (self.text("[data-tile=lost] .value"),
                             self.text("[data-tile=malformed] .value"), rows[0][5], rows[0][6])

        def told():
            source = self.get("/monitor")["sources"][0]
            lost, bad = "{:,}".format(source["lost_events"]), "{:,}".format(source["malformed"])
            return lost, bad, lost, bad

        self.agree(shown, told)
        self.assertGreater(self.get("/monitor")["sources"][0]["events_received"], 10)
        self.assertEqual(self.text("[data-tile=pages] .value"), "1")

    def test_13_alerts(self):
        self.go("/alerts")

        def active():
            return sorted((row[0], row[1], row[2]) for row in self.rows("alerts-active"))

        def told():
            return sorted((a["state"], a["rule"].replace("_", " "), "%s:%d" % (
                a["model"], a["version"])) for a in self.get("/alerts")["active"])

        shown = self.agree(active, told)
        self.assertIn(("firing", "error ratio", "prices:2"), shown)
        self.assertIn("drift", [rule for _, rule, about in shown if about == "flowers:1"])
        self.wait("document.querySelectorAll('#alerts-resolved tbody tr').length > 0")
        resolved = self.get("/alerts")["resolved"]
        self.assertEqual([row[0] for row in self.rows("alerts-resolved")],
                         [a["rule"].replace("_", " ") for a in resolved])
        self.assertIn("error_burst", [a["rule"] for a in resolved])
        self.assertEqual(len(self.rows("alerts-rules")), len(self.get("/alerts")["rules"]))
        self.go("/")
        self.wait("document.querySelectorAll('#active-alerts .alert').length === %d" % len(shown))
        counts = self.get("/overview")["alerts"]
        self.assertEqual(self.text("#nav-alerts"), str(counts["firing"] + counts["pending"]))
        badges = dict(self.value(
            "[...document.querySelectorAll('#models-table tbody tr')].map(row => "
            "[row.dataset.key, row.cells[2].textContent])"))
        self.assertTrue(badges["prices:2"].startswith("error ratio"), badges)
        self.assertEqual(badges["prices:1"], "ok")

    # --- for everyone

    def test_20_keyboard(self):
        self.go("/")
        self.wait("document.querySelector('a[data-key=\"flowers:1\"]')")
        self.value("document.getElementById('page').focus()")
        for _ in range(30):
            self.press("Tab")
            if self.value("document.activeElement.dataset.key") == "flowers:1":
                break
        self.assertEqual(self.value("document.activeElement.dataset.key"), "flowers:1")
        self.assertNotEqual(self.value("getComputedStyle(document.activeElement).outlineStyle"),
                            "none")
        seen = self.text("#footer-time")
        self.wait("document.getElementById('footer-time').textContent !== %s" % json.dumps(seen))
        self.assertEqual(self.value("document.activeElement.dataset.key"), "flowers:1",
                         "a live update took the focus away")
        self.press("Enter")
        self.wait("document.documentElement.dataset.page === '/models/flowers/1'")
        self.assertEqual(self.value("document.activeElement.id"), "page")

    def test_21_screen_reader(self):
        for name, path in self.pages.items():
            self.go(path)
            with self.subTest(name):
                levels = self.value("[...document.querySelectorAll('h1, h2, h3, h4')].filter(h => "
                                    "h.checkVisibility()).map(h => Number(h.tagName[1]))")
                self.assertEqual(levels[0], 1)
                self.assertLessEqual(max([b - a for a, b in zip(levels, levels[1:])] or [0]), 1)
                self.assertEqual(self.value("document.querySelectorAll('h1').length"), 1)
                self.assertEqual(self.value("document.querySelectorAll('main').length"), 1)
                bare = self.value(
                    "[...document.querySelectorAll('select, input')].filter(s => !s.labels.length)"
                    ".length + [...document.querySelectorAll('table')].filter(t => !t.caption)"
                    ".length + [...document.querySelectorAll('canvas')].filter(c => "
                    "!c.getAttribute('aria-label')).length")
                self.assertEqual(bare, 0)
                self.assertTrue(self.value("document.title").endswith(" – Trivet monitor"))
        live = self.value("[...document.querySelectorAll('[aria-live]')].map(e => e.id)")
        self.assertEqual(live, ["live"])

    def test_22_pictures(self):
        for name, path in self.pages.items():
            self.go(path)
            self.wait("document.querySelector('#page .panel, #page .empty:not([hidden])')")
            self.wait("[...document.querySelectorAll('#page canvas')].every(c => "
                      "!c.checkVisibility() || trivetCharts.drawn[c.id])")
            self.photograph(name)
        self.browser.resize(1280, 900)
        self.browser.scheme("light")
        ground = "getComputedStyle(document.body).backgroundColor"
        light = self.value(ground)
        self.browser.scheme("dark")
        self.assertNotEqual(self.value(ground), light)
        self.browser.scheme("light")

    def test_23_nothing_leaves(self):
        self.value("1")  # takes in what was reported until now
        foreign = [url for url in self.browser.requests
                   if not url.startswith(self.url) and not url.startswith("about:")]
        self.assertEqual(foreign, [])
        self.assertGreater(len(self.browser.requests), 20)
        # A job that nobody knows was asked for, and an answer may be a moment away (503).
        expected = re.compile(r"Failed to load resource: .* status of (404|503) ")
        self.assertEqual([c for c in self.browser.complaints if not expected.match(c)], [])

    # --- the end

    def test_30_live(self):
        """Calls appear without a reload."""
        self.go("/")
        before = self.get("/overview")["totals"]["predictions"]
        self.site.client.predict("prices", [[100.0, 4.0]] * 17)
        self.wait("document.querySelector('[data-tile=predictions] .value').textContent === '%s'"
                  % "{:,}".format(before + 17))

    def test_30_live_rows(self):
        """What stays is the same node: a selection in it lasts."""
        self.value("getSelection().selectAllChildren(window.kept = document.querySelector("
                   "'a[data-key=\"flowers:1\"]'))")
        for _ in range(2):
            seen = self.text("#footer-time")
            self.site.client.predict("flowers", [[5.0, 3.0]])
            self.wait("document.getElementById('footer-time').textContent !== %s"
                      % json.dumps(seen))
        self.assertTrue(self.value("kept.isConnected"))
        self.assertEqual(self.value("String(getSelection())"), "flowers")

    def test_31_server_gone(self):
        self.assertEqual(self.text("#live-text"), "live")
        self.go("/server")
        self.assertEqual(self.site.trivetd.stop(), 0)
        self.wait("document.getElementById('live-text').textContent === '1 of 1 servers down'")
        self.wait("document.querySelector('.why')?.textContent.includes("
                  "\"Connection refused; start one with 'trivetd\")")
        self.nobody_can_tell()

    def test_32_monitor_gone(self):
        self.assertEqual(self.site.monitor.stop(), 0)
        self.wait("document.documentElement.classList.contains('stale')")
        self.assertIn("no word from the monitor", self.text("#live-text"))
        self.the_monitor_is_gone()


if __name__ == "__main__":
    unittest.main(verbosity=2)
