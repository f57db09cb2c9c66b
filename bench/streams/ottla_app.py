"""The workloads in Ottla Streams; node by node what StreamsBench.java is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams import Consumed, Grouped, Joined, Materialized, Produced, Serdes, StreamsBuilder, TimeWindows

if TYPE_CHECKING:
    from collections.abc import Mapping


def topology(config: Mapping[str, Any]) -> StreamsBuilder:
    """`bench.workload` says which."""
    text, number = Serdes.str(), Serdes.int64()
    builder = StreamsBuilder()
    records = builder.stream("in", Consumed(text, text))
    match config["bench.workload"]:
        case "map-filter":
            kept = records.filter(lambda _, value: not value.endswith("0"))
            kept.map_values(lambda value: value + "0").to("out", Produced(text, text))
        case "count":
            groups = records.group_by_key(Grouped(text, text))
            groups.count(materialized=Materialized.as_("counts")).to_stream().to("out", Produced(text, number))
        case "windowed-sum":
            windows = TimeWindows.of_size_with_no_grace(60_000)
            sums = (
                records.group_by_key(Grouped(text, text))
                .windowed_by(windows)
                .aggregate(
                    lambda: 0, lambda _, value, total: total + int(value), materialized=Materialized.with_(text, number)
                )
            )
            sums.to_stream(lambda window, _: window.key).to("out", Produced(text, number))
        case "join":
            table = builder.table("table", Consumed(text, text))
            joined = records.join(table, lambda value, name: value + name, joined=Joined.with_(text, text, text))
            joined.to("out", Produced(text, text))
        case other:
            raise ValueError(f"there is no workload {other!r}")
    return builder
