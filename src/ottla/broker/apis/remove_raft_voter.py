"""RemoveRaftVoter (81): one voter less in the metadata quorum.

| version | what changed                               | KIP |
|---------|--------------------------------------------|-----|
| 0       |                                            | 853 |

The last voter cannot be removed, and a quorum of more than one is not there yet: VOTER_NOT_FOUND for everyone, with
the checks of Apache Kafka before it.
"""

from ottla.broker.apis.add_raft_voter import RECONFIGURABLE_KRAFT_VERSION, check_cluster_id
from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.remove_raft_voter import RemoveRaftVoterRequest, RemoveRaftVoterResponse
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import ZERO_UUID


class RemoveRaftVoterHandler:
    def __init__(self, controller: ControllerShell, *, cluster_id: str) -> None:
        self._controller = controller
        self._cluster_id = cluster_id

    def __call__(self, context: RequestContext, request: RemoveRaftVoterRequest) -> RemoveRaftVoterResponse:
        error = self._error(request)
        return RemoveRaftVoterResponse(error_code=error.code, error_message=error.message)

    def _error(self, request: RemoveRaftVoterRequest) -> KafkaError:
        inconsistent = check_cluster_id(request.cluster_id, self._cluster_id)
        if inconsistent is not None:
            return inconsistent
        if request.voter_id < 0 or request.voter_directory_id == ZERO_UUID:
            return KafkaError(ErrorCode.INVALID_REQUEST, "A voter has an id from 0 on and a directory id")
        history = self._controller.history
        if history.kraft_version < RECONFIGURABLE_KRAFT_VERSION:
            return KafkaError(ErrorCode.UNSUPPORTED_VERSION, "At kraft.version 0 the voters cannot change")
        return KafkaError(
            ErrorCode.VOTER_NOT_FOUND,
            f"{request.voter_id} cannot be removed from the voters {history.voters.node_ids}: "
            "it is none of them, or the last",
        )
