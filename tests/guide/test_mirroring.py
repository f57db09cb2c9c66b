"""docs/guide/mirroring.md, run from top to bottom: a data centre goes and comes back, and nobody misses a record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.conformance.test_confluent_kafka import Librdkafka
from tests.guide.reader import BLOCK, Reader
from tests.peers.process import wait_for

if TYPE_CHECKING:
    import subprocess

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "mirroring.md"


class Operator(Reader):
    """Works at several terminals: readers of a group stay at theirs, and Ctrl-C ends what is at one."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._terminals: dict[str, subprocess.Popen[bytes]] = {}
        self.billing: list[subprocess.Popen[bytes]] = []
        self.berlin = ""

    def do_line(self, line: str) -> None:
        if line.startswith("# Ctrl-C in the terminal of "):
            wait_for(self._has_moved, "the group's place in Berlin")
            node = self._terminals[line.rsplit(" ", 1)[1]]
            node.terminate()
            assert node.wait(60) == 0
        elif "--group billing" in line and "--count" not in line:
            self.billing.append(self.start(line))
        else:
            super().do_line(line)
            if line.startswith("ottla start"):
                words = line.split()
                self._terminals[words[words.index("--data") + 1]] = self.nodes[-1]
                if "berlin" in words:
                    self.berlin = words[-1]

    def _has_moved(self) -> bool:
        client = Librdkafka(self.berlin)
        return any(client.committed("billing", "amsterdam.orders", index) for index in (0, 1))


@pytest.mark.timeout(180)
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    orders = {str(number) for number in range(1, 121)}
    with Operator(tmp_path) as operator:
        for block in BLOCK.finditer(PAGE.read_text("utf-8")):
            operator.do(block["kind"], block["file"], block["text"])
            if operator.billing:
                read_before = set(operator.said_by("--group billing --count 60").split())
                assert len(read_before) == 60
                wait_for(
                    lambda read_before=read_before: (
                        orders  # type: ignore[misc]
                        <= read_before.union(*(operator.log_of(each).split() for each in operator.billing))
                    ),
                    "every order, read by the group on one side or the other",
                )
        assert len(operator.billing) == 2
        assert set(operator.said_by("consume amsterdam.orders").split()) == orders - {str(n) for n in range(101, 121)}
        assert set(operator.said_by("consume berlin.orders").split()) == {str(n) for n in range(101, 121)}
        mirror = next(each for each in operator.nodes if "Mirroring" in operator.log_of(each))
        mirror.terminate()
        assert mirror.wait(60) == 0
        assert "no effect" not in operator.log_of(mirror)
