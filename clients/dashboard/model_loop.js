/* What happens by itself with a model: what it waits for, what it did, what is switched off. */
import { watch, watchEvents } from "./api.js";
import { badge, el, facts, panel, replace, row, table, whenChanged } from "./dom.js";
import { moment, percent, plural, short, span, whole, words } from "./text.js";

const columns = [{ name: "When" }, { name: "Step" }, { name: "Outcome" }, { name: "Version", num: true }, { name: "What", wrap: true }];
const tones = { begun: "busy", done: "good", skipped: "idle", refused: "warn", failed: "bad" };

function triggersOf(triggers) {
  return [triggers.drift ? "drift" : null, triggers.quality ? "a drop of quality" : null,
    triggers.every_s > 0 ? `every ${span(triggers.every_s)}` : null,
    triggers.new_labels > 0 ? plural(triggers.new_labels, "new outcome") : null].filter(Boolean).join(", ") || "nothing";
}

function scoresOf(loop) {
  const s = loop.scores;
  return s ? [`${words(s.metric)} on ${whole(s.holdout_rows)} rows`, `champion ${short(s.champion, 4)}, challenger ${short(s.challenger, 4)}`] : null;
}

function about(loop, production) {
  const off = Object.entries(loop.switches).filter(([, on]) => !on).map(([name]) => words(name));
  const version = (n) => (n > 0 ? el("a", { href: `#/models/${encodeURIComponent(loop.model)}/${n}`, data: { key: `loop-${n}` } }, `version ${n}`) : "none");
  return [
    loop.why ? el("p", {}, loop.why) : null,
    facts([
      ["State", loop.enabled ? badge(loop.step === "idle" ? "good" : "busy", words(loop.step)) : badge("idle", "switched off")],
      loop.step !== "idle" ? ["Begun by", words(loop.trigger)] : null,
      ["Champion", loop.champion > 0 || !production ? version(loop.champion) : el("span", {}, version(production), ", in production")],
      loop.challenger > 0 ? ["Challenger", version(loop.challenger)] : null,
      ["Begins on", triggersOf(loop.triggers)],
      ["Outcomes", `${whole(loop.labels)} new, ${whole(loop.labels_min)} needed (${percent(Math.min(1, loop.labels / Math.max(1, loop.labels_min)))})`],
      scoresOf(loop),
      loop.next_unix_us > 0 ? ["Not before", moment(loop.next_unix_us), "the pause between two rounds"] : null,
      off.length ? ["Switched off", off.join(", ")] : null,
      loop.job_id ? ["Job", el("a", { href: `#/jobs/${loop.job_id}`, data: { key: "loop-job" } }, loop.job_id)] : null,
    ]),
  ];
}

export function loopSection({ model }) {
  const state = el("div");
  const steps = table("Automatic steps", columns, { id: "loop-table", cards: true });
  const node = panel("Automation", { id: "loop", note: "Trains again, compares, shadows, promotes and rolls back, as the policy of this model says." }, state, steps.region);
  let told = null; // the newest of the loop
  let production = null; // what the model's alias points at: the champion of a round to come
  const show = whenChanged((loop, champion) => {
    node.hidden = !loop;
    if (!loop) return;
    replace(state, about(loop, champion));
    steps.region.hidden = loop.steps.length === 0;
    replace(steps.body, loop.steps.map((step) => row(columns, [moment(step.unix_us), words(step.step),
      badge(tones[step.outcome] || "idle", step.outcome), step.version > 0 ? String(step.version) : "–", step.text])));
  });
  node.hidden = true;
  const watcher = watchEvents("loop", watch(() => "/loop", 3, (answer) => {
    told = answer.models.find((one) => one.model === model) || null;
    show(told, production);
  }, (error) => { if (error.status === 404) show(null, null); }));
  return {
    node,
    update({ known }) {
      const alias = known ? known.aliases.find((one) => one.name === "production") : null;
      production = alias ? alias.version : null;
      show(told, production);
    },
    remove: () => watcher.stop(),
  };
}
