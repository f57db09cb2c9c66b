"""OffsetForLeaderEpoch, DeleteRecords and DescribeLogDirs on real logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.replicas import NODE_ID, Replicas, at, fetch_request, fetch_topic, over_the_wire, partitions_of

from ottla.broker.apis.delete_records import DeleteRecordsHandler
from ottla.broker.apis.describe_log_dirs import DescribeLogDirsHandler, LogDirectory
from ottla.broker.apis.offset_for_leader_epoch import OffsetForLeaderEpochHandler
from ottla.protocol.api.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopic,
)
from ottla.protocol.api.describe_log_dirs import (
    DescribableLogDirTopic,
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
)
from ottla.protocol.api.offset_for_leader_epoch import (
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
    OffsetForLeaderPartition,
    OffsetForLeaderTopic,
)
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def replicas(tmp_path: Path) -> Replicas:
    made = Replicas(tmp_path)
    made.create_topic("t")
    return made


class TestOffsetForLeaderEpoch:
    @staticmethod
    def ask(
        replicas: Replicas, epoch: int, *, current: int = -1, topic: str = "t", index: int = 0, version: int = 4
    ) -> tuple[int, int, int]:
        request = over_the_wire(
            OffsetForLeaderEpochRequest(
                topics=[
                    OffsetForLeaderTopic(
                        topic=topic,
                        partitions=[
                            OffsetForLeaderPartition(partition=index, current_leader_epoch=current, leader_epoch=epoch)
                        ],
                    )
                ]
            ),
            version,
        )
        response = OffsetForLeaderEpochHandler(replicas.manager)(replicas.context(request, version), request)
        (found,) = OffsetForLeaderEpochResponse.decode(response.encode(version), version).topics
        (partition,) = found.partitions
        assert (found.topic, partition.partition) == (topic, index)
        return partition.error_code, partition.leader_epoch, partition.end_offset

    @pytest.mark.parametrize("version", [2, 3, 4])
    def test_where_epochs_end(self, replicas: Replicas, version: int) -> None:
        topic_id = replicas.partition("t").topic_id
        replicas.append("t", b"a", b"b")  # epoch 0: 0, 1
        for _ in range(3):
            replicas.change(topic_id, leader=NODE_ID)
        replicas.append("t", b"c")  # epoch 3: 2
        ends = {epoch: self.ask(replicas, epoch, version=version) for epoch in (-1, 0, 3, 4)}
        assert ends == {-1: (0, -1, -1), 0: (0, 0, 2), 3: (0, 3, 3), 4: (0, -1, -1)}

    def test_errors(self, replicas: Replicas) -> None:
        assert self.ask(replicas, 0, current=1) == (ErrorCode.UNKNOWN_LEADER_EPOCH, -1, -1)
        assert self.ask(replicas, 0, topic="nobody") == (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1, -1)
        assert self.ask(replicas, 0, index=1) == (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1, -1)
        replicas.change(replicas.partition("t").topic_id, leader=2)
        assert self.ask(replicas, 0, current=0) == (ErrorCode.FENCED_LEADER_EPOCH, -1, -1)
        assert self.ask(replicas, 0) == (ErrorCode.NOT_LEADER_OR_FOLLOWER, -1, -1)


class TestDeleteRecords:
    @staticmethod
    def ask(replicas: Replicas, offset: int, *, topic: str = "t", version: int = 2) -> tuple[int, int]:
        request = over_the_wire(
            DeleteRecordsRequest(
                topics=[
                    DeleteRecordsTopic(
                        name=topic, partitions=[DeleteRecordsPartition(partition_index=0, offset=offset)]
                    )
                ],
                timeout_ms=1000,
            ),
            version,
        )
        response = DeleteRecordsHandler(replicas.manager)(replicas.context(request, version), request)
        assert isinstance(response, DeleteRecordsResponse)
        (found,) = DeleteRecordsResponse.decode(response.encode(version), version).topics
        (partition,) = found.partitions
        return partition.error_code, partition.low_watermark

    @pytest.mark.parametrize("version", [0, 1, 2])
    def test_the_start_moves_and_never_back(self, replicas: Replicas, version: int) -> None:
        replicas.append("t", b"a", b"b", b"c")
        assert self.ask(replicas, 2, version=version) == (0, 2)
        assert self.ask(replicas, 1, version=version) == (0, 2)
        assert self.ask(replicas, -1, version=version) == (0, 3)
        assert replicas.partition("t").log.log_start_offset == 3
        data = partitions_of(replicas.fetch_now(fetch_request(fetch_topic("t", at(2)))))["t", 0]
        assert data.error_code == ErrorCode.OFFSET_OUT_OF_RANGE

    @pytest.mark.parametrize("offset", [4, -2, 2**62])
    def test_beyond_the_high_watermark(self, replicas: Replicas, offset: int) -> None:
        replicas.append("t", b"a", b"b", b"c")
        assert self.ask(replicas, offset) == (ErrorCode.OFFSET_OUT_OF_RANGE, -1)

    def test_only_where_records_may_be_deleted(self, replicas: Replicas) -> None:
        replicas.create_topic("compacted", configs={"cleanup.policy": "compact"})
        replicas.create_topic("both", configs={"cleanup.policy": "compact,delete"})
        replicas.create_topic("__consumer_offsets")
        assert self.ask(replicas, 0, topic="compacted") == (ErrorCode.POLICY_VIOLATION, -1)
        assert self.ask(replicas, 0, topic="both") == (0, 0)
        assert self.ask(replicas, 0, topic="__consumer_offsets") == (ErrorCode.INVALID_TOPIC_EXCEPTION, -1)
        assert self.ask(replicas, 0, topic="nobody") == (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1)
        replicas.change(replicas.partition("t").topic_id, leader=2)
        assert self.ask(replicas, 0) == (ErrorCode.NOT_LEADER_OR_FOLLOWER, -1)


class TestDescribeLogDirs:
    @staticmethod
    def ask(
        replicas: Replicas,
        directories: list[LogDirectory],
        topics: list[DescribableLogDirTopic] | None = None,
        version: int = 5,
    ) -> DescribeLogDirsResponse:
        request = over_the_wire(DescribeLogDirsRequest(topics=topics), version)
        response = DescribeLogDirsHandler(replicas.manager, directories)(replicas.context(request, version), request)
        return DescribeLogDirsResponse.decode(response.encode(version), version)

    @pytest.mark.parametrize("version", range(1, 6))
    def test_sizes_of_all_logs(self, replicas: Replicas, tmp_path: Path, version: int) -> None:
        replicas.create_topic("u", 2)
        replicas.append("t", b"a")
        directory = LogDirectory(str(tmp_path), lambda: (1000, 400), cordoned=lambda: True)
        (result,) = self.ask(replicas, [directory], version=version).results
        assert (result.error_code, result.log_dir) == (0, str(tmp_path))
        sizes = {
            (topic.name, partition.partition_index): (
                partition.partition_size,
                partition.offset_lag,
                partition.is_future_key,
            )
            for topic in result.topics
            for partition in topic.partitions
        }
        size = (tmp_path / "t-0" / "00000000000000000000.log").stat().st_size
        assert size > 0
        assert sizes == {("t", 0): (size, 0, False), ("u", 0): (0, 0, False), ("u", 1): (0, 0, False)}
        assert (result.total_bytes, result.usable_bytes) == ((1000, 400) if version >= 4 else (-1, -1))
        assert result.is_cordoned == (version >= 5)

    def test_only_what_is_asked_for(self, replicas: Replicas, tmp_path: Path) -> None:
        replicas.create_topic("u", 3)
        directory = LogDirectory(str(tmp_path), lambda: (1, 1))
        topics = [
            DescribableLogDirTopic(topic="u", partitions=[1, 9]),
            DescribableLogDirTopic(topic="nobody", partitions=[0]),
        ]
        (result,) = self.ask(replicas, [directory], topics).results
        assert [(topic.name, [p.partition_index for p in topic.partitions]) for topic in result.topics] == [("u", [1])]

    def test_a_directory_whose_disk_fails(self, replicas: Replicas, tmp_path: Path) -> None:
        def fail() -> tuple[int, int]:
            raise OSError(5, "input/output error")

        broken, other = self.ask(
            replicas, [LogDirectory("/gone", fail), LogDirectory(str(tmp_path), lambda: (1, 1))]
        ).results
        assert (broken.error_code, broken.topics) == (ErrorCode.KAFKA_STORAGE_ERROR, [])
        assert [topic.name for topic in other.topics] == ["t"]
