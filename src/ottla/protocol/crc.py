"""CRC-32C (Castagnoli), the checksum of record batches, over any buffer and without a copy.

The package `crc32c` does the work in C. Its `__init__` reads its own version through `importlib.metadata`, which costs
more than everything else here (tens of milliseconds at each start), so only its extension module is loaded.
"""

from collections.abc import Callable
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import TypeAlias, cast

Buffer: TypeAlias = bytes | bytearray | memoryview


def _load() -> Callable[[Buffer], int]:
    package = find_spec("crc32c")
    folders = package.submodule_search_locations if package else None
    spec = PathFinder.find_spec("crc32c._crc32c", folders)
    if spec is None or spec.loader is None:
        from crc32c import crc32c as whole

        return whole
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return cast("Callable[[Buffer], int]", module.crc32c)


#: The checksum of a buffer, 0 … 2**32 - 1.
crc32c: Callable[[Buffer], int] = _load()
