"""UpdateFeatures (57): raises or lowers finalized feature levels.

| version | what changed                                                       | KIP  |
|---------|--------------------------------------------------------------------|------|
| 0       | levels go up                                                       | 584  |
| 1       | the kind of downgrade is said; an update may be tried only         | 778  |
| 2       | one outcome for the whole request                                  | 1022 |

As in Apache Kafka version 0's `allow_downgrade` is not heeded, and each result that version 0 or 1 lists is a success:
an error refuses the whole request.
"""

from functools import partial

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.features import FeatureQuorum, FeatureUpdate, update_features
from ottla.protocol.api.update_features import (
    UpdatableFeatureResult,
    UpdateFeaturesRequest,
    UpdateFeaturesResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError


class UpdateFeaturesHandler:
    def __init__(self, controller: ControllerShell) -> None:
        self._controller = controller

    async def __call__(self, context: RequestContext, request: UpdateFeaturesRequest) -> UpdateFeaturesResponse:
        controller = self._controller
        updates = {
            one.feature: FeatureUpdate(one.max_version_level, one.upgrade_type) for one in request.feature_updates
        }
        decision = partial(
            update_features,
            schema=controller.schema,
            updates=updates,
            quorum=FeatureQuorum(
                node_id=controller.quorum.settings.node_id,
                voter_ids=controller.history.voters.node_ids,
                kraft_version=controller.history.kraft_version,
                raise_kraft_version=controller.quorum.upgrade_kraft_version,
            ),
            validate_only=request.validate_only,
        )
        try:
            await controller.submit(decision)
        except KafkaError as error:
            return UpdateFeaturesResponse(error_code=error.code, error_message=error.message)
        results = [
            UpdatableFeatureResult(feature=one.feature, error_code=ErrorCode.NONE, error_message=ErrorCode.NONE.name)
            for one in request.feature_updates
        ]
        return UpdateFeaturesResponse(
            error_code=ErrorCode.NONE, error_message=None, results=results if context.api_version < 2 else []
        )
