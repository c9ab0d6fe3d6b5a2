/* The page: the overview comes by Server-Sent Events once a second, the chart's columns by a
 * request after it. Text goes in by textContent only; nothing here builds HTML from data. */
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  const { latency, rate, clock } = trivetCharts;
  const whole = (n) => n.toLocaleString("en");
  let picked = { model: "", version: 0 };
  let busy = false;
  let lastEvent = 0;

  const percent = (ratio) =>
    ratio === 0 ? "0 %" : ratio < 0.0001 ? "< 0.01 %" : `${Number((ratio * 100).toPrecision(2))} %`;

  function age(seconds) {
    if (seconds === null) return "–";
    if (seconds < 2) return "now";
    if (seconds < 120) return `${Math.round(seconds)} s ago`;
    if (seconds < 7200) return `${Math.round(seconds / 60)} min ago`;
    return `${Math.round(seconds / 3600)} h ago`;
  }

  function bytes(n) {
    return n < 1 << 20 ? `${Math.round(n / 1024)} KiB` : `${Math.round(n / (1 << 20))} MiB`;
  }

  function setText(id, text) {
    const element = byId(id);
    if (element.textContent !== text) element.textContent = text;
  }

  function setTone(element, tone) {
    for (const name of ["ok", "good", "warn", "bad"]) element.classList.toggle(name, name === tone);
  }

  /* Big counts keep their exact value in the title. */
  function compact(n) {
    if (n < 1e7) return whole(n);
    return n < 1e9 ? `${(n / 1e6).toFixed(2)} M` : `${(n / 1e9).toFixed(3)} G`;
  }

  function showTiles(overview) {
    const totals = overview.totals;
    const total = totals.latency_us.total;
    setText("tile-predictions", compact(totals.predictions));
    byId("tile-predictions").title = whole(totals.predictions);
    setText("tile-predictions-note", `in ${compact(totals.calls)} calls`);
    setText("tile-rate", rate(totals.predictions_per_s));
    setText("tile-rate-note", `${rate(totals.calls_per_s)} calls/s, last ${overview.rate_seconds} s`);
    setText("tile-errors", percent(totals.call_error_ratio));
    setTone(byId("tile-errors"), totals.call_error_ratio > 0.01 ? "bad" : totals.call_error_ratio > 0 ? "warn" : "good");
    setText("tile-errors-note", `of calls; in all ${compact(totals.failed_calls)} calls, ${compact(totals.failed_rows)} rows`);
    setText("tile-p50", latency(total && total.p50));
    setText("tile-p99", latency(total && total.p99));
    setText("tile-lost", whole(overview.lost_events));
    setTone(byId("tile-lost"), overview.lost_events > 0 ? "warn" : "good");
  }

  function cell(row, label, text, className) {
    const td = document.createElement("td");
    td.className = className;
    td.dataset.label = label;
    td.textContent = text;
    row.append(td);
  }

  function modelRow(model) {
    const row = document.createElement("tr");
    const name = document.createElement("th");
    const button = document.createElement("button");
    const total = model.latency_us.total;
    const isPicked = picked.model === model.model && picked.version === model.version;
    name.scope = "row";
    button.type = "button";
    button.className = "link";
    button.textContent = model.model;
    button.setAttribute("aria-pressed", String(isPicked));
    button.title = "Show this version in the charts";
    button.dataset.key = `${model.model}:${model.version}`;
    button.addEventListener("click", () => pick(isPicked ? "" : model.model, model.version));
    name.append(button);
    row.append(name);
    row.classList.toggle("picked", isPicked);
    row.dataset.key = button.dataset.key;
    cell(row, "Version", String(model.version), "num");
    cell(row, "Predictions", whole(model.predictions), "num");
    cell(row, "Per second", rate(model.predictions_per_s), model.predictions_per_s > 0 ? "num" : "num idle");
    cell(row, "Failed calls", whole(model.failed_calls), model.call_error_ratio > 0 ? "num bad" : "num");
    cell(row, "Failed rows", whole(model.failed_rows), model.row_error_ratio > 0 ? "num bad" : "num");
    for (const q of ["p50", "p90", "p99"]) {
      cell(row, q, latency(total && total[q]), total ? "num" : "num idle");
    }
    cell(row, "Last call", age(model.last_change_age_s), "num");
    return row;
  }

  function showModels(models) {
    const focused = document.activeElement && document.activeElement.dataset.key;
    byId("models-empty").hidden = models.length > 0;
    byId("models-scroll").hidden = models.length === 0;
    byId("models-table").tBodies[0].replaceChildren(...models.map(modelRow));
    if (focused) {
      const again = byId("models-table").querySelector(`button[data-key="${CSS.escape(focused)}"]`);
      if (again) again.focus();
    }
    showChoices(models);
  }

  /* The drop-down is rebuilt only when versions come or go: it may be open. */
  function showChoices(models) {
    const select = byId("pick-model");
    const keys = models.map((m) => `${m.model}:${m.version}`);
    const known = [...select.options].slice(1).map((o) => o.value);
    if (keys.join() !== known.join()) {
      const options = keys.map((key) => new Option(key, key));
      select.replaceChildren(new Option("All models", ""), ...options);
    }
    select.value = picked.model ? `${picked.model}:${picked.version}` : "";
  }

  function fact(list, name, value) {
    const pair = document.createElement("div");
    const dt = document.createElement("dt");
    const dd = document.createElement("dd");
    dt.textContent = name;
    dd.textContent = value;
    pair.append(dt, dd);
    list.append(pair);
  }

  function sourceItem(source) {
    const item = document.createElement("li");
    const name = document.createElement("div");
    const dot = document.createElement("span");
    const text = document.createElement("span");
    const facts = document.createElement("dl");
    const tone = !source.server_up ? "bad" : source.subscribed ? "ok" : "warn";
    item.className = "source";
    name.className = "source-name";
    dot.className = `dot ${tone}`;
    dot.setAttribute("aria-hidden", "true");
    text.textContent = source.server;
    name.append(dot, text);
    facts.className = "facts";
    fact(facts, "Server", source.server_up ? "up" : "down");
    fact(facts, "Events", source.subscribed ? "connected" : "not connected");
    fact(facts, "Last event", age(source.last_event_age_s));
    fact(facts, "Received", whole(source.events_received));
    fact(facts, "Lost", whole(source.lost_events));
    fact(facts, "Restarts", whole(source.restarts));
    if (source.resources) {
      fact(facts, "Memory", bytes(source.resources.rss_bytes));
      fact(facts, "CPU", `${source.resources.cpu_seconds.toFixed(1)} s`);
      fact(facts, "Threads", whole(source.resources.threads));
      fact(facts, "Queue", `${whole(source.resources.queue_rows)} rows`);
    }
    if (source.epoch) fact(facts, "Epoch", source.epoch.slice(0, 8));
    item.append(name, facts);
    if (!source.server_up && source.server_message) {
      const why = document.createElement("p");
      why.className = "why";
      why.textContent = source.server_message;
      item.append(why);
    }
    return item;
  }

  function showState(overview) {
    const down = overview.sources.filter((s) => !s.server_up).length;
    const deaf = overview.sources.filter((s) => s.server_up && !s.subscribed).length;
    const n = overview.sources.length;
    setTone(byId("live"), down > 0 ? "bad" : deaf > 0 ? "warn" : "ok");
    setText("live-text", down > 0 ? `${down} of ${n} servers down` : deaf > 0 ? "events not connected" : "live");
    const notice = byId("notice");
    const text = overview.monitor.history_failing
      ? "The history cannot be written: counts of this hour may be lost when the monitor restarts. Its log says why."
      : "";
    notice.hidden = text === "";
    if (notice.textContent !== text) notice.textContent = text;
    setText("footer-time", `as of ${clock(overview.unix_us / 1e6)}`);
  }

  function show(overview) {
    lastEvent = Date.now();
    showTiles(overview);
    showModels(overview.models);
    byId("sources").replaceChildren(...overview.sources.map(sourceItem));
    showState(overview);
    document.documentElement.dataset.ready = "yes";
  }

  function seriesPath() {
    const seconds = byId("pick-seconds").value;
    const of = picked.model
      ? `/models/${encodeURIComponent(picked.model)}/versions/${picked.version}`
      : "";
    return `/api/v1${of}/series?seconds=${seconds}`;
  }

  function showNumbers(series) {
    if (!byId("numbers").open) return;
    const rows = [];
    for (let i = series.t.length - 1; i >= 0 && rows.length < 60; i--) {
      const row = document.createElement("tr");
      cell(row, "Time", clock(series.t[i]), "");
      cell(row, "Predictions/s", rate(series.predictions_per_s[i]), "num");
      cell(row, "p50", latency(series.p50_us[i]), "num");
      cell(row, "p90", latency(series.p90_us[i]), "num");
      cell(row, "p99", latency(series.p99_us[i]), "num");
      cell(row, "Failed calls/s", rate(series.failed_calls_per_s[i]), "num");
      cell(row, "Failed rows/s", rate(series.failed_rows_per_s[i]), "num");
      rows.push(row);
    }
    byId("series-table").tBodies[0].replaceChildren(...rows);
  }

  async function refreshCharts() {
    if (busy || document.hidden) return;
    busy = true;
    try {
      const path = seriesPath();
      const reply = await fetch(path);
      if (reply.ok && path === seriesPath()) {
        const series = await reply.json();
        trivetCharts.draw(series);
        showNumbers(series);
      }
    } catch {
      /* The event stream tells when the monitor is gone. */
    } finally {
      busy = false;
    }
  }

  function pick(model, version) {
    picked = model ? { model, version } : { model: "", version: 0 };
    byId("pick-model").value = model ? `${model}:${version}` : "";
    refreshCharts();
  }

  function gone() {
    if (Date.now() - lastEvent > 3000) {
      setTone(byId("live"), "bad");
      setText("live-text", "monitor not reachable, trying again");
    }
  }

  function connect() {
    const events = new EventSource("/api/v1/events");
    events.addEventListener("overview", (event) => {
      show(JSON.parse(event.data));
      refreshCharts();
    });
    /* A browser gives up for good after an HTTP error such as 503; begin again then. */
    events.addEventListener("error", () => {
      gone();
      if (events.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
    });
  }

  if (!trivetCharts.build()) {
    for (const box of document.querySelectorAll(".canvas")) {
      box.textContent = "Chart.js is not installed (Debian: libjs-chart.js). The table below has the numbers.";
      box.classList.add("muted");
    }
    byId("numbers").open = true;
  }
  byId("pick-model").addEventListener("change", (event) => {
    const key = event.target.value;
    const colon = key.lastIndexOf(":");
    pick(key.slice(0, Math.max(colon, 0)), Number(key.slice(colon + 1)));
  });
  byId("pick-seconds").addEventListener("change", refreshCharts);
  byId("numbers").addEventListener("toggle", refreshCharts);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    trivetCharts.build();
    refreshCharts();
  });
  setInterval(gone, 2000);
  fetch("/api/v1/overview").then((reply) => reply.json()).then(show).then(refreshCharts).catch(gone);
  connect();
})();
