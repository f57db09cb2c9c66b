"""AddRaftVoter (80): one more voter in the metadata quorum.

| version | what changed                                                | KIP  |
|---------|-------------------------------------------------------------|------|
| 0       |                                                             | 853  |
| 1       | the answer may come before the voter set is committed       | 1186 |

The request is checked as Apache Kafka checks it. Then Apache Kafka asks the new voter what it can do and waits until it
has caught up; here no other node can follow the metadata yet, so that the wait is over before it begins: the answer is
REQUEST_TIMED_OUT, as for a voter that does not come (see docs/gaps.md).
"""

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.add_raft_voter import AddRaftVoterRequest, AddRaftVoterResponse
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import ZERO_UUID

RECONFIGURABLE_KRAFT_VERSION = 1


class AddRaftVoterHandler:
    def __init__(self, controller: ControllerShell, *, cluster_id: str, listener_name: str) -> None:
        """`listener_name`: through which voters speak with each other."""
        self._controller = controller
        self._cluster_id = cluster_id
        self._listener_name = listener_name

    def __call__(self, context: RequestContext, request: AddRaftVoterRequest) -> AddRaftVoterResponse:
        error = self._error(request)
        return AddRaftVoterResponse(error_code=error.code, error_message=error.message)

    def _error(self, request: AddRaftVoterRequest) -> KafkaError:
        inconsistent = check_cluster_id(request.cluster_id, self._cluster_id)
        if inconsistent is not None:
            return inconsistent
        if request.voter_id < 0 or request.voter_directory_id == ZERO_UUID:
            return KafkaError(ErrorCode.INVALID_REQUEST, "A voter has an id from 0 on and a directory id")
        names = [listener.name for listener in request.listeners]
        if self._listener_name not in names:
            return KafkaError(ErrorCode.INVALID_REQUEST, f"The voter's endpoint for {self._listener_name} is missing")
        history = self._controller.history
        if history.kraft_version < RECONFIGURABLE_KRAFT_VERSION:
            return KafkaError(ErrorCode.UNSUPPORTED_VERSION, "At kraft.version 0 the voters cannot change")
        if request.voter_id in history.voters.node_ids:
            return KafkaError(ErrorCode.DUPLICATE_VOTER, f"{request.voter_id} is a voter already")
        return KafkaError(
            ErrorCode.REQUEST_TIMED_OUT,
            f"{request.voter_id} cannot catch up: no other node can follow the metadata of this one yet",
        )


def check_cluster_id(given: str | None, cluster_id: str) -> KafkaError | None:
    """What is wrong, if anything; a request may leave it out."""
    if given in (None, cluster_id):
        return None
    return KafkaError(ErrorCode.INCONSISTENT_CLUSTER_ID, f"The cluster id is {cluster_id}, not {given}")
