/** One connector: its state and its tasks, its config, its offsets; pausing, stopping, starting again. */

import { html, useState } from "../vendor/preact.js";
import { ask, may } from "../core/api.js";
import { useLoad } from "../core/load.js";
import { address, go } from "../core/router.js";
import { Code } from "../parts/code.js";
import { ConnectorForm } from "../parts/connector_form.js";
import { ConnectorLogs } from "../parts/connector_logs.js";
import { Confirm, FormDialog } from "../parts/dialog.js";
import { Field } from "../parts/form.js";
import { Empty, Loaded, State } from "../parts/notice.js";
import { Figures, Page, Panel } from "../parts/page.js";
import { Table } from "../parts/table.js";
import { Tabs } from "../parts/tabs.js";
import { tell, tellError } from "../parts/toast.js";

const EVERY_MS = 3000;
const TABS = [["", "Status"], ["config", "Config"], ["offsets", "Offsets"], ["logs", "Logs"]];

export default function Connector({ path }) {
  const [name, tab = ""] = path;
  const [deleting, setDeleting] = useState(false);
  const names = { name };
  const state = useLoad((signal) => ask("getConnector", { signal, names }), [name], { everyMs: EVERY_MS });
  const act = async (route, said, body) => {
    try {
      await ask(route, { names, body });
      tell(`${name} ${said}.`);
    } catch (error) {
      tellError(error);
    }
    state.reload();
  };
  const mayOperate = may("connector", "operate", name);
  const running = state.data?.state;
  const actions = state.data && html`${mayOperate && html`
      ${running !== "PAUSED" && running !== "STOPPED" && html`<button type="button" onClick=${() => act("pauseConnector", "pauses")}>Pause</button>`}
      ${(running === "PAUSED" || running === "STOPPED") && html`<button type="button" class="primary" onClick=${() => act("resumeConnector", "goes on")}>Resume</button>`}
      <button type="button" onClick=${() => act("restartConnector", "starts again", { include_tasks: true, only_failed: false })}>Restart</button>
      ${running !== "STOPPED" && html`<button type="button" onClick=${() => act("stopConnector", "stops")}>Stop</button>`}`}
    ${may("connector", "delete", name) && html`<button type="button" class="danger" onClick=${() => setDeleting(true)}>Delete</button>`}`;
  return html`<${Page} title=${name} crumbs=${[["Connect", ["connect"]]]} badge=${state.data && html`<${State} name=${state.data.state} />`} actions=${actions}>
    <${Tabs} label="Connector" path=${["connect", name]} tabs=${TABS} current=${tab} />
    <${Loaded} state=${state} what="Asking the worker">${(connector) => {
      if (tab === "config") return html`<${Config} connector=${connector} reload=${state.reload} />`;
      if (tab === "logs") return html`<${ConnectorLogs} connector=${connector} />`;
      if (tab === "offsets") return html`<${Offsets} connector=${connector} />`;
      return html`<${Status} connector=${connector} mayOperate=${mayOperate} reload=${state.reload} />`;
    }}<//>
    ${deleting && html`<${DeleteConnector} name=${name} onClose=${() => setDeleting(false)} />`}
  <//>`;
}

function Status({ connector, mayOperate, reload }) {
  const restart = async (id) => {
    try {
      await ask("restartTask", { names: { name: connector.name, id } });
      tell(`Task ${id} starts again.`);
    } catch (error) {
      tellError(error);
    }
    reload();
  };
  const columns = [
    { name: "id", title: "Task", number: true, of: (row) => row.id },
    { name: "state", title: "State", of: (row) => row.state, show: (row) => html`<${State} name=${row.state} />` },
    { name: "worker", title: "Worker", of: (row) => row.worker_id, wide: true },
    { name: "restart", title: "", show: (row) => mayOperate && html`<button type="button" class="quiet small" aria-label=${`Restart task ${row.id}`} onClick=${() => restart(row.id)}>Restart</button>` },
  ];
  const broken = [{ name: connector.name, trace: connector.trace }, ...connector.tasks.map((task) => ({ name: `task ${task.id}`, trace: task.trace }))].filter((each) => each.trace);
  return html`<${Figures} items=${[["Type", connector.type], ["Class", html`<code>${connector.class}</code>`], ["Worker", connector.worker_id], ["Topics", (connector.topics ?? []).map((topic, index) => html`${index ? ", " : ""}<a key=${topic} href=${address(["topics", topic])}>${topic}</a>`)]]} />
    ${broken.map((each) => html`<${Panel} key=${each.name} title=${`Why ${each.name} failed`}><${Code} label=${`Trace of ${each.name}`} text=${each.trace} language="text" /><//>`)}
    <${Panel} title="Tasks" flush=${true}><${Table} label="Tasks" columns=${columns} rows=${connector.tasks} keyOf=${(row) => row.id} sort=${{ name: "id" }} empty=${html`<${Empty} title="No tasks."><p>A stopped connector has none; one that just started makes them now.</p><//>`} /><//>`;
}

function Config({ connector, reload }) {
  const save = async (config) => {
    const { name, ...rest } = config;
    await ask("setConnectorConfig", { names: { name: connector.name }, body: { config: { ...rest, name: connector.name } } });
    tell(`${connector.name} has its new config, and starts again with it.`);
    reload();
  };
  return html`<${ConnectorForm} pluginClass=${connector.class} first=${connector.config} act="Save" disabled=${!may("connector", "alter", connector.name)} save=${save} />`;
}

function Offsets({ connector }) {
  const [edited, setEdited] = useState(null);
  const [resetting, setResetting] = useState(false);
  const names = { name: connector.name };
  const state = useLoad((signal) => ask("getConnectorOffsets", { signal, names }), [connector.name]);
  const isStopped = connector.state === "STOPPED";
  const canChange = isStopped && may("connector", "alter", connector.name);
  const columns = [
    { name: "partition", title: "Of", of: (row) => JSON.stringify(row.partition), show: (row) => html`<code>${JSON.stringify(row.partition)}</code>`, wide: true },
    { name: "offset", title: "Is at", of: (row) => JSON.stringify(row.offset), show: (row) => html`<code>${JSON.stringify(row.offset)}</code>`, wide: true },
    { name: "change", title: "", show: (row) => canChange && html`<button type="button" class="quiet small" aria-label=${`Change the offset of ${JSON.stringify(row.partition)}`} onClick=${() => setEdited(row)}>Change</button>` },
  ];
  const reset = async () => {
    const { message } = await ask("deleteConnectorOffsets", { names });
    tell(message);
    setResetting(false);
    state.reload();
  };
  return html`<div class="bar"><p class="muted">${isStopped ? "The connector is stopped: its offsets may be changed." : "Offsets may be changed while the connector is stopped."}</p>
      ${canChange && html`<button type="button" class="danger" onClick=${() => setResetting(true)}>Begin anew</button>`}</div>
    <${Loaded} state=${state} what="Reading offsets">${({ offsets }) => html`<${Table} label="Offsets" columns=${columns} rows=${offsets} keyOf=${(row) => JSON.stringify(row.partition)} sort=${{ name: "partition" }} empty=${html`<${Empty} title="No offsets yet."><p>They are written as records go through.</p><//>`} />`}<//>
    ${edited && html`<${EditOffset} connector=${connector} row=${edited} onClose=${() => setEdited(null)} reload=${state.reload} />`}
    ${resetting && html`<${Confirm} title=${`All offsets of ${connector.name}`} act="Begin anew" name=${connector.name} onClose=${() => setResetting(false)} submit=${reset}><p>The connector forgets how far it was, and does everything again.</p><//>`}`;
}

function EditOffset({ connector, row, onClose, reload }) {
  const [text, setText] = useState(JSON.stringify(row.offset, null, 2));
  const submit = async () => {
    const { message } = await ask("setConnectorOffsets", { names: { name: connector.name }, body: { offsets: [{ partition: row.partition, offset: JSON.parse(text) }] } });
    tell(message);
    onClose();
    reload();
  };
  return html`<${FormDialog} title="Change an offset" act="Save" onClose=${onClose} submit=${submit}>
    <p>Of <code>${JSON.stringify(row.partition)}</code></p>
    <${Field} label="Offset" rows=${5} first=${true} value=${text} onChange=${setText} hint="JSON; null forgets it." />
  <//>`;
}

function DeleteConnector({ name, onClose }) {
  const submit = async () => {
    await ask("deleteConnector", { names: { name } });
    tell(`${name} is deleted.`);
    go(["connect"]);
  };
  return html`<${Confirm} title=${`Delete ${name}`} act="Delete connector" name=${name} onClose=${onClose} submit=${submit}><p>Its tasks stop. A connector that is made anew by this name goes on from its offsets, unless they are forgotten first.</p><//>`;
}
