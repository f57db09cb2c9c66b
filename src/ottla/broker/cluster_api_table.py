"""The part of `api_table` about the cluster as a whole: its quorum, features, brokers, leaders, and client metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.protocol.api_keys import ApiKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.parts import Parts
    from ottla.broker.request_context import Handler


def _describe_quorum(parts: Parts) -> Handler:
    from ottla.broker.apis.describe_quorum import DescribeQuorumHandler

    return DescribeQuorumHandler(parts.controller.quorum, parts.clock)


def _update_features(parts: Parts) -> Handler:
    from ottla.broker.apis.update_features import UpdateFeaturesHandler

    return UpdateFeaturesHandler(parts.controller)


def _unregister_broker(parts: Parts) -> Handler:
    from ottla.broker.apis.unregister_broker import UnregisterBrokerHandler

    return UnregisterBrokerHandler(parts.controller)


def _elect_leaders(parts: Parts) -> Handler:
    from ottla.broker.apis.elect_leaders import ElectLeadersHandler

    return ElectLeadersHandler(parts.controller)


def _alter_partition_reassignments(parts: Parts) -> Handler:
    from ottla.broker.apis.alter_partition_reassignments import AlterPartitionReassignmentsHandler

    return AlterPartitionReassignmentsHandler(parts.controller)


def _list_partition_reassignments(parts: Parts) -> Handler:
    from ottla.broker.apis.list_partition_reassignments import ListPartitionReassignmentsHandler

    return ListPartitionReassignmentsHandler(parts.controller)


def _add_raft_voter(parts: Parts) -> Handler:
    from ottla.broker.apis.add_raft_voter import AddRaftVoterHandler

    return AddRaftVoterHandler(parts.controller.quorum)


def _remove_raft_voter(parts: Parts) -> Handler:
    from ottla.broker.apis.remove_raft_voter import RemoveRaftVoterHandler

    return RemoveRaftVoterHandler(parts.controller.quorum)


def _get_telemetry_subscriptions(parts: Parts) -> Handler:
    from ottla.broker.apis.get_telemetry_subscriptions import GetTelemetrySubscriptionsHandler

    return GetTelemetrySubscriptionsHandler(parts.client_metrics())


def _push_telemetry(parts: Parts) -> Handler:
    from ottla.broker.apis.push_telemetry import PushTelemetryHandler

    return PushTelemetryHandler(parts.client_metrics())


TELEMETRY: dict[ApiKey, Callable[[Parts], Handler]] = {
    ApiKey.GET_TELEMETRY_SUBSCRIPTIONS: _get_telemetry_subscriptions,
    ApiKey.PUSH_TELEMETRY: _push_telemetry,
}

CLUSTER_HANDLERS: dict[ApiKey, Callable[[Parts], Handler]] = {
    ApiKey.ELECT_LEADERS: _elect_leaders,
    ApiKey.ALTER_PARTITION_REASSIGNMENTS: _alter_partition_reassignments,
    ApiKey.LIST_PARTITION_REASSIGNMENTS: _list_partition_reassignments,
    ApiKey.DESCRIBE_QUORUM: _describe_quorum,
    ApiKey.UPDATE_FEATURES: _update_features,
    ApiKey.UNREGISTER_BROKER: _unregister_broker,
    ApiKey.ADD_RAFT_VOTER: _add_raft_voter,
    ApiKey.REMOVE_RAFT_VOTER: _remove_raft_voter,
    **TELEMETRY,
}
