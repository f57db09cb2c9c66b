"""A request in an envelope is served as its sender's, and everything about the envelope itself is answered outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.controllers import TestNode, creation, sent
from tests.unit.broker.wire import request_frame

from ottla.broker.apis.api_versions import ApiVersionsHandler
from ottla.broker.apis.create_topics import CreateTopicsHandler
from ottla.broker.apis.envelope import EnvelopeHandler
from ottla.broker.dispatcher import Dispatcher
from ottla.protocol.api.api_versions import ApiVersionsRequest
from ottla.protocol.api.create_topics import CreateTopicsResponse
from ottla.protocol.api.envelope import DefaultPrincipalData, EnvelopeRequest, EnvelopeResponse
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable
    from pathlib import Path

    from ottla.broker.request_context import RequestContext
    from ottla.protocol.api.create_topics import CreateTopicsRequest

HEADER_BYTES = 5
"""Correlation id, no tags."""
ALICE = b"\x00\x00" + DefaultPrincipalData(type="User", name="alice", token_authenticated=True).encode(0)
ADDRESS = bytes([10, 0, 0, 7])


class Served:
    def __init__(self, directory: Path) -> None:
        self.node = TestNode(directory)
        self.seen: list[RequestContext] = []
        create = CreateTopicsHandler(self.node.shell)

        def noted(context: RequestContext, request: CreateTopicsRequest) -> Awaitable[CreateTopicsResponse]:
            self.seen.append(context)
            return create(context, request)

        dispatcher = Dispatcher(
            {
                ApiKey.CREATE_TOPICS: lambda: noted,
                ApiKey.API_VERSIONS: lambda: ApiVersionsHandler((), lambda: self.node.shell.image),
            }
        )
        self._handler = EnvelopeHandler(dispatcher, self.node.shell)

    async def ask(self, data: bytes, principal: bytes | None = ALICE, address: bytes = ADDRESS) -> EnvelopeResponse:
        request = EnvelopeRequest(request_data=data, request_principal=principal, client_host_address=address)
        return await self._handler(*sent(request, 0))


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    made = Served(tmp_path)
    yield made
    await made.node.shell.close()


def creation_frame(name: str = "t") -> bytes:
    return request_frame(creation(name), 7)[4:]


async def test_the_request_is_served_as_its_senders(served: Served) -> None:
    answer = await served.ask(creation_frame())
    assert answer.error_code == ErrorCode.NONE
    assert answer.response_data is not None
    inner = CreateTopicsResponse.decode(answer.response_data, 7, HEADER_BYTES)
    assert [(topic.name, topic.error_code) for topic in inner.topics] == [("t", ErrorCode.NONE)]
    [context] = served.seen
    assert (context.principal, context.client_host) == ("User:alice", "10.0.0.7")
    assert context.connection.token_authenticated
    assert "t" in served.node.shell.image.topics.by_name


async def test_an_error_of_the_request_is_inside(served: Served) -> None:
    await served.ask(creation_frame())
    answer = await served.ask(creation_frame(), address=bytes(16))
    assert answer.error_code == ErrorCode.NONE
    assert answer.response_data is not None
    inner = CreateTopicsResponse.decode(answer.response_data, 7, HEADER_BYTES)
    assert inner.topics[0].error_code == ErrorCode.TOPIC_ALREADY_EXISTS


@pytest.mark.parametrize(
    ("data", "principal", "address", "code"),
    [
        (creation_frame(), b"", ADDRESS, ErrorCode.PRINCIPAL_DESERIALIZATION_FAILURE),
        (creation_frame(), b"\x00\x09" + ALICE[2:], ADDRESS, ErrorCode.PRINCIPAL_DESERIALIZATION_FAILURE),
        (creation_frame(), ALICE[:5], ADDRESS, ErrorCode.PRINCIPAL_DESERIALIZATION_FAILURE),
        (creation_frame(), ALICE, b"123", ErrorCode.INVALID_REQUEST),
        (creation_frame()[:-3], ALICE, ADDRESS, ErrorCode.INVALID_REQUEST),
        (b"", ALICE, ADDRESS, ErrorCode.INVALID_REQUEST),
        (request_frame(ApiVersionsRequest(), 0)[4:], ALICE, ADDRESS, ErrorCode.INVALID_REQUEST),
    ],
)
async def test_what_is_wrong_with_the_envelope_is_said_outside(
    served: Served, data: bytes, principal: bytes, address: bytes, code: ErrorCode
) -> None:
    answer = await served.ask(data, principal, address)
    assert (answer.error_code, answer.response_data) == (code, None)
    assert served.seen == []


async def test_who_is_not_active_says_so_outside(served: Served) -> None:
    served.node.shell.leads_no_more()
    answer = await served.ask(creation_frame())
    assert (answer.error_code, answer.response_data) == (ErrorCode.NOT_CONTROLLER, None)


async def test_leadership_that_is_lost_on_the_way_is_said_outside(served: Served) -> None:
    served.node.shell.is_active = True
    await served.node.shell.close()  # every decision is refused with NOT_CONTROLLER from here on
    answer = await served.ask(creation_frame())
    assert (answer.error_code, answer.response_data) == (ErrorCode.NOT_CONTROLLER, None)
