/* How good a version's answers were, by the outcomes that came back; and what its shadow says. */
import { versionPath, watch } from "./api.js";
import { code, el, empty, facts, panel, replace, row, select, table, whenChanged } from "./dom.js";
import { Figure, timeRange } from "./charts.js";
import { confusionMatrix } from "./matrix.js";
import { percent, plural, short, whole } from "./text.js";

const shadowColumns = [{ name: "Shadow" }, { name: "Beside" }, { name: "Compared", num: true }, { name: "Equal", num: true },
  { name: "Mean difference", num: true }, { name: "Failed", num: true }, { name: "Left out", num: true }];
const ratios = ["accuracy", "f1_macro", "expected_accuracy"];
const names = { accuracy: "Accuracy", f1_macro: "F1 (macro)", mae: "Mean absolute error", mse: "Mean squared error", r2: "R²", bias: "Bias" };

export const metricText = (name, value) => (ratios.includes(name) ? percent(value) : short(value, 4));
const known = (value) => value !== null && value !== undefined;

/* The metric to draw: of classes the accuracy, of numbers the absolute error. */
export const firstMetric = (quality) => (quality.task === "regression" ? "mae" : "accuracy");

/* { name: { value, lower, upper, test } } as rows. */
function metricsTable(metrics) {
  const columns = [{ name: "Metric" }, { name: "Live", num: true }, { name: "95 % interval", num: true }, { name: "In its test", num: true }];
  const list = table("Live quality", columns, { id: "quality-metrics" });
  list.body.replaceChildren(...Object.entries(metrics).map(([name, m]) => row(columns, [names[name] || name, metricText(name, m.value),
    known(m.lower) ? `${metricText(name, m.lower)} – ${metricText(name, m.upper)}` : "–", known(m.test) ? metricText(name, m.test) : "–"], { data: { quality: name } })));
  return list.region;
}

function coverage(quality) {
  const lost = quality.unjoined || {};
  return facts([
    ["Outcomes", `${whole(quality.labelled)} of ${whole(quality.logged)} logged predictions (${percent(quality.coverage)})`],
    ["Corrected", whole(quality.corrected)], ["Repeated", whole(quality.duplicate)], ["Late", whole(quality.late), "more than a day after the prediction"],
    known(lost.unmatched) ? ["Without a prediction", whole(lost.unmatched), "of the whole model"] : null,
    known(lost.not_sampled) ? ["Not in the log", whole(lost.not_sampled), "the log holds a sample"] : null,
    known(lost.refused) && lost.refused > 0 ? ["Refused", whole(lost.refused), "by the limit on one caller"] : null,
    known(quality.expected_accuracy) ? ["Expected before outcomes", percent(quality.expected_accuracy), "the accuracy of a calibrated model with these probabilities"] : null,
  ]);
}

/* When a version began to answer: of the audit trail. */
function deployMarks(changes, from, to) {
  return (changes || []).filter((c) => c.alias === "production" && c.version > 0).map((c) => ({ t: c.changed_unix_us / 1e6, text: `v${c.version}` })).filter((m) => m.t >= from && m.t <= to);
}

export function qualitySection({ model, version }) {
  const course = new Figure({ id: "chart-quality", title: "Quality over time", unit: short, floating: true, tall: true });
  const covered = new Figure({ id: "chart-coverage", title: "Outcomes of logged predictions", unit: percent });
  const hours = select("Span", [["1", "1 hour"], ["24", "1 day"], ["168", "1 week"], ["720", "30 days"]], "24", () => watcher.now(), "quality-hours");
  const none = empty("No outcome was recorded yet. ", code("trivet feedback"), " tells what became of a prediction, by its id; the quality is then shown here, with the share of predictions that it rests on.");
  const few = empty();
  const metrics = el("div");
  const counts = el("div");
  const confusion = el("div");
  const body = el("div", { hidden: true }, few, counts, metrics, el("div", { class: "charts two quality-charts" }, course.node, covered.node), confusion);
  const shadows = table("Shadows", shadowColumns, { id: "shadow-table", cards: true });
  const shadowNode = panel("Shadow comparison", { id: "shadow", note: "What a shadow would have answered, beside what was answered." }, shadows.region);
  const node = panel("Quality", { id: "quality", controls: el("div", { class: "controls" }, hours.node) }, none, body);
  let changes = [];
  shadowNode.hidden = true;

  function drawCourse(quality) {
    const name = firstMetric(quality);
    const points = (quality.history || []).filter((p) => p[name] && known(p[name].value));
    if (points.length === 0) {
      course.none("No point was stored yet.");
    } else {
      const at = (what) => points.map((p) => ({ x: p.t, y: known(p[name][what]) ? p[name][what] : p[name].value }));
      const range = timeRange(points.map((p) => p.t));
      const to = Math.max(range.to, range.from + 300);
      const test = quality.metrics[name] && quality.metrics[name].test;
      course.draw({ from: range.from, to, keyed: true, unit: (v) => metricText(name, v), marks: deployMarks(changes, range.from, to), sets: [
        { label: "low", colour: "--s1", points: at("lower"), silent: true, hidden: true },
        { label: "band", colour: "--s1", points: at("upper"), silent: true, band: true },
        { label: names[name], colour: "--s1", points: at("value"), dots: points.length < 40 },
        ...(known(test) ? [{ label: "in its test", colour: "--mark", dash: [4, 3], points: points.map((p) => ({ x: p.t, y: test })) }] : [])] });
    }
    const shares = (quality.history || []).filter((p) => known(p.coverage)).map((p) => ({ x: p.t, y: p.coverage }));
    if (shares.length === 0) covered.none("No point was stored yet.");
    else covered.draw({ from: shares[0].x, to: Math.max(shares[shares.length - 1].x, shares[0].x + 300), max: 1, sets: [{ label: "with an outcome", colour: "--s0", points: shares, fill: true }] });
  }

  const show = whenChanged((quality) => {
    const nothing = !quality || !quality.task || quality.labelled === 0;
    none.hidden = !nothing;
    body.hidden = nothing;
    if (nothing) return;
    few.hidden = quality.enough;
    few.textContent = `${plural(quality.labels, "outcome")} in the last ${plural(Math.round(quality.window_s / 3600), "hour")}: too few for a statement, which needs ${whole(quality.labels_min || 100)}.`;
    replace(counts, coverage(quality));
    replace(metrics, quality.enough ? metricsTable(quality.metrics) : []);
    drawCourse(quality);
    const pairs = quality.confusion;
    replace(confusion, pairs && pairs.labels.length ? [el("h3", {}, "Confusion matrix of the outcomes"), confusionMatrix(pairs.labels, pairs.counts, "quality-confusion")] : []);
  });
  const showShadows = whenChanged((list) => {
    shadowNode.hidden = list.length === 0;
    replace(shadows.body, list.map((s) => row(shadowColumns, [`version ${s.version}`, `version ${s.answered_by}`, whole(s.compared),
      { text: s.compared > 0 ? percent(s.equal / s.compared) : "–" }, known(s.mean_absolute_difference) ? short(s.mean_absolute_difference) : "–",
      { text: whole(s.failed), class: s.failed > 0 ? "bad" : "" }, whole(s.skipped)], { data: { shadow: s.version } })));
  });
  const of = (what) => (version() === null ? null : `${versionPath(model, version())}/${what}`);
  const watcher = watch(() => (of("quality") ? `${of("quality")}?hours=${hours.box.value}` : null), 3, show, () => show(null));
  const shadowWatcher = watch(() => of("shadow"), 3, (answer) => showShadows(answer.shadows), () => showShadows([]));
  return {
    node: el("div", { class: "page" }, node, shadowNode),
    begin() {
      watcher.now();
      shadowWatcher.now();
    },
    update({ known: description }) { if (description) changes = description.changes || []; },
    remove() {
      watcher.stop();
      shadowWatcher.stop();
      course.remove();
      covered.remove();
    },
  };
}
