"""The word count of the DSL, node by node and name by name what tests/peers/java/WordCount.java is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ottla.streams.dsl.consumed import Consumed
from ottla.streams.dsl.grouped import Grouped
from ottla.streams.dsl.materialized import Materialized
from ottla.streams.dsl.named import Named
from ottla.streams.dsl.produced import Produced
from ottla.streams.dsl.streams_builder import StreamsBuilder
from ottla.streams.serdes.serdes import Serdes

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOT_IN_WORDS = re.compile(r"\W+")


def topology(config: Mapping[str, Any]) -> StreamsBuilder:
    source, sink = config.get("test.input", "lines"), config.get("test.output", "counts")
    text, number = Serdes.str(), Serdes.int64()
    builder = StreamsBuilder()
    lines = builder.stream(source, Consumed.with_(text, text))
    words = lines.flat_map_values(lambda line: _NOT_IN_WORDS.split(line.lower()))
    groups = words.group_by(lambda _, word: word, Grouped(text, text, "words"))
    counts = groups.count(materialized=Materialized.as_("counts"), named=Named.as_("count"))
    counts.to_stream().to(sink, Produced.with_(text, number))
    return builder
