"""`kraft.version` and the voters as the control records of the log say, by offset. KIP-853; Kafka's `VoterSetHistory`.

What was appended last counts, committed or not; what is truncated is taken back. Before the log's records stand those
of the snapshot that it starts at, and before these what configuration says.
"""

from typing import Generic, TypeVar

from ottla.raft.voter_set import VoterSet

T = TypeVar("T")

NOT_IN_LOG = -1
"""The offset of what came from configuration or the bootstrap snapshot, not from a record of the log."""


class _ByOffset(Generic[T]):
    def __init__(self, first: T, offset: int) -> None:
        self._entries: list[tuple[int, T]] = [(offset, first)]

    @property
    def last(self) -> tuple[int, T]:
        return self._entries[-1]

    def add(self, offset: int, value: T) -> None:
        while self._entries and self._entries[-1][0] >= offset:
            self._entries.pop()
        self._entries.append((offset, value))

    def before(self, offset: int) -> T:
        """What counted when `offset` was the log's end."""
        found = self._entries[0][1]
        for at, value in self._entries:
            if at < offset:
                found = value
        return found

    def truncate_to(self, offset: int) -> None:
        while len(self._entries) > 1 and self._entries[-1][0] >= offset:
            self._entries.pop()

    def forget_before(self, offset: int) -> None:
        """Only what counted at `offset`, and what came after it, is asked for from now on."""
        while len(self._entries) > 1 and self._entries[1][0] < offset:
            self._entries.pop(0)


class QuorumHistory:
    def __init__(
        self,
        kraft_version: int,
        voters: VoterSet,
        kraft_version_offset: int = NOT_IN_LOG,
        voters_offset: int = NOT_IN_LOG,
    ) -> None:
        self._kraft_versions = _ByOffset(kraft_version, kraft_version_offset)
        self._voters = _ByOffset(voters, voters_offset)

    @property
    def kraft_version(self) -> int:
        return self._kraft_versions.last[1]

    @property
    def kraft_version_offset(self) -> int:
        return self._kraft_versions.last[0]

    @property
    def voters(self) -> VoterSet:
        return self._voters.last[1]

    @property
    def voters_offset(self) -> int:
        return self._voters.last[0]

    def set_kraft_version(self, kraft_version: int, offset: int) -> None:
        self._kraft_versions.add(offset, kraft_version)

    def set_voters(self, voters: VoterSet, offset: int) -> None:
        self._voters.add(offset, voters)

    def before(self, end_offset: int) -> tuple[int, VoterSet]:
        """(kraft.version, voters) of a log that ends at `end_offset`: what a snapshot of it says."""
        return self._kraft_versions.before(end_offset), self._voters.before(end_offset)

    def truncate_to(self, offset: int) -> None:
        self._kraft_versions.truncate_to(offset)
        self._voters.truncate_to(offset)

    def forget_before(self, offset: int) -> None:
        self._kraft_versions.forget_before(offset)
        self._voters.forget_before(offset)

    def start_at(self, end_offset: int, kraft_version: int | None, voters: VoterSet | None) -> None:
        """A snapshot took the log's place; `None`: it does not say."""
        if kraft_version is not None:
            self._kraft_versions = _ByOffset(kraft_version, end_offset - 1)
        if voters is not None:
            self._voters = _ByOffset(voters, end_offset - 1)
