"""Which transition belongs to which request, and to which answer."""

from ottla.protocol.api.add_raft_voter import AddRaftVoterRequest
from ottla.protocol.api.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.api.begin_quorum_epoch import BeginQuorumEpochRequest, BeginQuorumEpochResponse
from ottla.protocol.api.end_quorum_epoch import EndQuorumEpochRequest, EndQuorumEpochResponse
from ottla.protocol.api.fetch import FetchRequest, FetchResponse
from ottla.protocol.api.fetch_snapshot import FetchSnapshotRequest, FetchSnapshotResponse
from ottla.protocol.api.remove_raft_voter import RemoveRaftVoterRequest
from ottla.protocol.api.update_raft_voter import UpdateRaftVoterRequest, UpdateRaftVoterResponse
from ottla.protocol.api.vote import VoteRequest, VoteResponse
from ottla.protocol.errors import ErrorCode
from ottla.protocol.message import Response
from ottla.raft import epoch_announcements, fetch_serving, fetching, snapshot_fetching, voter_changes, voting
from ottla.raft.connections import InFlight
from ottla.raft.inbound import Inbound
from ottla.raft.responses import leader_endpoints
from ottla.raft.said import handle_common
from ottla.raft.state import Follower, Now, QuorumState, RaftError


def handle_request(state: QuorumState, inbound: Inbound, now: Now) -> None:
    match inbound.request:
        case FetchRequest() as request:
            fetch_serving.handle_fetch(state, inbound, request, now)
        case VoteRequest() as request:
            voting.handle_vote(state, inbound, request, now)
        case BeginQuorumEpochRequest() as request:
            epoch_announcements.handle_begin(state, inbound, request, now)
        case EndQuorumEpochRequest() as request:
            epoch_announcements.handle_end(state, inbound, request, now)
        case FetchSnapshotRequest() as request:
            snapshot_fetching.handle_fetch_snapshot(state, inbound, request, now)
        case AddRaftVoterRequest() as request:
            voter_changes.handle_add(state, inbound, request, now)
        case RemoveRaftVoterRequest() as request:
            voter_changes.handle_remove(state, inbound, request, now)
        case UpdateRaftVoterRequest() as request:
            voter_changes.handle_update(state, inbound, request, now)
        case _:
            raise RaftError(f"{type(inbound.request).__name__} is no request to the quorum")


def handle_response(state: QuorumState, waiting: InFlight, response: Response, now: Now) -> bool:
    """False: not to be repeated at once."""
    match waiting.request, response:
        case FetchRequest(), FetchResponse():
            return fetching.handle_fetch_response(state, waiting, response, now)
        case VoteRequest(), VoteResponse():
            return voting.handle_vote_response(state, waiting, response, now)
        case BeginQuorumEpochRequest(), BeginQuorumEpochResponse():
            return epoch_announcements.handle_begin_response(state, waiting, response, now)
        case EndQuorumEpochRequest(), EndQuorumEpochResponse():
            return epoch_announcements.handle_end_response(state, waiting, response, now)
        case FetchSnapshotRequest(), FetchSnapshotResponse():
            return snapshot_fetching.handle_fetch_snapshot_response(state, waiting, response, now)
        case ApiVersionsRequest(), ApiVersionsResponse():
            return voter_changes.handle_versions(state, waiting, response, now)
        case UpdateRaftVoterRequest(), UpdateRaftVoterResponse():
            return _handle_update_response(state, response, now)
        case AddRaftVoterRequest() | RemoveRaftVoterRequest(), _:
            return True  # the voters will tell; otherwise we ask again (`joining`)
    return False


def request_failed(state: QuorumState, waiting: InFlight) -> None:
    if isinstance(waiting.request, ApiVersionsRequest):
        voter_changes.versions_unknown(state, waiting)


def _handle_update_response(state: QuorumState, response: UpdateRaftVoterResponse, now: Now) -> bool:
    leader = response.current_leader
    endpoints = leader_endpoints(state, leader.leader_id, ())
    if leader.leader_id >= 0 and leader.host:
        endpoints = {state.settings.listener_name: (leader.host, leader.port)}
    handled = handle_common(state, now, response.error_code, leader.leader_id, leader.leader_epoch, endpoints)
    if handled is None and response.error_code == ErrorCode.NONE and isinstance(state.role, Follower):
        state.role.has_updated_leader = True
    return (handled is None and response.error_code == ErrorCode.NONE) or bool(handled)
