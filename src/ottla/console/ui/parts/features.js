/** The features of the cluster, and another level for one of them: first whether the cluster would take it. */

import { html, useState } from "../vendor/preact.js";
import { ask, may } from "../core/api.js";
import { useLoad } from "../core/load.js";
import { FormDialog } from "./dialog.js";
import { Choice, Field } from "./form.js";
import { Loaded, Notice } from "./notice.js";
import { Table } from "./table.js";
import { tell } from "./toast.js";

export function Features() {
  const [changed, setChanged] = useState(null);
  const state = useLoad((signal) => ask("getFeatures", { signal }), []);
  const columns = [
    { name: "name", title: "Feature", of: (row) => row.name, show: (row) => html`<code>${row.name}</code>` },
    { name: "level", title: "Level", number: true, of: (row) => row.level, show: (row) => (row.level === 0 ? html`<span class="muted">off</span>` : row.level) },
    { name: "oldest", title: "Oldest", number: true, of: (row) => row.oldest },
    { name: "latest", title: "Latest", number: true, of: (row) => row.latest },
    { name: "acts", title: "", show: (row) => may("cluster", "alter") && row.latest !== null && html`<button type="button" class="quiet small" aria-label=${`Change ${row.name}`} onClick=${() => setChanged(row)}>Change</button>` },
  ];
  return html`<${Loaded} state=${state} what="Asking for the features">${({ features }) => html`<${Table} label="Features" columns=${columns} rows=${features} keyOf=${(row) => row.name} sort=${{ name: "name" }} empty=${html`<p class="none">None.</p>`} />`}<//>
    ${changed && html`<${ChangeFeature} feature=${changed} onClose=${() => setChanged(null)} onDone=${state.reload} />`}`;
}

const DOWN = [["safe_downgrade", "Only if nothing is lost"], ["unsafe_downgrade", "Even if metadata is lost"]];

function ChangeFeature({ feature, onClose, onDone }) {
  const [level, setLevel] = useState(String(Math.max(feature.level, feature.latest)));
  const [down, setDown] = useState("safe_downgrade");
  const [checked, setChecked] = useState(false);
  const change = (set) => (value) => {
    set(value);
    setChecked(false);
  };
  const isDown = Number(level) < feature.level;
  const submit = async () => {
    const body = { levels: { [feature.name]: Number(level) }, kind: isDown ? down : "upgrade", validate_only: !checked };
    await ask("updateFeatures", { body });
    if (!checked) return setChecked(true);
    tell(level === "0" ? `${feature.name} is off.` : `${feature.name} is at level ${level}.`);
    onClose();
    return onDone();
  };
  const act = checked ? (isDown ? "Lower the level" : "Raise the level") : "Check";
  return html`<${FormDialog} title=${`Change ${feature.name}`} act=${act} danger=${checked && isDown} disabled=${level === "" || Number(level) === feature.level} onClose=${onClose} submit=${submit}>
    <${Field} label="Level" first=${true} type="number" min="0" max=${feature.latest} value=${level} onChange=${change(setLevel)} hint=${`Now ${feature.level}; the nodes know ${feature.oldest} to ${feature.latest}. 0 takes it away.`} />
    ${isDown && html`<${Choice} label="Lower it" value=${down} options=${DOWN} onChange=${change(setDown)} />`}
    ${checked && html`<${Notice} kind=${isDown ? "warn" : "info"}>The cluster would take it. ${isDown ? "" : "Older releases cannot read what is written afterwards."}<//>`}
  <//>`;
}
