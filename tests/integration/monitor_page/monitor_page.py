"""The monitor's page in a real browser: what it draws equals what the JSON API says.

    monitor_page.py [URL [FOLDER]]

With a URL it checks the monitor that serves there, while nobody predicts, and leaves pictures in
FOLDER. Without, it starts trivetd and trivet-monitor, makes traffic with errors in it, and checks
that the page also tells when the server is gone."""

import json
import os
import sys
import time
import unittest
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from browser import Browser  # noqa: E402

URL = sys.argv[1] if len(sys.argv) > 1 else None
PICTURES = sys.argv[2] if len(sys.argv) > 2 else None


def get(url, path):
    with urllib.request.urlopen(url + path, timeout=10) as reply:
        return json.load(reply)


def make_traffic(client):
    """Three versions; calls that work, rows that fail, calls that fail."""
    from harness import CallError
    columns = {"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 4.0, 6.0, 8.1]}
    dataset = client.upload(columns).id
    for model in ("prices", "prices", "energy_use"):
        job = client.train_and_wait(model, dataset, "y")
        client.deploy(model, job.version)
    end = time.monotonic() + 8
    while time.monotonic() < end:
        for model, rows in (("prices", 1), ("energy_use", 3)):
            client.predict(model, [[2.5]] * rows)
        client.predict("prices", [[float("nan")], [1.0]])
        try:
            client.predict("prices", [[1.0, 2.0]])
            raise AssertionError("a wrong width was taken")
        except CallError:
            pass
        time.sleep(0.02)


class MonitorPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.trivetd = None
        cls.url = URL
        if URL is None:
            import tempfile
            from harness import Client, start_monitor, start_trivetd
            folder = tempfile.TemporaryDirectory(prefix="trivet-")
            cls.addClassCleanup(folder.cleanup)
            cls.trivetd = start_trivetd(folder.name)
            cls.addClassCleanup(cls.trivetd.kill)
            monitor = start_monitor(folder.name, cls.trivetd)
            cls.addClassCleanup(monitor.kill)
            cls.url = monitor.ready["http"]
            client = Client(cls.trivetd.ready["listen"])
            make_traffic(client)
            client.close()
            time.sleep(4)  # the newest second of a chart is two seconds old
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)
        cls.browser.resize(1280, 900)
        cls.browser.scheme("light")
        cls.browser.open(cls.url)
        cls.browser.wait_for("document.documentElement?.dataset.ready === 'yes'")
        cls.browser.wait_for("trivetCharts.drawn['chart-rate'].data.datasets[0].data.length > 0")

    def text(self, selector):
        return self.browser.value("document.querySelector(%s).textContent" % json.dumps(selector))

    def picture(self, name):
        if PICTURES is not None:
            self.browser.screenshot(os.path.join(PICTURES, name + ".png"))

    def overview_on_page(self):
        """The API's overview and the page's rows at a moment when both stand still."""
        rows = ("[...document.querySelectorAll('#models-table tbody tr')].map(row => "
                "[...row.cells].map(cell => cell.textContent))")
        for _ in range(50):
            before = get(self.url, "api/v1/overview")
            shown = (self.text("#tile-predictions"), self.browser.value(rows))
            after = get(self.url, "api/v1/overview")
            if before["totals"]["calls"] == after["totals"]["calls"] and \
                    shown[0] == "{:,}".format(before["totals"]["predictions"]):
                return before, shown[1]
            time.sleep(0.3)
        self.fail("the page shows %s predictions, the API %d" % (
            shown[0], after["totals"]["predictions"]))

    def test_1_numbers(self):
        overview, rows = self.overview_on_page()
        self.assertGreater(overview["totals"]["predictions"], 0)
        self.assertEqual(len(rows), len(overview["models"]))
        for row, model in zip(rows, overview["models"]):
            self.assertEqual(row[0], model["model"])
            self.assertEqual(row[1], str(model["version"]))
            self.assertEqual(row[2], "{:,}".format(model["predictions"]))
            self.assertEqual(row[4], "{:,}".format(model["failed_calls"]))
            self.assertEqual(row[5], "{:,}".format(model["failed_rows"]))
        self.assertEqual(self.text("#tile-lost"), "{:,}".format(overview["lost_events"]))
        if URL is None:
            self.assertGreater(overview["totals"]["failed_rows"], 0)
            self.assertGreater(overview["totals"]["failed_calls"], 0)
        print("page and API agree: %d predictions, %d versions" % (
            overview["totals"]["predictions"], len(rows)))
        self.picture("light")

    def check_charts(self, path):
        columns = {"chart-rate": ["predictions_per_s"],
                   "chart-latency": ["p50_us", "p90_us", "p99_us"],
                   "chart-errors": ["failed_calls_per_s", "failed_rows_per_s"]}
        drawn = self.browser.value(
            "Object.fromEntries(Object.entries(trivetCharts.drawn).map(([id, chart]) => "
            "[id, chart.data.datasets.map(set => set.data)]))")
        series = get(self.url, path)
        expected = {t: i for i, t in enumerate(series["t"])}
        points = values = 0
        for chart, names in columns.items():
            for name, line in zip(names, drawn[chart]):
                for point in line:
                    if point["x"] in expected:
                        self.assertEqual(point["y"], series[name][expected[point["x"]]], name)
                        points += 1
                        values += bool(point["y"])
        self.assertGreater(points, 6 * 50)
        self.assertGreater(values, 0)
        for chart in columns:
            inked = self.browser.value(
                "(() => { const c = document.getElementById('%s'); const blank = "
                "document.createElement('canvas'); blank.width = c.width; "
                "blank.height = c.height; return c.toDataURL() !== blank.toDataURL(); })()" % chart)
            self.assertTrue(inked, chart)
        return points

    def test_2_charts(self):
        points = self.check_charts("api/v1/series?seconds=300")
        print("charts and API agree: %d points" % points)

    def test_3_one_model(self):
        model = max(get(self.url, "api/v1/overview")["models"], key=lambda m: m["calls"])
        key = "%s:%d" % (model["model"], model["version"])
        self.browser.value("document.querySelector('button[data-key=\"%s\"]').click()" % key)
        self.browser.wait_for("document.getElementById('pick-model').value === '%s'" % key)
        time.sleep(2)
        self.check_charts("api/v1/models/%s/versions/%d/series?seconds=300" % (
            model["model"], model["version"]))
        self.browser.value("document.getElementById('numbers').open = true")
        self.browser.wait_for("document.querySelectorAll('#series-table tbody tr').length > 10")
        self.browser.value("document.getElementById('numbers').open = false; "
                           "document.querySelector('button[aria-pressed=true]').click()")
        self.browser.wait_for("document.getElementById('pick-model').value === ''")

    def test_4_accessible(self):
        unnamed = self.browser.value(
            "[...document.querySelectorAll('select')].filter(s => s.labels.length === 0).length")
        self.assertEqual(unnamed, 0)
        for chart in ("chart-rate", "chart-latency", "chart-errors"):
            label = self.browser.value(
                "document.getElementById('%s').getAttribute('aria-label')" % chart)
            self.assertRegex(label, "now .+")
        self.assertEqual(self.browser.value("document.getElementById('live').ariaLive"), "polite")
        self.assertEqual(self.browser.value("document.querySelectorAll('h1').length"), 1)

    def test_5_dark_and_narrow(self):
        ground = "getComputedStyle(document.body).backgroundColor"
        light = self.browser.value(ground)
        self.browser.scheme("dark")
        self.assertNotEqual(self.browser.value(ground), light)
        time.sleep(1.5)
        self.picture("dark")
        self.browser.resize(390, 844, mobile=True)
        time.sleep(1.5)
        for scheme in ("dark", "light"):
            self.browser.scheme(scheme)
            time.sleep(1.5)
            self.picture("narrow-" + scheme)
        width = self.browser.value("document.documentElement.scrollWidth")
        self.assertLessEqual(width, 390)
        self.browser.resize(1280, 900)

    def test_6_nothing_leaves(self):
        self.browser.value("1")  # takes in what was reported until now
        foreign = [url for url in self.browser.requests
                   if not url.startswith(self.url) and not url.startswith("about:")]
        self.assertEqual(foreign, [])
        self.assertGreater(len(self.browser.requests), 5)
        self.assertEqual(self.browser.complaints, [])

    def test_7_server_gone(self):
        if self.trivetd is None:
            self.skipTest("the server is not ours to stop")
        self.assertEqual(self.text("#live-text"), "live")
        self.assertEqual(self.trivetd.stop(), 0)
        self.browser.wait_for("document.getElementById('live-text').textContent === "
                              "'1 of 1 servers down'")
        self.assertIn("Connection refused; start one with 'trivetd", self.text(".why"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
