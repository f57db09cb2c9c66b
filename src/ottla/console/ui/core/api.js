/**
 * All that the console asks of its server: one line a route, as docs/reference/console-api.md has them.
 *
 * A test compares the lines of `routes` with the server's table. Whatever goes wrong is an `ApiError` with the server's
 * message and hint; nothing is swallowed here.
 */

import { cell } from "./cell.js";
import { route } from "./router.js";

export class ApiError extends Error {
  constructor(status, { code = null, message, hint = null }) {
    super(message);
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

/** What `GET /api/session` says; null until it has been asked. */
export const session = cell(null);

const routes = {
  // The server
  getSession: "GET /api/session",
  signIn: "POST /api/session",
  signOut: "DELETE /api/session",
  getAudit: "GET /api/audit",
  // A cluster
  getOverview: "GET /overview",
  getBrokers: "GET /brokers",
  getBrokerConfigs: "GET /brokers/{id}/configs",
  setBrokerConfigs: "PATCH /brokers/{id}/configs",
  unregisterBroker: "DELETE /brokers/{id}",
  getQuorum: "GET /quorum",
  removeVoter: "DELETE /quorum/voters/{node}",
  getFeatures: "GET /features",
  updateFeatures: "POST /features",
  getElections: "GET /elections",
  electLeaders: "POST /elections",
  getReassignments: "GET /reassignments",
  proposeReassignments: "POST /reassignments/plan",
  startReassignments: "POST /reassignments",
  cancelReassignments: "POST /reassignments/cancel",
  removeThrottles: "DELETE /reassignments/throttles",
  getMetrics: "GET /metrics",
  getTop: "GET /metrics/top",
  // Topics and messages
  getTopics: "GET /topics",
  createTopic: "POST /topics",
  getTopic: "GET /topics/{topic}",
  deleteTopic: "DELETE /topics/{topic}",
  getTopicConfigs: "GET /topics/{topic}/configs",
  setTopicConfigs: "PATCH /topics/{topic}/configs",
  addPartitions: "POST /topics/{topic}/partitions",
  deleteRecords: "POST /topics/{topic}/delete-records",
  getTopicGroups: "GET /topics/{topic}/groups",
  getTopicProducers: "GET /topics/{topic}/producers",
  getMessages: "GET /topics/{topic}/messages",
  getMessage: "GET /topics/{topic}/messages/{partition}/{offset}",
  produce: "POST /topics/{topic}/messages",
  tail: "GET /topics/{topic}/tail",
  checkExpression: "GET /expression",
  // Groups
  getGroups: "GET /groups",
  getGroup: "GET /groups/{group}",
  deleteGroup: "DELETE /groups/{group}",
  resetGroup: "POST /groups/{group}/reset",
  forgetOffsets: "DELETE /groups/{group}/offsets",
  getLag: "GET /groups/{group}/lag",
  getTopology: "GET /groups/{group}/topology",
  // Who may, and how much
  getAcls: "GET /acls",
  createAcls: "POST /acls",
  deleteAcl: "DELETE /acls",
  getUsers: "GET /users",
  setUser: "PUT /users/{user}",
  deleteUser: "DELETE /users/{user}",
  getQuotas: "GET /quotas",
  setQuota: "PUT /quotas",
  getTokens: "GET /tokens",
  createToken: "POST /tokens",
  renewToken: "POST /tokens/{token}/renew",
  expireToken: "POST /tokens/{token}/expire",
  // Transactions
  getTransactions: "GET /transactions",
  getTransaction: "GET /transactions/{id}",
  abortTransaction: "POST /transactions/{id}/abort",
  getHanging: "GET /transactions-hanging",
  abortHanging: "POST /topics/{topic}/abort-transaction",
  // Schema registry
  getRegistry: "GET /registry",
  setRegistryLevel: "PUT /registry/level",
  getSubjects: "GET /registry/subjects",
  getSubject: "GET /registry/subjects/{subject}",
  setSubjectLevel: "PUT /registry/subjects/{subject}/level",
  registerSchema: "POST /registry/subjects/{subject}/versions",
  checkSchema: "POST /registry/subjects/{subject}/compatibility",
  deleteSubject: "DELETE /registry/subjects/{subject}",
  deleteVersion: "DELETE /registry/subjects/{subject}/versions/{version}",
  getSchema: "GET /registry/schemas/{id}",
  // Connect
  getConnect: "GET /connect",
  getPlugins: "GET /connect/plugins",
  validateConnector: "PUT /connect/plugins/{class}/validate",
  getConnectors: "GET /connect/connectors",
  createConnector: "POST /connect/connectors",
  getConnector: "GET /connect/connectors/{name}",
  setConnectorConfig: "PUT /connect/connectors/{name}/config",
  deleteConnector: "DELETE /connect/connectors/{name}",
  pauseConnector: "POST /connect/connectors/{name}/pause",
  resumeConnector: "POST /connect/connectors/{name}/resume",
  stopConnector: "POST /connect/connectors/{name}/stop",
  restartConnector: "POST /connect/connectors/{name}/restart",
  restartTask: "POST /connect/connectors/{name}/tasks/{id}/restart",
  getConnectorLogs: "GET /connect/connectors/{name}/logs",
  getConnectorOffsets: "GET /connect/connectors/{name}/offsets",
  setConnectorOffsets: "PATCH /connect/connectors/{name}/offsets",
  deleteConnectorOffsets: "DELETE /connect/connectors/{name}/offsets",
  // SQL
  runSql: "POST /sql",
};

/** The URL of a route, with what stands in braces taken from `names`. */
export function urlOf(name, names = {}, query = {}) {
  const pattern = routes[name].split(" ")[1];
  const path = pattern.replace(/\{(\w+)\}/g, (_, key) => encodeURIComponent(names[key]));
  const search = new URLSearchParams();
  if (pattern.startsWith("/connect") && route.get().query.group) search.set("group", route.get().query.group);
  for (const [key, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === "") continue;
    for (const each of Array.isArray(value) ? value : [value]) search.append(key, each);
  }
  const prefix = path.startsWith("/api/") ? "" : `/api/clusters/${encodeURIComponent(route.get().cluster)}`;
  return `${prefix}${path}${search.size ? `?${search}` : ""}`;
}

/** Asks one route. `{ names, query, body, signal }`; answers the JSON, or null where there is none. */
export async function ask(name, { names, query, body, signal } = {}) {
  const method = routes[name].split(" ")[0];
  const url = urlOf(name, names, query);
  let answer = await send(method, url, body, signal);
  if (answer.status === 403 && answer.error?.code === "CSRF") {
    await openSession();
    answer = await send(method, url, body, signal);
  }
  if (answer.error) {
    if (answer.status === 401 && name !== "signIn") openSession().catch(() => {});
    throw new ApiError(answer.status, answer.error);
  }
  return answer.data;
}

async function send(method, url, body, signal) {
  const headers = {};
  if (method !== "GET") headers["X-Ottla-Csrf"] = session.get()?.csrf ?? "";
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(url, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { code: "OFFLINE", message: "The console's server does not answer.", hint: "Is `ottla console` still running? This page tries again by itself." });
  }
  const text = await response.text();
  if (response.ok) return { status: response.status, data: text ? JSON.parse(text) : null };
  return { status: response.status, error: errorOf(response, text) };
}

function errorOf(response, text) {
  try {
    const { error } = JSON.parse(text);
    if (error?.message) return error;
  } catch {
    // Not the console's own answer: a proxy's, perhaps.
  }
  return { code: `HTTP ${response.status}`, message: `The server answered ${response.status} ${response.statusText}.`, hint: text.slice(0, 200) || null };
}

/** Asks who we are, and what we may. */
export async function openSession() {
  session.set(await ask("getSession"));
  return session.get();
}

export function currentCluster() {
  const { cluster } = route.get();
  return session.get()?.clusters.find((each) => each.name === cluster) ?? null;
}

const CHANGES_NOTHING = new Set(["view", "read", "run", "logs"]);

/** Whether the role allows `action` on a resource, as far as the page can tell; the server decides. */
export function may(resource, action, name = "") {
  const cluster = currentCluster();
  if (!cluster) return false;
  if ((cluster.read_only || session.get().read_only) && !CHANGES_NOTHING.has(action)) return false;
  return cluster.permissions.some(
    (each) =>
      (each.resource === resource || each.resource === "*") &&
      (each.actions.includes("*") || each.actions.includes(action) || action === "view") &&
      (name === "" || each.names.some((pattern) => matches(pattern, name))),
  );
}

function matches(glob, name) {
  const pattern = glob.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${pattern}$`, "s").test(name);
}
