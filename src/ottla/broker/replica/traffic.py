"""What has gone into and out of a partition on this node: counted as it goes, read when somebody asks.

Kafka's `BrokerTopicMetrics`. Records and bytes that come in are not counted at all: how many there were is how far the
log has moved while this node led (`Partition.settle_traffic`).
"""

from __future__ import annotations


class Traffic:
    """Since this node hosts the partition, or of all that a topic had or the node has had. Only grows."""

    __slots__ = (
        "appends",
        "bytes_in",
        "bytes_out",
        "bytes_rejected",
        "failed_appends",
        "failed_fetches",
        "failed_isr_updates",
        "fetches",
        "isr_expands",
        "isr_shrinks",
        "records_in",
        "replication_bytes_in",
        "replication_bytes_out",
    )

    def __init__(self) -> None:
        self.appends = 0
        """Batches that it was asked to append as the leader."""
        self.failed_appends = 0
        """Of these, the ones refused for what is wrong with them, or with the partition."""
        self.records_in = 0
        """Appended as the leader."""
        self.bytes_in = 0
        self.bytes_rejected = 0
        """Of batches that were too large."""
        self.bytes_out = 0
        """Given to consumers."""
        self.fetches = 0
        """How often it was read for a fetch, of a consumer or a follower."""
        self.failed_fetches = 0
        """Of these, the ones that the disk failed."""
        self.replication_bytes_in = 0
        self.replication_bytes_out = 0
        self.isr_expands = 0
        """Changes of the in-sync replicas that this node asked for as the leader, and got."""
        self.isr_shrinks = 0
        self.failed_isr_updates = 0
        """Answers of the controller that refused one."""

    def add(self, other: Traffic) -> None:
        for name in Traffic.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))
