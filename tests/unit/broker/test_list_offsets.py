"""ListOffsets: the ends, the special timestamps, and timestamps; at every version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.replicas import NODE_ID, START_MS, Replicas, batch, over_the_wire

from ottla.broker.apis.list_offsets import (
    EARLIEST,
    EARLIEST_LOCAL,
    EARLIEST_PENDING_UPLOAD,
    LATEST,
    LATEST_TIERED,
    MAX_TIMESTAMP,
    SINCE,
    ListOffsetsHandler,
)
from ottla.protocol.api.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopic,
)
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from pathlib import Path

VERSIONS = range(1, 12)
NEWEST = 11


@pytest.fixture
def replicas(tmp_path: Path) -> Replicas:
    made = Replicas(tmp_path)
    made.create_topic("t")
    for index, at_ms in enumerate((10, 30, 20)):
        made.produce("t", batch(b"%d" % index, timestamp_ms=START_MS + at_ms))
    return made


def ask(
    replicas: Replicas,
    *wanted: ListOffsetsPartition,
    version: int = NEWEST,
    topic: str = "t",
    replica_id: int = -1,
    isolation_level: int = 0,
) -> list[ListOffsetsPartitionResponse]:
    request = ListOffsetsRequest(
        replica_id=replica_id,
        isolation_level=isolation_level,
        topics=[ListOffsetsTopic(name=topic, partitions=list(wanted))],
    )
    request = over_the_wire(request, version)
    response = ListOffsetsHandler(replicas.manager)(replicas.context(request, version), request)
    (found,) = ListOffsetsResponse.decode(response.encode(version), version).topics
    assert found.name == topic
    return found.partitions


def at(timestamp: int, *, index: int = 0, epoch: int = -1) -> ListOffsetsPartition:
    return ListOffsetsPartition(partition_index=index, timestamp=timestamp, current_leader_epoch=epoch)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_ends_at_each_version(replicas: Replicas, version: int) -> None:
    (first,) = ask(replicas, at(EARLIEST), version=version)
    (last,) = ask(replicas, at(LATEST), version=version)
    assert (first.error_code, first.offset, first.timestamp) == (0, 0, -1)
    assert (last.error_code, last.offset, last.timestamp) == (0, 3, -1)
    assert [first.leader_epoch, last.leader_epoch] == ([0, 0] if version >= 4 else [-1, -1])


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        (MAX_TIMESTAMP, (1, START_MS + 30, 0)),
        (EARLIEST_LOCAL, (0, -1, 0)),
        (LATEST_TIERED, (-1, -1, -1)),
        (EARLIEST_PENDING_UPLOAD, (-1, -1, -1)),
        (0, (0, START_MS + 10, 0)),
        (START_MS + 10, (0, START_MS + 10, 0)),
        (START_MS + 11, (1, START_MS + 30, 0)),
        (START_MS + 30, (1, START_MS + 30, 0)),
        (START_MS + 31, (-1, -1, -1)),
    ],
)
def test_timestamps(replicas: Replicas, timestamp: int, expected: tuple[int, int, int]) -> None:
    (found,) = ask(replicas, at(timestamp))
    assert found.error_code == 0
    assert (found.offset, found.timestamp, found.leader_epoch) == expected


@pytest.mark.parametrize("timestamp", [*SINCE, -7, -(2**63)])
def test_special_timestamps_have_versions(replicas: Replicas, timestamp: int) -> None:
    since = SINCE.get(timestamp, NEWEST + 1)
    for version in VERSIONS:
        (found,) = ask(replicas, at(timestamp), version=version)
        assert found.error_code == (0 if version >= since else ErrorCode.UNSUPPORTED_VERSION), version


def test_an_empty_partition(tmp_path: Path) -> None:
    replicas = Replicas(tmp_path)
    replicas.create_topic("t")
    found = ask(replicas, at(MAX_TIMESTAMP))[0]
    assert (found.error_code, found.offset, found.timestamp) == (0, -1, -1)
    assert ask(replicas, at(LATEST))[0].offset == ask(replicas, at(EARLIEST))[0].offset == 0


def test_the_start_moves_with_deleted_records_and_names_its_epoch(replicas: Replicas) -> None:
    replicas.change(replicas.partition("t").topic_id, leader=NODE_ID)
    replicas.append("t", b"3")  # epoch 1: offset 3
    replicas.partition("t").delete_records(2)
    (start,) = ask(replicas, at(EARLIEST))
    assert (start.offset, start.leader_epoch) == (2, 0)
    assert ask(replicas, at(START_MS))[0].offset == 2
    assert ask(replicas, at(LATEST))[0].leader_epoch == 1


def test_consumers_see_what_is_committed_and_others_the_end(tmp_path: Path) -> None:
    replicas = Replicas(tmp_path)
    replicas.create_topic("t", replicas=(1, 2))
    for index in range(3):
        replicas.produce("t", batch(b"x", timestamp_ms=START_MS + index), acks=1)
    replicas.partition("t").advance_high_watermark(2)
    for isolation_level in (0, 1):
        assert ask(replicas, at(LATEST), isolation_level=isolation_level)[0].offset == 2
    assert ask(replicas, at(LATEST), replica_id=-2)[0].offset == 3
    assert ask(replicas, at(START_MS + 2))[0].offset == -1  # not committed
    assert ask(replicas, at(START_MS + 1))[0].offset == 1


def test_leader_epochs_are_compared(replicas: Replicas) -> None:
    errors = [ask(replicas, at(LATEST, epoch=epoch))[0].error_code for epoch in (-1, 0, 1)]
    assert errors == [0, 0, ErrorCode.UNKNOWN_LEADER_EPOCH]
    replicas.change(replicas.partition("t").topic_id, leader=NODE_ID)
    assert ask(replicas, at(LATEST, epoch=0))[0].error_code == ErrorCode.FENCED_LEADER_EPOCH


def test_errors_by_partition(replicas: Replicas) -> None:
    once, twice, again = ask(replicas, at(LATEST), at(LATEST, index=1), at(EARLIEST, index=1))
    assert (once.error_code, once.offset) == (0, 3)
    assert twice.error_code == again.error_code == ErrorCode.INVALID_REQUEST
    (unknown,) = ask(replicas, at(LATEST), topic="nobody")
    assert (unknown.error_code, unknown.offset) == (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1)
    replicas.change(replicas.partition("t").topic_id, leader=2)
    assert ask(replicas, at(LATEST))[0].error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER
