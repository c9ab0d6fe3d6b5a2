/* How much a model is called, by version and by code, and where a call's time goes. */
import { versionPath, watch } from "./api.js";
import { el, panel, select } from "./dom.js";
import { Figure, freeColour, points, seriesColour, timeRange } from "./charts.js";
import { spans, trafficFigures } from "./page_overview.js";
import { latency, rate } from "./text.js";

const most = 6; // versions in one chart

export function trafficSection({ model, version, state }) {
  const byVersion = new Figure({ id: "chart-versions", title: "Predictions per second, by version", unit: rate, suggestedMax: 1 });
  const byCode = new Figure({ id: "chart-codes", title: "Calls per second, by code", unit: rate, suggestedMax: 1 });
  const one = trafficFigures(false);
  const [slow, failed] = one.all;
  const waits = new Figure({ id: "chart-waits", title: "Queue against compute", unit: latency, logarithmic: true });
  const others = new Map(); // version → its watcher and newest series
  let mine = null;

  const picker = select("Span", spans, state.seconds, (value) => {
    state.seconds = value;
    for (const other of others.values()) other.watcher.now();
  }, "pick-seconds");

  function draw() {
    const range = mine ? timeRange(mine.t) : {};
    const told = [...others.entries()].filter(([, o]) => o.series).sort((a, b) => a[0] - b[0]);
    if (told.length > 0) {
      byVersion.draw({ ...timeRange(told[0][1].series.t), keyed: true, sets: told.map(([v, o]) => ({ label: `version ${v}`, colour: o.colour, points: points(o.series.t, o.series.predictions_per_s) })) });
    }
    if (!mine) return;
    const codes = Object.entries(mine.calls_per_s_by_code);
    byCode.draw({ ...range, keyed: true, sets: codes.length ? codes.map(([name, values], i) => ({ label: name, colour: name === "OK" ? "--c-rate" : seriesColour(i + 2), dash: name === "OK" ? undefined : [5, 3], points: points(mine.t, values) })) : [{ label: "OK", colour: "--c-rate", points: points(mine.t, mine.t.map(() => 0)) }] });
    one.draw(mine);
    const set = (label, name, colour, dash) => ({ label, colour, dash, points: points(mine.t, mine[name]) });
    waits.draw({ ...range, sets: [set("queue p50", "queue_p50_us", "--s1", [5, 3]), set("queue p99", "queue_p99_us", "--s1"), set("compute p50", "compute_p50_us", "--s2", [5, 3]), set("compute p99", "compute_p99_us", "--s2")] });
  }

  function follow(wanted) {
    for (const [v, other] of others) {
      if (wanted.includes(v)) continue;
      other.watcher.stop();
      others.delete(v);
    }
    for (const v of wanted.filter((w) => !others.has(w))) {
      const other = { series: null, watcher: null, colour: freeColour(v, [...others.values()].map((o) => o.colour)) };
      others.set(v, other);
      other.watcher = watch(() => `${versionPath(model, v)}/series?seconds=${state.seconds}`, v === version() ? 1 : 2, (series) => {
        other.series = series;
        if (v === version()) mine = series;
        draw();
      }, () => { if (v === version() && !mine) nothing(); });
    }
  }

  function nothing() {
    for (const figure of [byVersion, byCode, slow, failed, waits]) figure.none("No call of this version was seen while this monitor ran.");
  }

  return {
    node: panel("Traffic", { id: "model-traffic", controls: el("div", { class: "controls" }, picker.node) },
      el("div", { class: "charts two" }, [byVersion, byCode, slow, waits, failed].map((figure) => figure.node))),
    begin() {
      mine = null;
      const again = others.get(version());
      if (again) mine = again.series;
    },
    update({ entries }) {
      const busiest = [...entries].sort((a, b) => b.predictions_per_s - a.predictions_per_s || b.version - a.version).map((e) => e.version);
      follow([version(), ...busiest.filter((v) => v !== version())].filter((v) => v !== null).slice(0, most));
    },
    remove() {
      for (const other of others.values()) other.watcher.stop();
      for (const figure of [byVersion, byCode, waits, ...one.all]) figure.remove();
    },
  };
}
