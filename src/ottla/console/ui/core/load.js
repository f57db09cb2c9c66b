/** What a page asks of the server, asked again when it must be, and given up when the page goes. */

import { useCallback, useEffect, useRef, useState } from "../vendor/preact.js";

/**
 * `load(signal)` is called when `dependencies` change, when `reload` is, and every `everyMs` while somebody looks.
 * Answers `{ data, error, loading, reload }`; `data` stays what it was while it is asked for again.
 */
export function useLoad(load, dependencies, { everyMs = 0 } = {}) {
  const [state, setState] = useState({ data: undefined, error: null, loading: true });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => setState({ data: undefined, error: null, loading: true }), dependencies);
  useEffect(() => {
    const abort = new AbortController();
    let timer = 0;
    const ask = async () => {
      if (everyMs && document.hidden) return again();
      try {
        const data = await latest.current(abort.signal);
        if (!abort.signal.aborted) setState({ data, error: null, loading: false });
      } catch (error) {
        if (abort.signal.aborted) return undefined;
        setState((before) => ({ data: before.data, error, loading: false }));
      }
      return again();
    };
    const again = () => {
      if (everyMs && !abort.signal.aborted) timer = setTimeout(ask, everyMs);
    };
    ask();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [...dependencies, turn, everyMs]);
  const reload = useCallback(() => setTurn((before) => before + 1), []);
  return { ...state, reload };
}
