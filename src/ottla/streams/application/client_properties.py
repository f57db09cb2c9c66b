"""The properties of librdkafka's clients.

What Kafka Streams itself prefers comes before what was set, what it insists on after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.clients.librdkafka_properties import translate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.streams.config import StreamsConfig

_SHARED: Final[tuple[str, ...]] = (
    "connections.max.idle.ms",
    "metadata.max.age.ms",
    "receive.buffer.bytes",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "retry.backoff.ms",
    "send.buffer.bytes",
)
MAX_POLL_RECORDS: Final = 1000


def main_consumer_properties(config: StreamsConfig, client_id: str) -> dict[str, Any]:
    return _consumer(config, client_id, config.with_prefix("main.consumer."))


def restore_consumer_properties(config: StreamsConfig, client_id: str) -> dict[str, Any]:
    return _consumer(config, client_id, config.with_prefix("restore.consumer."))


def global_consumer_properties(config: StreamsConfig, client_id: str) -> dict[str, Any]:
    return _consumer(config, client_id, config.with_prefix("global.consumer."))


def producer_properties(config: StreamsConfig, client_id: str, transactional_id: str | None) -> dict[str, Any]:
    wanted: dict[str, Any] = {"linger.ms": 100, "partitioner": "murmur2_random", "delivery.report.only.error": True}
    if transactional_id is not None:
        wanted["transaction.timeout.ms"] = config.transaction_timeout_ms
    insisted: dict[str, Any] = {"client.id": client_id}
    if transactional_id is not None:
        insisted |= {"transactional.id": transactional_id, "enable.idempotence": True}
    return _common(config) | wanted | translate(config.with_prefix("producer.")) | insisted


def max_poll_records(config: StreamsConfig) -> int:
    return int(_consumer_setting(config, "max.poll.records", MAX_POLL_RECORDS))


def max_poll_interval_ms(config: StreamsConfig) -> int:
    return int(_consumer_setting(config, "max.poll.interval.ms", 300_000))


def session_timeout_ms(config: StreamsConfig) -> int:
    return int(_consumer_setting(config, "session.timeout.ms", 45_000))


def heartbeat_interval_ms(config: StreamsConfig) -> int:
    return int(_consumer_setting(config, "heartbeat.interval.ms", 3_000))


def metadata_max_age_ms(config: StreamsConfig) -> int:
    return int(_consumer_setting(config, "metadata.max.age.ms", config["metadata.max.age.ms"]))


def auto_offset_reset(config: StreamsConfig) -> str:
    return str(_consumer_setting(config, "auto.offset.reset", "earliest"))


def group_instance_id(config: StreamsConfig) -> str | None:
    found = _consumer_setting(config, "group.instance.id", None)
    return None if found is None else str(found)


def client_rack(config: StreamsConfig) -> str | None:
    found = _consumer_setting(config, "client.rack", config.get("client.rack"))
    return None if found is None else str(found)


def _consumer_setting(config: StreamsConfig, key: str, default: Any) -> Any:
    for prefix in ("main.consumer.", "consumer."):
        if f"{prefix}{key}" in config.originals:
            return config.originals[f"{prefix}{key}"]
    return default


def _consumer(config: StreamsConfig, client_id: str, own: Mapping[str, Any]) -> dict[str, Any]:
    insisted: dict[str, Any] = {
        "client.id": client_id,
        "group.id": config.application_id,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed" if config.exactly_once else "read_uncommitted",
    }
    chosen = translate(config.with_prefix("consumer.") | dict(own))
    if not config.exactly_once and "isolation.level" in chosen:
        insisted["isolation.level"] = chosen["isolation.level"]
    chosen.pop("group.instance.id", None)
    return _common(config) | {"fetch.queue.backoff.ms": 10} | chosen | insisted


def _common(config: StreamsConfig) -> dict[str, Any]:
    shared = {key: config.originals[key] for key in _SHARED if key in config.originals}
    return translate(shared) | translate(config.security) | {"bootstrap.servers": config.bootstrap_servers}
