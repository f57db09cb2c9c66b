"""Adding, removing and updating voters: one at a time, each committed before the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.raft.replicas import CLUSTER_ID, LISTENER, Replica, key, node, replied, sent, voter_set
from tests.unit.raft.test_leader import fetch
from tests.unit.raft.test_votes import elected

from ottla.protocol.api.add_raft_voter import AddRaftVoterRequest, AddRaftVoterResponse, Listener
from ottla.protocol.api.api_versions import ApiVersionsRequest, ApiVersionsResponse, SupportedFeatureKey
from ottla.protocol.api.remove_raft_voter import RemoveRaftVoterRequest, RemoveRaftVoterResponse
from ottla.protocol.api.update_raft_voter import KRaftVersionFeature, UpdateRaftVoterRequest, UpdateRaftVoterResponse
from ottla.protocol.api.update_raft_voter import Listener as UpdateListener
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.raft.peer_effects import Reply
from ottla.raft.state import Resigned
from ottla.raft.voter_set import ReplicaKey, VoterNode, VoterSet

if TYPE_CHECKING:
    from ottla.raft.effects import Effect


def leader(*, kraft_version: int = 1, voters: VoterSet | None = None) -> Replica:
    """Of three, with everything committed."""
    replica = Replica(kraft_version=kraft_version, voters=voters)
    elected(replica)
    replica.sync()
    commit(replica)
    return replica


def commit(replica: Replica, *nodes: int) -> list[Effect]:
    """The other voters have everything."""
    replica.sync()
    epoch, end = replica.quorum.epoch, replica.quorum.log_end_offset
    effects: list[Effect] = []
    for node_id in nodes or (2, 3):
        effects += replica.ask(fetch(node_id, epoch, end, epoch))
    return effects


def add(
    node_id: int, *, listener: str = LISTENER, timeout_ms: int = 1000, when_committed: bool = True
) -> AddRaftVoterRequest:
    return AddRaftVoterRequest(
        cluster_id=CLUSTER_ID,
        timeout_ms=timeout_ms,
        voter_id=node_id,
        voter_directory_id=key(node_id).directory_id,
        listeners=[Listener(name=listener, host=f"host{node_id}", port=9093)],
        ack_when_committed=when_committed,
    )


def remove(node_id: int, directory_id: bytes | None = None) -> RemoveRaftVoterRequest:
    return RemoveRaftVoterRequest(
        cluster_id=CLUSTER_ID,
        voter_id=node_id,
        voter_directory_id=key(node_id).directory_id if directory_id is None else directory_id,
    )


def update(node_id: int, epoch: int, port: int = 1, highest: int = 1) -> UpdateRaftVoterRequest:
    return UpdateRaftVoterRequest(
        cluster_id=CLUSTER_ID,
        current_leader_epoch=epoch,
        voter_id=node_id,
        voter_directory_id=key(node_id).directory_id,
        listeners=[UpdateListener(name=LISTENER, host="moved", port=port)],
        kraft_version_feature=KRaftVersionFeature(min_supported_version=0, max_supported_version=highest),
    )


def versions(lowest: int, highest: int) -> ApiVersionsResponse:
    feature = SupportedFeatureKey(name="kraft.version", min_version=lowest, max_version=highest)
    return ApiVersionsResponse(error_code=0, api_keys=[], supported_features=[feature])


def added(effects: list[Effect]) -> ErrorCode:
    return ErrorCode(replied(effects, AddRaftVoterResponse).error_code)


def removed(effects: list[Effect]) -> ErrorCode:
    return ErrorCode(replied(effects, RemoveRaftVoterResponse).error_code)


def updated(effects: list[Effect]) -> ErrorCode:
    return ErrorCode(replied(effects, UpdateRaftVoterResponse).error_code)


def answers(effects: list[Effect]) -> list[int]:
    """To changes, among the answers to fetches."""
    return [
        effect.response.error_code
        for effect in effects
        if isinstance(effect, Reply) and isinstance(effect.response, AddRaftVoterResponse | RemoveRaftVoterResponse)
    ]


def test_a_voter_is_added_when_it_has_caught_up() -> None:
    replica = leader()
    commit(replica, 4)  # an observer
    [(asked, _)] = sent(replica.ask(add(4)), ApiVersionsRequest)
    assert asked.destination == ("host4", 9093)
    replica.answer(asked, versions(0, 1))
    assert replica.quorum.history.voters.node_ids == [1, 2, 3, 4], "it counts at once"
    assert not answers(commit(replica, 2)), "two of four have it"
    assert removed(replica.ask(remove(3))) is ErrorCode.REQUEST_TIMED_OUT, "one change at a time"
    effects = commit(replica, 4)
    assert answers(effects) == [ErrorCode.NONE], "three of four have it"
    assert added(replica.ask(add(4))) is ErrorCode.DUPLICATE_VOTER


def test_who_was_the_only_voter_for_long_leads_on_when_there_is_a_second() -> None:
    replica = Replica(voters=voter_set(1))
    replica.sync()
    replica.after(3_600_000)
    commit(replica, 2)  # an observer
    [(asked, _)] = sent(replica.ask(add(2)), ApiVersionsRequest)
    replica.answer(asked, versions(0, 1))
    replica.sync()
    assert replica.quorum.history.voters.node_ids == [1, 2]
    assert replica.quorum.is_leader
    assert answers(commit(replica, 2)) == [ErrorCode.NONE]
    assert replica.quorum.is_leader


def test_the_answer_may_come_before_the_commit() -> None:
    replica = leader()
    commit(replica, 4)
    [(asked, _)] = sent(replica.ask(add(4, when_committed=False)), ApiVersionsRequest)
    assert added(replica.answer(asked, versions(0, 1))) is ErrorCode.NONE
    assert removed(replica.ask(remove(3))) is ErrorCode.REQUEST_TIMED_OUT, "it is under way all the same"
    commit(replica)
    commit(replica, 4)
    assert removed(replica.ask(remove(4, bytes(15) + b"\x01"))) is ErrorCode.VOTER_NOT_FOUND


def test_why_a_voter_is_not_added() -> None:
    replica = leader()
    assert added(replica.ask(add(2))) is ErrorCode.DUPLICATE_VOTER
    assert added(replica.ask(add(4, listener="OTHER"))) is ErrorCode.INVALID_REQUEST
    [(asked, _)] = sent(replica.ask(add(4)), ApiVersionsRequest)
    assert added(replica.answer(asked, versions(0, 1))) is ErrorCode.REQUEST_TIMED_OUT, "it has not caught up"
    commit(replica, 4)
    [(asked, _)] = sent(replica.ask(add(4)), ApiVersionsRequest)
    assert added(replica.answer(asked, versions(0, 0))) is ErrorCode.INVALID_REQUEST
    [(asked, _)] = sent(replica.ask(add(4)), ApiVersionsRequest)
    assert added(replica.fail(asked)) is ErrorCode.REQUEST_TIMED_OUT
    replica.ask(add(4, timeout_ms=100))
    assert added(replica.after(100)) is ErrorCode.REQUEST_TIMED_OUT
    other = add(4)
    other.cluster_id = "other"
    assert added(replica.ask(other)) is ErrorCode.INCONSISTENT_CLUSTER_ID
    assert added(Replica().ask(add(4))) is ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert added(leader(kraft_version=0).ask(add(4))) is ErrorCode.UNSUPPORTED_VERSION
    assert replica.quorum.history.voters.node_ids == [1, 2, 3]


def test_nothing_changes_before_the_epoch_has_committed_something() -> None:
    replica = Replica()
    elected(replica)
    assert removed(replica.ask(remove(3))) is ErrorCode.REQUEST_TIMED_OUT
    assert added(replica.ask(add(4))) is ErrorCode.REQUEST_TIMED_OUT


def test_a_voter_is_removed() -> None:
    replica = leader()
    assert removed(replica.ask(remove(3, bytes(15) + b"\x01"))) is ErrorCode.VOTER_NOT_FOUND
    assert removed(replica.ask(remove(9))) is ErrorCode.VOTER_NOT_FOUND
    effects = replica.ask(remove(3))
    assert not [effect for effect in effects if isinstance(effect, Reply)]
    assert replica.quorum.history.voters.node_ids == [1, 2]
    assert not answers(commit(replica, 3))
    effects = commit(replica, 2)
    assert answers(effects) == [ErrorCode.NONE]


def test_a_leader_that_removes_itself_leads_until_that_is_committed() -> None:
    replica = leader()
    replica.ask(remove(1))
    assert replica.quorum.is_leader
    commit(replica, 2)
    assert replica.quorum.is_leader, "its own disk does not count any more"
    commit(replica, 3)
    assert isinstance(replica.quorum.role, Resigned)
    assert not replica.quorum.is_voter


def test_who_waits_for_a_change_is_told_when_the_leader_is_gone() -> None:
    replica = leader()
    replica.ask(remove(3))
    effects = replica._done(replica.quorum.resign(replica.quorum.epoch, replica.now))
    assert removed(effects) is ErrorCode.NOT_LEADER_OR_FOLLOWER


def test_a_change_that_takes_long_stays_under_way() -> None:
    replica = leader()
    replica.ask(remove(3))
    assert removed(replica.after(2000)) is ErrorCode.REQUEST_TIMED_OUT
    assert removed(replica.ask(remove(2))) is ErrorCode.REQUEST_TIMED_OUT
    commit(replica, 2)
    assert removed(replica.ask(remove(3))) is ErrorCode.VOTER_NOT_FOUND


def test_a_voter_says_where_it_is_now() -> None:
    replica = leader()
    epoch = replica.quorum.epoch
    assert updated(replica.ask(update(2, epoch - 1))) is ErrorCode.FENCED_LEADER_EPOCH
    assert updated(replica.ask(update(9, epoch))) is ErrorCode.VOTER_NOT_FOUND
    assert updated(replica.ask(update(2, epoch, highest=0))) is ErrorCode.INVALID_REQUEST
    assert updated(replica.ask(update(2, epoch))) is ErrorCode.NONE
    assert replica.quorum.history.voters.endpoints(2) == {LISTENER: ("moved", 1)}
    assert updated(replica.ask(update(3, epoch))) is ErrorCode.REQUEST_TIMED_OUT, "the last one is not committed"
    commit(replica)
    assert updated(replica.ask(update(3, epoch))) is ErrorCode.NONE


def test_static_voters_become_voters_of_the_log() -> None:
    static = VoterSet(tuple(VoterNode(ReplicaKey(n, bytes(16)), node(n).endpoints) for n in (1, 2, 3)))
    replica = leader(kraft_version=0, voters=static)
    epoch = replica.quorum.epoch
    with pytest.raises(KafkaError, match=r"\[2, 3\] have not said"):
        replica.quorum.upgrade_kraft_version(1, replica.now)
    for node_id in (2, 3):
        assert updated(replica.ask(update(node_id, epoch))) is ErrorCode.NONE
    assert replica.quorum.history.kraft_version == 0
    replica._done(replica.quorum.upgrade_kraft_version(1, replica.now))
    assert replica.quorum.history.kraft_version == 1
    assert [voter.key for voter in replica.quorum.history.voters] == [key(1), key(2), key(3)]
    with pytest.raises(KafkaError):
        replica.quorum.upgrade_kraft_version(1, replica.now)
    assert voter_set(1, 2, 3).node_ids == replica.quorum.history.voters.node_ids
