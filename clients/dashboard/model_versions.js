/* The versions of a model: which answers at what name, with how much of the traffic; and who made
 * it so. */
import { alertStateOf, canTell, watchAlerts } from "./alerts.js";
import { code, el, empty, panel, renew, replace, row, table, whenChanged } from "./dom.js";
import { headline } from "./report.js";
import { bytes, latency, moment, percent, rate, short, words } from "./text.js";

const columns = [{ name: "Version", num: true }, { name: "Answers as" }, { name: "Configured", num: true }, { name: "Measured", num: true },
  { name: "State" }, { name: "Predictions/s", num: true }, { name: "p99", num: true }, { name: "Estimator" }, { name: "Score" }, { name: "Created" }];
const changesMax = 100; // that the monitor asks for

const auditColumns = [{ name: "When" }, { name: "What", wrap: true }, { name: "Who" }, { name: "Why", wrap: true }];

/* Of the calls of "production": what each version is to get, as a share. */
export function configured(known) {
  const shares = new Map();
  if (!known) return shares;
  const sum = known.traffic.filter((s) => !s.shadow).reduce((n, s) => n + s.weight, 0);
  for (const s of known.traffic) shares.set(s.version, s.shadow ? { shadow: s.weight / 10000 } : { share: s.weight / sum });
  const production = known.aliases.find((a) => a.name === "production");
  if (sum === 0 && production) shares.set(production.version, { ...shares.get(production.version), share: 1 });
  return shares;
}

/* The first metric of its training, and on which rows: those held out, where there were some. */
function scoreOf(version) {
  const [first] = headline(version.metrics || []);
  if (!first) return "–";
  const [name, value] = first;
  const where = !version.split ? "" : version.split.test_size > 0 ? "held out" : "on its training rows";
  return el("span", {}, `${name.replaceAll("_", " ")} ${short(value)} `, el("span", { class: "muted under" }, where));
}

function versionRow(version, entry, known, share, measured, state, model, current) {
  const total = entry && entry.latency_us.total;
  const names = known ? known.aliases.filter((a) => a.version === version.version).map((a) => el("span", { class: "role" }, a.name)) : [];
  const link = el("a", { href: `#/models/${encodeURIComponent(model)}/${version.version}`, data: { key: `version-${version.version}` }, aria: current ? { current: "true" } : {} }, String(version.version));
  return row(columns, [link, names.length ? el("span", { class: "model" }, names) : "–",
    share === undefined ? "–" : share.shadow !== undefined ? `shadow of ${percent(share.shadow)}` : percent(share.share),
    measured === null ? { text: "–", class: "idle" } : { text: percent(measured), title: "of the calls of the last ten seconds" },
    state,
    { text: rate(entry ? entry.predictions_per_s : 0), class: entry && entry.predictions_per_s > 0 ? "" : "idle" },
    latency(total && total.p99), version.estimator || "–", scoreOf(version),
    { text: moment(version.created_unix_us), title: version.artefact_bytes ? bytes(version.artefact_bytes) : null }],
  { class: current ? "picked" : null, data: { key: `version-${version.version}`, version: version.version } });
}

export function versionsSection({ model, version }) {
  const list = table("Versions", columns, { id: "versions-table", cards: true });
  const none = empty("The server has no version of it. ", code(`trivet train ${model} --data FILE.csv --target COLUMN`), " makes one.");
  const more = el("p", { class: "muted", hidden: true });
  let alerts = null;
  const watcher = watchAlerts(3, (all) => { alerts = all; });
  return {
    node: panel("Versions and traffic", { id: "versions" }, none, list.region, more),
    update({ entries, known, overview, listed }) {
      const seen = new Map(entries.map((e) => [e.version, e]));
      const all = known ? known.versions : entries.map((e) => ({ version: e.version }));
      const shares = configured(known);
      const sum = entries.reduce((n, e) => n + e.calls_per_s, 0);
      const wanted = (v) => shares.has(v.version) || seen.has(v.version) || v.version === version() || (known && known.aliases.some((a) => a.version === v.version));
      const rows = [...all.filter(wanted), ...all.filter((v) => !wanted(v))].slice(0, 20).sort((a, b) => b.version - a.version);
      none.hidden = all.length > 0 || !known;
      list.region.hidden = all.length === 0;
      more.hidden = all.length <= 20;
      more.textContent = `20 of ${all.length} versions: those in use, and the newest. `;
      const told = canTell(overview, listed);
      renew(list.body, rows.map((v) => {
        const entry = seen.get(v.version);
        return versionRow(v, entry, known, shares.get(v.version), entry && sum > 0 ? entry.calls_per_s / sum : null,
          alertStateOf(alerts, model, v.version, told), model, v.version === version());
      }));
    },
    remove: () => watcher.stop(),
  };
}

function sharesText(traffic) {
  if (!traffic || traffic.length === 0) return "ended the split of the traffic";
  const sum = traffic.filter((s) => !s.shadow).reduce((n, s) => n + s.weight, 0);
  return `split the traffic: ${traffic.map((s) => s.shadow ? `version ${s.version} as shadow of ${percent(s.weight / 10000)}` : `${percent(s.weight / sum)} to version ${s.version}`).join(", ")}`;
}

/* All that held from then on, but for what is as without any. */
function settingsText(settings) {
  if (!settings) return "";
  const set = Object.entries(settings).filter(([, value]) => value).map(([name, value]) => (value === true ? words(name) : `${words(name)} ${value}`));
  return set.length > 0 ? `: ${set.join(", ")}` : ": none are set";
}

export function changeText(change) {
  const from = change.previous_version > 0 ? ` from ${change.previous_version}` : "";
  switch (change.kind) {
    case "PROMOTED": return `pointed ${change.alias} to version ${change.version}${from}`;
    case "ROLLED_BACK": return `rolled ${change.alias} back to version ${change.version}${from}`;
    case "TRAFFIC_SET": return sharesText(change.traffic);
    case "CONFIGURED": return `changed the settings${settingsText(change.settings)}`;
    case "DELETED": return change.version > 0 ? `deleted version ${change.version}` : "deleted the model with all its versions";
    case "ALIAS_REMOVED": return `removed the alias ${change.alias}, which pointed to version ${change.previous_version}`;
    default: return words(change.kind);
  }
}

export function auditSection() {
  const list = table("Audit trail", auditColumns, { id: "audit-table", cards: true });
  const more = el("p", { class: "muted", hidden: true }, `Listed are the newest ${changesMax}: `, code("trivet history --limit"), " has more.");
  const none = empty("Nothing was changed yet: ", code("trivet deploy"), ", ", code("trivet rollback"), " and settings leave a record here.");
  const show = whenChanged((changes) => {
    none.hidden = changes.length > 0;
    more.hidden = changes.length < changesMax;
    list.region.hidden = changes.length === 0;
    replace(list.body, changes.map((c) => row(auditColumns, [moment(c.changed_unix_us), changeText(c),
      c.identity || c.peer || el("span", { class: "idle" }, "not told"), c.reason || el("span", { class: "idle" }, "no reason given")], { data: { change: c.sequence } })));
  });
  return {
    node: panel("Audit trail", { id: "audit", note: "Newest first." }, none, more, list.region),
    update: ({ known }) => show(known && known.changes ? known.changes : []),
    remove() {},
  };
}
