/** Connectors: what runs, what has failed. */

import { html, useState } from "../vendor/preact.js";
import { ask, currentCluster, may } from "../core/api.js";
import { useLoad } from "../core/load.js";
import { address, amend, go } from "../core/router.js";
import { Field } from "../parts/form.js";
import { Icon } from "../parts/icons.js";
import { Badge, Empty, Failure, Loaded, State } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { Search, Table } from "../parts/table.js";

const EVERY_MS = 5000;

const COLUMNS = [
  { name: "name", title: "Connector", of: (row) => row.name, show: (row) => html`<a href=${address(["connect", row.name])}>${row.name}</a>` },
  { name: "state", title: "State", of: (row) => row.state, show: (row) => html`<${State} name=${row.state} />` },
  { name: "tasks", title: "Tasks", of: (row) => row.tasks.length, show: tasksOf, number: true },
  { name: "type", title: "Type", of: (row) => row.type },
  { name: "class", title: "Class", of: (row) => row.class, show: (row) => html`<span title=${row.class}>${row.class?.split(".").at(-1)}</span>` },
  { name: "worker", title: "Worker", of: (row) => row.worker_id },
];

function tasksOf(row) {
  const failed = row.tasks.filter((task) => task.state === "FAILED").length;
  const running = row.tasks.filter((task) => task.state === "RUNNING").length;
  return html`${failed > 0 && html`<${Badge} kind="bad">${failed} failed<//> `}${running} of ${row.tasks.length}`;
}

export default function Connect({ query }) {
  const [filter, setFilter] = useState("");
  const groups = currentCluster().connect;
  const group = query.group ?? groups[0];
  const state = useLoad((signal) => ask("getConnectors", { signal }), [group], { everyMs: EVERY_MS });
  const worker = useLoad((signal) => ask("getConnect", { signal }), [group]);
  const create = may("connector", "create") && html`<a class="button primary" href=${address(["connect", "new"])}><${Icon} name="plus" />New connector</a>`;
  const empty = html`<${Empty} title="No connectors yet."><p>A connector brings records into topics, or takes them out: a database's changes, files, another service.</p>${create}<//>`;
  return html`<${Page} title="Connect" actions=${create} badge=${worker.data && html`<span class="muted">${worker.data.urls.join(", ")}, version ${worker.data.version}</span>`}>
    <${Failure} error=${state.error ? null : worker.error} retry=${worker.reload} />
    <div class="bar"><${Search} label="Search connectors" value=${filter} onChange=${setFilter} />
      ${groups.length > 1 && html`<${Field} label="Group of workers" value=${group} options=${groups} onChange=${(name) => amend({ group: name })} />`}</div>
    <${Loaded} state=${state} what="Asking the worker">${({ connectors }) => html`<${Table} label="Connectors" columns=${COLUMNS} rows=${connectors} keyOf=${(row) => row.name} filter=${filter} sort=${{ name: "name" }} open=${(row) => go(["connect", row.name])} empty=${empty} />`}<//>
  <//>`;
}
