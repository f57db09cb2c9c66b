"""The part of `api_table` about the quorum and client metrics."""

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
    ApiKey.DESCRIBE_QUORUM: _describe_quorum,
    ApiKey.ADD_RAFT_VOTER: _add_raft_voter,
    ApiKey.REMOVE_RAFT_VOTER: _remove_raft_voter,
    **TELEMETRY,
}
