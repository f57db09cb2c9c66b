/**
 * The keyboard: what each page offers, and the keys that work everywhere.
 *
 * `bind("g t", "go to topics", action)`: keys after each other, within a second. Nothing is taken while somebody writes
 * in a field, but Escape, which leaves the field.
 */

import { useEffect } from "../vendor/preact.js";

const WITHIN_MS = 1000;
const bindings = new Map();
let before = "";
let typedAt = 0;

export function bind(keys, description, action) {
  const entry = { keys, description, action };
  const covered = bindings.get(keys);
  bindings.set(keys, entry);
  return () => {
    if (bindings.get(keys) !== entry) return;
    if (covered) bindings.set(keys, covered);
    else bindings.delete(keys);
  };
}

export function useKey(keys, description, action, dependencies = []) {
  useEffect(() => bind(keys, description, action), dependencies);
}

export function allBindings() {
  return [...bindings.values()];
}

function isWriting(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (isWriting(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (document.querySelector("dialog[open]") && event.key !== "?") return;
  const now = performance.now();
  const both = now - typedAt < WITHIN_MS && bindings.get(`${before} ${event.key}`);
  [before, typedAt] = [event.key, now];
  const found = both || bindings.get(event.key);
  if (!found) return;
  event.preventDefault();
  before = "";
  found.action(event);
});
