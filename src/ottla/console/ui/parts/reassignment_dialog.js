/** Replicas set on their way: first what would move, then, after a look, for real. */

import { html, useState } from "../vendor/preact.js";
import { ask } from "../core/api.js";
import { plural } from "../core/format.js";
import { useLoad } from "../core/load.js";
import { FormDialog } from "./dialog.js";
import { Check, Field } from "./form.js";
import { Loaded, Notice } from "./notice.js";
import { Table } from "./table.js";
import { tell, tellError } from "./toast.js";

const MIB = 1024 * 1024;
const COLUMNS = [
  { name: "topic", title: "Topic", of: (row) => row.topic },
  { name: "partition", title: "Partition", number: true, of: (row) => row.partition },
  { name: "replicas", title: "Now", of: (row) => row.replicas.join(" ") },
  { name: "proposed", title: "Then", of: (row) => row.proposed.join(" ") },
];

export function MoveReplicas({ isBeside, onClose, onDone }) {
  const [topic, setTopic] = useState("");
  const [left, setLeft] = useState([]);
  const [factor, setFactor] = useState("");
  const [throttle, setThrottle] = useState("");
  const [plan, setPlan] = useState(null);
  const topics = useLoad((signal) => ask("getTopics", { signal, query: { internal: true } }), []);
  const brokers = useLoad((signal) => ask("getBrokers", { signal }), []);
  const change = (set) => (value) => {
    set(value);
    setPlan(null);
  };
  const active = (brokers.data?.brokers ?? []).filter((each) => !each.fenced).map((each) => each.broker_id);
  const onto = active.filter((each) => !left.includes(each));
  const propose = () => {
    const body = { brokers: onto };
    if (topic) body.topics = [topic];
    if (factor) body.replication_factor = Number(factor);
    return ask("proposeReassignments", { body });
  };
  const start = async () => {
    const partitions = plan.changes.map(({ topic: name, partition, proposed }) => ({ topic: name, partition, replicas: proposed }));
    const body = { partitions, additional: isBeside };
    if (throttle) body.throttle_bytes_per_s = Math.round(Number(throttle) * MIB);
    const { started, refused } = await ask("startReassignments", { body });
    if (refused.length) tellError({ message: `${plural(refused.length, "partition")} would not move: ${refused[0].topic}-${refused[0].partition}, ${refused[0].error}.`, hint: refused[0].message });
    if (started) tell(`${plural(started, "partition")} set on the way.`);
    onClose();
    onDone();
  };
  const submit = async () => (plan ? start() : setPlan(await propose()));
  const act = plan ? `Move ${plural(plan.changes.length, "partition")}` : "Propose";
  return html`<${FormDialog} title="Move replicas" act=${act} wide=${true} disabled=${onto.length === 0 || plan?.changes.length === 0} onClose=${onClose} submit=${submit}>
    <${Loaded} state=${topics} what="Reading topics">${({ topics: all }) => html`<div class="pair">
      <${Field} label="Topic" value=${topic} options=${[["", "All that you see"], ...all.map(({ name }) => [name, name])]} onChange=${change(setTopic)} />
      <${Field} label="Replicas" type="number" min="1" max=${active.length} value=${factor} onChange=${change(setFactor)} placeholder="as many as now" /></div>`}<//>
    <fieldset class="field"><legend>Onto brokers</legend>
      ${active.map((broker) => html`<${Check} key=${broker} label=${`Broker ${broker}`} checked=${!left.includes(broker)} onChange=${(on) => change(setLeft)(on ? left.filter((each) => each !== broker) : [...left, broker])} />`)}</fieldset>
    <${Field} label="At most, MiB a second and broker" type="number" min="0.001" step="any" value=${throttle} onChange=${setThrottle} placeholder="as fast as it goes" hint="Until you take it away again, when all is moved." />
    ${isBeside && html`<${Notice} kind="warn">Others are on the move already: this goes on beside them.<//>`}
    ${plan && html`<p role="status">${plural(plan.changes.length, "partition")} of ${plan.partitions} would change, ${plural(plan.copied_replicas, "replica")} would be copied.</p>
      <${Table} label="What would change" columns=${COLUMNS} rows=${plan.changes} keyOf=${(row) => `${row.topic} ${row.partition}`} empty=${html`<p class="none">Nothing: replicas are spread evenly over these brokers already.</p>`} />`}
  <//>`;
}
