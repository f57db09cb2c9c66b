"""ReplicaManager: it follows the metadata, on disk and in memory, and over restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.replicas import NODE_ID, Replicas, batch

from ottla.broker.replica.log_config import LogConfigs
from ottla.metadata.delta import MetadataDelta
from ottla.metadata.image import EMPTY_IMAGE, MetadataImage
from ottla.protocol.errors import ErrorCode
from ottla.protocol.metadata_record.config_record import ConfigRecord

if TYPE_CHECKING:
    from pathlib import Path

OTHER_NODE = 2


@pytest.fixture
def replicas(tmp_path: Path) -> Replicas:
    return Replicas(tmp_path)


class TestMetadata:
    def test_assigned_partitions_get_logs_with_the_topic_id(self, replicas: Replicas, tmp_path: Path) -> None:
        topic_id = replicas.create_topic("t", 2)
        assert [replicas.partition("t", index).log.topic_id for index in (0, 1)] == [topic_id] * 2
        assert "topic_id" in (tmp_path / "t-1" / "partition.metadata").read_text()
        assert replicas.manager.find("t", 2) is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        assert replicas.manager.find_by_id(topic_id, 2) is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        assert replicas.manager.find_by_id(topic_id, 1) is replicas.partition("t", 1)
        assert replicas.manager.find_by_id(b"?" * 16, 0) is ErrorCode.UNKNOWN_TOPIC_ID

    def test_partitions_of_others_are_not_hosted(self, replicas: Replicas, tmp_path: Path) -> None:
        topic_id = replicas.create_topic("t", replicas=(OTHER_NODE,), leader=OTHER_NODE)
        assert replicas.manager.find("t", 0) is ErrorCode.NOT_LEADER_OR_FOLLOWER
        assert replicas.manager.find_by_id(topic_id, 0) is ErrorCode.NOT_LEADER_OR_FOLLOWER
        assert not (tmp_path / "t-0").exists()

    def test_a_leader_epoch_begins_where_the_log_ends(self, replicas: Replicas) -> None:
        topic_id = replicas.create_topic("t")
        replicas.append("t", b"a", b"b")
        replicas.change(topic_id, leader=NODE_ID)
        partition = replicas.partition("t")
        assert partition.log.epochs.entries == [(0, 0), (1, 2)]
        assert partition.leader_epoch == 1
        replicas.change(topic_id, isr=[NODE_ID])  # not a new epoch
        assert partition.log.epochs.entries == [(0, 0), (1, 2)]

    def test_a_deleted_topic_is_gone(self, replicas: Replicas, tmp_path: Path) -> None:
        topic_id = replicas.create_topic("t", 2)
        replicas.append("t", b"a")
        replicas.delete_topic(topic_id)
        assert replicas.manager.find("t", 0) is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        assert replicas.manager.find_by_id(topic_id, 0) is ErrorCode.UNKNOWN_TOPIC_ID
        assert sorted(path.name.rsplit(".", 1)[0] for path in tmp_path.glob("t-*")) == ["t-0", "t-1"]
        assert all(path.name.endswith("-delete") for path in tmp_path.glob("t-*"))
        again = replicas.create_topic("t")
        assert again != topic_id
        assert replicas.append("t", b"new") == 0

    def test_a_partition_that_moves_away_is_dropped(self, replicas: Replicas, tmp_path: Path) -> None:
        topic_id = replicas.create_topic("t")
        replicas.move(topic_id, [OTHER_NODE])
        assert replicas.manager.find("t", 0) is ErrorCode.NOT_LEADER_OR_FOLLOWER
        assert not (tmp_path / "t-0").exists()

    def test_a_log_that_cannot_be_made_is_offline(self, replicas: Replicas, tmp_path: Path) -> None:
        (tmp_path / "t-0").write_text("a file where a directory should be")
        topic_id = replicas.create_topic("t", 2)
        assert replicas.manager.find("t", 0) is ErrorCode.KAFKA_STORAGE_ERROR
        assert replicas.append("t", b"a", index=1) == 0
        assert "t-0" in replicas.reports[0]
        replicas.delete_topic(topic_id)
        assert replicas.manager.find("t", 0) is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


class TestRestart:
    def test_what_was_committed_is_there_and_the_only_replica_commits_its_end(self, tmp_path: Path) -> None:
        before = Replicas(tmp_path)
        topic_id = before.create_topic("t")
        before.append("t", b"a", b"b")
        before.logs.checkpoint()
        before.append("t", b"c")  # after the checkpoint of the high watermark; then killed
        after = Replicas(tmp_path)
        assert after.logs.get("t", 0) is not None
        assert after.create_topic("t") == topic_id
        partition = after.partition("t")
        assert (partition.log.log_end_offset, partition.log.high_watermark) == (3, 3)
        assert after.append("t", b"d") == 3

    def test_a_follower_starts_from_its_checkpointed_high_watermark(self, tmp_path: Path) -> None:
        before = Replicas(tmp_path)
        before.create_topic("t", replicas=(NODE_ID, OTHER_NODE))
        for value in (b"a", b"b", b"c"):
            before.produce("t", batch(value), acks=1)
        before.partition("t").advance_high_watermark(2)
        before.logs.checkpoint()
        after = Replicas(tmp_path)
        after.create_topic("t", replicas=(NODE_ID, OTHER_NODE), leader=OTHER_NODE)
        partition = after.partition("t")
        assert (partition.log.log_end_offset, partition.log.high_watermark) == (3, 2)
        assert not partition.is_leader


class TestLogConfigs:
    @staticmethod
    def image(*configs: tuple[int, str, str, str]) -> MetadataImage:
        delta = MetadataDelta(EMPTY_IMAGE)
        for resource_type, resource, name, value in configs:
            delta.replay(ConfigRecord(resource_type=resource_type, resource_name=resource, name=name, value=value))
        return delta.apply(offset=0, epoch=0, timestamp_ms=0)

    def test_defaults_are_kafka_s_and_shared(self) -> None:
        configs = LogConfigs(NODE_ID, {}, _unexpected)
        one, other = configs(EMPTY_IMAGE, "t"), configs(EMPTY_IMAGE, "u")
        assert one is other
        assert (one.retention_ms, one.segment_bytes, one.cleanup_policy) == (604_800_000, 1_073_741_824, ("delete",))

    def test_the_nearest_level_wins(self) -> None:
        configs = LogConfigs(NODE_ID, {"log.retention.bytes": "1"}, _unexpected)
        levels = [
            (4, "", "log.retention.bytes", "2"),
            (4, "1", "log.retention.bytes", "3"),
            (2, "t", "retention.bytes", "4"),
        ]
        assert [configs(self.image(*levels[:count]), "t").retention_bytes for count in range(4)] == [1, 2, 3, 4]
        assert configs(self.image(*levels), "another").retention_bytes == 3
        assert configs(self.image((4, "7", "log.retention.bytes", "9")), "t").retention_bytes == 1

    @pytest.mark.parametrize(
        ("static", "retention_ms"),
        [
            ({"log.retention.hours": "2"}, 7_200_000),
            ({"log.retention.hours": "2", "log.retention.minutes": "3"}, 180_000),
            ({"log.retention.hours": "2", "log.retention.minutes": "3", "log.retention.ms": "4"}, 4),
            ({"log.retention.hours": "-1"}, -1),
        ],
    )
    def test_the_first_synonym_wins_in_its_unit(self, static: dict[str, str], retention_ms: int) -> None:
        assert LogConfigs(NODE_ID, static, _unexpected)(EMPTY_IMAGE, "t").retention_ms == retention_ms

    def test_what_cannot_be_read_is_reported_and_left_out(self) -> None:
        reports: list[str] = []
        image = self.image((2, "t", "retention.ms", "long"), (2, "t", "cleanup.policy", "compact"))
        config = LogConfigs(NODE_ID, {}, reports.append)(image, "t")
        assert (config.retention_ms, config.cleanup_policy) == (604_800_000, ("compact",))
        assert "retention.ms" in reports[0]

    def test_broker_configs_reach_the_logs_at_once(self, replicas: Replicas) -> None:
        replicas.create_topic("t")
        replicas.replay(ConfigRecord(resource_type=4, resource_name="", name="message.max.bytes", value="100"))
        assert replicas.partition("t").log.config.max_message_bytes == 100


def _unexpected(report: str) -> None:
    raise AssertionError(report)
