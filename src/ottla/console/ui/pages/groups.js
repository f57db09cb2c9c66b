/** Groups of every type: classic, consumer, share, streams. */

import { html, useState } from "../vendor/preact.js";
import { ask } from "../core/api.js";
import { count } from "../core/format.js";
import { useLoad } from "../core/load.js";
import { address, amend, go } from "../core/router.js";
import { Choice } from "../parts/form.js";
import { Empty, Loaded, State } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { Search, Table } from "../parts/table.js";

const EVERY_MS = 5000;
const TYPES = [["", "All"], ["consumer", "Consumer"], ["classic", "Classic"], ["share", "Share"], ["streams", "Streams"]];

const COLUMNS = [
  { name: "group", title: "Group", of: (group) => group.group_id, show: (group) => html`<a href=${address(["groups", group.group_id])}>${group.group_id}</a>` },
  { name: "type", title: "Type", of: (group) => group.type },
  { name: "state", title: "State", of: (group) => group.state, show: (group) => html`<${State} name=${group.state} />` },
  { name: "members", title: "Members", number: true, of: (group) => group.members, show: (group) => count(group.members) },
  { name: "lag", title: "Lag", number: true, of: (group) => group.lag, show: (group) => count(group.lag) },
  { name: "topics", title: "Reads", of: (group) => (group.topics ?? []).join(" "), show: (group) => topicsOf(group.topics), wide: true },
];

const MAX_TOPICS = 4;

function topicsOf(topics) {
  if (!topics?.length) return null;
  const more = topics.length - MAX_TOPICS;
  return html`${topics.slice(0, MAX_TOPICS).map((topic, index) => html`${index ? ", " : ""}<a href=${address(["topics", topic])}>${topic}</a>`)}${more > 0 ? ` and ${more} more` : ""}`;
}

export default function Groups({ query }) {
  const [filter, setFilter] = useState("");
  const type = query.type ?? "";
  const state = useLoad((signal) => ask("getGroups", { signal }), [], { everyMs: EVERY_MS });
  const empty = html`<${Empty} title="No groups yet."><p>A group appears when somebody reads by its name:</p><pre class="say">ottla consume greetings --group readers</pre><//>`;
  return html`<${Page} title="Groups">
    <div class="bar"><${Search} label="Search groups" value=${filter} onChange=${setFilter} />
      <${Choice} label="Type" value=${type} options=${TYPES} onChange=${(next) => amend({ type: next })} /></div>
    <${Loaded} state=${state} what="Reading groups">${({ groups }) => {
      const rows = type ? groups.filter((group) => group.type === type) : groups;
      return html`<${Table} label="Groups" columns=${COLUMNS} rows=${rows} keyOf=${(group) => group.group_id} filter=${filter} sort=${{ name: "lag", down: true }}
        open=${(group) => go(["groups", group.group_id])} empty=${groups.length ? html`<p class="none">No ${type} group.</p>` : empty} />`;
    }}<//>
  <//>`;
}
