"""AlterUserScramCredentials (51): makes, changes and removes passwords; what travels is already salted.

| version | what changed | KIP |
|---------|--------------|-----|
| 0       |              | 554 |
"""

from functools import partial

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.scram import alter_scram_credentials
from ottla.protocol.api.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
    AlterUserScramCredentialsResult,
)
from ottla.protocol.errors import KafkaError


class AlterUserScramCredentialsHandler:
    def __init__(self, controller: ControllerShell) -> None:
        self._controller = controller

    async def __call__(
        self, context: RequestContext, request: AlterUserScramCredentialsRequest
    ) -> AlterUserScramCredentialsResponse:
        try:
            return await self._controller.submit(partial(alter_scram_credentials, request=request))
        except KafkaError as error:
            users = {one.name for one in request.deletions} | {one.name for one in request.upsertions}
            return AlterUserScramCredentialsResponse(
                results=[
                    AlterUserScramCredentialsResult(user=user, error_code=error.code, error_message=error.message)
                    for user in sorted(users)
                ]
            )
