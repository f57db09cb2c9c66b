"""Every broker config of logs and of their cleaner that may change while a node runs reaches those who obey it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ottla.broker.replica.log_config import LogConfigs
from ottla.broker.settings import cleaner_config
from ottla.log.config import LogConfig
from ottla.metadata.image import ConfigsImage, MetadataImage
from ottla.runtime.config.dynamic import CLUSTER_WIDE
from ottla.runtime.config.effective import EFFECTIVE_KEYS
from ottla.runtime.config.static_config import server_config_of

if TYPE_CHECKING:
    from collections.abc import Mapping

TOPIC, BROKER = 2, 4
LOG_CONFIGS: Mapping[str, tuple[str, str, object]] = {
    "compression.type": ("lz4", "compression_type", "lz4"),
    "compression.gzip.level": ("4", "compression_gzip_level", 4),
    "compression.lz4.level": ("4", "compression_lz4_level", 4),
    "compression.zstd.level": ("4", "compression_zstd_level", 4),
    "log.cleaner.delete.retention.ms": ("77", "delete_retention_ms", 77),
    "log.cleaner.max.compaction.lag.ms": ("77", "max_compaction_lag_ms", 77),
    "log.cleaner.min.cleanable.ratio": ("0.25", "min_cleanable_dirty_ratio", 0.25),
    "log.cleaner.min.compaction.lag.ms": ("77", "min_compaction_lag_ms", 77),
    "log.cleanup.policy": ("compact,delete", "cleanup_policy", ("compact", "delete")),
    "log.flush.interval.messages": ("77", "flush_messages", 77),
    "log.flush.interval.ms": ("77", "flush_ms", 77),
    "log.index.interval.bytes": ("77", "index_interval_bytes", 77),
    "log.index.size.max.bytes": ("77", "segment_index_bytes", 77),
    "log.message.timestamp.after.max.ms": ("77", "message_timestamp_after_max_ms", 77),
    "log.message.timestamp.before.max.ms": ("77", "message_timestamp_before_max_ms", 77),
    "log.message.timestamp.type": ("LogAppendTime", "message_timestamp_type", "LogAppendTime"),
    "log.retention.bytes": ("77", "retention_bytes", 77),
    "log.retention.ms": ("77", "retention_ms", 77),
    "log.roll.jitter.ms": ("77", "segment_jitter_ms", 77),
    "log.roll.ms": ("77", "segment_ms", 77),
    "log.segment.bytes": ("2000000", "segment_bytes", 2_000_000),
    "log.segment.delete.delay.ms": ("77", "file_delete_delay_ms", 77),
    "message.max.bytes": ("77", "max_message_bytes", 77),
    "min.insync.replicas": ("3", "min_insync_replicas", 3),
}
CLEANER_CONFIGS: Mapping[str, tuple[str, str, object]] = {
    "log.cleaner.backoff.ms": ("77", "backoff_ms", 77),
    "log.cleaner.dedupe.buffer.size": ("7000000", "dedupe_buffer_size", 7_000_000),
    "log.cleaner.io.buffer.load.factor": ("0.5", "io_buffer_load_factor", 0.5),
    "log.cleaner.io.buffer.size": ("77", "io_buffer_size", 77),
    "log.cleaner.io.max.bytes.per.second": ("77", "io_max_bytes_per_second", 77.0),
}


def test_none_is_left_out() -> None:
    logs = ("log.", "compression.", "message.max", "min.insync")
    dynamic = {key for key in CLUSTER_WIDE & EFFECTIVE_KEYS if key.startswith(logs)}
    assert dynamic <= LOG_CONFIGS.keys() | CLEANER_CONFIGS.keys()


@pytest.mark.parametrize("key", LOG_CONFIGS)
def test_a_config_of_logs(key: str) -> None:
    text, attribute, value = LOG_CONFIGS[key]
    complaints: list[str] = []
    configs = LogConfigs(1, {}, complaints.append)

    def told(by_resource: Mapping[tuple[int, str], Mapping[str, str]], topic: str = "t") -> object:
        return getattr(configs(MetadataImage(configs=ConfigsImage(by_resource)), topic), attribute)

    before = told({})
    assert before == getattr(LogConfig(), attribute) != value
    assert told({(BROKER, ""): {key: text}}) == value
    assert told({(BROKER, "1"): {key: text}}) == value
    assert told({(BROKER, "2"): {key: text}}) == before
    own = {(BROKER, ""): {key: text}, (TOPIC, "own"): {"segment.ms": "1000000"}}
    assert told(own, "own") == (1_000_000 if attribute == "segment_ms" else value)
    assert told({}) == before
    assert complaints == []


@pytest.mark.parametrize("key", CLEANER_CONFIGS)
def test_a_config_of_the_cleaner(key: str) -> None:
    text, attribute, value = CLEANER_CONFIGS[key]
    static = server_config_of({})
    assert getattr(cleaner_config(static), attribute) != value
    assert getattr(cleaner_config(static.with_dynamic({key: text}, {})), attribute) == value
    assert getattr(cleaner_config(static.with_dynamic({}, {key: text})), attribute) == value
