"""Pictures of topologies: everything is in them, nothing lies upon anything else, and no edge runs through a box."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.streams.op_cases import CASES
from tests.streams.op_tree import OpTree

from ottla.streams import StreamsBuilder
from ottla.streams.application.command import EXIT_OK, EXIT_USAGE
from ottla.streams.topology.drawing import CHARACTER, draw
from ottla.streams.topology.layers import lay_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SVG: Final = "{http://www.w3.org/2000/svg}"
_NUMBER: Final = re.compile(r"-?\d+\.\d")


class Rectangle(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Rectangle) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


def rectangle(element: ET.Element) -> Rectangle:
    x, y, width, height = (float(element.get(name, "0")) for name in ("x", "y", "width", "height"))
    return Rectangle(x, y, x + width, y + height)


def described(name: str) -> Any:
    builder = StreamsBuilder()
    OpTree(builder).write(CASES[name])
    return builder.build().describe()


@pytest.mark.parametrize("name", [name for at, name in enumerate(CASES) if at % 25 == 0 or "join of" in name])
def test_everything_is_in_the_picture_and_nothing_upon_anything_else(name: str) -> None:
    description = described(name)
    text = draw(description)
    assert text == draw(description)
    root = ET.fromstring(text)
    frames = root.findall(f"{SVG}g")
    assert len(frames) == len(description.sub_topologies) + len(description.global_stores)
    shown = [each.text for each in root.iter(f"{SVG}text")]
    for word in re.findall(r"(?:Source|Processor|Sink): (\S+)", str(description)):
        assert shown.count(word) >= 1, word
    for stores in re.findall(r"stores: \[([^]]+)\]", str(description)):
        assert set(stores.split(", ")) <= set(shown)
    for topic in re.findall(r"topic: ([^)]+)\)", str(description)):
        assert topic in shown
    for frame in frames:
        check_frame(frame)


def check_frame(frame: ET.Element) -> None:
    outer = rectangle(frame.findall(f"{SVG}rect")[0])
    inner = frame.findall(f"{SVG}g")[0]
    rectangles = inner.findall(f"{SVG}rect")
    boxes = [rectangle(each) for each in rectangles if each.get("class") in ("node", "topic")]
    assert all(not one.meets(other) for one, other in combinations(boxes, 2))
    assert all(box.left >= 0 and box.right <= outer.right and box.bottom <= outer.bottom for box in boxes)
    for label in inner.findall(f"{SVG}text"):
        middle, half = float(label.get("x", "0")), len(label.text or "") * CHARACTER / 2
        y = float(label.get("y", "0"))
        assert any(
            box.left <= middle - half and middle + half <= box.right and box.top < y < box.bottom for box in boxes
        )
    edges = [each.get("d", "") for each in inner.findall(f"{SVG}path")]
    assert edges
    for edge in edges:
        points = points_of(edge)
        assert sum(on_border(points[0], box, box.bottom) for box in boxes) == 1
        assert sum(on_border(points[-1], box, box.top) for box in boxes) == 1
        for box in boxes:
            assert not any(box.left + 1 < x < box.right - 1 and box.top + 1 < y < box.bottom - 1 for x, y in points), (
                "an edge runs through a box"
            )


def on_border(point: tuple[float, float], box: Rectangle, y: float) -> bool:
    return box.left <= point[0] <= box.right and abs(point[1] - y) < 0.2


def points_of(path: str) -> list[tuple[float, float]]:
    """Many points of a path of lines and cubic curves."""
    points: list[tuple[float, float]] = []
    for command, rest in re.findall(r"([MLC])([^MLC]*)", path):
        numbers = [float(each) for each in _NUMBER.findall(rest)]
        ends = list(zip(numbers[::2], numbers[1::2], strict=True))
        if command == "M":
            points.append(ends[0])
            continue
        start, end = points[-1], ends[-1]
        for step in range(1, 41):
            at = step / 40
            if command == "L":
                points.append(tuple(a + (b - a) * at for a, b in zip(start, end, strict=True)))  # type: ignore[arg-type]
            else:
                corners = (start, *ends)
                weights = ((1 - at) ** 3, 3 * at * (1 - at) ** 2, 3 * at**2 * (1 - at), at**3)
                x, y = (sum(w * each[axis] for w, each in zip(weights, corners, strict=True)) for axis in (0, 1))
                points.append((x, y))
    return points


def test_names_may_hold_what_markup_is_made_of() -> None:
    builder = StreamsBuilder()
    OpTree(builder).write([{"id": "s", "op": "stream", "pattern": "a<b&c.*"}, {"op": "to", "on": "s", "topic": "out"}])
    text = draw(builder.build().describe(), '<&"')
    root = ET.fromstring(text)
    assert "a<b&c.*" in [each.text for each in root.iter(f"{SVG}text")]
    assert root.findtext(f"{SVG}title") == '<&"'


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 12).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=20))
    )
)
def test_boxes_of_any_graph_lie_apart_and_below_what_leads_to_them(graph: tuple[int, list[tuple[int, int]]]) -> None:
    count, pairs = graph
    edges = sorted({(f"{min(pair)}", f"{max(pair)}") for pair in pairs if pair[0] != pair[1]})
    layout = lay_out({f"{number}": (20.0 + 7 * number, 20.0) for number in range(count)}, edges)
    boxes = [Rectangle(box.left, box.y, box.left + box.width, box.bottom) for box in layout.boxes.values()]
    assert all(not one.meets(other) for one, other in combinations(boxes, 2))
    assert all(layout.boxes[start].floor < layout.boxes[end].y for start, end in edges)
    assert all(box.left >= 0 and box.right <= layout.width + 1e-6 and box.bottom <= layout.height for box in boxes)


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="back to itself"):
        lay_out({"a": (1, 1), "b": (1, 1)}, [("a", "b"), ("b", "a")])


def test_the_command_draws_into_a_file(tmp_path: Path, run_command: Callable[..., tuple[int, str, str]]) -> None:
    target = tmp_path / "topology.svg"
    assert run_command("describe", "tests.streams.dsl_word_count:topology", "--svg", str(target))[0] == EXIT_OK
    root = ET.fromstring(target.read_text("utf-8"))
    assert {each.get("data-frame") for each in root.findall(f"{SVG}g")} == {"Sub-topology 0", "Sub-topology 1"}
    code, out, _ = run_command("describe", "tests.streams.dsl_word_count:topology", "--svg", "-")
    assert (code, out) == (EXIT_OK, target.read_text("utf-8"))
    code, _, error = run_command(
        "describe", "tests.streams.dsl_word_count:topology", "--svg", str(tmp_path / "no" / "x")
    )
    assert code == EXIT_USAGE
    assert "--svg" in error


@pytest.fixture
def run_command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    import argparse

    from ottla.streams.application.command import add_arguments, run

    def call(*words: str) -> tuple[int, str, str]:
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        code = run(parser.parse_args(words))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
