"""What Kafka Streams' smoke test runs (`SmokeTestClient`): windows, suppression, tables, joins, a repartition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.streams import (
    BufferConfig,
    Consumed,
    Grouped,
    KTable,
    Materialized,
    Produced,
    Serde,
    Serdes,
    Stores,
    StreamsBuilder,
    Suppressed,
    TimeWindows,
    Windowed,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

INT_MAX: Final = 2**31 - 1
TOPICS: Final = (
    *("data", "echo", "max", "min", "min-suppressed", "min-raw", "dif", "sum"),
    *("sws-raw", "sws-suppressed", "cnt", "avg", "tagg", "fk"),
)
TEXT, INT, LONG, DOUBLE = Serdes.str(), Serdes.int32(), Serdes.int64(), Serdes.float64()


def topology(config: Mapping[str, Any]) -> StreamsBuilder:
    builder = StreamsBuilder()
    source = builder.stream("data", Consumed(TEXT, INT))
    source.filter_not(_is_flush).to("echo", Produced(TEXT, INT))
    grouped = source.filter(lambda _, value: value is None or value != INT_MAX).group_by_key(Grouped(TEXT, INT))

    least = grouped.windowed_by(TimeWindows.of_size_and_grace("1d", "1m")).aggregate(
        lambda: INT_MAX, lambda _, value, found: min(value, found), materialized=_kept("uwin-min", INT, "25h")
    )
    _written(least, "min-raw")
    _written(_when_closed(least), "min-suppressed")
    _by_key(least, "min", INT)
    sums = grouped.windowed_by(TimeWindows.of_size_and_grace("2s", "30s").advance_by("1s")).reduce(
        lambda one, two: one + two
    )
    _written(sums, "sws-raw")
    _written(_when_closed(sums), "sws-suppressed")
    days = grouped.windowed_by(TimeWindows.of_size_with_no_grace("2d"))
    greatest = days.aggregate(
        lambda: -INT_MAX - 1, lambda _, value, found: max(value, found), materialized=_kept("uwin-max", INT)
    )
    _by_key(greatest, "max", INT)
    _by_key(
        days.aggregate(lambda: 0, lambda _, value, found: value + found, materialized=_kept("win-sum", LONG)),
        "sum",
        LONG,
    )
    _by_key(days.count(materialized=Materialized.as_("uwin-cnt")), "cnt", LONG)
    _tables(builder)
    return builder


def _tables(builder: StreamsBuilder) -> None:
    """What is made of the results, which are read back."""
    least = builder.table("min", Consumed(TEXT, INT), Materialized.as_("minStoreName"))
    greatest = builder.table("max", Consumed(TEXT, INT), Materialized.as_("maxStoreName"))
    total = builder.table("sum", Consumed(TEXT, LONG))
    count = builder.table("cnt", Consumed(TEXT, LONG), Materialized.as_("cntStoreName"))
    differences = greatest.join(least, lambda one, two: one - two)
    differences.to_stream().filter_not(_is_flush).to("dif", Produced(TEXT, INT))
    averages = total.join(count, lambda one, two: one / two)
    averages.to_stream().filter_not(_is_flush).to("avg", Produced(TEXT, DOUBLE))
    by_count = count.group_by(_by_count, Grouped(TEXT, LONG))
    store: Materialized[str, int] = Materialized.as_(Stores.in_memory_key_value_store("cntByCnt"))
    by_count.aggregate(
        lambda: 0,
        lambda _, value, found: found + value,
        lambda _, value, found: found - value,
        materialized=store.with_key_serde(TEXT).with_value_serde(LONG),
    ).to_stream().to("tagg", Produced(TEXT, LONG))


def _by_count(_: Any, value: Any) -> Any:
    return None if value is None else str(value), 1


def _is_flush(key: Any, _: Any) -> bool:
    return bool(key == "flush")


def _kept(name: str, serde: Serde[int], retention: str | None = None) -> Materialized[str, int]:
    made: Materialized[str, int] = Materialized.as_(name)
    made = made.with_value_serde(serde)
    return made if retention is None else made.with_retention(retention)


def _when_closed(table: KTable[Windowed[str], int]) -> KTable[Windowed[str], int]:
    return table.suppress(Suppressed.until_window_closes(BufferConfig.unbounded()))


def _by_key(table: KTable[Windowed[str], int], topic: str, serde: Serde[int]) -> None:
    stream = table.to_stream(lambda windowed, _: windowed.key)
    stream.filter_not(_is_flush).to(topic, Produced(TEXT, serde))


def _written(table: KTable[Windowed[str], int], topic: str) -> None:
    """Keys as Java prints them."""
    stream = table.to_stream().filter_not(lambda windowed, _: windowed.key == "flush")
    named = stream.map(lambda each, value: (f"[{each.key}@{each.window.start_ms}/{each.window.end_ms}]", value))
    named.to(topic, Produced(TEXT, INT))
