/** Writes a message: new, or one that was there with changes. */

import { html, useState } from "../vendor/preact.js";
import { ask, currentCluster } from "../core/api.js";
import { count } from "../core/format.js";
import { pretty } from "./code.js";
import { FormDialog } from "./dialog.js";
import { textOf } from "./fields.js";
import { Field } from "./form.js";
import { Icon } from "./icons.js";
import { tell } from "./toast.js";

const PLAIN = [["text", "Text"], ["json", "JSON"], ["base64", "Base64"], ["hex", "Hex"]];

/** What of a field can be edited: `{ format, data, schema_id, subject }` as the form has it. */
function draftOf(field, otherwise) {
  if (!field) return { format: otherwise, data: "", schema_id: "", subject: "" };
  if (field.format === "null") return { format: "null", data: "", schema_id: "", subject: "" };
  const isDecoded = field.schema_id !== null && field.schema_id !== undefined;
  const format = isDecoded ? "schema" : field.format;
  const data = typeof field.data === "string" && format !== "json" && !isDecoded ? field.data : field.format === "text" ? pretty(textOf(field)) : JSON.stringify(field.data, null, 2);
  return { format, data, schema_id: isDecoded ? String(field.schema_id) : "", subject: "" };
}

/** A draft as the API takes it. Raises what is wrong with its JSON. */
function inputOf(draft, name) {
  if (draft.format === "null") return null;
  if (draft.format !== "json" && draft.format !== "schema") return { format: draft.format, data: draft.data };
  let data;
  try {
    data = JSON.parse(draft.data);
  } catch (error) {
    throw Object.assign(new Error(`The ${name} is no JSON: ${error.message}`), { hint: "Choose Text to write it as it is." });
  }
  if (draft.format === "json") return { format: "json", data };
  return { format: "schema", data, ...(draft.schema_id ? { schema_id: Number(draft.schema_id) } : {}), ...(draft.subject ? { subject: draft.subject } : {}) };
}

export function ProduceDialog({ topic, from, onClose, onDone }) {
  const [partition, setPartition] = useState("");
  const [key, setKey] = useState(draftOf(from?.key, "null"));
  const [value, setValue] = useState(draftOf(from?.value, "json"));
  const [headers, setHeaders] = useState(() => (from?.headers ?? []).map((header) => ({ name: header.name, draft: draftOf(header.value, "text") })));
  const submit = async () => {
    const body = { key: inputOf(key, "key"), value: inputOf(value, "value"), headers: headers.map(({ name, draft }) => ({ name, value: inputOf(draft, `header ${name}`) })) };
    if (partition) body.partition = Number(partition);
    const made = await ask("produce", { names: { topic: topic.name }, body });
    tell(`Written to partition ${made.partition}, offset ${count(made.offset)}.`);
    onDone();
  };
  const partitions = [["", "By the key"], ...Array.from({ length: topic.partitions }, (_, index) => [String(index), String(index)])];
  const change = (index, changes) => setHeaders(headers.map((header, at) => (at === index ? { ...header, ...changes } : header)));
  return html`<${FormDialog} title=${`Produce into ${topic.name}`} act="Produce" wide=${true} onClose=${onClose} submit=${submit}>
    <${Draft} name="Key" draft=${key} onChange=${setKey} rows=${2} />
    <${Draft} name="Value" draft=${value} onChange=${setValue} rows=${9} first=${true} />
    ${value.format === "null" && html`<p class="notice warn">A null value is a tombstone: in a compacted topic it deletes its key.</p>`}
    <div class="field"><span>Headers</span>
      ${headers.map((header, index) => html`<div key=${index} class="header-row">
        <input aria-label=${`Name of header ${index + 1}`} placeholder="name" value=${header.name} onInput=${(event) => change(index, { name: event.target.value })} />
        <input class="mono" aria-label=${`Value of header ${index + 1}`} placeholder="value" value=${header.draft.data} onInput=${(event) => change(index, { draft: { ...header.draft, format: header.draft.format === "null" ? "text" : header.draft.format, data: event.target.value } })} />
        <button type="button" class="quiet" aria-label=${`Remove header ${index + 1}`} onClick=${() => setHeaders(headers.filter((_, at) => at !== index))}><${Icon} name="close" /></button></div>`)}
      <p><button type="button" class="small" onClick=${() => setHeaders([...headers, { name: "", draft: draftOf(null, "text") }])}><${Icon} name="plus" size=${12} />Add a header</button></p>
    </div>
    <${Field} label="Partition" value=${partition} options=${partitions} onChange=${setPartition} />
  <//>`;
}

function Draft({ name, draft, onChange, rows, first }) {
  const set = (changes) => onChange({ ...draft, ...changes });
  const options = [["null", name === "Value" ? "Null (tombstone)" : "Null"], ...PLAIN, ...(currentCluster().registry ? [["schema", "By a schema"]] : [])];
  const lower = name.toLowerCase();
  return html`<fieldset class="draft"><legend>${name}</legend>
    <div class="bar">
      <select aria-label=${`Format of the ${lower}`} value=${draft.format} onChange=${(event) => set({ format: event.target.value })}>${options.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}</select>
      ${draft.format === "schema" && html`<input aria-label=${`Subject of the ${lower}`} placeholder="subject (topic-${lower})" value=${draft.subject} onInput=${(event) => set({ subject: event.target.value })} />
        <input type="number" min="1" aria-label=${`Schema id of the ${lower}`} placeholder="or schema id" value=${draft.schema_id} onInput=${(event) => set({ schema_id: event.target.value })} />`}
    </div>
    ${draft.format !== "null" && html`<textarea aria-label=${name} data-first=${first} rows=${rows} spellcheck=${false} value=${draft.data} onInput=${(event) => set({ data: event.target.value })}></textarea>`}
  </fieldset>`;
}
