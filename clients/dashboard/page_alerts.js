/* What is wrong now, what was, and what is looked at. */
import { alertValue, countAlerts, ruleThreshold, stateBadge, subject, watchAlerts, worstFirst } from "./alerts.js";
import { badge, code, el, empty, facts, panel, replace, row, table, whenChanged } from "./dom.js";
import { moment, span, whole, words } from "./text.js";

export { countAlerts };

const activeColumns = [{ name: "State" }, { name: "Rule" }, { name: "About" }, { name: "Since" },
  { name: "Value", num: true }, { name: "Threshold", num: true }, { name: "What", wrap: true, wide: true }];
const resolvedColumns = [{ name: "Rule" }, { name: "About" }, { name: "Fired" }, { name: "Resolved" },
  { name: "Lasted", num: true }, { name: "What", wrap: true, wide: true }];
const ruleColumns = [{ name: "Rule" }, { name: "On" }, { name: "Model" }, { name: "Threshold", num: true },
  { name: "Fires after", num: true }, { name: "Window", num: true }, { name: "Firing", num: true }, { name: "Pending", num: true }];

function activeRow(alert) {
  const what = el("span", {}, alert.detail, alert.advice ? el("span", { class: "muted advice" }, alert.advice) : null);
  return row(activeColumns, [stateBadge(alert), words(alert.rule), subject(alert), moment(alert.since_unix_us),
    alertValue(alert, alert.value), alertValue(alert, alert.threshold), what], { data: { alert: alert.id } });
}

function resolvedRow(alert) {
  const began = alert.fired_unix_us || alert.started_unix_us;
  return row(resolvedColumns, [words(alert.rule), subject(alert), moment(began), moment(alert.resolved_unix_us),
    span((alert.resolved_unix_us - began) / 1e6), alert.detail], { data: { alert: alert.id } });
}

function ruleRow(rule) {
  return row(ruleColumns, [words(rule.rule), rule.on ? badge("good", "on") : badge("idle", "off"), rule.model === "*" ? "all" : rule.model,
    ruleThreshold(rule), rule.for_s > 0 ? span(rule.for_s) : "at once", rule.window_s > 0 ? span(rule.window_s) : "–", whole(rule.firing), whole(rule.pending)]);
}

function webhookFacts(hook) {
  if (!hook) return empty("No webhook: alerts are shown here and in ", el("a", { href: "/metrics" }, "/metrics"), " only.");
  return facts([["Delivered", whole(hook.delivered)], ["Waiting", whole(hook.waiting)], ["Failed", whole(hook.failed)],
    hook.message ? ["Last answer", hook.message] : null]);
}

export function alertsPage() {
  const active = table("Active alerts", activeColumns, { id: "alerts-active", cards: true, whole: true });
  const resolved = table("Resolved alerts", resolvedColumns, { id: "alerts-resolved", cards: true });
  const rules = table("Rules", ruleColumns, { id: "alerts-rules", cards: true });
  const calm = empty("Nothing is wrong: no rule finds anything.");
  const never = empty("No alert was resolved yet.");
  const absent = empty("The alerts are not known: the monitor does not answer.");
  const hook = el("div");
  const show = whenChanged((alerts, answer) => {
    absent.hidden = answer !== null;
    if (answer === null) return;
    calm.hidden = alerts.length > 0;
    active.region.hidden = alerts.length === 0;
    never.hidden = answer.resolved.length > 0;
    resolved.region.hidden = answer.resolved.length === 0;
    replace(active.body, worstFirst(alerts).map(activeRow));
    replace(resolved.body, answer.resolved.map(resolvedRow));
    replace(rules.body, answer.rules.map(ruleRow));
    replace(hook, webhookFacts(answer.webhook));
  });
  const watcher = watchAlerts(1, (alerts, answer) => {
    if (answer) delete answer.unix_us;
    show(alerts, answer);
  });
  for (const part of [active.region, resolved.region, calm, never, absent]) part.hidden = true;
  return {
    title: "Alerts",
    node: el("div", { class: "page" }, el("h1", {}, "Alerts"), absent,
      panel("Active", { id: "active" }, calm, active.region),
      panel("Resolved", { id: "resolved" }, never, resolved.region),
      panel("Rules", { id: "rules", note: el("span", {}, "Changed by the file that ", code("--rules"), " names.") }, rules.region),
      panel("Webhook", { id: "webhook" }, hook)),
    close: () => watcher.stop(),
  };
}
