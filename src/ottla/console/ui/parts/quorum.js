/** The metadata quorum: drawn, node by node, and a voter taken out of it. */

import { html, useState } from "../vendor/preact.js";
import { ask, may } from "../core/api.js";
import { count } from "../core/format.js";
import { useLoad } from "../core/load.js";
import { QuorumDrawing } from "./cluster_drawing.js";
import { Confirm } from "./dialog.js";
import { Badge, Loaded } from "./notice.js";
import { Panel } from "./page.js";
import { Table } from "./table.js";
import { tell } from "./toast.js";

const EVERY_MS = 5000;

export function Quorum() {
  const [removed, setRemoved] = useState(null);
  const state = useLoad((signal) => ask("getQuorum", { signal }), [], { everyMs: EVERY_MS });
  const remove = async () => {
    await ask("removeVoter", { names: { node: removed.node_id }, query: { directory_id: removed.directory_id } });
    tell(`Node ${removed.node_id} votes no more.`);
    setRemoved(null);
    state.reload();
  };
  return html`<${Loaded} state=${state} what="Asking the controllers">${(quorum) => {
    const voters = quorum.replicas.filter((row) => row.role !== "observer");
    const mayRemove = may("cluster", "alter") && voters.length > 1;
    const columns = [
      { name: "node", title: "Node", number: true, of: (row) => row.node_id },
      { name: "role", title: "Role", of: (row) => row.role, show: (row) => html`<${Badge} kind=${row.role === "leader" ? "accent" : ""}>${row.role}<//>` },
      { name: "end", title: "Log end", number: true, of: (row) => row.log_end_offset, show: (row) => count(row.log_end_offset) },
      { name: "lag", title: "Lag", number: true, of: (row) => row.lag, show: (row) => count(row.lag) },
      { name: "directory", title: "Directory", of: (row) => row.directory_id, show: (row) => row.directory_id && html`<code>${row.directory_id}</code>` },
      { name: "endpoints", title: "Endpoints", of: (row) => (row.endpoints ?? []).join(" "), wide: true },
      { name: "acts", title: "", show: (row) => mayRemove && row.role !== "observer" && html`<button type="button" class="quiet small" aria-label=${`Remove voter ${row.node_id}`} onClick=${() => setRemoved(row)}>Remove</button>` },
    ];
    return html`<${Panel} title="Quorum"><${QuorumDrawing} quorum=${quorum} /><//>
      <${Panel} title="Its nodes" flush=${true}><${Table} label="Nodes of the quorum" columns=${columns} rows=${quorum.replicas} keyOf=${(row) => `${row.node_id} ${row.directory_id}`} sort=${{ name: "node" }} /><//>
      <p class="muted">A voter is added on the machine where it runs: <code>ottla quorum add --config server.properties</code>.</p>
      ${removed && html`<${Confirm} title=${`Remove voter ${removed.node_id}`} act="Remove voter" name=${String(removed.node_id)} onClose=${() => setRemoved(null)} submit=${remove}>
        <p>${count(voters.length - 1)} of ${count(voters.length)} voters are left. ${voters.length - 1 === 2 ? "With two, nothing can be changed when either fails." : ""}</p>
        <p>Stop the node afterwards, or it may join again by itself.</p><//>`}`;
  }}<//>`;
}
