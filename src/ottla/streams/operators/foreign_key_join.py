"""Joins of two tables where a value of the left one names the key of the right one (KIP-213).

    left change ─► SubscriptionSend ═topic═► SubscriptionReceive ─► SubscriptionJoin ─┐
                                                   │ store                         ═topic═► ResponseJoin ─► result
                               right change ─► ForeignTableJoin ──────────────────────┘

The left side subscribes, at the right side's partition, to the foreign key; both the subscription and each change on
the right are answered to the left's partition. An answer carries the hash of the left value that it was made for, and
one whose value was replaced meanwhile is dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ottla.streams.change import Change
from ottla.streams.errors import SerializationError, StreamsError
from ottla.streams.operator import Operator
from ottla.streams.serdes.murmur3 import hash128
from ottla.streams.serdes.serde import Serde
from ottla.streams.serdes.subscription import (
    RESPONSE_VERSION,
    SUBSCRIPTION_VERSION,
    Instruction,
    SubscriptionResponseWrapper,
    SubscriptionWrapper,
)
from ottla.streams.state.store import ValueAndTimestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.operator import OperatorContext
    from ottla.streams.operators.table_view import TableView
    from ottla.streams.record import Headers


class ForeignKeyNames:
    """What serdes are told instead of a topic; `registration_topic` carries the application's prefix."""

    def __init__(self, registration_topic: str) -> None:
        self.primary_key = f"{registration_topic}-pk"
        self.foreign_key = f"{registration_topic}-fk"
        self.value_hash = f"{registration_topic}-vh"


class ForeignKeySerdes(NamedTuple):
    """None is the configuration's. `value` is the left one."""

    primary_key: Serde[Any] | None
    foreign_key: Serde[Any] | None
    value: Serde[Any] | None
    foreign_value: Serde[Any] | None


class CombinedKey(NamedTuple):
    """In the store of subscriptions: int32 size of the foreign key ‖ foreign key ‖ primary key."""

    foreign_key: Any
    primary_key: Any


class _CombinedKeys:
    def __init__(self, context: OperatorContext, names: ForeignKeyNames, serdes: ForeignKeySerdes) -> None:
        self._names = names
        self._primary = serdes.primary_key or _default(context, "default.key.serde")
        self._foreign = serdes.foreign_key or _default(context, "default.key.serde")

    def prefix(self, foreign_key: Any, headers: Headers) -> bytes:
        data = self._foreign.serializer(self._names.foreign_key, foreign_key, headers)
        if data is None:
            raise SerializationError("a foreign key must not become null when it is serialized")
        return len(data).to_bytes(4, "big") + data

    def to_bytes(self, key: CombinedKey, headers: Headers) -> bytes:
        primary = self._primary.serializer(self._names.primary_key, key.primary_key, headers)
        return self.prefix(key.foreign_key, headers) + (primary or b"")

    def primary_key(self, data: bytes, headers: Headers) -> Any:
        start = 4 + int.from_bytes(data[:4], "big")
        return self._primary.deserializer(self._names.primary_key, data[start:], headers)


class SubscriptionSend(Operator):
    """The left side: what a change of it means to the partitions of its old and its new foreign key."""

    __slots__ = ("_foreign_key", "_left", "_names", "_serdes", "_serialize_key", "_serialize_value", "_versioned")
    forwards_unchanged = True

    def __init__(
        self,
        foreign_key: Callable[[Any, Any], Any],
        names: ForeignKeyNames,
        serdes: ForeignKeySerdes,
        left: bool,
        versioned: bool,
    ) -> None:
        self._foreign_key = foreign_key
        self._names = names
        self._serdes = serdes
        self._left = left
        self._versioned = versioned

    def bind(self, context: OperatorContext) -> None:
        super().bind(context)
        self._serialize_key = (self._serdes.foreign_key or _default(context, "default.key.serde")).serializer
        self._serialize_value = (self._serdes.value or _default(context, "default.value.serde")).serializer

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        new, old, is_latest = value
        if self._versioned and not is_latest:
            self.context.drop("a later value of the versioned table is known")
            return
        old_foreign = None if old is None else self._foreign_key(key, old)
        new_foreign = None if new is None else self._foreign_key(key, new)
        decide = self._left_instructions if self._left else self._inner_instructions
        instructions = decide(old, new, old_foreign, new_foreign, headers)
        if not instructions:
            return
        value_hash = None if new is None else self._hash(new, headers)
        partition = self._partition()
        for foreign_key, instruction in instructions:
            wrapper = SubscriptionWrapper(value_hash, instruction, key, partition)
            self.forward(foreign_key, wrapper, timestamp_ms, headers)

    def _left_instructions(
        self, old: Any, new: Any, old_foreign: Any, new_foreign: Any, headers: Headers
    ) -> list[tuple[Any, Instruction]]:
        """Every insert, update and delete needs a response; a null foreign key is not subscribed to, but answered."""
        if old is None and new is None:
            return []
        instructions = []
        if old_foreign is not None and self._changed(old_foreign, new_foreign, headers):
            instructions.append((old_foreign, Instruction.DELETE_KEY_NO_PROPAGATE))
        instructions.append((new_foreign, Instruction.PROPAGATE_NULL_IF_NO_FK_VAL_AVAILABLE))
        return instructions

    def _inner_instructions(
        self, old: Any, new: Any, old_foreign: Any, new_foreign: Any, headers: Headers
    ) -> list[tuple[Any, Instruction]]:
        if new_foreign is None:
            if new is not None:
                self.context.drop("the foreign key is null")
            return [] if old_foreign is None else [(old_foreign, Instruction.DELETE_KEY_AND_PROPAGATE)]
        if old_foreign is not None and self._changed(old_foreign, new_foreign, headers):
            return [
                (old_foreign, Instruction.DELETE_KEY_NO_PROPAGATE),
                (new_foreign, Instruction.PROPAGATE_NULL_IF_NO_FK_VAL_AVAILABLE),
            ]
        # There was no result, or one with the same foreign key: without a right value there is nothing to take back.
        return [(new_foreign, Instruction.PROPAGATE_ONLY_IF_FK_VAL_AVAILABLE)]

    def _changed(self, old_foreign: Any, new_foreign: Any, headers: Headers) -> bool:
        serialize, topic = self._serialize_key, self._names.foreign_key
        return serialize(topic, old_foreign, headers) != serialize(topic, new_foreign, headers)

    def _hash(self, value: Any, headers: Headers) -> bytes:
        return hash128(self._serialize_value(self._names.value_hash, value, headers) or b"")

    def _partition(self) -> int:
        metadata = self.context.record_metadata
        return int(self.context.task_id.rpartition("_")[2]) if metadata is None else metadata.partition


class SubscriptionReceive(Operator):
    """The right side's partition: keeps the subscription, and hands it on to be answered."""

    __slots__ = ("_keys", "_names", "_serdes", "_store", "_store_name")
    forwards_unchanged = True

    def __init__(self, store: str, names: ForeignKeyNames, serdes: ForeignKeySerdes) -> None:
        self._store_name = store
        self._names = names
        self._serdes = serdes

    def bind(self, context: OperatorContext) -> None:
        super().bind(context)
        self._store: Any = context.store(self._store_name)
        self._keys = _CombinedKeys(context, self._names, self._serdes)

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        _, instruction, primary_key, _, version = value
        if key is None and instruction is not Instruction.PROPAGATE_NULL_IF_NO_FK_VAL_AVAILABLE:
            self.context.drop("the foreign key is null")
            return
        if version > SUBSCRIPTION_VERSION:
            raise StreamsError(f"a subscription has version {version}, which this release does not know")
        combined = CombinedKey(key, primary_key)
        new = ValueAndTimestamp(value, timestamp_ms)
        old = None
        if key is not None:
            store_key = self._keys.to_bytes(combined, headers)
            old = self._store.get(store_key)
            deletes = instruction in (Instruction.DELETE_KEY_AND_PROPAGATE, Instruction.DELETE_KEY_NO_PROPAGATE)
            self._store.put(store_key, None if deletes else new)
        self.forward(combined, Change(new, old), timestamp_ms, headers)


class SubscriptionJoin(Operator):
    """Answers a subscription with the right value as it is now."""

    __slots__ = ("_get", "_view")

    def __init__(self, view: TableView) -> None:
        self._view = view

    def bind(self, context: OperatorContext) -> None:
        super().bind(context)
        self._get = self._view.bind(context).get

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        (value_hash, instruction, _, partition, _), timestamp_ms = value[0]
        foreign_key, primary_key = key
        found = None if foreign_key is None else self._get(foreign_key)
        if found is not None:
            timestamp_ms = max(timestamp_ms, found.timestamp_ms)
        if instruction is Instruction.DELETE_KEY_AND_PROPAGATE:
            response = SubscriptionResponseWrapper(value_hash, None, partition)
        elif instruction is Instruction.PROPAGATE_NULL_IF_NO_FK_VAL_AVAILABLE or (
            instruction is Instruction.PROPAGATE_ONLY_IF_FK_VAL_AVAILABLE and found is not None
        ):
            response = SubscriptionResponseWrapper(value_hash, None if found is None else found.value, partition)
        else:
            return
        self.forward(primary_key, response, timestamp_ms, headers)


class ForeignTableJoin(Operator):
    """A change of the right table goes to everybody who subscribed to its key."""

    __slots__ = ("_keys", "_names", "_serdes", "_store", "_store_name", "_versioned")
    forwards_unchanged = True

    def __init__(self, store: str, names: ForeignKeyNames, serdes: ForeignKeySerdes, versioned: bool) -> None:
        self._store_name = store
        self._names = names
        self._serdes = serdes
        self._versioned = versioned

    def bind(self, context: OperatorContext) -> None:
        super().bind(context)
        self._store: Any = context.store(self._store_name)
        self._keys = _CombinedKeys(context, self._names, self._serdes)

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        if key is None:
            self.context.drop("the key is null")
            return
        new, _, is_latest = value
        if self._versioned and not is_latest:
            self.context.drop("a later value of the versioned table is known")
            return
        for store_key, (subscription, _) in self._store.prefix_scan(self._keys.prefix(key, headers)):
            primary_key = self._keys.primary_key(store_key, headers)
            response = SubscriptionResponseWrapper(subscription.hash, new, subscription.primary_partition)
            self.forward(primary_key, response, timestamp_ms, headers)


class ResponseJoin(Operator):
    """The left side's partition: joins an answer with the left value, if it is the one that the answer was made for."""

    __slots__ = ("_get", "_joiner", "_left", "_names", "_serdes", "_serialize_value", "_view")
    forwards_unchanged = True

    def __init__(
        self,
        view: TableView,
        joiner: Callable[[Any, Any], Any],
        names: ForeignKeyNames,
        serdes: ForeignKeySerdes,
        left: bool,
    ) -> None:
        self._view = view
        self._joiner = joiner
        self._names = names
        self._serdes = serdes
        self._left = left

    def bind(self, context: OperatorContext) -> None:
        super().bind(context)
        self._get = self._view.bind(context).get
        self._serialize_value = (self._serdes.value or _default(context, "default.value.serde")).serializer

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        value_hash, foreign_value, _, version = value
        if version != RESPONSE_VERSION:
            raise StreamsError(f"a response of a foreign-key join has version {version}, which nobody knows")
        found = self._get(key)
        current_hash = None
        if found is not None:
            current_hash = hash128(self._serialize_value(self._names.value_hash, found.value, headers) or b"")
        if value_hash != current_hash:
            self.context.drop("the left value has changed since the foreign one was asked for")
            return
        if foreign_value is None and (not self._left or found is None):
            result = None
        else:
            result = self._joiner(None if found is None else found.value, foreign_value)
        self.forward(key, result, timestamp_ms, headers)


def _default(context: OperatorContext, key: str) -> Serde[Any]:
    given = context.config.get(key)
    if given is None:
        raise StreamsError(f"a foreign-key join needs the serdes of both tables: give them there, or set {key}")
    made = given if isinstance(given, Serde) else given()
    if not isinstance(made, Serde):
        raise StreamsError(f"{key} must be a Serde, or make one; it is {given!r}")
    return made
