/* Which page is shown, what all pages share, and the stream that keeps them alive.
 *
 * A page is a function (parameters, state) → { title, node, update(overview)?, close()? }. It is
 * made anew when the address changes; update() comes once a second with the newest overview. */
import { listen, get } from "./api.js";
import { el, setText } from "./dom.js";
import { drawn, recolour } from "./charts.js";
import { moment, span, zone } from "./text.js";
import { overviewPage } from "./page_overview.js";
import { modelPage } from "./page_model.js";
import { jobsPage } from "./page_jobs.js";
import { jobPage } from "./page_job.js";
import { alertsPage, countAlerts } from "./page_alerts.js";
import { serverPage } from "./page_server.js";
import { monitorPage } from "./page_monitor.js";

const routes = [
  [/^\/?$/, "overview", overviewPage],
  [/^\/models\/([^/]+)$/, "overview", modelPage],
  [/^\/models\/([^/]+)\/(\d+)$/, "overview", modelPage],
  [/^\/jobs$/, "jobs", jobsPage],
  [/^\/jobs\/([^/]+)$/, "jobs", jobPage],
  [/^\/alerts$/, "alerts", alertsPage],
  [/^\/server$/, "server", serverPage],
  [/^\/monitor$/, "monitor", monitorPage],
];

const byId = (id) => document.getElementById(id);
/* What outlives a page: the newest overview, and choices such as the span of the charts. */
const state = { overview: null, seconds: "300" };
let page = null;

function lostPage() {
  return {
    title: "No such page",
    node: el("section", { class: "panel" }, el("h1", {}, "No such page"),
      el("p", {}, "Go to the ", el("a", { href: "#/" }, "overview"), ".")),
  };
}

/* What an address leads to, with its parameters; undefined for one that leads nowhere, or that is
 * no text. */
function routeOf(address) {
  const found = routes.map(([pattern, name, make]) => ({ hit: pattern.exec(address), name, make })).find((r) => r.hit);
  try {
    return found && { ...found, parameters: found.hit.slice(1).map(decodeURIComponent) };
  } catch {
    return undefined;
  }
}

function open(moveFocus) {
  const address = location.hash.replace(/^#/, "");
  const found = routeOf(address);
  if (page && page.close) page.close();
  page = found ? found.make(found.parameters, state) : lostPage();
  byId("page").replaceChildren(page.node);
  document.title = `${page.title} – Trivet monitor`;
  for (const link of byId("nav").querySelectorAll("a")) {
    if (found && link.dataset.page === found.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.documentElement.dataset.page = address || "/";
  if (state.overview && page.update) page.update(state.overview);
  if (moveFocus) {
    byId("page").focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

/* `aside` is for eyes only: it may change every second, and a screen reader would say it each time. */
function setTone(tone, text, aside = "") {
  const pill = byId("live");
  for (const name of ["ok", "warn", "bad"]) pill.classList.toggle(name, name === tone);
  setText(byId("live-text"), text);
  setText(byId("live-aside"), aside);
}

function showState(overview) {
  const down = overview.sources.filter((s) => !s.server_up).length;
  const deaf = overview.sources.filter((s) => s.server_up && !s.subscribed).length;
  const n = overview.sources.length;
  setTone(down > 0 ? "bad" : deaf > 0 ? "warn" : "ok",
    down > 0 ? `${down} of ${n} servers down` : deaf > 0 ? "events not connected" : "live");
  setText(byId("footer-time"), `as of ${moment(overview.unix_us)}, ${zone(overview.unix_us)}`);
}

function showNotice(overview) {
  const notice = byId("notice");
  const text = overview.monitor.history_failing
    ? "The history cannot be written: counts of this hour may be lost when the monitor restarts. Its log says why."
    : "";
  notice.hidden = text === "";
  setText(notice, text);
}

function showCounts(overview) {
  const running = (overview.jobs || []).filter((job) => job.state === "RUNNING" || job.state === "QUEUED").length;
  const alerts = countAlerts(overview);
  for (const [id, count, what] of [["nav-jobs", running, "running"], ["nav-alerts", alerts, "active"]]) {
    byId(id).hidden = count === 0;
    setText(byId(id), String(count));
    byId(id).setAttribute("aria-label", `${count} ${what}`);
  }
}

function tell(overview) {
  state.overview = overview;
  document.documentElement.classList.remove("stale");
  showState(overview);
  showNotice(overview);
  showCounts(overview);
  if (page && page.update) page.update(overview);
  document.documentElement.dataset.ready = "yes";
}

/* Numbers that stand still look like numbers that do not: they are dimmed. */
function lost(seconds) {
  document.documentElement.classList.add("stale");
  setTone("bad", "no word from the monitor", seconds > 0 ? ` for ${span(seconds)}` : "");
}

addEventListener("hashchange", () => {
  if (location.hash === "#page") return; // the skip link
  open(true);
});
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("page").focus();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
window.trivetCharts = { drawn };
open(false);
get("/overview").then((first) => { if (!state.overview || first.unix_us > state.overview.unix_us) tell(first); }).catch(() => lost(0));
listen(tell, lost);
