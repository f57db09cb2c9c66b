"""AddRaftVoter, RemoveRaftVoter, UpdateRaftVoter, and `kraft.version`: the leader changes who votes. KIP-853, 1186.

One change at a time, and only once the one before is committed, so that any majority of the old voters and any of the
new ones have a voter in common (Ongaro's thesis, section 4.1, with the fix of 2015: also a record of this epoch must be
committed). Voters count from where their record stands. A voter to be added must have caught up as an observer.

    AddRaftVoter ─► ask it what it can do (ApiVersions) ─► has it caught up? ─► append Voters ─► committed: answer
    RemoveRaftVoter ─► append Voters ─► committed: answer; a leader that removed itself resigns
    UpdateRaftVoter ─► append Voters, answer at once
"""

from ottla.protocol.api.add_raft_voter import AddRaftVoterRequest, AddRaftVoterResponse
from ottla.protocol.api.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.api.remove_raft_voter import RemoveRaftVoterRequest, RemoveRaftVoterResponse
from ottla.protocol.api.update_raft_voter import CurrentLeader, UpdateRaftVoterRequest, UpdateRaftVoterResponse
from ottla.protocol.control_record.kraft_version_record import KRaftVersionRecord
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.raft import leadership
from ottla.raft.change_answers import answer_change, finish_change
from ottla.raft.connections import InFlight
from ottla.raft.inbound import Inbound
from ottla.raft.responses import has_cluster_id
from ottla.raft.sending import send
from ottla.raft.state import Leader, Now, QuorumState, RaftError
from ottla.raft.under_way import VoterChange
from ottla.raft.validation import leader_only
from ottla.raft.voter_set import ReplicaKey, VoterNode

KRAFT_VERSION_FEATURE = "kraft.version"
RECONFIGURABLE_KRAFT_VERSION = 1
CAUGHT_UP_WITHIN_MS = 3_600_000
"""An observer may become a voter when it was at the log's end once, and fetched within the last hour."""


def handle_add(state: QuorumState, inbound: Inbound, request: AddRaftVoterRequest, now: Now) -> None:
    try:
        role = _check(state, request.cluster_id, request.voter_id, request.voter_directory_id)
        endpoints = {one.name: (one.host, one.port) for one in request.listeners}
        address = endpoints.get(state.settings.listener_name)
        if address is None:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST, f"The voter's endpoint for {state.settings.listener_name} is missing"
            )
        _check_may_change(state, role)
        if request.voter_id in state.history.voters.node_ids:
            raise KafkaError(ErrorCode.DUPLICATE_VOTER, f"{request.voter_id} is a voter already")
    except KafkaError as error:
        state.reply(inbound, AddRaftVoterResponse(error_code=error.code, error_message=error.message))
        return
    role.change = VoterChange(
        inbound.token,
        True,
        now.monotonic_ms + max(request.timeout_ms, 0),
        VoterNode(ReplicaKey(request.voter_id, request.voter_directory_id), endpoints),
        request.ack_when_committed,
    )
    send(state, now, address, _ask_versions)


def _ask_versions() -> ApiVersionsRequest:
    return ApiVersionsRequest(client_software_name="ottla-raft", client_software_version="1")


def handle_versions(state: QuorumState, waiting: InFlight, response: ApiVersionsResponse, now: Now) -> bool:
    role = state.role
    if not isinstance(role, Leader) or role.change is None or role.change.voter is None:
        return True
    change, voter = role.change, role.change.voter
    if voter.endpoints.get(state.settings.listener_name) != waiting.destination:
        return True
    if response.error_code != ErrorCode.NONE:
        finish_change(state, role, ErrorCode.REQUEST_TIMED_OUT, "The new voter does not say what it can do")
        return False
    ranges = [
        (one.min_version, one.max_version) for one in response.supported_features if one.name == KRAFT_VERSION_FEATURE
    ]
    level = state.history.kraft_version
    if not ranges or not ranges[0][0] <= level <= ranges[0][1]:
        finish_change(
            state, role, ErrorCode.INVALID_REQUEST, f"The new voter does not know {KRAFT_VERSION_FEATURE} {level}"
        )
        return True
    progress = role.observers.get(voter.key)
    if (
        progress is None
        or progress.last_fetch_ms is None
        or progress.last_caught_up_wall_ms <= 0
        or now.monotonic_ms - progress.last_fetch_ms >= CAUGHT_UP_WITHIN_MS
    ):
        finish_change(
            state, role, ErrorCode.REQUEST_TIMED_OUT, f"{voter.key.node_id} has not caught up with the leader yet"
        )
        return True
    node = VoterNode(voter.key, voter.endpoints, *ranges[0])
    change.voter = None
    voters = state.history.voters.with_voter(node)
    change.offset = leadership.append_control(state, [voters.to_record()], now)
    if not change.acknowledge_when_committed:
        answer_change(state, change, ErrorCode.NONE, None)
        change.token = -1
    return True


def versions_unknown(state: QuorumState, waiting: InFlight) -> None:
    """The new voter could not be asked."""
    role = state.role
    if isinstance(role, Leader) and role.change is not None and role.change.voter is not None:
        finish_change(state, role, ErrorCode.REQUEST_TIMED_OUT, "The new voter cannot be reached")


def handle_remove(state: QuorumState, inbound: Inbound, request: RemoveRaftVoterRequest, now: Now) -> None:
    try:
        role = _check(state, request.cluster_id, request.voter_id, request.voter_directory_id)
        _check_may_change(state, role)
        rest = state.history.voters.without(ReplicaKey(request.voter_id, request.voter_directory_id))
        if rest is None:
            raise KafkaError(
                ErrorCode.VOTER_NOT_FOUND,
                f"{request.voter_id} cannot be removed from the voters {state.history.voters.node_ids}: "
                "it is none of them, or the last",
            )
    except KafkaError as error:
        state.reply(inbound, RemoveRaftVoterResponse(error_code=error.code, error_message=error.message))
        return
    change = VoterChange(inbound.token, False, now.monotonic_ms + state.settings.request_timeout_ms)
    change.offset = leadership.append_control(state, [rest.to_record()], now)
    role.change = change


def handle_update(state: QuorumState, inbound: Inbound, request: UpdateRaftVoterRequest, now: Now) -> None:
    error = _update(state, request, now)
    address = state.leader_endpoints.get(inbound.listener, ("", 0))
    leader = CurrentLeader(
        leader_id=state.election.leader_id, leader_epoch=state.epoch, host=address[0], port=address[1]
    )
    state.reply(inbound, UpdateRaftVoterResponse(error_code=error, current_leader=leader))


def _update(state: QuorumState, request: UpdateRaftVoterRequest, now: Now) -> ErrorCode:
    if not has_cluster_id(state, request.cluster_id):
        return ErrorCode.INCONSISTENT_CLUSTER_ID
    error = leader_only(state, request.current_leader_epoch)
    role = state.role
    if error is not ErrorCode.NONE or not isinstance(role, Leader):
        return error
    key = ReplicaKey(request.voter_id, request.voter_directory_id)
    endpoints = {one.name: (one.host, one.port) for one in request.listeners}
    versions = request.kraft_version_feature
    lowest, highest = versions.min_supported_version, versions.max_supported_version
    if key.node_id < 0 or not key.has_directory or state.settings.listener_name not in endpoints:
        return ErrorCode.INVALID_REQUEST
    if not 0 <= lowest <= highest:
        return ErrorCode.INVALID_REQUEST
    is_recorded = state.history.kraft_version >= RECONFIGURABLE_KRAFT_VERSION
    try:
        if role.change is not None or role.high_watermark is None:
            return ErrorCode.REQUEST_TIMED_OUT
        if is_recorded:
            _check_may_change(state, role)
    except KafkaError as refused:
        return refused.code
    if not lowest <= state.history.kraft_version <= highest:
        return ErrorCode.INVALID_REQUEST
    voters = state.history.voters if is_recorded else role.volatile_voters or state.history.voters
    updated = voters.with_update(VoterNode(key, endpoints, lowest, highest))
    if updated is None:
        return ErrorCode.VOTER_NOT_FOUND
    if is_recorded:
        leadership.append_control(state, [updated.to_record()], now)
    else:
        role.volatile_voters = updated
    return ErrorCode.NONE


def upgrade_kraft_version(state: QuorumState, level: int, now: Now) -> int:
    """From static voters to voters of the log, once all have said which directory is theirs. Its last offset.

    `RaftError`, `KafkaError` (INVALID_UPDATE_VERSION) when that cannot be.
    """
    role = state.role
    if not isinstance(role, Leader) or role.high_watermark is None or role.change is not None:
        raise RaftError(f"node {state.local.node_id} cannot change {KRAFT_VERSION_FEATURE} now")
    if level != RECONFIGURABLE_KRAFT_VERSION or state.history.kraft_version >= level:
        raise KafkaError(
            ErrorCode.INVALID_UPDATE_VERSION, f"{KRAFT_VERSION_FEATURE} goes from 0 to 1, and nowhere else"
        )
    voters = role.volatile_voters or state.history.voters
    local = leadership.local_voter(state)
    voters = (voters.with_update(local) if local is not None else None) or voters
    unknown = [
        voter.key.node_id
        for voter in voters
        if not voter.key.has_directory or not voter.min_kraft_version <= level <= voter.max_kraft_version
    ]
    if unknown:
        raise KafkaError(
            ErrorCode.INVALID_UPDATE_VERSION, f"The voters {unknown} have not said that they can do {level}"
        )
    record = KRaftVersionRecord(version=0, kraft_version=level)
    return leadership.append_control(state, [record, voters.to_record()], now)


def poll_change(state: QuorumState, role: Leader, now: Now) -> float:
    """When to look again."""
    change = role.change
    if change is None:
        return float("inf")
    if change.offset is not None and (role.high_watermark or 0) > change.offset:
        if not state.is_voter:
            role.wants_to_resign = True
        finish_change(state, role, ErrorCode.NONE, None)
        return float("inf")
    if now.monotonic_ms >= change.deadline_ms and (change.offset is None or change.token >= 0):
        if change.offset is None:
            finish_change(state, role, ErrorCode.REQUEST_TIMED_OUT, "The new voter has not answered in time")
        else:
            answer_change(state, change, ErrorCode.REQUEST_TIMED_OUT, "The voters are not committed yet")
            change.token = -1  # it stays under way: nobody can take back what may be committed
    return change.deadline_ms if change.deadline_ms > now.monotonic_ms else float("inf")


def _check(state: QuorumState, cluster_id: str | None, voter_id: int, directory_id: bytes) -> Leader:
    """Raises `KafkaError`."""
    if not has_cluster_id(state, cluster_id):
        known = state.settings.cluster_id
        raise KafkaError(ErrorCode.INCONSISTENT_CLUSTER_ID, f"The cluster id is {known}, not {cluster_id}")
    error = leader_only(state, state.epoch)
    role = state.role
    if error is not ErrorCode.NONE or not isinstance(role, Leader):
        raise KafkaError(error, error.message)
    if voter_id < 0 or not any(directory_id):
        raise KafkaError(ErrorCode.INVALID_REQUEST, "A voter has an id from 0 on and a directory id")
    return role


def _check_may_change(state: QuorumState, role: Leader) -> None:
    """Raises `KafkaError`."""
    if role.change is not None:
        raise KafkaError(ErrorCode.REQUEST_TIMED_OUT, "Another change of the voters is under way")
    if role.high_watermark is None:
        raise KafkaError(ErrorCode.REQUEST_TIMED_OUT, "Nothing of the leader's epoch is committed yet")
    if state.history.kraft_version < RECONFIGURABLE_KRAFT_VERSION:
        raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, "At kraft.version 0 the voters cannot change")
    if state.history.voters_offset >= role.high_watermark:
        raise KafkaError(ErrorCode.REQUEST_TIMED_OUT, "The last change of the voters is not committed yet")
