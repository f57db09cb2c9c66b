/** A connector's log as it comes. No drawing here: at most `MAX_LINES` lines are held, the oldest go first. */

import { urlOf } from "./api.js";

export const MAX_LINES = 5_000;

/** `changed(state)` is told of `{ lines, loading, live, error, over, waiting }`. */
export class ConnectorLog {
  constructor(name, changed) {
    this.url = urlOf("getConnectorLogs", { name });
    this.changed = changed;
    this.paused = false;
    this.aside = [];
    this.state = { lines: [], loading: true, live: true, error: null, over: null, waiting: 0 };
    this.source = new EventSource(this.url);
    this.source.addEventListener("lines", (event) => this.#came(JSON.parse(event.data)));
    this.source.addEventListener("failure", (event) => this.#ended({ error: JSON.parse(event.data) }));
    this.source.addEventListener("over", (event) => this.#ended({ over: JSON.parse(event.data).reason }));
    this.source.onerror = () => this.#broken();
  }

  pause(paused) {
    this.paused = paused;
    this.#came([]);
  }

  close() {
    this.changed = () => {};
    this.source.close();
  }

  #set(changes) {
    this.state = { ...this.state, ...changes };
    this.changed(this.state);
  }

  #came(lines) {
    this.aside = this.aside.concat(lines).slice(-MAX_LINES);
    if (this.paused) return this.#set({ waiting: this.aside.length });
    if (this.aside.length === 0) return this.state.loading || this.state.waiting ? this.#set({ loading: false, waiting: 0 }) : undefined;
    const all = this.state.lines.concat(this.aside).slice(-MAX_LINES);
    this.aside = [];
    return this.#set({ lines: all, loading: false, waiting: 0 });
  }

  #ended(changes) {
    this.source.close();
    this.#set({ live: false, loading: false, ...changes });
  }

  /** EventSource says nothing of why; the same request by hand does. A lost connection it makes anew by itself. */
  async #broken() {
    if (this.source.readyState !== EventSource.CLOSED) return;
    const abort = new AbortController();
    try {
      const response = await fetch(this.url, { signal: abort.signal });
      if (response.ok) throw new Error("The log ended.");
      this.#ended({ error: (await response.json()).error });
    } catch (error) {
      this.#ended({ error: { message: error.message, hint: "Open it again." } });
    } finally {
      abort.abort();
    }
  }
}
