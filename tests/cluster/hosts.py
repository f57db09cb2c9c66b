"""Hosts on one machine, each in a network namespace of its own, that can be cut off from each other.

    ┌─ host 1 ─┐  ┌─ host 2 ─┐  ┌─ host 3 ─┐        10.93.0.1 …
    └──── ┴ ───┴──┴─── ┴ ────┴──┴──── ┴ ───┘
                  bridge, in the hub                 10.93.0.254: where the clients of a test are

Needs root and `ip` (Debian: iproute2). Nothing of it reaches any network of the machine.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX: Final = "10.93.0."
HUB: Final = 254
NOWHERE: Final = "02:00:00:00:00:01"
"""A hardware address that nobody has."""
_CLONE_NEWNET: Final = 0x40000000


class Hosts:
    """`count` hosts, numbered from 1."""

    def __init__(self, count: int) -> None:
        if shutil.which("ip") is None or os.geteuid() != 0:
            reason = "hosts in network namespaces need root and ip (to run this test: apt install iproute2)"
            pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
        self._numbers = range(1, count + 1)
        self._hub = f"ottla-{os.getpid()}-hub"

    def address(self, number: int) -> str:
        return f"{PREFIX}{number}"

    def prefix(self, number: int) -> list[str]:
        """What stands before a command that is to run there."""
        return ["ip", "netns", "exec", self._name(number)]

    def __enter__(self) -> Self:
        try:
            self._make()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """In the hub: sockets of this thread, and of threads and processes that it starts, are there."""
        with Path("/proc/thread-self/ns/net").open() as outside, Path(f"/run/netns/{self._hub}").open() as hub:
            _enter(hub.fileno())
            try:
                yield
            finally:
                _enter(outside.fileno())

    def cut(self, number: int) -> None:
        """Nothing goes there, and nothing comes from there; nobody is told."""
        _ip("-n", self._hub, "link", "set", f"to-{number}", "down")

    def mend(self, number: int) -> None:
        _ip("-n", self._hub, "link", "set", f"to-{number}", "up")

    def deafen(self, number: int, to: int) -> None:
        """What `to` sends to this host does not arrive; the other way it does."""
        _ip("-n", self._name(to), "neigh", "replace", self.address(number), "lladdr", NOWHERE, "dev", "eth0")

    def heal(self, number: int, to: int) -> None:
        _ip("-n", self._name(to), "neigh", "del", self.address(number), "dev", "eth0")

    def _name(self, number: int) -> str:
        return f"ottla-{os.getpid()}-{number}"

    def _make(self) -> None:
        _ip("netns", "add", self._hub)
        _ip("-n", self._hub, "link", "set", "lo", "up")
        _ip("-n", self._hub, "link", "add", "bridge", "type", "bridge")
        _ip("-n", self._hub, "addr", "add", f"{PREFIX}{HUB}/24", "dev", "bridge")
        _ip("-n", self._hub, "link", "set", "bridge", "up")
        for number in self._numbers:
            name, link = self._name(number), f"to-{number}"
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", self._hub, "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("-n", self._hub, "link", "set", link, "master", "bridge", "up")
            _ip("-n", name, "addr", "add", f"{self.address(number)}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")

    def _remove(self) -> None:
        for name in (*map(self._name, self._numbers), self._hub):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
