"""A streams group's configs: what was set for the group within the broker's bounds, else the broker's (KIP-1071)."""

from ottla.coordinator.group.configured import of_broker, of_group
from ottla.coordinator.group.groups import Groups

SESSION_TIMEOUT = "streams.session.timeout.ms"
HEARTBEAT_INTERVAL = "streams.heartbeat.interval.ms"
ASSIGNMENT_INTERVAL = "streams.assignment.interval.ms"
STANDBY_REPLICAS = "streams.num.standby.replicas"
INITIAL_REBALANCE_DELAY = "streams.initial.rebalance.delay.ms"
MAX_INT = 2_147_483_647

ASSIGNED_STANDBY_REPLICAS = "num.standby.replicas"
"""The name under which the assignor's config is recorded."""


def session_timeout_ms(groups: Groups, group_id: str) -> int:
    config = groups.config
    return of_group(
        groups,
        group_id,
        SESSION_TIMEOUT,
        config.streams_session_timeout_ms,
        config.streams_min_session_timeout_ms,
        config.streams_max_session_timeout_ms,
    )


def heartbeat_interval_ms(groups: Groups, group_id: str) -> int:
    config = groups.config
    return of_group(
        groups,
        group_id,
        HEARTBEAT_INTERVAL,
        config.streams_heartbeat_interval_ms,
        config.streams_min_heartbeat_interval_ms,
        config.streams_max_heartbeat_interval_ms,
    )


def assignment_interval_ms(groups: Groups, group_id: str) -> int:
    """How long a target assignment stands at least before the next is computed (KIP-1263)."""
    config = groups.config
    return of_group(
        groups,
        group_id,
        ASSIGNMENT_INTERVAL,
        of_broker(groups, "group.streams.assignment.interval.ms", config.streams_assignment_interval_ms),
        config.streams_min_assignment_interval_ms,
        config.streams_max_assignment_interval_ms,
    )


def initial_rebalance_delay_ms(groups: Groups, group_id: str) -> int:
    """How long a group waits for more members after its first one has joined."""
    default = groups.config.streams_initial_rebalance_delay_ms
    return of_group(groups, group_id, INITIAL_REBALANCE_DELAY, default, 0, MAX_INT)


def assignment_configs(groups: Groups, group_id: str) -> dict[str, str]:
    """What the assignor is told, as the group's record has it; when it changes the group is assigned anew."""
    config = groups.config
    replicas = of_group(
        groups,
        group_id,
        STANDBY_REPLICAS,
        config.streams_num_standby_replicas,
        0,
        config.streams_max_standby_replicas,
    )
    return {ASSIGNED_STANDBY_REPLICAS: str(replicas)}
