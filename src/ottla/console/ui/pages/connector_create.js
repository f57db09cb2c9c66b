/** A new connector: which class, then its config with what the worker says of each field. */

import { html, useState } from "../vendor/preact.js";
import { ask } from "../core/api.js";
import { useLoad } from "../core/load.js";
import { amend, go } from "../core/router.js";
import { ConnectorForm } from "../parts/connector_form.js";
import { Field } from "../parts/form.js";
import { Badge, Empty, Loaded } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { Search } from "../parts/table.js";
import { tell } from "../parts/toast.js";

const KINDS = new Set(["source", "sink"]);

export default function CreateConnector({ query }) {
  const plugins = useLoad((signal) => ask("getPlugins", { signal }), []);
  const chosen = query.class;
  return html`<${Page} title="New connector" crumbs=${[["Connect", ["connect"]]]}>
    ${chosen ? html`<${Configure} pluginClass=${chosen} />`
      : html`<${Loaded} state=${plugins} what="Asking the worker">${(data) => html`<${Choose} plugins=${data.plugins.filter((plugin) => KINDS.has(plugin.type))} />`}<//>`}
  <//>`;
}

function Choose({ plugins }) {
  const [filter, setFilter] = useState("");
  const shown = plugins.filter((plugin) => plugin.class.toLowerCase().includes(filter.toLowerCase()));
  return html`<div class="bar"><${Search} label="Search classes" value=${filter} onChange=${setFilter} /></div>
    ${shown.length === 0 && html`<${Empty} title="No such class."><p>The worker has ${plugins.length} classes of connectors.</p><//>`}
    <ul class="cards">${shown.map((plugin) => html`<li key=${plugin.class}>
      <button type="button" class="card-button" onClick=${() => amend({ class: plugin.class }, { replace: false })}>
        <strong>${plugin.class.split(".").at(-1)}</strong><${Badge} kind=${plugin.type === "source" ? "accent" : ""}>${plugin.type}<//>
        <small class="muted mono">${plugin.class}</small><small class="muted">${plugin.version}</small></button></li>`)}</ul>`;
}

function Configure({ pluginClass }) {
  const [state, setState] = useState("RUNNING");
  const create = async (config) => {
    const { name, ...rest } = config;
    if (!name) throw Object.assign(new Error("The connector has no name."), { hint: "Write one in the field 'name'." });
    const made = await ask("createConnector", { body: { name, config: rest, initial_state: state } });
    tell(`${made.name} is created.`);
    go(["connect", made.name]);
  };
  return html`<${ConnectorForm} pluginClass=${pluginClass} first=${{ "connector.class": pluginClass, "tasks.max": "1" }} act="Create connector" save=${create}>
    <${Field} label="Begins" value=${state} options=${[["RUNNING", "running"], ["PAUSED", "paused"], ["STOPPED", "stopped"]]} onChange=${setState} />
  <//>`;
}
