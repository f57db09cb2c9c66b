/** What the server has sampled of the last hour, drawn: the cluster, chosen topics and groups, brokers. */

import { html } from "../vendor/preact.js";
import { ask } from "../core/api.js";
import { bytes, short } from "../core/format.js";
import { useLoad } from "../core/load.js";
import { amend } from "../core/router.js";
import { Chart, MAX_SERIES } from "../parts/chart.js";
import { Failure, Loaded } from "../parts/notice.js";
import { Page, Panel } from "../parts/page.js";

const EVERY_MS = 5000;
const rate = (value) => (value === null || value === undefined ? "–" : `${short(value)}/s`);
const byteRate = (value) => (value === null || value === undefined ? "–" : `${bytes(value)}/s`);

const CLUSTER = [["records_per_s", "Records in, per second", rate], ["lag", "Lag of all groups", short], ["size_bytes", "Size", bytes], ["under_replicated", "Under-replicated partitions", short], ["partitions", "Partitions", short], ["brokers", "Brokers", short]];
const TOPIC = [["records_per_s", "Records in, per second", rate], ["consumed_per_s", "Records read by groups, per second", rate], ["lag", "Lag", short], ["size_bytes", "Size", bytes]];
const GROUP = [["lag", "Lag", short], ["consumed_per_s", "Records read, per second", rate]];
const BROKER = [["bytes_in_per_s", "Bytes in, per second", byteRate], ["bytes_out_per_s", "Bytes out, per second", byteRate], ["requests_per_s", "Requests, per second", rate], ["memory_bytes", "Memory", bytes]];

export default function Metrics({ query }) {
  const chosen = { topics: listOf(query.topics), groups: listOf(query.groups) };
  const top = useLoad((signal) => ask("getTop", { signal, query: { count: MAX_SERIES } }), []);
  const topics = chosen.topics ?? top.data?.topics.map((each) => each.name) ?? [];
  const groups = chosen.groups ?? top.data?.groups.map((each) => each.name) ?? [];
  const state = useLoad((signal) => ask("getMetrics", { signal, query: { topic: topics, group: groups } }), [topics.join(), groups.join()], { everyMs: EVERY_MS });
  return html`<${Page} title="Metrics">
    <${Failure} error=${top.error} retry=${top.reload} />
    <${Loaded} state=${state} what="Reading samples">${(data) => html`
      <${Charts} title="Cluster" kinds=${CLUSTER} times=${data.times_ms} of=${{ all: data.cluster }} />
      <${Charts} title="Topics" kinds=${TOPIC} times=${data.times_ms} of=${data.topics} actions=${html`<${Chooser} what="topics" shown=${topics} />`} />
      <${Charts} title="Groups" kinds=${GROUP} times=${data.times_ms} of=${data.groups} actions=${html`<${Chooser} what="groups" shown=${groups} />`} />
      <${Charts} title="Brokers" kinds=${BROKER} times=${data.times_ms} of=${prefixed(data.brokers)} />`}<//>
  <//>`;
}

function listOf(text) {
  return text === undefined ? null : text.split(",").map((each) => each.trim()).filter(Boolean);
}

function prefixed(brokers) {
  return Object.fromEntries(Object.entries(brokers ?? {}).map(([id, series]) => [`broker ${id}`, series]));
}

function Charts({ title, kinds, times, of, actions }) {
  const names = Object.keys(of ?? {});
  if (names.length === 0 && !actions) return null;
  return html`<${Panel} title=${title} actions=${actions}>
    ${names.length === 0 && html`<p class="none">None.</p>`}
    ${names.length > 0 && html`<div class="charts">${kinds.map(([kind, text, unit]) => html`<${Chart} key=${kind} title=${text} unit=${unit} isBinary=${unit === bytes || unit === byteRate} times=${times} series=${names.map((name) => ({ name, values: of[name][kind] ?? [] }))} />`)}</div>`}
  <//>`;
}

/** Names, separated by commas; at first the busiest. */
function Chooser({ what, shown }) {
  return html`<label class="chooser"><span class="muted">Shown</span><input aria-label=${`Which ${what}, separated by commas`} value=${shown.join(", ")} onChange=${(event) => amend({ [what]: event.target.value })} /></label>`;
}
