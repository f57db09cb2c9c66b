"""Which handler serves which API at a controller's listeners: every one that Kafka's schemas give to controllers.

As `api_table`, of which it is the counterpart; ADR 5, point 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

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


def _sasl_handshake(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.sasl_handshake import SaslHandshakeHandler

    return SaslHandshakeHandler()


def _sasl_authenticate(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.sasl_authenticate import SaslAuthenticateHandler

    return SaslAuthenticateHandler()


def _describe_cluster(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.describe_controllers import DescribeControllersHandler

    return DescribeControllersHandler(parts.quorum, cluster_id=parts.cluster_id)


def _envelope(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.envelope import EnvelopeHandler

    assert parts.dispatcher is not None
    return EnvelopeHandler(parts.dispatcher, parts.controller)


# ── the cluster's metadata ─────────────────────────────────────────────────────────────────────────────────────────


def _create_topics(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.create_topics import CreateTopicsHandler

    return CreateTopicsHandler(parts.controller)


def _delete_topics(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.delete_topics import DeleteTopicsHandler

    return DeleteTopicsHandler(parts.controller, enabled=parts.config.get_bool("delete.topic.enable"))


def _create_partitions(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.create_partitions import CreatePartitionsHandler

    return CreatePartitionsHandler(parts.controller)


def _elect_leaders(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.elect_leaders import ElectLeadersHandler

    return ElectLeadersHandler(parts.controller)


def _alter_partition_reassignments(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.alter_partition_reassignments import AlterPartitionReassignmentsHandler

    return AlterPartitionReassignmentsHandler(parts.controller)


def _list_partition_reassignments(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.list_partition_reassignments import ListPartitionReassignmentsHandler

    return ListPartitionReassignmentsHandler(parts.controller)


def _describe_configs(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.describe_configs import DescribeConfigsHandler

    return DescribeConfigsHandler(parts.controller, parts.dynamic_config, node_id=parts.config.node_id)


def _alter_configs(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.alter_configs import AlterConfigsHandler

    return AlterConfigsHandler(parts.controller, node_id=None)


def _incremental_alter_configs(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.incremental_alter_configs import IncrementalAlterConfigsHandler

    return IncrementalAlterConfigsHandler(parts.controller, node_id=None)


def _alter_client_quotas(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.alter_client_quotas import AlterClientQuotasHandler

    return AlterClientQuotasHandler(parts.controller)


def _update_features(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.update_features import UpdateFeaturesHandler

    return UpdateFeaturesHandler(parts.controller)


def _unregister_broker(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.unregister_broker import UnregisterBrokerHandler

    return UnregisterBrokerHandler(parts.controller)


# ── brokers and other controllers ──────────────────────────────────────────────────────────────────────────────────


def _broker_registration(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.broker_registration import BrokerRegistrationHandler

    return BrokerRegistrationHandler(parts.controller, cluster_id=parts.cluster_id)


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


# ── security ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _describe_acls(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.describe_acls import DescribeAclsHandler

    return DescribeAclsHandler(parts.image, enabled=parts.authorizer is not None)


def _create_acls(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.create_acls import CreateAclsHandler

    return CreateAclsHandler(parts.controller, enabled=parts.authorizer is not None)


def _delete_acls(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.delete_acls import DeleteAclsHandler

    return DeleteAclsHandler(parts.controller, enabled=parts.authorizer is not None)


def _describe_user_scram_credentials(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.describe_user_scram_credentials import DescribeUserScramCredentialsHandler

    return DescribeUserScramCredentialsHandler(parts.image)


def _alter_user_scram_credentials(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.alter_user_scram_credentials import AlterUserScramCredentialsHandler

    return AlterUserScramCredentialsHandler(parts.controller)


def _create_delegation_token(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.create_delegation_token import CreateDelegationTokenHandler
    from ottla.broker.listener_security import token_settings

    return CreateDelegationTokenHandler(parts.controller, token_settings(parts.config))


def _renew_delegation_token(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.renew_delegation_token import RenewDelegationTokenHandler
    from ottla.broker.listener_security import token_settings

    return RenewDelegationTokenHandler(parts.controller, token_settings(parts.config))


def _expire_delegation_token(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.expire_delegation_token import ExpireDelegationTokenHandler
    from ottla.broker.listener_security import token_settings

    return ExpireDelegationTokenHandler(parts.controller, token_settings(parts.config))


def _describe_delegation_token(parts: ControllerParts) -> Handler:
    from ottla.broker.apis.describe_delegation_token import DescribeDelegationTokenHandler
    from ottla.broker.listener_security import token_settings

    return DescribeDelegationTokenHandler(parts.image, token_settings(parts.config))


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
    ApiKey.SASL_HANDSHAKE: _sasl_handshake,
    ApiKey.API_VERSIONS: _api_versions,
    ApiKey.SASL_AUTHENTICATE: _sasl_authenticate,
    ApiKey.DESCRIBE_CLUSTER: _describe_cluster,
    ApiKey.ENVELOPE: _envelope,
    ApiKey.BROKER_REGISTRATION: _broker_registration,
    ApiKey.BROKER_HEARTBEAT: _broker_heartbeat,
    ApiKey.ALTER_PARTITION: _alter_partition,
    ApiKey.ALLOCATE_PRODUCER_IDS: _allocate_producer_ids,
    ApiKey.ASSIGN_REPLICAS_TO_DIRS: _assign_replicas_to_dirs,
    ApiKey.CONTROLLER_REGISTRATION: _controller_registration,
    ApiKey.CREATE_TOPICS: _create_topics,
    ApiKey.DELETE_TOPICS: _delete_topics,
    ApiKey.CREATE_PARTITIONS: _create_partitions,
    ApiKey.ELECT_LEADERS: _elect_leaders,
    ApiKey.ALTER_PARTITION_REASSIGNMENTS: _alter_partition_reassignments,
    ApiKey.LIST_PARTITION_REASSIGNMENTS: _list_partition_reassignments,
    ApiKey.DESCRIBE_CONFIGS: _describe_configs,
    ApiKey.ALTER_CONFIGS: _alter_configs,
    ApiKey.INCREMENTAL_ALTER_CONFIGS: _incremental_alter_configs,
    ApiKey.ALTER_CLIENT_QUOTAS: _alter_client_quotas,
    ApiKey.UPDATE_FEATURES: _update_features,
    ApiKey.UNREGISTER_BROKER: _unregister_broker,
    ApiKey.DESCRIBE_ACLS: _describe_acls,
    ApiKey.CREATE_ACLS: _create_acls,
    ApiKey.DELETE_ACLS: _delete_acls,
    ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS: _describe_user_scram_credentials,
    ApiKey.ALTER_USER_SCRAM_CREDENTIALS: _alter_user_scram_credentials,
    ApiKey.CREATE_DELEGATION_TOKEN: _create_delegation_token,
    ApiKey.RENEW_DELEGATION_TOKEN: _renew_delegation_token,
    ApiKey.EXPIRE_DELEGATION_TOKEN: _expire_delegation_token,
    ApiKey.DESCRIBE_DELEGATION_TOKEN: _describe_delegation_token,
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
