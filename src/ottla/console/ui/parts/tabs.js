/** Tabs as links: each is an address of its own. */

import { html } from "../vendor/preact.js";
import { address } from "../core/router.js";

export function Tabs({ label, path, tabs, current }) {
  return html`<nav class="tabs" aria-label=${label}>
    ${tabs.map(([name, text]) => html`<a key=${name} href=${address(name ? [...path, name] : path)} aria-current=${name === current ? "page" : undefined}>${text}</a>`)}
  </nav>`;
}
