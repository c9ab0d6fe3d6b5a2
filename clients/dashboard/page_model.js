/* A model: what serves, how fast, whether its inputs and answers are as in training, who changed
 * what. One version is looked at closely; the model's first choice is what "production" points at. */
import { alertItems, alertStateOf, canTell, watchAlerts } from "./alerts.js";
import { modelPath, versionPath, watch } from "./api.js";
import { driftBadge, qualityText } from "./health.js";
import { code, el, empty, renew, replace, select, setChoices, setText, tile, whenChanged } from "./dom.js";
import { driftSection } from "./model_drift.js";
import { loopSection } from "./model_loop.js";
import { qualitySection } from "./model_quality.js";
import { trafficSection } from "./model_traffic.js";
import { auditSection, versionsSection } from "./model_versions.js";
import { reportPanels } from "./report.js";
import { compact, latency, percent, rate, whole } from "./text.js";

/* The version to look at when none is named. */
function firstChoice(known, entries) {
  const production = known && known.aliases.find((alias) => alias.name === "production");
  if (production) return production.version;
  const busiest = [...entries].sort((a, b) => b.calls - a.calls)[0];
  if (busiest) return busiest.version;
  return known && known.versions.length ? known.versions[0].version : null;
}

function tilesOf(entry) {
  const total = entry.latency_us.total;
  const quality = qualityText(entry.quality);
  return [
    tile("Predictions", compact(entry.predictions), `in ${compact(entry.calls)} calls`, { accent: true, key: "predictions", title: whole(entry.predictions) }),
    tile("Rate", `${rate(entry.predictions_per_s)}/s`, `${rate(entry.calls_per_s)} calls/s`, { key: "rate" }),
    tile("Errors", percent(entry.call_error_ratio), `of calls; ${percent(entry.row_error_ratio)} of rows`, { key: "errors", tone: entry.call_error_ratio > 0.01 ? "bad" : entry.call_error_ratio > 0 ? "warn" : "" }),
    tile("Latency p99", latency(total && total.p99), `median ${latency(total && total.p50)}`, { key: "p99" }),
    tile("Drift", driftBadge(entry.drift), "of the last windows", { key: "drift" }),
    tile("Quality", quality || "–", quality ? `${entry.quality.metric}, ${whole(entry.quality.labelled)} outcomes` : "no outcomes yet", { key: "quality" }),
  ];
}

/* What its training said, in the artefact. */
function evaluationSection() {
  const box = el("div", { class: "page" });
  let figures = [];
  const drop = () => { for (const figure of figures) figure.remove(); figures = []; };
  const show = whenChanged((version, report, iterations) => {
    drop();
    if (!report) {
      replace(box, []);
      return;
    }
    const made = reportPanels(report, iterations);
    figures = made.figures;
    replace(box, el("h2", { class: "part" }, `Training of version ${version}`), made.panels);
  });
  return { node: box, show, remove: drop };
}

export function modelPage([model, versionText], state) {
  let version = versionText ? Number(versionText) : null;
  let known = null;
  let answer = null; // of the servers: "known", "missing", or "none" when none could be asked
  let alerts = null;
  let overview = state.overview;
  let shown = 0; // the version that the sections were told of

  const tiles = el("section", { class: "tiles", aria: { label: "This version" } });
  const alertBox = el("div");
  const trouble = el("p", { class: "why", hidden: true });
  const absent = empty("No server knows this model, and no call of it was seen. ", code("trivet models"), " lists what is there.");
  const unsure = empty("Whether there is such a model is not known: no server that may have it answers.");
  const noVersion = empty();
  absent.hidden = unsure.hidden = noVersion.hidden = true;
  const stateCell = el("span");
  const picker = select("Version", [], "", (value) => { location.hash = `#/models/${encodeURIComponent(model)}/${value}`; }, "pick-version");
  const context = { model, version: () => version, state };
  const versions = versionsSection(context);
  const traffic = trafficSection(context);
  const drift = driftSection(context);
  const quality = qualitySection(context);
  const loop = loopSection(context);
  const audit = auditSection(context);
  const evaluation = evaluationSection();
  const sections = [versions, traffic, drift, quality, loop, audit];
  const ofVersion = [traffic, drift, quality];
  const body = el("div", { class: "page" }, sections.map((section) => section.node));

  const entriesOf = () => (overview ? overview.models.filter((m) => m.model === model) : []);

  function show() {
    const entries = entriesOf();
    if (version === null) version = firstChoice(known, entries);
    const nothing = known === null && entries.length === 0;
    absent.hidden = !nothing || answer !== "missing";
    unsure.hidden = !nothing || answer !== "none";
    body.hidden = jump.hidden = nothing;
    const numbers = [...new Set([...entries.map((m) => m.version), ...(known ? known.versions.map((v) => v.version) : []), ...(version === null ? [] : [version])])].sort((a, b) => b - a);
    setChoices(picker.box, numbers.map((n) => [String(n), String(n)]), String(version));
    const mine = entries.find((m) => m.version === version);
    tiles.hidden = !mine;
    if (mine) renew(tiles, tilesOf(mine));
    const listed = Boolean(known && known.versions.some((v) => v.version === version));
    const stray = !nothing && version !== null && !mine && known !== null && !listed;
    noVersion.hidden = !stray;
    setText(noVersion, `${model} has no version ${version}, and no call of one was seen.`);
    for (const section of ofVersion) section.node.hidden = stray;
    renew(stateCell, alertStateOf(alerts, model, version, (Boolean(mine) || listed) && canTell(overview, answer === "known")));
    if (version !== null && shown !== version) {
      shown = version;
      for (const section of sections) if (section.begin) section.begin();
      report.now();
    }
    for (const section of sections) if (section.update) section.update({ entries, mine, known, overview, listed: answer === "known" });
    for (const link of jump.children) link.hidden = !document.getElementById(link.dataset.to) || document.getElementById(link.dataset.to).hidden;
  }

  const description = watch(() => modelPath(model), 3, (told) => {
    known = told.servers[0];
    answer = "known";
    trouble.hidden = true;
    show();
  }, (error) => {
    answer = error.status === 404 ? "missing" : "none";
    known = error.status === 404 ? null : known;
    trouble.hidden = error.status === 404;
    trouble.textContent = error.message;
    show();
  });
  const alertList = watchAlerts(2, whenChanged((list) => {
    alerts = list;
    const mine = (list || []).filter((a) => a.model === model);
    replace(alertBox, alertItems(mine));
    show();
  }));
  const report = watch(() => (version === null ? null : versionPath(model, version)), 60, (told) => {
    const [server] = told.servers;
    const described = server.versions[0];
    evaluation.show(version, (described && described.report) || null, server.loss_iterations || null);
  });

  const jump = el("nav", { class: "jump", aria: { label: "On this page" } },
    [["versions", "Versions"], ["model-traffic", "Traffic"], ["drift", "Drift"], ["quality", "Quality"], ["shadow", "Shadow"], ["loop", "Automation"], ["audit", "Audit trail"]].map(([id, text]) =>
      el("a", { href: `#/models/${encodeURIComponent(model)}`, data: { key: `jump-${id}`, to: id }, onclick: (event) => {
        event.preventDefault();
        const target = document.getElementById(id);
        if (!target) return;
        target.scrollIntoView();
        target.setAttribute("tabindex", "-1");
        target.focus({ preventScroll: true });
      } }, text)));
  return {
    title: model,
    node: el("div", { class: "page" },
      el("p", { class: "crumbs" }, el("a", { href: "#/" }, "Models")),
      el("div", { class: "page-head" }, el("h1", {}, model), stateCell, el("div", { class: "controls" }, picker.node)),
      alertBox, trouble, absent, unsure, noVersion, tiles, jump, body, evaluation.node),
    update(newest) {
      overview = newest;
      show();
    },
    close() {
      for (const watcher of [description, alertList, report]) watcher.stop();
      for (const section of [...sections, evaluation]) section.remove();
    },
  };
}
