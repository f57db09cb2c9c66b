/** The first page: is the cluster well, what runs through it, who is behind. */

import { html } from "../vendor/preact.js";
import { ask } from "../core/api.js";
import { bytes, count, plural, short } from "../core/format.js";
import { useLoad } from "../core/load.js";
import { address } from "../core/router.js";
import { Chart } from "../parts/chart.js";
import { Badge, Empty, Failure, Loaded } from "../parts/notice.js";
import { Figures, Page, Panel } from "../parts/page.js";
import { BrokerCards, QuorumDrawing } from "../parts/cluster_drawing.js";

const EVERY_MS = 5000;

export default function Overview() {
  const state = useLoad((signal) => ask("getOverview", { signal }), [], { everyMs: EVERY_MS });
  const metrics = useLoad((signal) => ask("getMetrics", { signal }), [], { everyMs: EVERY_MS });
  const top = useLoad((signal) => ask("getTop", { signal, query: { count: 8 } }), [], { everyMs: EVERY_MS });
  const health = state.data && healthOf(state.data);
  return html`<${Page} title="Overview" badge=${health && html`<${Badge} kind=${health[0]}>${health[1]}<//>`}>
    <${Loaded} state=${state} what="Asking the cluster">${(overview) => html`
      <${Problems} overview=${overview} />
      <${Figures} items=${figuresOf(overview)} />
      <div class="columns">
        <${Panel} title="Throughput"><${Series} state=${metrics} name="records_per_s" title="Records in, per second" /><//>
        <${Panel} title="Lag"><${Series} state=${metrics} name="lag" title="Records that groups have not read yet" /><//>
      </div>
      <${Panel} title=${`Brokers (${overview.brokers.length})`}><${BrokerCards} brokers=${overview.brokers} /><//>
      ${overview.quorum && html`<${Panel} title="Quorum"><${QuorumDrawing} quorum=${overview.quorum} /><//>`}
      <${Busiest} state=${top} topics=${overview.topics} />`}
    <//>
  <//>`;
}

function healthOf(overview) {
  if (overview.offline_count || overview.problems.some((problem) => problem.severity === "error")) return ["bad", "needs help"];
  if (overview.under_replicated_count || overview.problems.length) return ["warn", "look at it"];
  return ["good", "healthy"];
}

function figuresOf(overview) {
  return [
    ["Brokers", count(overview.brokers.length)],
    ["Topics", count(overview.topics), plural(overview.partitions, "partition")],
    ["Records", overview.records === null ? "–" : short(overview.records)],
    ["Size", bytes(overview.size_bytes)],
    ["Groups", count(overview.groups)],
    ["Under-replicated", count(overview.under_replicated_count)],
    ["Version", overview.metadata_version ?? "–", overview.kind === "ottla" ? "Ottla" : overview.kind === "kafka" ? "Apache Kafka" : null],
    ["Cluster id", html`<code>${overview.cluster_id}</code>`],
  ];
}

function Problems({ overview }) {
  if (overview.problems.length === 0) return null;
  return html`<ul class="problems" aria-label="Problems">
    ${overview.problems.map((problem) => html`<li key=${problem.text} class=${`notice ${problem.severity === "error" ? "bad" : "warn"}`}>
      <strong>${problem.text}</strong>${problem.hint && html`<p>${problem.hint}</p>`}</li>`)}
  </ul>`;
}

function Series({ state, name, title }) {
  if (!state.data) return html`<${Failure} error=${state.error} />`;
  const { times_ms: times, cluster } = state.data;
  return html`<${Chart} title=${title} times=${times} series=${[{ name: "all", values: cluster[name] ?? [] }]} />`;
}

function Busiest({ state, topics }) {
  if (topics === 0) {
    return html`<${Empty} title="No topics yet.">
      <p><a href=${address(["topics"], { create: "1" })}>Create one here</a>, or write into one, which creates it:</p>
      <pre class="say">echo hello | ottla produce greetings</pre><//>`;
  }
  if (!state.data) return html`<${Failure} error=${state.error} />`;
  const { topics: busy, groups } = state.data;
  return html`<div class="columns">
    <${Panel} title="Busiest topics"><${Ranks} items=${busy.map((each) => [each.name, ["topics", each.name], each.records_per_s, `${short(each.records_per_s)}/s`])} none="Nothing is written at the moment." /><//>
    <${Panel} title="Groups behind"><${Ranks} items=${groups.map((each) => [each.name, ["groups", each.name], each.lag, short(each.lag)])} none="Nobody is behind." /><//>
  </div>`;
}

/** Names with bars: `[[name, path, value, text]]`; those of nothing are left out. */
function Ranks({ items, none }) {
  const shown = items.filter(([, , value]) => value > 0);
  if (shown.length === 0) return html`<p class="none">${none}</p>`;
  const most = Math.max(...shown.map(([, , value]) => value));
  return html`<ol class="ranks">${shown.map(([name, path, value, text]) => html`<li key=${name}>
    <a href=${address(path)}>${name}</a><span class="bar-space" aria-hidden="true"><i style=${{ width: `${(value / most) * 100}%` }}></i></span><b>${text}</b></li>`)}</ol>`;
}

