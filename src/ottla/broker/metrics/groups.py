"""Groups and transactions that this node coordinates. Kafka's `GroupMetadataManager`, `group-coordinator-metrics`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from ottla.coordinator.group.classic_group import ClassicGroup, ClassicGroupState
from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup, ConsumerGroupState
from ottla.coordinator.group.shard import GroupShard
from ottla.protocol.errors import ErrorCode
from ottla.runtime.metrics.metric import gauge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ottla.broker.node_view import NodeView
    from ottla.runtime.metrics.metric import Metric, Reading


def _of_manager(name: str, text: str) -> Metric:
    mbean = f"kafka.coordinator.group:type=GroupMetadataManager,name={name}"
    return gauge(f"kafka_coordinator_group_groupmetadatamanager_{name.lower()}", text, mbean=mbean)


def _of_coordinator(name: str, text: str, *labels: str) -> Metric:
    mbean = f"kafka.server:type=group-coordinator-metrics,{name}"
    return gauge(f"kafka_server_group_coordinator_metrics_{name.replace('-', '_')}", text, *labels, mbean=mbean)


GROUPS = _of_manager("NumGroups", "Classic groups.")
OFFSETS = _of_manager("NumOffsets", "Committed offsets, of all groups.")
CLASSIC_STATES: Final = {
    state: _of_manager(f"NumGroups{state.value}", f"Classic groups in the state {state.value}.")
    for state in ClassicGroupState
}
GROUP_COUNT = _of_coordinator("group-count", "Groups by protocol.", "protocol")
CONSUMER_GROUPS = _of_coordinator("consumer-group-count", "Consumer groups (KIP-848) by state.", "state")
SHARE_GROUPS = _of_coordinator("share-group-count", "Share groups by state.", "state")
STREAMS_GROUPS = _of_coordinator("streams-group-count", "Streams groups by state.", "state")
GROUP_PARTITIONS = _of_coordinator("num-partitions", "Partitions of __consumer_offsets by state.", "state")
TRANSACTION_PARTITIONS = gauge(
    "ottla_transaction_state_partitions", "Partitions of __transaction_state by state.", "state"
)
TRANSACTIONAL_IDS = gauge(
    "ottla_transactions", "Transactional ids that this node coordinates, by the state of their transaction.", "state"
)

METRICS = (
    GROUPS,
    OFFSETS,
    *CLASSIC_STATES.values(),
    GROUP_COUNT,
    CONSUMER_GROUPS,
    SHARE_GROUPS,
    STREAMS_GROUPS,
    GROUP_PARTITIONS,
    TRANSACTION_PARTITIONS,
    TRANSACTIONAL_IDS,
)

_CONSUMER_STATES: Final = tuple(state.value for state in ConsumerGroupState)
_SHARE_STATES: Final = ("Empty", "Stable")
_STREAMS_STATES: Final = ("Empty", "NotReady", "Assigning", "Reconciling", "Stable")


def read_groups(view: NodeView) -> Iterator[Reading]:
    if view.parts is None:
        return
    by_state: dict[str, Counter[str]] = {kind: Counter() for kind in ("classic", "consumer", "share", "streams")}
    offsets = 0
    shards = view.parts.groups.runtime.shards()
    for _, shard in shards:
        if not isinstance(shard, GroupShard):
            continue
        for group in list(shard.groups.by_id.values()):
            by_state[_kind(group)][group.state.value] += 1
        for share_group in shard.all_share_groups():
            by_state["share"][share_group.state.value] += 1
        offsets += sum(len(topic) for group in list(shard.offsets.committed.values()) for topic in group.values())
    classic = by_state["classic"]
    yield GROUPS, (), classic.total()
    for state, metric in CLASSIC_STATES.items():
        yield metric, (), classic[state.value]
    yield OFFSETS, (), offsets
    for kind, states in by_state.items():
        yield GROUP_COUNT, (kind,), states.total()
    yield from _read_states(CONSUMER_GROUPS, _CONSUMER_STATES, by_state["consumer"])
    yield from _read_states(SHARE_GROUPS, _SHARE_STATES, by_state["share"])
    yield from _read_states(STREAMS_GROUPS, _STREAMS_STATES, by_state["streams"])
    yield from _read_partitions(GROUP_PARTITIONS, [shard for _, shard in shards])


def read_transactions(view: NodeView) -> Iterator[Reading]:
    if view.parts is None:
        return
    shards = view.parts.transactions.runtime.shards()
    yield from _read_partitions(TRANSACTION_PARTITIONS, [shard for _, shard in shards])
    states: Counter[str] = Counter()
    for _, shard in shards:
        if not isinstance(shard, ErrorCode):
            states.update(shard.states())
    for state, count in sorted(states.items()):
        yield TRANSACTIONAL_IDS, (state,), count


def _kind(group: object) -> str:
    if isinstance(group, ClassicGroup):
        return "classic"
    return "consumer" if isinstance(group, ConsumerGroup) else "streams"


def _read_states(metric: Metric, names: Sequence[str], counted: Counter[str]) -> Iterator[Reading]:
    for name in names:
        yield metric, (name,), counted[name]


def _read_partitions(metric: Metric, shards: Sequence[object]) -> Iterator[Reading]:
    loading = sum(shard is ErrorCode.COORDINATOR_LOAD_IN_PROGRESS for shard in shards)
    failed = sum(shard is ErrorCode.NOT_COORDINATOR for shard in shards)
    yield metric, ("active",), len(shards) - loading - failed
    yield metric, ("loading",), loading
    yield metric, ("failed",), failed
