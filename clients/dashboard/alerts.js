/* Alerts, as several pages show them. */
import { watch, watchEvents } from "./api.js";
import { badge, el, svg } from "./dom.js";
import { ageOf, moment, percent, plural, short, span, words } from "./text.js";

export const tones = { FIRING: "bad", PENDING: "warn", RESOLVED: "good", firing: "bad", pending: "warn", resolved: "good" };

export function countAlerts(overview) {
  return overview.alerts ? overview.alerts.firing + overview.alerts.pending : 0;
}

/* `show(active alerts, the whole answer)`; both null while that is not known. */
export function watchAlerts(seconds, show) {
  return watchEvents("alert", watch(() => "/alerts", seconds, (answer) => show(answer.active, answer), () => show(null, null)));
}

const rank = (alert) => (/firing/i.test(alert.state) ? 0 : 1);
export const worstFirst = (alerts) => [...alerts].sort((a, b) => rank(a) - rank(b) || b.since_unix_us - a.since_unix_us);

/* What an alert is about, as a link to it. */
export function subject(alert) {
  if (alert.model) {
    const text = alert.version ? `${alert.model}:${alert.version}` : alert.model;
    return el("a", { href: `#/models/${encodeURIComponent(alert.model)}${alert.version ? `/${alert.version}` : ""}`, class: "cut", title: text, data: { key: `alert-${alert.id}` } }, text);
  }
  return el("a", { href: "#/server", class: "cut", title: alert.server, data: { key: `alert-${alert.id}` } }, alert.server || "monitor");
}

/* Values of an alert with their units, by the kind of its rule. */
export function alertValue(alert, value) {
  switch (alert.kind) {
    case "down":
    case "history": return "–";
    case "error_ratio":
    case "missing_ratio": return percent(value);
    case "latency_burn": return `${short(value)} × allowed`;
    case "drift": return `${short(value)} × limit`;
    case "lost_events": return plural(value, "event");
    default: return /^(accuracy|f1)/.test(alert.detail) ? percent(value) : short(value);
  }
}

/* A rule's: that of a drop of quality is how much worse than the test's it may be. */
export const ruleThreshold = (rule) => (rule.kind === "quality_drop" ? `${percent(rule.threshold)} worse` : alertValue(rule, rule.threshold));

export function stateBadge(alert) {
  return badge(tones[alert.state] || "idle", words(alert.state));
}

function alertItem(alert) {
  const since = `${span(Math.max(0, Date.now() / 1000 - alert.since_unix_us / 1e6))}`;
  return el("li", { class: `alert ${tones[alert.state] || ""}`, data: { alert: alert.id } },
    svg(rank(alert) === 0 ? "M4 4l8 8 M12 4l-8 8" : "M8 2 15 14H1Z M8 6.5v3.5 M8 12v.5"),
    el("div", {},
      el("p", {}, el("strong", {}, `${words(alert.rule)} ${words(alert.state)}`), " – ", subject(alert),
        el("span", { class: "muted", title: moment(alert.since_unix_us) }, ` for ${since}`)),
      el("p", {}, alert.detail),
      alert.advice ? el("p", { class: "muted advice" }, alert.advice) : null));
}

/* On top of a page: nothing at all when nothing is wrong. */
export function alertItems(alerts) {
  if (!alerts || alerts.length === 0) return null;
  const most = 6;
  const list = worstFirst(alerts);
  return el("section", { class: "alerts", aria: { label: "Active alerts" } },
    el("ul", {}, list.slice(0, most).map(alertItem)),
    list.length > most ? el("p", {}, el("a", { href: "#/alerts", data: { key: "alerts-more" } }, `and ${list.length - most} more`)) : null);
}

/* Whether a model's alerts say how it is: not when the server that would tell is down. `listed`: a
 * server that is up knows the model. */
export function canTell(overview, listed) {
  const up = overview ? overview.sources.filter((source) => source.server_up).length : 0;
  return up > 0 && (up === overview.sources.length || listed);
}

/* In the row of a version: the worst of its alerts; `told` is false when nobody can tell. */
export function alertStateOf(alerts, model, version, told) {
  if (!alerts) return el("span", { class: "idle" }, "–");
  if (!told) return badge("idle", "unknown", "No server that is up tells of it");
  const mine = worstFirst(alerts.filter((a) => a.model === model && (!a.version || a.version === version)));
  if (mine.length === 0) return badge("good", "ok");
  const others = mine.length > 1 ? ` +${mine.length - 1}` : "";
  return badge(tones[mine[0].state], words(mine[0].rule) + others, mine.map((a) => `${a.rule} ${a.state} ${ageOf(a.since_unix_us)}: ${a.detail}`).join("\n"));
}
