/* Are the inputs and the answers of a version as in training? The answers' distribution, a heat-map
 * of columns by window, and on demand both histograms of one column. */
import { versionPath, watch } from "./api.js";
import { badge, code, el, empty, facts, panel, replace, select, setChoices, setText, whenChanged } from "./dom.js";
import { Figure, timeRange } from "./charts.js";
import { HeatMap } from "./heat.js";
import { moment, percent, plural, short, span, whole } from "./text.js";

const stateWords = { quiet: ["good", "as in training"], pending: ["warn", "seen once"], firing: ["bad", "drift"] };
export const columnBadge = (column) => badge(...(stateWords[column.state] || ["idle", column.state]));

/* Names of the bins of a histogram, in the order of its shares: the missing last. */
export function binNames(column) {
  if (column.kind === "category") return [...column.categories, "other", "missing"];
  const edge = (k) => short(column.edges[k]);
  const inner = column.edges.slice(1).map((_, k) => `${edge(k)} – ${edge(k + 1)}`);
  return column.edges.length === 0 ? ["all", "missing"]
    : [`< ${edge(0)}`, ...inner, `≥ ${edge(column.edges.length - 1)}`, "missing"];
}

export function drawHistograms(figure, column) {
  let names = binNames(column).slice(-column.reference.length);
  const keep = names.map((_, i) => i).filter((i) => column.reference[i] > 0 || column.window[i] > 0 || names[i] !== "missing");
  names = names.map((name, i) => (names.indexOf(name) === i ? name : `${name} (${i})`)); // narrow bins may share their text
  figure.draw({
    keyed: true, labels: keep.map((i) => names[i]), sets: [
      { label: "reference", colour: "--s7", soft: true, values: keep.map((i) => column.reference[i]) },
      { label: "last window", colour: "--s1", values: keep.map((i) => column.window[i]) },
    ],
  });
}

const histogramFigure = (id, title) => new Figure({ id, kind: "bar", title, xTitle: "Bin", unit: percent, tall: true });

/* The finding of a column in a sentence. */
function findings(column) {
  const found = Object.entries(column.findings).filter(([, f]) => f.state !== "quiet");
  const words = {
    distribution: () => `Its distribution has moved: PSI ${short(column.psi)}, where ${short(column.psi_limit)} is the limit.`,
    missing: () => `${percent(column.missing)} are missing; in training ${percent(column.reference_missing)} were.`,
    out_of_range: () => `${percent(column.out_of_range)} lie outside of what training saw; ${percent(column.expected_out_of_range)} were to be expected.`,
  };
  return found.map(([name, f]) => el("p", { class: f.state === "firing" ? "why" : "" }, words[name] ? words[name]() : name,
    f.since_us ? el("span", { class: "muted" }, ` Since ${moment(f.since_us)}.`) : null));
}

function columnFacts(column) {
  return facts([
    ["PSI", `${short(column.psi)} (limit ${short(column.psi_limit)})`, "population stability index of the last window"],
    column.ks === null ? ["Jensen–Shannon", short(column.js)] : ["KS distance", `${short(column.ks)} (limit ${short(column.ks_limit)})`],
    ["Missing", `${percent(column.missing)} (${percent(column.reference_missing)} in training)`],
    ["Out of range", percent(column.out_of_range)],
    ["Rows", whole(column.rows), "effective, of the last window"],
  ]);
}

/* One column closely: what Enter on the heat-map opens. */
function columnView(path, close) {
  const title = el("h3", { id: "column-title", tabindex: "-1" });
  const state = el("span");
  const found = el("div");
  const numbers = el("div");
  const both = histogramFigure("chart-column", "Reference and last window, share of rows");
  const course = new Figure({ id: "chart-column-psi", title: "PSI by window", unit: short });
  const trouble = el("p", { class: "why", hidden: true });
  let name = null;
  const box = el("div", { class: "drill", id: "column", hidden: true, role: "group", aria: { labelledby: "column-title" } },
    el("div", { class: "panel-head" }, el("span", { class: "model" }, title, state), el("button", { type: "button", onclick: close }, "Close")),
    trouble, found, numbers, el("div", { class: "charts two" }, both.node, course.node));
  box.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
  const watcher = watch(() => (name === null ? null : `${path()}/drift?column=${encodeURIComponent(name)}&hours=24`), 5, (answer) => {
    const column = answer.columns.find((c) => c.name === name);
    trouble.hidden = true;
    replace(state, columnBadge(column));
    replace(found, findings(column));
    replace(numbers, columnFacts(column));
    drawHistograms(both, answer.column);
    const points = (answer.history || []).filter((w) => w.psi !== undefined).map((w) => ({ x: w.t, y: w.psi }));
    if (points.length === 0) {
      course.none("No window was stored yet.");
      return;
    }
    const range = timeRange(points.map((p) => p.x));
    course.draw({ from: range.from, to: Math.max(range.to, range.from + 300), keyed: true, sets: [
      { label: "PSI", colour: "--s1", points, dots: points.length < 40 },
      { label: "limit", colour: "--wrong", dash: [4, 3], points: points.map((p) => ({ x: p.x, y: column.psi_limit })) }] });
  }, (error) => { trouble.hidden = false; trouble.textContent = error.message; });
  return {
    node: box,
    open(column) {
      name = column;
      box.hidden = false;
      setText(title, column);
      watcher.now();
      title.focus({ preventScroll: true });
      box.scrollIntoView({ block: "nearest" });
    },
    close() { name = null; box.hidden = true; },
    remove() {
      watcher.stop();
      both.remove();
      course.remove();
    },
  };
}

const explain = {
  unwatched: () => ["The artefact of this version holds no profile of its training data, so there is nothing to compare with. Versions trained by this server have one: train it again."],
  collecting: (drift) => [`Collecting: ${whole(drift.open_rows)} rows so far; a window closes after ${span(drift.window_s)} and ${whole(drift.rows_min)} rows. `, drift.open_rows === 0 ? "Call the model (" : null,
    drift.open_rows === 0 ? code("trivet predict") : null, drift.open_rows === 0 ? ") to begin." : null],
};

function summary(drift) {
  const wrong = drift.columns.filter((c) => c.state !== "quiet");
  const firing = wrong.filter((c) => c.state === "firing").length;
  return facts([
    ["Columns", `${plural(drift.columns.length, "column")}, ${whole(firing)} with drift, ${whole(wrong.length - firing)} seen once`],
    ["Windows", whole(drift.windows)],
    ["Last window", drift.closed_us ? `${whole(drift.rows)} rows, closed ${moment(drift.closed_us)}` : "none yet", "rows are effective: weights count for less"],
    ["Reference", `${whole(drift.reference_rows)} rows`],
  ]);
}

export function driftSection({ model, version }) {
  const path = () => versionPath(model, version());
  const answers = histogramFigure("chart-predictions", "Predictions: reference and last window, share of rows");
  const state = el("p", { class: "empty" });
  const told = el("div");
  const hours = select("Span", [["1", "1 hour"], ["6", "6 hours"], ["24", "1 day"], ["168", "1 week"], ["720", "30 days"]], "6", () => watcher.now(), "drift-hours");
  const output = select("Output", [], "", () => outputs.now(), "drift-output");
  const column = columnView(path, () => { column.close(); heat.focus(); });
  const heat = new HeatMap((name) => column.open(name));
  const filter = el("input", { type: "search", id: "drift-filter", placeholder: "name of a column", oninput: () => heat.filter(filter.value) });
  const whole1 = el("div", { hidden: true }, told, heat.node, column.node, el("div", { class: "charts drift-answers" }, answers.node));

  const show = whenChanged((drift) => {
    const why = explain[drift.state];
    state.hidden = !why;
    if (why) replace(state, why(drift).filter(Boolean));
    whole1.hidden = drift.columns.length === 0 || drift.windows === 0;
    if (whole1.hidden) return;
    replace(told, summary(drift));
    heat.draw(drift);
    const named = drift.columns.filter((c) => c.role === "prediction").map((c) => [c.name, c.name]);
    const chosen = named.some(([name]) => name === output.box.value) ? output.box.value : (named[0] || [""])[0];
    output.node.hidden = named.length < 2;
    const first = output.box.value !== chosen;
    setChoices(output.box, named, chosen);
    if (first) outputs.now();
  });
  const watcher = watch(() => (version() === null ? null : `${path()}/drift?hours=${hours.box.value}`), 3, (answer) => show(answer), (error) => {
    state.hidden = false;
    whole1.hidden = true;
    setText(state, error.status === 404 ? "No call of this version was seen: drift is told once it is called." : error.message);
  });
  const outputs = watch(() => (version() === null || !output.box.value || whole1.hidden ? null : `${path()}/drift?column=${encodeURIComponent(output.box.value)}`), 5, (answer) => {
    if (answer.windows > 0) drawHistograms(answers, answer.column);
  });
  return {
    node: panel("Drift", { id: "drift", controls: el("div", { class: "controls" }, el("label", {}, "Filter", filter), hours.node, output.node) }, state, whole1),
    begin() {
      column.close();
      heat.clear();
      watcher.now();
    },
    remove() {
      watcher.stop();
      outputs.stop();
      column.remove();
      answers.remove();
    },
  };
}
