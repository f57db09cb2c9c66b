/** Numbers, sizes, times and bytes as people read them. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const JUST_MS = 1000;
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function count(value) {
  return value === null || value === undefined ? "–" : whole.format(value);
}

/** 1234567 -> "1.2M"; for drawings, where the exact number is a hint. */
export function short(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size >= 1e9) return `${trim(value / 1e9)}G`;
  if (size >= 1e6) return `${trim(value / 1e6)}M`;
  if (size >= 1e4) return `${trim(value / 1e3)}k`;
  return Number.isInteger(value) || size >= 100 ? whole.format(value) : trim(value);
}

function trim(value) {
  return value.toFixed(Math.abs(value) >= 100 ? 0 : 1).replace(/\.0$/, "");
}

export function bytes(value) {
  if (value === null || value === undefined || value < 0) return "–";
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${trim(value)} ${UNITS[unit]}`;
}

export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 0) return "forever";
  for (const [size, name] of [[86_400_000, "d"], [3_600_000, "h"], [60_000, "min"], [1000, "s"]]) {
    if (ms >= size) return `${trim(ms / size)} ${name}`;
  }
  return `${ms} ms`;
}

/** Local time to the millisecond: `2026-11-29 11:42:07.123`. */
export function time(ms) {
  if (ms === null || ms === undefined || ms < 0) return "–";
  const date = new Date(ms);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${clock(ms)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

export function clock(ms) {
  const date = new Date(ms);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function two(value) {
  return String(value).padStart(2, "0");
}

export function ago(ms, now = Date.now()) {
  if (ms === null || ms === undefined || ms < 0) return "–";
  return now - ms < JUST_MS ? "just now" : `${duration(now - ms)} ago`;
}

export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** A local time for `<input type="datetime-local">`, and back. */
export function toInput(ms) {
  const date = new Date(ms);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${clock(ms)}`;
}

export function fromInput(text) {
  const ms = new Date(text).getTime();
  return Number.isNaN(ms) ? null : ms;
}
