"""Who may vote, from which offset on. KIP-853; Kafka's `VoterSet` and `VoterSetHistory`."""

from collections.abc import Mapping
from dataclasses import dataclass

from ottla.protocol.control_record.voters_record import Endpoint, KRaftVersionFeature, Voter, VotersRecord

NOT_IN_LOG = -1
"""The offset of what came from configuration or the bootstrap snapshot, not from a record of the log."""


@dataclass(frozen=True, slots=True)
class ReplicaKey:
    """A replica of the quorum: its node, and the directory that holds its log (all zero: not known)."""

    node_id: int
    directory_id: bytes


@dataclass(frozen=True, slots=True)
class VoterNode:
    key: ReplicaKey
    endpoints: Mapping[str, tuple[str, int]]
    """Listener name -> (host, port)."""
    min_kraft_version: int = 0
    max_kraft_version: int = 1


@dataclass(frozen=True, slots=True)
class VoterSet:
    voters: tuple[VoterNode, ...]

    def __contains__(self, key: ReplicaKey) -> bool:
        """A voter without a directory id (static voters) is known by its node alone."""
        return any(
            voter.key == key or (voter.key.node_id == key.node_id and not any(voter.key.directory_id))
            for voter in self.voters
        )

    def is_only(self, key: ReplicaKey) -> bool:
        return len(self.voters) == 1 and key in self

    @property
    def node_ids(self) -> list[int]:
        return [voter.key.node_id for voter in self.voters]

    @classmethod
    def from_record(cls, record: VotersRecord) -> "VoterSet":
        return cls(
            tuple(
                VoterNode(
                    ReplicaKey(voter.voter_id, voter.voter_directory_id),
                    {endpoint.name: (endpoint.host, endpoint.port) for endpoint in voter.endpoints},
                    voter.kraft_version_feature.min_supported_version,
                    voter.kraft_version_feature.max_supported_version,
                )
                for voter in record.voters
            )
        )

    def to_record(self) -> VotersRecord:
        return VotersRecord(
            version=0,
            voters=[
                Voter(
                    voter_id=voter.key.node_id,
                    voter_directory_id=voter.key.directory_id,
                    endpoints=[
                        Endpoint(name=name, host=host, port=port) for name, (host, port) in voter.endpoints.items()
                    ],
                    kraft_version_feature=KRaftVersionFeature(
                        min_supported_version=voter.min_kraft_version, max_supported_version=voter.max_kraft_version
                    ),
                )
                for voter in self.voters
            ],
        )


@dataclass(slots=True)
class QuorumHistory:
    """`kraft.version` and the voters as the control records say, and where each stands."""

    kraft_version: int
    voters: VoterSet
    kraft_version_offset: int = NOT_IN_LOG
    voters_offset: int = NOT_IN_LOG

    def set_kraft_version(self, kraft_version: int, offset: int) -> None:
        self.kraft_version = kraft_version
        self.kraft_version_offset = offset

    def set_voters(self, voters: VoterSet, offset: int) -> None:
        self.voters = voters
        self.voters_offset = offset
