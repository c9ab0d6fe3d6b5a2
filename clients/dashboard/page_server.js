/* How much of their limits the servers use. */
import { watch } from "./api.js";
import { badge, code, el, empty, facts, meter, panel, replace, row, table } from "./dom.js";
import { Figure, seriesColour } from "./charts.js";
import { age, bytes, short, whole } from "./text.js";

const methodColumns = [{ name: "Method" }, { name: "Calls", num: true }, { name: "Failed", num: true }, { name: "Codes", wrap: true }];
const keep = 600;

/* What has a limit: [name, used, limit, text]. */
function limits(r) {
  return [
    ["Rows in the queue", r.queue_rows, r.queue_rows_max, whole],
    ["Calls in hand", r.calls_in_hand, r.calls_max, whole],
    ["Connections", r.connections, r.connections_max, whole],
    ["Memory of models", r.model_bytes, r.model_bytes_max, bytes],
  ].filter(([, used]) => used !== undefined);
}

function limitRow([name, used, most, text]) {
  const words = most > 0 ? `${text(used)} of ${text(most)}` : most === 0 ? `${text(used)}, no limit` : text(used);
  return el("div", { class: "limit" }, el("span", {}, name), el("span", { class: "num" }, words),
    most > 0 ? meter(name, used, most, words) : null);
}

function sourceFacts(source, cpu) {
  const r = source.resources;
  return facts([
    ["Events", source.subscribed ? "connected" : "not connected"],
    ["Last event", age(source.last_event_age_s)],
    ["Lost events", whole(source.lost_events)],
    ["Restarts seen", whole(source.restarts)],
    r ? ["CPU", cpu === null ? `${short(r.cpu_seconds)} s in all` : `${short(cpu)} cores`, `${r.cpu_seconds} s in all`] : null,
    r ? ["Memory", bytes(r.rss_bytes), "resident"] : null,
    r ? ["Threads", whole(r.threads)] : null,
    r ? ["Open files", whole(r.open_files)] : null,
    r && r.models_loaded !== undefined ? ["Versions loaded", whole(r.models_loaded)] : null,
    r && r.jobs_running !== undefined ? ["Jobs", `${whole(r.jobs_running)} running, ${whole(r.jobs_queued)} queued`] : null,
    r ? ["Events dropped", whole(r.events_dropped)] : null,
    source.epoch ? ["Epoch", source.epoch.slice(0, 8), "of its last start"] : null,
  ]);
}

function sourcePanel(source, history) {
  const tone = !source.server_up ? "bad" : source.subscribed ? "good" : "warn";
  const word = !source.server_up ? "down" : source.subscribed ? "up" : "up, events not connected";
  const last = history[history.length - 1];
  return el("section", { class: "panel source", aria: { label: source.server } },
    el("div", { class: "panel-head" }, el("h2", {}, source.server), badge(tone, word)),
    !source.server_up && source.server_message ? el("p", { class: "why" }, source.server_message) : null,
    source.resources ? el("div", { class: "limits" }, limits(source.resources).map(limitRow)) : null,
    sourceFacts(source, last ? last.cpu : null));
}

/* Points of the last ten minutes, by source: the overview tells only of now. */
class History {
  constructor() { this.of = new Map(); }

  take(overview) {
    const t = overview.unix_us / 1e6;
    for (const source of overview.sources) {
      const r = source.resources;
      if (!this.of.has(source.server)) this.of.set(source.server, []);
      const list = this.of.get(source.server);
      const last = list[list.length - 1];
      if (last && t - last.t < 0.5) continue;
      const cpu = r && last && last.epoch === source.epoch && last.cpuSeconds !== null && t > last.t
        ? Math.max(0, (r.cpu_seconds - last.cpuSeconds) / (t - last.t)) : null;
      list.push({ t, epoch: source.epoch, cpuSeconds: r ? r.cpu_seconds : null, cpu, rss: r ? r.rss_bytes : null, queue: r ? r.queue_rows : null, calls: r && r.calls_in_hand !== undefined ? r.calls_in_hand : null });
      if (list.length > keep) list.shift();
    }
  }

  sets(name) {
    return [...this.of.entries()].map(([server, list], i) => ({
      label: server, colour: seriesColour(i), points: list.map((p) => ({ x: p.t, y: p[name] })),
    }));
  }

  range() {
    const all = [...this.of.values()].flat().map((p) => p.t);
    return all.length ? { from: Math.min(...all), to: Math.max(...all, Math.min(...all) + 60) } : {};
  }
}

const past = new History();

export function serverPage() {
  const sources = el("div", { class: "sources" });
  const figures = [
    ["cpu", new Figure({ id: "chart-cpu", title: "CPU, cores", unit: short, suggestedMax: 1 })],
    ["rss", new Figure({ id: "chart-rss", title: "Memory, resident", unit: bytes, binary: true })],
    ["queue", new Figure({ id: "chart-queue", title: "Rows in the queue", unit: whole, suggestedMax: 10 })],
    ["calls", new Figure({ id: "chart-calls", title: "Calls in hand", unit: whole, suggestedMax: 10 })],
  ];
  const methods = table("Calls by method", methodColumns, { id: "methods-table", cards: true });
  const noMethods = empty("No call was counted yet.");
  const byMethod = panel("Calls by method", { id: "methods", note: "Since the start of each server." }, noMethods, methods.region);
  byMethod.hidden = true;
  const watcher = watch(() => "/server", 2, (answer) => showMethods(answer), () => { byMethod.hidden = true; });

  function showMethods(answer) {
    const list = (answer.servers || answer.sources || []).flatMap((server) => (server.methods || []).map((m) => ({ ...m, server: server.server })));
    byMethod.hidden = list.length === 0;
    noMethods.hidden = list.length > 0;
    replace(methods.body, list.map((m) => {
      const codes = m.calls_by_code || m.calls || {};
      const all = Object.values(codes).reduce((n, v) => n + v, 0);
      const failed = all - (codes.OK || 0);
      const text = Object.entries(codes).filter(([name]) => name !== "OK").map(([name, n]) => `${name} ${whole(n)}`).join(", ");
      return row(methodColumns, [m.method, whole(all), { text: whole(failed), class: failed > 0 ? "bad" : "" }, text || "–"]);
    }));
  }

  return {
    title: "Server",
    node: el("div", { class: "page" }, el("h1", {}, "Server"), sources,
      panel("The last minutes", { id: "server-charts", note: "While this page is open." }, el("div", { class: "charts two" }, figures.map(([, figure]) => figure.node))),
      byMethod),
    update(overview) {
      past.take(overview);
      replace(sources, overview.sources.length === 0
        ? el("div", {}, empty("No server is watched. Start the monitor with ", code("--server"), "."))
        : overview.sources.map((source) => sourcePanel(source, past.of.get(source.server) || [])));
      for (const [name, figure] of figures) {
        const sets = past.sets(name);
        if (sets.some((set) => set.points.some((p) => p.y !== null))) figure.draw({ ...past.range(), sets });
        else figure.none("The server has not told yet.");
      }
    },
    close() {
      watcher.stop();
      for (const [, figure] of figures) figure.remove();
    },
  };
}
