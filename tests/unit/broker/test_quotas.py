"""Client quotas: who shares which, how long one waits, what is refused, and that the connection really waits."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.broker.replicas import ManualClock
from tests.unit.broker.wire import Server

from ottla.broker.apis.describe_client_quotas import DescribeClientQuotasHandler
from ottla.broker.quotas.client_quotas import PRODUCER_BYTE_RATE, ClientQuotas, QuotaWindows
from ottla.broker.quotas.quota_layer import QuotaLayer
from ottla.broker.quotas.rates import SampledRate, TokenBucket
from ottla.broker.request_context import ClientConnection, RequestContext
from ottla.metadata.client_quotas import ClientQuotasImage
from ottla.metadata.controller.client_quotas import alter_client_quotas
from ottla.metadata.controller.result import ControllerView
from ottla.metadata.delta import MetadataDelta
from ottla.metadata.image import EMPTY_IMAGE, MetadataImage
from ottla.protocol.api.alter_client_quotas import (
    AlterClientQuotasRequest,
    AlterClientQuotasRequestEntryData,
    EntityData,
    OpData,
)
from ottla.protocol.api.create_topics import (
    CreatableTopic,
    CreatableTopicResult,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from ottla.protocol.api.describe_client_quotas import ComponentData, DescribeClientQuotasRequest
from ottla.protocol.api.fetch import FetchRequest, FetchResponse
from ottla.protocol.api.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.api.produce import PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from ottla.metadata.client_quotas import QuotaEntity


def context(user: str = "alice", client_id: str = "c", version: int = 7) -> RequestContext:
    connection = ClientConnection(client_host="h", client_port=1, listener="L", principal=f"User:{user}")
    return RequestContext(0, version, 1, client_id, connection)


def quotas(clock: ManualClock, *entities: tuple[QuotaEntity, dict[str, float]]) -> ClientQuotas:
    made = ClientQuotas(clock, QuotaWindows())
    made.update(ClientQuotasImage(dict(entities)))
    return made


def user(name: str | None, client: str | None = "", **values: float) -> tuple[QuotaEntity, dict[str, float]]:
    parts: list[tuple[str, str | None]] = [("user", name)]
    if client != "":
        parts.insert(0, ("client-id", client))
    return tuple(parts), values or {PRODUCER_BYTE_RATE: 100.0}


def client(name: str | None) -> tuple[QuotaEntity, dict[str, float]]:
    return (("client-id", name),), {PRODUCER_BYTE_RATE: 100.0}


def test_a_rate_lets_bursts_pass_and_what_is_above_wait() -> None:
    rate = SampledRate(11, 1000)
    rate.record(1000, 0)
    assert rate.throttle_ms(100, 0) == 0
    rate.record(500, 0)
    assert rate.throttle_ms(100, 0) == 5000
    assert rate.throttle_ms(100, 11_000) == 0


def test_a_bucket_goes_below_zero_and_fills_up_to_its_burst() -> None:
    bucket = TokenBucket(10, 0)
    bucket.take(15)
    assert bucket.throttle_ms(2) == 2500
    assert bucket.fill(2, 10, 2500) == 0
    assert bucket.fill(2, 10, 60_000) == 10


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        (user("alice", "c"), user("alice", None)),
        (user("alice", None), user("alice")),
        (user("alice"), user(None, "c")),
        (user(None, "c"), user(None, None)),
        (user(None, None), user(None)),
        (user(None), client("c")),
        (client("c"), client(None)),
    ],
)
def test_precedence(
    stronger: tuple[QuotaEntity, dict[str, float]], weaker: tuple[QuotaEntity, dict[str, float]]
) -> None:
    found = quotas(ManualClock(), (weaker[0], {PRODUCER_BYTE_RATE: 1.0}), (stronger[0], {PRODUCER_BYTE_RATE: 1e9}))
    assert found.used(PRODUCER_BYTE_RATE, context(), 1_000_000) == 0
    alone = quotas(ManualClock(), (weaker[0], {PRODUCER_BYTE_RATE: 1.0}))
    assert alone.used(PRODUCER_BYTE_RATE, context(), 1_000_000) > 0


def test_who_shares_a_quota() -> None:
    found = quotas(ManualClock(), user("alice"), client("c"))
    assert found.used(PRODUCER_BYTE_RATE, context("alice", "x"), 2000) > 0
    assert found.used(PRODUCER_BYTE_RATE, context("alice", "y"), 1) > 0
    assert found.used(PRODUCER_BYTE_RATE, context("bob", "y"), 1_000_000) == 0
    assert found.used(PRODUCER_BYTE_RATE, context("bob", "c"), 2000) > 0
    assert found.used(PRODUCER_BYTE_RATE, context("carol", "c"), 1) > 0
    each = quotas(ManualClock(), user(None))
    assert each.used(PRODUCER_BYTE_RATE, context("alice"), 2000) > 0
    assert each.used(PRODUCER_BYTE_RATE, context("bob"), 1) == 0


def test_connections_of_addresses() -> None:
    rates = {"connection_creation_rate": 5.0}
    found = quotas(ManualClock(), ((("ip", None),), rates), ((("ip", "0:0::1"),), rates), user("alice"))
    assert found.connection_rates == {None: 5.0, "::1": 5.0}


def produce(size: int) -> ProduceRequest:
    data = PartitionProduceData(index=0, records=bytes(size))
    return ProduceRequest(acks=1, timeout_ms=1, topic_data=[TopicProduceData(name="t", partition_data=[data])])


def layer(found: ClientQuotas) -> QuotaLayer:
    return QuotaLayer(found, lambda: EMPTY_IMAGE, 4)


def test_a_producer_is_told_how_long_and_its_connection_waits_so_long() -> None:
    muted: list[int] = []
    handler = layer(quotas(ManualClock(), user("alice"))).around(
        ApiKey.PRODUCE, lambda context, request: ProduceResponse(responses=[])
    )
    asked = context()
    asked.connection.mute = muted.append
    first: Any = handler(asked, produce(900))
    assert (first.throttle_time_ms, muted) == (0, [])
    second: Any = handler(asked, produce(600))
    assert (second.throttle_time_ms, muted) == (5000, [5000])


def creation(*counts: int) -> CreateTopicsRequest:
    topics = [
        CreatableTopic(name=f"t{number}", num_partitions=count, replication_factor=1, assignments=[], configs=[])
        for number, count in enumerate(counts)
    ]
    return CreateTopicsRequest(topics=topics)


def test_changes_of_topics_beyond_the_quota_are_refused_or_wait() -> None:
    clock = ManualClock()
    around = layer(quotas(clock, user("alice", controller_mutation_rate=1.0))).around

    def make(context: RequestContext, request: CreateTopicsRequest) -> CreateTopicsResponse:
        return CreateTopicsResponse(
            topics=[CreatableTopicResult(name=topic.name, error_code=0, error_message=None) for topic in request.topics]
        )

    handler = around(ApiKey.CREATE_TOPICS, make)
    strict: Any = handler(context(version=7), creation(10, -1, 1))
    assert [topic.error_code for topic in strict.topics] == [0, 0, ErrorCode.THROTTLING_QUOTA_EXCEEDED]
    assert strict.throttle_time_ms == 3000
    older: Any = handler(context(version=5), creation(2))
    assert ([topic.error_code for topic in older.topics], older.throttle_time_ms) == ([0], 5000)
    clock.ms += 5_000
    again: Any = handler(context(version=7), creation(1))
    assert [topic.error_code for topic in again.topics] == [0]


def test_who_takes_the_last_is_not_told_to_wait_and_a_check_counts() -> None:
    around = layer(quotas(ManualClock(), user("alice", controller_mutation_rate=1.0))).around

    def make(context: RequestContext, request: CreateTopicsRequest) -> CreateTopicsResponse:
        return CreateTopicsResponse(
            topics=[CreatableTopicResult(name=topic.name, error_code=0, error_message=None) for topic in request.topics]
        )

    handler = around(ApiKey.CREATE_TOPICS, make)
    last: Any = handler(context(version=7), creation(60))
    assert ([topic.error_code for topic in last.topics], last.throttle_time_ms) == ([0], 0)
    checked = creation(1)
    checked.validate_only = True
    refused: Any = handler(context(version=7), checked)
    assert [topic.error_code for topic in refused.topics] == [ErrorCode.THROTTLING_QUOTA_EXCEEDED]
    assert refused.throttle_time_ms == 49_000


def test_no_fetch_gets_more_than_all_windows_let_pass() -> None:
    asked: list[tuple[int, int]] = []

    def fetch(context: RequestContext, request: FetchRequest) -> FetchResponse:
        asked.append((request.max_bytes, request.min_bytes))
        return FetchResponse(responses=[])

    handler = layer(quotas(ManualClock(), user("alice", consumer_byte_rate=100.0))).around(ApiKey.FETCH, fetch)
    for name in ("alice", "bob"):
        request = FetchRequest(max_wait_ms=0, min_bytes=5_000, max_bytes=50_000, topics=[], forgotten_topics_data=[])
        handler(context(name), request)
    assert asked == [(1_000, 1_000), (50_000, 5_000)]


async def test_a_muted_connection_is_served_again_later() -> None:
    def heartbeat(context: RequestContext, request: HeartbeatRequest) -> HeartbeatResponse:
        context.connection.mute(30)
        return HeartbeatResponse(throttle_time_ms=30, error_code=0)

    async with Server({ApiKey.HEARTBEAT: heartbeat}) as server:
        client = await server.client()
        for _ in range(3):
            client.send(HeartbeatRequest(group_id="g", generation_id=1, member_id="m"), 4)
        for _ in range(3):
            _, response = await client.receive(HeartbeatResponse, 4)
            assert response.throttle_time_ms == 30


async def test_quotas_are_put_around_handlers_and_taken_away_while_a_node_runs() -> None:
    def heartbeat(context: RequestContext, request: HeartbeatRequest) -> HeartbeatResponse:
        return HeartbeatResponse(error_code=0)

    around = layer(quotas(ManualClock(), user("ANONYMOUS", request_percentage=1e-9))).around
    async with Server({ApiKey.HEARTBEAT: heartbeat}) as server:
        client = await server.client()
        told = []
        for wanted in (None, around, None):
            server.dispatcher.put_around(wanted)
            client.send(HeartbeatRequest(group_id="g", generation_id=1, member_id="m"), 4)
            told.append((await client.receive(HeartbeatResponse, 4))[1].throttle_time_ms)
        assert told == [0, 1000, 0]


# --- setting and describing


def alteration(
    entity: dict[str, str | None], *operations: tuple[str, float | None]
) -> AlterClientQuotasRequestEntryData:
    return AlterClientQuotasRequestEntryData(
        entity=[EntityData(entity_type=kind, entity_name=name) for kind, name in entity.items()],
        ops=[OpData(key=key, value=value or 0.0, remove=value is None) for key, value in operations],
    )


def alter(
    image: MetadataImage, *entries: AlterClientQuotasRequestEntryData, validate_only: bool = False
) -> tuple[list[int], MetadataImage]:
    view = ControllerView(image=image, next_offset=1, now_ms=0, monotonic_ms=0, random=Random(1))
    result = alter_client_quotas(view, AlterClientQuotasRequest(entries=list(entries), validate_only=validate_only))
    delta = MetadataDelta(image)
    for versioned in result.records:
        delta.replay(versioned.record)
    codes = [entry.error_code for entry in result.response.entries]
    return codes, delta.apply(offset=1, epoch=1, timestamp_ms=0)


def test_quotas_are_set_and_removed() -> None:
    both: dict[str, str | None] = {"user": "alice", "client-id": None}
    codes, image = alter(EMPTY_IMAGE, alteration(both, ("producer_byte_rate", 10.0), ("request_percentage", 0.5)))
    assert codes == [0]
    entity = (("client-id", None), ("user", "alice"))
    assert image.client_quotas.by_entity == {entity: {"producer_byte_rate": 10.0, "request_percentage": 0.5}}
    assert alter(image, alteration(both, ("producer_byte_rate", 11.0)), validate_only=True)[1].client_quotas == (
        image.client_quotas
    )
    codes, image = alter(image, alteration(both, ("producer_byte_rate", None), ("consumer_byte_rate", None)))
    assert image.client_quotas.by_entity == {entity: {"request_percentage": 0.5}}


@pytest.mark.parametrize(
    ("entity", "key", "value"),
    [
        ({}, "producer_byte_rate", 1.0),
        ({"group": "g"}, "producer_byte_rate", 1.0),
        ({"user": ""}, "producer_byte_rate", 1.0),
        ({"user": "a", "ip": "127.0.0.1"}, "connection_creation_rate", 1.0),
        ({"ip": "no address"}, "connection_creation_rate", 1.0),
        ({"ip": "127.0.0.1"}, "producer_byte_rate", 1.0),
        ({"user": "a"}, "connection_creation_rate", 1.0),
        ({"user": "a"}, "nothing", 1.0),
        ({"user": "a"}, "producer_byte_rate", -1.0),
        ({"user": "a"}, "producer_byte_rate", 1.5),
        ({"user": "a"}, "producer_byte_rate", 1e300),
        ({"user": "a"}, "request_percentage", float("nan")),
    ],
)
def test_what_cannot_be_set_is_refused_alone(entity: dict[str, str | None], key: str, value: float) -> None:
    codes, image = alter(
        EMPTY_IMAGE, alteration(entity, (key, value)), alteration({"user": "b"}, ("request_percentage", 1.0))
    )
    assert codes == [ErrorCode.INVALID_REQUEST, 0]
    assert list(image.client_quotas.by_entity) == [(("user", "b"),)]


def test_describing() -> None:
    image = MetadataImage(
        client_quotas=ClientQuotasImage(dict([user("alice"), user(None), user("alice", "c"), client("c")]))
    )
    handler = DescribeClientQuotasHandler(lambda: image)

    def found(strict: bool, *components: tuple[str, int, str | None]) -> int | set[tuple[tuple[str, str | None], ...]]:
        wanted = [ComponentData(entity_type=kind, match_type=how, match=name) for kind, how, name in components]
        response = handler(context(), DescribeClientQuotasRequest(components=wanted, strict=strict))
        if response.error_code:
            return response.error_code
        return {
            tuple((part.entity_type, part.entity_name) for part in entry.entity) for entry in response.entries or ()
        }

    alice, both = (("user", "alice"),), (("client-id", "c"), ("user", "alice"))
    assert found(False, ("user", 0, "alice")) == {alice, both}
    assert found(True, ("user", 0, "alice")) == {alice}
    assert found(False, ("user", 1, None)) == {(("user", None),)}
    assert found(True, ("user", 2, None)) == {alice, (("user", None),)}
    assert len(found(False)) == 4  # type: ignore[arg-type]  # a set
    assert found(False, ("group", 2, None)) == ErrorCode.UNSUPPORTED_VERSION
    assert found(False, ("user", 0, None)) == ErrorCode.INVALID_REQUEST
    assert found(False, ("user", 2, None), ("user", 2, None)) == ErrorCode.INVALID_REQUEST
