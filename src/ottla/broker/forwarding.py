"""Requests that only the active controller can serve: here if it is in this process, else forwarded in an Envelope.

    client ─► guard ─► ForwardingHandler ─ local ─► the API's own handler
                             └─ remote ─► Envelope(header and body as the client's, principal, address) ─► controller

The envelope is opened there as if the client had come itself. KIP-590; Kafka's `ForwardingManager`.
"""

from __future__ import annotations

import ipaddress
import logging
from typing import TYPE_CHECKING, Final

from ottla.protocol.api.envelope import DefaultPrincipalData, EnvelopeRequest, EnvelopeResponse
from ottla.protocol.api_keys import API, ApiKey
from ottla.protocol.codec import decoder
from ottla.protocol.errors import ErrorCode, KafkaError, ProtocolError, error_code
from ottla.protocol.header import RequestHeader, ResponseHeader, request_header_version, response_header_version
from ottla.protocol.message import Request, Response

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from ottla.broker.controller_channel import ControllerChannel
    from ottla.broker.request_context import Answer, Handler, RequestContext

PRINCIPAL_VERSION: Final = 0

_log = logging.getLogger(__name__)


class Forwarding:
    """Through one channel, which is nobody else's: what is forwarded may take its time."""

    def __init__(self, channel: ControllerChannel) -> None:
        self._channel = channel

    @property
    def is_local(self) -> bool:
        """Whether the active controller is in this process: nothing is forwarded then."""
        return self._channel.is_local

    async def ask(self, context: RequestContext, request: Request) -> Response:
        """The answer of the controller to this client's request. `KafkaError` when it gave none."""
        answer = await self._channel.send(envelope(context, request), EnvelopeResponse)
        if answer.error_code != ErrorCode.NONE or answer.response_data is None:
            _log.warning("%r was not served by the controller: %s", context, error_code(answer.error_code).name)
            raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR)
        return response_of(context, answer.response_data)


class ForwardingHandler:
    """What has no answer in time, the handler of this node answers, in its own form of not being the controller."""

    def __init__(self, local: Handler, forwarding: Forwarding) -> None:
        self._local = local
        self._forwarding = forwarding

    def __call__(self, context: RequestContext, request: Request) -> Answer:
        return self._local(context, request) if self._forwarding.is_local else self._forward(context, request)

    async def _forward(self, context: RequestContext, request: Request) -> Response | None:
        try:
            return await self._forwarding.ask(context, request)
        except KafkaError as error:
            _log.warning("%r could not be forwarded: %s", context, error)
            if error.code is not ErrorCode.REQUEST_TIMED_OUT:
                raise
        local: Answer | Awaitable[Response | None] = self._local(context, request)
        return local if local is None or isinstance(local, Response) else await local


def envelope(context: RequestContext, request: Request) -> EnvelopeRequest:
    """The request as it came, and who sent it from where."""
    key, version = ApiKey(context.api_key), context.api_version
    header = RequestHeader(
        request_api_key=key,
        request_api_version=version,
        correlation_id=context.correlation_id,
        client_id=context.client_id,
    )
    kind, _, name = context.principal.partition(":")
    principal = DefaultPrincipalData(
        type=kind, name=name, token_authenticated=context.connection.token_authenticated
    ).encode(PRINCIPAL_VERSION)
    return EnvelopeRequest(
        request_data=header.encode(request_header_version(key, version)) + request.encode(version),
        request_principal=PRINCIPAL_VERSION.to_bytes(2, "big") + principal,
        client_host_address=ipaddress.ip_address(context.client_host.partition("%")[0]).packed,
    )


def response_of(context: RequestContext, data: bytes) -> Response:
    """What the envelope's answer holds. `KafkaError` when it is not the answer to this request."""
    key, version = ApiKey(context.api_key), context.api_version
    view = memoryview(data)
    try:
        header, offset = decoder(ResponseHeader, response_header_version(key, version))(view, 0)
        if header.correlation_id != context.correlation_id:
            raise ProtocolError(f"answer {header.correlation_id} where {context.correlation_id} was due")
        return API[key].response.decode(view, version, offset)
    except ProtocolError as error:
        _log.warning("%r: the controller's answer cannot be read: %s", context, error)
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR) from None
