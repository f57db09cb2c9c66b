"""Features of a cluster (KIP-584): what the brokers support, what is finalized, and raising or lowering a level."""

from collections.abc import Mapping
from dataclasses import dataclass

from ottla import __version__
from ottla.clients.client import KafkaClient
from ottla.protocol.api.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.api.update_features import FeatureUpdateKey, UpdateFeaturesRequest, UpdateFeaturesResponse
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

UPGRADE, SAFE_DOWNGRADE, UNSAFE_DOWNGRADE = 1, 2, 3
_UPGRADE_TYPES = 1
"""The first version of UpdateFeatures that says which kind of change is meant."""


@dataclass(frozen=True, slots=True)
class Feature:
    name: str
    oldest: int | None
    """The lowest and highest level that the node which was asked supports; `None` where it knows of none."""
    latest: int | None
    level: int
    """What is finalized; 0 where the feature is off."""


@dataclass(frozen=True, slots=True)
class Features:
    epoch: int | None
    """Of the finalized levels: it grows with every change of the metadata."""
    features: list[Feature]


async def describe_features(client: KafkaClient) -> Features:
    """As the node that answers knows them."""
    response = await client.send_any(
        ApiVersionsRequest(client_software_name="ottla-cli", client_software_version=__version__), ApiVersionsResponse
    )
    if response.error_code != ErrorCode.NONE:
        raise KafkaError(error_code(response.error_code), "the features cannot be described")
    supported = {each.name: (each.min_version, each.max_version) for each in response.supported_features}
    finalized = {each.name: each.max_version_level for each in response.finalized_features}
    features = []
    for name in sorted({*supported, *finalized}):
        oldest, latest = supported.get(name, (None, None))
        features.append(Feature(name, oldest, latest, finalized.get(name, 0)))
    epoch = response.finalized_features_epoch
    return Features(epoch if epoch >= 0 else None, features)


async def update_features(
    client: KafkaClient, levels: Mapping[str, int], *, kind: int = UPGRADE, validate_only: bool = False
) -> None:
    """All or none. `kind`: `UPGRADE`, `SAFE_DOWNGRADE` or `UNSAFE_DOWNGRADE` (which may lose metadata)."""
    connection = await client.any_connection()
    version = connection.version_of(UpdateFeaturesRequest)
    request = UpdateFeaturesRequest(timeout_ms=int(client.request_timeout_ms), feature_updates=[])
    for name, level in levels.items():
        if version >= _UPGRADE_TYPES:
            update = FeatureUpdateKey(feature=name, max_version_level=level, upgrade_type=kind)
        else:
            update = FeatureUpdateKey(feature=name, max_version_level=level, allow_downgrade=kind != UPGRADE)
        request.feature_updates.append(update)
    if version >= _UPGRADE_TYPES:
        request.validate_only = validate_only
    elif validate_only:
        raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, "this broker cannot only validate a change of features")
    response = await connection.send(request, UpdateFeaturesResponse, timeout_ms=client.request_timeout_ms)
    for result in response.results:
        if result.error_code != ErrorCode.NONE:
            raise KafkaError(error_code(result.error_code), f"{result.feature}: {result.error_message or 'refused'}")
    if response.error_code != ErrorCode.NONE:
        raise KafkaError(error_code(response.error_code), response.error_message or "the features cannot be changed")
