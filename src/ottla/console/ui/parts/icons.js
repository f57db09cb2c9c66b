/** The console's pictograms: strokes on a 16 × 16 grid, in the colour of the text. */

import { html } from "../vendor/preact.js";

const PATHS = {
  overview: "M2.5 9.5a5.5 5.5 0 1 1 11 0M8 9.5l3-3M2.5 12.5h11",
  topics: "M2.5 3.5h11M2.5 8h11M2.5 12.5h7",
  sql: "M3 4c0-1.1 2.2-2 5-2s5 .9 5 2-2.2 2-5 2-5-.9-5-2ZM3 4v8c0 1.1 2.2 2 5 2s5-.9 5-2V4M3 8c0 1.1 2.2 2 5 2s5-.9 5-2",
  schemas: "M6 2.5c-2 0-1 4-3.5 5.5C5 9.5 4 13.5 6 13.5M10 2.5c2 0 1 4 3.5 5.5-2.5 1.5-1.5 5.5-3.5 5.5",
  groups: "M6 7.500a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM1.5 13.500c.3-2.5 2-4 4.5-4s4.2 1.5 4.5 4M11 7.300a2.2 2.2 0 1 0-.7-4.300M12 9.700c1.5.4 2.3 1.8 2.5 3.8",
  streams: "M4 3.500h3v3H4zM9.5 9.500h3v3h-3zM2.5 10h3v3h-3zM5.5 6.500v1.500c0 1-1.5 1-1.5 2M7 5h2.500c1.5 0 1.5 2 1.5 4.5",
  transactions: "M2.5 5.500h10M10 3l2.5 2.500L10 8M13.5 10.500h-10M6 8 3.5 10.5 6 13",
  connect: "M5.5 2v3M10.5 2v3M3.5 5h9v2.500a4.5 4.5 0 0 1-9 0zM8 12v2.5",
  brokers: "M2.5 2.500h11v4h-11zM2.5 9.500h11v4h-11zM5 4.500h.01M5 11.500h.01M8 4.500h3M8 11.500h3",
  acls: "M8 1.8 13 3.500v4c0 3.2-2 5.5-5 6.7-3-1.2-5-3.5-5-6.700v-4zM5.8 8l1.6 1.600L10.5 6.5",
  users: "M8 7.500a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.400ZM2.8 14c.4-2.8 2.3-4.5 5.2-4.500s4.8 1.7 5.2 4.5",
  tokens: "M5.500 13.500a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM7.800 8.400 13.500 2.700M11 5.200l2 2M9.500 6.700l1.300 1.300",
  audit: "M4 2h6l3 3v9H4zM10 2v3h3M6.5 8h4M6.5 11h4",
  metrics: "M2.5 2.500v11h11M5 10.500l2.5-3.5 2 2 3.5-5",
  sun: "M8 10.800a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.600ZM8 1.500V3M8 13v1.500M1.5 8H3M13 8h1.500M3.4 3.400l1.1 1.100M11.5 11.500l1.1 1.100M3.4 12.600l1.1-1.100M11.5 4.500l1.1-1.1",
  moon: "M13.5 9.600A5.8 5.8 0 0 1 6.4 2.500a5.8 5.8 0 1 0 7.1 7.100Z",
  help: "M8 14.200A6.2 6.2 0 1 0 8 1.800a6.2 6.2 0 0 0 0 12.400ZM6.2 6.200c.2-2.4 3.7-2.3 3.7-.1 0 1.4-1.9 1.5-1.9 3M8 11.400h.01",
  lock: "M4 7h8v6.500H4zM5.5 7V5a2.5 2.5 0 0 1 5 0v2",
  plus: "M8 3v10M3 8h10",
  close: "M4 4l8 8M12 4l-8 8",
  copy: "M5.5 5.500h8v8h-8zM10.5 5.500v-3h-8v8h3",
  play: "M4.5 2.8 12.5 8l-8 5.200z",
  pause: "M5.5 3v10M10.5 3v10",
  stop: "M4 4h8v8H4z",
  refresh: "M13 8a5 5 0 1 1-1.6-3.700M13.5 2v3h-3",
  out: "M6.5 2.500h-4v11h4M6 8h8M11 5l3 3-3 3",
  down: "M4 6l4 4 4-4",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.7 10.7 14 14",
};

export function Icon({ name, size = 16 }) {
  return html`<svg width=${size} height=${size} viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.4"
    stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false"><path d=${PATHS[name]} /></svg>`;
}

export const ICON_NAMES = Object.keys(PATHS);
