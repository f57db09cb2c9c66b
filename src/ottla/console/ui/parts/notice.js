/** What went wrong, what is empty, what is still on its way. */

import { html } from "../vendor/preact.js";

/** An error as the server said it: what, and what to do. */
export function Failure({ error, retry }) {
  if (!error) return null;
  return html`<div class="notice bad" role="alert">
    <strong>${error.message}</strong>
    ${error.hint && html`<p>${error.hint}</p>`}
    <p class="notice-foot">
      ${error.code && html`<code>${error.code}</code>`}
      ${retry && html`<button type="button" class="small" onClick=${retry}>Try again</button>`}
    </p>
  </div>`;
}

export function Notice({ kind = "info", children }) {
  return html`<div class=${`notice ${kind}`} role=${kind === "bad" ? "alert" : "note"}>${children}</div>`;
}

/** Nothing is here; what to do about it. */
export function Empty({ title, children }) {
  return html`<div class="empty"><p class="empty-title">${title}</p>${children}</div>`;
}

export function Waiting({ what = "Loading" }) {
  return html`<p class="waiting" role="status">${what}…</p>`;
}

/** The usual three states of something loaded, and the fourth, which is the page. */
export function Loaded({ state, what, children }) {
  if (state.data === undefined) {
    return state.error ? html`<${Failure} error=${state.error} retry=${state.reload} />` : html`<${Waiting} what=${what} />`;
  }
  return html`${state.error && html`<${Failure} error=${state.error} retry=${state.reload} />`}${children(state.data)}`;
}

const KINDS = {
  good: ["stable", "running", "alive", "ok", "empty group", "enabled", "completecommit", "success"],
  warn: ["paused", "rebalancing", "preparingrebalance", "completingrebalance", "assigning", "reconciling", "unassigned", "restarting", "stopped", "ongoing", "not_ready", "notready"],
  bad: ["failed", "dead", "fenced", "offline", "error"],
};

export function Badge({ kind, children }) {
  return html`<span class=${`badge ${kind ?? ""}`}>${children}</span>`;
}

/** A state's name, in the colour of what it means. */
export function State({ name }) {
  const plain = String(name ?? "unknown").toLowerCase().replaceAll(" ", "");
  const kind = Object.keys(KINDS).find((each) => KINDS[each].includes(plain));
  return html`<span class=${`badge ${kind ?? ""}`}>${name ?? "unknown"}</span>`;
}
