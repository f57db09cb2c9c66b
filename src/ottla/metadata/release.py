"""What a release of Kafka starts a cluster with: names of `metadata.version`, and the feature levels that go with each.

KIP-584, 778, 1022; Kafka's `MetadataVersion` and `Feature`.
"""

from collections.abc import Mapping

from ottla.metadata.features import (
    ELIGIBLE_LEADER_REPLICAS_VERSION,
    FEATURE_DEPENDENCIES,
    GROUP_VERSION,
    KRAFT_VERSION,
    METADATA_VERSION,
    MINIMUM_METADATA_VERSION,
    SHARE_VERSION,
    STREAMS_VERSION,
    SUPPORTED_FEATURES,
    TRANSACTION_VERSION,
)

_RELEASES = (
    *("3.3-IV3", "3.4-IV0", "3.5-IV0", "3.5-IV1", "3.5-IV2", "3.6-IV0", "3.6-IV1", "3.6-IV2", "3.7-IV0", "3.7-IV1"),
    *("3.7-IV2", "3.7-IV3", "3.7-IV4", "3.8-IV0", "3.9-IV0", "4.0-IV0", "4.0-IV1", "4.0-IV2", "4.0-IV3", "4.1-IV0"),
    *("4.1-IV1", "4.2-IV0", "4.2-IV1", "4.3-IV0"),
)
METADATA_VERSIONS: Mapping[str, int] = {
    name: level for level, name in enumerate(_RELEASES, start=MINIMUM_METADATA_VERSION)
}
"""Those that are stable in 4.3, by name."""
_NAMES = {level: name for name, level in METADATA_VERSIONS.items()}

# feature: ((level, the metadata.version from which on a new cluster has it), …), lowest first
_DEFAULTS: Mapping[str, tuple[tuple[int, int], ...]] = {
    KRAFT_VERSION: ((1, 21),),
    TRANSACTION_VERSION: ((2, 24),),
    GROUP_VERSION: ((1, 22),),
    ELIGIBLE_LEADER_REPLICAS_VERSION: ((1, 26),),
    SHARE_VERSION: ((1, 28),),
    STREAMS_VERSION: ((1, 29),),
}


class FeatureError(Exception):
    """Levels that no cluster can start with; the text says why."""


def metadata_version_of(release: str) -> int:
    """Of `3.9-IV0`, or of `3.9` or `3.9.1`: the last one of that release. Raises `FeatureError`."""
    if release in METADATA_VERSIONS:
        return METADATA_VERSIONS[release]
    short = ".".join(release.split(".")[:2])
    levels = [level for name, level in METADATA_VERSIONS.items() if name.startswith(f"{short}-")]
    if not levels or "-" in release:
        raise FeatureError(f"there is no release '{release}'; there are {', '.join(METADATA_VERSIONS)}")
    return max(levels)


def metadata_version_name(level: int) -> str:
    return _NAMES.get(level, str(level))


def default_levels(metadata_version: int) -> dict[str, int]:
    """Of every feature but `metadata.version` itself."""
    return {
        name: max((level for level, since in levels if since <= metadata_version), default=0)
        for name, levels in _DEFAULTS.items()
    }


def initial_levels(metadata_version: int, features: Mapping[str, int], *, dynamic_quorum: bool) -> dict[str, int]:
    """All levels that a cluster starts with, some of them asked for. Raises `FeatureError`.

    `kraft.version` is 1 where voters can change, else 0.
    """
    levels = default_levels(metadata_version) | {METADATA_VERSION: metadata_version}
    levels[KRAFT_VERSION] = int(dynamic_quorum)
    for name, level in features.items():
        supported = SUPPORTED_FEATURES.get(name)
        if supported is None:
            raise FeatureError(f"there is no feature '{name}'; there are {', '.join(sorted(SUPPORTED_FEATURES))}")
        if not supported.min_level <= level <= supported.max_level:
            raise FeatureError(f"{name} has levels {supported.min_level} to {supported.max_level}, not {level}")
        if name == KRAFT_VERSION and level != int(dynamic_quorum):
            kind = "are in its log" if dynamic_quorum else "stand in controller.quorum.voters"
            raise FeatureError(f"{name} cannot be {level}: the voters of this quorum {kind}")
        levels[name] = level
    for name, level in levels.items():
        for needed, least in FEATURE_DEPENDENCIES.get((name, level), {}).items():
            if levels[needed] < least:
                raise FeatureError(f"{name}={level} needs {needed}={least} or more, and that is {levels[needed]}")
    return levels
