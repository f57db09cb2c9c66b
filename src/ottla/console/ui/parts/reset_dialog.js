/** Moves a group's offsets: first what it would do, then, after a look, for real. */

import { html, useState } from "../vendor/preact.js";
import { ask } from "../core/api.js";
import { count, fromInput, plural, toInput } from "../core/format.js";
import { FormDialog } from "./dialog.js";
import { Choice, Field } from "./form.js";
import { Table } from "./table.js";
import { tell } from "./toast.js";

const WAYS = [["beginning", "Beginning"], ["end", "End"], ["time", "Time"], ["offset", "Offset"]];

const COLUMNS = [
  { name: "topic", title: "Topic", of: (row) => row.topic },
  { name: "partition", title: "Partition", number: true, of: (row) => row.partition },
  { name: "before", title: "Now", number: true, of: (row) => row.before, show: (row) => count(row.before) },
  { name: "after", title: "Then", number: true, of: (row) => row.after, show: (row) => count(row.after) },
  { name: "change", title: "", number: true, of: (row) => row.change, show: (row) => (row.change ? html`<span class=${row.change < 0 ? "back" : "ahead"}>${row.change > 0 ? "+" : "−"}${count(Math.abs(row.change))}</span>` : "stays") },
];

export function ResetDialog({ group, onClose, onDone }) {
  const topics = [...new Set(group.offsets.map((row) => row.topic))].sort();
  const [topic, setTopic] = useState("");
  const [partition, setPartition] = useState("");
  const [way, setWay] = useState("beginning");
  const [ms, setMs] = useState(() => Date.now() - 3_600_000);
  const [offset, setOffset] = useState("0");
  const [preview, setPreview] = useState(null);
  const change = (set) => (value) => {
    set(value);
    setPreview(null);
  };
  const send = (execute) => {
    const to = way === "time" ? `@${ms}` : way === "offset" ? offset : way;
    const body = { to, execute };
    if (topic) body.topics = [topic];
    if (topic && partition !== "") body.partition = Number(partition);
    return ask("resetGroup", { names: { group: group.group_id }, body });
  };
  const submit = async () => {
    if (!preview) return setPreview((await send(false)).changes);
    const { changes } = await send(true);
    tell(`${group.group_id}: ${plural(changes.length, "offset")} moved.`);
    return onDone();
  };
  const busy = group.members.length > 0;
  return html`<${FormDialog} title=${`Reset the offsets of ${group.group_id}`} act=${preview ? `Move ${plural(preview.length, "offset")}` : "Preview"} wide=${true} disabled=${preview?.length === 0} onClose=${onClose} submit=${submit}>
    ${busy && html`<p class="notice warn">The group has ${plural(group.members.length, "member")}: brokers refuse to move its offsets until they have stopped. The preview works.</p>`}
    <div class="pair"><${Field} label="Topic" value=${topic} options=${[["", "All that it reads"], ...topics.map((each) => [each, each])]} onChange=${change(setTopic)} />
      <${Field} label="Partition" type="number" min="0" placeholder="all" disabled=${!topic} value=${partition} onChange=${change(setPartition)} /></div>
    <${Choice} label="To" value=${way} options=${WAYS} onChange=${change(setWay)} />
    ${way === "time" && html`<${Field} label="Time" type="datetime-local" step="1" value=${toInput(ms)} onChange=${(text) => { const next = fromInput(text); if (next !== null) change(setMs)(next); }} hint="The first record that is not older." />`}
    ${way === "offset" && html`<${Field} label="Offset" type="number" min="0" value=${offset} onChange=${change(setOffset)} />`}
    ${preview && html`<${Table} label="What would change" columns=${COLUMNS} rows=${preview} keyOf=${(row) => `${row.topic} ${row.partition}`} empty=${html`<p class="none">Nothing would change: the group has no offsets there.</p>`} />`}
  <//>`;
}
