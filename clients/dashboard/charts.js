/* Charts with a table beside each. Chart.js draws; time is a linear axis of Unix seconds with our
 * own labels. What is drawn is in `drawn` by id, for whoever wants to compare it with the API. */
import { clock, moment, whole } from "./text.js";
import { el, row, table } from "./dom.js";

export const drawn = {};
const linesMax = 120; // of a table
const figures = new Set();
export const hasCharts = () => typeof Chart !== "undefined";

export const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/* Colours of things without a meaning of their own, in order. */
export const series = ["--s0", "--s1", "--s2", "--s3", "--s4", "--s5", "--s6", "--s7"];
export const seriesColour = (index) => series[index % series.length];
/* Of one thing more beside those that have the colours `taken`: its own if it is free, else the next
 * that is. */
export function freeColour(index, taken) {
  const free = series.map((_, k) => seriesColour(index + k)).find((one) => !taken.includes(one));
  return free || seriesColour(index);
}

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200,
  86400, 172800, 604800];

/* Labels at whole minutes (or hours, days), wherever the axis begins. */
function placeTicks(axis) {
  const room = Math.max(2, Math.floor(axis.width / 70));
  const step = steps.find((s) => (axis.max - axis.min) / s <= room) || 2592000;
  const shift = step >= 3600 ? new Date(axis.min * 1000).getTimezoneOffset() * 60 : 0;
  axis.ticks = [];
  for (let t = Math.ceil((axis.min - shift) / step) * step + shift; t <= axis.max; t += step) {
    axis.ticks.push({ value: t });
  }
}

function tick(seconds, index, ticks) {
  const step = ticks.length > 1 ? ticks[1].value - ticks[0].value : 60;
  if (step >= 86400) return new Date(seconds * 1000).toLocaleDateString([], { month: "short", day: "numeric" });
  return clock(seconds).slice(0, step >= 60 ? 5 : 8);
}

const isPower = (value) => Number.isInteger(Math.log10(value));

// A line needs two points: one that stands between gaps is drawn as a dot.
function alone(context) {
  const there = (k) => context.dataset.data[k] && context.dataset.data[k].y !== null;
  const k = context.dataIndex;
  return there(k) && !there(k - 1) && !there(k + 1) ? 2.5 : 0;
}

function lineSet(set) {
  const ink = colour(set.colour);
  return {
    label: set.label,
    data: set.points,
    borderColor: set.band ? "transparent" : ink,
    backgroundColor: set.fill || set.band ? `${ink}2b` : ink,
    fill: set.band ? "-1" : Boolean(set.fill),
    borderWidth: set.hidden ? 0 : 1.8,
    borderDash: set.dash || [],
    pointRadius: set.dots ? 3 : alone,
    pointHitRadius: 12,
    spanGaps: false,
    tension: 0,
  };
}

/* Vertical lines with a word: versions that went live, and the like. */
const marks = {
  id: "marks",
  afterDatasetsDraw(chart, _arguments, options) {
    const { ctx, chartArea: area, scales: { x } } = chart;
    for (const mark of options.list || []) {
      const at = x.getPixelForValue(mark.t);
      if (at < area.left || at > area.right) continue;
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = colour("--mark");
      ctx.setLineDash([4, 3]);
      ctx.beginPath();
      ctx.moveTo(at, area.top);
      ctx.lineTo(at, area.bottom);
      ctx.stroke();
      ctx.font = Chart.defaults.font.size + "px " + Chart.defaults.font.family;
      ctx.textAlign = at > (area.left + area.right) / 2 ? "right" : "left";
      ctx.fillText(mark.text, at + (ctx.textAlign === "left" ? 4 : -4), area.top + 11);
      ctx.restore();
    }
  },
};

function valueAxis(what) {
  const grid = { color: colour("--line"), drawBorder: false };
  const color = colour("--muted");
  if (what.logarithmic) {
    return {
      type: "logarithmic", suggestedMin: 10, suggestedMax: 1000, grid,
      ticks: { color, callback: (v) => (isPower(v) ? what.unit(v) : null) },
    };
  }
  /* Bytes: steps of a power of two. */
  const most = what.binary ? Math.max(1, ...what.sets.flatMap((set) => set.points.map((p) => p.y || 0))) : 0;
  return {
    beginAtZero: !what.floating, min: what.min, max: what.max, suggestedMax: what.suggestedMax, stacked: Boolean(what.stacked), grid,
    ticks: { color, maxTicksLimit: 6, stepSize: most > 0 ? 2 ** Math.ceil(Math.log2(most / 4)) : undefined, callback: (v) => what.unit(v) },
  };
}

function options(what, time) {
  const color = colour("--muted");
  const xOfTime = {
    type: "linear", min: what.from, max: what.to, grid: { display: false },
    border: { color: colour("--line") },
    ticks: { color, maxRotation: 0, autoSkip: false, callback: tick }, afterBuildTicks: placeTicks,
  };
  const xOfNumber = {
    type: "linear", grid: { display: false }, title: { display: Boolean(what.xTitle), text: what.xTitle, color },
    ticks: { color, maxTicksLimit: 8, maxRotation: 0, callback: (v) => what.xUnit ? what.xUnit(v) : v },
  };
  const xOfName = { grid: { display: false }, ticks: { color, maxRotation: 60, autoSkip: true, autoSkipPadding: 8 } };
  return {
    animation: false,
    normalized: what.kind !== "bar",
    parsing: what.kind === "bar" ? undefined : false,
    responsive: true,
    maintainAspectRatio: false,
    interaction: { mode: "index", intersect: false },
    plugins: {
      legend: { display: false },
      marks: { list: what.marks || [] },
      tooltip: {
        filter: (item) => !what.sets[item.datasetIndex].silent,
        callbacks: {
          title: (items) => !items.length ? "" : time ? moment(items[0].parsed.x * 1e6)
            : what.kind === "bar" ? items[0].label : `${what.xTitle || ""} ${what.xUnit ? what.xUnit(items[0].parsed.x) : items[0].parsed.x}`,
          label: (item) => `${item.dataset.label}: ${what.unit(item.parsed.y)}`,
        },
      },
    },
    scales: { x: what.kind === "bar" ? xOfName : time ? xOfTime : xOfNumber, y: valueAxis(what) },
  };
}

function barSet(set) {
  const ink = colour(set.colour);
  return { label: set.label, data: set.values, backgroundColor: `${ink}${set.soft ? "80" : "d0"}`, borderColor: ink, borderWidth: 1, barPercentage: 0.95, categoryPercentage: 0.86 };
}

/* One figure: caption with the keys of its lines, the chart, and the same as a table.
 *   id, title, note     the figure's; `id` is that of its canvas
 *   kind                "time" (default), "xy" or "bar"
 *   unit(value)         text of a value
 * draw({ sets: [{ label, colour, points: [{x, y}] | values: [], fill, band, dash, silent }],
 *        labels (of bars), from, to (of time), marks: [{ t, text }] })
 * redraws only what changed. A set with `silent` has no key and no column. */
export class Figure {
  constructor(what) {
    this.what = { kind: "time", ...what };
    this.keys = el("span", { class: "keys" });
    this.canvas = el("canvas", { id: what.id, role: "img", aria: { label: what.title } });
    this.box = el("div", { class: `canvas ${what.tall ? "tall" : ""}` }, this.canvas);
    this.nothing = el("p", { class: "empty", hidden: true });
    this.table = null;
    this.left = el("p", { class: "muted", hidden: true });
    this.details = el("details", { class: "numbers", ontoggle: () => this.fillTable() },
      el("summary", {}, el("span", { class: "unseen" }, `${what.title}: `), "As a table"), this.left);
    this.node = el("figure", { data: { figure: what.id } },
      el("figcaption", {}, el("span", { class: "name" }, what.title), this.keys), this.nothing, this.box, this.details);
    this.data = null;
    figures.add(this);
  }

  /* In the place of the chart: why there is none, and what to do. */
  none(text) {
    this.data = null;
    if (this.chart) this.destroyChart();
    this.nothing.textContent = text;
    this.nothing.hidden = false;
    this.box.hidden = this.details.hidden = true;
    this.keys.replaceChildren();
  }

  draw(data) {
    const old = this.data;
    this.data = { ...this.what, ...data };
    this.nothing.hidden = true;
    this.box.hidden = this.details.hidden = false;
    this.describe();
    const shape = (d) => JSON.stringify([d.sets.map((s) => [s.label, s.colour, s.dash]), d.max, d.min, d.marks]);
    if (!this.chart || !old || shape(old) !== shape(this.data)) this.build();
    else this.update();
    this.fillTable();
  }

  destroyChart() {
    this.chart.destroy();
    this.chart = null;
    delete drawn[this.what.id];
  }

  build() {
    if (this.chart) this.destroyChart();
    const loud = this.data.sets.filter((set) => !set.silent);
    this.keys.replaceChildren(...(loud.length > 1 || this.data.keyed ? loud : []).map((set) => {
      const mark = el("i", { class: set.dash ? "dash" : "" });
      mark.style.setProperty("--key", `var(${set.colour})`);
      return el("span", { class: "key" }, mark, set.label);
    }));
    if (!hasCharts()) {
      this.box.textContent = "Chart.js is not installed (Debian: libjs-chart.js). The table below has the numbers.";
      this.details.open = true;
      return;
    }
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    Chart.defaults.font.size = 11;
    const bars = this.what.kind === "bar";
    this.chart = drawn[this.what.id] = new Chart(this.canvas, {
      type: bars ? "bar" : "line",
      data: { labels: bars ? this.data.labels : undefined, datasets: this.data.sets.map(bars ? barSet : lineSet) },
      options: options(this.data, this.what.kind === "time"),
      plugins: [marks],
    });
  }

  update() {
    this.data.sets.forEach((set, i) => { this.chart.data.datasets[i].data = set.points || set.values; });
    if (this.what.kind === "bar") this.chart.data.labels = this.data.labels;
    if (this.what.kind === "time") {
      this.chart.options.scales.x.min = this.data.from;
      this.chart.options.scales.x.max = this.data.to;
    }
    this.chart.update("none");
  }

  /* What a screen reader hears of it: its newest values. The rest is in the table. */
  describe() {
    const said = this.data.sets.filter((set) => !set.silent).map((set) => {
      const values = set.points ? set.points.map((p) => p.y) : set.values;
      const last = values.length > 0 ? values[values.length - 1] : null;
      return this.what.kind === "bar" ? `${set.label}, ${values.length} bars`
        : `${set.label} ${last === null ? "none" : this.data.unit(last)}`;
    });
    const when = this.what.kind === "bar" ? "" : this.what.kind === "time" ? "over time; now " : "last ";
    this.canvas.setAttribute("aria-label", `${this.what.title}: ${when}${said.join(", ")}`);
  }

  fillTable() {
    if (!this.details.open || !this.data) return;
    const { sets, kind, unit, labels } = this.data;
    const loud = sets.filter((set) => !set.silent);
    const first = { time: "Time", bar: this.what.xTitle || "Bin", xy: this.what.xTitle || "x" }[kind];
    const columns = [{ name: first }, ...loud.map((set) => ({ name: set.label, num: true }))];
    const key = columns.map((c) => c.name).join("\n");
    if (!this.table || this.tableKey !== key) {
      if (this.table) this.table.region.remove();
      this.table = table(this.what.title, columns);
      this.tableKey = key;
      this.details.append(this.table.region);
    }
    let lines = labels || [];
    if (kind !== "bar") lines = [...new Set(loud.flatMap((set) => set.points.map((p) => p.x)))].sort((a, b) => a - b);
    const at = loud.map((set) => kind === "bar" ? new Map(lines.map((l, i) => [l, set.values[i]])) : new Map(set.points.map((p) => [p.x, p.y])));
    const all = lines.length;
    if (kind === "time") lines = lines.reverse().slice(0, linesMax);
    else if (all > linesMax) lines = Array.from({ length: linesMax }, (_, k) => lines[Math.round(k * (all - 1) / (linesMax - 1))]);
    this.left.hidden = all <= linesMax;
    this.left.textContent = `${linesMax} of ${whole(all)} lines${kind === "time" ? ", the newest" : ", evenly apart"}.`;
    const name = (x) => (kind === "time" ? moment(x * 1e6) : this.what.xUnit ? this.what.xUnit(x) : String(x));
    this.table.body.replaceChildren(...lines.map((x) =>
      row(columns, [name(x), ...at.map((values) => { const v = values.get(x); return v === null || v === undefined ? "–" : unit(v); })])));
  }

  remove() {
    figures.delete(this);
    if (this.chart) this.destroyChart();
  }
}

/* The colour scheme has changed. */
export function recolour() {
  for (const figure of figures) if (figure.data) figure.build();
}

/* Columns of /series as points. */
export const points = (t, values) => t.map((x, i) => ({ x, y: values[i] }));
export const timeRange = (t) => (t.length ? { from: t[0], to: t[t.length - 1] } : {});
