/**
 * A streams group's topology, drawn: topics, the subtopologies between them, their stores' changelogs, who runs what.
 *
 * Layers from left to right by the longest way from a source; within a layer nodes lie near the middle of what they
 * come from. The coordinator tells sources, repartition topics and changelogs; sinks that are read by nobody here it
 * does not tell, so they are not drawn.
 */

import { html } from "../vendor/preact.js";
import { count, plural } from "../core/format.js";
import { go } from "../core/router.js";

const BOX = { width: 196, topic: 34, gapX: 64, gapY: 16 };
const TEXT_CHARACTERS = 23;

/** Nodes and edges of what the API says; pure. */
export function graphOf(topology) {
  const nodes = new Map();
  const edges = [];
  const topic = (name, kind) => {
    const id = `topic ${name}`;
    if (!nodes.has(id)) nodes.set(id, { id, kind, name, height: BOX.topic });
    return id;
  };
  for (const sub of topology.subtopologies) {
    const id = `sub ${sub.id}`;
    const tasks = tasksOf(topology, sub.id);
    nodes.set(id, { id, kind: "sub", name: sub.id, sub, tasks, height: 46 + 20 * sub.changelog_topics.length + 18 * Math.min(4, tasks.length) });
    for (const name of sub.source_topics) edges.push([topic(name, "source"), id]);
    for (const { name } of sub.repartition_source_topics) edges.push([topic(name, "repartition"), id]);
    for (const name of sub.repartition_sink_topics) edges.push([id, topic(name, "repartition")]);
  }
  return { nodes: [...nodes.values()], edges };
}

function tasksOf(topology, id) {
  const rows = [];
  for (const member of topology.members) {
    const active = member.active.filter((task) => task.startsWith(`${id}_`));
    const spare = [...member.standby, ...member.warmup].filter((task) => task.startsWith(`${id}_`));
    if (active.length || spare.length) rows.push({ client: member.client_id, active, spare });
  }
  return rows;
}

/** Gives every node its place; answers the size of all. */
export function place({ nodes, edges }) {
  const layer = new Map(nodes.map((node) => [node.id, 0]));
  for (let pass = 0; pass < nodes.length; pass += 1) {
    let moved = false;
    for (const [from, to] of edges) {
      if (layer.get(to) <= layer.get(from) && layer.get(from) + 1 < nodes.length) {
        layer.set(to, layer.get(from) + 1);
        moved = true;
      }
    }
    if (!moved) break;
  }
  const layers = [];
  for (const node of nodes) (layers[layer.get(node.id)] ??= []).push(node);
  const middle = new Map();
  const shown = layers.filter(Boolean);
  shown.forEach((column, index) => {
    const before = (node) => {
      const from = edges.filter(([, to]) => to === node.id).map(([id]) => middle.get(id)).filter((y) => y !== undefined);
      return from.length ? from.reduce((sum, y) => sum + y, 0) / from.length : 0;
    };
    column.sort((one, other) => before(one) - before(other) || one.name.localeCompare(other.name));
    let y = 8;
    for (const node of column) {
      node.x = 8 + index * (BOX.width + BOX.gapX);
      node.y = Math.max(y, before(node) - node.height / 2);
      y = node.y + node.height + BOX.gapY;
      middle.set(node.id, node.y + node.height / 2);
    }
  });
  return {
    width: 16 + shown.length * (BOX.width + BOX.gapX) - BOX.gapX,
    height: 8 + Math.max(40, ...nodes.map((node) => node.y + node.height)),
  };
}

export function Topology({ topology }) {
  if (topology.subtopologies.length === 0) return html`<p class="none">The group has no topology yet.</p>`;
  const graph = graphOf(topology);
  const size = place(graph);
  const at = new Map(graph.nodes.map((node) => [node.id, node]));
  return html`<div class="topology" tabindex="0" role="region" aria-label=${`Topology, drawn: ${plural(topology.subtopologies.length, "subtopology", "subtopologies")}`}>
    <svg width=${size.width} height=${size.height} aria-hidden="true">
      ${graph.edges.map(([from, to]) => html`<${Edge} key=${`${from} ${to}`} from=${at.get(from)} to=${at.get(to)} />`)}
      ${graph.nodes.map((node) => (node.kind === "sub" ? html`<${Sub} key=${node.id} node=${node} lag=${topology.lag} />` : html`<${Topic} key=${node.id} node=${node} />`))}
    </svg>
    <ul class="visually-hidden">${topology.subtopologies.map((sub) => html`<li key=${sub.id}>Subtopology ${sub.id} reads ${[...sub.source_topics, ...sub.repartition_source_topics.map((each) => each.name)].join(", ")}${sub.repartition_sink_topics.length ? `, writes ${sub.repartition_sink_topics.join(", ")}` : ""}${sub.changelog_topics.length ? `, keeps state in ${sub.changelog_topics.map((each) => each.name).join(", ")}` : ""}</li>`)}</ul>
  </div>`;
}

function Edge({ from, to }) {
  const [x1, y1, x2, y2] = [from.x + BOX.width, from.y + from.height / 2, to.x, to.y + to.height / 2];
  const bend = Math.max(24, Math.abs(x2 - x1) / 2);
  return html`<path class="edge" d=${`M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`} />`;
}

function Topic({ node }) {
  return html`<g class=${`topic ${node.kind}`} transform=${`translate(${node.x} ${node.y})`} onClick=${() => go(["topics", node.name])}>
    <title>${node.name}</title><rect width=${BOX.width} height=${node.height} rx="17" /><text x="14" y="22">${cut(node.name)}</text></g>`;
}

function Sub({ node, lag }) {
  const behind = Object.entries(lag ?? {}).filter(([task]) => task.startsWith(`${node.name}_`)).reduce((sum, [, records]) => sum + (records ?? 0), 0);
  const stores = node.sub.changelog_topics;
  return html`<g class="sub" transform=${`translate(${node.x} ${node.y})`}>
    <rect width=${BOX.width} height=${node.height} rx="8" />
    <text x="12" y="22" class="sub-name">Subtopology ${node.name}</text>
    <text x=${BOX.width - 12} y="22" text-anchor="end" class=${behind ? "behind" : "sub-more"}>${behind ? `lag ${count(behind)}` : "no lag"}</text>
    ${stores.map((store, index) => html`<g key=${store.name}><title>${store.name}</title><path class="store" d=${`M14 ${34 + 20 * index}v10c0 4 14 4 14 0v-10c0-4-14-4-14 0c0 4 14 4 14 0`} /><text x="34" y=${44 + 20 * index} class="sub-more">${cut(store.name.replace(/-changelog$/, ""), 22, true)}</text></g>`)}
    ${node.tasks.slice(0, 4).map((row, index) => html`<text key=${row.client} x="12" y=${46 + 20 * stores.length + 18 * index} class="sub-more">${cut(row.client, 14)}: ${row.active.join(" ") || "–"}${row.spare.length ? ` (+${row.spare.length})` : ""}</text>`)}
  </g>`;
}

function cut(text, most = TEXT_CHARACTERS, fromEnd = false) {
  if (text.length <= most) return text;
  return fromEnd ? `…${text.slice(1 - most)}` : `${text.slice(0, most - 1)}…`;
}
