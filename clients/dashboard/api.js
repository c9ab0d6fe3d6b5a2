/* The monitor's JSON API, and the stream of overviews. */

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export async function get(path, signal) {
  const reply = await fetch(`/api/v1${path}`, { signal });
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

/* Of {"servers": […]} the one that has something to tell, and why the others have not. */
export function firstServer(answer) {
  return answer.servers.find((server) => server.unavailable === "") || null;
}

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

/* Server-Sent Events, begun again after every break. `tell(overview)` once a second; `lost()` when
 * nothing came for three seconds. */
export function listen(tell, lost) {
  const silenceMs = 3000;
  let lastMs = Date.now();
  function connect() {
    const events = new EventSource("/api/v1/events");
    events.addEventListener("overview", (event) => {
      lastMs = Date.now();
      tell(JSON.parse(event.data));
    });
    /* A browser gives up for good after an HTTP error such as 503; begin again then. */
    events.addEventListener("error", () => {
      if (events.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
    });
  }
  setInterval(() => { if (Date.now() - lastMs > silenceMs) lost(Math.round((Date.now() - lastMs) / 1000)); }, 1000);
  connect();
}
