"""StreamsGroupHeartbeat (88): a member of a streams group joins, is alive, gets its tasks, and leaves.

| version | what changed | KIP  |
|---------|--------------|------|
| 0       |              | 1071 |

Served while `group.coordinator.rebalance.protocols` has `streams` and the feature `streams.version` is 1. Internal
topics that the topology lacks are asked for once the answer is known, if the member may create them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.coordinator.group.streams.configured_topology import StatusCode
from ottla.coordinator.group.streams.heartbeat import HeartbeatOutcome, heartbeat_error
from ottla.metadata.acls import AclOperation
from ottla.metadata.controller.topic_names import is_internal, is_valid_topic_name
from ottla.metadata.features import STREAMS_VERSION
from ottla.protocol.api.streams_group_heartbeat import Status, StreamsGroupHeartbeatResponse
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ottla.broker.authorizer.authorizer import Authorizer
    from ottla.broker.coordinator.eventually import Eventually
    from ottla.broker.coordinator.group_coordinator import GroupCoordinator
    from ottla.broker.coordinator.streams_internal_topics import StreamsInternalTopics
    from ottla.broker.request_context import RequestContext
    from ottla.metadata.image import MetadataImage
    from ottla.protocol.api.streams_group_heartbeat import StreamsGroupHeartbeatRequest, Topology

MAX_ERRORS_SHOWN: Final = 3
HEARTBEATS_WITHOUT_RETRY: Final = 2
"""For how many heartbeat intervals a topic that could not be made is not tried again."""


class StreamsGroupHeartbeatHandler:
    def __init__(
        self,
        coordinator: GroupCoordinator,
        image: Callable[[], MetadataImage],
        authorizer: Authorizer | None,
        internal_topics: StreamsInternalTopics,
        *,
        enabled: bool,
    ) -> None:
        self._coordinator = coordinator
        self._image = image
        self._authorizer = authorizer
        self._internal_topics = internal_topics
        self._enabled = enabled

    def __call__(
        self, context: RequestContext, request: StreamsGroupHeartbeatRequest
    ) -> Eventually[StreamsGroupHeartbeatResponse]:
        if not self._enabled or not self._image().features.level(STREAMS_VERSION):
            return heartbeat_error(ErrorCode.UNSUPPORTED_VERSION, ErrorCode.UNSUPPORTED_VERSION.message).response
        wrong = wrong_topic_names(request.topology)
        if wrong is not None:
            return heartbeat_error(ErrorCode.STREAMS_INVALID_TOPOLOGY, wrong).response
        outcome = self._coordinator.streams_group_heartbeat(context, request)
        if isinstance(outcome, HeartbeatOutcome):
            return self._answered(context, outcome)
        return self._when_answered(context, outcome)

    async def _when_answered(
        self, context: RequestContext, outcome: Awaitable[HeartbeatOutcome]
    ) -> StreamsGroupHeartbeatResponse:
        return self._answered(context, await outcome)

    def _answered(self, context: RequestContext, outcome: HeartbeatOutcome) -> StreamsGroupHeartbeatResponse:
        response, missing = outcome.response, outcome.missing
        if not missing:
            return response
        authorizer = self._authorizer
        if authorizer is not None and not authorizer.allows_cluster(context, AclOperation.CREATE):
            refused = [name for name in missing if not authorizer.allows_topic(context, AclOperation.CREATE, name)]
            if refused:
                _tell(response, f"The client may not create {', '.join(refused)}.")
                return response
        self._internal_topics.create(missing, response.heartbeat_interval_ms * HEARTBEATS_WITHOUT_RETRY)
        errors = self._internal_topics.errors_of(missing)
        if errors:
            shown = [f"{name} ({error})" for name, error in list(errors.items())[:MAX_ERRORS_SHOWN]]
            more = f" and {len(errors) - MAX_ERRORS_SHOWN} more" if len(errors) > MAX_ERRORS_SHOWN else ""
            _tell(response, f"Could not be created: {', '.join(shown)}{more}.")
        return response


def wrong_topic_names(topology: Topology | None) -> str | None:
    """What is wrong with the names of a topology's topics: no application may use the brokers' own."""
    if topology is None:
        return None
    names: dict[str, None] = {}
    for part in topology.subtopologies:
        names |= dict.fromkeys((*part.source_topics, *part.repartition_sink_topics))
        names |= dict.fromkeys(topic.name for topic in part.repartition_source_topics)
        names |= dict.fromkeys(topic.name for topic in part.state_changelog_topics)
    internal = [name for name in names if is_internal(name)]
    if internal:
        return f"Topics of the brokers cannot be used by applications: {', '.join(internal)}."
    invalid = [name for name in names if not is_valid_topic_name(name)]
    return f"No topic can have these names: {', '.join(invalid)}." if invalid else None


def _tell(response: StreamsGroupHeartbeatResponse, more: str) -> None:
    """Add to what the member is told of the internal topics that are missing."""
    status = response.status = response.status or []
    for each in status:
        if each.status_code == StatusCode.MISSING_INTERNAL_TOPICS:
            each.status_detail = f"{each.status_detail}; {more}"
            return
    status.append(Status(status_code=StatusCode.MISSING_INTERNAL_TOPICS, status_detail=more))
