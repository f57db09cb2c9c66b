// What of the console's pages is arithmetic: formats, differences of texts, places of drawings, the table's rows.

import assert from "node:assert/strict";
import { test } from "node:test";

// What a browser has, as far as modules look at it when they are loaded.
globalThis.location = { hash: "#/local/topics/a%2Fb?filter=x%20y" };
globalThis.addEventListener = () => {};
globalThis.localStorage = { getItem: () => null, setItem: () => {} };

const ui = new URL("../../../../src/ottla/console/ui/", import.meta.url);
const load = (path) => import(new URL(path, ui));

const { diffLines } = await load("parts/diff.js");
const { graphOf, place } = await load("parts/topology.js");
const { slots } = await load("parts/grid.js");
const { roundUp } = await load("parts/chart.js");
const { address, route } = await load("core/router.js");
const { bytes, duration, fromInput, short, time, toInput } = await load("core/format.js");
const { pretty, sqlPieces, jsonPieces } = await load("parts/code.js");
const { parseConfigs } = await load("parts/topic_dialogs.js");
const { searchOf } = await load("parts/message_filters.js");
const { may, session, urlOf } = await load("core/api.js");

test("a difference has every line of both, in order", () => {
  const before = ["a", "b", "c", "d", "e", "f"];
  const after = ["a", "x", "c", "d", "y", "z", "f"];
  const rows = diffLines(before.join("\n"), after.join("\n"));
  assert.deepEqual(rows.map(([one]) => one).filter((line) => line !== null), before);
  assert.deepEqual(rows.map(([, other]) => other).filter((line) => line !== null), after);
  assert.deepEqual(rows.filter(([one, other]) => one === other).map(([one]) => one), ["a", "c", "d", "f"]);
});

test("equal texts have no difference, and a text beside none is all new", () => {
  assert.ok(diffLines("a\nb", "a\nb").every(([one, other]) => one === other));
  assert.deepEqual(diffLines("", "a\nb"), [["", "a"], [null, "b"]]);
});

test("random texts: the difference keeps both, and keeps as many lines as the longest common subsequence", () => {
  let seed = 7;
  const random = (below) => ((seed = (seed * 1103515245 + 12345) & 0x7fffffff) >> 8) % below;
  for (let round = 0; round < 200; round += 1) {
    const lines = () => Array.from({ length: 1 + random(12) }, () => "abcd"[random(4)]);
    const [before, after] = [lines(), lines()];
    const rows = diffLines(before.join("\n"), after.join("\n"));
    assert.deepEqual(rows.map(([one]) => one).filter((line) => line !== null), before);
    assert.deepEqual(rows.map(([, other]) => other).filter((line) => line !== null), after);
    assert.ok(rows.filter(([one, other]) => one === other).length >= longestCommon(before, after));
  }
});

function longestCommon(one, other) {
  const lengths = Array.from({ length: one.length + 1 }, () => Array(other.length + 1).fill(0));
  for (let i = 1; i <= one.length; i += 1)
    for (let j = 1; j <= other.length; j += 1)
      lengths[i][j] = one[i - 1] === other[j - 1] ? lengths[i - 1][j - 1] + 1 : Math.max(lengths[i - 1][j], lengths[i][j - 1]);
  return lengths[one.length][other.length];
}

const TOPOLOGY = {
  members: [{ client_id: "one", active: ["0_0", "1_0"], standby: ["0_1"], warmup: [] }],
  lag: { "0_0": 3 },
  subtopologies: [
    { id: "0", source_topics: ["lines"], repartition_source_topics: [], repartition_sink_topics: ["words"], changelog_topics: [] },
    { id: "1", source_topics: ["stop-words"], repartition_source_topics: [{ name: "words", partitions: 2 }], repartition_sink_topics: [], changelog_topics: [{ name: "counts-changelog", partitions: 2 }] },
  ],
};

test("a topology goes from left to right, and nothing lies upon anything", () => {
  const graph = graphOf(TOPOLOGY);
  const size = place(graph);
  const at = new Map(graph.nodes.map((node) => [node.id, node]));
  for (const [from, to] of graph.edges) assert.ok(at.get(from).x < at.get(to).x, `${from} is left of ${to}`);
  for (const one of graph.nodes)
    for (const other of graph.nodes)
      if (one !== other && one.x === other.x) assert.ok(one.y + one.height <= other.y || other.y + other.height <= one.y);
  assert.ok(graph.nodes.every((node) => node.y >= 0 && node.y + node.height <= size.height && node.x + 196 <= size.width));
});

test("a topology that goes in a circle is drawn, too", () => {
  const circle = { members: [], subtopologies: [{ id: "0", source_topics: ["a"], repartition_source_topics: [{ name: "r", partitions: 1 }], repartition_sink_topics: ["r"], changelog_topics: [] }] };
  assert.ok(place(graphOf(circle)).width > 0);
});

test("numbers, sizes and times", () => {
  assert.equal(short(1_234_567), "1.2M");
  assert.equal(short(9_999), "9,999");
  assert.equal(bytes(0), "0 B");
  assert.equal(bytes(1536), "1.5 KiB");
  assert.equal(bytes(-1), "–");
  assert.equal(duration(604_800_000), "7 d");
  assert.equal(duration(-1), "forever");
  assert.equal(roundUp(0), 1);
  assert.equal(roundUp(3), 5);
  assert.equal(roundUp(1001), 2000);
  assert.equal(roundUp(3 * 1024 * 1024, true), 4 * 1024 * 1024);
  const ms = 1_764_403_200_000;
  assert.equal(fromInput(toInput(ms)), ms);
  assert.match(time(ms + 7), /\.007$/);
});

test("addresses say any name, and are read back", () => {
  assert.deepEqual(route.get(), { cluster: "local", path: ["topics", "a/b"], query: { filter: "x y" } });
  assert.equal(address(["groups", "ä/b?"], { from: "", partitions: 0 }), "#/local/groups/%C3%A4%2Fb%3F?partitions=0");
  assert.equal(urlOf("getMessage", { topic: "a", partition: 1, offset: 2 }, { key_format: null }), "/api/clusters/local/topics/a/messages/1/2");
  assert.equal(urlOf("getMetrics", {}, { topic: ["a", "b"] }), "/api/clusters/local/metrics?topic=a&topic=b");
});

test("what the address says is what is searched", () => {
  assert.deepEqual(searchOf({}), { order: "newest" });
  assert.deepEqual(searchOf({ order: "time", from: "@5", where: "partition == 1" }), { order: "oldest", from: "@5", where: "partition == 1" });
  assert.deepEqual(searchOf({ live: "1", from: "@5", tombstones: "only" }), { order: "newest", tombstones: "only" });
});

test("settings are read line by line, and what is none is named", () => {
  assert.deepEqual(parseConfigs("a=1\n\n# no\n b = c=d "), { a: "1", b: "c=d" });
  assert.throws(() => parseConfigs("retention"), /'retention' is no setting/);
});

test("colours leave the text as it is", () => {
  const textOf = (piece) => (typeof piece === "string" ? piece : piece.props.children);
  const sql = "select \"a b\", 'it''s' from latest(orders) -- why\nwhere x > 1.5";
  assert.equal(sqlPieces(sql).map(textOf).join(""), sql);
  const json = pretty('{"a": [1, "x: y", null, -2.5e3]}');
  assert.equal(jsonPieces(json).map(textOf).join(""), json);
});

test("what a role allows", () => {
  const cluster = { name: "local", read_only: false, permissions: [{ resource: "topic", names: ["orders*"], actions: ["read"] }, { resource: "group", names: ["*"], actions: ["*"] }] };
  session.set({ read_only: false, clusters: [cluster] });
  assert.ok(may("topic", "read", "orders.eu"));
  assert.ok(may("topic", "view", "orders"));
  assert.ok(!may("topic", "write", "orders"));
  assert.ok(!may("topic", "read", "payments"));
  assert.ok(may("group", "delete", "any"));
  session.set({ read_only: true, clusters: [cluster] });
  assert.ok(!may("group", "delete", "any"));
  assert.ok(may("topic", "read", "orders"));
});

test("a row that stays in view keeps its element, and every row in view has one", () => {
  const before = slots(40, 86, 46);
  assert.deepEqual([...before].sort((one, other) => one - other), Array.from({ length: 46 }, (_, index) => 40 + index));
  const after = slots(43, 89, 46);
  assert.equal(after.filter((at, slot) => before[slot] === at).length, 43);
  assert.deepEqual(slots(0, 2, 4), [0, 1, null, null]);
});
