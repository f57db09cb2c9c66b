/**
 * A table of up to some thousands of rows: sorted by its headers, filtered by text, walked with the arrow keys.
 *
 * A column is `{ name, title, of(row) → what it is sorted and filtered by, show(row) → what is shown, number, wide }`.
 * Rows beyond `STEP` are shown when they are asked for; messages, of which there are many more, have `parts/grid.js`.
 */

import { html, useMemo, useRef, useState } from "../vendor/preact.js";
import { count } from "../core/format.js";
import { useKey } from "../core/keys.js";

const STEP = 500;

export function Table({ label, columns, rows, keyOf, open, sort: first = null, empty, filter = null }) {
  const [sort, setSort] = useState(first);
  const [shown, setShown] = useState(STEP);
  const body = useRef(null);
  const chosen = useMemo(() => sorted(filtered(rows, columns, filter), columns, sort), [rows, columns, filter, sort]);
  if (rows.length === 0 && empty) return empty;
  const walk = (event) => move(event, body.current, chosen, open);
  return html`<div class="table-frame">
    <table>
      <caption class="visually-hidden">${label}</caption>
      <thead><tr>${columns.map((column) => html`<${Header} key=${column.name} column=${column} sort=${sort} setSort=${setSort} />`)}</tr></thead>
      <tbody ref=${body} onKeyDown=${walk}>
        ${chosen.slice(0, shown).map((row, index) => html`<tr key=${keyOf(row)} tabindex=${open ? (index === 0 ? 0 : -1) : undefined}
            class=${open ? "opens" : ""} onClick=${open && ((event) => event.target.closest("a, button, input, select, summary") || open(row))}>
          ${columns.map((column) => html`<td key=${column.name} class=${column.number ? "number" : column.wide ? "wide" : ""}>${cellOf(column, row)}</td>`)}
        </tr>`)}
      </tbody>
    </table>
    ${chosen.length === 0 && html`<p class="none">Nothing matches${filter ? html` <q>${filter}</q>` : ""}.</p>`}
    ${chosen.length > shown && html`<p class="more"><button type="button" onClick=${() => setShown(shown + STEP)}>Show more</button>
      <span class="muted">${count(shown)} of ${count(chosen.length)}</span></p>`}
  </div>`;
}

function cellOf(column, row) {
  const value = column.show ? column.show(row) : column.of(row);
  return value === null || value === undefined || value === "" ? html`<span class="muted">–</span>` : value;
}

function Header({ column, sort, setSort }) {
  const style = column.number ? "number" : "";
  if (!column.of || !column.title) return html`<th scope="col" class=${style}>${column.title || html`<span class="visually-hidden">${column.name}</span>`}</th>`;
  const direction = sort?.name === column.name ? (sort.down ? "descending" : "ascending") : undefined;
  const turn = () => setSort({ name: column.name, down: direction ? direction === "ascending" : Boolean(column.number) });
  return html`<th scope="col" class=${style} aria-sort=${direction}><button type="button" class="sorter" onClick=${turn}>${column.title}
    <span class=${direction ? "arrow" : "arrow unsorted"} aria-hidden="true">${direction && sort.down ? "↓" : "↑"}</span></button></th>`;
}

function filtered(rows, columns, filter) {
  const words = (filter ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  const searched = columns.filter((column) => column.of && !column.number);
  return rows.filter((row) => {
    const text = searched.map((column) => String(column.of(row) ?? "").toLowerCase()).join("\n");
    return words.every((word) => text.includes(word));
  });
}

function sorted(rows, columns, sort) {
  const column = sort && columns.find((each) => each.name === sort.name);
  if (!column) return rows;
  const sign = sort.down ? -1 : 1;
  return [...rows].sort((one, other) => sign * compare(column.of(one), column.of(other)));
}

function compare(one, other) {
  const nothing = Number(one === null || one === undefined) - Number(other === null || other === undefined);
  if (nothing) return -nothing;
  if (typeof one === "number" && typeof other === "number") return one - other;
  return String(one).localeCompare(String(other), "en", { numeric: true });
}

function move(event, body, rows, open) {
  const row = event.target.closest("tr");
  if (!row || event.target !== row || !open) return;
  const steps = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, Home: -Infinity, End: Infinity };
  if (event.key in steps) {
    event.preventDefault();
    const all = [...body.rows];
    const at = Math.min(all.length - 1, Math.max(0, all.indexOf(row) + steps[event.key]));
    all[at]?.focus();
  } else if (event.key === "Enter") open(rows[[...body.rows].indexOf(row)]);
}

/** The field above a table: `/` goes there. */
export function Search({ label, value, onChange }) {
  const input = useRef(null);
  useKey("/", `search: ${label.toLowerCase()}`, () => input.current?.focus());
  return html`<div class="search"><input ref=${input} type="search" aria-label=${label} placeholder=${`${label}  ( / )`} value=${value}
    onInput=${(event) => onChange(event.target.value)} /></div>`;
}
