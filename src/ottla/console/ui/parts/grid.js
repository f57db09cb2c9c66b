/**
 * A grid of very many rows: only those in view exist.
 *
 * Every row has the same height, so where a row lies is arithmetic, and scrolling costs the same with a hundred rows or
 * a hundred thousand. Elements are never made anew: the row at `i` is shown by the `i % many`-th, so one that stays in view is
 * not touched, and one that goes is given another's texts. The grid itself is what scrolls and has the focus.
 *
 * `columns` are `{ name, title, width, show(row), number }`; `width` is one of CSS grid, and in less than `leastPx` they are
 * scrolled. `chosen` is one of `rows`, or null.
 */

import { Component, html, useCallback, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact.js";

export const ROW_PX = 30;
const BESIDE = 6;
const NEAR_END = 60;

export function Grid({ label, columns, rows, leastPx = 0, chosen, onChoose, onOpen, onNearEnd, follow = false }) {
  const frame = useRef(null);
  const [view, setView] = useState({ first: 0, shown: 40 });
  const look = useCallback(() => {
    const { scrollTop, clientHeight } = frame.current;
    const first = Math.max(0, Math.floor(scrollTop / ROW_PX) - BESIDE);
    const even = first - (first % 2);
    const shown = Math.ceil(clientHeight / ROW_PX) + 2 * BESIDE + 2;
    setView((before) => (before.first === even && before.shown === shown ? before : { first: even, shown }));
  }, []);
  useLayoutEffect(() => {
    const resized = new ResizeObserver(look);
    resized.observe(frame.current);
    return () => resized.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (follow) frame.current.scrollTop = 0;
    look();
  }, [rows, follow]);
  const last = Math.min(rows.length, view.first + view.shown);
  useEffect(() => {
    if (onNearEnd && last >= rows.length - NEAR_END) onNearEnd();
  }, [last, rows.length, onNearEnd]);

  const walk = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || rows.length === 0) return;
    if (event.key === "Enter" && chosen && onOpen) return onOpen(chosen);
    const page = Math.max(1, Math.floor(frame.current.clientHeight / ROW_PX) - 2);
    const steps = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const next = Math.min(rows.length - 1, Math.max(0, rows.indexOf(chosen) + steps[event.key]));
    onChoose(rows[next]);
    scrollTo(frame.current, next);
  };
  const template = columns.map((column) => column.width).join(" ");
  const first = Math.min(view.first, Math.max(0, rows.length - 1));
  return html`<div class="grid" role="grid" aria-label=${label} aria-rowcount=${rows.length + 1} aria-colcount=${columns.length}
      aria-activedescendant=${chosen ? "grid-chosen" : undefined} ref=${frame} tabindex="0" onScroll=${look} onKeyDown=${walk}>
    <div class="grid-head" role="rowgroup" style=${{ minWidth: `${leastPx}px` }}><div class="grid-row" role="row" aria-rowindex="1" style=${{ gridTemplateColumns: template }}>
      ${columns.map((column) => html`<div key=${column.name} role="columnheader" class=${column.number ? "number" : ""}>${column.title}</div>`)}
    </div></div>
    <div class="grid-body" role="rowgroup" style=${{ height: `${rows.length * ROW_PX}px`, minWidth: `${leastPx}px` }}>
      ${slots(first, last, view.shown).map((at, slot) => at !== null && html`<${Row} key=${slot} row=${rows[at]} at=${at} columns=${columns}
          template=${template} isChosen=${rows[at] === chosen} onChoose=${onChoose} />`)}
    </div>
  </div>`;
}

/** Which row each element shows, or null: of the rows from `first` to before `last`, at most `many`. */
export function slots(first, last, many) {
  const found = Array(many).fill(null);
  for (let at = first; at < Math.min(last, first + many); at += 1) found[at % many] = at;
  return found;
}

class Row extends Component {
  shouldComponentUpdate(next) {
    return ["row", "at", "isChosen", "template", "columns", "onChoose"].some((name) => next[name] !== this.props[name]);
  }

  render({ row, at, columns, template, isChosen, onChoose }) {
    const place = { gridTemplateColumns: template, transform: `translateY(${at * ROW_PX}px)` };
    return html`<div id=${isChosen ? "grid-chosen" : undefined} class=${isChosen ? "grid-row chosen" : "grid-row"} role="row"
        aria-rowindex=${at + 2} aria-selected=${isChosen ? "true" : "false"} style=${place} onClick=${() => onChoose(row)}>
      ${columns.map((column) => html`<div key=${column.name} role="gridcell" class=${column.number ? "number" : ""}>${column.show(row)}</div>`)}
    </div>`;
  }
}

function scrollTo(frame, index) {
  const top = index * ROW_PX;
  if (top < frame.scrollTop) frame.scrollTop = top;
  const lowest = top + 2 * ROW_PX - frame.clientHeight;
  if (lowest > frame.scrollTop) frame.scrollTop = lowest;
}
