"""Envelope (58): a client's request, which a broker forwards as it came, with the client's principal and address.

| version | what changed                             | KIP |
|---------|------------------------------------------|-----|
| 0       |                                          | 590 |

The request inside is dispatched as if its sender had come itself. That this node is not the active controller is said
outside, so that the broker looks for the one that is; every other answer is inside.
"""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING

from ottla.broker.request_context import ANONYMOUS, ClientConnection
from ottla.protocol.api.envelope import DefaultPrincipalData, EnvelopeRequest, EnvelopeResponse
from ottla.protocol.api_keys import API
from ottla.protocol.codec import decoder
from ottla.protocol.errors import ErrorCode, KafkaError, ProtocolError
from ottla.protocol.header import ResponseHeader, response_header_version
from ottla.protocol.message import Response, Struct

if TYPE_CHECKING:
    from ottla.broker.controller.shell import ControllerShell
    from ottla.broker.dispatcher import Dispatcher, Route
    from ottla.broker.request_context import RequestContext

PRINCIPAL_VERSION_BYTES = 2


class EnvelopeHandler:
    def __init__(self, dispatcher: Dispatcher, controller: ControllerShell) -> None:
        self._dispatcher = dispatcher
        self._controller = controller

    async def __call__(self, context: RequestContext, request: EnvelopeRequest) -> EnvelopeResponse:
        if not self._controller.is_active:
            return EnvelopeResponse(error_code=ErrorCode.NOT_CONTROLLER)
        try:
            connection = ClientConnection(
                client_host=str(ipaddress.ip_address(bytes(request.client_host_address))),
                client_port=context.connection.client_port,
                listener=context.listener,
                security_protocol=context.connection.security_protocol,
            )
        except ValueError:
            return EnvelopeResponse(error_code=ErrorCode.INVALID_REQUEST)
        try:
            _take_principal(connection, request.request_principal)
        except ProtocolError:
            return EnvelopeResponse(error_code=ErrorCode.PRINCIPAL_DESERIALIZATION_FAILURE)
        try:
            route, inner, body = self._dispatcher.open(memoryview(bytes(request.request_data)), connection)
        except ProtocolError:
            return EnvelopeResponse(error_code=ErrorCode.INVALID_REQUEST)
        if not API[route.api_key].forwardable:
            return EnvelopeResponse(error_code=ErrorCode.INVALID_REQUEST)
        response = await _answer(route, inner, body)
        if response is None:
            return EnvelopeResponse(error_code=ErrorCode.UNKNOWN_SERVER_ERROR)
        if _says_not_controller(response):
            return EnvelopeResponse(error_code=ErrorCode.NOT_CONTROLLER)
        head = ResponseHeader(correlation_id=inner.correlation_id)
        data = head.encode(response_header_version(route.api_key, route.api_version))
        return EnvelopeResponse(response_data=data + response.encode(route.api_version), error_code=ErrorCode.NONE)


def _take_principal(connection: ClientConnection, data: bytes | None) -> None:
    """`ProtocolError` when it is not Kafka's default form."""
    if data is None:
        connection.principal = ANONYMOUS
        return
    view = memoryview(bytes(data))
    if len(view) < PRINCIPAL_VERSION_BYTES:
        raise ProtocolError("a principal of less than its version")
    version = int.from_bytes(view[:PRINCIPAL_VERSION_BYTES], "big")
    principal, _ = decoder(DefaultPrincipalData, version)(view, PRINCIPAL_VERSION_BYTES)
    connection.principal = f"{principal.type}:{principal.name}"
    connection.token_authenticated = principal.token_authenticated


async def _answer(route: Route, context: RequestContext, body: object) -> Response | None:
    """`None`: something failed that the API has no place for."""
    try:
        answer = route.handler(context, body)
        return answer if answer is None or isinstance(answer, Response) else await answer
    except asyncio.CancelledError:
        raise
    except KafkaError as error:
        return route.error_response(error.code)


def _says_not_controller(message: Struct) -> bool:
    """Leadership was lost on the way: some error code in the answer says so."""
    for field in message.schema:
        value = getattr(message, field.name)
        if field.name == "error_code":
            if value == ErrorCode.NOT_CONTROLLER:
                return True
        elif isinstance(value, list) and any(isinstance(one, Struct) and _says_not_controller(one) for one in value):
            return True
    return False
