/** One topic: its messages, partitions, groups, settings, and what can be done to it. */

import { html, useState } from "../vendor/preact.js";
import { ask, may } from "../core/api.js";
import { bytes, count, plural, short, time } from "../core/format.js";
import { useLoad } from "../core/load.js";
import { address, go } from "../core/router.js";
import { Configs } from "../parts/configs.js";
import { Messages } from "../parts/messages.js";
import { Badge, Empty, Loaded, State } from "../parts/notice.js";
import { Figures, Page, Panel } from "../parts/page.js";
import { Table } from "../parts/table.js";
import { Tabs } from "../parts/tabs.js";
import { AddPartitions, DeleteRecords, DeleteTopic } from "../parts/topic_dialogs.js";
import { retention } from "./topics.js";

const EVERY_MS = 10_000;
const TABS = [["", "Messages"], ["partitions", "Partitions"], ["consumers", "Consumers"], ["producers", "Producers"], ["configs", "Configs"], ["settings", "Settings"]];

export default function Topic({ path, query }) {
  const [name, tab = ""] = path;
  const state = useLoad((signal) => ask("getTopic", { signal, names: { topic: name } }), [name], { everyMs: EVERY_MS });
  const badge = state.data?.internal && html`<${Badge}>internal<//>`;
  return html`<${Page} title=${name} crumbs=${[["Topics", ["topics"]]]} badge=${badge}>
    <${Tabs} label="Topic" path=${["topics", name]} tabs=${TABS} current=${tab} />
    <${Loaded} state=${state} what="Reading the topic">${(topic) => html`<${Tab} tab=${tab} topic=${topic} query=${query} reload=${state.reload} />`}<//>
  <//>`;
}

function Tab({ tab, topic, query, reload }) {
  if (tab === "partitions") return html`<${Partitions} topic=${topic} />`;
  if (tab === "consumers") return html`<${Consumers} topic=${topic} />`;
  if (tab === "producers") return html`<${Producers} topic=${topic} />`;
  if (tab === "configs") return html`<${TopicConfigs} topic=${topic} />`;
  if (tab === "settings") return html`<${Settings} topic=${topic} reload=${reload} />`;
  return html`<${Messages} topic=${topic} query=${query} reloadTopic=${reload} />`;
}

function Partitions({ topic }) {
  const most = Math.max(1, ...topic.partition_list.map((each) => each.next_offset - each.first_offset));
  const columns = [
    { name: "partition", title: "Partition", number: true, of: (row) => row.partition, show: (row) => html`<a href=${address(["topics", topic.name], { partitions: row.partition })}>${row.partition}</a>` },
    { name: "records", title: "Records", number: true, of: (row) => row.next_offset - row.first_offset, show: (row) => count(row.next_offset - row.first_offset) },
    { name: "drawn", title: "", show: (row) => html`<span class="bar-space" aria-hidden="true"><i style=${{ width: `${(100 * (row.next_offset - row.first_offset)) / most}%` }}></i></span>` },
    { name: "first", title: "First offset", number: true, of: (row) => row.first_offset, show: (row) => count(row.first_offset) },
    { name: "next", title: "Next offset", number: true, of: (row) => row.next_offset, show: (row) => count(row.next_offset) },
    { name: "size", title: "Size", number: true, of: (row) => row.size_bytes, show: (row) => bytes(row.size_bytes) },
    { name: "leader", title: "Leader", number: true, of: (row) => row.leader, show: (row) => (row.leader < 0 || row.leader === null ? html`<${Badge} kind="bad">offline<//>` : row.leader) },
    { name: "replicas", title: "Replicas", of: (row) => row.replicas.join(" "), show: (row) => html`<${Replicas} row=${row} />` },
    { name: "epoch", title: "Epoch", number: true, of: (row) => row.leader_epoch },
  ];
  return html`<${Figures} items=${[
      ["Partitions", count(topic.partitions)], ["Replicas", count(topic.replication_factor)], ["Records", count(topic.records)], ["Size", bytes(topic.size_bytes)],
      ["In, per second", short(topic.records_per_s)], ["Kept", retention(topic)], ["Id", html`<code>${topic.topic_id}</code>`]]} />
    <${Table} label="Partitions" columns=${columns} rows=${topic.partition_list} keyOf=${(row) => row.partition} sort=${{ name: "partition" }} />`;
}

function Replicas({ row }) {
  return row.replicas.map((replica) => {
    const out = !row.isr.includes(replica);
    return html`<span key=${replica} class=${`replica ${replica === row.leader ? "leads" : ""} ${out ? "out" : ""}`} title=${out ? "not in sync" : replica === row.leader ? "leader" : "in sync"}>${replica}${out ? "!" : ""}</span>`;
  });
}

function Consumers({ topic }) {
  const state = useLoad((signal) => ask("getTopicGroups", { signal, names: { topic: topic.name } }), [topic.name], { everyMs: EVERY_MS });
  const columns = [
    { name: "group", title: "Group", of: (row) => row.group_id, show: (row) => html`<a href=${address(["groups", row.group_id])}>${row.group_id}</a>` },
    { name: "type", title: "Type", of: (row) => row.type },
    { name: "state", title: "State", of: (row) => row.state, show: (row) => html`<${State} name=${row.state} />` },
    { name: "members", title: "Members", number: true, of: (row) => row.members, show: (row) => count(row.members) },
    { name: "lag", title: "Lag", number: true, of: (row) => row.lag, show: (row) => count(row.lag) },
  ];
  const empty = html`<${Empty} title="No group reads this topic."><p>A group appears with the first offset that it commits:</p><pre class="say">ottla consume ${topic.name} --group readers</pre><//>`;
  return html`<${Loaded} state=${state}>${({ groups }) => html`<${Table} label="Groups that read this topic" columns=${columns} rows=${groups} keyOf=${(row) => row.group_id}
    open=${(row) => go(["groups", row.group_id])} sort=${{ name: "lag", down: true }} empty=${empty} />`}<//>`;
}

function Producers({ topic }) {
  const state = useLoad((signal) => ask("getTopicProducers", { signal, names: { topic: topic.name } }), [topic.name], { everyMs: EVERY_MS });
  const columns = [
    { name: "partition", title: "Partition", number: true, of: (row) => row.partition },
    { name: "id", title: "Producer", number: true, of: (row) => row.producer_id },
    { name: "epoch", title: "Epoch", number: true, of: (row) => row.producer_epoch },
    { name: "sequence", title: "Last sequence", number: true, of: (row) => row.last_sequence, show: (row) => count(row.last_sequence) },
    { name: "time", title: "Last wrote", of: (row) => row.last_timestamp_ms, show: (row) => time(row.last_timestamp_ms) },
    { name: "open", title: "Open transaction since", number: true, of: (row) => row.transaction_start_offset, show: (row) => (row.transaction_start_offset >= 0 ? count(row.transaction_start_offset) : "") },
  ];
  const empty = html`<${Empty} title="No producer has state here."><p>Idempotent and transactional producers appear while the broker remembers them.</p><//>`;
  return html`<${Loaded} state=${state}>${({ producers }) => html`<${Table} label="Producers" columns=${columns} rows=${producers} keyOf=${(row) => `${row.partition} ${row.producer_id}`} sort=${{ name: "partition" }} empty=${empty} />`}<//>`;
}

function TopicConfigs({ topic }) {
  const names = { topic: topic.name };
  const state = useLoad((signal) => ask("getTopicConfigs", { signal, names }), [topic.name]);
  const save = async (change) => {
    await ask("setTopicConfigs", { names, body: { set: {}, delete: [], ...change } });
    state.reload();
  };
  return html`<${Loaded} state=${state} what="Reading settings">${({ configs }) => html`<${Configs} label="Configs of the topic" configs=${configs} canChange=${may("topic", "alter", topic.name)} save=${save} />`}<//>`;
}

function Settings({ topic, reload }) {
  const [open, setOpen] = useState(null);
  const close = () => setOpen(null);
  const done = () => {
    close();
    reload();
  };
  const can = (action) => may("topic", action, topic.name);
  const acts = [
    ["partitions", "alter", "More partitions", `It has ${plural(topic.partitions, "partition")} now; more let more members of a group read side by side.`, "Add partitions"],
    ["records", "delete_records", "Delete records", "Everything before an offset or a time goes at once, before retention would take it.", "Delete records"],
    ["delete", "delete", "Delete the topic", "The topic and all its records.", "Delete topic"],
  ];
  return html`<div class="acts">${acts.map(([name, action, title, text, button]) => html`<${Panel} key=${name} title=${title}
      actions=${html`<button type="button" class=${name === "partitions" ? "" : "danger"} disabled=${!can(action) || (name === "delete" && topic.internal)} onClick=${() => setOpen(name)}>${button}</button>`}>
      <p class="muted">${text}${can(action) ? "" : " Your role, or read-only mode, does not allow it."}</p><//>`)}</div>
    ${open === "partitions" && html`<${AddPartitions} topic=${topic} onClose=${close} onDone=${done} />`}
    ${open === "records" && html`<${DeleteRecords} topic=${topic} onClose=${close} onDone=${done} />`}
    ${open === "delete" && html`<${DeleteTopic} topic=${topic} onClose=${close} />`}`;
}
