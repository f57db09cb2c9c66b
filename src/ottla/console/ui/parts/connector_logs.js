/** The log of a connector and its tasks, live: the newest below, which stay in view as long as one is at the end. */

import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact.js";
import { may } from "../core/api.js";
import { ConnectorLog } from "../core/connector_log.js";
import { plural, time } from "../core/format.js";
import { useKey } from "../core/keys.js";
import { Icon } from "./icons.js";
import { Empty, Failure, Waiting } from "./notice.js";
import { Search } from "./table.js";

/** So many lines exist in the page; a filter looks through all that are held. */
const SHOWN_LINES = 1_000;
const NEAR_END_PX = 40;

export function ConnectorLogs({ connector }) {
  const { name } = connector;
  const [state, setState] = useState(null);
  const [paused, setPaused] = useState(false);
  const [filter, setFilter] = useState("");
  const [turn, setTurn] = useState(0);
  const log = useRef(null);
  const allowed = may("connector", "logs", name);
  useEffect(() => {
    if (!allowed) return undefined;
    log.current = new ConnectorLog(name, setState);
    setState(log.current.state);
    setPaused(false);
    return () => log.current.close();
  }, [name, turn, allowed]);
  const pause = (on) => {
    setPaused(on);
    log.current.pause(on);
  };
  useKey(" ", "pause the log, and go on", () => log.current && pause(!paused), [paused]);
  const found = useMemo(() => matching(state?.lines ?? [], filter), [state?.lines, filter]);
  if (!allowed) return html`<${Empty} title="Your role does not allow to read this log."><p>It needs <code>logs</code> on this connector.</p><//>`;
  if (!state || (state.loading && !state.error)) return html`<${Waiting} what="Reading the log" />`;
  if (state.error?.code === "NOT_FOUND") return html`<${Empty} title="There is no log here."><p>${state.error.message}: ${state.error.hint}.</p><//>`;
  const again = () => setTurn(turn + 1);
  return html`<div class="bar"><${Search} label="Search the log" value=${filter} onChange=${setFilter} />
      <div class="actions"><span class="muted" role="status">${saying(state, paused, found.length, filter)}</span>
        ${state.live
          ? html`<button type="button" onClick=${() => pause(!paused)}><${Icon} name=${paused ? "play" : "pause"} size=${12} />${paused ? "Go on" : "Pause"}</button>`
          : html`<button type="button" onClick=${again}><${Icon} name="play" size=${12} />Go on</button>`}</div></div>
    <${Failure} error=${state.error} retry=${again} />
    ${state.lines.length === 0
      ? html`<${Empty} title="Nothing was written yet."><p>Of a worker of Ottla its last lines are here, since it started.</p><//>`
      : html`<${Lines} lines=${found.slice(-SHOWN_LINES)} />`}`;
}

function saying(state, paused, many, filter) {
  const lines = filter ? `${plural(many, "line")} of ${state.lines.length}` : plural(many, "line");
  if (paused) return `Paused, ${state.waiting} waiting, ${lines}`;
  return state.live ? `Live, ${lines}` : `Ended, ${lines}`;
}

function matching(lines, filter) {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return lines;
  return lines.filter((line) => {
    const text = `${whose(line)} ${line.text}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function whose(line) {
  return line.task === null ? "connector" : `task ${line.task}`;
}

function Lines({ lines }) {
  const frame = useRef(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    if (atEnd.current) frame.current.scrollTop = frame.current.scrollHeight;
  }, [lines]);
  const scrolled = () => {
    const { scrollHeight, scrollTop, clientHeight } = frame.current;
    atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  };
  return html`<div class="log" role="log" aria-label="Log" aria-live="off" tabindex="0" ref=${frame} onScroll=${scrolled}>
    ${lines.map((line) => html`<p key=${`${line.worker_id} ${line.number}`} class=${kindOf(line.text)}><time>${time(line.at_ms)}</time><span class="whose" title=${line.worker_id}>${whose(line)}</span><span>${line.text}</span></p>`)}
  </div>`;
}

function kindOf(text) {
  if (/\b(ERROR|CRITICAL|FATAL)\b|^FAILED/.test(text)) return "bad";
  return /\bWARN(ING)?\b/.test(text) ? "warn" : undefined;
}
