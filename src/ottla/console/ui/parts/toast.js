/** What just happened, said once: done things go by themselves, errors stay until they are closed. */

import { html } from "../vendor/preact.js";
import { cell, useCell } from "../core/cell.js";
import { Icon } from "./icons.js";

const STAYS_MS = 5000;
const MAX_SHOWN = 5;
const shown = cell([]);
let next = 0;

function add(toast) {
  const id = (next += 1);
  shown.set([...shown.get(), { id, ...toast }].slice(-MAX_SHOWN));
  return id;
}

function close(id) {
  shown.set(shown.get().filter((toast) => toast.id !== id));
}

export function tell(message) {
  const id = add({ kind: "good", message });
  setTimeout(() => close(id), STAYS_MS);
}

export function tellError(error) {
  if (error?.name === "AbortError") return;
  add({ kind: "bad", message: error.message, hint: error.hint });
}

export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${useCell(shown).map(
      (toast) => html`<div key=${toast.id} class=${`toast ${toast.kind}`}>
        <div><p>${toast.message}</p>${toast.hint && html`<p class="muted">${toast.hint}</p>`}</div>
        <button type="button" class="quiet" aria-label="Close" onClick=${() => close(toast.id)}><${Icon} name="close" /></button>
      </div>`,
    )}
  </div>`;
}
