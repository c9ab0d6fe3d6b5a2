/* The monitor's JSON API, and the stream of overviews. */

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/* What a browser says of a broken connection is of no use to a reader. */
async function ask(path, signal) {
  try {
    return await fetch(`/api/v1${path}`, { signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The monitor does not answer.");
  }
}

export async function get(path, signal) {
  const reply = await ask(path, signal);
  let body = null;
  try {
    body = await reply.json();
  } catch {
    body = null;
  }
  if (!reply.ok || body === null) {
    throw new ApiError(reply.status, (body && body.error) || `the monitor answered ${reply.status}`);
  }
  return body;
}

export const modelPath = (model) => `/models/${encodeURIComponent(model)}`;
export const versionPath = (model, version) => `${modelPath(model)}/versions/${version}`;

/* Asks for `path()` at once and then every `seconds`, one request at a time, until stopped.
 * `show(data)` or `fail(error)`; a hidden page asks for nothing. `path` may give null: not now. */
export function watch(path, seconds, show, fail) {
  const ending = new AbortController();
  let timer = 0;
  let busy = false;
  let again = false;
  async function turn() {
    clearTimeout(timer);
    const at = path();
    if (busy) {
      again = true; // what is on its way may be of the choice before
      return;
    }
    if (at !== null && !document.hidden) {
      busy = true;
      try {
        const data = await get(at, ending.signal);
        if (!ending.signal.aborted && at === path()) show(data);
      } catch (error) {
        again = again || error.status === 503; // the answer is on its way
        if (!ending.signal.aborted && at === path() && fail) fail(error);
      }
      busy = false;
    }
    if (ending.signal.aborted) return;
    timer = setTimeout(turn, again ? 200 : seconds * 1000);
    again = false;
  }
  turn();
  return { now: turn, stop: () => { ending.abort(); clearTimeout(timer); } };
}

/* Whom the stream's events other than the overview are for: kind → functions. */
const hearers = new Map([["alert", new Set()], ["loop", new Set()]]);

/* A watcher that asks at once, too, when the stream tells of `kind`. */
export function watchEvents(kind, watcher) {
  hearers.get(kind).add(watcher.now);
  return { ...watcher, stop: () => { hearers.get(kind).delete(watcher.now); watcher.stop(); } };
}

/* Server-Sent Events, begun again after every break. `tell(overview)` once a second; `lost()` when
 * nothing came for three seconds. Where the monitor has no stream to give, because as many as it
 * allows are open, the overview is asked for instead. */
export function listen(tell, lost) {
  const silenceMs = 3000;
  const againMs = 10000;
  let lastMs = Date.now();
  function heard(overview) {
    lastMs = Date.now();
    tell(overview);
  }
  function connect() {
    const events = new EventSource("/api/v1/events");
    let poll = null;
    events.addEventListener("overview", (event) => heard(JSON.parse(event.data)));
    for (const [kind, calls] of hearers) events.addEventListener(kind, () => { for (const call of calls) call(); });
    /* A browser gives up for good after an HTTP error such as 503. */
    events.addEventListener("error", () => {
      if (events.readyState !== EventSource.CLOSED || poll !== null) return;
      poll = watch(() => "/overview", 1, heard);
      setTimeout(() => { poll.stop(); connect(); }, againMs);
    });
  }
  setInterval(() => { if (Date.now() - lastMs > silenceMs) lost(Math.round((Date.now() - lastMs) / 1000)); }, 1000);
  connect();
}
