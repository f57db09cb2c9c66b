"""AssignReplicasToDirs (73): a broker tells which log directory each of its replicas lies in.

| version | what changed                                                    | KIP |
|---------|-----------------------------------------------------------------|-----|
| 0       |                                                                 | 858 |
"""

from functools import partial

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.assign_replicas_to_dirs import assign_replicas_to_dirs
from ottla.protocol.api.assign_replicas_to_dirs import AssignReplicasToDirsRequest, AssignReplicasToDirsResponse
from ottla.protocol.errors import KafkaError


class AssignReplicasToDirsHandler:
    def __init__(self, controller: ControllerShell) -> None:
        self._controller = controller

    async def __call__(
        self, context: RequestContext, request: AssignReplicasToDirsRequest
    ) -> AssignReplicasToDirsResponse:
        controller = self._controller
        decision = partial(assign_replicas_to_dirs, schema=controller.schema, request=request)
        try:
            return await controller.submit(decision)
        except KafkaError as error:
            return AssignReplicasToDirsResponse(error_code=error.code, directories=[])
