/* How the monitor itself does: whether what the other pages show can be believed. */
import { watch } from "./api.js";
import { badge, el, facts, meter, panel, replace, row, table, tile } from "./dom.js";
import { age, bytes, moment, short, span, whole } from "./text.js";

const columns = [{ name: "Server" }, { name: "Events" }, { name: "Lag", num: true }, { name: "Last event", num: true },
  { name: "Received", num: true }, { name: "Lost", num: true }, { name: "Malformed", num: true },
  { name: "Duplicate", num: true }, { name: "Restarts", num: true }];

const sum = (list, name) => list.reduce((n, source) => n + source[name], 0);

function tiles(health) {
  const lags = health.sources.map((s) => s.lag_s).filter((lag) => lag !== null);
  const lag = lags.length ? Math.max(...lags) : null;
  const lost = sum(health.sources, "lost_events");
  const malformed = sum(health.sources, "malformed");
  return [
    tile("Lag", lag === null ? "–" : span(lag), "of the newest event, over the least delay seen", { key: "lag", tone: lag > 5 ? "bad" : lag > 1 ? "warn" : "" }),
    tile("Lost events", whole(lost), `of ${whole(sum(health.sources, "events_received") + lost)}; totals repair themselves`, { key: "lost", tone: lost > 0 ? "warn" : "" }),
    tile("Malformed", whole(malformed), "messages that could not be read", { key: "malformed", tone: malformed > 0 ? "bad" : "" }),
    tile("History", health.history.failing ? "failing" : "written", `${bytes(health.history.file_bytes)}, ${whole(health.history.samples)} samples`, { key: "history", tone: health.history.failing ? "bad" : "" }),
    tile("Memory", bytes(health.process.rss_bytes), "resident, of the monitor", { key: "memory" }),
    tile("Open pages", whole(health.pages.open), `${whole(health.pages.cut_off)} were cut off as too slow`, { key: "pages" }),
  ];
}

function sourceRow(source) {
  const tone = source.subscribed ? "good" : "bad";
  return row(columns, [source.server, badge(tone, source.subscribed ? "connected" : "not connected", source.events),
    source.lag_s === null ? "–" : span(source.lag_s), age(source.last_event_age_s), whole(source.events_received),
    { text: whole(source.lost_events), class: source.lost_events > 0 ? "bad" : "" },
    { text: whole(source.malformed), class: source.malformed > 0 ? "bad" : "" },
    whole(source.duplicate_events), whole(source.restarts)]);
}

function held(health) {
  const { held: h } = health;
  const versions = `${whole(h.versions)} of ${whole(h.versions_max)}`;
  const windows = `${bytes(h.window_bytes)} of ${bytes(h.window_bytes_max)}`;
  return [
    el("div", { class: "limits" },
      el("div", { class: "limit" }, el("span", {}, "Versions tracked"), el("span", { class: "num" }, versions), meter("Versions tracked", h.versions, h.versions_max, versions)),
      el("div", { class: "limit" }, el("span", {}, "Rolling windows"), el("span", { class: "num" }, windows), meter("Rolling windows", h.window_bytes, h.window_bytes_max, windows))),
    facts([
      ["Totals not tracked", whole(h.untracked_totals), "of versions beyond the limit"],
      ["Totals ignored as old", whole(h.stale_totals)],
      ["Seconds left out", whole(h.dropped_slots), "of windows, for want of memory"],
    ]),
  ];
}

function itself(health) {
  return facts([
    ["Version", health.version],
    ["Up", span(health.uptime_s)],
    ["CPU", `${short(health.process.cpu_seconds)} s in all`],
    ["Threads", whole(health.process.threads)],
    ["Open files", whole(health.process.open_files)],
    ["Oldest sample", health.history.oldest_unix_s ? moment(health.history.oldest_unix_s * 1e6) : "none yet"],
    ["Calls for pages", `${whole(health.asked.calls)}, ${whole(health.asked.calls_failed)} failed`],
    ["Answers kept", `${whole(health.asked.answers)}, ${bytes(health.asked.answer_bytes)}`],
  ]);
}

export function monitorPage() {
  const top = el("section", { class: "tiles", aria: { label: "Health" } });
  const sources = table("Event streams", columns, { id: "streams-table", cards: true });
  const holds = el("div");
  const self = el("div");
  const trouble = el("p", { class: "why", hidden: true });
  const watcher = watch(() => "/monitor", 1, (health) => {
    trouble.hidden = true;
    replace(top, tiles(health));
    replace(sources.body, health.sources.map(sourceRow));
    replace(holds, held(health));
    replace(self, itself(health));
  }, (error) => { trouble.hidden = false; trouble.textContent = error.message; });
  return {
    title: "Monitor",
    node: el("div", { class: "page" }, el("h1", {}, "Monitor"), trouble, top,
      panel("Event streams", { id: "streams" }, sources.region),
      panel("What it holds", { id: "holds" }, holds),
      panel("This process", { id: "process" }, self)),
    close: () => watcher.stop(),
  };
}
