"""The real disk: gathering appends, reads, names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ottla.runtime.disk import JOINED_BYTES, Disk

if TYPE_CHECKING:
    from pathlib import Path


def test_append_and_read(tmp_path: Path) -> None:
    file = Disk().open(tmp_path / "f", create=True)
    assert file.append([b"ab", memoryview(b"cdef")[1:], bytearray(b"!")]) == 6
    assert (file.size, file.read(1, 3), file.read(4, 100), file.read(9, 1)) == (6, b"bde", b"f!", b"")
    file.truncate(2)
    file.append([b"z"])
    file.sync()
    assert (tmp_path / "f").read_bytes() == b"abz"
    again = Disk().open(tmp_path / "f")
    assert again.size == 3


def test_more_buffers_than_one_call_takes(tmp_path: Path) -> None:
    file = Disk().open(tmp_path / "f", create=True)
    buffers = [bytes([index % 256]) * (index % 50) for index in range(3000)]
    assert sum(map(len, buffers)) > JOINED_BYTES
    assert file.append(buffers) == sum(map(len, buffers))
    assert (tmp_path / "f").read_bytes() == b"".join(buffers)


@pytest.mark.parametrize("size", [10, 50_000])
def test_writes_that_the_system_takes_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    write, most = os.write, size // 3

    def stingy(fd: int, buffer: bytes) -> int:
        return write(fd, buffer[:most])

    monkeypatch.setattr(os, "write", stingy)
    monkeypatch.setattr(os, "writev", lambda fd, buffers: stingy(fd, b"".join(buffers)))
    file = Disk().open(tmp_path / "f", create=True)
    long = b"hello" * (size // 5)
    assert file.append([long, b"", b"wide", b"world"]) == size + 9
    assert (tmp_path / "f").read_bytes() == long + b"wideworld"
    assert file.size == size + 9


def test_a_removed_file_stays_readable_and_its_descriptor_ends_with_it(tmp_path: Path) -> None:
    disk = Disk()
    file = disk.open(tmp_path / "f", create=True)
    file.append([b"here"])
    disk.remove(tmp_path / "f")
    fd = file.fileno()
    assert file.read(0, 4) == b"here"
    del file
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_names(tmp_path: Path) -> None:
    disk = Disk()
    disk.make_directory(tmp_path / "a" / "b")
    disk.make_directory(tmp_path / "a" / "b")
    disk.open(tmp_path / "a" / "x", create=True)
    disk.open(tmp_path / "a" / "y", create=True).append([b"y"])
    disk.rename(tmp_path / "a" / "y", tmp_path / "a" / "x")
    disk.sync_directory(tmp_path / "a")
    assert disk.list(tmp_path / "a") == ["b", "x"]
    assert disk.open(tmp_path / "a" / "x").size == 1
    with pytest.raises(FileNotFoundError):
        disk.open(tmp_path / "a" / "z")
    disk.remove(tmp_path / "a")
    with pytest.raises(FileNotFoundError):
        disk.list(tmp_path / "a")
