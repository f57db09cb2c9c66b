/** Where SQL is written: a plain text field, with the same text in colour beneath it. */

import { html, useEffect, useRef } from "../vendor/preact.js";
import { useKey } from "../core/keys.js";
import { sqlPieces } from "./code.js";

export function SqlEditor({ value, onChange, onRun }) {
  const area = useRef(null);
  const colour = useRef(null);
  const follow = () => {
    colour.current.scrollTop = area.current.scrollTop;
    colour.current.scrollLeft = area.current.scrollLeft;
  };
  useEffect(follow, [value]);
  useKey("/", "write a query", () => area.current?.focus());
  const pressed = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      onRun();
    }
  };
  return html`<div class="sql-editor">
    <pre ref=${colour} aria-hidden="true">${sqlPieces(value)}${"\n"}</pre>
    <textarea ref=${area} aria-label="SQL query. Control and Enter run it." spellcheck=${false} autocapitalize="off" autocomplete="off" rows="8" placeholder="select * from orders limit 100"
      value=${value} onInput=${(event) => onChange(event.target.value)} onScroll=${follow} onKeyDown=${pressed}></textarea>
  </div>`;
}
