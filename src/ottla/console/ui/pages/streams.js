/** Streams applications: the topology of each, drawn with who runs which task and how far it is. */

import { html } from "../vendor/preact.js";
import { ask } from "../core/api.js";
import { count } from "../core/format.js";
import { useLoad } from "../core/load.js";
import { address, go } from "../core/router.js";
import { Empty, Loaded, State } from "../parts/notice.js";
import { Figures, Page, Panel } from "../parts/page.js";
import { Table } from "../parts/table.js";
import { Topology } from "../parts/topology.js";

const EVERY_MS = 3000;

export default function Streams({ path }) {
  return path.length === 0 ? html`<${Applications} />` : html`<${Application} name=${path[0]} />`;
}

const COLUMNS = [
  { name: "group", title: "Application", of: (group) => group.group_id, show: (group) => html`<a href=${address(["streams", group.group_id])}>${group.group_id}</a>` },
  { name: "state", title: "State", of: (group) => group.state, show: (group) => html`<${State} name=${group.state} />` },
  { name: "members", title: "Members", number: true, of: (group) => group.members, show: (group) => count(group.members) },
  { name: "lag", title: "Lag", number: true, of: (group) => group.lag, show: (group) => count(group.lag) },
];

function Applications() {
  const state = useLoad((signal) => ask("getGroups", { signal }), [], { everyMs: EVERY_MS });
  const empty = html`<${Empty} title="No streams application runs here.">
    <p>One that uses the streams group protocol (KIP-1071) shows its topology here: <code>ottla.streams</code>, or Kafka Streams with <code>group.protocol=streams</code>.</p>
    <p>Those of the classic protocol are among the <a href=${address(["groups"])}>groups</a>.</p><//>`;
  return html`<${Page} title="Streams"><${Loaded} state=${state}>${({ groups }) => html`<${Table} label="Streams applications" columns=${COLUMNS} rows=${groups.filter((group) => group.type === "streams")}
    keyOf=${(group) => group.group_id} sort=${{ name: "group" }} open=${(group) => go(["streams", group.group_id])} empty=${empty} />`}<//><//>`;
}

function Application({ name }) {
  const state = useLoad((signal) => ask("getTopology", { signal, names: { group: name } }), [name], { everyMs: EVERY_MS });
  const columns = [
    { name: "client", title: "Client", of: (row) => row.client_id, show: (row) => html`<span title=${row.member_id}>${row.client_id}</span>` },
    { name: "host", title: "Host", of: (row) => row.host },
    { name: "process", title: "Process", of: (row) => row.process_id },
    { name: "active", title: "Active", of: (row) => row.active.join(" "), wide: true },
    { name: "standby", title: "Standby", of: (row) => row.standby.join(" ") },
    { name: "warmup", title: "Warming up", of: (row) => row.warmup.join(" ") },
  ];
  return html`<${Page} title=${name} crumbs=${[["Streams", ["streams"]]]} badge=${state.data && html`<${State} name=${state.data.state} />`}
      actions=${html`<a class="button" href=${address(["groups", name])}>Offsets and lag</a>`}>
    <${Loaded} state=${state} what="Reading the topology">${(topology) => html`
      <${Figures} items=${[["Subtopologies", count(topology.subtopologies.length)], ["Members", count(topology.members.length)], ["Lag", count(Object.values(topology.lag ?? {}).reduce((sum, lag) => sum + (lag ?? 0), 0))], ["Epoch", count(topology.epoch)], ["Topology epoch", count(topology.topology_epoch)]]} />
      <${Panel} title="Topology"><${Topology} topology=${topology} /><//>
      <${Panel} title="Members" flush=${true}><${Table} label="Members" columns=${columns} rows=${topology.members} keyOf=${(row) => row.member_id} sort=${{ name: "client" }} empty=${html`<p class="none">No member runs.</p>`} /><//>`}<//>
  <//>`;
}
