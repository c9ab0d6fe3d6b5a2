/* Pieces that pages are built of. Text goes in as text only: nothing here makes HTML of data. */

/* el("td", { class: "num", title: "…", onclick: f, data: { key: "a" }, aria: { label: "…" } }, children)
 * Children are nodes, texts, or null for nothing. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "aria") for (const [k, v] of Object.entries(value)) element.setAttribute(`aria-${k}`, String(v));
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else element.setAttribute(name, String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export function svg(path, className) {
  const space = "http://www.w3.org/2000/svg";
  const image = document.createElementNS(space, "svg");
  const line = document.createElementNS(space, "path");
  image.setAttribute("viewBox", "0 0 16 16");
  image.setAttribute("aria-hidden", "true");
  image.setAttribute("class", `icon ${className || ""}`);
  line.setAttribute("d", path);
  image.append(line);
  return image;
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/* Put `children` in the place of what is there, keeping the keyboard's focus and nothing else:
 * a focused element is found again by its data-key. */
export function replace(parent, ...children) {
  const focused = parent.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  parent.replaceChildren(...children.flat().filter(Boolean));
  if (focused !== undefined) {
    const again = parent.querySelector(`:is(a, button, input, select, summary, [tabindex])[data-key="${CSS.escape(focused)}"]`);
    if (again) again.focus({ preventScroll: true });
  }
}

/* Whether the one can become the other. */
function alike(old, fresh) {
  return old.nodeName === fresh.nodeName && (old.dataset ? old.dataset.key === fresh.dataset.key : true);
}

function become(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) === value) continue;
    if (name === "style") old.style.cssText = fresh.style.cssText; // the policy forbids the attribute
    else old.setAttribute(name, value);
  }
  renew(old, [...fresh.childNodes]);
}

/* As replace(), but what is there becomes what is to be: nodes that stay keep the selection, the
 * focus and a screen reader's place in them. Children with a data-key are found again by it. Only
 * for what has no listeners and draws nothing by itself. */
export function renew(parent, ...children) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const here = focused || getSelection().anchorNode;
  const pinned = [...parent.children].find((c) => here && c.contains(here)) || null; // others move around it
  const keyed = new Map([...parent.children].filter((c) => c.dataset.key !== undefined).map((c) => [c.dataset.key, c]));
  let at = parent.firstChild;
  for (const child of children.flat().filter(Boolean)) {
    const key = child.dataset ? child.dataset.key : undefined;
    const found = key === undefined ? at : keyed.get(key);
    if (!found || !alike(found, child)) {
      parent.insertBefore(child, at);
      continue;
    }
    while (found === pinned && at !== found) {
      const next = at.nextSibling;
      parent.insertBefore(at, found.nextSibling);
      at = next;
    }
    if (found === at) at = at.nextSibling;
    else parent.insertBefore(found, at);
    become(found, child);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
  if (focused && focused.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
}

/* Build again only when what it is built of has changed: a page that stands still is left alone,
 * so that texts can be selected and screen readers stay where they are. */
export function whenChanged(build) {
  let last;
  return (...what) => {
    const now = JSON.stringify(what);
    if (now === last) return false;
    last = now;
    build(...what);
    return true;
  };
}

const icons = {
  good: "M3 8.5 6.5 12 13 4.5",
  warn: "M8 2 15 14H1Z M8 6.5v3.5 M8 12v.5",
  bad: "M4 4l8 8 M12 4l-8 8",
  idle: "M3 8h10",
  busy: "M8 2a6 6 0 1 1-6 6",
};

/* A state in words with its icon: never by colour alone. */
export function badge(tone, text, title) {
  return el("span", { class: `badge ${tone}`, title }, svg(icons[tone] || icons.idle), el("span", {}, text));
}

export function tile(name, value, note, options = {}) {
  return el("article", { class: `tile ${options.accent ? "accent" : ""}`, data: options.key ? { tile: options.key } : {} },
    el("h2", {}, name),
    el("p", { class: `value ${options.tone || ""}`, title: options.title }, value),
    el("p", { class: "muted" }, note || ""));
}

export function panel(title, options = {}, ...children) {
  const heading = el("h2", { id: `${options.id}-title` }, title);
  const head = el("div", { class: "panel-head" }, heading, options.controls || null);
  return el("section", { class: "panel", id: options.id, aria: { labelledby: `${options.id}-title` } },
    head, options.note ? el("p", { class: "muted note" }, options.note) : null, ...children);
}

export function empty(...children) {
  return el("p", { class: "empty" }, ...children);
}

/* A name of any length in one line; the whole of it is its title. */
export const cut = (text) => el("span", { class: "cut", title: text }, text);

export const code = (text) => el("code", {}, text);

/* Columns: [{ name, num, wrap, wide }]; `head` is built once, rows by row(). Wide tables scroll inside
 * their region, long ones as well but for `whole`; `cards` makes blocks of the rows on a phone. */
export function table(label, columns, options = {}) {
  const body = el("tbody");
  const head = el("tr", {}, columns.map((column) =>
    el("th", { scope: "col", class: column.num ? "num" : null }, column.name)));
  const grid = el("table", { id: options.id, class: options.cards ? "cards" : null },
    el("caption", { class: "unseen" }, label), el("thead", {}, head), body);
  const region = el("div", { class: options.whole ? "scroll whole" : "scroll", tabindex: "0", role: "region", aria: { label } }, grid);
  return { region, body, grid, columns };
}

/* A row of texts and nodes, the first of them its heading. A cell may be
 * { text, class, title, node }. */
export function row(columns, cells, options = {}) {
  return el("tr", { class: options.class, data: options.data || {} }, cells.map((cell, i) => {
    const plain = typeof cell !== "object" || cell === null || cell instanceof Node;
    const what = plain ? { node: cell } : cell;
    const className = [columns[i].num ? "num" : "", what.class || "", columns[i].wrap ? "wrap" : "", columns[i].wide ? "wide" : ""].join(" ").trim();
    return el(i === 0 ? "th" : "td", {
      scope: i === 0 ? "row" : null, class: className || null, title: what.title,
      data: { label: columns[i].name },
    }, what.node instanceof Node ? what.node : String(what.text ?? what.node ?? "–"));
  }));
}

export function facts(pairs) {
  return el("dl", { class: "facts" }, pairs.filter(Boolean).map(([name, value, title]) =>
    el("div", {}, el("dt", {}, name), el("dd", { title }, value))));
}

export function meter(label, value, max, text) {
  const share = max > 0 ? Math.min(1, value / max) : 0;
  const tone = share > 0.9 ? "bad" : share > 0.7 ? "warn" : "good";
  const bar = el("div", {
    class: `meter ${tone}`, role: "meter",
    aria: { label, valuemin: 0, valuemax: max, valuenow: Math.min(value, max), valuetext: text },
  }, el("i"));
  bar.firstChild.style.width = `${(share * 100).toFixed(1)}%`;
  return bar;
}

export function progress(label, fraction) {
  const share = Math.max(0, Math.min(1, fraction || 0));
  const bar = el("div", {
    class: "meter accent", role: "progressbar",
    aria: { label, valuemin: 0, valuemax: 100, valuenow: Math.round(share * 100) },
  }, el("i"));
  bar.firstChild.style.width = `${(share * 100).toFixed(1)}%`;
  return bar;
}

export function select(label, choices, value, onchange, id) {
  const box = el("select", { id, onchange: () => onchange(box.value) },
    choices.map(([key, text]) => el("option", { value: key }, text)));
  box.value = value;
  return { node: el("label", {}, label, box), box };
}

/* The drop-down is rebuilt only when its choices change: it may be open. */
export function setChoices(box, choices, value) {
  const known = [...box.options].map((option) => `${option.value}\n${option.text}`).join();
  if (known !== choices.map((choice) => choice.join("\n")).join()) {
    box.replaceChildren(...choices.map(([key, text]) => el("option", { value: key }, text)));
  }
  box.value = value;
}
