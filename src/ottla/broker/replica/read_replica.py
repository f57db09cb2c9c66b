"""Where a consumer may better read than at the leader: a replica in its own rack (KIP-392).

Only in-sync replicas that have the offset are named, and the one that has most of the log. A consumer whose rack is the
leader's, or nobody's, stays. Kafka's `RackAwareReplicaSelector`, `ReplicaManager.findPreferredReadReplica`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ottla.broker.replica.partition import Partition
    from ottla.metadata.image import ClusterImage

RACK_AWARE: Final = "org.apache.kafka.common.replica.RackAwareReplicaSelector"
"""The only `replica.selector.class` there is."""

THE_LEADER: Final = -1


def preferred_read_replica(
    partition: Partition, offset: int, rack: str, listener: str, cluster: ClusterImage, leader_id: int
) -> int:
    """A broker's id, or `THE_LEADER`. `rack`: the consumer's. `listener`: where it finds brokers."""
    leadership = partition.leadership
    if leadership is None or not rack:
        return THE_LEADER
    leader = cluster.brokers.get(leader_id)
    if leader is not None and leader.rack == rack:
        return THE_LEADER
    near = []
    for follower in leadership.followers.values():
        broker = cluster.brokers.get(follower.broker_id)
        if (
            follower.broker_id in leadership.isr
            and follower.log_start_offset <= offset <= follower.log_end_offset
            and broker is not None
            and broker.rack == rack
            and not broker.fenced
            and listener in broker.listeners
        ):
            near.append((follower.log_end_offset, follower.caught_up_ms, follower.broker_id))
    return max(near)[2] if near else THE_LEADER
