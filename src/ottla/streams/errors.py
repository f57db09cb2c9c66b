"""The errors that an application sees, by Kafka Streams' names."""

from __future__ import annotations


class StreamsError(Exception):
    """Something in an application, its topology or its state is wrong; the message says what, where and what to do."""


class TopologyError(StreamsError):
    """`org.apache.kafka.streams.errors.TopologyException`: a topology that cannot be built; raised while building."""


class SerializationError(StreamsError):
    """A value that a serde could not turn into bytes, or bytes that it could not read."""


class InvalidStateStoreError(StreamsError):
    """A store that is closed, migrated or not there; those below say which (KIP-216)."""


class UnknownStateStoreError(InvalidStateStoreError):
    """The topology has no store of that name: a mistake, which trying again does not mend."""


class StateStoreMigratedError(InvalidStateStoreError):
    """The store is elsewhere by now, or on its way: ask the metadata where, and try again."""


class StateStoreNotAvailableError(InvalidStateStoreError):
    """The store is here, and cannot be read now: try again."""


class InvalidStateStorePartitionError(InvalidStateStoreError):
    """The partition that was asked for is not here."""


class StreamsNotStartedError(InvalidStateStoreError):
    """The instance has not been started: try again after `start`."""


class StreamsRebalancingError(InvalidStateStoreError):
    """Tasks are on their way: try again, or ask for stale stores."""


class StreamsStoppedError(InvalidStateStoreError):
    """The instance has ended: another one may answer."""


class TaskCorruptedError(StreamsError):
    """The state of a task does not fit its changelog; it is wiped and restored."""


class TaskMigratedError(StreamsError):
    """The task belongs to another member by now; this one gives it up without committing."""
