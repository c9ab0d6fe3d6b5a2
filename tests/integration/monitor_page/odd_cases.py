"""What does not happen every day: broken addresses, names too long, too many viewers, no answer."""

import socket
import urllib.parse

from site_of_tests import IDLE

STREAMS_MAX = 32

CONTRAST = """
(() => {
  const parse = (text) => {
    const n = text.match(/[\\d.]+/g).map(Number);
    const unit = text.startsWith("color(") ? 255 : 1;
    return [n[0] * unit, n[1] * unit, n[2] * unit, n.length > 3 ? n[3] : 1];
  };
  const ground = (e) => {
    const layers = [];
    for (let at = e; at; at = at.parentElement) {
      const layer = parse(getComputedStyle(at).backgroundColor);
      layers.push(layer);
      if (layer[3] === 1) break;
    }
    return layers.reverse().reduce((below, top) =>
      [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1));
  };
  const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
    const v = c[i] / 255;
    return sum + weight * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  }, 0);
  const of = (e) => {
    const two = [light(parse(getComputedStyle(e).color)), light(ground(e))].sort((a, b) => b - a);
    return (two[0] + 0.05) / (two[1] + 0.05);
  };
  return Math.min(...[...document.querySelectorAll(SELECTOR)].map(of));
})()
"""


class OddCases:
    """Tests of MonitorPage."""

    def inside(self, selector):
        """Whether nothing of a region is out of sight to the right."""
        box = "document.querySelector(%r)" % selector
        self.wait(box)
        return self.value("%s.scrollWidth <= %s.clientWidth" % (box, box))

    def test_17_broken_addresses(self):
        self.browser.open("about:blank")
        self.browser.open(self.url + "#/models/%E0%A4%A")
        self.wait("document.documentElement?.dataset.ready === 'yes'")
        self.assertEqual(self.text("h1"), "No such page")
        self.assertEqual(self.text("#live-text"), "live")
        self.go("/models/prices/99")
        self.wait("document.querySelector('.page-head .badge')?.textContent === 'unknown'")
        self.wait("[...document.querySelectorAll('.empty')].some(e => e.checkVisibility() && "
                  "e.textContent.startsWith('prices has no version 99'))")
        self.go("/models/nix")
        self.wait("[...document.querySelectorAll('.empty')].some(e => e.checkVisibility() && "
                  "e.textContent.startsWith('No server knows this model'))")
        self.assertEqual(self.text(".page-head .badge"), "unknown")
        self.assertFalse(self.value("document.querySelector('canvas').checkVisibility()"))

    def test_18_long_texts(self):
        self.go("/")
        self.wait("document.querySelectorAll('#models-table tbody tr').length > 4")
        self.assertTrue(self.inside("#models .scroll"))
        self.go("/jobs")
        self.assertTrue(self.inside("#jobs .scroll"))
        self.go("/alerts")
        self.wait("document.querySelector('#alerts-active tbody tr')")
        self.assertTrue(self.inside("#active .scroll"))
        self.assertTrue(self.value("(box => box.scrollHeight <= box.clientHeight)("
                                   "document.querySelector('#active .scroll'))"))
        self.go("/models/flowers/1")
        self.wait("document.querySelector('[data-tile=drift] .badge.bad')")
        self.assertTrue(self.value(
            "(tile => [...tile.querySelectorAll('*')].every(e => e.getBoundingClientRect().right "
            "<= tile.getBoundingClientRect().right))(document.querySelector('[data-tile=drift]'))"))

    def test_19_scores_say_of_which_rows(self):
        for model, said in ((IDLE, "on its training rows"), ("prices", "held out")):
            self.go("/models/" + model)
            self.wait("[...document.querySelectorAll('#versions-table tbody tr')].some(r => "
                      "r.cells[8].textContent.endsWith('%s'))" % said)

    def test_24_texts(self):
        """Numbers at the borders of their units, and never more than they are; every kind of change."""
        said = self.value("""import("/text.js").then(t => [
            t.percent(1), t.percent(0.99996), t.percent(0.9996), t.percent(0.00001), t.percent(0.5),
            t.short(1), t.short(0.99996), t.short(0.9994), t.short(-0.99996), t.short(1.00001),
            t.latency(999.4), t.latency(999.9996), t.latency(999999), t.bytes(1048575),
            t.bytes(1024), t.clock(new Date(2026, 0, 1, 0, 5).getTime() / 1000).slice(0, 5)])""")
        self.assertEqual(said, [
            "100 %", "> 99.99 %", "99.96 %", "< 0.01 %", "50 %",
            "1", "0.99996", "0.999", "-0.99996", "1",
            "999 µs", "1 ms", "1 s", "1 MiB", "1 KiB", "00:05"])
        said = self.value("""import("/model_versions.js").then(({ changeText }) => [
            { kind: "DELETED", version: 3 }, { kind: "DELETED", version: 0 },
            { kind: "ALIAS_REMOVED", alias: "beta", version: 0, previous_version: 2 },
            { kind: "CONFIGURED", settings: { keep_features: true, keep_versions: 1 } },
            { kind: "CONFIGURED" }].map(changeText))""")
        self.assertEqual(said, [
            "deleted version 3", "deleted the model with all its versions",
            "removed the alias beta, which pointed to version 2",
            "changed the settings: keep features, keep versions 1",
            "changed the settings"])
        self.go("/alerts")
        self.wait("document.querySelector('#alerts-rules tbody tr')")
        limits = {row[0]: row[3] for row in self.rows("alerts-rules")}
        self.assertEqual((limits["error ratio"], limits["drift"], limits["quality drop"]),
                         ("5 %", "1 × limit", "5 % worse"))
        self.assertRegex(self.text("#footer-time"), r"times are (in UTC|local: .*UTC.\d\d:\d\d)")

    def test_25_long_charts(self):
        """A table of as many lines as can be read, and of several days with its dates."""
        said = self.value("""import("/charts.js").then(charts => {
            const points = [...Array(100000).keys()].map(x => ({ x: x + 1, y: 1 / (x + 1) }));
            const curve = new charts.Figure({ id: "t1", kind: "xy", title: "t", unit: String });
            const days = new charts.Figure({ id: "t2", title: "t", unit: String });
            document.getElementById("page").append(curve.node, days.node);
            curve.draw({ sets: [{ label: "a", colour: "--s1", points }] });
            const t = [3, 2, 1, 0].map(d => ({ x: Math.floor(Date.now() / 1000) - 86400 * d, y: d }));
            days.draw({ from: t[0].x, to: t[3].x, sets: [{ label: "a", colour: "--s1", points: t }] });
            curve.details.open = days.details.open = true;
            curve.fillTable();
            days.fillTable();
            const told = [curve.table.body.rows.length, curve.left.textContent,
              curve.table.body.lastChild.cells[0].textContent,
              days.table.body.lastChild.cells[0].textContent,
              charts.drawn.t2.options.plugins.tooltip.callbacks.title([{ parsed: { x: t[0].x } }]),
              [1, 9, 17].reduce((taken, v) => taken.concat(charts.freeColour(v, taken)), [])];
            for (const figure of [curve, days]) { figure.remove(); figure.node.remove(); }
            return told;
        })""")
        self.assertEqual(said[:3], [120, "120 of 100,000 lines, evenly apart.", "100000"])
        for text in said[3:5]:
            self.assertRegex(text, r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")
        self.assertEqual(len(set(said[5])), 3)

    def test_25_newest_window(self):
        """Windows that come are in sight, unless somebody looks at others."""
        said = self.value("""import("/heat.js").then(({ HeatMap }) => {
            const map = new HeatMap(() => {});
            document.getElementById("page").append(map.node);
            map.region.style.width = "300px";
            const draw = (n) => {
              const history = [...Array(n).keys()].map(t => ({ t: 60 * t }));
              const psi = history.map(() => 0.1);
              map.draw({ history, closed_us: 0, columns: [{ name: "a", state: "quiet", psi: 0.1, psi_limit: 0.2 }],
                heat: [{ name: "a", psi_limit: 0.2, psi }] });
              return map.region.scrollWidth - map.region.clientWidth - map.region.scrollLeft;
            };
            const left = [draw(10), draw(20)];
            map.region.scrollLeft = 0;
            draw(25);
            left.push(map.region.scrollLeft);
            map.node.remove();
            return left;
        })""")
        self.assertLess(max(abs(n) for n in said), 2)

    def test_26_contrast(self):
        for scheme in ("dark", "light"):
            self.browser.scheme(scheme)
            for path, selector in (("/models/flowers/1", "#report-confusion td"),
                                   ("/models/flowers/1", "#heat td"),
                                   ("/models/prices/2", "tr.picked .badge, tr.picked .muted")):
                self.go(path)
                self.wait("document.querySelector('%s')" % selector)
                with self.subTest(scheme=scheme, selector=selector):
                    self.assertGreaterEqual(
                        self.value(CONTRAST.replace("SELECTOR", "'%s'" % selector)), 4.5)

    def test_27_no_stream_left(self):
        """Who comes when all streams are taken sees the same, by asking."""
        where = urllib.parse.urlsplit(self.url)
        taken = []
        try:
            self.browser.open("about:blank")
            while len(taken) <= STREAMS_MAX:  # the page's own goes when its end is noticed
                one = socket.create_connection((where.hostname, where.port), timeout=10)
                one.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                taken.append(one)
                if b"503" in one.recv(64):
                    break
            self.browser.open(self.url)
            self.wait("document.documentElement?.dataset.ready === 'yes'")
            for _ in range(4):
                seen = self.text("#footer-time")
                self.wait("document.getElementById('footer-time').textContent !== %r" % seen)
            self.assertEqual(self.text("#live-text"), "live")
            self.assertFalse(self.value(
                "document.documentElement.classList.contains('stale')"))
        finally:
            for one in taken:
                one.close()
        self.browser.open("about:blank")
        self.browser.open(self.url)
        self.wait("document.documentElement?.dataset.ready === 'yes'")

    def nobody_can_tell(self):
        """The server is down: what is not known is not said to be well, nor not to be there."""
        self.go("/models/nix")
        self.wait("[...document.querySelectorAll('.empty')].some(e => e.checkVisibility() && "
                  "e.textContent.startsWith('Whether there is such a model is not known'))")
        self.assertEqual(self.text(".page-head .badge"), "unknown")
        self.assertFalse(self.value("document.querySelector('canvas').checkVisibility()"))
        self.go("/")
        self.wait("document.querySelectorAll('#models-table tbody tr').length > 4")
        self.wait("[...document.querySelectorAll('#models-table tbody tr:not(.silent)')].every("
                  "r => r.cells[2].textContent === 'unknown')")
        self.go("/jobs")
        self.wait("document.querySelector('.why')?.textContent.includes('Connection refused')")
        self.assertFalse(self.value("[...document.querySelectorAll('.empty')].some(e => "
                                    "e.checkVisibility())"))

    def the_monitor_is_gone(self):
        self.go("/jobs")
        self.wait("document.querySelector('.why')?.textContent === 'The monitor does not answer.'")
        said = self.text("#live-text")
        for _ in range(2):
            aside = self.text("#live-aside")
            self.wait("document.getElementById('live-aside').textContent !== %r" % aside)
        self.assertEqual(self.text("#live-text"), said)  # once, to a screen reader
        self.assertTrue(self.value("document.getElementById('live-aside').ariaHidden"))
