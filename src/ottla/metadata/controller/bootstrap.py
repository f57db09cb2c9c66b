"""The first records of a cluster, written once by its first leader. KIP-778, 868, 966.

Kafka's `ActivationRecordsGenerator`.
"""

from collections.abc import Mapping, Sequence

from ottla.metadata.controller.config_schema import ConfigResourceType
from ottla.metadata.controller.partition_changes import MIN_INSYNC_REPLICAS
from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.features import (
    BOOTSTRAP_LEVELS,
    ELIGIBLE_LEADER_REPLICAS_VERSION,
    KRAFT_VERSION,
    METADATA_VERSION,
    has_metadata_transactions,
)
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.metadata_record.abort_transaction_record import AbortTransactionRecord
from ottla.protocol.metadata_record.begin_transaction_record import BeginTransactionRecord
from ottla.protocol.metadata_record.config_record import ConfigRecord
from ottla.protocol.metadata_record.end_transaction_record import EndTransactionRecord
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord


def default_bootstrap_records() -> list[VersionedRecord]:
    """What formatting stores in `bootstrap.checkpoint`."""
    return bootstrap_records(BOOTSTRAP_LEVELS)


def bootstrap_records(levels: Mapping[str, int]) -> list[VersionedRecord]:
    """`metadata.version` first, the others by name; neither levels of 0 nor `kraft.version`, which is raft's."""
    names = sorted(levels, key=lambda name: (name != METADATA_VERSION, name))
    return [
        VersionedRecord(FeatureLevelRecord(name=name, feature_level=levels[name]))
        for name in names
        if levels[name] and name != KRAFT_VERSION
    ]


def activate(
    view: ControllerView,
    bootstrap: Sequence[VersionedRecord],
    min_insync_replicas: int,
    *,
    in_transaction: bool = False,
) -> ControllerResult[None]:
    """What an earlier active controller left open is aborted; the rest only if the metadata is empty.

    With ELR, the cluster-wide `min.insync.replicas` is pinned. `in_transaction`: a metadata transaction is open.
    """
    records: list[VersionedRecord] = []
    if in_transaction:
        records.append(VersionedRecord(AbortTransactionRecord(reason="Controller failover")))
    if view.image.features.metadata_version:
        return ControllerResult(records, None)
    levels = {r.record.name: r.record.feature_level for r in bootstrap if isinstance(r.record, FeatureLevelRecord)}
    transactional = has_metadata_transactions(levels.get(METADATA_VERSION, 0))
    if transactional:
        records.append(VersionedRecord(BeginTransactionRecord(name="Bootstrap records")))
    records += bootstrap
    if levels.get(ELIGIBLE_LEADER_REPLICAS_VERSION, 0) > 0:
        pinned = ConfigRecord(
            resource_type=ConfigResourceType.BROKER,
            resource_name="",
            name=MIN_INSYNC_REPLICAS,
            value=str(min_insync_replicas),
        )
        records.append(VersionedRecord(pinned))
    if transactional:
        records.append(VersionedRecord(EndTransactionRecord()))
    return ControllerResult(records, None)
