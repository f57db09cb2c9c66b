/**
 * Lines over time, drawn as SVG: a scale of round numbers, a legend, and what the values were where the pointer is.
 *
 * `series` are `{ name, values: [number | null] }`, one value for each of `times` (ms); a null is a gap. For those who
 * do not see it, the drawing is named by its last and highest values.
 */

import { html, useLayoutEffect, useRef, useState } from "../vendor/preact.js";
import { clock, short } from "../core/format.js";

const PAD = { left: 54, right: 10, top: 8, bottom: 20 };
export const MAX_SERIES = 6;

export function Chart({ title, times, series, unit = short, isBinary = false, height = 150 }) {
  const [width, frame] = useWidth(420);
  const [at, setAt] = useState(null);
  const shown = series.slice(0, MAX_SERIES);
  const known = shown.flatMap((each) => each.values).filter((value) => value !== null && value !== undefined);
  const top = roundUp(Math.max(0, ...known), isBinary);
  const inner = { width: Math.max(40, width - PAD.left - PAD.right), height: height - PAD.top - PAD.bottom };
  const from = times[0] ?? 0;
  const span = Math.max(1, (times.at(-1) ?? 1) - from);
  const x = (ms) => PAD.left + ((ms - from) / span) * inner.width;
  const y = (value) => PAD.top + inner.height - (value / top) * inner.height;
  const point = (event) => {
    const ms = from + ((event.offsetX - PAD.left) / inner.width) * span;
    setAt(nearest(times, ms));
  };
  return html`<figure class="chart" ref=${frame}>
    <figcaption><span>${title}</span>
      <${Legend} series=${shown} at=${at} times=${times} unit=${unit} left=${series.length - shown.length} /></figcaption>
    ${known.length === 0 && html`<p class="none">No samples yet: the server takes one every few seconds.</p>`}
    ${known.length > 0 && html`<svg width=${width} height=${height} role="img" aria-label=${spoken(title, shown, unit)}
        onMouseMove=${point} onMouseLeave=${() => setAt(null)}>
      ${[0, 0.5, 1].map((part) => html`<g key=${part}>
        <line class="scale" x1=${PAD.left} x2=${width - PAD.right} y1=${y(part * top)} y2=${y(part * top)} />
        <text class="scale-text" x=${PAD.left - 6} y=${y(part * top) + 4} text-anchor="end">${unit(part * top)}</text></g>`)}
      ${marks(times, inner.width).map((ms) => html`<text key=${ms} class="scale-text" x=${x(ms)} y=${height - 5} text-anchor="middle">${clock(ms)}</text>`)}
      ${shown.map((each, index) => html`<path key=${each.name} class=${`line series-${index + 1}`} d=${path(times, each.values, x, y)} />`)}
      ${at !== null && html`<line class="cursor" x1=${x(times[at])} x2=${x(times[at])} y1=${PAD.top} y2=${PAD.top + inner.height} />`}
    </svg>`}
  </figure>`;
}

export function useWidth(otherwise) {
  const frame = useRef(null);
  const [width, setWidth] = useState(otherwise);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(frame.current);
    return () => observer.disconnect();
  }, []);
  return [width, frame];
}

function Legend({ series, at, times, unit, left }) {
  return html`<span class="legend">
    ${at !== null && html`<span class="muted">${clock(times[at])}</span>`}
    ${series.map((each, index) => html`<span key=${each.name} class=${`key series-${index + 1}`}><i aria-hidden="true"></i>${each.name}
      <b>${unit(at === null ? lastOf(each.values) : each.values[at])}</b></span>`)}
    ${left > 0 && html`<span class="muted">and ${left} more</span>`}
  </span>`;
}

function lastOf(values) {
  return values.findLast((value) => value !== null && value !== undefined) ?? null;
}

function spoken(title, series, unit) {
  const each = series.map(({ name, values }) => `${name} now ${unit(lastOf(values))}, at most ${unit(Math.max(0, ...values.filter((value) => value !== null)))}`);
  return `${title}: ${each.join("; ")}`;
}

function path(times, values, x, y) {
  let text = "";
  let drawing = false;
  values.forEach((value, index) => {
    if (value === null || value === undefined) drawing = false;
    else {
      text += `${drawing ? "L" : "M"}${x(times[index]).toFixed(1)} ${y(value).toFixed(1)}`;
      if (!drawing) text += "h.01";
      drawing = true;
    }
  });
  return text;
}

function marks(times, width) {
  const many = Math.max(1, Math.min(5, Math.floor(width / 120)));
  if (times.length < 2) return times;
  const step = (times.at(-1) - times[0]) / many;
  return Array.from({ length: many }, (_, index) => times[0] + step * (index + 0.5));
}

function nearest(times, ms) {
  let best = null;
  times.forEach((time, index) => {
    if (best === null || Math.abs(time - ms) < Math.abs(times[best] - ms)) best = index;
  });
  return best;
}

/** The next of 1, 2, 5 times a power of ten, or of two for bytes; never 0, by which is divided. */
export function roundUp(value, isBinary = false) {
  if (value <= 0) return 1;
  if (isBinary) return 2 ** Math.ceil(Math.log2(value));
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((step) => step * power >= value) * power;
}

/** A line within a table's cell. */
export function Spark({ values, label }) {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return html`<span class="muted">–</span>`;
  const top = Math.max(1, ...known);
  const step = 80 / (values.length - 1);
  const line = path(values.map((_, index) => index * step), values, (at) => at, (value) => 18 - (value / top) * 16);
  return html`<svg class="spark" width="80" height="20" role="img" aria-label=${label}><path class="line series-1" d=${line} /></svg>`;
}
