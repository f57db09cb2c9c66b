"""Exactly-once support for sources (KIP-618): what a worker and a connector say of it, and the ids of transactions.

exactly.once.source.support   disabled; preparing: the leader writes in transactions; enabled: its tasks do, too.
                              A group goes from one to the next with a rolling restart each
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from ottla.connect.api.connector import ExactlyOnceSupport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.config_def import ConfigValue
    from ottla.connect.api.connector import SourceConnector

KEY: Final = "exactly.once.source.support"
LEVEL: Final = "exactly.once.support"
BOUNDARY: Final = "transaction.boundary"
BOUNDARY_INTERVAL_MS: Final = "transaction.boundary.interval.ms"
OFFSETS_TOPIC: Final = "offsets.storage.topic"
_REQUIRED: Final = "REQUIRED"


class SourceSupport(Enum):
    DISABLED = "disabled"
    PREPARING = "preparing"
    ENABLED = "enabled"

    @property
    def leads_in_transactions(self) -> bool:
        return self is not SourceSupport.DISABLED


class TransactionBoundary(Enum):
    """When a transaction ends: with each poll, after a while, or when the connector says so."""

    POLL = "poll"
    INTERVAL = "interval"
    CONNECTOR = "connector"

    @classmethod
    def of(cls, config: Mapping[str, str]) -> TransactionBoundary:
        return cls(config.get(BOUNDARY, cls.POLL.value).strip().lower())


def leader_id(group: str) -> str:
    """The transactional id under which the leader of a group writes configurations."""
    return f"connect-cluster-{group}"


def task_id(group: str, connector: str, task: int) -> str:
    """The transactional id of a task."""
    return f"{group}-{connector}-{task}"


def offsets_topic(config: Mapping[str, str]) -> str | None:
    return config.get(OFFSETS_TOPIC, "").strip() or None


def validate_exactly_once(
    connector: SourceConnector, props: Mapping[str, str], values: Mapping[str, ConfigValue], *, is_enabled: bool
) -> None:
    """Whether worker and connector can do what is required (`DistributedHerder.validateSourceConnectorConfig`)."""
    level, boundary = values[LEVEL], values[BOUNDARY]
    if not level.error_messages and str(level.value).upper() == _REQUIRED:
        if not is_enabled:
            level.add_error_message("This worker does not have exactly-once source support enabled.")
        try:
            support = connector.exactly_once_support(props)
        except Exception as error:
            level.add_error_message(_unexpected(error))
        else:
            if support is not ExactlyOnceSupport.SUPPORTED:
                level.add_error_message(_NOT_SAID if support is None else _UNSUPPORTED)
    if not boundary.error_messages and str(boundary.value).upper() == TransactionBoundary.CONNECTOR.name:
        try:
            can_define = connector.can_define_transaction_boundaries(props)
        except Exception as error:
            boundary.add_error_message(_unexpected(error))
        else:
            if not can_define:
                boundary.add_error_message(_NO_BOUNDARIES)


_NOT_SAID: Final = (
    "The connector does not implement the API required for preflight validation of exactly-once source support. Please "
    "consult the documentation for the connector to determine whether it supports exactly-once semantics, and then "
    'consider reconfiguring the connector to use the value "requested" for this property (which will disable this '
    "preflight check and allow the connector to be created)."
)
_UNSUPPORTED: Final = "The connector does not support exactly-once semantics with the provided configuration."
_NO_BOUNDARIES: Final = (
    "The connector does not support connector-defined transaction boundaries with the given configuration. Please "
    "reconfigure it to use a different transaction boundary definition."
)


def _unexpected(error: Exception) -> str:
    text = str(error).strip()
    ending = f": {text}" if text else "; please see the worker logs for more details."
    return f"An unexpected error occurred during validation{ending}"
