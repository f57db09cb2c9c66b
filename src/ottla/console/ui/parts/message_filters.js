/** Where reading starts, and what is looked for: all of it in the address. */

import { html, useEffect, useState } from "../vendor/preact.js";
import { ask } from "../core/api.js";
import { fromInput, toInput } from "../core/format.js";
import { useKey } from "../core/keys.js";
import { amend } from "../core/router.js";
import { Choice, Field } from "./form.js";
import { Icon } from "./icons.js";

const ORDERS = [["newest", "Newest"], ["oldest", "Oldest"], ["offset", "From offset"], ["time", "From time"], ["live", "Live"]];
const FORMATS = ["auto", "json", "text", "hex", "base64", "registry"];
const TYPED_MS = 350;
const DETAILS = ["key", "value", "header", "key_format", "value_format", "tombstones", "isolation"];

/** What the address says, as parameters of `getMessages`. */
export function searchOf(query) {
  const search = { order: query.order === "newest" || !query.order ? "newest" : "oldest" };
  if (query.order === "offset" || query.order === "time") search.from = query.from;
  for (const name of ["partitions", "where", ...DETAILS]) if (query[name]) search[name] = query[name];
  return search;
}

export function MessageFilters({ topic, query, again }) {
  const order = query.live === "1" ? "live" : (query.order ?? "newest");
  const [open, setOpen] = useState(DETAILS.some((name) => query[name]));
  const choose = (next) => amend({ live: next === "live" ? "1" : "", order: next === "newest" || next === "live" ? "" : next, from: firstFrom(next), at: "" });
  const partitions = [["", "All partitions"], ...Array.from({ length: topic.partitions }, (_, index) => [String(index), `Partition ${index}`])];
  const set = DETAILS.filter((name) => query[name]).length;
  return html`<form class="filters" role="search" aria-label="Messages" onSubmit=${(event) => event.preventDefault()}>
    <div class="bar">
      <${Choice} label="Where to start" value=${order} options=${ORDERS} onChange=${choose} />
      ${order === "offset" && html`<${Typed} label="Offset" type="number" min="0" value=${query.from} onChange=${(from) => amend({ from: from || "0" })} />`}
      ${order === "time" && html`<${TimeField} value=${query.from} onChange=${(from) => amend({ from })} />`}
      <select aria-label="Partition" value=${query.partitions ?? ""} onChange=${(event) => amend({ partitions: event.target.value })}>
        ${partitions.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}</select>
      <${Expression} value=${query.where ?? ""} />
      <button type="button" aria-expanded=${open ? "true" : "false"} onClick=${() => setOpen(!open)}>Filters${set ? ` (${set})` : ""}</button>
      <button type="button" aria-label="Read again" title="Read again (r)" onClick=${again}><${Icon} name="refresh" /></button>
    </div>
    ${open && html`<div class="bar details">
      <${Typed} label="Key has" value=${query.key} onChange=${(key) => amend({ key })} />
      <${Typed} label="Value has" value=${query.value} onChange=${(value) => amend({ value })} />
      <${Typed} label="Header has" value=${query.header} onChange=${(header) => amend({ header })} />
      <${Field} label="Keys as" value=${query.key_format ?? "auto"} options=${FORMATS} onChange=${(next) => amend({ key_format: next === "auto" ? "" : next })} />
      <${Field} label="Values as" value=${query.value_format ?? "auto"} options=${FORMATS} onChange=${(next) => amend({ value_format: next === "auto" ? "" : next })} />
      <${Field} label="Tombstones" value=${query.tombstones ?? ""} options=${[["", "shown"], ["only", "only"], ["without", "left out"]]} onChange=${(tombstones) => amend({ tombstones })} />
      <${Field} label="Transactions" value=${query.isolation ?? ""} options=${[["", "all records"], ["committed", "committed only"]]} onChange=${(isolation) => amend({ isolation })} />
      <button type="button" class="quiet" onClick=${() => amend(Object.fromEntries(DETAILS.map((name) => [name, ""])))}>Clear</button>
    </div>`}
  </form>`;
}

function firstFrom(order) {
  if (order === "offset") return "0";
  return order === "time" ? `@${Date.now() - 3_600_000}` : "";
}

/** A field that is taken over when typing pauses. */
function Typed({ label, value = "", onChange, ...rest }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return undefined;
    const timer = setTimeout(() => onChange(text), TYPED_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<${Field} label=${label} value=${text} onChange=${setText} ...${rest} />`;
}

/** A local time; the address has it exactly, in ms. */
function TimeField({ value = "", onChange }) {
  const ms = value.startsWith("@") ? Number(value.slice(1)) : Date.now();
  const changed = (event) => {
    const next = fromInput(event.target.value);
    if (next !== null) onChange(`@${next}`);
  };
  const back = (span) => onChange(`@${Date.now() - span}`);
  return html`<input type="datetime-local" step="1" aria-label="From time" value=${toInput(ms)} onChange=${changed} />
    <span class="near">${[["5 min", 300_000], ["1 h", 3_600_000], ["1 d", 86_400_000]].map(([text, span]) => html`<button key=${text} type="button" class="quiet small" aria-label=${`${text} ago`} onClick=${() => back(span)}>−${text}</button>`)}</span>`;
}

/** An expression, checked by the server while it is typed, taken over with Enter or when the field is left. */
function Expression({ value }) {
  const [text, setText] = useState(value);
  const [wrong, setWrong] = useState(null);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (!text || text === value) return undefined;
    const abort = new AbortController();
    const check = () => ask("checkExpression", { query: { where: text }, signal: abort.signal }).catch((error) => error.name !== "AbortError" && setWrong({ text, error }));
    const timer = setTimeout(check, TYPED_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [text]);
  useKey("/", "filter messages", () => document.getElementById("where")?.focus());
  const take = (event) => {
    const typed = event.target.value;
    if (typed !== value && wrong?.text !== typed) amend({ where: typed });
  };
  const shown = wrong?.text === text ? wrong.error : null;
  return html`<div class="expression">
    <input id="where" class="mono" aria-label="Filter by an expression" aria-invalid=${shown ? "true" : undefined} aria-describedby=${shown ? "where-wrong" : undefined}
      placeholder=${'value.amount > 10 and key == "k1"  ( / )'} value=${text} onInput=${(event) => setText(event.target.value)} onKeyDown=${(event) => event.key === "Enter" && take(event)} onBlur=${take} />
    ${shown && html`<p id="where-wrong" class="field-error popped" role="alert">${shown.message}</p>`}
  </div>`;
}
