/* The heat-map of drift: a row a column of the model, worst first; a cell a window. A cell says its
 * PSI, its shade how far that is over the limit. Arrow keys move, Enter opens the column. */
import { el, empty, replace } from "./dom.js";
import { clock, day, moment, plural, short } from "./text.js";

const rowsMax = 40;
const windowsMax = 30;

/* 0 = far below the limit, 2 = near it, 3 and more = over it. */
export function heatOf(psi, limit) {
  if (psi === null || !(limit > 0)) return 0;
  const over = psi / limit;
  return over < 0.5 ? 0 : over < 0.8 ? 1 : over < 1 ? 2 : over < 2 ? 3 : over < 5 ? 4 : 5;
}

export class HeatMap {
  constructor(open) {
    this.open = open;
    this.wanted = "";
    this.at = { row: 0, cell: 0 };
    this.table = el("table", { class: "heat", id: "heat", role: "grid" });
    this.region = el("div", { class: "scroll", role: "region", aria: { label: "Drift by column and window" } }, this.table);
    this.said = el("p", { class: "muted heat-said" });
    this.none = empty("No column has this in its name.");
    this.node = el("div", { class: "heat-box" }, this.said, this.none, this.region);
    this.clear();
    this.table.addEventListener("keydown", (event) => this.key(event));
    this.table.addEventListener("click", (event) => {
      const cell = event.target.closest("[data-column]");
      if (!cell) return;
      this.move(Number(cell.dataset.row), Number(cell.dataset.cell), false);
      this.open(cell.dataset.column);
    });
  }

  clear() {
    this.drift = null;
    this.scrolled = false;
    this.at = { row: 0, cell: 0 };
    this.table.replaceChildren(this.caption());
  }

  caption() {
    return el("caption", { class: "unseen" }, "Drift by column and window; Enter opens a column");
  }

  filter(text) {
    this.wanted = text.toLowerCase();
    if (this.drift) this.draw(this.drift);
  }

  /* Columns to show: those of the map, then what else has the name, with its last window only. */
  lines(drift, times) {
    const matches = (name) => name.toLowerCase().includes(this.wanted);
    const mapped = (drift.heat || []).filter((h) => matches(h.name)).map((h) => ({ ...h, psi: h.psi.slice(-times.length) }));
    const there = new Set(mapped.map((h) => h.name));
    const others = drift.columns.filter((c) => !there.has(c.name) && matches(c.name)).sort((a, b) => b.psi / b.psi_limit - a.psi / a.psi_limit)
      .map((c) => ({ name: c.name, psi_limit: c.psi_limit, psi: [...times.slice(1).map(() => null), c.psi] }));
    const all = [...mapped, ...others];
    const newest = (h) => h.psi[h.psi.length - 1] / h.psi_limit || 0;
    return { shown: all.slice(0, rowsMax).sort((a, b) => newest(b) - newest(a)), all: all.length };
  }

  draw(drift) {
    this.drift = drift;
    const windows = (drift.history || []).slice(-windowsMax);
    const times = windows.length ? windows.map((w) => w.t) : [drift.closed_us / 1e6];
    const { shown, all } = this.lines(drift, times);
    this.size = { rows: shown.length, cells: times.length };
    this.at = { row: Math.min(this.at.row, Math.max(0, shown.length - 1)), cell: this.scrolled ? Math.min(this.at.cell, times.length - 1) : times.length - 1 };
    this.none.hidden = shown.length > 0;
    this.region.hidden = shown.length === 0;
    this.said.textContent = `PSI of ${plural(times.length, "window")}, the newest on the right; worst column first`
      + (all > shown.length ? `; ${shown.length} of ${all} columns, filter by name for others.` : ".") + " ▲ is over the limit.";
    const states = new Map(drift.columns.map((c) => [c.name, c]));
    const head = el("tr", {}, el("th", { scope: "col" }, "Column"), times.map((t, i) =>
      el("th", { scope: "col", class: "num", title: moment(t * 1e6) }, i % 3 === (times.length - 1) % 3 ? this.time(times, i) : el("span", { class: "unseen" }, moment(t * 1e6)))));
    const newest = !this.scrolled || this.region.scrollLeft + this.region.clientWidth >= this.region.scrollWidth - 4;
    const focused = this.table.contains(document.activeElement);
    replace(this.table, this.caption(), el("thead", {}, head),
      el("tbody", {}, shown.map((line, r) => this.line(line, r, times, states.get(line.name)))));
    if (focused) this.focus();
    this.scrolled = true;
    if (newest) this.region.scrollLeft = this.region.scrollWidth; // and stays there, unless somebody went elsewhere
  }

  /* The heading of a window; with its day where that is another than the one before, or than today. */
  time(times, i) {
    const dayOf = (t) => day(new Date(t * 1000));
    const before = i >= 3 ? dayOf(times[i - 3]) : day(new Date());
    const date = dayOf(times[i]) === before ? "" : `${dayOf(times[i]).slice(5)} `;
    return date + clock(times[i]).slice(0, 5);
  }

  line(line, r, times, column) {
    const state = column ? column.state : "quiet";
    const mark = state === "firing" ? el("span", { class: "bad-text", title: "drift" }, " ✕") : state === "pending" ? el("span", { class: "warn-text", title: "seen once" }, " △") : null;
    return el("tr", { data: { column: line.name } }, el("th", { scope: "row", title: line.name }, el("span", { class: "cut" }, line.name), mark), line.psi.map((psi, c) => {
      const level = heatOf(psi, line.psi_limit);
      const text = psi === null ? "" : `${psi.toFixed(2).replace(/^0/, "")}${level > 2 ? "▲" : ""}`;
      return el("td", {
        class: `num h${level}`, role: "gridcell", tabindex: r === this.at.row && c === this.at.cell ? "0" : "-1",
        data: { column: line.name, row: r, cell: c, psi: psi === null ? "" : String(psi) },
        aria: { label: psi === null ? `${line.name}, ${moment(times[c] * 1e6)}: not stored` : `${line.name}, ${moment(times[c] * 1e6)}: PSI ${short(psi)}, limit ${short(line.psi_limit)}` },
      }, text);
    }));
  }

  cell(row, cell) {
    return this.table.querySelector(`td[data-row="${row}"][data-cell="${cell}"]`);
  }

  move(row, cell, focus = true) {
    const old = this.cell(this.at.row, this.at.cell);
    this.at = { row: Math.max(0, Math.min(this.size.rows - 1, row)), cell: Math.max(0, Math.min(this.size.cells - 1, cell)) };
    const now = this.cell(this.at.row, this.at.cell);
    if (old) old.tabIndex = -1;
    if (!now) return;
    now.tabIndex = 0;
    if (focus) now.focus();
  }

  focus() {
    const now = this.cell(this.at.row, this.at.cell);
    if (now) now.focus({ preventScroll: true });
  }

  key(event) {
    const { row, cell } = this.at;
    const to = { ArrowUp: [row - 1, cell], ArrowDown: [row + 1, cell], ArrowLeft: [row, cell - 1], ArrowRight: [row, cell + 1], Home: [row, 0], End: [row, this.size.cells - 1] }[event.key];
    if (to) {
      event.preventDefault();
      this.move(...to);
    } else if (event.key === "Enter" || event.key === " ") {
      const here = this.cell(row, cell);
      if (!here) return;
      event.preventDefault();
      this.open(here.dataset.column);
    }
  }
}
