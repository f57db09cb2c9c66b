/** Delegation tokens: who has one, until when; made and shown once, renewed, expired. */

import { html, useState } from "../vendor/preact.js";
import { ask, may } from "../core/api.js";
import { time } from "../core/format.js";
import { useLoad } from "../core/load.js";
import { Code } from "../parts/code.js";
import { Confirm, Dialog, FormDialog } from "../parts/dialog.js";
import { Field } from "../parts/form.js";
import { Icon } from "../parts/icons.js";
import { Empty, Loaded, Notice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { Search, Table } from "../parts/table.js";
import { tell } from "../parts/toast.js";

const HOUR_MS = 3_600_000;

export default function Tokens() {
  const [filter, setFilter] = useState("");
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState(null);
  const [renewed, setRenewed] = useState(null);
  const [expired, setExpired] = useState(null);
  const state = useLoad((signal) => ask("getTokens", { signal }), []);
  const expire = async () => {
    await ask("expireToken", { names: { token: expired.token_id }, body: {} });
    tell(`The token of ${expired.owner} has ended.`);
    setExpired(null);
    state.reload();
  };
  const columns = [
    { name: "id", title: "Token", of: (row) => row.token_id, show: (row) => html`<code>${row.token_id}</code>` },
    { name: "owner", title: "Owner", of: (row) => row.owner },
    { name: "renewers", title: "Renewers", of: (row) => row.renewers.join(" ") },
    { name: "issued", title: "Made", of: (row) => row.issued_ms, show: (row) => time(row.issued_ms) },
    { name: "expires", title: "Expires", of: (row) => row.expires_ms, show: (row) => time(row.expires_ms) },
    { name: "max", title: "At latest", of: (row) => row.max_ms, show: (row) => time(row.max_ms) },
    { name: "acts", title: "", show: (row) => html`${may("token", "renew") && html`<button type="button" class="quiet small" aria-label=${`Renew ${row.token_id}`} onClick=${() => setRenewed(row)}>Renew</button>`}
      ${may("token", "expire") && html`<button type="button" class="quiet small" aria-label=${`Expire ${row.token_id}`} onClick=${() => setExpired(row)}>Expire</button>`}` },
  ];
  const canCreate = may("token", "create") && state.data?.problem === null;
  const create = canCreate && html`<button type="button" class="primary" onClick=${() => setCreating(true)}><${Icon} name="plus" />Make a token</button>`;
  const empty = html`<${Empty} title="No tokens."><p>A token lets a job log in for a while, by SCRAM, without the password of whoever started it.</p><//>`;
  return html`<${Page} title="Delegation tokens" actions=${create}>
    <${Loaded} state=${state} what="Reading tokens">${({ tokens, problem }) => (problem === null
      ? html`<div class="bar"><${Search} label="Search tokens" value=${filter} onChange=${setFilter} /></div>
        <${Table} label="Delegation tokens" columns=${columns} rows=${tokens} keyOf=${(row) => row.token_id} filter=${filter} sort=${{ name: "issued", down: true }} empty=${empty} />`
      : html`<${Empty} title="There are no tokens here."><p>${problem}</p><//>`)}<//>
    ${creating && html`<${CreateToken} onClose=${() => setCreating(false)} onDone=${(token) => { setCreating(false); setMade(token); state.reload(); }} />`}
    ${made && html`<${Made} token=${made} onClose=${() => setMade(null)} />`}
    ${renewed && html`<${Renew} token=${renewed} onClose=${() => setRenewed(null)} onDone=${state.reload} />`}
    ${expired && html`<${Confirm} title="End a token" act="Expire token" onClose=${() => setExpired(null)} submit=${expire}>
      <p>Whoever logs in with <code>${expired.token_id}</code> of ${expired.owner} is refused from now on. Connections that it has stay until they log in again.</p><//>`}
  <//>`;
}

function CreateToken({ onClose, onDone }) {
  const [owner, setOwner] = useState("");
  const [renewers, setRenewers] = useState("");
  const [hours, setHours] = useState("");
  const submit = async () => {
    const body = { renewers: renewers.split(/[\s,]+/).filter(Boolean) };
    if (owner) body.owner = owner;
    if (hours) body.max_lifetime_ms = Math.round(Number(hours) * HOUR_MS);
    onDone(await ask("createToken", { body }));
  };
  return html`<${FormDialog} title="Make a token" act="Make token" onClose=${onClose} submit=${submit}>
    <${Field} label="Owner" first=${true} value=${owner} onChange=${setOwner} placeholder="who the console logs in as" hint="User:NAME; for another the console needs CreateTokens on that user." />
    <${Field} label="Renewers" value=${renewers} onChange=${setRenewers} placeholder="User:NAME User:NAME" hint="Who else may let it live longer." />
    <${Field} label="Hours, at most" type="number" min="0.001" step="any" value=${hours} onChange=${setHours} placeholder="as the brokers say" />
  <//>`;
}

/** Shown once: neither the console nor this page keeps the secret. */
function Made({ token, onClose }) {
  const properties = [
    "sasl.mechanism=SCRAM-SHA-512",
    `sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="${token.token_id}" password="${token.hmac}" tokenauth="true";`,
  ];
  return html`<${Dialog} title="The token" wide=${true} onClose=${onClose}><div class="dialog-body">
    <${Notice} kind="warn">Its HMAC is a password, and is shown only now: copy it.<//>
    <p>It is ${token.owner}'s, and expires at ${time(token.expires_ms)}; it can be renewed until ${time(token.max_ms)}.</p>
    <p>Id</p><${Code} label="Id of the token" text=${token.token_id} language="text" />
    <p>HMAC</p><${Code} label="HMAC of the token" text=${token.hmac} language="text" />
    <p>As <code>client.properties</code></p><${Code} label="client.properties" text=${properties.join("\n")} language="text" />
  </div><footer><button type="button" class="primary" data-first onClick=${onClose}>I have it</button></footer><//>`;
}

function Renew({ token, onClose, onDone }) {
  const [hours, setHours] = useState("");
  const submit = async () => {
    const body = hours ? { period_ms: Math.round(Number(hours) * HOUR_MS) } : {};
    const { expires_ms: expiresMs } = await ask("renewToken", { names: { token: token.token_id }, body });
    tell(`The token of ${token.owner} expires at ${time(expiresMs)}.`);
    onClose();
    onDone();
  };
  return html`<${FormDialog} title=${`Renew the token of ${token.owner}`} act="Renew" onClose=${onClose} submit=${submit}>
    <${Field} label="Hours from now" first=${true} type="number" min="0.001" step="any" value=${hours} onChange=${setHours} placeholder="as the brokers say" hint=${`Never later than ${time(token.max_ms)}.`} />
  <//>`;
}
