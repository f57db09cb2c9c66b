/** The head of a page: where it is, its name, what can be done here. */

import { html, useEffect } from "../vendor/preact.js";
import { address } from "../core/router.js";

export function Page({ title, crumbs = [], badge, actions, children }) {
  useEffect(() => {
    document.title = `${title} · Ottla`;
  }, [title]);
  return html`
    <header class="page-head">
      ${crumbs.length > 0 && html`<nav class="crumbs" aria-label="Where this is"><ol>${crumbs.map(([text, path]) => html`<li key=${text}><a href=${address(path)}>${text}</a></li>`)}</ol></nav>`}
      <h1 tabindex="-1" id="page-title">${title}</h1>${badge}
      ${actions && html`<div class="actions">${actions}</div>`}
    </header>
    ${children}`;
}

/** Figures with their names: `[[name, value, note?]]`. */
export function Figures({ items }) {
  return html`<dl class="figures">${items.map(([name, value, note]) => html`<div key=${name}><dt>${name}</dt><dd>${value}${note && html` <small class="muted">${note}</small>`}</dd></div>`)}</dl>`;
}

export function Panel({ title, actions, children, flush = false }) {
  return html`<section class=${flush ? "panel flush" : "panel"} aria-label=${title}>
    ${title && html`<header class="panel-head"><h2>${title}</h2>${actions && html`<div class="actions">${actions}</div>`}</header>`}
    ${children}
  </section>`;
}
