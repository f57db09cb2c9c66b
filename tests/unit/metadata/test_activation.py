"""What a controller writes when it becomes the active one."""

from __future__ import annotations

from random import Random

from ottla.metadata.controller.bootstrap import activate, default_bootstrap_records
from ottla.metadata.controller.result import ControllerView
from ottla.metadata.features import METADATA_VERSION
from ottla.metadata.image import EMPTY_IMAGE, FeaturesImage, MetadataImage
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord


def written(image: MetadataImage, bootstrap: list[VersionedRecord], *, in_transaction: bool) -> list[str]:
    view = ControllerView(image=image, next_offset=1, now_ms=0, monotonic_ms=0, random=Random(1))
    records = activate(view, bootstrap, 2, in_transaction=in_transaction).records
    return [type(versioned.record).__name__.removesuffix("Record") for versioned in records]


def test_a_fresh_cluster() -> None:
    whole = ["BeginTransaction", *["FeatureLevel"] * 6, "Config", "EndTransaction"]
    assert written(EMPTY_IMAGE, default_bootstrap_records(), in_transaction=False) == whole
    assert written(EMPTY_IMAGE, default_bootstrap_records(), in_transaction=True) == ["AbortTransaction", *whole]


def test_a_fresh_cluster_of_before_metadata_transactions() -> None:
    old = [VersionedRecord(FeatureLevelRecord(name=METADATA_VERSION, feature_level=12))]
    assert written(EMPTY_IMAGE, old, in_transaction=False) == ["FeatureLevel"]


def test_one_that_takes_over() -> None:
    image = MetadataImage(offset=7, epoch=1, features=FeaturesImage(metadata_version=30))
    assert written(image, [], in_transaction=False) == []
    assert written(image, [], in_transaction=True) == ["AbortTransaction"]
