/** Keys, values and headers of messages: in a line, and whole. */

import { html } from "../vendor/preact.js";
import { bytes } from "../core/format.js";
import { Code, pretty } from "./code.js";
import { Badge } from "./notice.js";

const PREVIEW_CHARACTERS = 240;
const previews = new WeakMap();

/** A field as text: JSON for what was decoded, the text itself otherwise. */
export function textOf(field) {
  if (field.data === null || field.data === undefined) return field.format === "null" ? "" : "null";
  return typeof field.data === "string" && field.format !== "json" ? field.data : JSON.stringify(field.data);
}

function preview(field) {
  let text = previews.get(field);
  if (text === undefined) {
    text = textOf(field).slice(0, PREVIEW_CHARACTERS);
    previews.set(field, text);
  }
  return text;
}

/** A field within a row. */
export function Line({ field, tombstone = false }) {
  if (tombstone) return html`<span class="tombstone" title="The value is null: it deletes the key in compacted topics">tombstone</span>`;
  if (field.format === "null") return html`<span class="muted">null</span>`;
  const marks = html`${field.masked && html`<span class="mark" title="Masked for your role">masked</span>`}${field.error && html`<span class="mark bad" title=${field.error}>!</span>`}`;
  if (field.size_bytes === 0) return html`<span class="muted">empty</span>${marks}`;
  return html`${marks}<span class=${field.format === "hex" || field.format === "base64" ? "muted" : ""}>${preview(field)}</span>`;
}

/** A field with all that is known of it. */
export function Whole({ name, field, tombstone = false }) {
  const head = html`<h3>${name}</h3><span class="muted">${field.format === "null" ? "" : `${field.format}, ${bytes(field.size_bytes)}`}</span>
    ${field.schema_id !== null && field.schema_id !== undefined && html`<${Badge}>schema ${field.schema_id}<//>`}${field.masked && html`<${Badge} kind="warn">masked<//>`}`;
  return html`<section class="whole" aria-label=${name}>
    <div class="whole-head">${head}</div>
    ${field.error && html`<p class="field-error">${field.error}</p>`}
    ${tombstone && html`<p><span class="tombstone">tombstone</span> The value is null: in a compacted topic it deletes its key.</p>`}
    ${!tombstone && field.format === "null" && html`<p class="muted">null</p>`}
    ${field.format !== "null" && (field.size_bytes === 0 ? html`<p class="muted">empty</p>` : html`<${Code} label=${name} text=${isText(field) ? pretty(textOf(field)) : JSON.stringify(field.data, null, 2)} language=${isText(field) && !looksLikeJson(field) ? "text" : "json"} />`)}
  </section>`;
}

function isText(field) {
  return typeof field.data === "string" && field.format !== "json";
}

function looksLikeJson(field) {
  return /^\s*[[{]/.test(field.data);
}

export function Headers({ headers }) {
  if (headers.length === 0) return null;
  return html`<section class="whole" aria-label="Headers"><div class="whole-head"><h3>Headers</h3><span class="muted">${headers.length}</span></div>
    <dl class="headers">${headers.map((header, index) => html`<div key=${index}><dt class="mono">${header.name}</dt><dd class="mono"><${Line} field=${header.value} /></dd></div>`)}</dl>
  </section>`;
}
