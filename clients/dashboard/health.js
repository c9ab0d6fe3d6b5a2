/* The state of drift and of quality, in a word. */
import { badge, el } from "./dom.js";
import { percent, short, whole } from "./text.js";

const states = {
  firing: ["bad", "drift"],
  pending: ["warn", "maybe"],
  quiet: ["good", "none"],
  collecting: ["idle", "collecting"],
  unwatched: ["idle", "not watched"],
};

/* `drift` as in /overview; null where nothing is known. */
export function driftBadge(drift) {
  if (!drift) return el("span", { class: "idle" }, "–");
  const [tone, word] = states[drift.state] || ["idle", drift.state];
  const text = drift.worst ? `${word}: ${drift.worst}` : word;
  const about = drift.state === "collecting" ? `${whole(drift.open_rows || 0)} rows so far; a window needs 500 rows and a minute`
    : drift.state === "unwatched" ? "Its artefact holds no profile of what it was trained on"
    : `PSI at most ${short(drift.psi_max)} in the last window of ${whole(drift.rows || 0)} rows`;
  return badge(tone, text, drift.worst ? `${drift.worst}: ${about}` : about);
}

/* The metric that people ask for first. */
export function qualityText(quality) {
  if (!quality || quality.value === null || quality.value === undefined) return null;
  return quality.metric === "accuracy" || quality.metric === "f1" ? percent(quality.value) : `${quality.metric} ${short(quality.value)}`;
}

export function qualityCell(quality) {
  const text = qualityText(quality);
  if (text === null) return el("span", { class: "idle", title: "No outcomes were recorded yet: trivet feedback" }, "–");
  return el("span", { title: `${quality.metric} of ${whole(quality.labelled)} predictions with an outcome` }, text);
}
