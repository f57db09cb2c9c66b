"""`ottla.streams` gives what its types promise, and loads no client before one is asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ottla.streams


def promised() -> dict[str, str]:
    tree = ast.parse(Path(ottla.streams.__file__).read_text("utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    return {
        name.name: (node.module or "").removeprefix("ottla.streams.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }


def test_types_and_places_agree() -> None:
    assert promised() == ottla.streams.PLACES


@pytest.mark.parametrize("name", sorted(ottla.streams.PLACES))
def test_every_name_is_there(name: str) -> None:
    assert getattr(ottla.streams, name).__name__ == name


def test_other_names_are_not() -> None:
    assert not hasattr(ottla.streams, "KSQL")


def test_a_topology_loads_no_client() -> None:
    code = (
        "from ottla.streams import StreamsBuilder, TopologyTestDriver; import sys; "
        "assert not {'confluent_kafka', 'rocksdict', 'asyncio'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
