"""What clients of a connector are told: the worker's settings, those of a prefix, and what the connector overrides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from ottla.connect.runtime.connector_config import ADMIN_OVERRIDES, CONSUMER_OVERRIDES, PRODUCER_OVERRIDES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.runtime.worker_config import WorkerConfig

Kind = Literal["producer", "consumer", "admin"]
BOOTSTRAP: Final = "bootstrap.servers"
_OVERRIDES: Final[dict[Kind, str]] = {
    "producer": PRODUCER_OVERRIDES,
    "consumer": CONSUMER_OVERRIDES,
    "admin": ADMIN_OVERRIDES,
}


def client_properties(worker: WorkerConfig, connector: Mapping[str, str], kind: Kind) -> dict[str, str]:
    """Under Kafka's names."""
    prefix = _OVERRIDES[kind]
    overrides = {key.removeprefix(prefix): text for key, text in connector.items() if key.startswith(prefix)}
    return {BOOTSTRAP: worker.bootstrap} | worker.security | worker.with_prefix(f"{kind}.") | overrides


def servers(properties: Mapping[str, str]) -> frozenset[str]:
    """Whom it asks first: the same ones are the same cluster (`Worker.sameOffsetTopicAsWorker`)."""
    return frozenset(part.strip() for part in properties.get(BOOTSTRAP, "").split(",") if part.strip())
