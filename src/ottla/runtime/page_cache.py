"""Is it in the page cache? And if not: bring it there without stalling the event loop.

`sendfile` and `read` of a page that is not cached wait for the disk, and with them everybody on the loop.
`preadv2(RWF_NOWAIT)` answers from the cache or says that it would block; a small pool of threads then reads ahead.
Where the system cannot say (other kernels, some file systems) everything counts as cached.
"""

import asyncio
import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

READ_AHEAD_THREADS = 4
READ_AHEAD_CHUNK_BYTES = 256 * 1024

_NOWAIT: int = getattr(os, "RWF_NOWAIT", 0)
_PROBE = (bytearray(1),)  # what is read into it is of no interest
_CANNOT_SAY = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


def read_cached(fd: int, position: int, size: int) -> bytearray | None:
    """The bytes, if all of them are in the page cache; else `None`."""
    buffer = bytearray(size)
    try:
        done = os.preadv(fd, (buffer,), position, _NOWAIT)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno not in _CANNOT_SAY:
            raise
        done = os.preadv(fd, (buffer,), position)
    return buffer if done == size else None


def is_cached(fd: int, position: int, size: int) -> bool:
    """Whether the first and the last byte of a range are in the page cache: what lies between mostly is, too."""
    if not _NOWAIT:
        return True
    try:
        os.preadv(fd, _PROBE, position, _NOWAIT)
        os.preadv(fd, _PROBE, position + size - 1, _NOWAIT)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _CANNOT_SAY:
            raise
    return True


class ReadAhead:
    """Threads that read file ranges into the page cache. A connection has at most one range under way."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pool: ThreadPoolExecutor | None = None

    def fetch(self, fd: int, position: int, size: int, done: Callable[[], None]) -> None:
        """Read the range in a thread, then call `done` on the loop. Errors are left to the read that follows."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(READ_AHEAD_THREADS, thread_name_prefix="read-ahead")
        own = os.dup(fd)  # the file may be closed, and its number reused, while the thread reads
        self._pool.submit(self._read, own, position, size, done)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _read(self, fd: int, position: int, size: int, done: Callable[[], None]) -> None:
        try:
            end = position + size
            while position < end:
                got = len(os.pread(fd, min(READ_AHEAD_CHUNK_BYTES, end - position), position))
                if not got:
                    break
                position += got
        except OSError:
            pass
        finally:
            os.close(fd)
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(done)
