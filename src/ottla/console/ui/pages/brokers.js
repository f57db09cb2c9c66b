/** Brokers, who leads, what moves, the quorum, the features; one broker's disks and settings. */

import { html, useState } from "../vendor/preact.js";
import { ask, may } from "../core/api.js";
import { bytes, count } from "../core/format.js";
import { useLoad } from "../core/load.js";
import { address, go } from "../core/router.js";
import { BrokerCards } from "../parts/cluster_drawing.js";
import { Configs } from "../parts/configs.js";
import { Confirm } from "../parts/dialog.js";
import { Elections } from "../parts/elections.js";
import { Features } from "../parts/features.js";
import { Badge, Empty, Failure, Loaded } from "../parts/notice.js";
import { Figures, Page, Panel } from "../parts/page.js";
import { Quorum } from "../parts/quorum.js";
import { Reassignments } from "../parts/reassignments.js";
import { Table } from "../parts/table.js";
import { Tabs } from "../parts/tabs.js";
import { tell } from "../parts/toast.js";

const EVERY_MS = 5000;
/** Ids of brokers are numbers: no broker is called so. */
const TABS = [["", "Brokers"], ["leaders", "Leaders"], ["reassignments", "Reassignments"], ["quorum", "Quorum"], ["features", "Features"]];
const SHOWN = { leaders: Elections, reassignments: Reassignments, quorum: Quorum, features: Features };

export default function Brokers({ path }) {
  const [tab = ""] = path;
  if (tab !== "" && !(tab in SHOWN)) return html`<${Broker} id=${tab} />`;
  return html`<${Page} title="Brokers" actions=${html`<a class="button" href=${address(["brokers", "default"])}>Defaults of all brokers</a>`}>
    <${Tabs} label="Brokers" path=${["brokers"]} tabs=${TABS} current=${tab} />
    <${SHOWN[tab] ?? All} />
  <//>`;
}

function All() {
  const state = useLoad((signal) => ask("getOverview", { signal }), [], { everyMs: EVERY_MS });
  return html`<${Loaded} state=${state} what="Asking the brokers">${(overview) => html`
    <${BrokerCards} brokers=${overview.brokers} />
    <${Panel} title="Under-replicated partitions" flush=${true}><${UnderReplicated} overview=${overview} /><//>`}<//>`;
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

function Broker({ id }) {
  const isDefault = id === "default";
  const brokers = useLoad((signal) => ask("getBrokers", { signal }), [id], { everyMs: EVERY_MS });
  const configs = useLoad((signal) => ask("getBrokerConfigs", { signal, names: { id } }), [id]);
  const broker = brokers.data?.brokers.find((each) => String(each.broker_id) === id);
  const save = async (change) => {
    await ask("setBrokerConfigs", { names: { id }, body: { set: {}, delete: [], ...change } });
    configs.reload();
  };
  const [unregistering, setUnregistering] = useState(false);
  const unregister = async () => {
    await ask("unregisterBroker", { names: { id } });
    tell(`Broker ${id} is forgotten.`);
    go(["brokers"]);
  };
  const missing = !isDefault && brokers.data && !broker;
  const actions = broker?.fenced && may("cluster", "alter") && html`<button type="button" class="danger" onClick=${() => setUnregistering(true)}>Unregister</button>`;
  return html`<${Page} title=${isDefault ? "Defaults of all brokers" : `Broker ${id}`} crumbs=${[["Brokers", ["brokers"]]]} badge=${broker?.is_controller && html`<${Badge} kind="accent">controller<//>`} actions=${actions}>
    <${Failure} error=${brokers.error} retry=${brokers.reload} />
    ${missing && html`<${Empty} title=${`There is no broker ${id} at the moment.`}><p>It may be down, or never have been there.</p><//>`}
    ${broker && html`<${Figures} items=${[["Address", html`<code>${broker.host}:${broker.port}</code>`], ["Rack", broker.rack ?? "–"], ["Leads", count(broker.leads)], ["Replicas", count(broker.replicas)], ["Out of sync", count(broker.out_of_sync)], ["Size", bytes(broker.size_bytes)]]} />
      <${BrokerCards} brokers=${[broker]} />`}
    ${!missing && html`<${Loaded} state=${configs} what="Reading settings">${(data) => html`<${Configs} label="Configs of the broker" configs=${data.configs} canChange=${may("cluster", "alter")} save=${save} />`}<//>`}
    ${unregistering && html`<${Confirm} title=${`Unregister broker ${id}`} act="Unregister" name=${id} onClose=${() => setUnregistering(false)} submit=${unregister}>
      <p>The cluster forgets it. Do that for a broker that will not come back; if it does, it registers anew.</p><//>`}
  <//>`;
}
