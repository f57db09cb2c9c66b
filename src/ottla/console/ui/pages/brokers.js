/** Brokers and the quorum; one broker's disks and settings. */

import { html } from "../vendor/preact.js";
import { ask, may } from "../core/api.js";
import { bytes, count } from "../core/format.js";
import { useLoad } from "../core/load.js";
import { address } from "../core/router.js";
import { BrokerCards, QuorumDrawing } from "../parts/cluster_drawing.js";
import { Configs } from "../parts/configs.js";
import { Badge, Empty, Failure, Loaded } from "../parts/notice.js";
import { Figures, Page, Panel } from "../parts/page.js";
import { Table } from "../parts/table.js";

const EVERY_MS = 5000;

export default function Brokers({ path }) {
  return path.length === 0 ? html`<${All} />` : html`<${Broker} id=${path[0]} />`;
}

function All() {
  const state = useLoad((signal) => ask("getOverview", { signal }), [], { everyMs: EVERY_MS });
  return html`<${Page} title="Brokers" actions=${html`<a class="button" href=${address(["brokers", "default"])}>Defaults of all brokers</a>`}>
    <${Loaded} state=${state} what="Asking the brokers">${(overview) => html`
      <${BrokerCards} brokers=${overview.brokers} />
      ${overview.quorum && html`<${Panel} title="Quorum"><${QuorumDrawing} quorum=${overview.quorum} /><//>
        <${Panel} title="Its nodes" flush=${true}><${QuorumTable} quorum=${overview.quorum} /><//>`}
      <${Panel} title="Under-replicated partitions" flush=${true}><${UnderReplicated} overview=${overview} /><//>`}<//>
    <${Panel} title="Features" flush=${true}><${Features} /><//>
  <//>`;
}

function QuorumTable({ quorum }) {
  const columns = [
    { name: "node", title: "Node", number: true, of: (row) => row.node_id },
    { name: "role", title: "Role", of: (row) => row.role, show: (row) => html`<${Badge} kind=${row.role === "leader" ? "accent" : ""}>${row.role}<//>` },
    { name: "end", title: "Log end", number: true, of: (row) => row.log_end_offset, show: (row) => count(row.log_end_offset) },
    { name: "lag", title: "Lag", number: true, of: (row) => row.lag, show: (row) => count(row.lag) },
    { name: "endpoints", title: "Endpoints", of: (row) => (row.endpoints ?? []).join(" "), wide: true },
  ];
  return html`<${Table} label="Nodes of the quorum" columns=${columns} rows=${quorum.replicas} keyOf=${(row) => row.node_id} sort=${{ name: "node" }} />`;
}

function UnderReplicated({ overview }) {
  const columns = [
    { name: "topic", title: "Topic", of: (row) => row.topic, show: (row) => html`<a href=${address(["topics", row.topic, "partitions"])}>${row.topic}</a>` },
    { name: "partition", title: "Partition", number: true, of: (row) => row.partition },
    { name: "leader", title: "Leader", number: true, of: (row) => row.leader },
    { name: "missing", title: "Not in sync", of: (row) => row.replicas.filter((replica) => !row.isr.includes(replica)).join(" ") },
  ];
  const rest = overview.under_replicated_count - overview.under_replicated.length;
  return html`<${Table} label="Under-replicated partitions" columns=${columns} rows=${overview.under_replicated} keyOf=${(row) => `${row.topic} ${row.partition}`} sort=${{ name: "topic" }} empty=${html`<p class="none">None: every replica has all that it should.</p>`} />
    ${rest > 0 && html`<p class="none">and ${count(rest)} more</p>`}`;
}

function Features() {
  const state = useLoad((signal) => ask("getFeatures", { signal }), []);
  const columns = [
    { name: "name", title: "Feature", of: (row) => row.name, show: (row) => html`<code>${row.name}</code>` },
    { name: "level", title: "Level", number: true, of: (row) => row.level },
    { name: "oldest", title: "Oldest", number: true, of: (row) => row.oldest },
    { name: "latest", title: "Latest", number: true, of: (row) => row.latest },
  ];
  return html`<${Loaded} state=${state}>${({ features }) => html`<${Table} label="Features" columns=${columns} rows=${features} keyOf=${(row) => row.name} sort=${{ name: "name" }} empty=${html`<p class="none">None.</p>`} />`}<//>`;
}

function Broker({ id }) {
  const isDefault = id === "default";
  const brokers = useLoad((signal) => ask("getBrokers", { signal }), [id], { everyMs: EVERY_MS });
  const configs = useLoad((signal) => ask("getBrokerConfigs", { signal, names: { id } }), [id]);
  const broker = brokers.data?.brokers.find((each) => String(each.broker_id) === id);
  const save = async (change) => {
    await ask("setBrokerConfigs", { names: { id }, body: { set: {}, delete: [], ...change } });
    configs.reload();
  };
  const missing = !isDefault && brokers.data && !broker;
  return html`<${Page} title=${isDefault ? "Defaults of all brokers" : `Broker ${id}`} crumbs=${[["Brokers", ["brokers"]]]} badge=${broker?.is_controller && html`<${Badge} kind="accent">controller<//>`}>
    <${Failure} error=${brokers.error} retry=${brokers.reload} />
    ${missing && html`<${Empty} title=${`There is no broker ${id} at the moment.`}><p>It may be down, or never have been there.</p><//>`}
    ${broker && html`<${Figures} items=${[["Address", html`<code>${broker.host}:${broker.port}</code>`], ["Rack", broker.rack ?? "–"], ["Leads", count(broker.leads)], ["Replicas", count(broker.replicas)], ["Out of sync", count(broker.out_of_sync)], ["Size", bytes(broker.size_bytes)]]} />
      <${BrokerCards} brokers=${[broker]} />`}
    ${!missing && html`<${Loaded} state=${configs} what="Reading settings">${(data) => html`<${Configs} label="Configs of the broker" configs=${data.configs} canChange=${may("cluster", "alter")} save=${save} />`}<//>`}
  <//>`;
}
