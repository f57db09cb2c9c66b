"""Every example runs as its reader would run it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.peers.process import NodeProcess

EXAMPLES = Path(__file__).parents[2] / "examples"
LAST_LINES = {
    "hello.py": "9 key 9 hello 9",
    "group.py": "1000 tasks done",
    "asyncio_client.py": "4 1767225604000 24 C {'unit': b'celsius'}",
    "replay_from_time.py": "15 records since minute 45",
}


def test_every_example_is_here() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(LAST_LINES)


@pytest.mark.parametrize("name", sorted(LAST_LINES))
def test_example(name: str, node: NodeProcess) -> None:
    command = [sys.executable, str(EXAMPLES / name), node.address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == LAST_LINES[name]
