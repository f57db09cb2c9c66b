"""The metadata quorum as this node sees it, voter or observer. Kafka's `raft-metrics`, `broker-metadata-metrics`.

Latencies are those of the last `WINDOW_MS`, of the batches that this node has seen committed; a rate is that of the
time between two looks that are some seconds apart.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from ottla.raft.state import Candidate, Follower, Leader, Prospective, Resigned
from ottla.runtime.metrics.metric import gauge
from ottla.runtime.metrics.rate import Rate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.broker.node_view import NodeView
    from ottla.metadata.delta import MetadataDelta
    from ottla.metadata.image import MetadataImage
    from ottla.raft.quorum import RaftQuorum
    from ottla.runtime.metrics.metric import Metric, Reading
    from ottla.runtime.time import Clock

WINDOW_MS: Final = 30_000.0
MAX_LATENCIES: Final = 1024


def _of_raft(name: str, text: str, *labels: str) -> Metric:
    mbean = f"kafka.server:type=raft-metrics,{name}"
    return gauge(f"kafka_server_raftmetrics_{name.replace('-', '_')}", text, *labels, mbean=mbean)


def _of_metadata(name: str, text: str) -> Metric:
    mbean = f"kafka.server:type=broker-metadata-metrics,{name}"
    return gauge(f"kafka_server_brokermetadatametrics_{name.replace('-', '_')}", text, mbean=mbean)


STATE = _of_raft("current-state", "What this node is in the quorum; always 1.", "current_state")
LEADER = _of_raft("current-leader", "The node that leads the quorum, the active controller; -1: not known.")
EPOCH = _of_raft("current-epoch", "The epoch of the quorum.")
VOTE = _of_raft("current-vote", "Whom this node voted for in that epoch; of a leader itself; -1: nobody.")
HIGH_WATERMARK = _of_raft("high-watermark", "Everything below is committed.")
END_OFFSET = _of_raft("log-end-offset", "The end of the metadata log here.")
END_EPOCH = _of_raft("log-end-epoch", "The epoch of its last record.")
VOTERS = _of_raft("number-of-voters", "Voters.")
OBSERVERS = _of_raft("number-of-observers", "Observers; told by the leader.")
UNCOMMITTED_CHANGE = _of_raft("uncommitted-voter-change", "1: a change of the voters is under way; told by the leader.")
APPEND_RATE = _of_raft("append-records-rate", "Records appended by this node as the leader, a second.")
FETCH_RATE = _of_raft("fetch-records-rate", "Records fetched from the leader, a second.")
COMMIT_AVG = _of_raft("commit-latency-avg", "From a batch's append to its being committed, in milliseconds.")
COMMIT_MAX = _of_raft("commit-latency-max", "From a batch's append to its being committed, in milliseconds.")

APPLIED_OFFSET = _of_metadata("last-applied-record-offset", "Of the metadata log, in the image of this broker.")
APPLIED_TIMESTAMP = _of_metadata("last-applied-record-timestamp", "When that was appended, in milliseconds since 1970.")
APPLIED_LAG = _of_metadata("last-applied-record-lag-ms", "How old that is, in milliseconds.")
LOAD_ERRORS = _of_metadata("metadata-load-error-count", "1: the metadata log has failed here.")
METADATA_VERSION = gauge(
    "kafka_server_metadataloader_currentmetadataversion",
    "The feature level of metadata.version.",
    mbean="kafka.server:type=MetadataLoader,name=CurrentMetadataVersion",
)
CONTROLLER_ID = gauge(
    "kafka_server_metadataloader_currentcontrollerid",
    "The active controller; -1: not known.",
    mbean="kafka.server:type=MetadataLoader,name=CurrentControllerId",
)
FINALIZED_LEVEL = gauge(
    "kafka_server_metadataloader_finalizedlevel",
    "Level of a feature, under its name in Kafka's MBeans.",
    "featureName",
    mbean="kafka.server:type=MetadataLoader,name=FinalizedLevel",
)

METRICS = (
    STATE,
    LEADER,
    EPOCH,
    VOTE,
    HIGH_WATERMARK,
    END_OFFSET,
    END_EPOCH,
    VOTERS,
    OBSERVERS,
    UNCOMMITTED_CHANGE,
    APPEND_RATE,
    FETCH_RATE,
    COMMIT_AVG,
    COMMIT_MAX,
    APPLIED_OFFSET,
    APPLIED_TIMESTAMP,
    APPLIED_LAG,
    LOAD_ERRORS,
    METADATA_VERSION,
    CONTROLLER_ID,
    FINALIZED_LEVEL,
)

_ROLES: Final = {
    Leader: "leader",
    Follower: "follower",
    Candidate: "candidate",
    Prospective: "prospective",
    Resigned: "resigned",
}


class RaftMetrics:
    """A subscriber of the metadata, for latencies; the rest is looked up."""

    def __init__(self, view: NodeView, clock: Clock) -> None:
        self._view = view
        self._clock = clock
        self._latencies: deque[tuple[float, float]] = deque(maxlen=MAX_LATENCIES)
        self._appended = Rate()
        self._fetched = Rate()

    def on_metadata(self, _: MetadataDelta, image: MetadataImage) -> None:
        metadata = self._view.metadata
        if metadata is not None and metadata.is_started and metadata.quorum.raft.is_leader and image.timestamp_ms > 0:
            now_ms = self._clock.monotonic_ms()
            self._latencies.append((now_ms, float(max(0, self._clock.now_ms() - image.timestamp_ms))))

    def read(self) -> Iterator[Reading]:
        metadata = self._view.metadata
        if metadata is None or not metadata.is_started:
            return
        raft, now_ms = metadata.quorum.raft, self._clock.monotonic_ms()
        role = raft.role
        yield STATE, (_state(raft),), 1
        yield LEADER, (), raft.leader_id
        yield EPOCH, (), raft.epoch
        yield VOTE, (), metadata.quorum.local.node_id if isinstance(role, Leader) else raft.election.voted_id
        yield HIGH_WATERMARK, (), raft.high_watermark
        yield END_OFFSET, (), raft.log_end_offset
        epochs = metadata.quorum.log.epochs
        yield END_EPOCH, (), epochs.latest
        yield VOTERS, (), len(raft.history.voters)
        if isinstance(role, Leader):
            yield OBSERVERS, (), len(role.observers)
            yield UNCOMMITTED_CHANGE, (), int(role.change is not None)
        leads = isinstance(role, Leader)
        yield APPEND_RATE, (), self._appended.of(raft.log_end_offset, now_ms) if leads else 0.0
        yield FETCH_RATE, (), 0.0 if leads else self._fetched.of(raft.log_end_offset, now_ms)
        recent = [latency for at_ms, latency in list(self._latencies) if now_ms - at_ms <= WINDOW_MS]
        yield COMMIT_AVG, (), sum(recent) / len(recent) if recent else 0.0
        yield COMMIT_MAX, (), max(recent, default=0.0)
        yield from self._read_image()

    def _read_image(self) -> Iterator[Reading]:
        metadata = self._view.metadata
        assert metadata is not None
        image = metadata.quorum.image
        if self._view.parts is not None:
            yield APPLIED_OFFSET, (), image.offset
            yield APPLIED_TIMESTAMP, (), image.timestamp_ms
            yield APPLIED_LAG, (), max(0, self._clock.now_ms() - image.timestamp_ms)
            yield LOAD_ERRORS, (), int(metadata.quorum.failure is not None)
        yield METADATA_VERSION, (), image.features.metadata_version
        yield CONTROLLER_ID, (), metadata.quorum.leader_id
        yield FINALIZED_LEVEL, ("metadataVersion",), image.features.metadata_version
        yield FINALIZED_LEVEL, ("kraftVersion",), metadata.quorum.history.kraft_version
        for name, level in image.features.finalized_levels.items():
            first, *rest = name.split(".")
            yield FINALIZED_LEVEL, (first + "".join(word.capitalize() for word in rest),), level


def _state(raft: RaftQuorum) -> str:
    """As Kafka calls it: who does not vote and follows is an observer."""
    name = _ROLES.get(type(raft.role), "unattached")
    return "observer" if name == "follower" and not raft.is_voter else name
