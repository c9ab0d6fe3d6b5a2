/* How good a version's answers were, by the outcomes that came back; and what its shadow says. */
import { versionPath, watch } from "./api.js";
import { code, el, empty, facts, panel, replace, row, select, table, whenChanged } from "./dom.js";
import { Figure, timeRange } from "./charts.js";
import { confusionMatrix } from "./matrix.js";
import { latency, percent, plural, short, whole } from "./text.js";

const shadowColumns = [{ name: "Shadow" }, { name: "Beside" }, { name: "Compared", num: true }, { name: "Equal", num: true },
  { name: "Mean difference", num: true }, { name: "p99 of a batch", num: true }, { name: "Failed", num: true }, { name: "Left out", num: true }];
const ratios = ["accuracy", "f1_macro"];
const names = { accuracy: "Accuracy", f1_macro: "F1 (macro)", mae: "Mean absolute error", mse: "Mean squared error", r2: "R²" };

export const metricText = (name, value) => (ratios.includes(name) ? percent(value) : short(value, 4));
const known = (value) => value !== null && value !== undefined;

const windowText = (quality) => (quality.window_s > 3600 ? "day" : "hour");

/* { name: { value, lower, upper, test } } as rows. */
function metricsTable(quality) {
  const columns = [{ name: "Metric" }, { name: "Live", num: true }, { name: "95 % interval", num: true }, { name: "In its test", num: true }];
  const list = table("Live quality", columns, { id: "quality-metrics", cards: true });
  list.body.replaceChildren(...Object.entries(quality.metrics).map(([name, m]) => row(columns, [names[name] || name, metricText(name, m.value),
    known(m.lower) ? `${metricText(name, m.lower)} – ${metricText(name, m.upper)}` : "–", known(m.test) ? metricText(name, m.test) : "–"], { data: { quality: name } })));
  return list.region;
}

/* What its probabilities let expect; null where it has none. */
function expectation(quality) {
  if (known(quality.expected_accuracy)) return ["Accuracy expected before outcomes", percent(quality.expected_accuracy), "by its probabilities, corrected by its held-out rows"];
  return quality.expected_accuracy_doubt ? ["Accuracy expected before outcomes", "not told", quality.expected_accuracy_doubt] : null;
}

function coverage(quality) {
  const lost = quality.unjoined;
  return facts([
    ["Outcomes", `${whole(quality.labelled)} of ${whole(quality.logged)} logged predictions (${percent(quality.coverage)})`],
    [`Last ${windowText(quality)}`, plural(quality.labels, "outcome")],
    ["Corrected", whole(quality.corrected)], ["Repeated", whole(quality.duplicate)], ["Late", whole(quality.late), "more than a day after the prediction"],
    ["Without a prediction", whole(lost.unmatched), "of the whole model"], ["Not in the log", whole(lost.not_sampled), "of the whole model: the log holds a sample"],
    lost.invalid + quality.invalid > 0 ? ["Invalid", whole(lost.invalid + quality.invalid), "no value that the target can have"] : null,
    lost.refused > 0 ? ["Refused", whole(lost.refused), "by the limit on one caller"] : null,
    known(quality.bias) ? ["Bias", short(quality.bias), "mean of prediction less outcome"] : null,
    expectation(quality),
  ]);
}

/* Outcomes that no cell of the matrix has: of more classes than it can show. */
function others(pairs) {
  const all = (pairs.other_right || 0) + (pairs.other_wrong || 0);
  return all > 0 ? el("p", { class: "muted", id: "quality-others" }, `${whole(all)} more outcomes are in no cell here: ${whole(pairs.other_right)} that were predicted right, ${whole(pairs.other_wrong)} wrong.`) : null;
}

/* When a version began to answer: of the audit trail. */
function deployMarks(changes, from, to) {
  return (changes || []).filter((c) => c.alias === "production" && c.version > 0).map((c) => ({ t: c.changed_unix_us / 1e6, text: `v${c.version}` })).filter((m) => m.t >= from && m.t <= to);
}

/* What a version said as a shadow: of the version looked at, and of those that are its shadows. */
function shadowSection({ model, version }) {
  const list = table("Shadows", shadowColumns, { id: "shadow-table", cards: true });
  const node = panel("Shadow comparison", { id: "shadow", note: "What a shadow would have answered, beside what was answered." }, list.region);
  const asked = new Map(); // version → its watcher and rows
  node.hidden = true;
  const show = whenChanged((rows) => {
    node.hidden = rows.length === 0;
    replace(list.body, rows.map((s) => row(shadowColumns, [`version ${s.version}`, `version ${s.answered_by}`, whole(s.compared),
      known(s.agreement) ? percent(s.agreement) : "–", known(s.mean_absolute_difference) ? short(s.mean_absolute_difference) : "–", latency(s.compute_p99_us),
      { text: whole(s.failed), class: s.failed > 0 ? "bad" : "" }, whole(s.skipped)], { data: { shadow: s.version } })));
  });
  const all = () => show([...asked.values()].flatMap((one) => one.rows));
  return {
    node,
    update({ known: description }) {
      const traffic = description ? description.traffic : [];
      const wanted = new Set([version(), ...traffic.filter((s) => s.shadow).map((s) => s.version).slice(0, 4)].filter(known));
      for (const [v, one] of asked) {
        if (wanted.has(v)) continue;
        one.watcher.stop();
        asked.delete(v);
        all();
      }
      for (const v of wanted) {
        if (asked.has(v)) continue;
        const one = { rows: [], watcher: null };
        asked.set(v, one);
        one.watcher = watch(() => `${versionPath(model, v)}/shadow`, 3, (answer) => {
          one.rows = answer.shadows;
          all();
        }, () => { one.rows = []; });
      }
    },
    remove() { for (const one of asked.values()) one.watcher.stop(); },
  };
}

export function qualitySection(context) {
  const { model, version } = context;
  const course = new Figure({ id: "chart-quality", title: "Quality over time", unit: short, floating: true, tall: true });
  const covered = new Figure({ id: "chart-coverage", title: "Share of logged predictions with an outcome", unit: percent, tall: true });
  const hours = select("Span", [["1", "1 hour"], ["24", "1 day"], ["168", "1 week"], ["720", "30 days"]], "24", () => watcher.now(), "quality-hours");
  const none = empty("No outcome was recorded yet. ", code("trivet feedback"), " tells what became of a prediction, by its id; the quality is then shown here, with the share of predictions that it rests on.");
  const before = el("div", { id: "quality-expected" });
  const few = empty();
  const metrics = el("div", { class: "heat-box" });
  const counts = el("div");
  const confusion = el("div");
  const body = el("div", { class: "page", hidden: true }, few, counts, metrics, el("div", { class: "charts two" }, course.node, covered.node), confusion);
  const shadow = shadowSection(context);
  const node = panel("Quality", { id: "quality", controls: el("div", { class: "controls" }, hours.node) }, none, before, body);
  let changes = [];

  function drawCourse(quality) {
    const name = quality.task === "regression" ? "mae" : "accuracy";
    const points = quality.history.filter((p) => p[name] && known(p[name].value));
    if (points.length === 0) {
      course.none(`Nothing was stored yet: a point needs ${whole(quality.labels_min)} outcomes.`);
    } else {
      const at = (what) => points.map((p) => ({ x: p.t, y: known(p[name][what]) ? p[name][what] : p[name].value }));
      const range = timeRange(points.map((p) => p.t));
      const to = Math.max(range.to, range.from + 300);
      const test = quality.metrics[name] ? quality.metrics[name].test : null;
      course.draw({ from: range.from, to, keyed: true, unit: (v) => metricText(name, v), marks: deployMarks(changes, range.from, to), sets: [
        { label: "low", colour: "--s1", points: at("lower"), silent: true, hidden: true },
        { label: "band", colour: "--s1", points: at("upper"), silent: true, band: true },
        { label: names[name], colour: "--s1", points: at("value"), dots: points.length < 40 },
        ...(known(test) ? [{ label: "in its test", colour: "--mark", dash: [4, 3], points: points.map((p) => ({ x: p.t, y: test })) }] : [])] });
    }
    const shares = quality.history.filter((p) => known(p.coverage)).map((p) => ({ x: p.t, y: p.coverage }));
    if (shares.length === 0) covered.none("Nothing was stored yet.");
    else covered.draw({ from: shares[0].x, to: Math.max(shares[shares.length - 1].x, shares[0].x + 300), sets: [{ label: "with an outcome", colour: "--s0", points: shares, fill: true, dots: shares.length < 40 }] });
  }

  const show = whenChanged((quality) => {
    const nothing = !quality || !quality.task;
    none.hidden = !nothing;
    body.hidden = nothing;
    const expected = nothing && quality ? expectation(quality) : null;
    replace(before, expected ? facts([expected]) : []);
    if (nothing) return;
    few.hidden = quality.enough;
    few.textContent = `${plural(quality.labels, "outcome")} in the last ${windowText(quality)}: too few for a statement, which needs ${whole(quality.labels_min)}.`;
    replace(counts, coverage(quality));
    replace(metrics, quality.enough ? metricsTable(quality) : []);
    drawCourse(quality);
    const pairs = quality.confusion;
    replace(confusion, pairs && pairs.labels.length ? [el("h3", {}, `Confusion matrix of the outcomes of the last ${windowText(quality)}`),
      confusionMatrix(pairs.labels, pairs.counts.flat(), "quality-confusion"), others(pairs)] : []);
  });
  const watcher = watch(() => (version() === null ? null : `${versionPath(model, version())}/quality?hours=${hours.box.value}`), 3, show, (error) => { if (error.status === 404) show(null); });
  return {
    node: el("div", { class: "page" }, node, shadow.node),
    begin: () => watcher.now(),
    update(what) {
      if (what.known) changes = what.known.changes || [];
      shadow.update(what);
    },
    remove() {
      watcher.stop();
      shadow.remove();
      course.remove();
      covered.remove();
    },
  };
}
