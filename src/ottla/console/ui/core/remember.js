/** Small things kept in this browser: the history of queries, chosen columns. Storage may be forbidden or full. */

export function recall(name, otherwise) {
  try {
    const text = localStorage.getItem(`ottla.${name}`);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(`ottla.${name}`, JSON.stringify(value));
  } catch {
    // Forgotten with the page, then.
  }
}
