/** The console: asks who we are, then shows the page that the address names. Pages are loaded when first opened. */

import { Component, html, render, useEffect, useState } from "./vendor/preact.js";
import { currentCluster, openSession, session } from "./core/api.js";
import { useCell } from "./core/cell.js";
import { go, route } from "./core/router.js";
import { Empty, Failure, Waiting } from "./parts/notice.js";
import { Shell } from "./parts/shell.js";
import { Toasts } from "./parts/toast.js";

const RETRY_MS = 3000;

/** Each page's module exports `default`, a component that takes `{ path, query }`: what follows the page's name. */
const PAGES = {
  overview: () => import("./pages/overview.js"),
  metrics: () => import("./pages/metrics.js"),
  topics: (path) => (path.length === 0 ? import("./pages/topics.js") : import("./pages/topic.js")),
  schemas: (path) => (path.length === 0 ? import("./pages/schemas.js") : import("./pages/schema.js")),
  sql: () => import("./pages/sql.js"),
  groups: (path) => (path.length === 0 ? import("./pages/groups.js") : import("./pages/group.js")),
  streams: () => import("./pages/streams.js"),
  connect: (path) => {
    if (path.length === 0) return import("./pages/connect.js");
    return path[0] === "new" ? import("./pages/connector_create.js") : import("./pages/connector.js");
  },
  transactions: () => import("./pages/transactions.js"),
  brokers: () => import("./pages/brokers.js"),
  acls: () => import("./pages/acls.js"),
  users: () => import("./pages/users.js"),
  tokens: () => import("./pages/tokens.js"),
  audit: () => import("./pages/audit.js"),
};

/** A page that breaks is said, and does not take the rest with it. */
class Guard extends Component {
  componentDidCatch(error) {
    console.error(error);
    this.setState({ error, at: this.props.at });
  }

  render({ children, at }, { error, at: brokenAt }) {
    if (!error || at !== brokenAt) return children;
    const said = { message: "This page is broken.", hint: "It is a bug of the console; its trace is in the browser's console.", code: String(error) };
    return html`<${Failure} error=${said} retry=${() => this.setState({ error: null })} />`;
  }
}

function CurrentPage() {
  const { path, query } = useCell(route);
  const name = path[0] ?? "overview";
  const rest = path.slice(1);
  const [loaded, setLoaded] = useState({ name: null, page: null, error: null });
  const variant = `${name}/${rest.length === 0 ? "" : rest[0] === "new" ? "new" : "one"}`;
  useEffect(() => {
    let isCurrent = true;
    const load = PAGES[name];
    if (!load) return setLoaded({ name: variant, page: NoPage, error: null });
    load(rest).then(
      (module) => isCurrent && setLoaded({ name: variant, page: module.default, error: null }),
      (error) => isCurrent && setLoaded({ name: variant, page: null, error: { message: "This page could not be loaded.", hint: "Is the console's server still running?", code: error.message } }),
    );
    return () => {
      isCurrent = false;
    };
  }, [variant]);
  if (loaded.name !== variant) return html`<${Waiting} />`;
  if (loaded.error) return html`<${Failure} error=${loaded.error} retry=${() => location.reload()} />`;
  return html`<${Guard} at=${location.hash}><${loaded.page} key=${`${route.get().cluster} ${name} ${rest[0] ?? ""}`} path=${rest} query=${query} /><//>`;
}

function NoPage() {
  return html`<${Empty} title="There is no such page."><p>The address may be mistyped. <a href="#/">Go to the overview</a>.</p><//>`;
}

function SignInFirst() {
  const [page, setPage] = useState(null);
  useEffect(() => {
    import("./pages/sign_in.js").then((module) => setPage(() => module.default), () => setPage(() => NoPage));
  }, []);
  return page && html`<${page} />`;
}

function Starting() {
  return html`<main class="starting" aria-busy="true"><img src="mark.svg" width="48" height="48" alt="" /><p>Opening the console…</p></main>`;
}

function App() {
  const known = useCell(session);
  const { cluster, path } = useCell(route);
  const [error, setError] = useState(null);
  useEffect(() => {
    let timer = 0;
    const open = () => openSession().then(() => setError(null), (raised) => {
      setError(raised);
      timer = setTimeout(open, RETRY_MS);
    });
    open();
    return () => clearTimeout(timer);
  }, []);
  useEffect(() => {
    if (known?.signed_in && known.clusters.length && !cluster) go(["overview"], {}, { replace: true, cluster: known.clusters[0].name });
  }, [known, cluster]);
  useEffect(() => window.scrollTo(0, 0), [path[0], path[1]]);
  let shown;
  if (!known) shown = error ? html`<main class="starting"><h1>Ottla console</h1><${Failure} error=${error} /></main>` : html`<${Starting} />`;
  else if (!known.signed_in) shown = html`<${SignInFirst} />`;
  else if (known.clusters.length === 0) shown = html`<main class="starting"><h1>No cluster</h1><p>Your roles allow none of this console's clusters. Ask whoever set it up.</p></main>`;
  else if (!cluster) shown = html`<${Starting} />`;
  else if (!currentCluster()) shown = html`<main class="starting"><h1>No such cluster</h1><p>There is no <code>${cluster}</code> here. <a href="#/">Go to ${known.clusters[0].name}</a>.</p></main>`;
  else shown = html`<${Shell}><${CurrentPage} /><//>`;
  return html`${shown}<${Toasts} />`;
}

const root = document.getElementById("app");
root.replaceChildren();
render(html`<${App} />`, root);
