/**
 * A grid of very many rows: only those in view exist.
 *
 * Every row has the same height, so where a row lies is arithmetic, and scrolling costs the same with a hundred rows or
 * a hundred thousand. The elements of rows stay, and are given other texts: making them anew costs more. `columns` are `{ name, title, width, show(row), number }`; `width` is one of CSS grid. The grid
 * itself is what scrolls and has the focus; `chosen` is one of `rows`, or null.
 */

import { html, useCallback, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact.js";

export const ROW_PX = 30;
const BESIDE = 6;
const NEAR_END = 60;

export function Grid({ label, columns, rows, chosen, onChoose, onOpen, onNearEnd, follow = false }) {
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
    <div class="grid-head" role="rowgroup"><div class="grid-row" role="row" aria-rowindex="1" style=${{ gridTemplateColumns: template }}>
      ${columns.map((column) => html`<div key=${column.name} role="columnheader" class=${column.number ? "number" : ""}>${column.title}</div>`)}
    </div></div>
    <div class="grid-body" role="rowgroup" style=${{ height: `${rows.length * ROW_PX}px` }}>
      <div role="presentation" style=${{ transform: `translateY(${first * ROW_PX}px)` }}>
        ${rows.slice(first, last).map((row, index) => html`<${Row} key=${index} row=${row} at=${first + index} columns=${columns}
            template=${template} isChosen=${row === chosen} onChoose=${onChoose} />`)}
      </div>
    </div>
  </div>`;
}

function Row({ row, at, columns, template, isChosen, onChoose }) {
  return html`<div id=${isChosen ? "grid-chosen" : undefined} class=${isChosen ? "grid-row chosen" : "grid-row"} role="row"
      aria-rowindex=${at + 2} aria-selected=${isChosen ? "true" : "false"} style=${{ gridTemplateColumns: template }} onClick=${() => onChoose(row)}>
    ${columns.map((column) => html`<div key=${column.name} role="gridcell" class=${column.number ? "number" : ""}>${column.show(row)}</div>`)}
  </div>`;
}

function scrollTo(frame, index) {
  const top = index * ROW_PX;
  if (top < frame.scrollTop) frame.scrollTop = top;
  const lowest = top + 2 * ROW_PX - frame.clientHeight;
  if (lowest > frame.scrollTop) frame.scrollTop = lowest;
}
