"""SaslHandshake (17): a client names its SASL mechanism.

| version | what changed                                                | KIP |
|---------|-------------------------------------------------------------|-----|
| 0       | bare tokens follow                                          | 43  |
| 1       | tokens follow in SaslAuthenticate                           | 152 |

Served before authentication, and at the end of a session, by the listener's entrance
(`broker/authentication/sasl_entrance.py`); at any other time it is out of place.
"""

from ottla.broker.request_context import RequestContext
from ottla.protocol.api.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse
from ottla.protocol.errors import ErrorCode


class SaslHandshakeHandler:
    def __call__(self, context: RequestContext, request: SaslHandshakeRequest) -> SaslHandshakeResponse:
        return SaslHandshakeResponse(error_code=ErrorCode.ILLEGAL_SASL_STATE, mechanisms=[])
