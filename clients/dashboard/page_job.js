/* One job: where it is, and what it found. */
import { watch } from "./api.js";
import { code, el, empty, facts, panel, replace, whenChanged } from "./dom.js";
import { isActive, jobBadge, jobSpan, merge, progressOf } from "./page_jobs.js";
import { drawLoss, lossFigure, reportPanels } from "./report.js";
import { moment, span, words } from "./text.js";

function headOf(job) {
  return [
    el("div", { class: "panel-head" }, el("h2", {}, el("span", {}, words(job.kind || "job")), " of ", job.model
      ? el("a", { href: `#/models/${encodeURIComponent(job.model)}`, data: { key: "model" } }, job.model) : "no model"), jobBadge(job)),
    isActive(job) ? progressOf(job) : null,
    job.state === "FAILED" ? el("p", { class: "why" }, job.error_message || "It failed.") : null,
    facts([
      job.version > 0 ? ["Version", el("a", { href: `#/models/${encodeURIComponent(job.model)}/${job.version}`, data: { key: "version" } }, String(job.version))] : null,
      ["Created", moment(job.created_unix_us)],
      ["Begun", moment(job.started_unix_us)],
      job.ended_unix_us > 0 ? ["Ended", moment(job.ended_unix_us)] : null,
      ["Took", span(jobSpan(job))],
      job.dataset_id ? ["Dataset", job.dataset_id] : null,
      job.output_dataset_id ? ["Output", job.output_dataset_id] : null,
      job.attempts > 1 ? ["Attempts", String(job.attempts), "begun again after the server ended"] : null,
    ]),
  ];
}

/* How the loss goes while the job runs. The report has the whole of it in a figure of its own. */
function lossSoFar() {
  const place = el("div", { hidden: true });
  let figure = null;
  function close() {
    if (figure) figure.remove();
    figure = null;
    place.hidden = true;
    place.replaceChildren();
  }
  return {
    place,
    close,
    show(losses) {
      if (losses.length === 0) {
        close();
        return;
      }
      if (!figure) {
        figure = lossFigure();
        place.replaceChildren(panel("The fit so far", { id: "so-far" }, figure.node));
        place.hidden = false;
      }
      drawLoss(figure, losses.map((point) => ({ x: point.iteration, y: point.loss })));
    },
  };
}

export function jobPage([id]) {
  const head = el("section", { class: "panel", id: "job" });
  const rest = el("div", { class: "page" });
  const trouble = el("p", { class: "why", hidden: true });
  let asked = null;
  let live = [];
  let figures = [];
  const soFar = lossSoFar();

  const showReport = whenChanged((report, state, iterations) => {
    for (const figure of figures) figure.remove();
    figures = [];
    if (!report) {
      replace(rest, state === "RUNNING" || state === "QUEUED" ? empty("Its report comes when it has ended.")
        : empty("It left no report. ", code("trivet jobs"), " lists those that did."));
      return;
    }
    const made = reportPanels(report, iterations);
    figures = made.figures;
    replace(rest, made.panels);
  });

  function show() {
    const job = merge(asked ? [asked] : [], live.filter((one) => one.id === id))[0];
    if (!job) return;
    trouble.hidden = true;
    replace(head, headOf(job));
    /* Until what was asked for has the report: the events tell of the end before. */
    soFar.show(asked && isActive(asked) && asked.progress ? asked.progress.losses || [] : []);
    showReport(asked ? asked.report || null : null, asked ? asked.state : job.state, asked ? asked.loss_iterations || null : null);
  }

  /* Of a job that has ended nothing changes any more. */
  const watcher = watch(() => (asked && !isActive(asked) ? null : `/jobs/${encodeURIComponent(id)}`), 1, (answer) => {
    asked = answer.servers[0];
    show();
  }, (error) => {
    trouble.hidden = false;
    trouble.textContent = error.status === 404 ? `No server knows ${id}: it may have been removed since.` : error.message;
  });
  return {
    title: id,
    node: el("div", { class: "page" }, el("p", { class: "crumbs" }, el("a", { href: "#/jobs" }, "Jobs")), el("h1", {}, id), trouble, head, soFar.place, rest),
    update(overview) {
      live = overview.jobs || [];
      const mine = live.find((job) => job.id === id);
      if (mine && !isActive(mine) && asked && isActive(asked)) watcher.now();
      show();
    },
    close() {
      watcher.stop();
      soFar.close();
      for (const figure of figures) figure.remove();
    },
  };
}
