/** Partitions that another broker leads than should, or none: the preferred replica elected, or whichever is left. */

import { html, useState } from "../vendor/preact.js";
import { ask, may } from "../core/api.js";
import { count, plural } from "../core/format.js";
import { useLoad } from "../core/load.js";
import { address } from "../core/router.js";
import { Confirm } from "./dialog.js";
import { Badge, Empty, Loaded } from "./notice.js";
import { Table } from "./table.js";
import { tell, tellError } from "./toast.js";

const EVERY_MS = 5000;
const nameOf = (row) => `${row.topic}-${row.partition}`;

export function Elections() {
  const [unclean, setUnclean] = useState(null);
  const state = useLoad((signal) => ask("getElections", { signal }), [], { everyMs: EVERY_MS });
  const mayAlter = may("cluster", "alter");
  const elect = async (partitions) => {
    try {
      said(await ask("electLeaders", { body: { type: "preferred", partitions } }));
    } catch (error) {
      tellError(error);
    }
    state.reload();
  };
  const electUnclean = async () => {
    const { topic, partition } = unclean;
    const answer = await ask("electLeaders", { body: { type: "unclean", partitions: [{ topic, partition }] } });
    setUnclean(null);
    said(answer);
    state.reload();
  };
  const columns = [
    { name: "topic", title: "Topic", of: (row) => row.topic, show: (row) => html`<a href=${address(["topics", row.topic, "partitions"])}>${row.topic}</a>` },
    { name: "partition", title: "Partition", number: true, of: (row) => row.partition },
    { name: "leader", title: "Leader", number: true, of: (row) => row.leader, show: (row) => row.leader ?? html`<${Badge} kind="bad">none<//>` },
    { name: "preferred", title: "Preferred", number: true, of: (row) => row.preferred },
    { name: "replicas", title: "Replicas", of: (row) => row.replicas.join(" ") },
    { name: "isr", title: "In sync", of: (row) => row.isr.join(" ") },
    { name: "acts", title: "", show: (row) => mayAlter && html`<${Act} row=${row} elect=${elect} electUnclean=${setUnclean} />` },
  ];
  return html`<${Loaded} state=${state} what="Looking who leads">${({ partitions, count: many }) => {
    const able = partitions.filter((row) => row.can_lead);
    return html`
      <div class="bar"><p class="muted">A partition's first replica is its preferred leader. After a broker was away, another leads until one is elected.</p>
        ${mayAlter && able.length > 0 && html`<div class="actions"><button type="button" class="primary" onClick=${() => elect(undefined)}>Elect all preferred leaders</button></div>`}</div>
      <${Table} label="Partitions that others lead" columns=${columns} rows=${partitions} keyOf=${nameOf} sort=${{ name: "topic" }} empty=${html`<${Empty} title="Every partition is led by its preferred replica."><p>No election is needed.</p><//>`} />
      ${many > partitions.length && html`<p class="none">and ${count(many - partitions.length)} more</p>`}
      ${unclean && html`<${Confirm} title=${`Elect any leader of ${nameOf(unclean)}`} act="Elect, and lose records" name=${nameOf(unclean)} onClose=${() => setUnclean(null)} submit=${electUnclean}>
        <p>No replica that is in sync is left. Another one that runs leads then, and what it has not is lost for good.</p><//>`}`;
  }}<//>`;
}

function Act({ row, elect, electUnclean }) {
  if (row.can_lead) return html`<button type="button" class="quiet small" aria-label=${`Elect ${row.preferred} to lead ${nameOf(row)}`} onClick=${() => elect([{ topic: row.topic, partition: row.partition }])}>Elect</button>`;
  if (row.leader === null) return html`<button type="button" class="quiet small" aria-label=${`Elect any leader of ${nameOf(row)}`} onClick=${() => electUnclean(row)}>Elect any</button>`;
  return html`<span class="muted">not in sync</span>`;
}

function said({ elections }) {
  const failed = elections.filter((each) => each.error !== null);
  const elected = elections.filter((each) => each.elected);
  if (failed.length === 0) return tell(elected.length ? `${plural(elected.length, "leader")} elected.` : "Nothing was to be elected.");
  const { error, message } = failed[0];
  return tellError({ message: `${plural(failed.length, "partition")} could not be given a leader: ${nameOf(failed[0])}, ${error}.`, hint: message });
}
