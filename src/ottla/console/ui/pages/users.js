/** SCRAM users, and quotas of users, clients and addresses. */

import { html, useState } from "../vendor/preact.js";
import { ask, may } from "../core/api.js";
import { bytes, count } from "../core/format.js";
import { useLoad } from "../core/load.js";
import { Confirm, FormDialog } from "../parts/dialog.js";
import { Field } from "../parts/form.js";
import { Icon } from "../parts/icons.js";
import { Badge, Empty, Loaded } from "../parts/notice.js";
import { Page, Panel } from "../parts/page.js";
import { Table } from "../parts/table.js";
import { tell } from "../parts/toast.js";

export default function Users() {
  return html`<${Page} title="Users and quotas">
    ${may("user", "view") && html`<${ScramUsers} />`}
    ${may("quota", "view") && html`<${Quotas} />`}
  <//>`;
}

function ScramUsers() {
  const [edited, setEdited] = useState(null);
  const [removed, setRemoved] = useState(null);
  const state = useLoad((signal) => ask("getUsers", { signal }), []);
  const mayAlter = may("user", "alter");
  const columns = [
    { name: "name", title: "User", of: (row) => row.name },
    { name: "credentials", title: "Credentials", of: (row) => row.credentials.map((each) => each.mechanism).join(" "), show: (row) => row.credentials.map((each) => html`<${Badge} key=${each.mechanism}>${each.mechanism}, ${count(each.iterations)}<//> `), wide: true },
    { name: "acts", title: "", show: (row) => mayAlter && html`<button type="button" class="quiet small" aria-label=${`Change the password of ${row.name}`} onClick=${() => setEdited(row.name)}>Password</button>
      <button type="button" class="quiet small" aria-label=${`Delete ${row.name}`} onClick=${() => setRemoved(row)}>Delete</button>` },
  ];
  const add = mayAlter && html`<button type="button" onClick=${() => setEdited("")}><${Icon} name="plus" />Add a user</button>`;
  const remove = async () => {
    for (const { mechanism } of removed.credentials) await ask("deleteUser", { names: { user: removed.name }, query: { mechanism } });
    tell(`${removed.name} is deleted.`);
    setRemoved(null);
    state.reload();
  };
  const empty = html`<${Empty} title="No SCRAM users."><p>They are for listeners with <code>SASL</code>: a name and a password, kept by the cluster itself.</p><//>`;
  return html`<${Panel} title="SCRAM users" actions=${add} flush=${true}>
    <${Loaded} state=${state} what="Reading users">${({ users }) => html`<${Table} label="SCRAM users" columns=${columns} rows=${users} keyOf=${(row) => row.name} sort=${{ name: "name" }} empty=${empty} />`}<//>
    ${edited !== null && html`<${UserDialog} name=${edited} mechanisms=${state.data.mechanisms} onClose=${() => setEdited(null)} onDone=${state.reload} />`}
    ${removed && html`<${Confirm} title=${`Delete ${removed.name}`} act="Delete user" name=${removed.name} onClose=${() => setRemoved(null)} submit=${remove}><p>Connections that it has stay; new ones are refused.</p><//>`}
  <//>`;
}

function UserDialog({ name, mechanisms, onClose, onDone }) {
  const [user, setUser] = useState(name);
  const [password, setPassword] = useState("");
  const [mechanism, setMechanism] = useState(mechanisms.at(-1));
  const [iterations, setIterations] = useState("8192");
  const submit = async () => {
    await ask("setUser", { names: { user }, body: { password, mechanism, iterations: Number(iterations) } });
    tell(`${user} may sign in with ${mechanism}.`);
    onClose();
    onDone();
  };
  return html`<${FormDialog} title=${name ? `Password of ${name}` : "Add a user"} act="Save" disabled=${!user || !password} onClose=${onClose} submit=${submit}>
    ${!name && html`<${Field} label="Name" first=${true} value=${user} onChange=${setUser} />`}
    <${Field} label="Password" type="password" first=${Boolean(name)} autocomplete="new-password" value=${password} onChange=${setPassword} />
    <div class="pair"><${Field} label="Mechanism" value=${mechanism} options=${mechanisms} onChange=${setMechanism} />
      <${Field} label="Iterations" type="number" min="4096" max="16384" value=${iterations} onChange=${setIterations} /></div>
  <//>`;
}

const KINDS = { user: "user", "client-id": "client", ip: "address" };

function entityText(entity) {
  return Object.entries(entity).map(([kind, name]) => `${KINDS[kind] ?? kind} ${name === "" ? "(default)" : name}`).join(", ");
}

function valueText(key, value) {
  if (key.endsWith("byte_rate")) return `${bytes(value)}/s`;
  return key === "request_percentage" ? `${value} %` : `${count(value)}/s`;
}

function Quotas() {
  const [edited, setEdited] = useState(null);
  const state = useLoad((signal) => ask("getQuotas", { signal }), []);
  const mayAlter = may("quota", "alter");
  const columns = [
    { name: "entity", title: "Of", of: (row) => entityText(row.entity) },
    { name: "values", title: "At most", of: (row) => Object.keys(row.values).join(" "), show: (row) => Object.entries(row.values).map(([key, value]) => html`<span key=${key} class="pairing"><code>${key}</code> ${valueText(key, value)}</span> `), wide: true },
    { name: "acts", title: "", show: (row) => mayAlter && html`<button type="button" class="quiet small" aria-label=${`Change the quota of ${entityText(row.entity)}`} onClick=${() => setEdited(row)}>Change</button>` },
  ];
  const add = mayAlter && html`<button type="button" onClick=${() => setEdited({ entity: {}, values: {} })}><${Icon} name="plus" />Set a quota</button>`;
  return html`<${Panel} title="Quotas" actions=${add} flush=${true}>
    <${Loaded} state=${state} what="Reading quotas">${({ quotas }) => html`<${Table} label="Quotas" columns=${columns} rows=${quotas} keyOf=${(row) => JSON.stringify(row.entity)} sort=${{ name: "entity" }}
      empty=${html`<${Empty} title="No quotas."><p>Everybody may write and read as fast as the brokers do.</p><//>`} />`}<//>
    ${edited && html`<${QuotaDialog} row=${edited} keys=${state.data.keys} onClose=${() => setEdited(null)} onDone=${state.reload} />`}
  <//>`;
}

function QuotaDialog({ row, keys, onClose, onDone }) {
  const isNew = Object.keys(row.entity).length === 0;
  const [kind, setKind] = useState("user");
  const [name, setName] = useState("");
  const [values, setValues] = useState(Object.fromEntries(keys.map((key) => [key, row.values[key] ?? ""])));
  const entity = isNew ? { [kind]: name } : row.entity;
  const shown = keys.filter((key) => (key === "connection_creation_rate") === "ip" in entity);
  const submit = async () => {
    const changed = shown.filter((key) => String(values[key]) !== String(row.values[key] ?? ""));
    await ask("setQuota", { body: { entity, values: Object.fromEntries(changed.map((key) => [key, values[key] === "" ? null : Number(values[key])])) } });
    tell(`The quota of ${entityText(entity)} is set.`);
    onClose();
    onDone();
  };
  return html`<${FormDialog} title=${isNew ? "Set a quota" : `Quota of ${entityText(entity)}`} act="Save" onClose=${onClose} submit=${submit}>
    ${isNew && html`<div class="pair"><${Field} label="Of a" value=${kind} options=${Object.entries(KINDS)} onChange=${setKind} />
      <${Field} label="Name" first=${true} value=${name} onChange=${setName} hint="Empty: everybody who has none of their own." /></div>`}
    ${shown.map((key) => html`<${Field} key=${key} label=${key} type="number" min="0" step="any" value=${values[key]} onChange=${(value) => setValues({ ...values, [key]: value })} placeholder="no bound" />`)}
  <//>`;
}
