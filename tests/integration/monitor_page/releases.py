"""How versions come and go: a canary, a shadow, and what happens by itself."""

from harness import models
from site_of_tests import percent


def short(value):
    """As the pages say it, from a thousandth to a thousand."""
    return "0" if value == 0 else "%g" % float("%.3g" % value)


class Releases:
    """Tests of MonitorPage."""

    def cells(self, table, *columns):
        return [tuple(row[i] for i in columns) for row in self.rows(table)]

    def test_14_canary(self):
        """What is to be, and what is: of the calls of the last seconds."""
        for i in range(40):
            self.site.client.predict("rents", [[100.0 + i, 4.0]])
        self.go("/models/rents")

        def told():
            traffic = self.get("/models/rents")["servers"][0]["traffic"]
            weights = {s["version"]: s["weight"] for s in traffic}
            calls = {m["version"]: m["calls_per_s"] for m in self.get("/overview")["models"]
                     if m["model"] == "rents"}
            if sum(calls.values()) == 0:
                return None
            return [(str(v), percent(weights[v] / sum(weights.values())),
                     percent(calls[v] / sum(calls.values()))) for v in (2, 1)]

        shown = self.agree(lambda: self.cells("versions-table", 0, 2, 3), told)
        self.assertEqual([row[1] for row in shown], ["25 %", "75 %"])
        self.wait("document.querySelector('#audit-table tbody td')?.textContent === "
                  "'split the traffic: 75 % to version 1, 25 % to version 2'")
        self.wait("Object.keys(trivetCharts.drawn['chart-versions']?.data.datasets ?? {}).length"
                  " === 2")
        colours = self.value("trivetCharts.drawn['chart-versions'].data.datasets.map(s => "
                             "s.borderColor)")
        self.assertEqual(len(set(colours)), 2)
        self.site.client.call("Models/Configure", models.ConfigureRequest(
            model="rents", settings=models.ModelSettings(keep_features=True, keep_versions=9),
            fields=["keep_versions"]), models.Model)
        self.site.client.deploy("rents", 1, alias="old")
        self.site.client.call("Models/RemoveAlias", models.RemoveAliasRequest(
            model="rents", alias="old"), models.Model)
        self.wait("document.querySelector('#audit-table tbody td')?.textContent === "
                  "'removed the alias old, which pointed to version 1'")
        self.assertEqual(self.rows("audit-table")[2][1], "changed the settings: keep versions 9")

    def test_15_automation(self):
        def steps():
            loop = next(m for m in self.get("/loop")["models"] if m["model"] == "visits")
            return loop, [(s["step"].replace("_", " "), s["outcome"],
                           str(s["version"]) if s["version"] else "–", s["text"])
                          for s in loop["steps"]]

        self.until(lambda: steps()[0]["step"] == "shadowing")
        self.go("/models/visits")
        shown = self.agree(lambda: self.cells("loop-table", 1, 2, 3, 4), lambda: steps()[1])
        self.assertIn(("train", "done"), [step[:2] for step in shown])
        loop = steps()[0]
        facts = dict(self.value("[...document.querySelectorAll('#loop .facts div')].map(f => "
                                "[...f.children].map(c => c.textContent))"))
        self.assertEqual((facts["State"], facts["Champion"], facts["Challenger"]),
                         ("shadowing", "version 1", "version 2"))
        self.assertEqual((loop["champion"], loop["challenger"]), (1, 2))
        scores = next(text for name, text in facts.items() if name.endswith("rows"))
        self.assertTrue(scores.startswith("champion "), scores)

    def test_16_shadow(self):
        for i in range(20):
            self.site.client.predict("visits", [[5.0 + i]])
        path = "/models/visits/versions/2/shadow"

        def told():
            shadow = self.get(path)["shadows"]
            return [("version %d" % s["version"], "version %d" % s["answered_by"],
                     "{:,}".format(s["compared"]), short(s["mean_absolute_difference"]),
                     str(s["failed"]), str(s["skipped"])) for s in shadow] or None

        shown = self.agree(lambda: self.cells("shadow-table", 0, 1, 2, 4, 6, 7), told)
        self.assertEqual(shown[0][:2], ("version 2", "version 1"))
        self.assertGreater(self.get(path)["shadows"][0]["compared"], 0)
        self.wait("[...document.querySelectorAll('#versions-table tbody tr')].map(r => "
                  "r.cells[2].textContent).join() === 'shadow of 100 %,100 %'")
