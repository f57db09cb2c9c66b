"""A disk in memory that behaves as badly as a real one may: `runtime.files.FileSystem` with crashes and errors, seeded.

A crash keeps, of every file, what was synced, and of what was not any prefix, whose last bytes may be torn (zeros or
noise), as a page cache that was half written back. Of the changes of names (new files, renames, removals) since the
last `sync_directory` the first few survive, as in a journal. `fail_after` makes the n-th write, truncation or sync
from now on raise `OSError`, and some after it (`times`): everywhere, or below one directory, of those operations
alone or of every one. `met` counts what the disk did to whoever used it.
"""

import errno
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePath
from random import Random

from ottla.runtime.files import Buffer


@dataclass(slots=True, eq=False)
class Content:
    """A file's bytes, whatever its names are. `durable` is what a loss of power leaves for sure."""

    data: bytearray = field(default_factory=bytearray)
    durable: bytes = b""


class SimulatedFile:
    def __init__(self, disk: "SimulatedDisk", content: Content, name: str) -> None:
        self._disk = disk
        self._content = content
        self._name = name
        self._closed = False

    @property
    def size(self) -> int:
        return len(self._content.data)

    def append(self, buffers: Sequence[Buffer]) -> int:
        self._check()
        whole = b"".join(buffers)
        if self._disk.fails("write", self._name):
            self._content.data += whole[: self._disk.random.randrange(len(whole) + 1)]
            raise OSError(errno.ENOSPC, f"{FAULT} is full")
        self._content.data += whole
        return len(whole)

    def read(self, position: int, size: int) -> bytes:
        self._check()
        self._disk.maybe_fail("read", self._name)
        return bytes(self._content.data[position : position + size])

    def truncate(self, size: int) -> None:
        self._check()
        self._disk.maybe_fail("truncate", self._name)
        del self._content.data[size:]
        self._content.data += bytes(size - len(self._content.data))

    def sync(self) -> None:
        self._check()
        self._disk.maybe_fail("sync", self._name)
        self._content.durable = bytes(self._content.data)

    def close(self) -> None:
        self._closed = True

    def _check(self) -> None:
        if self._closed or not self._disk.is_open(self):
            raise OSError(errno.EBADF, "closed, or from before the crash")


FAULT = "the simulated disk"


def is_simulated(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and FAULT in str(error)


DATA = frozenset({"write", "truncate", "sync"})
EVERYTHING = DATA | {"read", "name"}


class SimulatedDisk:
    """See the module. Paths are compared as text; a directory is what holds names."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._files: dict[str, Content] = {}
        self._directories: set[str] = {"/"}
        self._durable: dict[str, Content] = {}
        self._live: set[int] = set()
        self._opened: list[SimulatedFile] = []
        self._journal: list[Sequence[tuple[str, Content | None]]] = []
        self._fail_after: int | None = None
        self._fail_for = 1
        self._fail_under = "/"
        self._fail_kinds = DATA
        self.met: Counter[str] = Counter()

    # ── misbehaviour ───────────────────────────────────────────────────────────────────────────────────────────────

    def fail_after(
        self, operations: int | None, *, times: int = 1, under: str = "/", kinds: frozenset[str] = DATA
    ) -> None:
        self._fail_after, self._fail_for = operations, times
        self._fail_under, self._fail_kinds = under, kinds

    @contextmanager
    def spared(self) -> Iterator[None]:
        """Whoever looks from outside meets no error, and uses none up."""
        fail_after, self._fail_after = self._fail_after, None
        try:
            yield
        finally:
            self._fail_after = fail_after

    def fails(self, kind: str, name: str) -> bool:
        """Whether this operation does."""
        if self._fail_after is None or kind not in self._fail_kinds or not name.startswith(self._fail_under):
            return False
        self._fail_after -= 1
        if self._fail_after > 0:
            return False
        self._fail_for -= 1
        if self._fail_for <= 0:
            self._fail_after = None
        self.met[f"{kind} failed"] += 1
        return True

    def maybe_fail(self, kind: str, name: str) -> None:
        if self.fails(kind, name):
            raise OSError(errno.EIO, f"{FAULT} cannot {kind}")

    def is_open(self, file: SimulatedFile) -> bool:
        return id(file) in self._live

    def crash(self, *, power: bool = True) -> None:
        """Every open file is gone. With `power` lost also what was not synced; else only the process died."""
        self._live.clear()
        self._opened.clear()
        self._fail_after = None
        if not power:
            return
        self._commit(self.random.randrange(len(self._journal) + 1))
        self.met["names lost"] += len(self._journal)
        self._journal.clear()
        names = dict(self._durable)
        kept: dict[int, Content] = {}
        for name, content in names.items():
            if id(content) not in kept:
                content.data = self._torn(content)
                content.durable = bytes(content.data)
                kept[id(content)] = content
            names[name] = content
        self._files = dict(names)
        self._durable = dict(names)
        for name in names:  # a directory whose new name was lost has its old one
            self.make_directory(PurePath(name).parent)

    def _torn(self, content: Content) -> bytearray:
        """What is left of a file: the durable bytes, and perhaps some of those that came after."""
        durable, data = content.durable, content.data
        if bytes(data[: len(durable)]) != durable:  # truncated or rewritten since: either state may be found
            self.met["truncation lost or kept"] += 1
            return bytearray(durable if self.random.random() < 0.5 else data)
        unsynced = len(data) - len(durable)
        if unsynced <= 0:
            return bytearray(durable)
        kept = bytearray(data[: len(durable) + self.random.randrange(unsynced + 1)])
        self.met["bytes lost"] += len(data) - len(kept)
        hurt = min(len(kept) - len(durable), self.random.randrange(64))
        if hurt and self.random.random() < 0.5:
            self.met["write torn"] += 1
            kept[-hurt:] = bytes(hurt) if self.random.random() < 0.5 else self.random.randbytes(hurt)
        return kept

    # ── the port ───────────────────────────────────────────────────────────────────────────────────────────────────

    def open(self, path: PurePath, *, create: bool = False) -> SimulatedFile:
        name = str(path)
        content = self._files.get(name)
        if content is None:
            if not create or str(path.parent) not in self._directories:
                raise FileNotFoundError(errno.ENOENT, "no such file", name)
            self.maybe_fail("name", name)
            content = Content()
            self._change((name, content))
        file = SimulatedFile(self, content, name)
        self._live.add(id(file))
        self._opened.append(file)  # keeps its id taken
        return file

    def list(self, directory: PurePath) -> list[str]:
        if str(directory) not in self._directories:
            raise FileNotFoundError(errno.ENOENT, "no such directory", str(directory))
        within = str(directory).rstrip("/") + "/"
        size = len(within)
        every = [name[size:] for name in (*self._files, *self._directories) if name.startswith(within)]
        return sorted({name for name in every if name and "/" not in name})

    def make_directory(self, directory: PurePath) -> None:
        self._directories.update(str(path) for path in (directory, *directory.parents))

    def rename(self, source: PurePath, target: PurePath) -> None:
        old, new = str(source), str(target)
        self.maybe_fail("name", old)
        if old in self._files:
            self._change((new, self._files[old]), (old, None))
        elif old in self._directories:
            self._directories.discard(old)
            self._directories.add(new)
            for name in [name for name in self._files if name.startswith(old + "/")]:
                self._change((new + name[len(old) :], self._files[name]), (name, None))
        else:
            raise FileNotFoundError(errno.ENOENT, "no such file", old)

    def remove(self, path: PurePath) -> None:
        name = str(path)
        self.maybe_fail("name", name)
        if name in self._files:
            self._change((name, None))
        elif name in self._directories:
            self._directories.discard(name)
            self._change(*((child, None) for child in self._files if child.startswith(name + "/")))
        else:
            raise FileNotFoundError(errno.ENOENT, "no such file", name)

    def sync_directory(self, directory: PurePath) -> None:
        if str(directory) not in self._directories:
            raise FileNotFoundError(errno.ENOENT, "no such directory", str(directory))
        self.maybe_fail("sync", str(directory))
        self._commit(len(self._journal))

    def _change(self, *changes: tuple[str, Content | None]) -> None:
        """Atomically: each name becomes that of a content, or of none."""
        _apply(self._files, changes)
        self._journal.append(changes)

    def _commit(self, count: int) -> None:
        for changes in self._journal[:count]:
            _apply(self._durable, changes)
        del self._journal[:count]


def _apply(names: dict[str, Content], changes: Sequence[tuple[str, Content | None]]) -> None:
    for name, content in changes:
        if content is None:
            names.pop(name, None)
        else:
            names[name] = content
