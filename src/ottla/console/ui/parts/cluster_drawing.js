/** The cluster drawn: a card for each broker, and the quorum with how far each of its nodes has come. */

import { html } from "../vendor/preact.js";
import { bytes, count, duration, plural } from "../core/format.js";
import { address } from "../core/router.js";
import { useWidth } from "./chart.js";
import { Badge } from "./notice.js";

export function BrokerCards({ brokers }) {
  const most = Math.max(1, ...brokers.map((broker) => broker.replicas ?? 0));
  return html`<ul class="cards">${brokers.map((broker) => html`<li key=${broker.broker_id} class=${stateOf(broker)[0]}>
    <p class="card-head"><a href=${address(["brokers", broker.broker_id])}>Broker ${broker.broker_id}</a>
      ${broker.is_controller && html`<${Badge} kind="accent">controller<//>`}<${Badge} kind=${stateOf(broker)[0]}>${stateOf(broker)[1]}<//></p>
    <p class="muted mono">${broker.host}:${broker.port}${broker.rack ? ` · rack ${broker.rack}` : ""}</p>
    <div class="share" role="img" aria-label=${`leads ${broker.leads} of ${broker.replicas} replicas`}>
      <i class="leads" style=${{ width: `${(100 * (broker.leads ?? 0)) / most}%` }}></i><i class="follows" style=${{ width: `${(100 * Math.max(0, (broker.replicas ?? 0) - (broker.leads ?? 0))) / most}%` }}></i></div>
    <p class="muted">leads ${count(broker.leads)} of ${plural(broker.replicas, "replica")} · ${bytes(broker.size_bytes)}</p>
    ${(broker.log_directories ?? []).map((directory) => html`<${Disk} key=${directory.path} directory=${directory} />`)}
  </li>`)}</ul>`;
}

function stateOf(broker) {
  if (broker.unreachable) return ["bad", "unreachable"];
  if (broker.fenced) return ["bad", "fenced"];
  return broker.out_of_sync ? ["warn", `${count(broker.out_of_sync)} out of sync`] : ["good", "in sync"];
}

function Disk({ directory }) {
  if (directory.error) return html`<p class="field-error">${directory.path}: ${directory.error}</p>`;
  if (!directory.total_bytes || directory.total_bytes < 0) return null;
  const used = 1 - directory.usable_bytes / directory.total_bytes;
  return html`<div class=${`disk ${used > 0.9 ? "bad" : used > 0.8 ? "warn" : ""}`} role="img" aria-label=${`disk of ${directory.path}: ${Math.round(used * 100)} % used`}>
      <i style=${{ width: `${used * 100}%` }}></i></div>
    <p class="muted">disk ${Math.round(used * 100)} % full, ${bytes(directory.usable_bytes)} free</p>`;
}

const NODE = { width: 190, height: 58, gap: 16 };

/** The leader above, everybody else below, as far to its log as the lines are green. */
export function QuorumDrawing({ quorum }) {
  const [width, frame] = useWidth(600);
  const leader = quorum.replicas.find((replica) => replica.role === "leader");
  const others = quorum.replicas.filter((replica) => replica !== leader);
  const each = Math.max(1, Math.min(others.length, Math.floor((width + NODE.gap) / (NODE.width + NODE.gap))));
  const rows = Math.ceil(others.length / each);
  const height = NODE.height + 4 + rows * (NODE.height + 44);
  const middle = width / 2;
  const placed = others.map((replica, index) => {
    const row = Math.floor(index / each);
    const many = Math.min(each, others.length - row * each);
    const start = middle - (many * (NODE.width + NODE.gap) - NODE.gap) / 2;
    return { replica, x: start + (index % each) * (NODE.width + NODE.gap), y: 2 + (row + 1) * (NODE.height + 44) };
  });
  return html`<div ref=${frame}>
    <p class="muted">Epoch ${count(quorum.leader_epoch)}, committed up to ${count(quorum.high_watermark)}</p>
    <svg class="quorum" width=${width} height=${height} role="img" aria-label=${spoken(quorum, leader)}>
      ${placed.map(({ replica, x, y }) => html`<path key=${replica.node_id} class=${`tie ${replica.lag > 0 ? "behind" : ""} ${replica.role}`}
          d=${`M${middle} ${NODE.height + 2}C${middle} ${y - 12} ${x + NODE.width / 2} ${NODE.height + 20} ${x + NODE.width / 2} ${y}`} />`)}
      ${leader && html`<${Node} replica=${leader} x=${middle - NODE.width / 2} y=${2} />`}
      ${placed.map((place) => html`<${Node} key=${place.replica.node_id} ...${place} />`)}
    </svg>
  </div>`;
}

function Node({ replica, x, y }) {
  const how = replica.role === "leader" ? `at ${count(replica.log_end_offset)}` : replica.lag > 0 ? `${count(replica.lag)} behind, ${duration(replica.caught_up_ago_ms)}` : "caught up";
  return html`<g class=${`node ${replica.role}`} transform=${`translate(${x} ${y})`}>
    <rect width=${NODE.width} height=${NODE.height} rx="8" />
    <text x="12" y="24" class="node-name">Node ${replica.node_id}</text><text x=${NODE.width - 12} y="24" text-anchor="end" class="node-role">${replica.role}</text>
    <text x="12" y="44" class="node-more">${how}</text></g>`;
}

function spoken(quorum, leader) {
  const each = quorum.replicas.map((replica) => `node ${replica.node_id}, ${replica.role}, ${replica.lag ?? 0} behind`);
  return `Quorum led by node ${leader?.node_id ?? "unknown"}: ${each.join("; ")}`;
}
