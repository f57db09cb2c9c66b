"""How far each source has got: `["CONNECTOR",{partition}]` → `{offset}`, as Kafka Connect keeps them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ottla.connect.api.errors import DataError
from ottla.connect.store.json_text import decode_json, encode_json
from ottla.connect.store.source_partition import partition_identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ottla.connect.store.state_log import KeyValue, StateLog

_log = logging.getLogger(__name__)

Offset = dict[str, Any] | None


class OffsetStore:
    """A partition is found whatever the order of its fields: Java's maps have another order than ours. A key that is
    there already is written again as it is, so that compaction keeps one of them."""

    def __init__(self, log: StateLog) -> None:
        self._log = log
        self._keys: dict[tuple[str, str], bytes] = {}
        self._values: dict[bytes, bytes] = {}
        self._partitions: dict[str, dict[str, dict[str, Any] | None]] = {}

    async def start(self) -> None:
        await self._log.start(self._replay)

    async def stop(self) -> None:
        await self._log.stop()

    async def refresh(self) -> None:
        await self._log.read_to_end()

    def get(self, connector: str, partition: Mapping[str, Any] | None) -> Offset:
        """What is stored, `None` for nothing."""
        data = self._values.get(self._keys.get((connector, partition_identity(partition)), b""))
        if data is None:
            return None
        try:
            value = decode_json(data)
        except ValueError:
            value = data
        if not isinstance(value, dict):
            raise DataError(f"The offset of {connector} for {partition} is not an object: {value!r}")
        return value

    def all_of(self, connector: str) -> list[tuple[dict[str, Any] | None, Offset]]:
        """Every partition of a connector that has an offset."""
        return [
            (partition, self.get(connector, partition)) for partition in self._partitions.get(connector, {}).values()
        ]

    async def put(self, connector: str, offsets: Iterable[tuple[Mapping[str, Any] | None, Offset]]) -> None:
        """Returns when all are stored; `None` forgets one. Who reads them `refresh`es first. `ConnectError`."""
        await self._log.write(self.records(connector, offsets))

    def records(self, connector: str, offsets: Iterable[tuple[Mapping[str, Any] | None, Offset]]) -> list[KeyValue]:
        """What says them, for whoever writes them in a transaction of its own."""
        return [
            (self.key_of(connector, partition), None if offset is None else encode_json(offset))
            for partition, offset in offsets
        ]

    def key_of(self, connector: str, partition: Mapping[str, Any] | None) -> bytes:
        """Under which its offset stands, or would."""
        return self._keys.get((connector, partition_identity(partition))) or offset_key(connector, partition)

    def _replay(self, key: bytes | None, value: bytes | None) -> None:
        if key is None:
            return
        try:
            parts = decode_json(key)
        except ValueError:
            parts = None
        if not isinstance(parts, list) or len(parts) != 2 or not isinstance(parts[0], str):
            _log.warning("an offset with a key of no known form is passed over: %r", key)
            return
        connector, partition = parts
        if partition is not None and not isinstance(partition, dict):
            _log.warning("an offset with a key of no known form is passed over: %r", key)
            return
        identity = (connector, partition_identity(partition))
        known = self._partitions.setdefault(connector, {})
        if value is None:
            self._values.pop(self._keys.pop(identity, key), None)
            known.pop(identity[1], None)
        else:
            self._values.pop(self._keys.get(identity, key), None)
            self._keys[identity] = key
            self._values[key] = value
            known[identity[1]] = partition


def offset_key(connector: str, partition: Mapping[str, Any] | None) -> bytes:
    return encode_json([connector, None if partition is None else dict(partition)])


def validate_offset_format(data: object) -> None:
    """Offsets and partitions are objects of texts, numbers, truth values and nulls. `DataError`."""
    if data is None:
        return
    if not isinstance(data, dict):
        raise DataError("Offsets must be specified as a Map")
    for name, value in data.items():
        if not isinstance(name, str):
            raise DataError("Offsets may only use String keys")
        if isinstance(value, list | tuple | dict):
            kind = "MAP" if isinstance(value, dict) else "ARRAY"
            text = f"Offsets may only contain primitive types as values, but field {name} contains {kind}"
            raise DataError(text)
        if not isinstance(value, str | int | float | bytes | bool | None):
            kind = type(value).__name__
            raise DataError(f"Offsets may only contain primitive types as values, but field {name} contains {kind}")
