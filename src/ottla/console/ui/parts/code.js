/** Text for machines: JSON and SQL in colour, within bounds, and a button that copies. */

import { html, useState } from "../vendor/preact.js";
import { bytes } from "../core/format.js";
import { tellError } from "./toast.js";
import { Icon } from "./icons.js";

export const SHOWN_CHARACTERS = 200_000;

const JSON_TOKENS = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\b(?:true|false|null)\b/g;
const SQL_TOKENS = /('(?:[^']|'')*')|("(?:[^"]|"")*")|(--[^\n]*)|\b(\d+(?:\.\d+)?)\b|\b(select|from|where|group|by|order|having|limit|offset|as|of|timestamp|between|and|or|not|null|is|in|like|ilike|join|left|right|full|inner|outer|on|using|with|union|all|distinct|case|when|then|else|end|cast|interval|asc|desc|exists|latest|filter|over|partition|explain|true|false|values|lateral|unnest|window|qualify|semi|anti|cross|epoch_ms)\b/gi;

function pieces(text, pattern, classOf) {
  const result = [];
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > at) result.push(text.slice(at, match.index));
    result.push(html`<span class=${classOf(match)}>${match[1] && match[2] ? match[1] : match[0]}</span>`);
    if (match[1] && match[2] && pattern === JSON_TOKENS) result.push(match[2]);
    at = match.index + match[0].length;
  }
  result.push(text.slice(at));
  return result;
}

export function jsonPieces(text) {
  return pieces(text, JSON_TOKENS, (match) => {
    if (match[1]) return match[2] ? "s-key" : "s-text";
    return /^[tfn]/.test(match[0]) ? "s-word" : "s-number";
  });
}

export function sqlPieces(text) {
  return pieces(text, SQL_TOKENS, (match) => {
    if (match[1]) return "s-text";
    if (match[2]) return "s-key";
    if (match[3]) return "s-note";
    return match[4] ? "s-number" : "s-word";
  });
}

/** Pretty JSON of a value, or of a text that is JSON; anything else as it is. */
export function pretty(value) {
  if (typeof value !== "string") return JSON.stringify(value, null, 2);
  try {
    const parsed = JSON.parse(value);
    return parsed !== null && typeof parsed === "object" ? JSON.stringify(parsed, null, 2) : value;
  } catch {
    return value;
  }
}

export function Code({ text, label, language = "json" }) {
  const [all, setAll] = useState(false);
  const cut = !all && text.length > SHOWN_CHARACTERS;
  const shown = cut ? text.slice(0, SHOWN_CHARACTERS) : text;
  return html`<div class="code">
    <${Copy} text=${text} what=${label} />
    <pre tabindex="0" role="group" aria-label=${label}>${cut || language !== "json" ? shown : jsonPieces(shown)}</pre>
    ${cut && html`<button type="button" class="small" onClick=${() => setAll(true)}>Show all ${bytes(text.length)}</button>`}
  </div>`;
}

export function Copy({ text, what }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
      setTimeout(() => setDone(false), 1500);
    } catch {
      tellError({ message: "The browser does not let the page copy.", hint: "Select the text, and copy it with Ctrl+C." });
    }
  };
  return html`<button type="button" class="quiet small copy" aria-label=${`Copy ${what}`} onClick=${copy}><${Icon} name="copy" size=${14} />${done ? " Copied" : ""}</button>`;
}
