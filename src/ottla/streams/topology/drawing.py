"""A topology as a picture: SVG, by nothing but this file and `layers.py`.

A frame for each sub-topology and each global store. From above: the topics that it reads, its sources, processors with
their stores, sinks, and the topics that it writes. A repartition topic stands in the frame that writes it and in that
which reads it. The picture follows the reader's preference of dark or light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from ottla.streams.topology.definitions import ProcessorDefinition, SinkDefinition, SourceDefinition
from ottla.streams.topology.layers import lay_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ottla.streams.topology.description import DescribedNode, TopologyDescription
    from ottla.streams.topology.layers import Box

CHARACTER: Final = 7.3
"""What a character of the fixed-width font takes, at most."""
LINE: Final = 17.0
PADDING: Final = 12.0
MARGIN: Final = 20.0
TITLE: Final = 30.0

_STYLE: Final = """\
:root { color-scheme: light dark }
text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328 }
.title { font-weight: bold }
.frame { fill: #f6f8fa; stroke: #d0d7de }
.node { fill: #ffffff; stroke: #57606a }
.topic { fill: #ddf4ff; stroke: #0969da }
.store { fill: #fff8c5; stroke: #bf8700 }
.edge { fill: none; stroke: #57606a; stroke-width: 1.3 }
.arrow { fill: #57606a }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .frame { fill: #161b22; stroke: #30363d }
  .node { fill: #0d1117; stroke: #8b949e }
  .topic { fill: #0c2d6b; stroke: #58a6ff }
  .store { fill: #3b2300; stroke: #d29922 }
  .edge { stroke: #8b949e }
  .arrow { fill: #8b949e }
}
"""


class _Item:
    """What a box shows: a title, and the stores below it."""

    def __init__(self, kind: str, title: str, stores: Sequence[str] = ()) -> None:
        self.kind = kind
        self.title = title
        self.stores = stores

    @property
    def size(self) -> tuple[float, float]:
        longest = max(len(self.title), *(len(each) + 2 for each in self.stores), 6)
        return longest * CHARACTER + 2 * PADDING, PADDING + LINE * (1 + 1.25 * len(self.stores))


def draw(description: TopologyDescription, title: str = "Topology") -> str:
    """The text of an SVG file."""
    parts: list[str] = []
    y, width = MARGIN, 0.0
    for heading, nodes in _frames(description):
        frame, frame_width, frame_height = _frame(heading, nodes, MARGIN, y)
        parts += frame
        y += frame_height + MARGIN
        width = max(width, frame_width)
    size = f"{width + 2 * MARGIN:.0f} {max(y, 2 * MARGIN):.0f}"
    across, down = size.split()
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" width="{across}" height="{down}">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
            ' orient="auto">'
            '<path class="arrow" d="M0 0 8 4 0 8z"/></marker></defs>',
            *parts,
            "</svg>\n",
        ]
    )


def _frames(description: TopologyDescription) -> Iterable[tuple[str, Sequence[DescribedNode]]]:
    found = [(each.id, f"Sub-topology {each.id}", each.nodes) for each in description.sub_topologies]
    found += [(each.id, f"Global store {each.id}", (each.source, each.processor)) for each in description.global_stores]
    return [(heading, nodes) for _, heading, nodes in sorted(found, key=lambda frame: frame[0])]


def _frame(heading: str, nodes: Sequence[DescribedNode], left: float, top: float) -> tuple[list[str], float, float]:
    """Its elements, width and height."""
    items, edges = _graph(nodes)
    layout = lay_out({key: item.size for key, item in items.items()}, edges)
    width = max(layout.width, len(heading) * CHARACTER) + 2 * PADDING
    height = layout.height + TITLE + 2 * PADDING
    parts = [
        f'<g transform="translate({left:.1f} {top:.1f})" data-frame={quoteattr(heading)}>',
        f'<rect class="frame" width="{width:.1f}" height="{height:.1f}" rx="6"/>',
        f'<text class="title" x="{PADDING}" y="{LINE + 3}">{escape(heading)}</text>',
        f'<g transform="translate({PADDING} {TITLE + PADDING / 2})">',
    ]
    parts += [_edge(way) for way in layout.edges]
    for key, item in items.items():
        parts += _box(item, layout.boxes[key])
    return [*parts, "</g>", "</g>"], width, height


def _graph(nodes: Sequence[DescribedNode]) -> tuple[Mapping[str, _Item], list[tuple[str, str]]]:
    items: dict[str, _Item] = {}
    edges: list[tuple[str, str]] = []
    for node in nodes:
        definition = node.definition
        if isinstance(definition, SourceDefinition):
            pattern = definition.pattern
            for topic in sorted(definition.topics) if pattern is None else [pattern.pattern]:
                items.setdefault(f"read {topic}", _Item("topic", topic))
                edges.append((f"read {topic}", f"node {node.name}"))
    for node in nodes:
        definition = node.definition
        stores = sorted(definition.stores) if isinstance(definition, ProcessorDefinition) else ()
        items[f"node {node.name}"] = _Item("node", node.name, stores)
        edges += [(f"node {node.name}", f"node {child.name}") for child in node.successors]
        if isinstance(definition, SinkDefinition):
            topic = definition.topic if isinstance(definition.topic, str) else "(topic by record)"
            items.setdefault(f"written {topic}", _Item("topic", topic))
            edges.append((f"node {node.name}", f"written {topic}"))
    return items, edges


def _box(item: _Item, box: Box) -> list[str]:
    radius = box.height / 2 if item.kind == "topic" else 4
    parts = [
        _rectangle(item.kind, box.left, box.y, box.width, box.height, radius),
        _label(box.x, box.y + LINE + 2, item.title),
    ]
    y = box.y + PADDING + LINE
    for store in item.stores:
        width = len(store) * CHARACTER + PADDING
        parts += [
            _rectangle("store", box.x - width / 2, y, width, LINE, LINE / 2),
            _label(box.x, y + LINE - 5, store),
        ]
        y += LINE * 1.25
    return parts


def _rectangle(kind: str, x: float, y: float, width: float, height: float, radius: float) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect class="{kind}" {place} rx="{radius:.1f}"/>'


def _label(middle: float, y: float, text: str) -> str:
    return f'<text x="{middle:.1f}" y="{y:.1f}" text-anchor="middle">{escape(text)}</text>'


def _edge(way: Sequence[Box]) -> str:
    """Straight beside the boxes of a row, curved between two rows."""
    first = way[0]
    x, y = first.x, first.floor
    path = [f"M{x:.1f} {first.bottom:.1f} L{x:.1f} {y:.1f}"]
    for box in way[1:]:
        bend = (box.y - y) / 2
        path.append(f"C{x:.1f} {y + bend:.1f} {box.x:.1f} {box.y - bend:.1f} {box.x:.1f} {box.y:.1f}")
        x, y = box.x, box.floor
        if box.key is None:
            path.append(f"L{x:.1f} {y:.1f}")
    return f'<path class="edge" d="{" ".join(path)}" marker-end="url(#arrow)"/>'
