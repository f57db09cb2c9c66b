/** Fields: a label, a control, a hint, what is wrong. */

import { html, useRef } from "../vendor/preact.js";

let next = 0;

/** An id of this component's own, for `for` and `aria-describedby`. */
export function useId(prefix = "f") {
  const id = useRef(null);
  if (id.current === null) id.current = `${prefix}${(next += 1)}`;
  return id.current;
}

export function Field({ label, hint, error, value, onChange, type = "text", options, rows, first, ...rest }) {
  const id = useId();
  const about = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ") || undefined;
  const shared = {
    id,
    value,
    "aria-describedby": about,
    "aria-invalid": error ? "true" : undefined,
    "data-first": first || undefined,
    onInput: (event) => onChange(event.target.value),
    ...rest,
  };
  let control;
  if (options) control = html`<select ...${shared}>${options.map(optionOf)}</select>`;
  else if (rows) control = html`<textarea ...${shared} rows=${rows} spellcheck=${false}></textarea>`;
  else control = html`<input ...${shared} type=${type} autocomplete=${rest.autocomplete ?? "off"} spellcheck=${false} />`;
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${control}
    ${hint && html`<small id=${`${id}-hint`} class="muted">${hint}</small>`}
    ${error && html`<small id=${`${id}-error`} class="field-error">${error}</small>`}
  </div>`;
}

function optionOf(option) {
  const [value, text] = Array.isArray(option) ? option : [option, option];
  return html`<option key=${value} value=${value}>${text}</option>`;
}

export function Check({ label, checked, onChange, ...rest }) {
  return html`<label class="check"><input type="checkbox" checked=${checked} onChange=${(event) => onChange(event.target.checked)} ...${rest} /><span>${label}</span></label>`;
}

/** One of a few, side by side. */
export function Choice({ label, value, options, onChange }) {
  const id = useId();
  return html`<fieldset class="choice"><legend class="visually-hidden">${label}</legend>
    ${options.map(([each, text]) => html`<label key=${each} class=${each === value ? "chosen" : ""}>
      <input class="visually-hidden" type="radio" name=${id} value=${each} checked=${each === value} onChange=${() => onChange(each)} />${text}</label>`)}
  </fieldset>`;
}
