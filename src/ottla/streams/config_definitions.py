"""Every key of an application's configuration, as Kafka Streams 4.3 defines them (`StreamsConfig.configDef`).

A key of type CLASS takes the object itself, a callable that makes it, or the text `package.module:name`.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Final

from ottla.runtime.config.definition import (
    BOOLEAN,
    CLASS,
    HIGH,
    INT,
    LIST,
    LONG,
    LOW,
    MEDIUM,
    REQUIRED,
    STRING,
    Definitions,
    Validator,
    Value,
    definitions,
)
from ottla.runtime.config.definition import ConfigDefinition as Config
from ottla.runtime.config.endpoints import SECURITY_PROTOCOLS
from ottla.runtime.config.validators import any_case, at_least, items, one_of

AT_LEAST_ONCE: Final = "at_least_once"
EXACTLY_ONCE_V2: Final = "exactly_once_v2"

NO_OPTIMIZATION: Final = "none"
OPTIMIZE: Final = "all"
REUSE_KTABLE_SOURCE_TOPICS: Final = "reuse.ktable.source.topics"
MERGE_REPARTITION_TOPICS: Final = "merge.repartition.topics"
SINGLE_STORE_SELF_JOIN: Final = "single.store.self.join"
OPTIMIZATIONS: Final = (REUSE_KTABLE_SOURCE_TOPICS, MERGE_REPARTITION_TOPICS, SINGLE_STORE_SELF_JOIN)

CLASSIC: Final = "classic"
STREAMS: Final = "streams"

COMMIT_INTERVAL_MS: Final = 30_000
EOS_COMMIT_INTERVAL_MS: Final = 100
STATE_DIR: Final = str(Path(tempfile.gettempdir()) / "ottla-streams")
"""Beside Java's `kafka-streams`: the files of the two kinds of store do not fit each other."""

_RELEASES: Final = (*(f"2.{n}" for n in range(4, 9)), *(f"3.{n}" for n in range(10)), *(f"4.{n}" for n in range(3)))


def _optimizes(value: Value) -> bool:
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else []
    return parts in ([NO_OPTIMIZATION], [OPTIMIZE]) or (bool(parts) and set(parts) <= set(OPTIMIZATIONS))


def _is_endpoint(value: Value) -> bool:
    found = re.fullmatch(r"(?:\[[0-9A-Fa-f:.%]+\]|[^:@\[\]\s]+):(\d{1,5})", value) if isinstance(value, str) else None
    return value == "" or (found is not None and int(found[1]) < 65536)


_OPTIMIZATION: Final = Validator(
    f"[{NO_OPTIMIZATION}, {OPTIMIZE}, {', '.join(OPTIMIZATIONS)}]",
    f"of {NO_OPTIMIZATION}, {OPTIMIZE}, or a list of {', '.join(OPTIMIZATIONS)}",
    _optimizes,
    null=False,
)
_ENDPOINT: Final = Validator("HOST:PORT", "of the form HOST:PORT", _is_endpoint)
_NOT_EMPTY: Final = Validator("non-empty string", "that is not empty", lambda value: value != "", null=False)
_FEW: Final = Validator(
    "[0,...,5]", "of at most 5 items", lambda value: isinstance(value, tuple) and len(value) <= 5 and all(value)
)

STREAMS_CONFIGS: Final[Definitions] = definitions(
    Config("application.id", STRING, REQUIRED, _NOT_EMPTY, HIGH),
    Config("bootstrap.servers", LIST, REQUIRED, items(), HIGH),
    Config("num.standby.replicas", INT, 0, at_least(0), HIGH),
    Config("processing.exception.handler.global.enabled", BOOLEAN, False, None, HIGH),
    Config("state.dir", STRING, STATE_DIR, _NOT_EMPTY, HIGH),
    Config("ensure.explicit.internal.resource.naming", BOOLEAN, False, None, HIGH),
    Config("acceptable.recovery.lag", LONG, 10_000, at_least(0), MEDIUM),
    Config("cache.max.bytes.buffering", LONG, 10 * 1024 * 1024, at_least(0), MEDIUM),
    Config("statestore.cache.max.bytes", LONG, 10 * 1024 * 1024, at_least(0), MEDIUM),
    Config("client.id", STRING, "", None, MEDIUM),
    Config("default.deserialization.exception.handler", CLASS, None, None, MEDIUM),
    Config("default.key.serde", CLASS, None, None, MEDIUM),
    Config("default.list.key.serde.inner", CLASS, None, None, MEDIUM),
    Config("default.list.value.serde.inner", CLASS, None, None, MEDIUM),
    Config("default.list.key.serde.type", CLASS, None, None, MEDIUM),
    Config("default.list.value.serde.type", CLASS, None, None, MEDIUM),
    Config("default.production.exception.handler", CLASS, None, None, MEDIUM),
    Config("default.timestamp.extractor", CLASS, None, None, MEDIUM),
    Config("default.value.serde", CLASS, None, None, MEDIUM),
    Config("deserialization.exception.handler", CLASS, None, None, MEDIUM),
    Config("errors.dead.letter.queue.topic.name", STRING, None, None, MEDIUM),
    Config("max.task.idle.ms", LONG, 0, at_least(-1), MEDIUM),
    Config("max.warmup.replicas", INT, 2, at_least(1), MEDIUM),
    Config("num.stream.threads", INT, 1, at_least(1), MEDIUM),
    Config("processing.exception.handler", CLASS, None, None, MEDIUM),
    Config("processing.guarantee", STRING, AT_LEAST_ONCE, one_of(AT_LEAST_ONCE, EXACTLY_ONCE_V2), MEDIUM),
    Config("production.exception.handler", CLASS, None, None, MEDIUM),
    Config("task.assignor.class", CLASS, None, None, MEDIUM),
    Config("replication.factor", INT, -1, None, MEDIUM),
    Config("security.protocol", STRING, "PLAINTEXT", any_case(*sorted(SECURITY_PROTOCOLS)), MEDIUM),
    Config("task.timeout.ms", LONG, 300_000, at_least(0), MEDIUM),
    Config("topology.optimization", STRING, NO_OPTIMIZATION, _OPTIMIZATION, MEDIUM),
    Config("group.protocol", STRING, CLASSIC, any_case(CLASSIC, STREAMS), MEDIUM),
    Config("allow.os.group.write.access", BOOLEAN, False, None, LOW),
    Config("application.server", STRING, "", _ENDPOINT, LOW),
    Config("buffered.records.per.partition", INT, 1000, None, LOW),
    Config("built.in.metrics.version", STRING, "latest", one_of("latest"), LOW),
    Config("commit.interval.ms", LONG, COMMIT_INTERVAL_MS, at_least(0), LOW),
    Config("config.providers", LIST, (), items(empty=True), LOW),
    Config("enable.metrics.push", BOOLEAN, True, None, LOW),
    Config("rack.aware.assignment.non_overlap_cost", INT, None, None, LOW),
    Config("rack.aware.assignment.strategy", STRING, "none", one_of("none", "min_traffic", "balance_subtopology"), LOW),
    Config("rack.aware.assignment.tags", LIST, (), _FEW, LOW),
    Config("rack.aware.assignment.traffic_cost", INT, None, None, LOW),
    Config("repartition.purge.interval.ms", LONG, COMMIT_INTERVAL_MS, at_least(0), LOW),
    Config("connections.max.idle.ms", LONG, 540_000, None, LOW),
    Config("default.dsl.store", STRING, "rocksDB", one_of("rocksDB", "in_memory"), LOW),
    Config("dsl.store.suppliers.class", CLASS, None, None, LOW),
    Config("dsl.store.format", STRING, "DEFAULT", any_case("DEFAULT", "HEADERS"), LOW),
    Config("default.client.supplier", CLASS, None, None, LOW),
    Config("log.summary.interval.ms", LONG, 120_000, None, LOW),
    Config("metadata.max.age.ms", LONG, 300_000, at_least(0), LOW),
    Config("metrics.num.samples", INT, 2, at_least(1), LOW),
    Config("metric.reporters", LIST, (), items(empty=True), LOW),
    Config("metrics.recording.level", STRING, "INFO", one_of("INFO", "DEBUG", "TRACE"), LOW),
    Config("metrics.sample.window.ms", LONG, 30_000, at_least(0), LOW),
    Config("poll.ms", LONG, 100, None, LOW),
    Config("probing.rebalance.interval.ms", LONG, 600_000, at_least(60_000), LOW),
    Config("processor.wrapper.class", CLASS, None, None, LOW),
    Config("receive.buffer.bytes", INT, 32 * 1024, at_least(-1), LOW),
    Config("reconnect.backoff.ms", LONG, 50, at_least(0), LOW),
    Config("reconnect.backoff.max.ms", LONG, 1000, at_least(0), LOW),
    Config("retry.backoff.ms", LONG, 100, at_least(0), LOW),
    Config("request.timeout.ms", INT, 40_000, at_least(0), LOW),
    Config("metadata.recovery.strategy", STRING, "rebootstrap", any_case("none", "rebootstrap"), LOW),
    Config("metadata.recovery.rebootstrap.trigger.ms", LONG, 300_000, at_least(0), LOW),
    Config("rocksdb.config.setter", CLASS, None, None, LOW),
    Config("send.buffer.bytes", INT, 128 * 1024, at_least(-1), LOW),
    Config("state.cleanup.delay.ms", LONG, 600_000, None, LOW),
    Config("state.cleanup.dir.max.age.ms", LONG, -1, None, LOW),
    Config("upgrade.from", STRING, None, one_of(*_RELEASES), LOW),
    Config("windowed.inner.class.serde", CLASS, None, None, LOW),
    Config("windowstore.changelog.additional.retention.ms", LONG, 86_400_000, None, LOW),
    Config("window.size.ms", LONG, None, None, LOW),
)

WITHOUT_EFFECT: Final = frozenset({
    "built.in.metrics.version",
    "config.providers",
    "default.list.key.serde.inner",
    "default.list.key.serde.type",
    "default.list.value.serde.inner",
    "default.list.value.serde.type",
    "enable.metrics.push",
    "log.summary.interval.ms",
    "metadata.recovery.rebootstrap.trigger.ms",
    "metadata.recovery.strategy",
    "metric.reporters",
    "processor.wrapper.class",
    "rack.aware.assignment.non_overlap_cost",
    "rack.aware.assignment.strategy",
    "rack.aware.assignment.tags",
    "rack.aware.assignment.traffic_cost",
    "state.cleanup.dir.max.age.ms",
    "task.assignor.class",
    "task.timeout.ms",
    "window.size.ms",
    "windowed.inner.class.serde",
})  # fmt: skip
"""Keys of Kafka Streams that are taken, and checked, and change nothing here: docs/gaps.md says why."""

PREFIXES: Final = (
    "main.consumer.",
    "restore.consumer.",
    "global.consumer.",
    "consumer.",
    "producer.",
    "admin.",
    "topic.",
    "client.tag.",
)
"""What comes after goes to one kind of client, to the internal topics, or to the assignor."""

RENAMED: Final = {
    "cache.max.bytes.buffering": "statestore.cache.max.bytes",
    "default.deserialization.exception.handler": "deserialization.exception.handler",
    "default.production.exception.handler": "production.exception.handler",
}
"""Old names, and the ones that are looked at; an old one counts where the new one is not set."""
