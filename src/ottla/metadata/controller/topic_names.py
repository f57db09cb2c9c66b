"""Which names a topic may have. `org.apache.kafka.common.internals.Topic`."""

import re
from collections.abc import Iterable

from ottla.protocol.errors import ErrorCode, KafkaError

MAX_NAME_LENGTH = 249
CLUSTER_METADATA_TOPIC = "__cluster_metadata"
GROUP_METADATA_TOPIC = "__consumer_offsets"
TRANSACTION_STATE_TOPIC = "__transaction_state"
SHARE_GROUP_STATE_TOPIC = "__share_group_state"
INTERNAL_TOPICS = frozenset((GROUP_METADATA_TOPIC, TRANSACTION_STATE_TOPIC, SHARE_GROUP_STATE_TOPIC))

_LEGAL = re.compile(r"[a-zA-Z0-9._-]+")


def is_internal(name: str) -> bool:
    return name in INTERNAL_TOPICS


def validate_topic_name(name: str) -> None:
    """Raises `KafkaError` INVALID_TOPIC_EXCEPTION."""
    if not name:
        raise _invalid("Topic name is empty")
    if name in (".", ".."):
        raise _invalid(f"Topic name '{name}' is not allowed")
    if len(name) > MAX_NAME_LENGTH:
        raise _invalid(f"Topic name of {len(name)} characters is longer than {MAX_NAME_LENGTH}: '{name}'")
    if not _LEGAL.fullmatch(name):
        raise _invalid(f"Topic name '{name}' has characters other than ASCII letters, digits, '.', '_' and '-'")


def is_valid_topic_name(name: str) -> bool:
    try:
        validate_topic_name(name)
    except KafkaError:
        return False
    return True


def metric_name(name: str) -> str:
    """Topics whose names differ only in `.` and `_` would share metrics, so the second one is refused."""
    return name.replace(".", "_")


def colliding_topic(name: str, existing: Iterable[str]) -> str | None:
    if "." not in name and "_" not in name:
        return None
    wanted = metric_name(name)
    return next((other for other in existing if metric_name(other) == wanted), None)


def _invalid(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, message)
