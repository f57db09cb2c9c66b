/** One subject: its versions, two of them beside each other, its level, a new version. */

import { html, useState } from "../vendor/preact.js";
import { ask, may } from "../core/api.js";
import { plural } from "../core/format.js";
import { useLoad } from "../core/load.js";
import { address, amend, go } from "../core/router.js";
import { Code } from "../parts/code.js";
import { Diff } from "../parts/diff.js";
import { Confirm } from "../parts/dialog.js";
import { Check, Field } from "../parts/form.js";
import { Icon } from "../parts/icons.js";
import { Badge, Failure, Loaded } from "../parts/notice.js";
import { Figures, Page, Panel } from "../parts/page.js";
import { RegisterDialog } from "../parts/register_dialog.js";
import { tell, tellError } from "../parts/toast.js";

export default function Schema({ path, query }) {
  const [name] = path;
  const [open, setOpen] = useState(null);
  const subject = useLoad((signal) => ask("getSubject", { signal, names: { subject: name } }), [name]);
  const registry = useLoad((signal) => ask("getRegistry", { signal }), []);
  const versions = subject.data?.versions ?? [];
  const shown = versions.find((each) => String(each.version) === query.version) ?? versions.at(-1);
  const beside = versions.find((each) => String(each.version) === query.beside) ?? null;
  const close = () => setOpen(null);
  const actions = subject.data && html`
    ${may("subject", "register", name) && html`<button type="button" class="primary" onClick=${() => setOpen("register")}><${Icon} name="plus" />New version</button>`}
    ${may("subject", "delete", name) && html`<button type="button" class="danger" onClick=${() => setOpen("delete")}>Delete</button>`}`;
  return html`<${Page} title=${name} crumbs=${[["Schemas", ["schemas"]]]} actions=${actions} badge=${shown && html`<${Badge}>${shown.schema_type}<//>`}>
    <${Failure} error=${registry.error} retry=${registry.reload} />
    <${Loaded} state=${subject} what="Reading the subject">${(data) => html`
      <${Figures} items=${[["Versions", plural(versions.length, "version")], ["Id of the latest", versions.at(-1)?.id ?? "–"], ["Compatibility", html`<${Level} subject=${data} levels=${registry.data?.levels ?? [data.effective_level]} reload=${subject.reload} />`]]} />
      ${shown && html`<${Versions} versions=${versions} shown=${shown} beside=${beside} />`}`}<//>
    ${open === "register" && html`<${RegisterDialog} latest=${versions.at(-1) ?? { subject: name, schema_type: "AVRO", readable: "" }} types=${registry.data?.types ?? ["AVRO"]} onClose=${close} onDone=${() => { close(); subject.reload(); amend({ version: "", beside: "" }); }} />`}
    ${open === "delete" && html`<${DeleteDialog} name=${name} versions=${versions} shown=${shown} onClose=${close} reload=${subject.reload} />`}
  <//>`;
}

function Level({ subject, levels, reload }) {
  const set = async (event) => {
    try {
      await ask("setSubjectLevel", { names: { subject: subject.name }, body: { level: event.target.value || null } });
      tell(`Compatibility of ${subject.name} is changed.`);
    } catch (error) {
      tellError(error);
    }
    reload();
  };
  return html`<select aria-label="Compatibility of the subject" value=${subject.level ?? ""} disabled=${!may("subject", "alter", subject.name)} onChange=${set}>
    <option value="">as the registry (${subject.effective_level})</option>${levels.map((level) => html`<option key=${level} value=${level}>${level}</option>`)}</select>`;
}

function Versions({ versions, shown, beside }) {
  const options = [...versions].reverse().map((each) => [String(each.version), `Version ${each.version} (schema ${each.id})`]);
  return html`<${Panel} title="Schema">
    <div class="bar">
      <${Field} label="Version" value=${String(shown.version)} options=${options} onChange=${(version) => amend({ version })} />
      <${Field} label="Beside" value=${beside ? String(beside.version) : ""} options=${[["", "nothing"], ...options]} onChange=${(next) => amend({ beside: next })} />
      ${!beside && shown.version > versions[0].version && html`<button type="button" onClick=${() => amend({ beside: String(versions[versions.indexOf(shown) - 1].version) })}>Compare with the one before</button>`}
    </div>
    ${shown.references?.length > 0 && html`<p class="muted">Refers to ${shown.references.map((each, index) => html`${index ? ", " : ""}<a href=${address(["schemas", each.subject], { version: each.version })}>${each.name}</a>`)}</p>`}
    ${beside ? html`<${Diff} before=${older(shown, beside).readable} after=${newer(shown, beside).readable} names=${[`Version ${older(shown, beside).version}`, `Version ${newer(shown, beside).version}`]} />`
      : html`<${Code} label=${`Schema of version ${shown.version}`} text=${shown.readable} />`}
    <${UsedBy} id=${shown.id} />
  <//>`;
}

const older = (one, other) => (one.version < other.version ? one : other);
const newer = (one, other) => (one.version < other.version ? other : one);

function UsedBy({ id }) {
  const state = useLoad((signal) => ask("getSchema", { signal, names: { id } }), [id]);
  const others = state.data?.used_by ?? [];
  if (others.length < 2) return null;
  return html`<p class="muted">The same schema is ${others.map((each, index) => html`${index ? ", " : ""}<a key=${each.subject} href=${address(["schemas", each.subject], { version: each.version })}>${each.subject} version ${each.version}</a>`)}.</p>`;
}

function DeleteDialog({ name, versions, shown, onClose, reload }) {
  const [what, setWhat] = useState(versions.length > 1 ? "version" : "subject");
  const [permanent, setPermanent] = useState(false);
  const submit = async () => {
    const query = { permanent };
    if (what === "subject") {
      await ask("deleteSubject", { names: { subject: name }, query });
      tell(`${name} is deleted.`);
      return go(["schemas"]);
    }
    await ask("deleteVersion", { names: { subject: name, version: shown.version }, query });
    tell(`Version ${shown.version} of ${name} is deleted.`);
    onClose();
    return reload();
  };
  return html`<${Confirm} title=${`Delete of ${name}`} act="Delete" name=${name} onClose=${onClose} submit=${submit}>
    <${Field} label="What" value=${what} options=${[["version", `Version ${shown?.version}`], ["subject", "The subject with all its versions"]]} onChange=${setWhat} />
    <p>What is deleted can still be read by its id, so records stay readable, until it is deleted permanently.</p>
    <${Check} label="Permanently (it must have been deleted before)" checked=${permanent} onChange=${setPermanent} />
  <//>`;
}
