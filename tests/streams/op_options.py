"""The option objects of the DSL out of an op-tree's JSON: the same as in the oracle's `Options.java`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.dsl.consumed import Consumed
from ottla.streams.dsl.grouped import Grouped
from ottla.streams.dsl.joined import Joined
from ottla.streams.dsl.materialized import Materialized
from ottla.streams.dsl.produced import Produced
from ottla.streams.dsl.repartitioned import Repartitioned
from ottla.streams.dsl.store_suppliers import BuiltInDslStoreSuppliers
from ottla.streams.dsl.stream_joined import StreamJoined
from ottla.streams.dsl.suppressed import BufferConfig, Suppressed
from ottla.streams.dsl.table_joined import TableJoined
from ottla.streams.serdes.serdes import Serdes
from ottla.streams.serdes.windowed import session_windowed_serde, time_windowed_serde
from ottla.streams.state.stores import Stores
from ottla.streams.topology.auto_offset_reset import AutoOffsetReset
from ottla.streams.topology.timestamp_extractor import wallclock_timestamp
from ottla.streams.windows import (
    EmitStrategy,
    JoinWindows,
    SessionWindows,
    SlidingWindows,
    TimeWindows,
    UnlimitedWindows,
    Windows,
)

if TYPE_CHECKING:
    from ottla.streams.serdes.serde import Serde

Op = dict[str, Any]

_SERDES: dict[str, Serde[Any]] = {
    "string": Serdes.str(),
    "long": Serdes.int64(),
    "integer": Serdes.int32(),
    "double": Serdes.float64(),
    "bytes": Serdes.bytes(),
    "session_string": session_windowed_serde(Serdes.str()),
}


def serde(given: Op, field: str) -> Serde[Any] | None:
    name = given.get(field)
    if name is None:
        return None
    kind, _, size = name.partition(":")
    return time_windowed_serde(Serdes.str(), int(size)) if size else _SERDES[kind]


def consumed(op: Op) -> Consumed[Any, Any]:
    """Java's tests always give one, so that the serdes of a table are those of `consumed`."""
    given = op.get("consumed", {})
    return Consumed(
        serde(given, "key"),
        serde(given, "value"),
        wallclock_timestamp if given.get("timestamp_extractor") == "wallclock" else None,
        _offset_reset(given.get("offset_reset")),
        given.get("name"),
    )


def _offset_reset(name: str | None) -> AutoOffsetReset | None:
    if name is None:
        return None
    if name in ("earliest", "latest", "none"):
        made: AutoOffsetReset = getattr(AutoOffsetReset, name)()
        return made
    return AutoOffsetReset.by_duration(int(name))


def produced(op: Op) -> Produced[Any, Any] | None:
    given = op.get("produced")
    return None if given is None else Produced(serde(given, "key"), serde(given, "value"), name=given.get("name"))


def grouped(op: Op) -> Grouped[Any, Any] | None:
    given = op.get("grouped")
    return None if given is None else Grouped(serde(given, "key"), serde(given, "value"), given.get("name"))


def repartitioned(op: Op) -> Repartitioned[Any, Any] | None:
    given = op.get("repartitioned")
    if given is None:
        return None
    return Repartitioned(serde(given, "key"), serde(given, "value"), given.get("partitions"), name=given.get("name"))


def joined(op: Op) -> Joined[Any, Any, Any] | None:
    given = op.get("joined")
    if given is None:
        return None
    serdes = serde(given, "key"), serde(given, "value"), serde(given, "other_value")
    return Joined(*serdes, given.get("name"), given.get("grace_ms"))


def stream_joined(op: Op) -> StreamJoined[Any, Any, Any] | None:
    given = op.get("stream_joined")
    if given is None:
        return None
    serdes = serde(given, "key"), serde(given, "value"), serde(given, "other_value")
    made: StreamJoined[Any, Any, Any] = StreamJoined(*serdes, given.get("name"), given.get("store_name"))
    return made if given.get("logging", True) else made.with_logging_disabled()


def table_joined(op: Op) -> TableJoined[Any, Any] | None:
    given = op.get("table_joined")
    return None if given is None else TableJoined.as_(given["name"])


def materialized(op: Op) -> Materialized[Any, Any] | None:
    given = op.get("materialized")
    if given is None:
        return None
    name = given.get("name")
    made: Materialized[Any, Any] = Materialized(name)
    if "supplier" in given:
        made = Materialized.as_(_supplier(given, name))
    made = made.with_key_serde(serde(given, "key")).with_value_serde(serde(given, "value"))
    if "logging" in given:
        config = given.get("topic_config", {})
        made = made.with_logging_enabled(config) if given["logging"] else made.with_logging_disabled()
    if "caching" in given:
        made = made.with_caching_enabled() if given["caching"] else made.with_caching_disabled()
    if "retention_ms" in given:
        made = made.with_retention(given["retention_ms"])
    if given.get("store_type") == "in_memory":
        made = made.with_store_type(BuiltInDslStoreSuppliers.IN_MEMORY)
    return made


def _supplier(given: Op, name: str) -> Any:
    stores: Any = Stores
    match given["supplier"]:
        case "in_memory":
            return stores.in_memory_key_value_store(name)
        case "plain":
            return stores.persistent_key_value_store(name)
        case "persistent":
            return stores.persistent_timestamped_key_value_store(name)
        case "lru":
            return stores.lru_map(name, given["max_entries"])
        case "versioned":
            return stores.persistent_versioned_key_value_store(name, given["history_ms"])
        case "in_memory_window":
            return stores.in_memory_window_store(name, given["retention_ms"], given["window_size_ms"])
        case "in_memory_session":
            return stores.in_memory_session_store(name, given["retention_ms"])
        case other:
            raise ValueError(f"no store supplier {other}")


def windows(given: Op) -> Any:
    """Of every kind but those of joins."""
    match given["kind"]:
        case "unlimited":
            return UnlimitedWindows.of().start_on(given.get("start_ms", 0))
        case "sliding":
            difference = given["difference_ms"]
            if "grace_ms" in given:
                return SlidingWindows.of_time_difference_and_grace(difference, given["grace_ms"])
            return SlidingWindows.of_time_difference_with_no_grace(difference)
        case "session":
            if "grace_ms" in given:
                return SessionWindows.of_inactivity_gap_and_grace(given["gap_ms"], given["grace_ms"])
            return SessionWindows.of_inactivity_gap_with_no_grace(given["gap_ms"])
        case _:
            return _time_windows(given)


def _time_windows(given: Op) -> Windows:
    if "grace_ms" in given:
        made = TimeWindows.of_size_and_grace(given["size_ms"], given["grace_ms"])
    else:
        made = TimeWindows.of_size_with_no_grace(given["size_ms"])
    return made.advance_by(given["advance_ms"]) if "advance_ms" in given else made


def join_windows(given: Op) -> JoinWindows:
    if "grace_ms" in given:
        made = JoinWindows.of_time_difference_and_grace(given["difference_ms"], given["grace_ms"])
    else:
        made = JoinWindows.of_time_difference_with_no_grace(given["difference_ms"])
    if "before_ms" in given:
        made = made.before(given["before_ms"])
    return made.after(given["after_ms"]) if "after_ms" in given else made


def emit_strategy(op: Op) -> EmitStrategy | None:
    name = op.get("emit")
    if name is None:
        return None
    return EmitStrategy.on_window_close() if name == "on_window_close" else EmitStrategy.on_window_update()


def suppressed(given: Op) -> Suppressed:
    is_final = given["until"] == "window_closes"
    buffer = BufferConfig.unbounded()
    if "max_records" in given:
        buffer = BufferConfig.max_records(given["max_records"])
        buffer = buffer.shut_down_when_full() if is_final else buffer
    if "logging" in given:
        buffer = buffer.with_logging_enabled() if given["logging"] else buffer.with_logging_disabled()
    if is_final:
        made = Suppressed.until_window_closes(buffer)
    else:
        made = Suppressed.until_time_limit(given["time_ms"], buffer)
    return made.with_name(given["name"]) if "name" in given else made
