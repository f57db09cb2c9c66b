"""Where files are: a directory of this machine, or any place that fsspec knows (S3, GCS, Azure, SFTP, memory, …).

`/data/in`, `file:///data/in` are directories here. `s3://bucket/prefix`, `memory://x` and the like need fsspec, and
what it needs for that; where obstore is installed, it is taken for S3, GCS and Azure. Settings of a file system are the
connector's keys that begin with `fs.` (`fs.endpoint_url=http://…`).
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.connectors.library import load

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS_PREFIX: Final = "fs."
EXTRA: Final = "[files]"
READ_AHEAD_BYTES: Final = 1024 * 1024
_OBSTORE: Final = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss")


class StoredFile(NamedTuple):
    path: str
    """Below the store's root, with `/`."""
    size: int
    version: str
    """Another one when the file is another."""
    modified_s: float


class Store(Protocol):
    """What it raises is `OSError`, or whatever its library raises."""

    def list(self, *, recursive: bool = False) -> list[StoredFile]:
        """By path; hidden ones (`.…`) left out."""
        ...

    def open(self, path: str) -> IO[bytes]: ...

    def write(self, path: str, data: bytes) -> None:
        """Whole or not at all; over what is there."""
        ...

    def move(self, path: str, target: Store, target_path: str) -> None: ...

    def delete(self, path: str) -> None: ...


def open_store(url: str, props: Mapping[str, str]) -> Store:
    """`ConfigError` for a URL that nobody knows."""
    protocol, separator, rest = url.partition("://")
    if not separator:
        return LocalStore(Path(url))
    if protocol == "file":
        return LocalStore(Path("/" + rest.lstrip("/")))
    fsspec = load("fsspec", EXTRA)
    options = {
        key[len(OPTIONS_PREFIX) :]: _typed(text) for key, text in props.items() if key.startswith(OPTIONS_PREFIX)
    }
    try:
        if protocol in _OBSTORE and find_spec("obstore") is not None:
            system = load("obstore.fsspec", EXTRA).FsspecStore(protocol, **options)
        else:
            system = fsspec.filesystem(protocol, **options)
    except (ValueError, ImportError, TypeError) as error:
        raise ConfigError(f"{url} cannot be opened: {error}") from error
    return FsspecStore(system, rest.rstrip("/"))


def _typed(text: str) -> Any:
    """JSON's true, numbers, objects; text as it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


class LocalStore:
    def __init__(self, root: Path) -> None:
        self._root = root

    def list(self, *, recursive: bool = False) -> list[StoredFile]:
        found = []
        for folder, folders, names in os.walk(self._root, onerror=_raise):
            folders[:] = [name for name in folders if not name.startswith(".")] if recursive else []
            for name in names:
                if name.startswith("."):
                    continue
                path = Path(folder, name)
                with contextlib.suppress(FileNotFoundError):
                    stat = path.stat()
                    version = f"{stat.st_mtime_ns}-{stat.st_size}"
                    relative = path.relative_to(self._root).as_posix()
                    found.append(StoredFile(relative, stat.st_size, version, stat.st_mtime))
        return sorted(found)

    def open(self, path: str) -> IO[bytes]:
        return (self._root / path).open("rb")

    def write(self, path: str, data: bytes) -> None:
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        hidden = target.with_name(f".{target.name}.{os.getpid()}")
        with hidden.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        hidden.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def move(self, path: str, target: Store, target_path: str) -> None:
        if isinstance(target, LocalStore):
            there = target._root / target_path
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(self._root / path, there)
        else:
            target.write(target_path, (self._root / path).read_bytes())
            self.delete(path)

    def delete(self, path: str) -> None:
        (self._root / path).unlink(missing_ok=True)


def _raise(error: OSError) -> None:
    raise error


class FsspecStore:
    """Objects are written at once, which is whole or not at all in an object store."""

    def __init__(self, system: Any, root: str) -> None:
        self._system = system
        self._root = root

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}" if self._root else path

    def list(self, *, recursive: bool = False) -> list[StoredFile]:
        system = self._system
        system.invalidate_cache()
        try:
            if recursive:
                details = system.find(self._root, detail=True).values()
            else:
                details = system.ls(self._root, detail=True)
        except FileNotFoundError:
            return []
        found = []
        root = str(system._strip_protocol(self._root)).rstrip("/")
        for each in details:
            path = str(each["name"])[len(root) :].lstrip("/")
            if each["type"] != "file" or not path or path.rpartition("/")[2].startswith("."):
                continue
            modified = _first(each, "mtime", "LastModified", "last_modified", "created")
            mark = _first(each, "ETag", "etag", "e_tag") or modified
            seconds = modified.timestamp() if hasattr(modified, "timestamp") else float(modified or 0)
            found.append(StoredFile(path, int(each["size"] or 0), f"{mark}-{each['size']}", seconds))
        return sorted(found)

    def open(self, path: str) -> IO[bytes]:
        return io.BufferedReader(_Raw(self._system.open(self._at(path), "rb")), READ_AHEAD_BYTES)

    def write(self, path: str, data: bytes) -> None:
        if type(self._system).__name__ == "MemoryFileSystem":
            self._system.makedirs(self._at(path).rpartition("/")[0], exist_ok=True)
        self._system.pipe_file(self._at(path), data)
        self._system.invalidate_cache()
        if self._system.info(self._at(path))["size"] != len(data):  # not every library tells every failure
            raise OSError(f"{path} is not there as it was written")

    def move(self, path: str, target: Store, target_path: str) -> None:
        if isinstance(target, FsspecStore) and target._system is self._system:
            self._system.cp_file(self._at(path), target._at(target_path))
        else:
            with self.open(path) as stream:
                target.write(target_path, stream.read())
        self.delete(path)

    def delete(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._system.rm_file(self._at(path))


class _Raw(io.RawIOBase):
    """A library's file as Python's own are made of: libraries differ in what theirs can."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = bytes(self._file.read(len(buffer)))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._file.seek(offset, whence)
        return int(self._file.tell())

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def _first(details: Mapping[str, Any], *names: str) -> Any:
    return next((details[name] for name in names if details.get(name)), None)


def failure(what: str, error: Exception) -> ConnectError:
    return ConnectError(f"{what}: {error or type(error).__name__}")
