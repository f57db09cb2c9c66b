"""A node with several log directories, one of which fails, and replicas that move between them."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.replicas import Replicas

from ottla.broker.apis.alter_replica_log_dirs import AlterReplicaLogDirsHandler
from ottla.broker.directory_failures import DirectoryFailures
from ottla.log.log_directory import LogDirectory
from ottla.log.replica_mover import ReplicaMover
from ottla.protocol.api.alter_replica_log_dirs import (
    AlterReplicaLogDir,
    AlterReplicaLogDirsRequest,
    AlterReplicaLogDirTopic,
)
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

FIRST, SECOND = b"1" * 16, b"2" * 16


class Told:
    """The controller, which only listens."""

    def __init__(self) -> None:
        self.placements: list[dict[tuple[bytes, int], bytes]] = []
        self.failures: list[list[bytes]] = []

    def placed(self, replicas: Mapping[tuple[bytes, int], bytes]) -> None:
        self.placements.append(dict(replicas))

    def offline(self, directory_ids: Sequence[bytes]) -> None:
        self.failures.append(list(directory_ids))


class FakeStop:
    def __init__(self) -> None:
        self.reasons: list[str] = []

    def stop(self, reason: str, failure: BaseException | None = None) -> None:
        self.reasons.append(reason)


class House:
    def __init__(self, directory: Path, *, metadata: str = "first") -> None:
        self.first, self.second = directory / "first", directory / "second"
        self.replicas = Replicas(self.first)
        self.logs = self.replicas.logs
        self.logs.directories[0].directory_id = FIRST
        self.second.mkdir()
        second = LogDirectory(self.second, SECOND)
        second.checkpoints = {name: {} for name in self.logs.directories[0].checkpoints}
        self.logs.directories.append(second)
        self.told, self.stop = Told(), FakeStop()
        self.failures = DirectoryFailures(
            self.logs,
            self.replicas.manager,
            self.told,
            self.stop,  # type: ignore[arg-type]  # only what is asked of it
            metadata_directory=directory / metadata,
            report=self.replicas.reports.append,
        )
        self.failures.watch()
        self.replicas.create_topic("t", 2)

    def error_of(self, index: int) -> ErrorCode | None:
        found = self.replicas.manager.find("t", index)
        return found if isinstance(found, ErrorCode) else None


def broken() -> OSError:
    return OSError(errno.EIO, "Input/output error")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def test_where_new_replicas_lie_is_told(house: House) -> None:
    house.failures.on_metadata(None, None)  # type: ignore[arg-type]  # what changed is asked of the replicas
    topic_id = house.replicas.manager.by_name["t"].topic_id
    assert house.told.placements == [{(topic_id, 0): FIRST, (topic_id, 1): SECOND}]


async def test_a_failing_append_takes_its_directory_offline_and_the_rest_goes_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    partition = house.replicas.manager.find("t", 1)
    assert not isinstance(partition, ErrorCode)
    house.replicas.manager.disk_failed(partition, broken())
    assert house.error_of(1) is ErrorCode.KAFKA_STORAGE_ERROR
    assert house.replicas.append("t", b"a", index=0) == 0
    assert house.told.failures == [[SECOND]]
    assert house.stop.reasons == []
    assert any("second is offline" in report for report in house.replicas.reports)


async def test_nothing_begins_anew_elsewhere(house: House) -> None:
    house.logs.fail_directory(house.second, broken())
    assert house.error_of(1) is ErrorCode.KAFKA_STORAGE_ERROR
    topic = house.replicas.manager.by_name["t"]
    registration = house.replicas.manager.image.topics.by_name["t"].partitions[1]
    house.replicas.manager._host("t", topic.topic_id, 1, registration)
    assert house.error_of(1) is ErrorCode.KAFKA_STORAGE_ERROR
    assert not (house.first / "t-1").exists()


@pytest.mark.parametrize(
    ("metadata", "failing", "reason"), [("first", "first", "metadata log"), ("elsewhere", "both", "no other is left")]
)
async def test_the_node_stops_when_it_cannot_go_on(tmp_path: Path, metadata: str, failing: str, reason: str) -> None:
    house = House(tmp_path, metadata=metadata)
    house.logs.fail_directory(house.first, broken())
    if failing == "both":
        assert house.stop.reasons == []
        house.logs.fail_directory(house.second, broken())
    assert len(house.stop.reasons) == 1
    assert reason in house.stop.reasons[0]


async def test_what_failed_while_the_logs_were_opened_is_told_too(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.logs.on_failure = lambda *_: None  # nobody listens yet
    house.logs.fail_directory(house.second, broken())
    assert house.told.failures == []
    house.failures.watch()
    assert house.told.failures == [[SECOND]]


async def test_a_directory_that_could_not_be_read_at_all_has_no_id_to_tell(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.logs.directories.append(LogDirectory(tmp_path / "third", failure=broken()))
    house.logs.fail_directory(house.second, broken())
    assert house.told.failures == [[SECOND]]


def run_blocking(work: Callable[[], None], done: Callable[[BaseException | None], None]) -> None:
    work()
    done(None)


async def test_alter_replica_log_dirs(house: House) -> None:
    replicas = house.replicas
    replicas.append("t", b"a", b"b", index=0)
    mover = ReplicaMover(
        house.logs, replicas.timers, replicas.clock, run_blocking, moved=house.failures.moved, report=print
    )
    handler = AlterReplicaLogDirsHandler(replicas.manager, lambda: mover, [str(house.first), str(house.second)])

    def alter(path: str, topic: str, index: int) -> int:
        request = AlterReplicaLogDirsRequest(
            dirs=[AlterReplicaLogDir(path=path, topics=[AlterReplicaLogDirTopic(name=topic, partitions=[index])])]
        )
        [result] = handler(None, request).results  # type: ignore[arg-type]  # it asks nothing of the context
        assert result.topic_name == topic
        return result.partitions[0].error_code

    assert alter("/not/ours", "t", 0) == ErrorCode.LOG_DIR_NOT_FOUND
    assert alter(str(house.second), "unknown", 0) == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert alter(str(house.second), "x" * 249, 0) == ErrorCode.INVALID_TOPIC_EXCEPTION
    assert alter(str(house.first), "t", 0) == 0
    assert house.logs.futures == {}, "it lies there already"
    assert alter(str(house.second), "t", 0) == 0
    for _ in range(10):
        replicas.timers.advance(5)
    assert (house.second / "t-0").is_dir()
    assert replicas.append("t", b"c", index=0) == 2
    assert house.told.placements[-1] == {
        (replicas.manager.by_name["t"].topic_id, 0): SECOND,
        (replicas.manager.by_name["t"].topic_id, 1): SECOND,
    }
    house.logs.fail_directory(house.first, broken())
    assert alter(str(house.first), "t", 0) == ErrorCode.KAFKA_STORAGE_ERROR
