"""UpdateFeatures, API 57: versions 0 to 2.

KIP-584 (0), KIP-778 (1), KIP-1022 (2).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int8, Int16, Int32


class FeatureUpdateKey(Struct):
    feature: str
    max_version_level: Int16
    allow_downgrade: bool = field("0", default=False)
    upgrade_type: Int8 = field("1+", default=1)


class UpdateFeaturesRequest(Request, api=57, versions="0-2", flexible="0+"):
    """Raises or lowers finalized feature levels."""

    timeout_ms: Int32 = field(default=60000)
    feature_updates: list[FeatureUpdateKey]
    validate_only: bool = field("1+", default=False)


class UpdatableFeatureResult(Struct):
    feature: str
    error_code: Int16
    error_message: str | None = field(nullable="0+")


class UpdateFeaturesResponse(Response, api=57, versions="0-2", flexible="0+"):
    """The overall outcome, and one for each feature up to version 1."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    error_message: str | None = field(nullable="0+")
    results: list[UpdatableFeatureResult] = field("0-1", default_factory=list, ignorable=True)
