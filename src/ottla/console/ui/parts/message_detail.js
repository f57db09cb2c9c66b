/** One message with all that is in it. What a page cut off is fetched. */

import { html, useState } from "../vendor/preact.js";
import { ask } from "../core/api.js";
import { bytes, count, time } from "../core/format.js";
import { useLoad } from "../core/load.js";
import { address } from "../core/router.js";
import { FormDialog } from "./dialog.js";
import { Headers, Whole } from "./fields.js";
import { Field } from "./form.js";
import { Icon } from "./icons.js";
import { Failure } from "./notice.js";
import { tell } from "./toast.js";

export function MessageDetail({ topic, message, query, mayWrite, onClose, reproduce }) {
  const [copying, setCopying] = useState(false);
  const names = { topic: topic.name, partition: message.partition, offset: message.offset };
  const formats = { key_format: query.key_format, value_format: query.value_format };
  const full = useLoad((signal) => ask("getMessage", { signal, names, query: formats }), []);
  const shown = full.data ?? message;
  const isMasked = shown.key.masked || shown.value.masked;
  return html`<section class="detail" aria-label="Message">
    <header><h2>Partition ${message.partition}, offset ${count(message.offset)}</h2>
      <button type="button" class="quiet" aria-label="Close the message" onClick=${onClose}><${Icon} name="close" /></button></header>
    <div class="detail-body" tabindex="0" role="group" aria-label="Message in full">
      <dl class="facts">
        <div><dt>Time</dt><dd><span class="mono">${time(message.timestamp_ms)}</span>${shown.timestamp_type === "append" ? " (when it was appended)" : ""}</dd></div>
        <div><dt>Size</dt><dd>${bytes(message.size_bytes)}</dd></div>
      </dl>
      <p class="detail-acts">
        <a class="button small" href=${address(["topics", topic.name], { order: "offset", from: message.offset, partitions: message.partition, at: `${message.partition}:${message.offset}` })}>Read on from here</a>
        <a class="button small" href=${address(["topics", topic.name], { order: "time", from: `@${message.timestamp_ms}` })}>All from this time</a>
        ${mayWrite && html`<button type="button" class="small" onClick=${() => reproduce({ from: shown })}>Edit and produce</button>
          <button type="button" class="small" disabled=${isMasked} title=${isMasked ? "Masked for your role: it cannot be copied" : ""} onClick=${() => setCopying(true)}>Produce a copy</button>`}
      </p>
      <${Failure} error=${full.error} />
      <${Whole} name="Key" field=${shown.key} />
      <${Whole} name="Value" field=${shown.value} tombstone=${shown.tombstone} />
      <${Headers} headers=${shown.headers} />
    </div>
    ${copying && html`<${CopyDialog} topic=${topic} message=${message} onClose=${() => setCopying(false)} />`}
  </section>`;
}

function CopyDialog({ topic, message, onClose }) {
  const [target, setTarget] = useState(topic.name);
  const submit = async () => {
    const body = { copy_of: { topic: topic.name, partition: message.partition, offset: message.offset } };
    const made = await ask("produce", { names: { topic: target }, body });
    tell(`Copied to ${target}, partition ${made.partition}, offset ${count(made.offset)}.`);
    onClose();
  };
  return html`<${FormDialog} title="Produce a copy" act="Produce" onClose=${onClose} submit=${submit}>
    <p>Key, value and headers are copied byte for byte; the time is now.</p>
    <${Field} label="Into topic" first=${true} required value=${target} onChange=${setTarget} />
  <//>`;
}
