/* All training jobs; those that run move by the stream, the rest is asked for. */
import { watch } from "./api.js";
import { badge, code, cut, el, empty, panel, progress, renew, row, select, table } from "./dom.js";
import { ageOf, moment, percent, short, span, words } from "./text.js";

const most = 200; // rows, and what a server lists

const columns = [{ name: "Job" }, { name: "Model" }, { name: "Kind" }, { name: "State" }, { name: "Progress", wrap: true },
  { name: "Begun" }, { name: "Took", num: true }];
const tones = { SUCCEEDED: "good", FAILED: "bad", CANCELLED: "idle", RUNNING: "busy", QUEUED: "idle" };

export const isActive = (job) => job.state === "RUNNING" || job.state === "QUEUED";
export const jobBadge = (job) => badge(tones[job.state] || "idle", words(job.state));

export function jobSpan(job) {
  if (!(job.started_unix_us > 0)) return null;
  const end = job.ended_unix_us > 0 ? job.ended_unix_us / 1e6 : Date.now() / 1000;
  return Math.max(0, end - job.started_unix_us / 1e6);
}

export function progressOf(job) {
  const at = job.progress || { fraction: 0, phase: "", detail: "" };
  const newest = (at.losses || []).at(-1);
  const text = [[words(at.phase), at.detail].filter(Boolean).join(": "), newest ? `loss ${short(newest.loss, 4)}` : ""].filter(Boolean).join(", ");
  return el("div", { class: "progress" }, progress(`Progress of ${job.id}`, at.fraction),
    el("span", {}, percent(at.fraction)), el("span", { class: "muted" }, text));
}

function outcome(job) {
  if (isActive(job)) return job.state === "RUNNING" ? progressOf(job) : "waits for its turn";
  if (job.state === "FAILED") return el("span", { class: "bad-text" }, job.error_message || "failed");
  if (job.version > 0) return el("a", { href: `#/models/${encodeURIComponent(job.model)}/${job.version}`, data: { key: `v-${job.id}` } }, `version ${job.version}`);
  return job.output_dataset_id ? `dataset ${job.output_dataset_id}` : "–";
}

function jobRow(job) {
  return row(columns, [el("a", { href: `#/jobs/${encodeURIComponent(job.id)}`, data: { key: job.id } }, job.id),
    job.model ? cut(job.model) : "–", words(job.kind), jobBadge(job), outcome(job),
    { text: ageOf(job.started_unix_us || job.created_unix_us), title: moment(job.started_unix_us || job.created_unix_us) },
    span(jobSpan(job))], { data: { key: job.id, job: job.id, state: job.state } });
}

/* The newer of what was asked for and what the events told. */
export function merge(jobs, live) {
  const all = new Map(jobs.map((job) => [job.id, job]));
  for (const job of live) {
    const known = all.get(job.id);
    if (!known || job.revision > known.revision) all.set(job.id, { ...known, ...job });
  }
  return [...all.values()].sort((a, b) => b.created_unix_us - a.created_unix_us);
}

export function jobsPage() {
  const jobs = table("Jobs", columns, { id: "jobs-table", cards: true });
  const none = empty("No job yet. ", code("trivet train NAME --data FILE.csv --target COLUMN"), " begins one.");
  const trouble = el("p", { class: "why", hidden: true });
  const more = el("p", { class: "muted", hidden: true }, `Listed are the newest ${most}. `, code("trivet jobs"), " tells of the others.");
  let asked = null;
  let told = false; // a server has said which jobs it has
  let live = [];
  let ended = "";
  let choice = "";
  const picker = select("State", [["", "all"], ["active", "running and queued"], ["FAILED", "failed"], ["SUCCEEDED", "succeeded"]], "",
    (value) => { choice = value; show(); }, "jobs-state");

  function show() {
    if (asked === null) return;
    const all = merge(asked, live);
    const wanted = all.filter((job) => choice === "" || (choice === "active" ? isActive(job) : job.state === choice));
    none.hidden = all.length > 0 || !told;
    jobs.region.hidden = all.length === 0;
    more.hidden = all.length < most;
    renew(jobs.body, wanted.slice(0, most).map(jobRow));
  }

  const watcher = watch(() => "/jobs", 5, (answer) => {
    asked = answer.servers.flatMap((server) => server.jobs || []);
    const silent = answer.servers.filter((server) => server.unavailable);
    told = silent.length < answer.servers.length;
    trouble.hidden = silent.length === 0;
    trouble.textContent = silent.map((server) => `${server.server}: ${server.unavailable}`).join("; ");
    show();
  }, (error) => { trouble.hidden = false; trouble.textContent = error.message; });
  none.hidden = jobs.region.hidden = true;
  return {
    title: "Jobs",
    node: el("div", { class: "page" }, el("h1", {}, "Jobs"),
      panel("Training and batch jobs", { id: "jobs", controls: el("div", { class: "controls" }, picker.node) }, trouble, none, more, jobs.region)),
    update(overview) {
      live = overview.jobs || [];
      const now = live.filter((job) => !isActive(job)).map((job) => job.id).join();
      if (now !== ended) {
        ended = now;
        watcher.now(); // one has ended: the rest of it is a question away
      }
      show();
    },
    close: () => watcher.stop(),
  };
}
