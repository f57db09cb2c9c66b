/** What changes a topic: create, more partitions, delete records, delete. */

import { html, useState } from "../vendor/preact.js";
import { ask } from "../core/api.js";
import { count, plural } from "../core/format.js";
import { go } from "../core/router.js";
import { Confirm, FormDialog } from "./dialog.js";
import { Choice, Field } from "./form.js";
import { tell } from "./toast.js";

const KEEP = [["", "As the cluster says"], ["3600000", "1 hour"], ["86400000", "1 day"], ["604800000", "7 days"], ["2592000000", "30 days"], ["-1", "Forever"]];

export function CreateTopic({ onClose }) {
  const [name, setName] = useState("");
  const [partitions, setPartitions] = useState("");
  const [replicas, setReplicas] = useState("");
  const [policy, setPolicy] = useState("delete");
  const [keep, setKeep] = useState("");
  const [more, setMore] = useState("");
  const wrong = name && !/^[A-Za-z0-9._-]{1,249}$/.test(name) ? "Letters, digits, '.', '_' and '-', at most 249 of them." : null;
  const submit = async () => {
    const configs = parseConfigs(more);
    if (policy !== "delete") configs["cleanup.policy"] = policy;
    if (keep && policy !== "compact") configs["retention.ms"] = keep;
    const body = { name, configs };
    if (partitions) body.partitions = Number(partitions);
    if (replicas) body.replication_factor = Number(replicas);
    const created = await ask("createTopic", { body });
    tell(`${created.name} has been created, with ${plural(created.partitions, "partition")}.`);
    go(["topics", created.name]);
  };
  return html`<${FormDialog} title="Create a topic" act="Create topic" disabled=${!name || Boolean(wrong)} onClose=${onClose} submit=${submit}>
    <${Field} label="Name" first=${true} required value=${name} onChange=${setName} error=${wrong} />
    <div class="pair">
      <${Field} label="Partitions" type="number" min="1" value=${partitions} onChange=${setPartitions} placeholder="as the cluster says" hint="How many may read side by side." />
      <${Field} label="Replicas" type="number" min="1" value=${replicas} onChange=${setReplicas} placeholder="as the cluster says" hint="How many brokers have each record." />
    </div>
    <${Choice} label="What is kept" value=${policy} onChange=${setPolicy} options=${[["delete", "Records of some time"], ["compact", "The last of each key"], ["compact,delete", "Both"]]} />
    ${policy !== "compact" && html`<${Field} label="Kept for" value=${keep} onChange=${setKeep} options=${KEEP} />`}
    <${Field} label="More settings" rows=${3} value=${more} onChange=${setMore} placeholder="max.message.bytes=2097152" hint="One a line, name=value." />
  <//>`;
}

/** Lines of `name=value`. Raises what is wrong as an error to be shown. */
export function parseConfigs(text) {
  const configs = {};
  for (const line of text.split("\n").map((each) => each.trim()).filter((each) => each && !each.startsWith("#"))) {
    const at = line.indexOf("=");
    if (at < 1) throw Object.assign(new Error(`'${line}' is no setting.`), { hint: "Write name=value, one a line." });
    configs[line.slice(0, at).trim()] = line.slice(at + 1).trim();
  }
  return configs;
}

export function AddPartitions({ topic, onClose, onDone }) {
  const [many, setMany] = useState(String(topic.partitions + 1));
  const submit = async () => {
    const { partitions } = await ask("addPartitions", { names: { topic: topic.name }, body: { count: Number(many) } });
    tell(`${topic.name} has ${plural(partitions, "partition")} now.`);
    onDone();
  };
  return html`<${FormDialog} title=${`Add partitions to ${topic.name}`} act="Add partitions" onClose=${onClose} submit=${submit}>
    <p>Keys may come into other partitions afterwards than their earlier records. Partitions cannot be taken away again.</p>
    <${Field} label="Partitions in all" first=${true} type="number" min=${topic.partitions + 1} value=${many} onChange=${setMany} hint=${`Now ${count(topic.partitions)}.`} />
  <//>`;
}

export function DeleteRecords({ topic, onClose, onDone }) {
  const [before, setBefore] = useState("end");
  const submit = async () => {
    const { low_watermarks: starts } = await ask("deleteRecords", { names: { topic: topic.name }, body: { before } });
    tell(`Records of ${plural(Object.keys(starts).length, "partition")} of ${topic.name} are deleted.`);
    onDone();
  };
  return html`<${Confirm} title=${`Delete records of ${topic.name}`} act="Delete records" name=${topic.name} onClose=${onClose} submit=${submit}>
    <p>Every record before that is gone, for everybody, in all partitions.</p>
    <${Field} label="Before" value=${before} onChange=${setBefore} hint="end, an offset, a time (2026-11-29T08:00), or so long ago (2h, 3d)." />
  <//>`;
}

export function DeleteTopic({ topic, onClose }) {
  const submit = async () => {
    await ask("deleteTopic", { names: { topic: topic.name } });
    tell(`${topic.name} is deleted.`);
    go(["topics"]);
  };
  return html`<${Confirm} title=${`Delete ${topic.name}`} act="Delete topic" name=${topic.name} onClose=${onClose} submit=${submit}>
    <p>All its records are gone with it, and nothing brings them back.</p>
  <//>`;
}
