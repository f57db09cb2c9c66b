"""ElectLeaders (43): makes preferred replicas lead again, or anyone at all where nobody in sync is left.

| version | what changed                                       | KIP |
|---------|----------------------------------------------------|-----|
| 0       | preferred leaders                                  | 183 |
| 1       | the type of election is said; unclean ones too     | 460 |
| 2       | tagged fields                                      | 482 |
"""

from functools import partial

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.elections import ElectionType, elect_leaders
from ottla.metadata.controller.result import special_message
from ottla.protocol.api.elect_leaders import (
    ElectLeadersRequest,
    ElectLeadersResponse,
    PartitionResult,
    ReplicaElectionResult,
)
from ottla.protocol.errors import ErrorCode, KafkaError


class ElectLeadersHandler:
    def __init__(self, controller: ControllerShell) -> None:
        self._controller = controller

    async def __call__(self, context: RequestContext, request: ElectLeadersRequest) -> ElectLeadersResponse:
        if request.topic_partitions == []:
            return ElectLeadersResponse(replica_election_results=[])
        if request.election_type not in ElectionType.__members__.values():
            text = f"Election type {request.election_type} is not known"
            return _refused(request, context.api_version, KafkaError(ErrorCode.INVALID_REQUEST, text))
        controller = self._controller
        try:
            return await controller.submit(partial(elect_leaders, schema=controller.schema, request=request))
        except KafkaError as error:
            return _refused(request, context.api_version, error)


def _refused(request: ElectLeadersRequest, version: int, error: KafkaError) -> ElectLeadersResponse:
    return ElectLeadersResponse(
        error_code=error.code if version >= 1 else ErrorCode.NONE,
        replica_election_results=[
            ReplicaElectionResult(
                topic=topic.topic,
                partition_result=[
                    PartitionResult(partition_id=index, error_code=error.code, error_message=special_message(error))
                    for index in topic.partitions
                ],
            )
            for topic in request.topic_partitions or ()
        ],
    )
