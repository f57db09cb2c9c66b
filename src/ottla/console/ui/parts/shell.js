/** The frame of every page: navigation, the cluster, the theme, who is signed in, the keys. */

import { html, useState } from "../vendor/preact.js";
import { ask, currentCluster, may, openSession, session } from "../core/api.js";
import { useCell } from "../core/cell.js";
import { allBindings, useKey } from "../core/keys.js";
import { address, go, route } from "../core/router.js";
import { theme, toggleTheme } from "../core/theme.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icons.js";
import { tellError } from "./toast.js";

/** `[heading, [[page, text, key, may be shown]]]`. */
const PAGES = [
  ["", [["overview", "Overview", "o", () => true], ["metrics", "Metrics", "m", () => true]]],
  ["Data", [
    ["topics", "Topics", "t", () => may("topic", "view")],
    ["schemas", "Schemas", "s", (cluster) => cluster.registry],
    ["sql", "SQL", "q", (cluster) => cluster.sql && may("sql", "run")],
  ]],
  ["Applications", [
    ["groups", "Groups", "g", () => may("group", "view")],
    ["streams", "Streams", "r", () => may("group", "view")],
    ["connect", "Connect", "c", (cluster) => cluster.connect.length > 0],
    ["transactions", "Transactions", "x", () => may("transaction", "view")],
  ]],
  ["Cluster", [
    ["brokers", "Brokers", "b", () => true],
    ["acls", "ACLs", "a", () => may("acl", "view")],
    ["users", "Users and quotas", "u", () => may("user", "view") || may("quota", "view")],
    ["tokens", "Tokens", "k", () => may("token", "view")],
    ["audit", "Audit log", "l", () => session.get().can_read_audit],
  ]],
];

export function Shell({ children }) {
  const [help, setHelp] = useState(false);
  const { path } = useCell(route);
  const { clusters } = useCell(session);
  const cluster = currentCluster();
  useKey("?", "these keys", () => setHelp((before) => !before));
  useKey("d", "dark or light", toggleTheme);
  const readOnly = session.get().read_only || cluster.read_only;
  return html`<div class="shell">
    <a class="skip" href="#page-title" onClick=${skip}>Skip to the page</a>
    <header class="side">
      <a class="brand" href=${address(["overview"])}><img src="mark.svg" width="26" height="26" alt="" />Ottla</a>
      <label class="cluster-choice">Cluster
        <select aria-label="Cluster" value=${cluster.name} onChange=${(event) => go(["overview"], {}, { cluster: event.target.value })}>
          ${clusters.map((each) => html`<option key=${each.name} value=${each.name}>${each.name}</option>`)}
        </select></label>
      ${readOnly && html`<p class="read-only"><${Icon} name="lock" size=${14} />Read-only</p>`}
      <nav aria-label="Pages">${PAGES.map(([heading, pages]) => html`<${Section} key=${heading} heading=${heading} pages=${pages} cluster=${cluster} current=${path[0] ?? "overview"} />`)}</nav>
      <${Foot} openHelp=${() => setHelp(true)} />
    </header>
    <main class="page">${children}</main>
    ${help && html`<${Keys} onClose=${() => setHelp(false)} />`}
  </div>`;
}

function Section({ heading, pages, cluster, current }) {
  const shown = pages.filter(([, , , isShown]) => isShown(cluster));
  if (shown.length === 0) return null;
  return html`${heading && html`<p class="side-heading">${heading}</p>`}
    <ul>${shown.map(([page, text, key]) => html`<${PageLink} key=${page} page=${page} text=${text} letter=${key} isCurrent=${page === current} />`)}</ul>`;
}

function PageLink({ page, text, letter, isCurrent }) {
  useKey(`g ${letter}`, `go to ${text}`, () => go([page]));
  return html`<li><a href=${address([page])} aria-current=${isCurrent ? "page" : undefined}><${Icon} name=${page} />${text}</a></li>`;
}

function Foot({ openHelp }) {
  const { user, roles, version, sign_in: signIn } = useCell(session);
  const dark = useCell(theme) === "dark";
  const leave = async () => {
    try {
      const answer = await ask("signOut");
      if (answer?.sign_out) return location.assign(answer.sign_out);
    } catch (error) {
      tellError(error);
    }
    return openSession().catch(tellError);
  };
  return html`<div class="side-foot">
    ${user && html`<span class="who" title=${roles.join(", ")}>${user}</span>`}
    <button type="button" class="quiet" aria-label=${dark ? "Light theme" : "Dark theme"} title="Dark or light (d)" onClick=${toggleTheme}><${Icon} name=${dark ? "sun" : "moon"} /></button>
    <button type="button" class="quiet" aria-label="Keys" title="Keys (?)" onClick=${openHelp}><${Icon} name="help" /></button>
    ${user && signIn.required && html`<button type="button" class="quiet" aria-label="Sign out" title="Sign out" onClick=${leave}><${Icon} name="out" /></button>`}
    <small class="muted">${version}</small>
  </div>`;
}

/** The address is the router's, so a link to an id cannot be a plain one. */
function skip(event) {
  event.preventDefault();
  document.getElementById("page-title")?.focus();
}

function Keys({ onClose }) {
  const fixed = [["Enter", "open the row"], ["↑ ↓  j k", "walk in a table"], ["Esc", "leave a field, close a dialog"]];
  const bound = allBindings().map(({ keys, description }) => [keys, description]);
  return html`<${Dialog} title="Keys" onClose=${onClose}><div class="dialog-body keys">
    ${[...bound, ...fixed].map(([keys, description]) => html`<p key=${keys}><span>${keys.split(" ").filter(Boolean).map((key) => html`<kbd>${key}</kbd> `)}</span>${description}</p>`)}
  </div><//>`;
}
