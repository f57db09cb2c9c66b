"""The errors that an application sees, by Kafka Streams' names."""

from __future__ import annotations


class StreamsError(Exception):
    """Something in an application, its topology or its state is wrong; the message says what, where and what to do."""


class TopologyError(StreamsError):
    """`org.apache.kafka.streams.errors.TopologyException`: a topology that cannot be built; raised while building."""


class SerializationError(StreamsError):
    """A value that a serde could not turn into bytes, or bytes that it could not read."""


class InvalidStateStoreError(StreamsError):
    """A store that is closed, migrated or not there."""


class TaskCorruptedError(StreamsError):
    """The state of a task does not fit its changelog; it is wiped and restored."""


class TaskMigratedError(StreamsError):
    """The task belongs to another member by now; this one gives it up without committing."""
