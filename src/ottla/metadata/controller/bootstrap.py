"""The first records of a cluster, written once by its first leader. KIP-778, 868, 966.

Kafka's `ActivationRecordsGenerator`.
"""

from collections.abc import Sequence

from ottla.metadata.controller.config_schema import ConfigResourceType
from ottla.metadata.controller.leadership import MIN_INSYNC_REPLICAS
from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.features import BOOTSTRAP_LEVELS, ELIGIBLE_LEADER_REPLICAS_VERSION
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.metadata_record.begin_transaction_record import BeginTransactionRecord
from ottla.protocol.metadata_record.config_record import ConfigRecord
from ottla.protocol.metadata_record.end_transaction_record import EndTransactionRecord
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord


def default_bootstrap_records() -> list[VersionedRecord]:
    """What formatting stores in `bootstrap.checkpoint`."""
    return [
        VersionedRecord(FeatureLevelRecord(name=name, feature_level=level)) for name, level in BOOTSTRAP_LEVELS.items()
    ]


def activate(
    view: ControllerView, bootstrap: Sequence[VersionedRecord], min_insync_replicas: int
) -> ControllerResult[None]:
    """Nothing, unless the metadata is empty. With ELR, the cluster-wide `min.insync.replicas` is pinned."""
    if view.image.features.metadata_version:
        return ControllerResult([], None)
    records = [VersionedRecord(BeginTransactionRecord(name="Bootstrap records")), *bootstrap]
    levels = {r.record.name: r.record.feature_level for r in bootstrap if isinstance(r.record, FeatureLevelRecord)}
    if levels.get(ELIGIBLE_LEADER_REPLICAS_VERSION, 0) > 0:
        pinned = ConfigRecord(
            resource_type=ConfigResourceType.BROKER,
            resource_name="",
            name=MIN_INSYNC_REPLICAS,
            value=str(min_insync_replicas),
        )
        records.append(VersionedRecord(pinned))
    records.append(VersionedRecord(EndTransactionRecord()))
    return ControllerResult(records, None)
