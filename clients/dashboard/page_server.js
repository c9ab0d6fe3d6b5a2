/* How much of their limits the servers use. */
import { watch } from "./api.js";
import { badge, code, el, empty, facts, meter, panel, replace } from "./dom.js";
import { Figure, seriesColour, timeRange } from "./charts.js";
import { age, bytes, short, whole } from "./text.js";

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

function sourceFacts(source, newest) {
  const r = source.resources;
  const cpu = newest.cpu_percent;
  return facts([
    ["Events", source.subscribed ? "connected" : "not connected"],
    ["Last event", age(source.last_event_age_s)],
    ["Lost events", whole(source.lost_events)],
    ["Restarts seen", whole(source.restarts)],
    r ? ["CPU", cpu === undefined ? `${short(r.cpu_seconds)} s in all` : `${short(cpu / 100)} cores`, `${short(r.cpu_seconds)} s in all`] : null,
    r ? ["Memory", bytes(r.rss_bytes), "resident"] : null,
    r ? ["Threads", whole(r.threads)] : null,
    r ? ["Open files", whole(r.open_files)] : null,
    newest.models_loaded !== undefined ? ["Versions loaded", whole(newest.models_loaded)] : null,
    newest.jobs_running !== undefined ? ["Jobs", `${whole(newest.jobs_running)} running, ${whole(newest.jobs_queued)} queued`] : null,
    r ? ["Events dropped", whole(r.events_dropped)] : null,
    source.epoch ? ["Epoch", source.epoch.slice(0, 8), "of its last start"] : null,
  ]);
}

function sourcePanel(source, newest) {
  const tone = !source.server_up ? "bad" : source.subscribed ? "good" : "warn";
  const word = !source.server_up ? "down" : source.subscribed ? "up" : "up, events not connected";
  return el("section", { class: "panel source", aria: { label: source.server } },
    el("div", { class: "panel-head" }, el("h2", {}, source.server), badge(tone, word)),
    !source.server_up && source.server_message ? el("p", { class: "why" }, source.server_message) : null,
    el("div", { class: "limits" }, limits(newest).map(limitRow)),
    sourceFacts(source, newest));
}

/* Columns of /server over the last fifteen minutes: one line a server. */
const charts = [
  { id: "chart-cpu", title: "CPU, cores", column: "cpu_percent", unit: short, scale: 0.01, suggestedMax: 1 },
  { id: "chart-rss", title: "Memory, resident", column: "rss_bytes", unit: bytes, binary: true },
  { id: "chart-calls", title: "Calls in hand", column: "calls_in_hand", unit: whole, suggestedMax: 10 },
  { id: "chart-queue", title: "Rows in the queue", column: "queue_rows", unit: whole, suggestedMax: 10 },
  { id: "chart-connections", title: "Connections", column: "connections", unit: whole, suggestedMax: 10 },
  { id: "chart-models", title: "Memory of models", column: "model_bytes", unit: bytes, binary: true },
  { id: "chart-files", title: "Open files", column: "open_files", unit: whole, suggestedMax: 10 },
  { id: "chart-threads", title: "Threads", column: "threads", unit: whole, suggestedMax: 10 },
];

function drawAll(figures, answer) {
  for (const { what, figure } of figures) {
    const sets = answer.servers.map((server, i) => ({
      label: server.server, colour: seriesColour(i),
      points: server.t.map((t, k) => ({ x: t, y: server[what.column][k] === null ? null : server[what.column][k] * (what.scale || 1) })),
    }));
    if (sets.some((set) => set.points.some((p) => p.y !== null))) figure.draw({ ...timeRange(answer.servers[0].t), sets });
    else figure.none("The server has not told yet.");
  }
}

/* The newest value of every column, by server. */
function newestOf(answer) {
  return new Map(answer.servers.map((server) => [server.server, Object.fromEntries(Object.entries(server)
    .filter(([, values]) => Array.isArray(values)).map(([name, values]) => [name, values.filter((v) => v !== null).pop()]))]));
}

export function serverPage(_parameters, state) {
  const sources = el("div", { class: "sources" });
  const figures = charts.map((what) => ({ what, figure: new Figure(what) }));
  let newest = new Map();
  const watcher = watch(() => "/server", 2, (answer) => {
    newest = newestOf(answer);
    drawAll(figures, answer);
    showSources(state.overview);
  });

  function showSources(overview) {
    if (!overview) return;
    replace(sources, overview.sources.length === 0
      ? el("div", {}, empty("No server is watched. Start the monitor with ", code("--server"), "."))
      : overview.sources.map((source) => sourcePanel(source, newest.get(source.server) || {})));
  }

  return {
    title: "Server",
    node: el("div", { class: "page" }, el("h1", {}, "Server"), sources,
      panel("The last fifteen minutes", { id: "server-charts" }, el("div", { class: "charts two" }, figures.map(({ figure }) => figure.node)))),
    update: showSources,
    close() {
      watcher.stop();
      for (const { figure } of figures) figure.remove();
    },
  };
}
