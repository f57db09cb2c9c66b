/** The registry's subjects, its level, and a new subject. */

import { html, useState } from "../vendor/preact.js";
import { ask, may } from "../core/api.js";
import { useLoad } from "../core/load.js";
import { address, amend, go } from "../core/router.js";
import { Check } from "../parts/form.js";
import { Icon } from "../parts/icons.js";
import { Badge, Empty, Failure, Loaded } from "../parts/notice.js";
import { Figures, Page } from "../parts/page.js";
import { RegisterDialog } from "../parts/register_dialog.js";
import { Search, Table } from "../parts/table.js";
import { tell, tellError } from "../parts/toast.js";

const COLUMNS = [
  { name: "name", title: "Subject", of: (row) => row.name, show: (row) => html`<a href=${address(["schemas", row.name])}>${row.name}</a>`, wide: true },
  { name: "deleted", title: "", of: (row) => String(row.deleted), show: (row) => row.deleted && html`<${Badge} kind="warn">deleted<//>` },
];

export default function Schemas({ query }) {
  const [filter, setFilter] = useState("");
  const [adding, setAdding] = useState(false);
  const deleted = query.deleted === "1";
  const registry = useLoad((signal) => ask("getRegistry", { signal }), []);
  const subjects = useLoad((signal) => ask("getSubjects", { signal, query: { deleted } }), [deleted]);
  const mayRegister = may("subject", "register");
  const register = mayRegister && html`<button type="button" class="primary" onClick=${() => setAdding(true)}><${Icon} name="plus" />Register a schema</button>`;
  const setLevel = async (event) => {
    try {
      await ask("setRegistryLevel", { body: { level: event.target.value } });
      tell(`Compatibility is ${event.target.value} wherever a subject has none of its own.`);
    } catch (error) {
      tellError(error);
    }
    registry.reload();
  };
  const empty = html`<${Empty} title="No schemas yet."><p>Producers register theirs with the first record that they write; or register one here.</p>${register}<//>`;
  return html`<${Page} title="Schemas" actions=${register}>
    <${Failure} error=${registry.error} retry=${registry.reload} />
    ${registry.data && html`<${Figures} items=${[["Registry", html`<code>${registry.data.url}</code>`], ["Mode", registry.data.mode ?? "–"],
      ["Compatibility", html`<select aria-label="Compatibility of all subjects" value=${registry.data.level} disabled=${!may("subject", "alter")} onChange=${setLevel}>${registry.data.levels.map((level) => html`<option key=${level}>${level}</option>`)}</select>`]]} />`}
    <div class="bar"><${Search} label="Search subjects" value=${filter} onChange=${setFilter} /><${Check} label="Deleted ones, too" checked=${deleted} onChange=${(on) => amend({ deleted: on ? "1" : "" })} /></div>
    <${Loaded} state=${subjects} what="Reading subjects">${(data) => html`<${Table} label="Subjects" columns=${COLUMNS} rows=${data.subjects} keyOf=${(row) => row.name} filter=${filter} sort=${{ name: "name" }} open=${(row) => go(["schemas", row.name])} empty=${empty} />`}<//>
    ${adding && html`<${RegisterDialog} types=${registry.data?.types ?? ["AVRO", "JSON", "PROTOBUF"]} onClose=${() => setAdding(false)} onDone=${(schema) => go(["schemas", schema.subject])} />`}
  <//>`;
}
