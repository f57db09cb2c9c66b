"""Our consensus and Apache Kafka's in one quorum (KIP-595, 853, 996): ours follows, joins, is elected, and is followed.

One of Apache Kafka's controllers, formatted as a quorum of its own; and `RaftPeer`, which is our core on sockets.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.interop.raft_peer import LISTENER, RaftPeer
from tests.peers.apache_kafka import CLUSTER_ID, START_TIMEOUT_S, KafkaNode, java_command
from tests.peers.process import wait_until_listening

from ottla.metadata.record_serde import VersionedRecord, encode_record
from ottla.protocol.errors import ErrorCode
from ottla.protocol.metadata_record.no_op_record import NoOpRecord
from ottla.raft.batches import read_batches
from ottla.raft.voter_set import ReplicaKey

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.java

TIMEOUT_MS = 20_000
KAFKA_TIMEOUT_MS = 240_000
"""So long that it never asks for votes itself, however slow the machine is: who leads is not a matter of luck."""
KAFKA, OURS = 1, 2


class KafkaController(KafkaNode):
    """A controller that is no broker."""

    def _base_settings(self) -> dict[str, str]:
        listener = f"{LISTENER}://127.0.0.1:{self._controller_port}"
        return {
            "process.roles": "controller",
            "node.id": str(KAFKA),
            "listeners": listener,
            "advertised.listeners": listener,
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self._controller_port}",
            "controller.listener.names": LISTENER,
            "listener.security.protocol.map": f"{LISTENER}:PLAINTEXT",
            "log.dirs": str(self.data),
            "metadata.max.idle.interval.ms": "0",  # nothing is appended that we might just have missed as it stops
            "controller.quorum.fetch.timeout.ms": str(KAFKA_TIMEOUT_MS),
            "controller.quorum.election.timeout.ms": str(KAFKA_TIMEOUT_MS),
        }

    def start(self) -> None:
        self.format()
        self._spawn(java_command("kafka.Kafka", str(self.directory / "server.properties"), options=self._options))
        wait_until_listening(self, "127.0.0.1", self._controller_port, START_TIMEOUT_S)

    @property
    def controller(self) -> tuple[str, int]:
        return ("127.0.0.1", self._controller_port)


async def test_one_quorum_of_both_kinds(tmp_path: Path) -> None:
    kafka = KafkaController(tmp_path / "kafka")
    await asyncio.to_thread(kafka.start)
    peer = RaftPeer(ReplicaKey(OURS, bytes(range(1, 17))), CLUSTER_ID, kafka.controller, TIMEOUT_MS)
    await peer.start()
    try:
        await _follow_and_join(peer, kafka)
        await _take_over(peer, kafka)
        await _lead(peer, kafka)
    finally:
        await peer.close()
        await asyncio.to_thread(kafka.close)


async def _follow_and_join(peer: RaftPeer, kafka: KafkaController) -> None:
    """As an observer that knows nobody but the bootstrap server; then as a voter, without whom nothing is committed."""
    quorum = peer.quorum
    await peer.until(lambda: quorum.leader_id == KAFKA and quorum.high_watermark > 3, "we follow")
    assert quorum.history.voters.node_ids == [KAFKA]
    assert not quorum.is_voter
    for _ in range(60):
        code, message = await peer.join(kafka.controller)
        if code is not ErrorCode.REQUEST_TIMED_OUT:
            break
        await asyncio.sleep(0.5)  # it has not noticed yet that we have caught up
    assert code is ErrorCode.NONE, message
    await peer.until(lambda: sorted(quorum.history.voters.node_ids) == [KAFKA, OURS], "we are a voter")
    await peer.until(lambda: quorum.high_watermark > quorum.history.voters_offset, "what takes both is committed")


async def _take_over(peer: RaftPeer, kafka: KafkaController) -> None:
    """The leader resigns as it stops, names us its successor, and votes for us: now, or when it is back."""
    quorum, epoch = peer.quorum, peer.quorum.epoch
    await asyncio.to_thread(kafka.stop)
    await asyncio.to_thread(kafka.start)
    await peer.until(lambda: quorum.is_leader, "we are elected")
    assert quorum.epoch > epoch


async def _lead(peer: RaftPeer, kafka: KafkaController) -> None:
    """Apache Kafka's controller follows us, and has on its disk what we commit with it."""
    quorum = peer.quorum
    before = quorum.high_watermark
    value = encode_record(VersionedRecord(NoOpRecord()))
    end = before
    for _ in range(3):  # once, unless we lose the majority's attention meanwhile
        await peer.until(lambda: quorum.is_leader, "we lead")
        end = await _commit(peer, value)
        if quorum.high_watermark >= end:
            break
    assert quorum.high_watermark >= end > before
    log = (kafka.data / "__cluster_metadata-0" / "00000000000000000000.log").read_bytes()
    theirs = {batch.base_offset: batch.epoch for batch in read_batches(log)}
    ours = {batch.base_offset: batch.epoch for batch in peer.log.batches if batch.last_offset < end}
    assert ours.items() <= theirs.items()


async def _commit(peer: RaftPeer, value: bytes) -> int:
    """Its end offset; it may not be committed if we do not lead any more."""
    quorum = peer.quorum
    peer.run(quorum.append([value], peer.now))
    epoch, end = quorum.epoch, quorum.log_end_offset
    await peer.until(lambda: quorum.high_watermark >= end or quorum.epoch != epoch, "it fetches from us")
    return end
