/** Access control lists: who may do what; a new entry, and one less. */

import { html, useState } from "../vendor/preact.js";
import { ask, may } from "../core/api.js";
import { useLoad } from "../core/load.js";
import { Confirm, FormDialog } from "../parts/dialog.js";
import { Choice, Field } from "../parts/form.js";
import { Icon } from "../parts/icons.js";
import { Badge, Empty, Loaded } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { Search, Table } from "../parts/table.js";
import { tell } from "../parts/toast.js";

const spoken = (acl) => `${acl.permission === "DENY" ? "deny" : "allow"} ${acl.principal} ${acl.operation} on ${acl.resource_type} ${acl.resource_name}${acl.pattern_type === "PREFIXED" ? "…" : ""}`;
const keyOf = (acl) => JSON.stringify(acl);

export default function Acls() {
  const [filter, setFilter] = useState("");
  const [added, setAdded] = useState(false);
  const [removed, setRemoved] = useState(null);
  const state = useLoad((signal) => ask("getAcls", { signal }), []);
  const mayAlter = may("acl", "alter");
  const isOn = state.data?.enabled;
  const add = mayAlter && isOn && html`<button type="button" class="primary" onClick=${() => setAdded(true)}><${Icon} name="plus" />Add an ACL</button>`;
  const columns = [
    { name: "permission", title: "", of: (row) => row.permission, show: (row) => html`<${Badge} kind=${row.permission === "DENY" ? "bad" : "good"}>${row.permission.toLowerCase()}<//>` },
    { name: "principal", title: "Who", of: (row) => row.principal, show: (row) => html`<code>${row.principal}</code>` },
    { name: "host", title: "From", of: (row) => row.host, show: (row) => (row.host === "*" ? "anywhere" : html`<code>${row.host}</code>`) },
    { name: "operation", title: "May", of: (row) => row.operation },
    { name: "type", title: "On", of: (row) => row.resource_type },
    { name: "name", title: "Named", of: (row) => row.resource_name, show: (row) => html`<code>${row.resource_name}${row.pattern_type === "PREFIXED" ? "*" : ""}</code>${row.pattern_type === "PREFIXED" && html` <${Badge}>prefix<//>`}`, wide: true },
    { name: "remove", title: "", show: (row) => mayAlter && html`<button type="button" class="quiet small" aria-label=${`Remove: ${spoken(row)}`} onClick=${() => setRemoved(row)}>Remove</button>` },
  ];
  const remove = async () => {
    await ask("deleteAcl", { query: removed });
    tell("The ACL is removed.");
    setRemoved(null);
    state.reload();
  };
  return html`<${Page} title="ACLs" actions=${add}>
    <${Loaded} state=${state} what="Reading ACLs">${({ acls, enabled }) => (enabled
      ? html`<div class="bar"><${Search} label="Search ACLs" value=${filter} onChange=${setFilter} /></div>
        <${Table} label="ACLs" columns=${columns} rows=${acls} keyOf=${keyOf} filter=${filter} sort=${{ name: "principal" }}
          empty=${html`<${Empty} title="No ACLs."><p>Only super users may do anything, unless <code>allow.everyone.if.no.acl.found</code> is set.</p><//>`} />`
      : html`<${Empty} title="This cluster has no authorizer."><p>Everybody may do everything. Set <code>authorizer.class.name</code> on its brokers; the security guide shows how.</p><//>`)}<//>
    ${added && html`<${AddAcl} state=${state} onClose=${() => setAdded(false)} />`}
    ${removed && html`<${Confirm} title="Remove an ACL" act="Remove" onClose=${() => setRemoved(null)} submit=${remove}><p>No more: ${spoken(removed)}.</p><//>`}
  <//>`;
}

function AddAcl({ state, onClose }) {
  const [acl, setAcl] = useState({ resource_type: "TOPIC", resource_name: "", pattern_type: "LITERAL", principal: "User:", host: "*", operation: "READ", permission: "ALLOW" });
  const set = (name) => (value) => setAcl({ ...acl, [name]: value });
  const submit = async () => {
    await ask("createAcls", { body: { acls: [acl] } });
    tell(`Added: ${spoken(acl)}.`);
    onClose();
    state.reload();
  };
  const cluster = acl.resource_type === "CLUSTER";
  const type = (value) => setAcl({ ...acl, resource_type: value, resource_name: value === "CLUSTER" ? "kafka-cluster" : acl.resource_name, pattern_type: value === "CLUSTER" ? "LITERAL" : acl.pattern_type });
  return html`<${FormDialog} title="Add an ACL" act="Add" disabled=${!acl.resource_name || !/^\w+:./.test(acl.principal)} onClose=${onClose} submit=${submit}>
    <${Choice} label="Permission" value=${acl.permission} options=${[["ALLOW", "Allow"], ["DENY", "Deny"]]} onChange=${set("permission")} />
    <div class="pair"><${Field} label="Principal" first=${true} value=${acl.principal} onChange=${set("principal")} hint="User:ada, or User:* for everybody." />
      <${Field} label="From host" value=${acl.host} onChange=${set("host")} hint="* is anywhere." /></div>
    <${Field} label="Operation" value=${acl.operation} options=${state.data.operations} onChange=${set("operation")} />
    <div class="pair"><${Field} label="Resource" value=${acl.resource_type} options=${state.data.resource_types} onChange=${type} />
      <${Field} label="Name" disabled=${cluster} value=${acl.resource_name} onChange=${set("resource_name")} hint="* is all." /></div>
    <${Choice} label="Pattern" value=${acl.pattern_type} options=${[["LITERAL", "Exactly this name"], ["PREFIXED", "All names that begin so"]]} onChange=${set("pattern_type")} />
  <//>`;
}
