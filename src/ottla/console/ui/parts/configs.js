/** The settings of a topic or a broker: what is set, what it would be otherwise, changed one at a time. */

import { html, useState } from "../vendor/preact.js";
import { Badge } from "./notice.js";
import { FormDialog } from "./dialog.js";
import { Check, Field } from "./form.js";
import { Search, Table } from "./table.js";
import { tell } from "./toast.js";

/** `save({ set, delete })` changes them; `canChange` says whether it may be asked. */
export function Configs({ label, configs, canChange, save }) {
  const [filter, setFilter] = useState("");
  const [onlySet, setOnlySet] = useState(false);
  const [edited, setEdited] = useState(null);
  const rows = onlySet ? configs.filter((config) => !config.is_default) : configs;
  const columns = [
    { name: "name", title: "Setting", of: (row) => row.name, show: (row) => html`<code>${row.name}</code>${row.documentation && html`<small class="muted block">${row.documentation}</small>`}` },
    { name: "value", title: "Value", of: (row) => row.value ?? "", show: (row) => (row.sensitive ? html`<span class="muted">hidden</span>` : row.value === null ? null : row.value === "" ? html`<span class="muted">empty</span>` : html`<code class=${row.is_default ? "" : "is-set"}>${row.value}</code>`), wide: true },
    { name: "source", title: "From", of: (row) => row.source, show: (row) => html`<${Badge} kind=${row.is_default ? "" : "accent"}>${row.source}<//>` },
    { name: "change", title: "", show: (row) => canChange && !row.read_only && html`<button type="button" class="quiet small" aria-label=${`Change ${row.name}`} onClick=${() => setEdited(row)}>Change</button>` },
  ];
  return html`<div class="bar"><${Search} label="Search settings" value=${filter} onChange=${setFilter} />
      <${Check} label="Only what is set" checked=${onlySet} onChange=${setOnlySet} /></div>
    <${Table} label=${label} columns=${columns} rows=${rows} keyOf=${(row) => row.name} filter=${filter} sort=${{ name: "name" }} />
    ${edited && html`<${EditConfig} config=${edited} save=${save} onClose=${() => setEdited(null)} />`}`;
}

function EditConfig({ config, save, onClose }) {
  const [value, setValue] = useState(config.value ?? "");
  const done = async (change, message) => {
    await save(change);
    tell(message);
    onClose();
  };
  const [error, setError] = useState(null);
  const restore = () => done({ delete: [config.name] }, `${config.name} is what it was by default.`).catch(setError);
  const options = config.type === "boolean" ? ["true", "false"] : undefined;
  return html`<${FormDialog} title=${`Change ${config.name}`} act="Save" onClose=${onClose}
      submit=${() => done({ set: { [config.name]: value } }, `${config.name} is ${value}.`)}>
    <${Field} label="Value" first=${true} value=${value} onChange=${setValue} options=${options} error=${error?.message}
      hint=${config.default === null ? null : `By default: ${config.default || "empty"}`} type=${config.sensitive ? "password" : "text"} />
    ${!config.is_default && html`<button type="button" onClick=${restore}>Back to the default</button>`}
  <//>`;
}
