"""What a voter must never forget: its epoch, whom it follows, whom it voted for. The file `quorum-state`. KIP-595, 853.

    {"leaderId":1,"leaderEpoch":4,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1}

is `QuorumStateData` as JSON in the order of its schema, without a newline; version 0 (kraft.version 0) has the cluster
id, the applied offset and the voters instead of the voted directory.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from ottla.protocol.types import ZERO_UUID, uuid_from_text, uuid_text

NOBODY = -1


class QuorumStateError(Exception):
    """The file `quorum-state` cannot be understood."""


@dataclass(frozen=True, slots=True)
class ElectionState:
    epoch: int
    leader_id: int = NOBODY
    voted_id: int = NOBODY
    voted_directory_id: bytes = ZERO_UUID

    def to_json(self, kraft_version: int, static_voters: Sequence[int] = ()) -> bytes:
        data: dict[str, object]
        if kraft_version == 0:
            data = {
                "clusterId": "",
                "leaderId": self.leader_id,
                "leaderEpoch": self.epoch,
                "votedId": self.voted_id,
                "appliedOffset": 0,
                "currentVoters": [{"voterId": voter} for voter in sorted(static_voters)],
                "data_version": 0,
            }
        else:
            data = {
                "leaderId": self.leader_id,
                "leaderEpoch": self.epoch,
                "votedId": self.voted_id,
                "votedDirectoryId": uuid_text(self.voted_directory_id),
                "data_version": 1,
            }
        return json.dumps(data, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "ElectionState":
        """Raises `QuorumStateError`."""
        try:
            data = json.loads(text)
            version = data["data_version"]
            if version not in (0, 1):
                raise QuorumStateError(f"quorum-state is of version {version}; versions 0 and 1 are known")
            return cls(
                epoch=int(data["leaderEpoch"]),
                leader_id=int(data["leaderId"]),
                voted_id=int(data["votedId"]),
                voted_directory_id=uuid_from_text(data["votedDirectoryId"]) if version == 1 else ZERO_UUID,
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise QuorumStateError(f"quorum-state is malformed: {error}") from error
