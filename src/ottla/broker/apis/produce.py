"""Produce (0): append record batches to the partitions that this node leads.

| version | what changed                                     | KIP  |
|---------|--------------------------------------------------|------|
| 3       | transactional id; batches of format v2 only      | 98   |
| 5       | log start offset                                 |      |
| 7       | zstd allowed                                     | 110  |
| 8       | errors by record, error message                  | 467  |
| 10      | current leader and its endpoint beside its error | 951  |
| 12      | a batch enrolls its partition in the transaction | 890  |
| 13      | topic ids                                        | 516  |

One batch a partition. What is appended is answered at once while this node is the only one in sync; otherwise
`acks=all` waits for the high watermark. `acks=0` has no answer: an error closes the connection, which is all that such
a producer can notice. Kafka's `KafkaApis.handleProduceRequest`, `ReplicaManager.appendRecords`.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Final, TypeAlias

from ottla.broker.coordinator.produce_enrolment import NO_REFUSALS, ProduceEnrolment, Refusals
from ottla.broker.replica.partition import Partition
from ottla.broker.replica.replica_manager import HostedTopic, ReplicaManager
from ottla.broker.request_context import ClientConnection, RequestContext
from ottla.log.append_result import AppendResult
from ottla.protocol.api.produce import (
    BatchIndexAndErrorMessage,
    LeaderIdAndEpoch,
    NodeEndpoint,
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
    TopicProduceResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.record_batch import (
    COMPRESSION_MASK,
    HEADER_SIZE,
    LOG_OVERHEAD,
    MAGIC,
    TRANSACTIONAL_FLAG,
    CompressionType,
)
from ottla.protocol.types import Region
from ottla.runtime.files import Buffer
from ottla.runtime.time import Clock, Timers

ZSTD_SINCE: Final = 7
LEADER_HINTS_SINCE: Final = 10
TOPIC_IDS_SINCE: Final = 13

NO_ACKS: Final = 0
LEADER_ACKS: Final = 1
ALL_ACKS: Final = -1

ADMIN_CLIENT_ID: Final = "__admin_client"
"""Kafka's own admin client may write to internal topics."""

NONE: Final = ErrorCode.NONE

# Shared by all answers: nobody changes them.
NO_LEADER: Final = LeaderIdAndEpoch()
NO_RECORD_ERRORS: Final[list[BatchIndexAndErrorMessage]] = []
NO_ENDPOINTS: Final[list[NodeEndpoint]] = []

UNREAD: Final = frozenset((ErrorCode.CORRUPT_MESSAGE, ErrorCode.MESSAGE_TOO_LARGE, ErrorCode.RECORD_LIST_TOO_LARGE))

NOT_FAILED: Final = frozenset(
    (
        ErrorCode.NOT_LEADER_OR_FOLLOWER,
        ErrorCode.MESSAGE_TOO_LARGE,
        ErrorCode.RECORD_LIST_TOO_LARGE,
        ErrorCode.CORRUPT_MESSAGE,
        ErrorCode.KAFKA_STORAGE_ERROR,
    )
)

_LENGTH_AT: Final = 8
_MAGIC_AT: Final = 16
_ATTRIBUTES_AT: Final = 22  # the low byte of the batch header's attributes
_BUFFERS: Final = (memoryview, bytes)

Waiting: TypeAlias = list[tuple[PartitionProduceResponse, asyncio.Future[ErrorCode]]]


class _Turn:
    """One request after the other."""

    __slots__ = ("count", "lock")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.count = 0


class ProduceHandler:
    def __init__(
        self, manager: ReplicaManager, clock: Clock, timers: Timers, enrolment: ProduceEnrolment | None = None
    ) -> None:
        """Without an `enrolment` there are no transactions, and their batches are refused."""
        self._manager = manager
        self._enrolment = enrolment
        self._clock = clock
        self._timers = timers
        self._turns: dict[ClientConnection, _Turn] = {}
        """Of connections with requests whose transactions are asked about."""

    def __call__(
        self, context: RequestContext, request: ProduceRequest
    ) -> "ProduceResponse | Awaitable[ProduceResponse | None] | None":
        if request.transactional_id is None or self._enrolment is None:
            return self._produce(context, request, NO_REFUSALS)
        turn = self._turns.get(context.connection)
        if turn is None:
            refusals = self._enrolment.enroll(context.api_version, request)
            if isinstance(refusals, Mapping):
                return self._produce(context, request, refusals)
            turn = self._turns[context.connection] = _Turn()
            return self._produce_later(context, request, turn, refusals)
        return self._produce_later(context, request, turn)

    async def _produce_later(
        self,
        context: RequestContext,
        request: ProduceRequest,
        turn: "_Turn",
        enrolled: "Awaitable[Refusals] | None" = None,
    ) -> ProduceResponse | None:
        """Behind what came before it on the connection: none may overtake a batch whose transaction is asked about."""
        assert self._enrolment is not None
        turn.count += 1
        try:
            async with turn.lock:
                refusals = enrolled or self._enrolment.enroll(context.api_version, request)
                if not isinstance(refusals, Mapping):
                    refusals = await refusals
                answer = self._produce(context, request, refusals)
        finally:
            turn.count -= 1
            if not turn.count and self._turns.get(context.connection) is turn:
                del self._turns[context.connection]
        return await answer if isinstance(answer, asyncio.Future) else answer

    def _produce(
        self, context: RequestContext, request: ProduceRequest, refusals: Refusals
    ) -> "ProduceResponse | asyncio.Future[ProduceResponse] | None":
        acks = request.acks
        transactional = request.transactional_id is not None
        by_topic_id = context.api_version >= TOPIC_IDS_SINCE
        manager = self._manager
        now_ms = self._clock.now_ms()
        refused = False
        waiting: Waiting = []
        topics = []
        for topic_data in request.topic_data:
            topic = manager.by_id.get(topic_data.topic_id) if by_topic_id else manager.by_name.get(topic_data.name)
            partitions = []
            for data in topic_data.partition_data:
                partition = None if topic is None else topic.partitions.get(data.index)
                if topic is None or partition is None:
                    result = _refused(self._why_unknown(topic_data, data.index, by_topic_id=by_topic_id))
                else:
                    result = self._append(
                        context, topic, partition, data.records, acks, now_ms, refusals if transactional else None
                    )
                if result.error is NONE:
                    answer = PartitionProduceResponse(
                        index=data.index,
                        error_code=0,
                        base_offset=result.base_offset,
                        log_append_time_ms=result.log_append_time_ms,
                        log_start_offset=result.log_start_offset,
                        record_errors=NO_RECORD_ERRORS,
                        error_message=None,
                        current_leader=NO_LEADER,
                    )
                    if acks == ALL_ACKS and partition is not None and not partition.sole_replica:
                        committed = partition.committed(result.last_offset + 1)
                        if committed is not None:
                            waiting.append((answer, committed))
                else:
                    refused = True
                    answer = _refusal(data, result)
                    if partition is not None:
                        _count(partition, result, data.records)
                partitions.append(answer)
            topics.append(
                TopicProduceResponse(name=topic_data.name, topic_id=topic_data.topic_id, partition_responses=partitions)
            )
        response = ProduceResponse(responses=topics, throttle_time_ms=0, node_endpoints=NO_ENDPOINTS)
        if acks == NO_ACKS:
            if refused:
                raise KafkaError(_first_error(response), "a batch was refused, and acks=0 has no answer to say so")
            return None
        if refused and context.api_version >= LEADER_HINTS_SINCE:
            self._add_leaders(context, response)
        return _DelayedProduce(response, waiting, request.timeout_ms, self._timers).future if waiting else response

    def _append(
        self,
        context: RequestContext,
        topic: HostedTopic,
        partition: Partition,
        records: Buffer | Region | None,
        acks: int,
        now_ms: int,
        refusals: Refusals | None,
    ) -> AppendResult:
        """What stands between a batch and its log, in Kafka's order; then the append."""
        if not isinstance(records, _BUFFERS) or len(records) <= _ATTRIBUTES_AT:
            return _refused(ErrorCode.INVALID_RECORD, "a partition's records must be exactly one record batch")
        attributes = records[_ATTRIBUTES_AT]
        if context.api_version < ZSTD_SINCE and attributes & COMPRESSION_MASK == CompressionType.ZSTD:
            return _refused(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, f"zstd needs version {ZSTD_SINCE} of Produce")
        if not ALL_ACKS <= acks <= LEADER_ACKS:
            return _refused(ErrorCode.INVALID_REQUIRED_ACKS)
        if topic.internal and context.client_id != ADMIN_CLIENT_ID:
            return _refused(ErrorCode.INVALID_TOPIC_EXCEPTION, f"{topic.name} is written by its coordinator only")
        if not partition.is_leader:
            return _refused(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        if attributes & TRANSACTIONAL_FLAG:
            if refusals is None:  # without a transactional id nobody can say who may write in its name
                return _refused(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
            error = refusals.get(partition, NONE) if self._enrolment else ErrorCode.INVALID_TXN_STATE
            if error is not NONE:
                return _refused(error)
        if acks == ALL_ACKS and len(partition.replicas) > 1 and partition.lacks_replicas():
            return _refused(ErrorCode.NOT_ENOUGH_REPLICAS)
        try:
            return partition.append(records, now_ms)
        except OSError as error:
            self._manager.disk_failed(partition, error)
            return _refused(ErrorCode.KAFKA_STORAGE_ERROR)

    def _why_unknown(self, topic_data: TopicProduceData, index: int, *, by_topic_id: bool) -> ErrorCode:
        if by_topic_id:
            found = self._manager.find_by_id(topic_data.topic_id, index)
        else:
            found = self._manager.find(topic_data.name, index)
        return found if isinstance(found, ErrorCode) else ErrorCode.UNKNOWN_SERVER_ERROR

    def _add_leaders(self, context: RequestContext, response: ProduceResponse) -> None:
        """Beside NOT_LEADER_OR_FOLLOWER, say who leads, and where that broker is to be found (KIP-951)."""
        manager = self._manager
        topics = manager.image.topics
        endpoints: dict[int, NodeEndpoint] = {}
        for topic in response.responses:
            by_id = context.api_version >= TOPIC_IDS_SINCE
            image = topics.by_id.get(topic.topic_id) if by_id else topics.by_name.get(topic.name)
            for partition in topic.partition_responses:
                if partition.error_code != ErrorCode.NOT_LEADER_OR_FOLLOWER:
                    continue
                leader_id, leader_epoch = manager.current_leader(image, partition.index)
                partition.current_leader = LeaderIdAndEpoch(leader_id=leader_id, leader_epoch=leader_epoch)
                at = manager.endpoint(leader_id, context.listener)
                if at is not None:
                    endpoints[leader_id] = NodeEndpoint(node_id=leader_id, host=at.host, port=at.port, rack=at.rack)
        response.node_endpoints = list(endpoints.values())


class _DelayedProduce:
    """An answer that waits until its appends are committed, or its producer has waited long enough."""

    __slots__ = ("_open", "_response", "_timer", "_waiting", "future")

    def __init__(self, response: ProduceResponse, waiting: Waiting, timeout_ms: int, timers: Timers) -> None:
        self._response = response
        self._waiting = waiting
        self._open = len(waiting)
        self.future: asyncio.Future[ProduceResponse] = asyncio.get_running_loop().create_future()
        self._timer = timers.call_later(max(0, timeout_ms), self._expire)
        self.future.add_done_callback(lambda _: self._timer.cancel())
        for _, committed in waiting:
            committed.add_done_callback(self._on_committed)

    def _on_committed(self, _: object) -> None:
        self._open -= 1
        if not self._open and not self.future.done():
            self._answer()

    def _expire(self) -> None:
        if not self.future.done():
            self._answer()

    def _answer(self) -> None:
        for answer, committed in self._waiting:
            answer.error_code = committed.result() if committed.done() else ErrorCode.REQUEST_TIMED_OUT
        self.future.set_result(self._response)


def _refused(error: ErrorCode, message: str | None = None) -> AppendResult:
    return AppendResult(error, -1, -1, -1, -1, error_message=message)


def _refusal(data: PartitionProduceData, result: AppendResult) -> PartitionProduceResponse:
    """As Kafka, which tells the log's start only of a batch that it could read and did not find too large."""
    unread = result.error in UNREAD or (result.error is ErrorCode.INVALID_RECORD and not _is_one_batch(data.records))
    return PartitionProduceResponse(
        index=data.index,
        error_code=result.error,
        base_offset=-1,
        log_append_time_ms=-1,
        log_start_offset=-1 if unread else result.log_start_offset,
        record_errors=[
            BatchIndexAndErrorMessage(batch_index=record.batch_index, batch_index_error_message=record.message)
            for record in result.record_errors
        ],
        error_message=result.error_message,
        current_leader=NO_LEADER,
    )


def _count(partition: Partition, result: AppendResult, records: Buffer | Region | None) -> None:
    """As Kafka, for which a batch has not failed that came to the wrong broker or was too large."""
    if result.error is ErrorCode.MESSAGE_TOO_LARGE and isinstance(records, _BUFFERS):
        partition.traffic.bytes_rejected += len(records)
    if result.error not in NOT_FAILED:
        partition.traffic.failed_appends += 1


def _is_one_batch(records: Buffer | Region | None) -> bool:
    return (
        isinstance(records, _BUFFERS)
        and len(records) >= HEADER_SIZE
        and records[_MAGIC_AT] == MAGIC
        and int.from_bytes(records[_LENGTH_AT:LOG_OVERHEAD]) + LOG_OVERHEAD == len(records)
    )


def _first_error(response: ProduceResponse) -> ErrorCode:
    codes = (partition.error_code for topic in response.responses for partition in topic.partition_responses)
    return ErrorCode(next(code for code in codes if code))
