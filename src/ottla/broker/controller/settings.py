"""What a controller is told by configuration."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from ottla.metadata.controller.topics import TopicDefaults
from ottla.metadata.registration import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerSettings:
    node_id: int
    cluster_id: str
    metadata_directory: PurePath
    """The log directory that has `__cluster_metadata-0`."""
    directory_id: bytes
    """Of that log directory."""
    incarnation_id: bytes
    """Of this run of the controller."""
    controller_endpoints: Sequence[Endpoint] = ()
    topic_defaults: TopicDefaults = field(default_factory=TopicDefaults)
    min_insync_replicas: int = 1
    max_idle_interval_ms: int = 500
    """`metadata.max.idle.interval.ms`; 0 switches no-op records off."""
    snapshot_after_bytes: int = 20 * 1024 * 1024
    """`metadata.log.max.record.bytes.between.snapshots`"""
    snapshot_after_ms: int = 3_600_000
    """`metadata.log.max.snapshot.interval.ms`; 0 switches it off."""
    segment_bytes: int = 1024 * 1024 * 1024
    """`metadata.log.segment.bytes`"""
    segment_ms: int = 604_800_000
    """`metadata.log.segment.ms`"""
    retention_bytes: int = 100 * 1024 * 1024
    """`metadata.max.retention.bytes`"""
    retention_ms: int = 604_800_000
    """`metadata.max.retention.ms`"""
