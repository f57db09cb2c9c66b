"""A consumer group's configs: what was set for the group within the broker's bounds, else the broker's (KIP-848)."""

from ottla.coordinator.group.configured import of_broker, of_group
from ottla.coordinator.group.groups import Groups

SESSION_TIMEOUT = "consumer.session.timeout.ms"
HEARTBEAT_INTERVAL = "consumer.heartbeat.interval.ms"
ASSIGNMENT_INTERVAL = "consumer.assignment.interval.ms"


def session_timeout_ms(groups: Groups, group_id: str) -> int:
    config = groups.config
    return of_group(
        groups,
        group_id,
        SESSION_TIMEOUT,
        config.consumer_session_timeout_ms,
        config.consumer_min_session_timeout_ms,
        config.consumer_max_session_timeout_ms,
    )


def heartbeat_interval_ms(groups: Groups, group_id: str) -> int:
    config = groups.config
    return of_group(
        groups,
        group_id,
        HEARTBEAT_INTERVAL,
        config.consumer_heartbeat_interval_ms,
        config.consumer_min_heartbeat_interval_ms,
        config.consumer_max_heartbeat_interval_ms,
    )


def assignment_interval_ms(groups: Groups, group_id: str) -> int:
    """How long a target assignment stands at least before the next is computed (KIP-1263)."""
    config = groups.config
    return of_group(
        groups,
        group_id,
        ASSIGNMENT_INTERVAL,
        of_broker(groups, "group.consumer.assignment.interval.ms", config.consumer_assignment_interval_ms),
        config.consumer_min_assignment_interval_ms,
        config.consumer_max_assignment_interval_ms,
    )
