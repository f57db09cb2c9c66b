/**
 * Messages as they come: page after page of a search, or a live tail. No drawing here.
 *
 * Both hold at most a named number of rows; both say how far they are, and why they stopped.
 */

import { ask, urlOf } from "./api.js";

export const MAX_ROWS = 100_000;
export const MAX_TAIL_ROWS = 10_000;
const PAGE = 500;
/** Of those that are asked for when all are wanted: as many as the server gives. */
const WHOLE_PAGE = 5_000;
const FIRST_PAGE = 100;
/** So many pages in a row without enough to fill the view, and somebody must ask for more. */
const MAX_BARREN_PAGES = 20;
const FLUSH_MS = 200;

const NOTHING = { rows: [], loading: false, done: false, paused: false, error: null, records: 0, bytes: 0, ended: null, positions: null };

/** A search: `more()` fetches the next page, `all()` goes on until `MAX_ROWS`, `stop()` gives up. `changed(state)` is told. */
export class Search {
  constructor(topic, query, changed) {
    this.topic = topic;
    this.query = query;
    this.changed = changed;
    this.cursor = null;
    this.barren = 0;
    this.abort = null;
    this.wantsAll = false;
    this.state = NOTHING;
  }

  more({ asked = false } = {}) {
    const { loading, done, paused, error, rows } = this.state;
    if (asked) this.barren = 0;
    if (loading || done || rows.length >= MAX_ROWS || (!asked && (paused || error))) return;
    this.#fetch();
  }

  all() {
    this.wantsAll = true;
    this.more({ asked: true });
  }

  stop() {
    this.wantsAll = false;
    this.abort?.abort();
    this.abort = null;
    this.#set({ loading: false, paused: true });
  }

  /** No more is told. */
  close() {
    this.changed = () => {};
    this.abort?.abort();
  }

  #set(changes) {
    this.state = { ...this.state, ...changes };
    this.changed(this.state);
  }

  async #fetch() {
    const abort = new AbortController();
    this.abort = abort;
    this.#set({ loading: true, paused: false, error: null });
    try {
      const limit = this.wantsAll ? WHOLE_PAGE : this.state.rows.length ? PAGE : FIRST_PAGE;
      const query = { ...this.query, limit, cursor: this.cursor };
      const page = await ask("getMessages", { names: { topic: this.topic }, query, signal: abort.signal });
      if (!abort.signal.aborted) this.#take(page);
    } catch (error) {
      if (!abort.signal.aborted) this.#set({ loading: false, error, paused: true });
    }
  }

  #take(page) {
    this.cursor = page.next;
    this.barren = page.messages.length < FIRST_PAGE / 2 ? this.barren + 1 : 0;
    const rows = page.messages.length ? this.state.rows.concat(page.messages).slice(0, MAX_ROWS) : this.state.rows;
    const { records, bytes } = this.state;
    const done = page.next === null;
    this.#set({
      rows,
      loading: false,
      done,
      paused: this.barren >= MAX_BARREN_PAGES,
      ended: page.ended,
      positions: page.partitions,
      records: records + page.scanned.records,
      bytes: bytes + page.scanned.bytes,
    });
    if (this.wantsAll && !done && rows.length < MAX_ROWS) this.#fetch();
    else if (rows.length < FIRST_PAGE) this.more();
  }
}

/** A live tail, the newest first. While it is paused what comes is kept aside, as much as fits. */
export class Tail {
  constructor(topic, query, changed) {
    this.url = urlOf("tail", { topic }, query);
    this.changed = changed;
    this.aside = [];
    this.paused = false;
    this.timer = 0;
    this.state = { rows: [], loading: true, live: true, error: null, over: null, waiting: 0, left_out: 0, status: null };
    this.source = new EventSource(this.url);
    this.source.addEventListener("open", () => this.#set({ loading: false, error: null }));
    this.source.addEventListener("messages", (event) => this.#came(JSON.parse(event.data)));
    this.source.addEventListener("status", (event) => this.#set({ status: JSON.parse(event.data) }));
    this.source.addEventListener("failure", (event) => this.#failed(JSON.parse(event.data)));
    this.source.addEventListener("over", (event) => this.#over(JSON.parse(event.data).reason));
    this.source.onerror = () => this.#broken();
  }

  pause(paused) {
    this.paused = paused;
    if (paused) this.#set({ waiting: this.aside.length });
    else this.#flush();
  }

  close() {
    this.changed = () => {};
    this.source.close();
    clearTimeout(this.timer);
  }

  #set(changes) {
    this.state = { ...this.state, ...changes };
    this.changed(this.state);
  }

  #came(messages) {
    this.aside.push(...messages);
    const tooMany = this.aside.length - MAX_TAIL_ROWS;
    if (tooMany > 0) {
      this.aside.splice(0, tooMany);
      this.state.left_out += tooMany;
    }
    if (!this.timer) this.timer = setTimeout(() => this.#flush(), FLUSH_MS);
  }

  #flush() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (this.paused) return this.#set({ waiting: this.aside.length });
    if (this.aside.length === 0) return this.#set({ waiting: 0 });
    const rows = this.aside.reverse().concat(this.state.rows).slice(0, MAX_TAIL_ROWS);
    this.aside = [];
    return this.#set({ rows, waiting: 0, loading: false });
  }

  #failed(error) {
    this.source.close();
    this.#set({ error: error.error ?? error, live: false, loading: false });
  }

  #over(reason) {
    this.source.close();
    this.#set({ over: reason, live: false, loading: false });
  }

  /** EventSource says nothing of why; the same request by hand does. A lost connection it makes anew by itself. */
  async #broken() {
    if (this.source.readyState !== EventSource.CLOSED) return this.#set({ loading: true });
    const abort = new AbortController();
    try {
      const response = await fetch(this.url, { signal: abort.signal });
      if (response.ok) throw new Error("The live tail ended.");
      this.#failed(await response.json());
    } catch (error) {
      this.#failed({ message: error.message, hint: "Start it again." });
    } finally {
      abort.abort();
    }
    return undefined;
  }
}
