"""A consumer group's configs: what was set for the group within the broker's bounds, else the broker's (KIP-848)."""

from ottla.coordinator.group.groups import Groups

BROKER_RESOURCE = 4
GROUP_RESOURCE = 32

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


def of_group(groups: Groups, group_id: str, name: str, default: int, least: int, most: int) -> int:
    """What was set for the group, within the bounds; else the default."""
    value = _number(groups.image().configs.of(GROUP_RESOURCE, group_id).get(name))
    return default if value is None else min(max(value, least), most)


def of_broker(groups: Groups, name: str, static: int) -> int:
    """A broker config that may change at run time: for this broker, for all, else what it was started with."""
    configs = groups.image().configs
    for broker in (str(groups.config.node_id), ""):
        value = _number(configs.of(BROKER_RESOURCE, broker).get(name))
        if value is not None:
            return value
    return static


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().lstrip("-").isdigit() else None
