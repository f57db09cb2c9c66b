"""AlterClientQuotas (49): sets and removes quotas of users, client ids and addresses.

| version | what changed   | KIP |
|---------|----------------|-----|
| 0       |                | 546 |
| 1       | tagged fields  | 482 |
"""

from functools import partial

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.client_quotas import alter_client_quotas
from ottla.protocol.api.alter_client_quotas import (
    AlterClientQuotasRequest,
    AlterClientQuotasResponse,
    AlterClientQuotasResponseEntryData,
    EntityData,
)
from ottla.protocol.errors import KafkaError


class AlterClientQuotasHandler:
    def __init__(self, controller: ControllerShell) -> None:
        self._controller = controller

    async def __call__(self, context: RequestContext, request: AlterClientQuotasRequest) -> AlterClientQuotasResponse:
        try:
            return await self._controller.submit(partial(alter_client_quotas, request=request))
        except KafkaError as error:
            return AlterClientQuotasResponse(
                entries=[
                    AlterClientQuotasResponseEntryData(
                        error_code=error.code,
                        error_message=error.message,
                        entity=[
                            EntityData(entity_type=part.entity_type, entity_name=part.entity_name)
                            for part in entry.entity
                        ],
                    )
                    for entry in request.entries
                ]
            )
