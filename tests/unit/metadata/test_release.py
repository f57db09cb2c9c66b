"""What a release starts a cluster with; the numbers are `kafka-storage version-mapping`'s of 4.3.1."""

from __future__ import annotations

import pytest

from ottla.metadata.controller.bootstrap import bootstrap_records, default_bootstrap_records
from ottla.metadata.features import BOOTSTRAP_LEVELS, LATEST_METADATA_VERSION
from ottla.metadata.release import (
    METADATA_VERSIONS,
    FeatureError,
    default_levels,
    initial_levels,
    metadata_version_name,
    metadata_version_of,
)


@pytest.mark.parametrize(
    ("release", "level", "kraft", "transaction", "group", "elr", "share", "streams"),
    [
        ("3.3", 7, 0, 0, 0, 0, 0, 0),
        ("3.7", 19, 0, 0, 0, 0, 0, 0),
        ("3.7-IV2", 17, 0, 0, 0, 0, 0, 0),
        ("3.9", 21, 1, 0, 0, 0, 0, 0),
        ("4.0.1", 25, 1, 2, 1, 0, 0, 0),
        ("4.1", 27, 1, 2, 1, 1, 0, 0),
        ("4.2-IV0", 28, 1, 2, 1, 1, 1, 0),
        ("4.2", 29, 1, 2, 1, 1, 1, 1),
        ("4.3", 30, 1, 2, 1, 1, 1, 1),
    ],
)
def test_levels_of_a_release(
    release: str, level: int, kraft: int, transaction: int, group: int, elr: int, share: int, streams: int
) -> None:
    assert metadata_version_of(release) == level
    assert default_levels(level) == {
        "kraft.version": kraft,
        "transaction.version": transaction,
        "group.version": group,
        "eligible.leader.replicas.version": elr,
        "share.version": share,
        "streams.version": streams,
    }


def test_names() -> None:
    assert METADATA_VERSIONS["4.3-IV0"] == LATEST_METADATA_VERSION
    assert all(metadata_version_name(level) == name for name, level in METADATA_VERSIONS.items())
    assert metadata_version_name(99) == "99"


@pytest.mark.parametrize("release", ["3.2", "4.4", "", "x", "4", "4.3-IV1", "3.9-"])
def test_releases_that_are_none(release: str) -> None:
    with pytest.raises(FeatureError, match="there is no release"):
        metadata_version_of(release)


def test_the_latest_levels_are_those_of_a_new_cluster() -> None:
    levels = initial_levels(LATEST_METADATA_VERSION, {}, dynamic_quorum=True)
    assert levels == {**BOOTSTRAP_LEVELS, "kraft.version": 1}
    assert bootstrap_records(levels) == default_bootstrap_records()
    assert initial_levels(LATEST_METADATA_VERSION, {}, dynamic_quorum=False)["kraft.version"] == 0


@pytest.mark.parametrize(
    ("level", "features", "wrong"),
    [
        (30, {"foo": 1}, "there is no feature 'foo'; there are eligible"),
        (30, {"group.version": 5}, "group.version has levels 0 to 1, not 5"),
        (30, {"kraft.version": 0}, "kraft.version cannot be 0: the voters of this quorum are in its log"),
        (21, {"eligible.leader.replicas.version": 1}, "needs metadata.version=23 or more, and that is 21"),
    ],
)
def test_levels_that_cannot_be(level: int, features: dict[str, int], wrong: str) -> None:
    with pytest.raises(FeatureError, match=wrong):
        initial_levels(level, features, dynamic_quorum=True)
