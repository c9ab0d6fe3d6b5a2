/* Confusion matrices: a table whose cells are shaded by their share of the row. */
import { el, empty, row, table } from "./dom.js";
import { percent, short, whole } from "./text.js";

const most = 24; // classes of a matrix
const pairsMax = 40;
const pairColumns = [{ name: "True class" }, { name: "Predicted as" }, { name: "Rows", num: true }, { name: "Of the class", num: true }];

/* Five shades; the text says the number, so that colour is never alone. */
export const shade = (share) => (share <= 0 ? 0 : Math.min(5, Math.ceil(share * 5)));

/* labels: names; counts: rows of true class i predicted as j at [i * n + j]; counts may be sums of
 * weights. */
export function confusionMatrix(labels, counts, id) {
  const n = labels.length;
  if (n === 0) return empty("No class was seen yet.");
  if (n > most) return worstPairs(labels, counts, id);
  const sums = labels.map((_, i) => counts.slice(i * n, (i + 1) * n).reduce((a, b) => a + b, 0));
  const head = el("tr", {}, el("th", { scope: "col" }, "true ↓ predicted →"), labels.map((label) => el("th", { scope: "col", class: "num" }, label)));
  const rows = labels.map((label, i) => el("tr", {}, el("th", { scope: "row" }, label),
    labels.map((other, j) => {
      const count = counts[i * n + j];
      const share = sums[i] > 0 ? count / sums[i] : 0;
      return el("td", {
        class: `num ${i === j ? "right" : "wrong"} h${shade(share)}`, data: { cell: `${i}:${j}` },
        title: `${short(count)} of ${short(sums[i])} of class ${label} predicted as ${other}: ${percent(share)}`,
      }, Number.isInteger(count) ? whole(count) : short(count));
    })));
  const grid = el("table", { class: "matrix", id }, el("caption", { class: "unseen" }, "Confusion matrix"), el("thead", {}, head), el("tbody", {}, rows));
  return el("div", { class: "scroll", tabindex: "0", role: "region", aria: { label: "Confusion matrix" } }, grid);
}

function worstPairs(labels, counts, id) {
  const n = labels.length;
  const pairs = [];
  for (let i = 0; i < n; i++) {
    const sum = counts.slice(i * n, (i + 1) * n).reduce((a, b) => a + b, 0);
    for (let j = 0; j < n; j++) if (i !== j && counts[i * n + j] > 0) pairs.push([i, j, counts[i * n + j], counts[i * n + j] / sum]);
  }
  pairs.sort((a, b) => b[2] - a[2]);
  const list = table("Classes most often taken for another", pairColumns, { id });
  list.body.replaceChildren(...pairs.slice(0, pairsMax).map(([i, j, count, share]) => row(pairColumns, [labels[i], labels[j], short(count), percent(share)])));
  return el("div", {}, el("p", { class: "muted" }, `${n} classes: ${pairs.length > pairsMax ? `the ${pairsMax} of ${whole(pairs.length)} pairs` : "the pairs"} most often mixed up.`), list.region);
}
