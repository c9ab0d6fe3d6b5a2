/* What serves, how it does, and what is wrong with it. */
import { watch } from "./api.js";
import { alertItems, alertStateOf, canTell, watchAlerts } from "./alerts.js";
import { badge, code, el, empty, panel, renew, replace, row, select, setChoices, setText, table, tile, whenChanged } from "./dom.js";
import { Figure, points, timeRange } from "./charts.js";
import { driftBadge, qualityCell } from "./health.js";
import { age, compact, latency, percent, plural, rate, whole } from "./text.js";

const columns = [
  { name: "Model" }, { name: "Version", num: true }, { name: "State" }, { name: "Drift" },
  { name: "Quality" }, { name: "Predictions/s", num: true }, { name: "p99", num: true },
  { name: "Errors", num: true }, { name: "Predictions", num: true }, { name: "Last call", num: true },
];

function tilesOf(overview) {
  const totals = overview.totals;
  const total = totals.latency_us.total;
  const lost = overview.lost_events;
  return [
    tile("Predictions", compact(totals.predictions), `in ${compact(totals.calls)} calls`,
      { accent: true, key: "predictions", title: whole(totals.predictions) }),
    tile("Rate", `${rate(totals.predictions_per_s)}/s`, `${rate(totals.calls_per_s)} calls/s, last ${overview.rate_seconds} s`, { key: "rate" }),
    tile("Errors", percent(totals.call_error_ratio), `of calls, last minute; ever ${compact(totals.failed_calls)} calls, ${compact(totals.failed_rows)} rows`,
      { key: "errors", tone: totals.call_error_ratio > 0.01 ? "bad" : totals.call_error_ratio > 0 ? "warn" : "" }),
    tile("Latency p50", latency(total && total.p50), "median call, last minute", { key: "p50" }),
    tile("Latency p99", latency(total && total.p99), "slowest percent, last minute", { key: "p99" }),
    tile("Lost events", whole(lost), "totals repair themselves", { key: "lost", tone: lost > 0 ? "warn" : "" }),
  ];
}

/* Names at which a version answers: its aliases, and its shares of the traffic. */
export function rolesOf(model, version) {
  if (!model) return [];
  const roles = model.aliases.filter((alias) => alias.version === version).map((alias) => alias.name);
  const sum = model.traffic.filter((share) => !share.shadow).reduce((n, share) => n + share.weight, 0);
  for (const share of model.traffic.filter((s) => s.version === version)) {
    roles.push(share.shadow ? "shadow" : `${percent(share.weight / sum)} of traffic`);
  }
  return roles;
}

function modelRow(entry, known, alerts, told) {
  const total = entry.latency_us.total;
  const name = el("a", { href: `#/models/${encodeURIComponent(entry.model)}/${entry.version}`, data: { key: `${entry.model}:${entry.version}` } }, entry.model);
  const roles = rolesOf(known, entry.version).map((role) => el("span", { class: "role" }, role));
  const busy = entry.predictions_per_s > 0;
  return row(columns, [
    el("span", { class: "model" }, name, roles),
    String(entry.version),
    alertStateOf(alerts, entry.model, entry.version, told),
    driftBadge(entry.drift),
    qualityCell(entry.quality),
    { text: rate(entry.predictions_per_s), class: busy ? "" : "idle" },
    { text: latency(total && total.p99), class: total ? "" : "idle" },
    { text: percent(entry.call_error_ratio), class: entry.call_error_ratio > 0 ? "bad" : "", title: `ever ${whole(entry.failed_calls)} calls and ${whole(entry.failed_rows)} rows failed` },
    { text: whole(entry.predictions) },
    age(entry.last_change_age_s),
  ], { data: { key: `${entry.model}:${entry.version}` } });
}

const most = { called: 200, silent: 100 }; // rows

/* Models that the servers know and nobody calls yet. */
function silentRow(model) {
  const link = el("a", { href: `#/models/${encodeURIComponent(model.name)}`, data: { key: `${model.name}:` } }, model.name);
  const what = plural(model.version_count, "version");
  const cells = [el("span", { class: "model" }, link), model.versions.length ? String(model.versions[0].version) : "–",
    badge("idle", model.aliases.length ? "no calls yet" : "not deployed", what)];
  return row(columns, [...cells, ...columns.slice(cells.length).map(() => ({ text: "–", class: "idle" }))], { class: "silent" });
}

/* Roughly: rows of about the same rate must not change places every second. */
const size = (entry) => Math.ceil(Math.log2(1 + entry.predictions_per_s) / 2);

function bySize(a, b) {
  return size(b) - size(a) || a.model.localeCompare(b.model) || b.version - a.version;
}

/* Traffic of everything, or of one version; the rate may be shown elsewhere. */
export function trafficFigures(withRate = true) {
  const throughput = new Figure({ id: "chart-rate", title: "Predictions per second", unit: rate, suggestedMax: 1 });
  const slow = new Figure({ id: "chart-latency", title: "Latency of a call", unit: latency, logarithmic: true });
  const failed = new Figure({ id: "chart-errors", title: "Errors per second", unit: rate, suggestedMax: 1 });
  const set = (series, label, name, colour, more) => ({ label, colour, points: points(series.t, series[name]), ...more });
  if (!withRate) throughput.remove();
  return {
    all: withRate ? [throughput, slow, failed] : [slow, failed],
    draw(series) {
      const range = timeRange(series.t);
      if (withRate) throughput.draw({ ...range, sets: [set(series, "predictions/s", "predictions_per_s", "--c-rate", { fill: true })] });
      slow.draw({ ...range, sets: [set(series, "p50", "p50_us", "--c-p50"), set(series, "p90", "p90_us", "--c-p90"), set(series, "p99", "p99_us", "--c-p99")] });
      failed.draw({ ...range, sets: [set(series, "failed calls/s", "failed_calls_per_s", "--c-calls"), set(series, "failed rows/s", "failed_rows_per_s", "--c-rows", { dash: [5, 3] })] });
    },
  };
}

export const spans = [["120", "2 min"], ["300", "5 min"], ["900", "15 min"]];

export function overviewPage(_parameters, state) {
  const tiles = el("section", { class: "tiles", aria: { label: "Overview" } });
  const alertBox = el("div", { id: "active-alerts" });
  const models = table("Models and versions", columns, { id: "models-table", cards: true });
  const none = empty("No predictions yet. Train a model (", code("trivet train"), "), deploy it (", code("trivet deploy"),
    ") and call it (", code("trivet predict"), "): it appears here within a second.");
  const unsure = empty("Which models there are is not known: no server answers.");
  const more = el("p", { class: "muted", hidden: true });
  const filter = el("input", { type: "search", id: "models-filter", placeholder: "name", oninput: () => showModels(state.overview) });
  const filterLabel = el("label", {}, "Filter", filter);
  const figures = trafficFigures();
  let picked = "";
  let known = new Map();
  let told = false; // a server has said which models it has
  let alerts = null;

  const picker = select("Model", [["", "All models"]], "", (key) => { picked = key; series.now(); }, "pick-model");
  const spanPicker = select("Span", spans, state.seconds, (value) => { state.seconds = value; series.now(); }, "pick-seconds");
  const series = watch(() => {
    const colon = picked.lastIndexOf(":");
    const of = picked ? `/models/${encodeURIComponent(picked.slice(0, colon))}/versions/${picked.slice(colon + 1)}` : "";
    return `${of}/series?seconds=${state.seconds}`;
  }, 1, figures.draw);

  function showModels(overview) {
    if (!overview) return;
    const wanted = filter.value.toLowerCase();
    const entries = overview.models.filter((m) => m.model.toLowerCase().includes(wanted)).sort(bySize);
    const called = new Set(overview.models.map((m) => m.model));
    const silent = [...known.values()].filter((m) => !called.has(m.name) && m.name.toLowerCase().includes(wanted));
    const rows = entries.slice(0, most.called).map((m) => modelRow(m, known.get(m.model), alerts, canTell(overview, known.has(m.model))));
    renew(models.body, rows, silent.slice(0, most.silent).map(silentRow));
    const all = overview.models.length + silent.length;
    const nothing = all === 0 && filter.value === "";
    none.hidden = !nothing || !told;
    unsure.hidden = !nothing || told || overview.sources.some((source) => source.server_up);
    models.region.hidden = nothing;
    const out = [entries.length > most.called ? `${most.called} of ${plural(entries.length, "version")} that were called` : "",
      silent.length > most.silent ? `${most.silent} of ${plural(silent.length, "model")} that were not` : ""].filter(Boolean);
    more.hidden = out.length === 0;
    setText(more, `Shown are ${out.join(" and ")}: filter by name for the others.`);
    filterLabel.hidden = all <= 8 && filter.value === "";
    setChoices(picker.box, [["", "All models"], ...overview.models.map((m) => [`${m.model}:${m.version}`, `${m.model}:${m.version}`])], picked);
  }

  const showAlerts = whenChanged((list) => replace(alertBox, alertItems(list)));
  const modelList = watch(() => "/models", 5, (answer) => {
    told = answer.servers.some((server) => server.unavailable === "");
    known = new Map(answer.servers.flatMap((server) => server.models || []).map((m) => [m.name, m]));
    showModels(state.overview);
  });
  const alertList = watchAlerts(2, (list) => {
    alerts = list;
    showAlerts(list);
    showModels(state.overview);
  });

  const traffic = panel("Traffic", { id: "traffic", controls: el("div", { class: "controls" }, picker.node, spanPicker.node) },
    el("div", { class: "charts three" }, figures.all.map((figure) => figure.node)));
  const list = panel("Models", { id: "models", controls: el("div", { class: "controls" }, filterLabel) }, none, unsure, more, models.region);
  for (const part of [models.region, none, unsure]) part.hidden = true;
  return {
    title: "Overview",
    node: el("div", { class: "page" }, el("h1", { class: "unseen" }, "Overview"), alertBox, tiles, list, traffic),
    update(overview) {
      renew(tiles, tilesOf(overview));
      showModels(overview);
    },
    close() {
      for (const watcher of [series, modelList, alertList]) watcher.stop();
      for (const figure of figures.all) figure.remove();
    },
  };
}
