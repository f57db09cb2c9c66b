/** One group: who is in it, how far it is behind in each partition and over time; moving its offsets. */

import { html, useState } from "../vendor/preact.js";
import { ask, may } from "../core/api.js";
import { count } from "../core/format.js";
import { useLoad } from "../core/load.js";
import { address, go } from "../core/router.js";
import { Chart } from "../parts/chart.js";
import { Confirm } from "../parts/dialog.js";
import { Badge, Empty, Failure, Loaded, State } from "../parts/notice.js";
import { Figures, Page, Panel } from "../parts/page.js";
import { ResetDialog } from "../parts/reset_dialog.js";
import { Table } from "../parts/table.js";
import { tell } from "../parts/toast.js";
import { Topology } from "../parts/topology.js";

const EVERY_MS = 5000;

export default function Group({ path }) {
  const [name] = path;
  const [open, setOpen] = useState(null);
  const names = { group: name };
  const state = useLoad((signal) => ask("getGroup", { signal, names }), [name], { everyMs: EVERY_MS });
  const group = state.data;
  const actions = group && html`
    ${may("group", "reset", name) && html`<button type="button" onClick=${() => setOpen("reset")}>Reset offsets</button>`}
    ${may("group", "delete", name) && html`<button type="button" class="danger" onClick=${() => setOpen("delete")}>Delete group</button>`}`;
  return html`<${Page} title=${name} crumbs=${[["Groups", ["groups"]]]} actions=${actions} badge=${group && html`<${State} name=${group.state} /><${Badge}>${group.type}<//>`}>
    <${Loaded} state=${state} what="Reading the group">${() => html`
      <${Figures} items=${[["Lag", count(group.lag)], ["Members", count(group.members.length)], ["Protocol", group.protocol || "–"], ["Epoch", count(group.epoch)], ["Coordinator", html`<a href=${address(["brokers", group.coordinator])}>broker ${group.coordinator}</a>`]]} />
      <${LagOverTime} name=${name} />
      ${group.type === "streams" && html`<${StreamsTopology} name=${name} />`}
      <${Panel} title="Offsets" flush=${true}><${Offsets} group=${group} reload=${state.reload} /><//>
      <${Panel} title="Members" flush=${true}><${Members} group=${group} /><//>`}<//>
    ${open === "reset" && html`<${ResetDialog} group=${group} onClose=${() => setOpen(null)} onDone=${() => { setOpen(null); state.reload(); }} />`}
    ${open === "delete" && html`<${DeleteGroup} name=${name} onClose=${() => setOpen(null)} />`}
  <//>`;
}

function LagOverTime({ name }) {
  const state = useLoad((signal) => ask("getLag", { signal, names: { group: name } }), [name], { everyMs: EVERY_MS });
  if (!state.data) return html`<${Failure} error=${state.error} />`;
  const { times_ms: times, total, topics } = state.data;
  const each = Object.entries(topics).map(([topic, values]) => ({ name: topic, values }));
  const series = each.length > 1 ? [{ name: "all", values: total }, ...each] : [{ name: each[0]?.name ?? "all", values: total }];
  return html`<${Panel} title="Lag over time"><${Chart} title="Records not read yet" times=${times} series=${series} /><//>`;
}

function StreamsTopology({ name }) {
  const state = useLoad((signal) => ask("getTopology", { signal, names: { group: name } }), [name], { everyMs: EVERY_MS });
  return html`<${Panel} title="Topology"><${Loaded} state=${state}>${(topology) => html`<${Topology} topology=${topology} />`}<//><//>`;
}

function Offsets({ group, reload }) {
  const [forgotten, setForgotten] = useState(null);
  const most = Math.max(1, ...group.offsets.map((row) => row.lag ?? 0));
  const member = new Map(group.members.map((each) => [each.member_id, each.client_id]));
  const columns = [
    { name: "topic", title: "Topic", of: (row) => row.topic, show: (row) => html`<a href=${address(["topics", row.topic])}>${row.topic}</a>` },
    { name: "partition", title: "Partition", number: true, of: (row) => row.partition },
    { name: "committed", title: "Read up to", number: true, of: (row) => row.committed, show: (row) => (row.committed === null ? null : html`<a href=${address(["topics", row.topic], { order: "offset", from: row.committed, partitions: row.partition })}>${count(row.committed)}</a>`) },
    { name: "end", title: "End", number: true, of: (row) => row.end, show: (row) => count(row.end) },
    { name: "lag", title: "Lag", number: true, of: (row) => row.lag, show: (row) => count(row.lag) },
    { name: "drawn", title: "", show: (row) => html`<span class="bar-space" aria-hidden="true"><i class=${row.lag ? "behind" : ""} style=${{ width: `${(100 * (row.lag ?? 0)) / most}%` }}></i></span>` },
    { name: "member", title: "Read by", of: (row) => member.get(row.member_id) ?? row.member_id, show: (row) => row.member_id && html`<span title=${row.member_id}>${member.get(row.member_id) ?? row.member_id}</span>` },
    { name: "forget", title: "", show: (row) => may("group", "reset", group.group_id) && html`<button type="button" class="quiet small" aria-label=${`Forget the offsets of ${row.topic}`} onClick=${() => setForgotten(row.topic)}>Forget</button>` },
  ];
  const empty = html`<${Empty} title="No offsets."><p>The group has not committed any yet.</p><//>`;
  const forget = async () => {
    await ask("forgetOffsets", { names: { group: group.group_id }, query: { topic: forgotten } });
    tell(`${group.group_id} has no offsets of ${forgotten} any more.`);
    setForgotten(null);
    reload();
  };
  return html`<${Table} label="Offsets by partition" columns=${columns} rows=${group.offsets} keyOf=${(row) => `${row.topic} ${row.partition}`} sort=${{ name: "topic" }} empty=${empty} />
    ${forgotten && html`<${Confirm} title=${`Forget the offsets of ${forgotten}`} act="Forget" onClose=${() => setForgotten(null)} submit=${forget}>
      <p><code>${group.group_id}</code> begins anew in all partitions of <code>${forgotten}</code>, where its <code>auto.offset.reset</code> says.</p><//>`}`;
}

function Members({ group }) {
  const columns = [
    { name: "client", title: "Client", of: (row) => row.client_id, show: (row) => html`<span title=${row.member_id}>${row.client_id}</span>` },
    { name: "instance", title: "Instance", of: (row) => row.group_instance_id },
    { name: "host", title: "Host", of: (row) => row.host },
    { name: "epoch", title: "Epoch", number: true, of: (row) => row.epoch },
    { name: "has", title: "Has", of: has, wide: true },
  ];
  const empty = html`<${Empty} title="Nobody is in the group."><p>Its offsets are kept for <code>offsets.retention.minutes</code> after the last member left.</p><//>`;
  return html`<${Table} label="Members" columns=${columns} rows=${group.members} keyOf=${(row) => row.member_id} sort=${{ name: "client" }} empty=${empty} />`;
}

function has(member) {
  const topics = member.assignment.map((each) => `${each.topic} [${each.partitions.join(" ")}]`);
  return [...topics, ...(member.tasks ?? [])].join(", ");
}

function DeleteGroup({ name, onClose }) {
  const submit = async () => {
    await ask("deleteGroup", { names: { group: name } });
    tell(`${name} is deleted.`);
    go(["groups"]);
  };
  return html`<${Confirm} title=${`Delete ${name}`} act="Delete group" name=${name} onClose=${onClose} submit=${submit}>
    <p>Its offsets are gone with it. A group with members cannot be deleted: stop its readers first.</p><//>`;
}
