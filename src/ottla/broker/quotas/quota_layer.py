"""What stands around every handler while client quotas are set: it counts, and lets those wait who use too much.

    request ─► handler ─► answer, with throttle_time_ms ─► the connection is not read for so long (KIP-219)

Produce counts the bytes of its records, Fetch those that it answers, every request the time that its handler takes, and
what changes topics the partitions it makes or removes: newer versions of those are refused with
THROTTLING_QUOTA_EXCEEDED instead (KIP-599). Kafka's `ClientRequestQuotaManager`, `RequestHandlerHelper`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ottla.broker.quotas.client_quotas import CONSUMER_BYTE_RATE, PRODUCER_BYTE_RATE, REQUEST_PERCENTAGE
from ottla.protocol.api import create_partitions as growth
from ottla.protocol.api import create_topics as creation
from ottla.protocol.api import delete_topics as deletion
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode
from ottla.protocol.message import Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ottla.broker.quotas.client_quotas import ClientQuotas, Mutations
    from ottla.broker.request_context import Answer, Handler, RequestContext
    from ottla.metadata.image import MetadataImage

T = TypeVar("T")

EXCEEDED: Final = ErrorCode.THROTTLING_QUOTA_EXCEEDED
STRICT_SINCE: Final = {ApiKey.CREATE_TOPICS: 6, ApiKey.DELETE_TOPICS: 5, ApiKey.CREATE_PARTITIONS: 3}
"""From these versions on a client understands THROTTLING_QUOTA_EXCEEDED."""
UNLIMITED: Final = frozenset({ApiKey.SASL_HANDSHAKE, ApiKey.SASL_AUTHENTICATE})
MAX_REQUEST_THROTTLE_MS: Final = 1000
"""A quota of request time lets wait no longer than one window."""


class QuotaLayer:
    def __init__(self, quotas: ClientQuotas, image: Callable[[], MetadataImage], default_partitions: int) -> None:
        self._quotas = quotas
        self._image = image
        self._default_partitions = default_partitions

    def around(self, key: ApiKey, handler: Handler) -> Handler:
        if key in UNLIMITED:
            return handler
        if key in STRICT_SINCE:
            handler = self._bounded(key, handler)
        before: Callable[[Any], int] = _nothing
        after: Callable[[Any], int] = _nothing
        if key is ApiKey.PRODUCE:
            before = _produced_bytes
        elif key is ApiKey.FETCH:
            after = _fetched_bytes
        quotas = self._quotas

        def serve(context: RequestContext, request: Any) -> Answer:
            if key is ApiKey.FETCH:
                _bound_fetch(request, quotas.most_at_once(CONSUMER_BYTE_RATE, context))
            produced = before(request)
            began = time.perf_counter()
            answer = handler(context, request)
            percent_seconds = (time.perf_counter() - began) * 100
            throttle_ms = min(MAX_REQUEST_THROTTLE_MS, quotas.used(REQUEST_PERCENTAGE, context, percent_seconds))
            if produced:
                throttle_ms = max(throttle_ms, quotas.used(PRODUCER_BYTE_RATE, context, produced))

            def finish(response: Response | None) -> Response | None:
                wait_ms = throttle_ms
                fetched = after(response)
                if fetched:
                    wait_ms = max(wait_ms, quotas.used(CONSUMER_BYTE_RATE, context, fetched))
                if wait_ms > 0:
                    _throttle(context, response, wait_ms)
                return response

            if answer is None or isinstance(answer, Response):
                return finish(answer)
            return _later(answer, finish)

        return serve

    # --- changes of the metadata

    def _bounded(self, key: ApiKey, handler: Handler) -> Handler:
        splits: dict[ApiKey, Callable[[Any, Mutations, bool], Callable[[Any], None]]] = {
            ApiKey.CREATE_TOPICS: self._split_creation,
            ApiKey.DELETE_TOPICS: self._split_deletion,
            ApiKey.CREATE_PARTITIONS: self._split_growth,
        }
        split = splits[key]

        def serve(context: RequestContext, request: Any) -> Answer:
            mutations = self._quotas.mutation_bucket(context)
            if mutations is None:  # a mere check counts, too, as in Kafka
                return handler(context, request)
            merge = split(request, mutations, context.api_version >= STRICT_SINCE[key])
            wait_ms = mutations.throttle_ms

            def finish(response: Response | None) -> Response | None:
                if response is not None:
                    merge(response)
                if wait_ms > 0:
                    _throttle(context, response, wait_ms)
                return response

            answer = handler(context, request)
            if answer is None or isinstance(answer, Response):
                return finish(answer)
            return _later(answer, finish)

        return serve

    def _split_creation(
        self, request: creation.CreateTopicsRequest, mutations: Mutations, strict: bool
    ) -> Callable[[Any], None]:
        def count(topic: creation.CreatableTopic) -> int:
            if topic.assignments:
                return len(topic.assignments)
            return topic.num_partitions if topic.num_partitions > 0 else self._default_partitions

        request.topics, refused = _split(request.topics, count, mutations, strict)

        def merge(response: creation.CreateTopicsResponse) -> None:
            response.topics += [
                creation.CreatableTopicResult(name=name, error_code=EXCEEDED, error_message=EXCEEDED.message)
                for name in dict.fromkeys(topic.name for topic in refused)
            ]

        return merge

    def _split_deletion(
        self, request: deletion.DeleteTopicsRequest, mutations: Mutations, strict: bool
    ) -> Callable[[Any], None]:
        topics = self._image().topics

        def count(name: str | None, topic_id: bytes) -> int:
            found = topics.by_id.get(topic_id) if name is None else topics.by_name.get(name)
            return 0 if found is None else len(found.partitions)

        request.topics, states = _split(request.topics, lambda one: count(one.name, one.topic_id), mutations, strict)
        request.topic_names, names = _split(request.topic_names, lambda one: count(one, b""), mutations, strict)
        refused = [(state.name, state.topic_id) for state in states]

        def merge(response: deletion.DeleteTopicsResponse) -> None:
            response.responses += [
                deletion.DeletableTopicResult(
                    name=name, topic_id=topic_id, error_code=EXCEEDED, error_message=EXCEEDED.message
                )
                for name, topic_id in [*refused, *((name, bytes(16)) for name in names)]
            ]

        return merge

    def _split_growth(
        self, request: growth.CreatePartitionsRequest, mutations: Mutations, strict: bool
    ) -> Callable[[Any], None]:
        topics = self._image().topics.by_name

        def count(topic: growth.CreatePartitionsTopic) -> int:
            found = topics.get(topic.name)
            return 0 if found is None else max(0, topic.count - len(found.partitions))

        request.topics, refused = _split(request.topics, count, mutations, strict)

        def merge(response: growth.CreatePartitionsResponse) -> None:
            response.results += [
                growth.CreatePartitionsTopicResult(name=name, error_code=EXCEEDED, error_message=EXCEEDED.message)
                for name in dict.fromkeys(topic.name for topic in refused)
            ]

        return merge


def _split(items: list[T], count: Callable[[T], int], mutations: Mutations, strict: bool) -> tuple[list[T], list[T]]:
    """(what fits into the quota, what does not)."""
    good: list[T] = []
    bad: list[T] = []
    for item in items:
        size = count(item)
        (good if not size or mutations.take(size, strict=strict) else bad).append(item)
    return good, bad


async def _later(
    answer: Awaitable[Response | None], finish: Callable[[Response | None], Response | None]
) -> Response | None:
    return finish(await answer)


def _throttle(context: RequestContext, response: Response | None, wait_ms: int) -> None:
    if response is not None and hasattr(response, "throttle_time_ms"):
        response.throttle_time_ms = max(response.throttle_time_ms, wait_ms)
    context.connection.mute(wait_ms)


def _bound_fetch(request: Any, most_bytes: float | None) -> None:
    """No more than one may have in all windows together; else one fetch would have to wait for minutes."""
    if most_bytes is not None:
        request.max_bytes = int(min(request.max_bytes, most_bytes))
        request.min_bytes = min(request.min_bytes, request.max_bytes)


def _nothing(_: Any) -> int:
    return 0


def _produced_bytes(request: Any) -> int:
    return sum(
        len(data.records) for topic in request.topic_data for data in topic.partition_data if data.records is not None
    )


def _fetched_bytes(response: Any) -> int:
    if response is None:
        return 0
    total = 0
    for topic in response.responses:
        for data in topic.partitions:
            records = data.records
            if records:
                total += records.size if hasattr(records, "size") else len(records)
    return total
