/** All topics: how large, how busy, how well replicated; and a new one. */

import { html, useState } from "../vendor/preact.js";
import { ask, may } from "../core/api.js";
import { bytes, count, duration, short } from "../core/format.js";
import { useKey } from "../core/keys.js";
import { useLoad } from "../core/load.js";
import { address, amend, go } from "../core/router.js";
import { Check } from "../parts/form.js";
import { Icon } from "../parts/icons.js";
import { Badge, Empty, Loaded } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { Search, Table } from "../parts/table.js";
import { CreateTopic } from "../parts/topic_dialogs.js";

const EVERY_MS = 10_000;

const COLUMNS = [
  { name: "name", title: "Topic", of: (topic) => topic.name, show: (topic) => html`<a href=${address(["topics", topic.name])}>${topic.name}</a>${topic.internal && html` <${Badge}>internal<//>`}` },
  { name: "partitions", title: "Partitions", number: true, of: (topic) => topic.partitions, show: (topic) => count(topic.partitions) },
  { name: "replicas", title: "Replicas", number: true, of: (topic) => topic.replication_factor, show: (topic) => html`${healthOf(topic)} ${topic.replication_factor}` },
  { name: "records", title: "Records", number: true, of: (topic) => topic.records, show: (topic) => count(topic.records) },
  { name: "size", title: "Size", number: true, of: (topic) => topic.size_bytes, show: (topic) => bytes(topic.size_bytes) },
  { name: "rate", title: "In, per s", number: true, of: (topic) => topic.records_per_s, show: (topic) => short(topic.records_per_s) },
  { name: "groups", title: "Groups", number: true, of: (topic) => topic.groups, show: (topic) => count(topic.groups) },
  { name: "retention", title: "Kept", of: (topic) => topic.cleanup_policy, show: retention },
];

function healthOf(topic) {
  if (topic.offline) return html`<${Badge} kind="bad">${topic.offline} offline<//>`;
  return topic.under_replicated ? html`<${Badge} kind="warn">${topic.under_replicated} under<//>` : "";
}

export function retention(topic) {
  const policy = topic.cleanup_policy ?? "";
  const parts = [];
  if (policy.includes("compact")) parts.push("compacted");
  if (policy.includes("delete")) {
    parts.push(duration(topic.retention_ms));
    if (topic.retention_bytes > 0) parts.push(`${bytes(topic.retention_bytes)} a partition`);
  }
  return parts.join(", ");
}

export default function Topics({ query }) {
  const [filter, setFilter] = useState(query.filter ?? "");
  const internal = query.internal === "1";
  const state = useLoad((signal) => ask("getTopics", { signal, query: { internal } }), [internal], { everyMs: EVERY_MS });
  const mayCreate = may("topic", "create");
  const create = () => amend({ create: "1" });
  useKey("c", "create a topic", () => mayCreate && create(), [mayCreate]);
  const look = (text) => {
    setFilter(text);
    amend({ filter: text });
  };
  return html`<${Page} title="Topics" actions=${mayCreate && html`<button type="button" class="primary" onClick=${create}><${Icon} name="plus" />Create topic</button>`}>
    <div class="bar"><${Search} label="Search topics" value=${filter} onChange=${look} />
      <${Check} label="Internal topics" checked=${internal} onChange=${(on) => amend({ internal: on ? "1" : "" })} /></div>
    <${Loaded} state=${state} what="Reading topics">${({ topics }) => html`
      <${Table} label="Topics" columns=${COLUMNS} rows=${topics} keyOf=${(topic) => topic.name} filter=${filter} sort=${{ name: "name" }}
        open=${(topic) => go(["topics", topic.name])}
        empty=${html`<${Empty} title="No topics yet."><p>A topic is a log of records that many may write and read.</p>
          ${mayCreate && html`<button type="button" class="primary" onClick=${create}>Create the first</button>`}<//>`} />`}
    <//>
    ${query.create === "1" && mayCreate && html`<${CreateTopic} onClose=${() => amend({ create: "" })} />`}
  <//>`;
}
