"""Who may vote. KIP-853; Kafka's `VoterSet`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ottla.protocol.control_record.voters_record import Endpoint, KRaftVersionFeature, Voter, VotersRecord


@dataclass(frozen=True, slots=True)
class ReplicaKey:
    """A replica of the quorum: its node, and the directory that holds its log (all zero: not known)."""

    node_id: int
    directory_id: bytes

    @property
    def has_directory(self) -> bool:
        return any(self.directory_id)


@dataclass(frozen=True, slots=True)
class VoterNode:
    key: ReplicaKey
    endpoints: Mapping[str, tuple[str, int]]
    """Listener name -> (host, port)."""
    min_kraft_version: int = 0
    max_kraft_version: int = 1

    def is_key(self, key: ReplicaKey) -> bool:
        """A voter without a directory id (static voters) is known by its node alone."""
        return self.key.node_id == key.node_id and (not self.key.has_directory or self.key == key)


@dataclass(frozen=True, slots=True)
class VoterSet:
    voters: tuple[VoterNode, ...]

    def __contains__(self, key: ReplicaKey) -> bool:
        return any(voter.is_key(key) for voter in self.voters)

    def __len__(self) -> int:
        return len(self.voters)

    def __iter__(self) -> Iterator[VoterNode]:
        return iter(self.voters)

    @property
    def majority(self) -> int:
        return len(self.voters) // 2 + 1

    def is_only(self, key: ReplicaKey) -> bool:
        return len(self.voters) == 1 and key in self

    @property
    def node_ids(self) -> list[int]:
        return [voter.key.node_id for voter in self.voters]

    def get(self, node_id: int) -> VoterNode | None:
        return next((voter for voter in self.voters if voter.key.node_id == node_id), None)

    def endpoints(self, node_id: int) -> Mapping[str, tuple[str, int]]:
        """Empty when it is no voter."""
        voter = self.get(node_id)
        return voter.endpoints if voter is not None else {}

    def with_voter(self, voter: VoterNode) -> "VoterSet":
        """`ValueError` if the node is a voter already."""
        if voter.key.node_id in self.node_ids:
            raise ValueError(f"{voter.key.node_id} is a voter already")
        return VoterSet((*self.voters, voter))

    def without(self, key: ReplicaKey) -> "VoterSet | None":
        """`None` if it is no voter, under this very directory, or the last one."""
        rest = tuple(voter for voter in self.voters if voter.key != key)
        return VoterSet(rest) if rest and len(rest) < len(self.voters) else None

    def with_update(self, voter: VoterNode) -> "VoterSet | None":
        """Endpoints and versions of a voter that is there; `None` if it is not."""
        if voter.key not in self:
            return None
        return VoterSet(tuple(voter if old.key.node_id == voter.key.node_id else old for old in self.voters))

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
