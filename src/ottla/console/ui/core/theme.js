/** Dark or light: the system's preference, until one is chosen. */

import { cell } from "./cell.js";

export const theme = cell(document.documentElement.dataset.theme ?? "light");

const system = matchMedia("(prefers-color-scheme: dark)");
system.addEventListener("change", () => {
  if (!remembered()) show(system.matches ? "dark" : "light");
});

function remembered() {
  try {
    return localStorage.getItem("ottla.theme");
  } catch {
    return null;
  }
}

function show(name) {
  document.documentElement.dataset.theme = name;
  theme.set(name);
}

export function toggleTheme() {
  const next = theme.get() === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("ottla.theme", next);
  } catch {
    // Chosen for this page only, then.
  }
  show(next);
}
