"""TopologyTestDriver on topologies of the Processor API: what tasks do with records, time, errors and stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ottla.streams.errors import StreamsError
from ottla.streams.operators.aggregate import StreamAggregate
from ottla.streams.operators.stateless import Filter, Map, SelectKey
from ottla.streams.operators.table import TableSource, TableToStream
from ottla.streams.processor import Processor, PunctuationType
from ottla.streams.record import Record, RecordMetadata
from ottla.streams.serdes.serdes import Serdes
from ottla.streams.state.store import ValueAndTimestamp
from ottla.streams.state.stores import Stores
from ottla.streams.tasks.exception_handlers import (
    LogAndContinueExceptionHandler,
    LogAndContinueProcessingExceptionHandler,
    Response,
)
from ottla.streams.testing.record import TestRecord
from ottla.streams.testing.topology_test_driver import TopologyTestDriver
from ottla.streams.topology.timestamp_extractor import ConsumedRecord, log_and_skip_on_invalid_timestamp
from ottla.streams.topology.topology import Topology

if TYPE_CHECKING:
    from ottla.streams.processor import Cancellable, ProcessorContext
    from ottla.streams.record import Headers
    from ottla.streams.testing.topics import TestInputTopic, TestOutputTopic

STR = Serdes.str()
CONFIG: dict[str, Any] = {"default.key.serde": STR, "default.value.serde": STR}


def piped(driver: TopologyTestDriver, topic: str = "in") -> TestInputTopic[str, str]:
    return driver.create_input_topic(topic, STR.serializer, STR.serializer, 0, 1)


def read(driver: TopologyTestDriver, topic: str = "out") -> TestOutputTopic[str, str]:
    return driver.create_output_topic(topic, STR.deserializer, STR.deserializer)


def test_operators_and_repartition_topics() -> None:
    topology = Topology()
    topology.add_source("source", "in")
    topology.add_processor("long", lambda: Filter(lambda key, value: len(value) > 1), "source")
    topology.add_processor("by-letter", lambda: SelectKey(lambda key, value: value[0]), "long")
    topology.add_sink("to-repartition", "letters", "by-letter")
    topology.add_source("from-repartition", "letters")
    topology.add_processor("mapped", lambda: Map(lambda key, value: (key, f"{key}:{value}")), "from-repartition")
    topology.add_sink("sink", "out", "mapped")
    with TopologyTestDriver(topology, CONFIG) as driver:
        source, out = piped(driver), read(driver)
        source.pipe_value_list(["ab", "c", "bc"])
        assert out.read_records_to_list() == [TestRecord("a", "a:ab", 0), TestRecord("b", "b:bc", 2)]
        assert read(driver, "letters").read_key_values_to_map() == {"a": "ab", "b": "bc"}
        assert driver.produced_topic_names == {"out", "letters"}
        assert out.is_empty
        with pytest.raises(LookupError):
            out.read_value()
        with pytest.raises(ValueError, match="no source"):
            piped(driver, "other").pipe_value("x")


def counting(cached: bool) -> Topology:
    builder = Stores.timestamped_key_value_store_builder(
        Stores.in_memory_key_value_store("counts"), STR, Serdes.int64()
    )
    topology = Topology()
    topology.add_source("source", "in")
    supplier = lambda: StreamAggregate("counts", lambda: 0, lambda key, value, count: count + 1, False)  # noqa: E731
    topology.add_processor("count", supplier, "source")
    topology.add_state_store(builder.with_caching_enabled() if cached else builder, "count")
    topology.add_processor("changes", TableToStream, "count")
    topology.add_sink("sink", "out", "changes", value_serializer=Serdes.int64().serializer)
    return topology


@pytest.mark.parametrize("cached", [False, True])
def test_a_count(cached: bool) -> None:
    with TopologyTestDriver(counting(cached), {**CONFIG, "application.id": "app"}) as driver:
        source = piped(driver)
        out = driver.create_output_topic("out", STR.deserializer, Serdes.int64().deserializer)
        source.pipe_input("a", "x", 10)
        source.pipe_input("a", "x", 5, (("h", b"1"),))
        source.pipe_input("a", None, 20)
        source.pipe_input(None, "x", 20)
        source.pipe_input("b", "x", 7)
        assert out.read_records_to_list() == [
            TestRecord("a", 1, 10),
            TestRecord("a", 2, 10, (("h", b"1"),)),
            TestRecord("b", 1, 7),
        ]
        assert driver.dropped_records == 2
        values, timed = driver.get_key_value_store("counts"), driver.get_timestamped_key_value_store("counts")
        assert values is not None
        assert timed is not None
        assert list(values.all()) == [("a", 2), ("b", 1)]
        assert timed.get("a") == ValueAndTimestamp(2, 10)
        logged = driver.create_output_topic("app-counts-changelog", STR.deserializer, Serdes.int64().deserializer)
        assert logged.read_records_to_list() == [TestRecord("a", 1, 10), TestRecord("a", 2, 10), TestRecord("b", 1, 7)]


class Punctual(Processor[str, str]):
    """Notes when it is punctuated, and what it saw."""

    def __init__(self) -> None:
        self.fired: list[tuple[str, int]] = []

    def init(self, context: ProcessorContext) -> None:
        super().init(context)
        context.schedule(10, PunctuationType.STREAM_TIME, lambda now_ms: self.note("stream", now_ms))
        context.schedule(10, PunctuationType.WALL_CLOCK_TIME, lambda now_ms: self.note("wall", now_ms))
        self.once: Cancellable = context.schedule(5, PunctuationType.WALL_CLOCK_TIME, self.only_once)
        context.schedule(10, PunctuationType.WALL_CLOCK_TIME, lambda now_ms: self.note("anchored", now_ms), 1003)

    def note(self, name: str, now_ms: int) -> None:
        self.fired.append((name, now_ms))
        assert self.context.record_metadata is None
        self.context.forward(Record(name, str(now_ms), now_ms))

    def only_once(self, now_ms: int) -> None:
        self.note("once", now_ms)
        self.once.cancel()

    def process(self, record: Record[str, str]) -> None:
        assert self.context.record_metadata == RecordMetadata("in", 0, len(record.value))


def test_punctuators() -> None:
    made: list[Punctual] = []

    def supplier() -> Punctual:
        made.append(Punctual())
        return made[-1]

    topology = Topology()
    topology.add_source("source", "in")
    topology.add_processor("punctual", supplier, "source")
    topology.add_sink("sink", "out", "punctual")
    with TopologyTestDriver(topology, CONFIG, initial_wall_clock_ms=1000) as driver:
        (processor,) = made
        source = piped(driver)
        for at, timestamp_ms in enumerate((0, 4, 35, 20, 39, 40)):
            source.pipe_input("k", "x" * at, timestamp_ms)
        assert processor.fired == [("stream", 0), ("stream", 35), ("stream", 40)]
        processor.fired.clear()
        for _ in range(5):
            driver.advance_wall_clock_time(4)
        assert processor.fired == [
            ("anchored", 1004),
            ("once", 1008),
            ("wall", 1012),
            ("anchored", 1016),
            ("wall", 1020),
        ]
        driver.advance_wall_clock_time(35)
        assert processor.fired[-2:] == [("anchored", 1055), ("wall", 1055)]
        assert read(driver).queue_size == 10
        driver.advance_wall_clock_time(5)
        assert processor.fired[-1] == ("wall", 1060)


def fails(key: str, value: str) -> tuple[str, str]:
    if value == "bad":
        raise ZeroDivisionError("bad value")
    return key, value


def failing() -> Topology:
    topology = Topology()
    topology.add_source("source", "in")
    topology.add_processor("first", lambda: Map(fails), "source")
    topology.add_sink("sink", "out", "first")
    topology.add_processor("second", lambda: Filter(lambda key, value: True), "source")
    topology.add_sink("other", "other", "second")
    return topology


def test_a_failure_names_its_place() -> None:
    with TopologyTestDriver(failing(), CONFIG) as driver:
        with pytest.raises(StreamsError, match="processor first, for the record at offset 0 of in-0") as raised:
            piped(driver).pipe_value("bad")
        assert isinstance(raised.value.__cause__, ZeroDivisionError)


def test_dead_letters_of_processing() -> None:
    config = {
        **CONFIG,
        "processing.exception.handler": LogAndContinueProcessingExceptionHandler,
        "errors.dead.letter.queue.topic.name": "dlq",
    }
    with TopologyTestDriver(failing(), config) as driver:
        piped(driver).pipe_input("k", "bad", 3, (("h", b"x"),))
        piped(driver).pipe_input("k", "good")
        assert read(driver).read_values_to_list() == ["good"]
        assert read(driver, "other").read_values_to_list() == ["bad", "good"]
        letter = read(driver, "dlq").read_record()
        headers = dict(letter.headers)
        assert letter[:3] == ("k", "bad", 3)
        assert headers.pop("__streams.errors.stacktrace", b"") is not None
        assert headers == {
            "h": b"x",
            "__streams.errors.exception": b"builtins.ZeroDivisionError",
            "__streams.errors.message": b"bad value",
            "__streams.errors.topic": b"in",
            "__streams.errors.partition": b"0",
            "__streams.errors.offset": b"0",
        }
        assert driver.dropped_records == 1


def numbers(config: dict[str, Any]) -> TopologyTestDriver:
    topology = Topology()
    topology.add_source("source", "in", value_deserializer=Serdes.int64().deserializer)
    topology.add_processor("text", lambda: Map(lambda key, value: (key, value if value == 0 else str(value))), "source")
    topology.add_sink("sink", "out", "text")
    return TopologyTestDriver(topology, {**CONFIG, **config})


def test_what_cannot_be_read() -> None:
    with numbers({}) as driver, pytest.raises(StreamsError, match="cannot deserialize the record at offset 0 of in-0"):
        piped(driver).pipe_value("no number")
    handler = LogAndContinueExceptionHandler()
    config = {"deserialization.exception.handler": handler, "errors.dead.letter.queue.topic.name": "dlq"}
    with numbers(config) as driver:
        piped(driver).pipe_value("no number")
        driver.pipe_raw("in", None, bytes(7) + b"\x05", 1)
        assert read(driver).read_value() == "5"
        assert read(driver, "dlq").read_value() == "no number"
        assert driver.dropped_records == 1


class Drops:
    def handle_error(self, *_: Any) -> Response:
        raise NotImplementedError

    def handle_serialization_error(self, *_: Any) -> Response:
        return Response.resume()


def test_what_cannot_be_written() -> None:
    with numbers({}) as driver, pytest.raises(StreamsError, match="cannot serialize the value of a record to out"):
        driver.pipe_raw("in", None, bytes(8), 1)
    with numbers({"production.exception.handler": Drops}) as driver:
        driver.pipe_raw("in", None, bytes(8), 1)
        driver.pipe_raw("in", None, bytes(7) + b"\x05", 1)
        assert read(driver).read_values_to_list() == ["5"]


def test_timestamps_that_are_not_valid() -> None:
    def build(extractor: Any) -> Topology:
        topology = Topology()
        topology.add_source("source", "in", timestamp_extractor=extractor)
        topology.add_sink("sink", "out", "source")
        return topology

    with TopologyTestDriver(build(None), CONFIG) as driver, pytest.raises(StreamsError, match="negative"):
        piped(driver).pipe_input("k", "v", -1)
    with TopologyTestDriver(build(log_and_skip_on_invalid_timestamp), CONFIG) as driver:
        piped(driver).pipe_input("k", "v", -1)
        assert (read(driver).is_empty, driver.dropped_records) == (True, 1)

    seen: list[tuple[ConsumedRecord, int]] = []

    def extractor(record: ConsumedRecord, partition_time_ms: int, /) -> int:
        seen.append((record, partition_time_ms))
        return int(record.value)

    with TopologyTestDriver(build(extractor), CONFIG) as driver:
        piped(driver).pipe_value_list(["5", "3", "9"])
        assert [record.timestamp_ms for record in read(driver).read_records_to_list()] == [5, 3, 9]
        assert [time_ms for _, time_ms in seen] == [-1, 5, 5]


class Looks(Processor[str, str]):
    def process(self, record: Record[str, str]) -> None:
        found = self.context.store("all").get(record.value)
        self.context.forward(record.with_value(None if found is None else found.value))


def test_global_stores() -> None:
    builder = Stores.timestamped_key_value_store_builder(Stores.in_memory_key_value_store("all"), STR, STR)
    topology = Topology()
    topology.add_global_store(builder, "global-source", "everybody", "fill", lambda: TableSource("all", False))
    topology.add_source("source", "in")
    topology.add_processor("look", Looks, "source")
    topology.add_sink("sink", "out", "look")
    topology.add_sink("back", lambda key, value, context: value or "nobody", "look")
    with TopologyTestDriver(topology, CONFIG) as driver:
        everybody = piped(driver, "everybody")
        everybody.pipe_input("a", "1")
        everybody.pipe_input("b", "everybody")
        everybody.pipe_input("a", None)
        source = piped(driver)
        source.pipe_value_list(["a", "b"])
        source.pipe_input("c", "b")
        assert read(driver).read_values_to_list() == [None, "everybody", "everybody"]
        store = driver.get_key_value_store("all")
        assert store is not None
        assert list(store.all()) == [("b", "everybody"), ("c", "everybody")]


def test_records_of_several_topics_are_in_the_order_of_their_times() -> None:
    class Spreads(Processor[str, str]):
        def process(self, record: Record[str, str]) -> None:
            for topic, offset in (("left", 5), ("left", 1), ("right", 3), ("right", 4)):
                self.context.forward(Record(topic, str(offset), offset))

    topology = Topology()
    topology.add_source("source", "in")
    topology.add_processor("spread", Spreads, "source")
    topology.add_sink("apart", lambda key, value, context: key, "spread")
    topology.add_source("left", "left")
    topology.add_source("right", "right")
    topology.add_sink("sink", "out", "left", "right")
    with TopologyTestDriver(topology, CONFIG) as driver:
        piped(driver).pipe_value("x")
        assert read(driver).read_values_to_list() == ["3", "4", "5", "1"]


def test_headers_and_metadata_reach_processors() -> None:
    class Marks(Processor[str, str]):
        def process(self, record: Record[str, str]) -> None:
            metadata = self.context.record_metadata
            assert metadata is not None
            headers: Headers = (*record.headers, ("offset", str(metadata.offset).encode()))
            self.context.forward(record.with_headers(headers).with_timestamp(record.timestamp_ms + 1), "sink")
            with pytest.raises(ValueError, match="no child"):
                self.context.forward(record, "nobody")

    topology = Topology()
    topology.add_source("source", "in")
    topology.add_processor("mark", Marks, "source")
    topology.add_sink("sink", "out", "mark")
    topology.add_sink("other", "other", "mark")
    with TopologyTestDriver(topology, CONFIG) as driver:
        piped(driver).pipe_input("k", "v", 1, (("a", None),))
        assert read(driver).read_record() == TestRecord("k", "v", 2, (("a", None), ("offset", b"0")))
        assert read(driver, "other").is_empty
