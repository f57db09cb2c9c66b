/** The messages of a topic: where to start, what to look for, the rows, the one that is looked at; or what comes live. */

import { html, useCallback, useEffect, useMemo, useRef, useState } from "../vendor/preact.js";
import { may } from "../core/api.js";
import { bytes, count, plural, short, time } from "../core/format.js";
import { useKey } from "../core/keys.js";
import { MAX_ROWS, MAX_TAIL_ROWS, Search, Tail } from "../core/message_pages.js";
import { address } from "../core/router.js";
import { Line } from "./fields.js";
import { Grid } from "./grid.js";
import { Icon } from "./icons.js";
import { MessageDetail } from "./message_detail.js";
import { MessageFilters, searchOf } from "./message_filters.js";
import { Empty, Failure, Waiting } from "./notice.js";
import { ProduceDialog } from "./produce_dialog.js";

const LEAST_PX = 560;
const keyOf = (message) => `${message.partition}:${message.offset}`;

/** Beside an open message there is less space. */
function columnsOf(topic, isNarrow) {
  const columns = [
    { name: "time", title: "Time", width: "190px", show: (message) => html`<span class="mono">${time(message.timestamp_ms)}</span>` },
    { name: "offset", title: "Offset", width: "92px", number: true, show: (message) => html`<span class="mono">${message.offset}</span>` },
    { name: "key", title: "Key", width: "minmax(80px, 1fr)", show: (message) => html`<${Line} field=${message.key} />` },
    { name: "value", title: "Value", width: "minmax(160px, 4fr)", show: (message) => html`<${Line} field=${message.value} tombstone=${message.tombstone} />` },
    { name: "headers", title: "Headers", width: "72px", number: true, show: (message) => (message.headers.length ? message.headers.length : "") },
    { name: "size", title: "Size", width: "80px", number: true, show: (message) => bytes(message.size_bytes) },
  ];
  if (isNarrow) columns.splice(-2, 2);
  if (topic.partitions > 1) columns.splice(1, 0, { name: "partition", title: "Part.", width: "52px", number: true, show: (message) => message.partition });
  return columns;
}

export function Messages({ topic, query, reloadTopic }) {
  const live = query.live === "1";
  const search = searchOf(query);
  const [turn, setTurn] = useState(0);
  const [produced, setProduced] = useState(null);
  const mayWrite = may("topic", "write", topic.name);
  useKey("p", "produce a message", () => mayWrite && setProduced({}), [mayWrite]);
  useKey("r", "read again", () => setTurn((before) => before + 1));
  const written = () => {
    setProduced(null);
    reloadTopic();
    if (!live) setTurn((before) => before + 1);
  };
  const asked = `${topic.name} ${JSON.stringify(search)} ${live} ${turn}`;
  if (!may("topic", "read", topic.name)) return html`<${Empty} title="Your role does not allow to read these messages."><p>It needs <code>read</code> on this topic.</p><//>`;
  return html`<div class="messages">
    <${MessageFilters} topic=${topic} query=${query} again=${() => setTurn((before) => before + 1)} />
    ${live
      ? html`<${Live} key=${asked} topic=${topic} search=${search} query=${query} reproduce=${setProduced} mayWrite=${mayWrite} />`
      : html`<${Pages} key=${asked} topic=${topic} search=${search} query=${query} reproduce=${setProduced} mayWrite=${mayWrite} />`}
    ${produced && html`<${ProduceDialog} topic=${topic} from=${produced.from} onClose=${() => setProduced(null)} onDone=${written} />`}
  </div>`;
}

function Pages({ topic, search, query, reproduce, mayWrite }) {
  const [state, setState] = useState(null);
  const pages = useRef(null);
  useEffect(() => {
    pages.current = new Search(topic.name, search, setState);
    pages.current.more();
    return () => pages.current.close();
  }, []);
  const more = useCallback(() => pages.current?.more(), []);
  const frame = useFrame({ topic, query, rows: state?.rows ?? [], reproduce, mayWrite });
  if (!state) return html`<${Waiting} what="Reading messages" />`;
  const { rows, loading, done, paused, error } = state;
  const bar = html`<div class="status-bar">
    <span role="status">${loading ? "Reading… " : ""}${plural(rows.length, "message")}${isFiltered(search) ? ` in ${plural(state.records, "record")} (${bytes(state.bytes)})` : ""}${whyEnded(state)}</span>
    <span class="actions">
      ${mayWrite && html`<button type="button" class="small" onClick=${() => reproduce({})}>Produce</button>`}
      ${loading && html`<button type="button" class="small" onClick=${() => pages.current.stop()}><${Icon} name="stop" size=${12} />Stop</button>`}
      ${!loading && !done && rows.length < MAX_ROWS && html`<button type="button" class="small" onClick=${() => pages.current.more({ asked: true })}>${paused ? "Go on searching" : "More"}</button>
        <button type="button" class="small" title=${`At most ${count(MAX_ROWS)}`} onClick=${() => pages.current.all()}>Load all</button>`}
    </span>
  </div>`;
  return html`${bar}<${Failure} error=${error} retry=${() => pages.current.more({ asked: true })} />
    ${rows.length === 0 && !loading && !error ? html`<${NoMessages} topic=${topic} isSearch=${isFiltered(search) || Boolean(search.from || search.partitions)} isPaused=${paused} produce=${mayWrite && (() => reproduce({}))} />` : frame({ onNearEnd: more })}`;
}

function isFiltered(search) {
  return ["where", "key", "value", "header", "tombstones"].some((name) => search[name]);
}

function whyEnded(state) {
  if (state.loading) return "";
  if (state.done) return ", all there are";
  if (state.rows.length >= MAX_ROWS) return ", as many as fit: narrow the search to see others";
  return state.paused ? ", stopped" : "";
}

function NoMessages({ topic, isSearch, isPaused, produce }) {
  if (isSearch) return html`<${Empty} title=${isPaused ? "Nothing found so far." : "Nothing matches."}><p>${isPaused ? "Go on searching, or narrow it by time or partition." : html`Widen the search, or <a href=${address(["topics", topic.name])}>start anew</a>.`}</p><//>`;
  return html`<${Empty} title="This topic is empty."><p>Write into it from a shell:</p><pre class="say">echo hello | ottla produce ${topic.name}</pre>
    ${produce && html`<button type="button" class="primary" onClick=${produce}>Produce the first message</button>`}<//>`;
}

function Live({ topic, search, query, reproduce, mayWrite }) {
  const [state, setState] = useState(null);
  const [paused, setPaused] = useState(false);
  const [turn, setTurn] = useState(0);
  const tail = useRef(null);
  useEffect(() => {
    const { order, to, from, isolation, ...rest } = search;
    tail.current = new Tail(topic.name, { ...rest, from: "end" }, setState);
    setState(tail.current.state);
    setPaused(false);
    return () => tail.current.close();
  }, [turn]);
  const pause = useCallback((on) => {
    setPaused(on);
    tail.current.pause(on);
  }, []);
  useKey(" ", "pause the live tail, and go on", () => pause(!paused), [paused]);
  const frame = useFrame({ topic, query, rows: state?.rows ?? [], reproduce, mayWrite, looked: () => pause(true) });
  if (!state) return null;
  const { rows, status, error, over } = state;
  return html`<div class="status-bar">
      <span role="status"><span class=${`pulse ${paused || !state.live ? "still" : ""}`} aria-hidden="true"></span>${sayLive(state, paused)}</span>
      <span class="actions">
        ${status && html`<span class="muted">${short(status.records_per_s)}/s${status.dropped ? `, ${count(status.dropped)} left out` : ""}</span>`}
        ${mayWrite && html`<button type="button" class="small" onClick=${() => reproduce({})}>Produce</button>`}
        ${state.live ? html`<button type="button" class="small" onClick=${() => pause(!paused)}><${Icon} name=${paused ? "play" : "pause"} size=${12} />${paused ? "Go on" : "Pause"}</button>` : html`<button type="button" class="small" onClick=${() => setTurn(turn + 1)}>Start again</button>`}
      </span></div>
    <${Failure} error=${error} />
    ${over && html`<p class="notice warn">The live tail ended: ${{ time: "it has run for an hour", "sign-in": "you are not signed in any more", shutdown: "the console's server stops" }[over] ?? over}.</p>`}
    ${rows.length === 0 && state.live ? html`<${Empty} title="Waiting for messages."><p>What is written from now on appears here.</p><//>` : frame({ follow: !paused })}`;
}

function sayLive(state, paused) {
  if (!state.live) return "Ended";
  if (paused) return `Paused, ${count(state.waiting)} waiting${state.left_out ? `, ${count(state.left_out)} left out` : ""}`;
  return state.loading ? "Connecting…" : `Live, ${plural(state.rows.length, "message")}${state.rows.length >= MAX_TAIL_ROWS ? " (the newest)" : ""}`;
}

/** The grid and, beside it, the message that is looked at. */
function useFrame({ topic, query, rows, reproduce, mayWrite, looked }) {
  const [chosen, setChosen] = useState(null);
  const columns = useMemo(() => columnsOf(topic, chosen !== null), [topic.partitions, chosen !== null]);
  const choose = useCallback((message) => {
    setChosen(message);
    looked?.();
  }, [looked]);
  useKey("Escape", "close the message", () => setChosen(null));
  useEffect(() => {
    if (query.at && rows.length && !chosen) setChosen(rows.find((message) => keyOf(message) === query.at) ?? null);
  }, [rows.length > 0]);
  return (options) => html`<div class=${chosen ? "split open" : "split"}>
    <${Grid} label=${`Messages of ${topic.name}`} columns=${columns} rows=${rows} leastPx=${LEAST_PX} chosen=${chosen} onChoose=${choose} ...${options} />
    ${chosen && html`<${MessageDetail} key=${keyOf(chosen)} topic=${topic} message=${chosen} query=${query} mayWrite=${mayWrite} onClose=${() => setChosen(null)} reproduce=${reproduce} />`}
  </div>`;
}

