/** Transactions: who has one open, where; those that hang, and an end to them. */

import { html, useState } from "../vendor/preact.js";
import { ask, may } from "../core/api.js";
import { ago, count, duration, time } from "../core/format.js";
import { useLoad } from "../core/load.js";
import { address, amend, go } from "../core/router.js";
import { Confirm, Dialog } from "../parts/dialog.js";
import { Badge, Empty, Loaded, State } from "../parts/notice.js";
import { Figures, Page, Panel } from "../parts/page.js";
import { Search, Table } from "../parts/table.js";
import { tell } from "../parts/toast.js";

const EVERY_MS = 5000;

export default function Transactions({ query }) {
  const [filter, setFilter] = useState("");
  const state = useLoad((signal) => ask("getTransactions", { signal }), [], { everyMs: EVERY_MS });
  const columns = [
    { name: "id", title: "Transactional id", of: (row) => row.transactional_id, show: (row) => html`<a href=${address(["transactions"], { id: row.transactional_id })}>${row.transactional_id}</a>` },
    { name: "state", title: "State", of: (row) => row.state, show: (row) => html`<${State} name=${row.state} />` },
    { name: "producer", title: "Producer", number: true, of: (row) => row.producer_id },
    { name: "coordinator", title: "Coordinator", number: true, of: (row) => row.coordinator },
  ];
  const empty = html`<${Empty} title="No transactions."><p>A transactional producer appears with its first <code>init_transactions</code>, and is remembered for <code>transactional.id.expiration.ms</code>.</p><//>`;
  return html`<${Page} title="Transactions">
    <div class="bar"><${Search} label="Search transactions" value=${filter} onChange=${setFilter} /></div>
    <${Loaded} state=${state} what="Reading transactions">${({ transactions }) => html`<${Table} label="Transactions" columns=${columns} rows=${transactions} keyOf=${(row) => row.transactional_id} filter=${filter}
      sort=${{ name: "id" }} open=${(row) => go(["transactions"], { id: row.transactional_id })} empty=${empty} />`}<//>
    <${Panel} title="Hanging transactions" flush=${true}><${Hanging} /><//>
    ${query.id && html`<${Transaction} id=${query.id} reload=${state.reload} />`}
  <//>`;
}

function Transaction({ id, reload }) {
  const [aborting, setAborting] = useState(false);
  const state = useLoad((signal) => ask("getTransaction", { signal, names: { id } }), [id], { everyMs: EVERY_MS });
  const close = () => amend({ id: "" });
  const abort = async () => {
    await ask("abortTransaction", { names: { id } });
    tell(`${id} is fenced, and its transaction aborted.`);
    close();
    reload();
  };
  if (aborting) {
    return html`<${Confirm} title=${`Abort the transaction of ${id}`} act="Abort" onClose=${() => setAborting(false)} submit=${abort}>
      <p>Its producer is fenced: whatever runs by this id fails, and must start anew.</p><//>`;
  }
  const columns = [
    { name: "topic", title: "Topic", of: (row) => row.topic, show: (row) => html`<a href=${address(["topics", row.topic])}>${row.topic}</a>` },
    { name: "partitions", title: "Partitions", of: (row) => row.partitions.join(" ") },
  ];
  return html`<${Dialog} title=${id} wide=${true} onClose=${close}><div class="dialog-body">
    <${Loaded} state=${state}>${(one) => html`
      <${Figures} items=${[["State", html`<${State} name=${one.state} />`], ["Producer", `${one.producer_id}, epoch ${one.producer_epoch}`], ["Timeout", duration(one.timeout_ms)], ["Began", one.start_time_ms > 0 ? ago(one.start_time_ms) : "–"], ["Coordinator", one.coordinator]]} />
      <${Table} label="Partitions" columns=${columns} rows=${one.partitions} keyOf=${(row) => row.topic} empty=${html`<p class="none">No partitions are in it.</p>`} />
      ${may("transaction", "abort", id) && html`<p><button type="button" class="danger" onClick=${() => setAborting(true)}>Abort it</button></p>`}`}<//>
  </div><//>`;
}

function Hanging() {
  const [chosen, setChosen] = useState(null);
  const state = useLoad((signal) => ask("getHanging", { signal }), []);
  const columns = [
    { name: "topic", title: "Topic", of: (row) => row.topic },
    { name: "partition", title: "Partition", number: true, of: (row) => row.partition },
    { name: "start", title: "Since offset", number: true, of: (row) => row.start_offset, show: (row) => html`<a href=${address(["topics", row.topic], { order: "offset", from: row.start_offset, partitions: row.partition })}>${count(row.start_offset)}</a>` },
    { name: "producer", title: "Producer", number: true, of: (row) => row.producer_id },
    { name: "id", title: "Transactional id", of: (row) => row.transactional_id },
    { name: "last", title: "Last wrote", of: (row) => row.last_timestamp_ms, show: (row) => time(row.last_timestamp_ms) },
    { name: "abort", title: "", show: (row) => may("transaction", "abort", row.transactional_id ?? "") && html`<button type="button" class="quiet small" aria-label=${`Abort in ${row.topic} ${row.partition}`} onClick=${() => setChosen(row)}>Abort</button>` },
  ];
  const abort = async () => {
    await ask("abortHanging", { names: { topic: chosen.topic }, body: { partition: chosen.partition, start_offset: chosen.start_offset } });
    tell("It is aborted: readers of committed records go on.");
    setChosen(null);
    state.reload();
  };
  return html`<${Loaded} state=${state} what="Looking for them">${({ hanging }) => html`<${Table} label="Hanging transactions" columns=${columns} rows=${hanging} keyOf=${(row) => `${row.topic} ${row.partition} ${row.producer_id}`} sort=${{ name: "topic" }}
      empty=${html`<p class="none"><${Badge} kind="good">none<//> Nothing keeps readers of committed records waiting.</p>`} />`}<//>
    ${chosen && html`<${Confirm} title="Abort a hanging transaction" act="Abort" onClose=${() => setChosen(null)} submit=${abort}><p>In ${chosen.topic}, partition ${chosen.partition}, from offset ${count(chosen.start_offset)} on. Its records will never be read as committed.</p><//>`}`;
}
