/* A training report in pieces: metrics, curves, what was tried, how the fit went. */
import { badge, el, facts, panel, row, table } from "./dom.js";
import { Figure, series, seriesColour } from "./charts.js";
import { confusionMatrix } from "./matrix.js";
import { bytes, percent, short, span, whole, words } from "./text.js";

const some = (list) => Array.isArray(list) && list.length > 0;
const valueOf = (metrics, name) => {
  const found = (metrics || []).find((m) => m.name === name);
  return found && found.defined ? found.value : null;
};

/* Nothing is left out in silence. */
const firstOf = (shown, all) => (shown.length < all.length ? `: the first ${shown.length} of ${whole(all.length)}` : "");

/* The metrics that people ask for first, of what there is. */
const first = ["f1_macro", "accuracy", "roc_auc", "r2", "rmse", "mae", "silhouette"];
export function headline(metrics) {
  const there = first.filter((name) => valueOf(metrics, name) !== null).slice(0, 2);
  return there.map((name) => [name, valueOf(metrics, name)]);
}

function metricsTable(report) {
  const cv = report.cross_validation;
  const columns = [{ name: "Metric" }, report.test ? { name: "Held out", num: true } : null, report.train ? { name: "Training", num: true } : null,
    cv ? { name: "Cross-validated", num: true } : null].filter(Boolean);
  const names = [...new Set([report.test, report.train].flatMap((e) => (e ? e.metrics.map((m) => m.name) : [])).concat(cv ? cv.mean.map((m) => m.name) : []))];
  const metrics = table("Metrics", columns, { id: "report-metrics" });
  const text = (list, name) => { const v = valueOf(list, name); return v === null ? "–" : short(v, 4); };
  metrics.body.replaceChildren(...names.map((name) => row(columns, [name.replaceAll("_", " "),
    report.test ? text(report.test.metrics, name) : null, report.train ? text(report.train.metrics, name) : null,
    cv ? `${text(cv.mean, name)} ± ${text(cv.deviation, name)}` : null].filter((cell) => cell !== null), { data: { metric: name } })));
  return metrics.region;
}

/* Drawn by drawLoss(figure, points). */
export const lossFigure = () => new Figure({ id: "chart-loss", kind: "xy", title: "Loss by iteration", xTitle: "iteration", xUnit: whole, unit: (v) => short(v), floating: true });
export const drawLoss = (figure, points) => figure.draw({ sets: [{ label: "loss", colour: "--c-rate", points }] });

/* `iterations`: at which the values are, when they are not all. */
function wholeLossFigure(curve, iterations) {
  const figure = lossFigure();
  drawLoss(figure, curve.map((y, i) => ({ x: iterations ? iterations[i] : i + 1, y })));
  return figure;
}

function learningFigure(curve) {
  const figure = new Figure({ id: "chart-learning", kind: "xy", title: `Learning curve: ${curve.metric.replaceAll("_", " ")}`, xTitle: "training rows", xUnit: whole, unit: (v) => short(v), floating: true });
  const line = (name) => curve.points.map((p) => ({ x: p.rows_train, y: p[`${name}_mean`] }));
  const edge = (name, sign) => curve.points.map((p) => ({ x: p.rows_train, y: p[`${name}_mean`] + sign * p[`${name}_deviation`] }));
  const sets = ["validation", "train"].flatMap((name, i) => [
    { label: `${name} low`, colour: seriesColour(i), points: edge(name, -1), silent: true, hidden: true },
    { label: `${name} band`, colour: seriesColour(i), points: edge(name, 1), silent: true, band: true },
    { label: name === "train" ? "training" : "validation", colour: seriesColour(i), points: line(name), dots: true },
  ]);
  figure.draw({ sets });
  return figure;
}

/* ROC, precision and recall, calibration, residuals: one line a class. */
function curveFigures(evaluation) {
  const names = [...new Set(evaluation.curves.map((c) => c.name))];
  return names.map((name) => {
    const all = evaluation.curves.filter((c) => c.name === name);
    const curves = all.slice(0, series.length);
    const figure = new Figure({ id: `chart-${name}`, kind: "xy", title: words(name) + firstOf(curves, all), xTitle: curves[0].x_title, xUnit: short, unit: short, floating: true });
    figure.draw({ sets: curves.map((c, i) => ({ label: c.label || c.y_title, colour: seriesColour(i), points: c.x.map((x, k) => ({ x, y: c.y[k] })) })) });
    return figure;
  });
}

function importanceFigure(evaluation) {
  const all = evaluation.importances;
  const list = all.slice(0, 20);
  const figure = new Figure({ id: "chart-importance", kind: "bar", title: `How much ${words(evaluation.importance_metric)} loses when a column is shuffled${firstOf(list, all)}`, xTitle: "Column", unit: short });
  figure.draw({ labels: list.map((i) => i.column), sets: [{ label: "loss", colour: "--c-rate", values: list.map((i) => i.mean) }] });
  return figure;
}

function searchTable(search) {
  const columns = [{ name: "Try", num: true }, { name: "What", wrap: true }, { name: "State" }, { name: `${words(search.metric)}`, num: true }, { name: "Training", num: true }, { name: "Took", num: true }];
  const list = table("Combinations tried", columns, { id: "report-search", cards: true });
  const tones = { FINISHED: "good", STOPPED: "idle", FAILED: "bad", SKIPPED: "idle" };
  const shown = search.trials.slice(0, 50);
  list.body.replaceChildren(...shown.map((trial, i) => row(columns, [String(trial.index),
    el("span", {}, trial.estimator, " ", el("span", { class: "muted" }, trial.parameters.map((p) => `${p.name}=${p.value}`).join(" ")), i === 0 ? el("span", { class: "role" }, "chosen") : null),
    badge(tones[trial.state] || "idle", words(trial.state), trial.error_message),
    trial.scores.length ? `${short(trial.mean, 4)} ± ${short(trial.deviation, 2)}` : "–", trial.scores.length ? short(trial.train_mean, 4) : "–", span(trial.seconds)])));
  const left = firstOf(shown, search.trials);
  return left ? el("div", {}, el("p", { class: "muted" }, `Shown${left}.`), list.region) : list.region;
}

function fitFacts(report) {
  const fit = report.fit;
  return facts([
    ["Estimator", report.estimator],
    ["Rows", `${whole(report.rows_train)} trained on, ${whole(report.rows_test)} held out`],
    report.rows_dropped > 0 ? ["Dropped", `${whole(report.rows_dropped)} (${report.dropped.map((d) => d.reason).join(", ")})`] : null,
    fit ? ["Features", whole(fit.features)] : null,
    fit && fit.iterations > 0 ? ["Iterations", `${whole(fit.iterations)}${fit.converged ? ", converged" : ", not converged"}`] : null,
    ["Fit", span(report.fit_seconds)],
    ["In all", span(report.total_seconds)],
    ["Memory", bytes(report.peak_rss_bytes), "peak of the trainer"],
    ["Seed", String(report.seed)],
  ]);
}

function settings(report) {
  return el("details", {}, el("summary", {}, "Parameters and steps"),
    some(report.steps) ? el("ol", {}, report.steps.map((step) => el("li", {}, step))) : null,
    facts(report.parameters.map((p) => [p.name, p.value])));
}

function classTable(evaluation) {
  const columns = [{ name: "Class" }, { name: "Precision", num: true }, { name: "Recall", num: true }, { name: "F1", num: true }, { name: "Rows", num: true }];
  const list = table("By class", columns, { id: "report-classes" });
  list.body.replaceChildren(...evaluation.classes.map((c) => row(columns, [c.label, percent(c.precision), percent(c.recall), percent(c.f1), whole(c.support)])));
  return list.region;
}

/* Panels of a report, and the figures in them for whoever removes them. */
export function reportPanels(report, iterations) {
  const figures = [];
  const keep = (figure) => { figures.push(figure); return figure.node; };
  const scored = report.test && some(report.test.metrics) ? report.test : report.train;
  const curves = [
    report.fit && some(report.fit.loss_curve) ? keep(wholeLossFigure(report.fit.loss_curve, iterations)) : null,
    report.learning_curve && some(report.learning_curve.points) ? keep(learningFigure(report.learning_curve)) : null,
    ...(scored && some(scored.curves) ? curveFigures(scored).map(keep) : []),
    scored && some(scored.importances) ? keep(importanceFigure(scored)) : null,
  ].filter(Boolean);
  const warnings = report.fit && some(report.fit.warnings) ? el("ul", { class: "warnings" }, report.fit.warnings.map((w) => el("li", {}, w))) : null;
  const panels = [
    panel("How the fit went", { id: "fit" }, warnings, fitFacts(report), settings(report)),
    panel("Metrics", { id: "metrics" }, metricsTable(report)),
    curves.length ? panel("Curves", { id: "curves" }, el("div", { class: curves.length > 1 ? "charts two" : "charts" }, curves)) : null,
    scored && scored.confusion && some(scored.confusion.labels)
      ? panel("Confusion matrix", { id: "confusion", note: scored === report.test ? "Of the rows held out." : "Of the training rows: none were held out." },
        confusionMatrix(scored.confusion.labels, scored.confusion.counts, "report-confusion"), some(scored.classes) ? classTable(scored) : null) : null,
    report.search && some(report.search.trials) ? panel("What was tried", { id: "search", note: report.search.reason }, searchTable(report.search)) : null,
  ];
  return { panels: panels.filter(Boolean), figures };
}
