/** A value that views observe: all of the console's shared state is in a few of these. */

import { useEffect, useState } from "../vendor/preact.js";

export function cell(initial) {
  let value = initial;
  const watchers = new Set();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const watcher of [...watchers]) watcher(next);
    },
    watch(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}

/** The value of `observed` within a component, which is drawn again when it changes. */
export function useCell(observed) {
  const [value, setValue] = useState(() => observed.get());
  useEffect(() => {
    setValue(() => observed.get());
    return observed.watch((next) => setValue(() => next));
  }, [observed]);
  return value;
}
