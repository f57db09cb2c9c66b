"""ApiVersions (18): what this node serves, and the cluster's features.

| version | what changed                                                | KIP      |
|---------|-------------------------------------------------------------|----------|
| 0       |                                                             | 35       |
| 1       | throttle time                                               | 124      |
| 2       | quota violations are answered before throttling             | 219      |
| 3       | flexible; the client says what it is; features              | 511, 584 |
| 4       | features whose lowest level is 0 are listed too             | 1022     |

A version that is not served is answered as version 0 with UNSUPPORTED_VERSION and the versions of ApiVersions alone,
so that the client can ask again. Produce is advertised from version 0, though 3 is the oldest that is read:
librdkafka before 2.11 takes a broker without Produce v0 for one that knows no compression (KAFKA-18659).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ottla.metadata.features import KRAFT_VERSION, METADATA_VERSION, SUPPORTED_FEATURES
from ottla.protocol.api.api_versions import (
    ApiVersion,
    ApiVersionsRequest,
    ApiVersionsResponse,
    FinalizedFeatureKey,
    SupportedFeatureKey,
)
from ottla.protocol.api_keys import API, ApiKey
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ottla.broker.request_context import RequestContext
    from ottla.metadata.image import MetadataImage

PRODUCE_ADVERTISED_FROM = 0

_software_name = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")


class ApiVersionsHandler:
    def __init__(
        self,
        served: Collection[ApiKey],
        image: Callable[[], MetadataImage],
        kraft_version: Callable[[], int] = lambda: 0,
    ) -> None:
        """`served` are the keys of the table that this handler stands in; it may still grow until the first request."""
        self._served = served
        self._image = image
        self._kraft_version = kraft_version
        self._api_versions: list[ApiVersion] = []

    def __call__(self, context: RequestContext, request: ApiVersionsRequest) -> ApiVersionsResponse:
        version = context.api_version
        if version not in ApiVersionsRequest.versions:
            only_this = [_advertised(ApiKey.API_VERSIONS)]
            return ApiVersionsResponse(error_code=ErrorCode.UNSUPPORTED_VERSION, api_keys=only_this)
        if version >= 3:
            name, software_version = request.client_software_name, request.client_software_version
            if not (_software_name.fullmatch(name) and _software_name.fullmatch(software_version)):
                return ApiVersionsResponse(error_code=ErrorCode.INVALID_REQUEST, api_keys=[])
            context.connection.client_software_name = name
            context.connection.client_software_version = software_version
        if not self._api_versions:
            self._api_versions = [_advertised(key) for key in sorted(self._served)]
        image = self._image()
        return ApiVersionsResponse(
            error_code=ErrorCode.NONE,
            api_keys=self._api_versions,
            supported_features=_supported_features(version),
            finalized_features_epoch=image.offset,
            finalized_features=_finalized_features(image, self._kraft_version()),
        )


def advertised_versions(key: ApiKey) -> tuple[int, int]:
    """The oldest and the latest version of an API that clients are told of."""
    versions = API[key].stable_versions
    return PRODUCE_ADVERTISED_FROM if key is ApiKey.PRODUCE else versions.oldest, versions.latest


def _advertised(key: ApiKey) -> ApiVersion:
    oldest, latest = advertised_versions(key)
    return ApiVersion(api_key=key, min_version=oldest, max_version=latest)


def _supported_features(version: int) -> list[SupportedFeatureKey]:
    return [
        SupportedFeatureKey(name=name, min_version=levels.min_level, max_version=levels.max_level)
        for name, levels in SUPPORTED_FEATURES.items()
        if version >= 4 or levels.min_level > 0
    ]


def _finalized_features(image: MetadataImage, kraft_version: int) -> list[FinalizedFeatureKey]:
    levels = {name: level for name, level in image.features.finalized_levels.items() if level > 0}
    if image.features.metadata_version:
        levels[METADATA_VERSION] = image.features.metadata_version
    if kraft_version:
        levels[KRAFT_VERSION] = kraft_version  # of the quorum's own records, not of the image
    return [
        FinalizedFeatureKey(name=name, max_version_level=level, min_version_level=level)
        for name, level in levels.items()
    ]
