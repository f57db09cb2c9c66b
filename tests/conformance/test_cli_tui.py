"""`ottla tui` on a terminal of its own, against a node; on Apache Kafka too (OTTLA_TEST_PEER)."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING, Self

from tests.peers.ottla_cli import InProcessCli

if TYPE_CHECKING:
    from tests.peers.process import NodeProcess

TIMEOUT_S = 60.0


class Terminal:
    """What a person has: sees what is drawn, presses keys."""

    def __init__(self, *command: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        self.before = termios.tcgetattr(theirs)
        self._theirs = theirs
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ottla", *command], stdin=theirs, stdout=theirs, stderr=theirs
        )
        self.seen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)
        os.close(self._theirs)

    def see(self, text: str) -> None:
        """Wait until it is drawn, since the last that was waited for."""
        deadline = time.monotonic() + TIMEOUT_S
        while text not in self.seen:
            ready, _, _ = select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"never saw {text!r}: {self.seen[-3000:]!r}"
            self.seen += os.read(self._ours, 65536).decode("utf-8", "replace")
        self.seen = self.seen[self.seen.index(text) + len(text) :]

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def attributes(self) -> list[object]:
        return list(termios.tcgetattr(self._theirs))


def test_topics_their_records_and_groups(node: NodeProcess) -> None:
    ottla = InProcessCli(("--bootstrap", node.address))
    ottla.works("topics", "create", "tui-orders", "--partitions", "1")
    ottla.works("produce", "tui-orders", stdin="first \x1b[31mrecord\n")
    ottla.works("groups", "reset-offsets", "tui-group", "--topic", "tui-orders", "--to", "beginning", "--execute")
    with Terminal("tui", "--bootstrap", node.address, "--interval", "0.5") as terminal:
        terminal.see("TOPIC")
        terminal.press("/tui-orders\r")
        terminal.see("tui-orders  1 ")  # the row, not the filter
        terminal.press("\r")
        terminal.see("first ·[31mrecord")
        ottla.works("produce", "tui-orders", stdin="a live one\n")
        terminal.see("a live one")
        terminal.press("\x1b")
        terminal.see("(esc: all)")
        terminal.press("2")
        terminal.see("[2 Groups]")
        terminal.press("/tui-group\r")
        terminal.see("tui-group  classic")
        terminal.press("\r")
        terminal.see("tui-orders-0")
        terminal.press("\x1b")
        terminal.press("3")
        terminal.see(node.address)
        terminal.press("4")
        terminal.see("quorum")
        terminal.press("q")
        assert terminal.process.wait(TIMEOUT_S) == 0
        terminal.see("\x1b[?1049l")
        assert terminal.attributes() == terminal.before


def test_without_a_terminal_it_says_so(node: NodeProcess) -> None:
    refused = InProcessCli(("--bootstrap", node.address))("tui")
    assert (refused.code, "needs a terminal" in refused.err) == (2, True)
