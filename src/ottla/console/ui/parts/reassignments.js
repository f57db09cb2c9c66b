/** Replicas on the move: how far they are, cancelled, held to a rate; and others set on their way. */

import { html, useState } from "../vendor/preact.js";
import { ask, may } from "../core/api.js";
import { bytes, count, plural } from "../core/format.js";
import { useLoad } from "../core/load.js";
import { address } from "../core/router.js";
import { Confirm } from "./dialog.js";
import { Icon } from "./icons.js";
import { Empty, Loaded, Notice } from "./notice.js";
import { MoveReplicas } from "./reassignment_dialog.js";
import { Table } from "./table.js";
import { tell, tellError } from "./toast.js";

const EVERY_MS = 2000;
const nameOf = (row) => `${row.topic}-${row.partition}`;

export function Reassignments() {
  const [moving, setMoving] = useState(false);
  const [cancelling, setCancelling] = useState(null);
  const state = useLoad((signal) => ask("getReassignments", { signal }), [], { everyMs: EVERY_MS });
  const mayAlter = may("cluster", "alter");
  const cancel = async () => {
    const { cancelled, refused } = await ask("cancelReassignments", { body: { partitions: cancelling } });
    setCancelling(null);
    if (refused.length) tellError({ message: `${nameOf(refused[0])} could not be cancelled: ${refused[0].error}.`, hint: refused[0].message });
    else tell(`${plural(cancelled, "reassignment")} cancelled.`);
    state.reload();
  };
  const unthrottle = async () => {
    try {
      const { removed } = await ask("removeThrottles");
      tell(removed.length ? `Throttles removed: ${removed.join(", ")}.` : "There were no throttles.");
    } catch (error) {
      tellError(error);
    }
    state.reload();
  };
  const columns = [
    { name: "topic", title: "Topic", of: (row) => row.topic, show: (row) => html`<a href=${address(["topics", row.topic, "partitions"])}>${row.topic}</a>` },
    { name: "partition", title: "Partition", number: true, of: (row) => row.partition },
    { name: "replicas", title: "Replicas", of: (row) => row.replicas.join(" ") },
    { name: "adding", title: "Adding", of: (row) => row.adding.join(" ") },
    { name: "removing", title: "Removing", of: (row) => row.removing.join(" ") },
    { name: "left", title: "Left to copy", number: true, of: (row) => row.bytes_left, show: (row) => (row.bytes_left === null ? null : bytes(row.bytes_left)) },
    { name: "acts", title: "", show: (row) => mayAlter && html`<button type="button" class="quiet small" aria-label=${`Cancel the reassignment of ${nameOf(row)}`} onClick=${() => setCancelling([{ topic: row.topic, partition: row.partition }])}>Cancel</button>` },
  ];
  return html`<${Loaded} state=${state} what="Asking what moves">${({ reassignments, throttles }) => {
    const left = reassignments.reduce((sum, row) => sum + (row.bytes_left ?? 0), 0);
    return html`
      <div class="bar"><p class="muted" role="status">${reassignments.length ? `${plural(reassignments.length, "partition")} on the move, ${bytes(left)} left to copy.` : "Nothing is on the move."}</p>
        ${mayAlter && html`<div class="actions">
          ${reassignments.length > 0 && html`<button type="button" class="danger" onClick=${() => setCancelling([])}>Cancel all</button>`}
          <button type="button" class="primary" onClick=${() => setMoving(true)}><${Icon} name="plus" />Move replicas</button></div>`}</div>
      <${Throttles} throttles=${throttles} isMoving=${reassignments.length > 0} remove=${mayAlter && unthrottle} />
      <${Table} label="Reassignments" columns=${columns} rows=${reassignments} keyOf=${nameOf} sort=${{ name: "topic" }} empty=${html`<${Empty} title="No reassignments."><p>Replicas are moved to spread them over brokers, to empty one, or to have more of them.</p><//>`} />
      ${moving && html`<${MoveReplicas} isBeside=${reassignments.length > 0} onClose=${() => setMoving(false)} onDone=${state.reload} />`}
      ${cancelling && html`<${Confirm} title=${cancelling.length ? `Cancel the reassignment of ${nameOf(cancelling[0])}` : "Cancel all reassignments"} act="Back to where it was" onClose=${() => setCancelling(null)} submit=${cancel}>
        <p>The replicas stay where they were; what was copied already is deleted.</p><//>`}`;
  }}<//>`;
}

function Throttles({ throttles, isMoving, remove }) {
  const brokers = Object.entries(throttles);
  if (brokers.length === 0) return null;
  const rates = brokers.map(([broker, rate]) => `broker ${broker} to ${bytes(rate)}/s`).join(", ");
  return html`<${Notice} kind=${isMoving ? "info" : "warn"}>
    <p>Replication is held: ${rates}.${isMoving ? "" : ` Nothing moves any more, and ${count(brokers.length)} ${brokers.length === 1 ? "broker is" : "brokers are"} still held to that.`}</p>
    ${remove && html`<p><button type="button" class="small" onClick=${remove}>Take the throttles away</button></p>`}<//>`;
}
