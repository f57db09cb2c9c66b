"""SaslAuthenticate (36): one token of a SASL exchange.

| version | what changed                       | KIP |
|---------|------------------------------------|-----|
| 0       |                                    | 152 |
| 1       | how long the session lasts         | 368 |
| 2       | tagged fields                      | 482 |

Served after SaslHandshake by the listener's entrance (`broker/authentication/sasl_entrance.py`); at any other time it
is out of place.
"""

from ottla.broker.request_context import RequestContext
from ottla.protocol.api.sasl_authenticate import SaslAuthenticateRequest, SaslAuthenticateResponse
from ottla.protocol.errors import ErrorCode


class SaslAuthenticateHandler:
    def __call__(self, context: RequestContext, request: SaslAuthenticateRequest) -> SaslAuthenticateResponse:
        return SaslAuthenticateResponse(
            error_code=ErrorCode.ILLEGAL_SASL_STATE,
            error_message="SaslAuthenticate request received after successful authentication",
            auth_bytes=b"",
        )
