"""Which handler serves which API at a controller's listeners: every one that Kafka's schemas give to controllers.

As `api_table`, of which it is the counterpart; ADR 5, point 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ottla.broker.admin_api_table import ADMIN_HANDLERS
from ottla.protocol.api_keys import ApiKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.authorizer.authorizer import Authorizer
    from ottla.broker.controller.broker_losses import BrokerLosses
    from ottla.broker.controller.quorum_shell import QuorumShell
    from ottla.broker.controller.shell import ControllerShell
    from ottla.broker.dispatcher import Dispatcher
    from ottla.broker.dynamic_config import DynamicServerConfig
    from ottla.broker.request_context import Handler
    from ottla.metadata.image import MetadataImage
    from ottla.runtime.config.server_config import ServerConfig
    from ottla.runtime.time import Clock


@dataclass(slots=True, kw_only=True)
class ControllerParts:
    config: ServerConfig
    cluster_id: str
    clock: Clock
    quorum: QuorumShell
    controller: ControllerShell
    dynamic_config: DynamicServerConfig
    authorizer: Authorizer | None = None
    losses: BrokerLosses | None = None
    """Where others are."""
    dispatcher: Dispatcher | None = None
    """That of these handlers: an envelope's content is dispatched once more."""

    def image(self) -> MetadataImage:
        """The newest committed metadata."""
        return self.quorum.image


# ── the quorum ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _fetch(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.fetch_metadata_log import FetchMetadataLogHandler

    return FetchMetadataLogHandler(parts.quorum)


def _fetch_snapshot(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.fetch_snapshot import FetchSnapshotHandler

    return FetchSnapshotHandler(parts.quorum)


def _vote(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.vote import VoteHandler

    return VoteHandler(parts.quorum)


def _begin_quorum_epoch(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.begin_quorum_epoch import BeginQuorumEpochHandler

    return BeginQuorumEpochHandler(parts.quorum)


def _end_quorum_epoch(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.end_quorum_epoch import EndQuorumEpochHandler

    return EndQuorumEpochHandler(parts.quorum)


def _describe_quorum(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.describe_quorum import DescribeQuorumHandler

    return DescribeQuorumHandler(parts.quorum, parts.clock)


def _add_raft_voter(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.add_raft_voter import AddRaftVoterHandler

    return AddRaftVoterHandler(parts.quorum)


def _remove_raft_voter(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.remove_raft_voter import RemoveRaftVoterHandler

    return RemoveRaftVoterHandler(parts.quorum)


def _update_raft_voter(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.update_raft_voter import UpdateRaftVoterHandler

    return UpdateRaftVoterHandler(parts.quorum)


# ── who comes in ───────────────────────────────────────────────────────────────────────────────────────────────────


def _api_versions(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.api_versions import ApiVersionsHandler

    return ApiVersionsHandler(CONTROLLER_HANDLERS, parts.image, lambda: parts.quorum.history.kraft_version)


def _describe_cluster(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.describe_controllers import DescribeControllersHandler

    return DescribeControllersHandler(parts.quorum, cluster_id=parts.cluster_id)


def _envelope(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.envelope import EnvelopeHandler

    assert parts.dispatcher is not None
    return EnvelopeHandler(parts.dispatcher, parts.controller)


# ── the cluster's metadata ─────────────────────────────────────────────────────────────────────────────────────────


def _alter_configs(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.alter_configs import AlterConfigsHandler

    return AlterConfigsHandler(parts.controller, node_id=None)


def _incremental_alter_configs(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.incremental_alter_configs import IncrementalAlterConfigsHandler

    return IncrementalAlterConfigsHandler(parts.controller, node_id=None)


# ── brokers and other controllers ──────────────────────────────────────────────────────────────────────────────────


def _broker_registration(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.broker_registration import BrokerRegistrationHandler

    return BrokerRegistrationHandler(parts.controller, parts.losses, cluster_id=parts.cluster_id)


def _broker_heartbeat(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.broker_heartbeat import BrokerHeartbeatHandler

    return BrokerHeartbeatHandler(parts.controller, parts.losses)


def _alter_partition(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.alter_partition import AlterPartitionHandler

    return AlterPartitionHandler(parts.controller)


def _allocate_producer_ids(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.allocate_producer_ids import AllocateProducerIdsHandler

    return AllocateProducerIdsHandler(parts.controller)


def _assign_replicas_to_dirs(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.assign_replicas_to_dirs import AssignReplicasToDirsHandler

    return AssignReplicasToDirsHandler(parts.controller)


def _controller_registration(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.controller_registration import ControllerRegistrationHandler

    return ControllerRegistrationHandler(parts.controller)


CONTROLLER_HANDLERS: dict[ApiKey, Callable[[ControllerParts], Handler]] = {
    ApiKey.FETCH: _fetch,
    ApiKey.VOTE: _vote,
    ApiKey.BEGIN_QUORUM_EPOCH: _begin_quorum_epoch,
    ApiKey.END_QUORUM_EPOCH: _end_quorum_epoch,
    ApiKey.FETCH_SNAPSHOT: _fetch_snapshot,
    ApiKey.DESCRIBE_QUORUM: _describe_quorum,
    ApiKey.ADD_RAFT_VOTER: _add_raft_voter,
    ApiKey.REMOVE_RAFT_VOTER: _remove_raft_voter,
    ApiKey.UPDATE_RAFT_VOTER: _update_raft_voter,
    ApiKey.API_VERSIONS: _api_versions,
    ApiKey.DESCRIBE_CLUSTER: _describe_cluster,
    ApiKey.ENVELOPE: _envelope,
    ApiKey.BROKER_REGISTRATION: _broker_registration,
    ApiKey.BROKER_HEARTBEAT: _broker_heartbeat,
    ApiKey.ALTER_PARTITION: _alter_partition,
    ApiKey.ALLOCATE_PRODUCER_IDS: _allocate_producer_ids,
    ApiKey.ASSIGN_REPLICAS_TO_DIRS: _assign_replicas_to_dirs,
    ApiKey.CONTROLLER_REGISTRATION: _controller_registration,
    ApiKey.ALTER_CONFIGS: _alter_configs,
    ApiKey.INCREMENTAL_ALTER_CONFIGS: _incremental_alter_configs,
    **ADMIN_HANDLERS,
}


def controller_handler_makers(parts: ControllerParts) -> dict[ApiKey, Callable[[], Handler]]:
    """What makes each handler of a controller; where there is an authorizer, behind its guard."""
    authorizer = parts.authorizer
    if authorizer is None:
        return {key: partial(make, parts) for key, make in CONTROLLER_HANDLERS.items()}

    def make_guarded(key: ApiKey) -> Handler:
        from ottla.broker.authorizer.controller_guards import guard_controller_handler

        return guard_controller_handler(key, CONTROLLER_HANDLERS[key](parts), authorizer)

    return {key: partial(make_guarded, key) for key in CONTROLLER_HANDLERS}
