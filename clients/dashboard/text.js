/* Numbers as people say them, with their units. No DOM here. */

export const whole = (n) => Math.round(n).toLocaleString("en");
export const isNumber = (v) => typeof v === "number" && Number.isFinite(v);

/* Three digits, and never "1e-7" where a few zeros do. */
export function short(value, digits = 3) {
  if (!isNumber(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e15 || size < 1e-6) return value.toExponential(2);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  const rounded = Number(value.toPrecision(digits));
  if (size >= 1 || Math.abs(rounded) < 1) return String(rounded);
  return String(Math.trunc(value * 1e6) / 1e6); // a score of nearly 1 is not 1
}

export function latency(us) {
  if (!isNumber(us)) return "–";
  if (us < 999.5) return `${Number(us.toPrecision(3))} µs`;
  if (us < 999500) return `${Number((us / 1000).toPrecision(3))} ms`;
  return `${Number((us / 1e6).toPrecision(3))} s`;
}

export function rate(value) {
  if (!isNumber(value)) return "–";
  return value >= 100 ? whole(value) : String(Number(value.toPrecision(3)));
}

export function percent(ratio) {
  if (!isNumber(ratio)) return "–";
  if (ratio === 0) return "0 %";
  if (ratio > 0 && ratio < 0.0001) return "< 0.01 %";
  if (ratio < 1 && ratio > 0.9999) return "> 99.99 %";
  return `${Number((ratio * 100).toPrecision(ratio < 1 && ratio >= 0.9995 ? 4 : ratio >= 0.1 ? 3 : 2))} %`;
}

/* Big counts, for tiles; the exact one belongs into the title. */
export function compact(n) {
  if (n < 1e7) return whole(n);
  return n < 1e9 ? `${(n / 1e6).toFixed(2)} M` : `${(n / 1e9).toFixed(3)} G`;
}

export function bytes(n) {
  if (!isNumber(n)) return "–";
  if (n < 1024) return `${n} B`;
  if (Math.round(n / 1024) < 1024) return `${Math.round(n / 1024)} KiB`;
  if (n < 1 << 30) return `${Number((n / (1 << 20)).toPrecision(3))} MiB`;
  return `${Number((n / 2 ** 30).toPrecision(3))} GiB`;
}

export function span(seconds) {
  if (!isNumber(seconds)) return "–";
  if (seconds === 0) return "0 s";
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${Number(seconds.toPrecision(2))} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

export function age(seconds) {
  if (!isNumber(seconds)) return "never";
  return seconds < 2 ? "now" : `${span(seconds)} ago`;
}

export const ageOf = (unixUs) => (unixUs > 0 ? age(Date.now() / 1000 - unixUs / 1e6) : "never");

export const clock = (seconds) =>
  new Date(seconds * 1000).toLocaleTimeString([], { hourCycle: "h23", hour: "2-digit", minute: "2-digit", second: "2-digit" });

const two = (n) => String(n).padStart(2, "0");
export const day = (date) => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;

/* Date and time to the second; without the date when it is today. */
export function moment(unixUs) {
  if (!(unixUs > 0)) return "–";
  const date = new Date(unixUs / 1000);
  const time = clock(unixUs / 1e6);
  return day(date) === day(new Date()) ? time : `${day(date)} ${time}`;
}

/* Which times these are: those of the reader's clock, as of that moment. */
export function zone(unixUs) {
  const ahead = -new Date(unixUs / 1000).getTimezoneOffset();
  const size = Math.abs(ahead);
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (ahead === 0) return "times are in UTC";
  return `times are local: ${name} (UTC${ahead < 0 ? "−" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)})`;
}

/* "ROLLED_BACK" → "rolled back". */
export const words = (name) => String(name).toLowerCase().replaceAll("_", " ");
export const plural = (n, one, many = `${one}s`) => `${whole(n)} ${n === 1 ? one : many}`;
