/** The audit log: who changed or read what, from where, and how it went. */

import { html, useState } from "../vendor/preact.js";
import { ask } from "../core/api.js";
import { time } from "../core/format.js";
import { useLoad } from "../core/load.js";
import { Badge, Empty, Loaded } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { Search, Table } from "../parts/table.js";

const LIMIT = 500;

const COLUMNS = [
  { name: "at", title: "When", of: (row) => row.at_ms, show: (row) => html`<span class="mono">${time(row.at_ms)}</span>` },
  { name: "user", title: "Who", of: (row) => row.user, show: (row) => row.user ?? html`<span class="muted">nobody signed in</span>` },
  { name: "address", title: "From", of: (row) => row.address },
  { name: "cluster", title: "Cluster", of: (row) => row.cluster },
  { name: "action", title: "Did", of: (row) => row.action },
  { name: "resource", title: "To", of: (row) => (typeof row.resource === "string" ? row.resource : JSON.stringify(row.resource)) },
  { name: "outcome", title: "Outcome", of: (row) => row.outcome, show: (row) => html`<${Badge} kind=${row.error ? "bad" : "good"}>${row.outcome}<//>${row.error && html` <small>${typeof row.error === "string" ? row.error : row.error.message}</small>`}` },
  { name: "details", title: "Details", of: (row) => (row.details ? JSON.stringify(row.details) : ""), show: (row) => row.details && html`<code class="clip">${JSON.stringify(row.details)}</code>`, wide: true },
];

export default function Audit() {
  const [filter, setFilter] = useState("");
  const state = useLoad((signal) => ask("getAudit", { signal, query: { limit: LIMIT } }), []);
  return html`<${Page} title="Audit log" actions=${html`<button type="button" onClick=${state.reload}>Read again</button>`}>
    <div class="bar"><${Search} label="Search the audit log" value=${filter} onChange=${setFilter} /></div>
    <${Loaded} state=${state} what="Reading the log">${({ entries }) => html`<${Table} label="Audit log" columns=${COLUMNS} rows=${entries} keyOf=${(row) => `${row.at_ms} ${row.action} ${JSON.stringify(row.resource)}`} filter=${filter}
      empty=${html`<${Empty} title="Nothing yet."><p>Every change, and every reading of messages, is written here.</p><//>`} />`}<//>
  <//>`;
}
