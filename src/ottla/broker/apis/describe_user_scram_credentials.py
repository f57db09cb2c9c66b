"""DescribeUserScramCredentials (50): which mechanisms users have passwords for; never a secret.

| version | what changed | KIP |
|---------|--------------|-----|
| 0       |              | 554 |

Kafka's `ScramImage.describe`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ottla.protocol.api.describe_user_scram_credentials import (
    CredentialInfo,
    DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
    DescribeUserScramCredentialsResult,
)
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.request_context import RequestContext
    from ottla.metadata.image import MetadataImage


class DescribeUserScramCredentialsHandler:
    def __init__(self, image: Callable[[], MetadataImage]) -> None:
        self._image = image

    def __call__(
        self, context: RequestContext, request: DescribeUserScramCredentialsRequest
    ) -> DescribeUserScramCredentialsResponse:
        known: dict[str, list[CredentialInfo]] = {}
        for (mechanism, user), record in self._image().scram.credentials.items():
            known.setdefault(user, []).append(CredentialInfo(mechanism=mechanism, iterations=record.iterations))
        counts = Counter(user.name for user in request.users or ()) or Counter(known.keys())
        results = []
        for user, count in counts.items():
            if count > 1:
                text = f"Cannot describe SCRAM credentials for the same user twice in a single request: {user}"
                results.append(_failed(user, ErrorCode.DUPLICATE_RESOURCE, text))
            elif user not in known:
                text = f"Attempt to describe a user credential that does not exist: {user}"
                results.append(_failed(user, ErrorCode.RESOURCE_NOT_FOUND, text))
            else:
                results.append(
                    DescribeUserScramCredentialsResult(
                        user=user, error_code=ErrorCode.NONE, error_message=None, credential_infos=known[user]
                    )
                )
        return DescribeUserScramCredentialsResponse(error_code=ErrorCode.NONE, error_message="", results=results)


def _failed(user: str, error: ErrorCode, text: str) -> DescribeUserScramCredentialsResult:
    return DescribeUserScramCredentialsResult(user=user, error_code=error, error_message=text, credential_infos=[])
