/**
 * Where we are: `#/<cluster>/<page>/<what>?<query>`.
 *
 * Everything that a page shows by choice (tab, filter, where to seek) is in the address, so that it can be sent to
 * somebody and "back" undoes it.
 */

import { cell } from "./cell.js";

function parse(hash) {
  const [path, search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const segments = path.split("/").filter(Boolean).map(decode);
  return { cluster: segments[0] ?? null, path: segments.slice(1), query: Object.fromEntries(new URLSearchParams(search)) };
}

function decode(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export const route = cell(parse(location.hash));
addEventListener("hashchange", () => route.set(parse(location.hash)));

/**
 * The address of a page of the cluster that is shown; `query` entries that are null or "" are left out. The pages of
 * connectors stay with the group of workers that is looked at.
 */
export function address(path, query = {}, cluster = route.get().cluster) {
  const search = new URLSearchParams();
  const { path: here, query: before } = route.get();
  const stays = path[0] === "connect" && here[0] === "connect" && cluster === route.get().cluster ? { group: before.group } : {};
  for (const [name, value] of Object.entries({ ...stays, ...query })) if (value !== null && value !== undefined && value !== "") search.set(name, value);
  const text = search.toString();
  return `#/${[cluster, ...path].map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

export function go(path, query = {}, { replace = false, cluster = route.get().cluster } = {}) {
  const target = address(path, query, cluster);
  if (replace) {
    history.replaceState(null, "", target);
    route.set(parse(target));
  } else location.hash = target;
}

/** Changes some of the query of the page that is shown. */
export function amend(changes, { replace = true } = {}) {
  const { path, query } = route.get();
  go(path, { ...query, ...changes }, { replace });
}
