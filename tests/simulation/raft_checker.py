"""What must hold of a quorum, whatever happens; looked at in every step.

SingleLeaderPerEpoch     nobody else ever leads an epoch that somebody led
OneVotePerEpoch          a voter that gave its vote never gives it to another in that epoch, not after a restart either
EpochNeverFalls          of what is stored
OneHistory               what is applied at an offset is the same everywhere, for ever: nothing committed is lost
LeaderIsComplete         who becomes leader has everything that was committed in epochs before its own
MonotonicHighWatermark   of each replica while it runs
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ottla.raft.election_state import NOBODY

if TYPE_CHECKING:
    from tests.simulation.raft_replica import SimulatedReplica

    from ottla.raft.election_state import ElectionState
    from ottla.raft.voter_set import ReplicaKey


def digest_after(digest: bytes, data: bytes) -> bytes:
    return hashlib.blake2b(digest + data, digest_size=8).digest()


class Checker:
    def __init__(self) -> None:
        self.leaders: dict[int, ReplicaKey] = {}
        self.committed: dict[int, tuple[bytes, int]] = {}
        """End offset -> (digest of everything before it, the lowest epoch in which it was known to be committed)."""
        self.committed_end = 0
        self._votes: dict[tuple[ReplicaKey, int], tuple[int, bytes]] = {}
        self._epochs: dict[ReplicaKey, int] = {}
        self._high_watermarks: dict[tuple[ReplicaKey, int], int] = {}

    def stored(self, key: ReplicaKey, election: ElectionState) -> None:
        assert election.epoch >= self._epochs.get(key, 0), f"EpochNeverFalls: {key} {election}"
        self._epochs[key] = election.epoch
        if election.voted_id != NOBODY:
            vote = (election.voted_id, election.voted_directory_id)
            before = self._votes.setdefault((key, election.epoch), vote)
            assert before == vote, f"OneVotePerEpoch: {key} {election}, and before {before}"

    def became_leader(self, replica: SimulatedReplica, epoch: int) -> None:
        leader = self.leaders.setdefault(epoch, replica.key)
        assert leader == replica.key, f"SingleLeaderPerEpoch: {leader} and {replica.key} lead {epoch}"
        must_have = max((end for end, (_, known_in) in self.committed.items() if known_in < epoch), default=0)
        end, digest = replica.applied_offset, replica.digest
        for batch in replica.log.batches:
            if end < must_have and batch.base_offset == end:
                end, digest = batch.last_offset + 1, digest_after(digest, batch.data)
        assert end >= must_have, f"LeaderIsComplete: {replica.key} leads {epoch} with {end} of {must_have}"
        if end == must_have and end:
            assert digest == self.committed[end][0], f"LeaderIsComplete: {replica.key} leads {epoch}, another history"

    def applied(self, replica: SimulatedReplica, epoch: int) -> None:
        end, digest = replica.applied_offset, replica.digest
        known = self.committed.get(end)
        if known is None:
            assert end > self.committed_end, f"OneHistory: {replica.key} has a batch that ends at {end}, and nobody had"
            self.committed[end] = (digest, epoch)
            self.committed_end = end
            return
        assert known[0] == digest, f"OneHistory: {replica.key} at {end}"
        self.committed[end] = (digest, min(epoch, known[1]))

    def high_watermark(self, replica: SimulatedReplica, offset: int) -> None:
        key = (replica.key, replica.incarnation)
        assert offset > self._high_watermarks.get(key, 0), f"MonotonicHighWatermark: {replica.key} {offset}"
        self._high_watermarks[key] = offset
