"""Three controllers of Ottla as real processes: elections, `kill -9`, restarts, snapshots, changes of the voters."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

import pytest
from tests.interop.quorum_nodes import QuorumStatus, asked, has_settled, status, wait_for_status
from tests.peers.cluster import CONTROLLER, LISTENER, Quorum, Voter
from tests.peers.ottla_cluster import OttlaClusterNode
from tests.peers.process import wait_for

from ottla.protocol.api.add_raft_voter import AddRaftVoterRequest, AddRaftVoterResponse, Listener
from ottla.protocol.api.remove_raft_voter import RemoveRaftVoterRequest, RemoveRaftVoterResponse
from ottla.protocol.api.update_features import FeatureUpdateKey, UpdateFeaturesRequest, UpdateFeaturesResponse
from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import uuid_from_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FAILOVER_S = 1.5
SMALL_SNAPSHOTS = {
    "metadata.log.max.record.bytes.between.snapshots": "1000",
    "metadata.max.retention.bytes": "2000",
    "metadata.max.idle.interval.ms": "20",
}


class Controllers:
    def __init__(self, directory: Path, settings: dict[str, str], *, static: bool = False) -> None:
        self.directory = directory
        self.settings = settings
        self.quorum = Quorum(tuple(Voter(node_id) for node_id in (1, 2, 3)), static)
        self.nodes = {voter.node_id: self.make(voter.node_id) for voter in self.quorum.voters}

    def make(self, node_id: int) -> OttlaClusterNode:
        return OttlaClusterNode(
            self.directory / str(node_id), node_id, self.quorum, roles=CONTROLLER, settings=self.settings
        )

    def start(self) -> None:
        for node in self.nodes.values():
            node.begin()
        for node in self.nodes.values():
            node.wait_until_ready()

    @property
    def all(self) -> list[OttlaClusterNode]:
        return list(self.nodes.values())

    def close(self) -> None:
        for node in self.nodes.values():
            if node.is_running:
                node.kill()
            node.close()


@pytest.fixture
def controllers(tmp_path: Path) -> Iterator[Controllers]:
    made = Controllers(tmp_path, SMALL_SNAPSHOTS)
    try:
        made.start()
        yield made
    finally:
        made.close()


def test_a_leader_that_is_killed_is_followed_at_once_and_comes_back(controllers: Controllers) -> None:
    before = wait_for_status(controllers.all, has_settled, "a leader")
    assert sorted(before.voters) == [1, 2, 3]
    for _ in range(2):
        before = kill_the_leader(controllers, before)


def kill_the_leader(controllers: Controllers, before: QuorumStatus) -> QuorumStatus:
    leader = controllers.nodes[before.leader_id]
    leader.kill()
    killed_s = time.monotonic()
    after = wait_for_status(
        controllers.all, lambda seen: seen.epoch > before.epoch and seen.high_watermark > 0, "another leader"
    )
    assert time.monotonic() - killed_s < FAILOVER_S
    leader.begin()
    leader.wait_until_ready()
    again = wait_for_status(
        controllers.all,
        lambda seen: has_settled(seen) and seen.voters.get(leader.node_id, -1) >= after.high_watermark,
        "the one that was killed follows",
    )
    assert again.epoch == after.epoch, "who comes back deposes nobody"
    return again


def test_a_leader_that_stops_hands_over(controllers: Controllers) -> None:
    before = wait_for_status(controllers.all, has_settled, "a leader")
    leader = controllers.nodes[before.leader_id]
    stopping_s = time.monotonic()
    assert leader.stop() == 0
    after = wait_for_status(controllers.all, lambda seen: seen.high_watermark >= before.high_watermark, "another")
    assert time.monotonic() - stopping_s < 2 * FAILOVER_S
    assert after.leader_id != before.leader_id


def test_who_lost_its_disk_gets_a_snapshot(controllers: Controllers) -> None:
    before = wait_for_status(controllers.all, lambda seen: seen.high_watermark > 60, "some history")
    follower = next(node for node in controllers.all if node.node_id != before.leader_id)
    follower.kill()
    log = follower.data / "__cluster_metadata-0"
    shutil.rmtree(log)
    follower.begin()
    follower.wait_until_ready()

    def snapshots() -> list[str]:
        return [path.name for path in log.glob("*.checkpoint")]

    wait_for(lambda: bool(snapshots()), "the wiped follower has a snapshot", 20)
    now = wait_for_status(controllers.all, has_settled, "a leader")
    wait_for_status(
        controllers.all,
        lambda seen: seen.voters.get(follower.node_id, -1) > now.high_watermark,
        "the wiped follower has caught up",
    )
    assert (log / "quorum-state").exists()


def test_voters_are_added_and_removed(controllers: Controllers) -> None:
    wait_for_status(controllers.all, has_settled, "a leader")
    joining = controllers.nodes[4] = controllers.make(4)
    joining.begin()
    joining.wait_until_ready()
    seen = wait_for_status(
        controllers.all, lambda seen: seen.observers.get(4, -1) >= seen.high_watermark - 1 > 0, "the fourth observes"
    )
    host, port = joining.controller_address.rsplit(":", 1)
    addition = AddRaftVoterRequest(
        cluster_id=joining.cluster_id,
        timeout_ms=10_000,
        voter_id=4,
        voter_directory_id=uuid_from_text(joining.directory_id),
        listeners=[Listener(name=LISTENER, host=host, port=int(port))],
    )
    answer = asked(controllers.nodes[seen.leader_id], addition)
    assert isinstance(answer, AddRaftVoterResponse)
    assert (answer.error_code, answer.error_message) == (ErrorCode.NONE, None)
    seen = wait_for_status(controllers.all, lambda seen: sorted(seen.voters) == [1, 2, 3, 4], "four voters")
    leader = controllers.nodes[seen.leader_id]
    removal = RemoveRaftVoterRequest(
        cluster_id=leader.cluster_id,
        voter_id=leader.node_id,
        voter_directory_id=uuid_from_text(leader.directory_id),
    )
    gone = asked(leader, removal)
    assert isinstance(gone, RemoveRaftVoterResponse)
    assert gone.error_code == ErrorCode.NONE
    rest = {1, 2, 3, 4} - {leader.node_id}
    seen = wait_for_status(controllers.all, lambda seen: set(seen.voters) == rest, "the leader voted itself out")
    assert seen.leader_id in rest
    assert status(leader) is None


def test_a_voter_that_moved_says_so(controllers: Controllers) -> None:
    """UpdateRaftVoter: its endpoint in the log is the new one, and the leader finds it there."""
    seen = wait_for_status(controllers.all, has_settled, "a leader")
    moving = next(node for node in controllers.all if node.node_id != seen.leader_id)
    moving.stop()
    moved = Voter(moving.node_id, directory_id=moving.directory_id)
    others = tuple(voter for voter in controllers.quorum.voters if voter.node_id != moved.node_id)
    controllers.quorum = Quorum((*others, moved))
    again = controllers.nodes[moved.node_id] = controllers.make(moved.node_id)
    again.start()
    now = wait_for_status(
        controllers.all, lambda seen: seen.ports.get(moved.node_id) == moved.port, "the voter's new endpoint"
    )
    assert now.ports == {voter.node_id: voter.port for voter in controllers.quorum.voters}
    wait_for_status(
        controllers.all, lambda seen: seen.voters[moved.node_id] > now.high_watermark, "it follows from there"
    )


def test_a_controller_joins_by_itself_and_again_with_another_disk(controllers: Controllers) -> None:
    """`controller.quorum.auto.join.enable` (KIP-1186)."""
    wait_for_status(controllers.all, has_settled, "a leader")
    controllers.settings = SMALL_SNAPSHOTS | {
        "controller.quorum.auto.join.enable": "true",
        "controller.quorum.fetch.timeout.ms": "500",  # also how often it asks
    }
    joining = controllers.nodes[4] = controllers.make(4)
    joining.begin()
    wait_for_status(controllers.all, lambda seen: sorted(seen.voters) == [1, 2, 3, 4], "it votes")
    former = joining.directory_id
    joining.kill()
    shutil.rmtree(joining.data)
    joining = controllers.nodes[4] = controllers.make(4)
    joining.begin()
    assert joining.directory_id != former

    def is_another_voter() -> bool:
        seen = wait_for_status(controllers.all, lambda seen: True, "a leader")
        return seen.directories.get(4) == uuid_from_text(joining.directory_id)

    wait_for(is_another_voter, "it votes with its new directory", 20)


def test_static_voters_move_into_the_log(tmp_path: Path) -> None:
    """kraft.version 0 to 1, once every voter has said which directory is its own; then voters may change."""
    controllers = Controllers(tmp_path, {}, static=True)
    try:
        controllers.start()
        seen = wait_for_status(controllers.all, has_settled, "a leader")
        leader = controllers.nodes[seen.leader_id]
        other = next(node for node in controllers.all if node is not leader)
        removal = RemoveRaftVoterRequest(
            cluster_id=leader.cluster_id,
            voter_id=other.node_id,
            voter_directory_id=uuid_from_text(other.directory_id),
        )
        refused = asked(leader, removal)
        assert isinstance(refused, RemoveRaftVoterResponse)
        assert refused.error_code == ErrorCode.UNSUPPORTED_VERSION
        upgrade = UpdateFeaturesRequest(
            timeout_ms=10_000, feature_updates=[FeatureUpdateKey(feature="kraft.version", max_version_level=1)]
        )

        def is_upgraded() -> bool:
            answer = asked(leader, upgrade)
            assert isinstance(answer, UpdateFeaturesResponse)
            return answer.error_code == ErrorCode.NONE

        wait_for(is_upgraded, "all voters have told their directories", 20)
        gone = asked(leader, removal)
        assert isinstance(gone, RemoveRaftVoterResponse)
        assert (gone.error_code, gone.error_message) == (ErrorCode.NONE, None)
        rest = {1, 2, 3} - {other.node_id}
        wait_for_status(controllers.all, lambda now: set(now.voters) == rest, "one voter less")
    finally:
        controllers.close()
