"""FindCoordinator (10): which node coordinates a group, a transactional id or a share partition.

| version | what changed                                    | KIP |
|---------|-------------------------------------------------|-----|
| 0       | groups                                          |     |
| 1       | key types; throttle time and message in the answer | 98 |
| 2       | throttled after the answer                      | 219 |
| 3       | flexible                                        | 482 |
| 4       | several keys                                    | 699 |
| 5       | TRANSACTION_ABORTABLE may be answered elsewhere | 890 |
| 6       | share partitions                                | 932 |

The first who asks for a group has `__consumer_offsets` made, for a transactional id `__transaction_state`, for a share
partition `__share_group_state`, and is answered when it is there. Who asks while it is undecided whether a coordinator
is still there is answered when that is decided; nobody is sent to an address where nobody listens (`peer.absences`).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final

from ottla.broker.coordinator.group_coordinator import GROUP_METADATA_TOPIC, Eventually
from ottla.broker.coordinator.transaction_coordinator import TRANSACTION_STATE_TOPIC
from ottla.broker.request_context import RequestContext
from ottla.metadata.image import MetadataImage
from ottla.protocol.api.find_coordinator import Coordinator, FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import uuid_from_text

if TYPE_CHECKING:
    from ottla.broker.peer.absences import Absences

SEVERAL_KEYS_VERSION = 4
GROUP: Final = 0
TRANSACTION: Final = 1
SHARE: Final = 2
SHARE_STATE_TOPIC: Final = "__share_group_state"
TOPICS: Final = {GROUP: GROUP_METADATA_TOPIC, TRANSACTION: TRANSACTION_STATE_TOPIC, SHARE: SHARE_STATE_TOPIC}
NO_NODE: Final = -1


class FindCoordinatorHandler:
    """`partitions`: type of key -> the partition of its topic that a key belongs to.

    `create_topic` makes an internal topic; it returns when the topic is in the image, or could not be made.
    """

    def __init__(
        self,
        partitions: Mapping[int, Callable[[str], int]],
        image: Callable[[], MetadataImage],
        create_topic: Callable[[str], Awaitable[None]],
        absences: "Absences | None" = None,
    ) -> None:
        self._coordinators = {key_type: (TOPICS[key_type], partitions[key_type]) for key_type in TOPICS}
        self._image = image
        self._create_topic = create_topic
        self._absences = absences

    def __call__(self, context: RequestContext, request: FindCoordinatorRequest) -> Eventually[FindCoordinatorResponse]:
        coordinator = self._coordinators.get(request.key_type)
        if (
            coordinator is not None
            and coordinator[0] not in self._image().topics.by_name
            and (request.key_type != SHARE or any(_is_share_partition(key) for key in request.coordinator_keys))
        ):
            return self._create_and_answer(context, request, coordinator[0])
        answer = self._answer(context, request)
        absences = self._absences
        if absences is not None and not _nodes(answer).isdisjoint(absences.undecided()):
            return self._answer_when_decided(context, request, absences)
        return answer

    async def _answer_when_decided(
        self, context: RequestContext, request: FindCoordinatorRequest, absences: "Absences"
    ) -> FindCoordinatorResponse:
        await absences.decided()
        return self._answer(context, request)

    async def _create_and_answer(
        self, context: RequestContext, request: FindCoordinatorRequest, topic: str
    ) -> FindCoordinatorResponse:
        await self._create_topic(topic)
        return self._answer(context, request)

    def _answer(self, context: RequestContext, request: FindCoordinatorRequest) -> FindCoordinatorResponse:
        if context.api_version >= SEVERAL_KEYS_VERSION:
            found = [self._find(context, request.key_type, key) for key in request.coordinator_keys]
            return FindCoordinatorResponse(coordinators=found)
        only = self._find(context, request.key_type, request.key)
        return FindCoordinatorResponse(
            error_code=only.error_code,
            # What Kafka says here when all is well, too.
            error_message=only.error_message or "NONE",
            node_id=only.node_id,
            host=only.host,
            port=only.port,
        )

    def _find(self, context: RequestContext, key_type: int, key: str) -> Coordinator:
        coordinator = self._coordinators.get(key_type)
        if coordinator is None:
            return _refuse(key, ErrorCode.INVALID_REQUEST, f"there is no coordinator of type {key_type}")
        if key_type == SHARE and not _is_share_partition(key):
            return _refuse(key, ErrorCode.INVALID_REQUEST, "")
        image = self._image()
        name, partition_for = coordinator
        broker = image.cluster.brokers.get(image.topics.leader_of(name, partition_for(key)))
        endpoint = None if broker is None else broker.listeners.get(context.listener)
        gone = broker is not None and self._absences is not None and self._absences.is_absent(broker)
        if broker is None or endpoint is None or gone:
            return _refuse(key, ErrorCode.COORDINATOR_NOT_AVAILABLE, ErrorCode.COORDINATOR_NOT_AVAILABLE.message)
        return Coordinator(
            key=key,
            node_id=broker.broker_id,
            host=endpoint.host,
            port=endpoint.port,
            error_code=ErrorCode.NONE,
            error_message="",
        )


def _nodes(answer: FindCoordinatorResponse) -> set[int]:
    return {answer.node_id, *(found.node_id for found in answer.coordinators)}


def _is_share_partition(key: str) -> bool:
    """`groupId:topicId:partition`; a group id may have colons itself."""
    parts = key.rsplit(":", 2)
    if len(parts) != 3 or not parts[0] or not parts[2].isdecimal():
        return False
    try:
        uuid_from_text(parts[1])
    except ValueError:
        return False
    return True


def _refuse(key: str, error: ErrorCode, message: str) -> Coordinator:
    return Coordinator(key=key, node_id=NO_NODE, host="", port=-1, error_code=error, error_message=message)
