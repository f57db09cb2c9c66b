"""The running controller: what it writes, what it remembers, snapshots, and a disk that fails."""

from __future__ import annotations

import asyncio
import errno
from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.controllers import TestNode, creation

from ottla.metadata.controller.result import ControllerResult
from ottla.metadata.controller.topics import create_topics
from ottla.metadata.image import EMPTY_IMAGE
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.no_op_record import NoOpRecord
from ottla.raft.batches import read_batches
from ottla.raft.snapshot import read_snapshot
from ottla.raft.snapshot_id import SnapshotId

if TYPE_CHECKING:
    from asyncio import Future
    from pathlib import Path

    from ottla.metadata.delta import MetadataDelta
    from ottla.metadata.image import MetadataImage
    from ottla.protocol.api.create_topics import CreateTopicsResponse


def create(node: TestNode, name: str, partitions: int = 1) -> Future[CreateTopicsResponse]:
    shell = node.shell
    return shell.submit(
        partial(
            create_topics,
            schema=shell.schema,
            defaults=shell.settings.topic_defaults,
            request=creation(name, partitions),
        )
    )


async def test_metadata_survives_a_restart_and_a_kill(tmp_path: Path) -> None:
    node = TestNode(tmp_path)
    await create(node, "a", 3)
    ids = {topic.name: topic.topic_id for topic in node.shell.image.topics.by_id.values()}
    epochs = [node.shell.leader_epoch]
    await node.restart()
    epochs.append(node.shell.leader_epoch)
    await create(node, "b")
    node.kill()
    epochs.append(node.shell.leader_epoch)
    assert epochs == [1, 2, 3]
    image = node.shell.image
    assert {name: len(topic.partitions) for name, topic in image.topics.by_name.items()} == {"a": 3, "b": 1}
    assert image.topics.by_name["a"].topic_id == ids["a"]
    assert {partition.leader for partition in image.topics.by_name["a"].partitions.values()} == {1}
    await node.shell.close()


async def test_decisions_of_one_turn_share_a_sync_and_see_each_other(tmp_path: Path) -> None:
    node = TestNode(tmp_path)
    seen: list[tuple[MetadataDelta, MetadataImage]] = []
    node.shell.subscribe(lambda delta, image: seen.append((delta, image)))
    assert seen[0][0].changed_brokers == {1}
    assert seen[0][1] is node.shell.image
    del seen[:]
    futures = [create(node, "t"), create(node, "t"), create(node, "u")]
    assert not seen  # nothing shows before it is committed
    codes = [(await future).topics[0].error_code for future in futures]
    assert codes == [ErrorCode.NONE, ErrorCode.TOPIC_ALREADY_EXISTS, ErrorCode.NONE]
    assert [[topic.name for topic in delta.changed_topics.values()] for delta, _ in seen] == [["t"], ["u"]]
    assert [image.offset for _, image in seen] == sorted(image.offset for _, image in seen)
    assert node.shell.high_watermark == node.shell.image.offset + 1
    await node.shell.close()


@pytest.mark.parametrize(("atomic", "batches"), [(True, [25_000]), (False, [10_000, 10_000, 5_000])])
async def test_what_need_not_be_one_batch_is_none(tmp_path: Path, atomic: bool, batches: list[int]) -> None:
    node = TestNode(tmp_path)
    before = node.shell.log_end_offset
    records = [VersionedRecord(NoOpRecord())] * 25_000
    assert await node.shell.submit(lambda _: ControllerResult(records, "done", atomic=atomic)) == "done"
    log = (node.metadata_directory / "00000000000000000000.log").read_bytes()
    written = [len(batch.values) for batch in read_batches(log) if batch.base_offset >= before]
    assert written == batches
    assert node.shell.image.offset == before + 25_000 - 1
    await node.shell.close()


async def test_no_op_records_come_by_time(tmp_path: Path) -> None:
    node = TestNode(tmp_path, max_idle_interval_ms=500)
    before = node.shell.high_watermark
    for _ in range(3):
        node.timers.advance(500)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert node.shell.high_watermark == before + 3
    await node.shell.close()


async def test_snapshots_replace_the_log_before_them(tmp_path: Path) -> None:
    node = TestNode(tmp_path, max_idle_interval_ms=500, snapshot_after_bytes=500, retention_bytes=2000)
    for number in range(20):
        await create(node, f"topic-{number}", 2)
        node.timers.advance(500)
        for _ in range(4):
            await asyncio.sleep(0)
    names = [name for name in node.files.list(node.metadata_directory) if name.endswith(".checkpoint")]
    ids = sorted(found for found in map(SnapshotId.from_file_name, names) if found is not None)
    assert ids[-1].end_offset > 50
    assert ids[0].end_offset > 0, "old snapshots go"
    snapshot = read_snapshot((node.metadata_directory / ids[-1].file_name).read_bytes())
    assert (snapshot.kraft_version, snapshot.voters) == (1, node.shell.history.voters)
    topics = node.shell.image.topics
    node.kill()
    assert node.shell.image.topics.by_name.keys() == topics.by_name.keys()
    assert node.failures == []
    await node.shell.close()


async def test_a_snapshot_alone_is_enough(tmp_path: Path) -> None:
    node = TestNode(tmp_path, max_idle_interval_ms=500, snapshot_after_bytes=1)
    await create(node, "kept", 2)
    node.timers.advance(500)
    for _ in range(4):
        await asyncio.sleep(0)
    before = node.shell.image
    await node.shell.close()
    for path in node.metadata_directory.iterdir():
        if path.suffix in (".log", ".index", ".timeindex", ".snapshot"):
            path.unlink()
    node.start()
    assert node.shell.image.topics.by_name.keys() == {"kept"}
    assert node.shell.image.topics.by_name["kept"].topic_id == before.topics.by_name["kept"].topic_id
    assert node.shell.high_watermark > before.offset
    await create(node, "more")
    await node.restart()
    assert node.shell.image.topics.by_name.keys() == {"kept", "more"}
    await node.shell.close()


async def test_an_unfinished_snapshot_is_no_snapshot(tmp_path: Path) -> None:
    node = TestNode(tmp_path)
    await create(node, "kept")
    await node.shell.close()
    torn = node.metadata_directory / (SnapshotId(9, 1).file_name + ".part")
    torn.write_bytes(b"torn")
    damaged = node.metadata_directory / SnapshotId(8, 1).file_name
    damaged.write_bytes(b"damaged")
    node.start()
    assert not torn.exists()
    assert node.shell.image.topics.by_name.keys() == {"kept"}
    await node.shell.close()


async def test_a_torn_tail_is_cut_off(tmp_path: Path) -> None:
    node = TestNode(tmp_path)
    await create(node, "kept")
    await create(node, "torn")
    log = node.metadata_directory / "00000000000000000000.log"
    log.write_bytes(log.read_bytes()[:-5])
    node.kill()
    assert node.shell.image.topics.by_name.keys() == {"kept"}
    assert [batch.epoch for batch in read_batches(log.read_bytes())][-1] == 2
    await node.shell.close()


async def test_a_failing_disk_ends_the_controller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = TestNode(tmp_path)

    def no_space(self: object, buffers: object) -> int:
        raise OSError(errno.ENOSPC, "no space left")

    image = node.shell.image
    monkeypatch.setattr("ottla.runtime.disk.DiskFile.append", no_space)
    for code in (ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.NOT_CONTROLLER):
        with pytest.raises(KafkaError) as caught:
            await create(node, "t")
        assert caught.value.code is code
    assert node.shell.image is image
    assert len(node.failures) == 1


async def test_a_closed_controller_decides_nothing(tmp_path: Path) -> None:
    node = TestNode(tmp_path)
    assert node.shell.image is not EMPTY_IMAGE
    await node.shell.close()
    with pytest.raises(KafkaError) as caught:
        await create(node, "t")
    assert caught.value.code is ErrorCode.NOT_CONTROLLER


async def test_the_log_that_a_snapshot_covers_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quiet node writes for ever; what it must recover after a crash stays small."""
    monkeypatch.setattr("ottla.broker.controller.snapshots.ROLL_AFTER_BYTES", 1000)
    node = TestNode(tmp_path, max_idle_interval_ms=500, snapshot_after_bytes=1000)
    await create(node, "kept")
    for _ in range(60):
        node.timers.advance(500)
        for _ in range(4):
            await asyncio.sleep(0)
    segments = sorted(path.name for path in node.metadata_directory.glob("*.log"))
    assert len(segments) > 2
    first = node.metadata_directory / segments[0]
    first.write_bytes(bytes(first.stat().st_size))
    node.kill()
    assert node.shell.image.topics.by_name.keys() == {"kept"}
    await node.shell.close()
