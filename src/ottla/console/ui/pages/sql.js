/** SQL over topics: a query, its rows, and exactly which offsets it read. */

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { ask } from "../core/api.js";
import { ago, count, duration, plural } from "../core/format.js";
import { recall, remember } from "../core/remember.js";
import { amend } from "../core/router.js";
import { Copy } from "../parts/code.js";
import { Field } from "../parts/form.js";
import { Grid, ROW_PX } from "../parts/grid.js";
import { Icon } from "../parts/icons.js";
import { Empty, Failure } from "../parts/notice.js";
import { Page, Panel } from "../parts/page.js";
import { SqlEditor } from "../parts/sql_editor.js";

const MAX_HISTORY = 50;
const LEAST_PX = 110;
const EXAMPLES = [
  ["The last hundred", "select * from orders order by _timestamp desc limit 100"],
  ["The last value of each key", "select * from latest(orders)"],
  ["As it was an hour ago", "select count(*) from latest(orders) as of timestamp '1h'"],
  ["How many by partition", "select _partition, count(*) as records, max(_offset) as last\nfrom orders\ngroup by _partition\norder by _partition"],
];

export default function Sql({ query }) {
  const [text, setText] = useState(query.query ?? recall("sql.text", ""));
  const [maxRows, setMaxRows] = useState("1000");
  const [state, setState] = useState({ answer: null, error: null, running: null });
  const [history, setHistory] = useState(() => recall("sql.history", []));
  const abort = useRef(null);
  useEffect(() => () => abort.current?.abort(), []);
  const run = async () => {
    if (!text.trim()) return;
    abort.current?.abort();
    const own = new AbortController();
    abort.current = own;
    remember("sql.text", text);
    amend({ query: text });
    setState({ answer: null, error: null, running: Date.now() });
    let outcome;
    try {
      const answer = await ask("runSql", { body: { query: text, max_rows: Number(maxRows) }, signal: own.signal });
      outcome = { answer, error: null };
    } catch (error) {
      outcome = { answer: null, error: error.name === "AbortError" ? { message: "Stopped.", hint: "Nothing was changed: queries only read." } : error };
    }
    if (abort.current !== own) return;
    setState({ ...outcome, running: null });
    const entry = { query: text, at: Date.now(), rows: outcome.answer?.rows.length ?? null, failed: Boolean(outcome.error) };
    setHistory((before) => {
      const next = [entry, ...before.filter((each) => each.query !== text)].slice(0, MAX_HISTORY);
      remember("sql.history", next);
      return next;
    });
  };
  const { answer, error, running } = state;
  return html`<${Page} title="SQL">
    <div class="sql">
      <div class="sql-main">
        <${SqlEditor} value=${text} onChange=${setText} onRun=${run} />
        <div class="bar">
          ${running ? html`<button type="button" onClick=${() => abort.current.abort()}><${Icon} name="stop" />Stop</button>` : html`<button type="button" class="primary" disabled=${!text.trim()} onClick=${run}><${Icon} name="play" />Run <kbd>Ctrl ↵</kbd></button>`}
          <${Field} label="Rows at most" value=${maxRows} options=${["100", "1000", "10000"]} onChange=${setMaxRows} />
          <span class="muted" role="status">${running ? "Reading…" : answer ? `${plural(answer.rows.length, "row")}${answer.is_cut ? " (there are more)" : ""}, ${plural(answer.records, "record")} read in ${duration(answer.took_ms)}` : ""}</span>
          ${answer && html`<span class="actions"><button type="button" class="small" onClick=${() => download(answer)}>Download CSV</button></span>`}
        </div>
        <${Failure} error=${error} />
        ${answer && html`<${Answer} answer=${answer} />`}
        ${!answer && !error && !running && html`<${Empty} title="Topics are tables.">
          <p>A topic has a row for each record; <code>latest(topic)</code> has the last one of each key. Both as they are now, or <code>as of</code> a time.</p>
          <p>Columns are the fields of the value, and <code>_partition</code>, <code>_offset</code>, <code>_timestamp</code>, <code>_key</code>, <code>_value</code>, <code>_headers</code>.</p><//>`}
      </div>
      <section class="sql-side" aria-label="Queries">
        <${Panel} title="History">${history.length === 0 ? html`<p class="none">Queries that were run are kept in this browser.</p>` : html`<ol class="history">${history.map((each) => html`<li key=${each.query}><button type="button" class="quiet" onClick=${() => setText(each.query)}><code>${each.query.slice(0, 160)}</code>
          <small class=${each.failed ? "field-error" : "muted"}>${each.failed ? "failed" : plural(each.rows ?? 0, "row")}, ${ago(each.at)}</small></button></li>`)}</ol>`}<//>
        <${Panel} title="Examples"><ol class="history">${EXAMPLES.map(([name, example]) => html`<li key=${name}><button type="button" class="quiet" onClick=${() => setText(example)}><span>${name}</span><code>${example}</code></button></li>`)}</ol><//>
      </section>
    </div>
  <//>`;
}

function Answer({ answer }) {
  const [chosen, setChosen] = useState(null);
  const columns = answer.columns.map((column, index) => ({
    name: String(index),
    title: html`${column.name} <small class="muted">${column.type.toLowerCase().slice(0, 24)}</small>`,
    width: `minmax(${LEAST_PX}px, 1fr)`,
    number: /INT|DOUBLE|FLOAT|DECIMAL|HUGEINT/.test(column.type) && !/\[|STRUCT|MAP/.test(column.type),
    show: (row) => cellOf(row[index]),
  }));
  return html`<div class="answer" style=${{ height: `min(52vh, ${(answer.rows.length + 1) * ROW_PX + 4}px)` }}><${Grid} label="Rows" columns=${columns} rows=${answer.rows} leastPx=${answer.columns.length * LEAST_PX} chosen=${chosen} onChoose=${setChosen} /></div>
    <${Panel} title="Read exactly">
      <ul class="read">${answer.read.map((each) => html`<li key=${each.again}>
        <p><strong>${each.topic}</strong>${each.latest ? " (last of each key)" : ""}: ${rangesOf(each.ranges)}</p>
        ${each.again && html`<p class="again"><code>${each.again}</code><${Copy} text=${each.again} what="what repeats this answer" /></p>`}</li>`)}</ul>
      <p class="muted">With these in place of the topics' names the query gives the same answer again.</p>
    <//>`;
}

function cellOf(value) {
  if (value === null || value === undefined) return html`<span class="muted">null</span>`;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

const MAX_RANGES = 12;

function rangesOf(ranges) {
  const all = Object.entries(ranges);
  const shown = all.slice(0, MAX_RANGES).map(([partition, [first, end]]) => `partition ${partition} from ${count(first)} to ${count(end)}`);
  return shown.join(", ") + (all.length > MAX_RANGES ? `, and ${all.length - MAX_RANGES} more` : "");
}

function download(answer) {
  const quote = (value) => {
    const text = value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [answer.columns.map((column) => column.name), ...answer.rows].map((row) => row.map(quote).join(","));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv" }));
  link.download = "answer.csv";
  link.click();
  URL.revokeObjectURL(link.href);
}
