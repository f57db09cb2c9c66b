/** Dialogs: the browser's own, which keep the focus within them and close with Escape. */

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { Failure } from "./notice.js";
import { Icon } from "./icons.js";

export function Dialog({ title, onClose, wide = false, children }) {
  const element = useRef(null);
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog.showModal();
    dialog.querySelector("[data-first]")?.focus();
    return () => {
      dialog.close();
      before?.focus?.();
    };
  }, []);
  const cancelled = (event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog ref=${element} class=${wide ? "wide" : ""} aria-label=${title} onCancel=${cancelled}>
    <header><h2>${title}</h2>
      <button type="button" class="quiet" aria-label="Close" onClick=${onClose}><${Icon} name="close" /></button></header>
    ${children}
  </dialog>`;
}

/**
 * A form in a dialog: `submit()` is awaited; what it raises is shown within, and the dialog stays. `act` is what the
 * button says.
 */
export function FormDialog({ title, act, danger = false, disabled = false, wide, onClose, submit, children }) {
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const send = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await submit();
    } catch (raised) {
      setError(raised);
    } finally {
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${title} onClose=${onClose} wide=${wide}>
    <form onSubmit=${send}>
      <div class="dialog-body">${children}<${Failure} error=${error} /></div>
      <footer>
        <button type="button" onClick=${onClose}>Cancel</button>
        <button type="submit" class=${danger ? "danger" : "primary"} disabled=${busy || disabled}>${busy ? "Working…" : act}</button>
      </footer>
    </form>
  <//>`;
}

/** Something that cannot be undone: `name`, if it is given, must be written to go on. */
export function Confirm({ title, act, name, onClose, submit, children }) {
  const [written, setWritten] = useState("");
  return html`<${FormDialog} title=${title} act=${act} danger=${true} disabled=${Boolean(name) && written !== name}
      onClose=${onClose} submit=${submit}>
    ${children}
    ${name && html`<label class="field"><span>Write <code>${name}</code> to confirm</span>
      <input data-first autocomplete="off" spellcheck=${false} value=${written} onInput=${(event) => setWritten(event.target.value)} /></label>`}
  <//>`;
}
