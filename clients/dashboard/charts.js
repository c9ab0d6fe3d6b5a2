/* The three charts. Chart.js draws; time is a linear axis of Unix seconds with our own labels. */
"use strict";

const trivetCharts = (() => {
  const colour = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const clock = (seconds) =>
    new Date(seconds * 1000).toLocaleTimeString([], { hour12: false });

  /* A label of the time axis; its steps are whole minutes, or halves. */
  const tick = (seconds) => clock(seconds).slice(0, seconds % 60 === 0 ? 5 : 8);

  /* Labels at whole minutes (or halves), wherever the axis begins. */
  function placeTicks(axis) {
    const span = axis.max - axis.min;
    const step = span > 600 ? 180 : span > 150 ? 60 : 30;
    axis.ticks = [];
    for (let t = Math.ceil(axis.min / step) * step; t <= axis.max; t += step) {
      axis.ticks.push({ value: t });
    }
  }

  const isPower = (value) => Number.isInteger(Math.log10(value));

  /* A latency in µs, as people say it. */
  function latency(us) {
    if (us === null || us === undefined) return "–";
    if (us < 1000) return `${Number(us.toPrecision(3))} µs`;
    if (us < 1e6) return `${Number((us / 1000).toPrecision(3))} ms`;
    return `${Number((us / 1e6).toPrecision(3))} s`;
  }

  const rate = (value) => value === null ? "–" :
    value >= 100 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));

  const lines = {
    "chart-rate": {
      unit: (v) => rate(v),
      sets: [{ label: "predictions/s", column: "predictions_per_s", colour: "--c-rate", fill: true }],
    },
    "chart-latency": {
      unit: latency,
      logarithmic: true,
      sets: [
        { label: "p50", column: "p50_us", colour: "--c-p50" },
        { label: "p90", column: "p90_us", colour: "--c-p90" },
        { label: "p99", column: "p99_us", colour: "--c-p99" },
      ],
    },
    "chart-errors": {
      unit: (v) => rate(v),
      sets: [
        { label: "failed calls/s", column: "failed_calls_per_s", colour: "--c-calls" },
        { label: "failed rows/s", column: "failed_rows_per_s", colour: "--c-rows" },
      ],
    },
  };
  const drawn = {};

  // A line needs two points: one that stands between gaps is drawn as a dot.
  function alone(context) {
    const there = (k) => context.dataset.data[k] && context.dataset.data[k].y !== null;
    const k = context.dataIndex;
    return there(k) && !there(k - 1) && !there(k + 1) ? 2 : 0;
  }

  function dataset(set) {
    const ink = colour(set.colour);
    return {
      label: set.label,
      data: [],
      borderColor: ink,
      backgroundColor: set.fill ? `${ink}26` : ink,
      fill: Boolean(set.fill),
      borderWidth: 1.8,
      pointRadius: alone,
      pointHitRadius: 12,
      spanGaps: false,
      tension: 0,
    };
  }

  function options(line) {
    const grid = colour("--line");
    const text = colour("--muted");
    return {
      animation: false,
      parsing: false,
      normalized: true,
      responsive: true,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      plugins: {
        legend: { display: false },
        tooltip: {
          callbacks: {
            title: (items) => (items.length ? clock(items[0].parsed.x) : ""),
            label: (item) => `${item.dataset.label}: ${line.unit(item.parsed.y)}`,
          },
        },
      },
      scales: {
        x: {
          type: "linear",
          grid: { display: false },
          border: { color: grid },
          ticks: { color: text, maxRotation: 0, autoSkip: false, callback: tick },
          afterBuildTicks: placeTicks,
        },
        y: line.logarithmic
          ? {
              type: "logarithmic",
              suggestedMin: 10,
              suggestedMax: 1000,
              grid: { color: grid, drawBorder: false },
              ticks: { color: text, callback: (v) => (isPower(v) ? line.unit(v) : null) },
            }
          : {
              beginAtZero: true,
              suggestedMax: 1,
              grid: { color: grid, drawBorder: false },
              ticks: { color: text, maxTicksLimit: 5, callback: (v) => line.unit(v) },
            },
      },
    };
  }

  /* (Re)make the charts: at the start, and when the colour scheme changes. */
  function build() {
    if (typeof Chart === "undefined") return false;
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    Chart.defaults.font.size = 11;
    for (const [id, line] of Object.entries(lines)) {
      const old = drawn[id];
      const sets = line.sets.map(dataset);
      if (old) {
        sets.forEach((set, i) => { set.data = old.data.datasets[i].data; });
        old.destroy();
      }
      drawn[id] = new Chart(document.getElementById(id), {
        type: "line",
        data: { datasets: sets },
        options: options(line),
      });
    }
    return true;
  }

  /* What a screen reader hears of a chart: its newest values. */
  function describe(id, line, series) {
    const last = series.t.length - 1;
    const words = line.sets.map((set) => {
      const value = last >= 0 ? series[set.column][last] : null;
      return `${set.label} ${value === null ? "none" : line.unit(value)}`;
    });
    document.getElementById(id).setAttribute("aria-label", `Over time; now ${words.join(", ")}`);
  }

  /* Draw the columns of /series. */
  function draw(series) {
    for (const [id, line] of Object.entries(lines)) {
      const chart = drawn[id];
      describe(id, line, series);
      if (!chart || series.t.length === 0) continue;
      line.sets.forEach((set, i) => {
        chart.data.datasets[i].data = series.t.map((t, k) => ({ x: t, y: series[set.column][k] }));
      });
      const end = series.t[series.t.length - 1];
      chart.options.scales.x.min = series.t[0];
      chart.options.scales.x.max = end;
      chart.update("none");
    }
  }

  return { build, draw, latency, rate, clock, drawn };
})();
