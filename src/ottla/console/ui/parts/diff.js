/** Two texts beside each other, line by line: what was taken out, what came in. */

import { html, useMemo } from "../vendor/preact.js";

const MAX_LINES = 3000;

/**
 * Rows of `[line or null, line or null]`: equal where both are there and the same. Longest common subsequence, after
 * equal lines at both ends are taken off; of more than MAX_LINES lines the middle is shown as all replaced.
 */
export function diffLines(before, after) {
  const [one, other] = [before.split("\n"), after.split("\n")];
  let head = 0;
  while (head < one.length && head < other.length && one[head] === other[head]) head += 1;
  let tail = 0;
  while (tail < one.length - head && tail < other.length - head && one.at(-1 - tail) === other.at(-1 - tail)) tail += 1;
  const middle = between(one.slice(head, one.length - tail), other.slice(head, other.length - tail));
  const same = (line) => [line, line];
  return [...one.slice(0, head).map(same), ...middle, ...one.slice(one.length - tail).map(same)];
}

function between(one, other) {
  if (one.length === 0 || other.length === 0 || one.length > MAX_LINES || other.length > MAX_LINES) return pair(one, other);
  const width = other.length + 1;
  const lengths = new Uint16Array((one.length + 1) * width);
  for (let i = one.length - 1; i >= 0; i -= 1) {
    for (let j = other.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] =
        one[i] === other[j] ? lengths[(i + 1) * width + j + 1] + 1 : Math.max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
    }
  }
  const rows = [];
  let [taken, added] = [[], []];
  let [i, j] = [0, 0];
  while (i < one.length || j < other.length) {
    if (i < one.length && j < other.length && one[i] === other[j]) {
      rows.push(...pair(taken, added), [one[i], other[j]]);
      [taken, added] = [[], []];
      i += 1;
      j += 1;
    } else if (j >= other.length || (i < one.length && lengths[(i + 1) * width + j] >= lengths[i * width + j + 1])) taken.push(one[i++]);
    else added.push(other[j++]);
  }
  return [...rows, ...pair(taken, added)];
}

function pair(taken, added) {
  return Array.from({ length: Math.max(taken.length, added.length) }, (_, index) => [taken[index] ?? null, added[index] ?? null]);
}

export function Diff({ before, after, names }) {
  const rows = useMemo(() => diffLines(before, after), [before, after]);
  const changed = rows.filter(([one, other]) => one !== other).length;
  let [left, right] = [0, 0];
  return html`<div class="diff" role="region" tabindex="0" aria-label=${`Difference of ${names[0]} and ${names[1]}`}>
    <table><caption>${changed === 0 ? "No difference." : `${changed} changed ${changed === 1 ? "line" : "lines"}`}</caption>
      <thead><tr><th scope="col" colspan="2">${names[0]}</th><th scope="col" colspan="2">${names[1]}</th></tr></thead>
      <tbody>${rows.map(([one, other], index) => {
        const isSame = one === other;
        return html`<tr key=${index}>
          <td class="line-number">${one === null ? "" : (left += 1)}</td><td class=${isSame ? "" : one === null ? "absent" : "removed"}>${mark(one, isSame, "−")}</td>
          <td class="line-number">${other === null ? "" : (right += 1)}</td><td class=${isSame ? "" : other === null ? "absent" : "added"}>${mark(other, isSame, "+")}</td>
        </tr>`;
      })}</tbody>
    </table>
  </div>`;
}

function mark(line, isSame, sign) {
  if (line === null) return "";
  return html`<span class="sign" aria-hidden="true">${isSame ? " " : sign}</span>${!isSame && html`<span class="visually-hidden">${sign === "+" ? "added: " : "removed: "}</span>`}${line}`;
}
