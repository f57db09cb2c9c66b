"""Metrics of a processor's own stand beside those of the instance."""

from __future__ import annotations

from typing import Any

from ottla.streams import (
    Consumed,
    MetricName,
    Processor,
    ProcessorContext,
    Record,
    RecordingLevel,
    Serdes,
    Statistic,
    StreamsBuilder,
    TopologyTestDriver,
)

TEXT = Serdes.str()


class Detector(Processor[str, str]):
    def init(self, context: ProcessorContext) -> None:
        super().init(context)
        metrics = context.metrics
        self.seen = metrics.add_rate_total_sensor("fraud", "detector", "seen", RecordingLevel.INFO, {"bank": "A"})
        self.looks = metrics.add_latency_rate_total_sensor("fraud", "detector", "look", RecordingLevel.DEBUG)
        assert metrics.add_rate_total_sensor("fraud", "detector", "seen", RecordingLevel.INFO) is self.seen

    def process(self, record: Record[str, str]) -> None:
        self.seen.record()
        if self.looks.should_record:
            self.looks.record(len(record.value))
        if record.value == "no more":
            self.context.metrics.remove_sensor(self.seen)


def fraud(driver: TopologyTestDriver) -> dict[str, Any]:
    return {
        name.name: (metric.value, dict(name.tags))
        for name, metric in driver.metrics().items()
        if name.group == "stream-fraud-metrics"
    }


def driven(level: str) -> TopologyTestDriver:
    builder = StreamsBuilder()
    builder.stream("in", Consumed(TEXT, TEXT)).process(Detector)
    return TopologyTestDriver(builder.build(), {"metrics.recording.level": level}, 0)


def test_they_have_the_names_and_tags_of_kafka_streams() -> None:
    with driven("DEBUG") as driver:
        topic = driver.create_input_topic("in", TEXT.serializer, TEXT.serializer)
        for value in ("abc", "a"):
            topic.pipe_input("k", value)
        tags = {"thread-id": "main", "fraud-id": "detector"}
        assert fraud(driver) == {
            "seen-rate": (2 / 30, {**tags, "bank": "A"}),
            "seen-total": (2, {**tags, "bank": "A"}),
            "look-rate": (2 / 30, tags),
            "look-total": (2, tags),
            "look-latency-avg": (2, tags),
            "look-latency-max": (3, tags),
        }
        topic.pipe_input("k", "no more")
        assert {name.split("-")[0] for name in fraud(driver)} == {"look"}


def test_what_is_below_the_level_is_not_recorded() -> None:
    with driven("INFO") as driver:
        driver.create_input_topic("in", TEXT.serializer, TEXT.serializer).pipe_input("k", "abc")
        assert fraud(driver)["seen-total"][0] == 1
        assert fraud(driver)["look-total"][0] == 0


class Sizes(Processor[str, str]):
    def init(self, context: ProcessorContext) -> None:
        super().init(context)
        self.sizes = context.metrics.add_sensor("sizes", RecordingLevel.INFO)
        for name, statistic in (("size-max", Statistic.MAXIMUM), ("size-sum", Statistic.TOTAL)):
            self.sizes.add(MetricName(name, "stream-fraud-metrics", (("of", "words"),)), statistic)
        assert context.metrics.add_sensor("sizes", RecordingLevel.INFO) is self.sizes

    def process(self, record: Record[str, str]) -> None:
        self.sizes.record(len(record.value))
        if record.value == "no more":
            self.context.metrics.remove_sensor(self.sizes)


def test_a_sensor_with_metrics_of_ones_own() -> None:
    builder = StreamsBuilder()
    builder.stream("in", Consumed(TEXT, TEXT)).process(Sizes)
    with TopologyTestDriver(builder.build(), {}, 0) as driver:
        topic = driver.create_input_topic("in", TEXT.serializer, TEXT.serializer)
        for value in ("abc", "a"):
            topic.pipe_input("k", value)
        assert fraud(driver) == {"size-max": (3, {"of": "words"}), "size-sum": (4, {"of": "words"})}
        topic.pipe_input("k", "no more")
        assert fraud(driver) == {}
