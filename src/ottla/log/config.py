"""What one log is told to do (`LogConfig`: the topic configs that it obeys), and what the cleaner is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TypeAlias

ConfigValue: TypeAlias = str | int | float | bool | Iterable[str] | None

LONG_MAX = 2**63 - 1


@dataclass(slots=True, frozen=True, kw_only=True)
class LogConfig:
    """Field names are the topic configs' names with `_` for `.`; the defaults are Kafka's."""

    segment_bytes: int = 1_073_741_824
    segment_ms: int = 604_800_000
    segment_jitter_ms: int = 0
    segment_index_bytes: int = 10_485_760
    index_interval_bytes: int = 4096
    flush_messages: int = LONG_MAX
    flush_ms: int = LONG_MAX
    retention_bytes: int = -1
    retention_ms: int = 604_800_000
    delete_retention_ms: int = 86_400_000
    file_delete_delay_ms: int = 60_000
    max_message_bytes: int = 1_048_588
    message_timestamp_type: str = "CreateTime"
    message_timestamp_before_max_ms: int = LONG_MAX
    message_timestamp_after_max_ms: int = 3_600_000
    compression_type: str = "producer"
    compression_gzip_level: int = -1
    compression_lz4_level: int = 9
    compression_zstd_level: int = 3
    cleanup_policy: tuple[str, ...] = ("delete",)
    min_cleanable_dirty_ratio: float = 0.5
    min_compaction_lag_ms: int = 0
    max_compaction_lag_ms: int = LONG_MAX
    min_insync_replicas: int = 1
    # Not a topic config: the broker's `producer.id.expiration.ms` (ProducerStateManagerConfig).
    producer_id_expiration_ms: int = 86_400_000

    @property
    def compact(self) -> bool:
        return "compact" in self.cleanup_policy

    @property
    def delete(self) -> bool:
        return "delete" in self.cleanup_policy

    @property
    def max_segment_ms(self) -> int:
        """An active segment is not compacted, so it may not be older than records may stay uncompacted."""
        if self.compact and self.max_compaction_lag_ms > 0:
            return min(self.segment_ms, self.max_compaction_lag_ms)
        return self.segment_ms

    @property
    def log_append_time(self) -> bool:
        return self.message_timestamp_type == "LogAppendTime"

    @classmethod
    def from_topic_configs(cls, values: Mapping[str, ConfigValue]) -> "LogConfig":
        """From effective topic configs under Kafka's names, typed or as text; names the log does not obey are ignored.

        `internal.segment.bytes` wins over `segment.bytes`, as in Kafka. Raises `ValueError` for text that is no number.
        """
        chosen: dict[str, object] = {}
        for field in fields(cls):
            value = values.get(field.name.replace("_", "."))
            if value is not None:
                chosen[field.name] = _typed(value, field.default)
        internal = values.get("internal.segment.bytes")
        if internal is not None:
            chosen["segment_bytes"] = _typed(internal, 0)
        return cls(**chosen)  # type: ignore[arg-type]  # every value got the type of its field's default in _typed


@dataclass(slots=True, frozen=True, kw_only=True)
class CleanerConfig:
    """Field names are the broker configs' names without `log.cleaner.`; the defaults are Kafka's."""

    enable: bool = True
    backoff_ms: int = 15_000
    dedupe_buffer_size: int = 134_217_728
    io_buffer_load_factor: float = 0.9
    io_buffer_size: int = 524_288
    io_max_bytes_per_second: float = float("inf")


def _typed(value: ConfigValue, default: object) -> object:
    """`value` in the type of `default`, which is what the field is declared as."""
    if isinstance(default, tuple):
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, Iterable):
            raise ValueError(f"not a list: {value!r}")
        return tuple(str(part).strip() for part in parts if str(part).strip())
    if isinstance(default, str):
        return str(value)
    if not isinstance(value, str | int | float):
        raise ValueError(f"not a number: {value!r}")
    return float(value) if isinstance(default, float) else int(value)
