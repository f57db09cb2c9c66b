"""Brokers register, are fenced and unfenced, and shut down. KIP-631, 841, 858, 966, 1066.

Kafka's `ClusterControlManager`.
"""

from ottla.metadata.controller.config_schema import ConfigSchema
from ottla.metadata.controller.leadership import (
    elr_enabled,
    records_for_broker_gone,
    records_for_broker_unfenced,
    records_for_unclean_shutdown,
)
from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.features import (
    KRAFT_VERSION,
    METADATA_4_3_IV0,
    METADATA_VERSION,
    register_broker_record_version,
)
from ottla.metadata.record_serde import VersionedRecord
from ottla.metadata.registration import BrokerRegistration
from ottla.protocol.api.broker_registration import BrokerRegistrationRequest
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.broker_registration_change_record import BrokerRegistrationChangeRecord
from ottla.protocol.metadata_record.register_broker_record import BrokerEndpoint, BrokerFeature, RegisterBrokerRecord
from ottla.protocol.metadata_record.unregister_broker_record import UnregisterBrokerRecord

FENCE = 1
UNFENCE = -1


def register_broker(
    view: ControllerView, schema: ConfigSchema, request: BrokerRegistrationRequest, *, cluster_id: str
) -> ControllerResult[int]:
    """Answers the broker's epoch: the offset that the decision starts at. The broker is fenced.

    A broker whose last epoch is not the one it says it stopped cleanly from may have lost records: it leaves every
    ISR and ELR first.
    """
    image = view.image
    if request.cluster_id != cluster_id:
        raise KafkaError(ErrorCode.INCONSISTENT_CLUSTER_ID, f"The cluster id is {cluster_id}, not {request.cluster_id}")
    if not request.listeners:
        raise KafkaError(ErrorCode.INVALID_REGISTRATION, "No listeners were given")
    _check_features(view, request)
    existing = image.cluster.brokers.get(request.broker_id)
    if existing is not None and not existing.fenced and existing.incarnation_id != request.incarnation_id:
        raise KafkaError(
            ErrorCode.DUPLICATE_BROKER_REGISTRATION,
            f"Another broker is registered as {request.broker_id} and not fenced",
        )
    records: list[VersionedRecord] = []
    restarted = existing is not None and existing.incarnation_id != request.incarnation_id
    if restarted and existing is not None and elr_enabled(image) and existing.epoch != request.previous_broker_epoch:
        records += records_for_unclean_shutdown(view, schema, request.broker_id)
    epoch = view.next_offset
    if existing is not None and existing.incarnation_id == request.incarnation_id:
        epoch = existing.epoch
    version = register_broker_record_version(image.features.metadata_version)
    record = _registration(request, epoch)
    if existing is not None and not restarted:
        record.fenced = existing.fenced
        record.in_controlled_shutdown = existing.in_controlled_shutdown
    if version < 3:
        record.log_dirs = []
    records.append(VersionedRecord(record, version))
    return ControllerResult(records, epoch)


def _registration(request: BrokerRegistrationRequest, epoch: int) -> RegisterBrokerRecord:
    return RegisterBrokerRecord(
        broker_id=request.broker_id,
        incarnation_id=request.incarnation_id,
        broker_epoch=epoch,
        end_points=[
            BrokerEndpoint(name=e.name, host=e.host, port=e.port, security_protocol=e.security_protocol)
            for e in request.listeners
        ],
        features=[
            BrokerFeature(
                name=f.name,
                min_supported_version=f.min_supported_version,
                max_supported_version=f.max_supported_version,
            )
            for f in request.features
        ],
        rack=request.rack,
        fenced=True,
        log_dirs=list(request.log_dirs),
    )


def _check_features(view: ControllerView, request: BrokerRegistrationRequest) -> None:
    features = view.image.features
    finalized = {**features.finalized_levels, METADATA_VERSION: features.metadata_version}
    supported = {f.name: (f.min_supported_version, f.max_supported_version) for f in request.features}
    if len(set(request.log_dirs)) != len(request.log_dirs):
        raise KafkaError(ErrorCode.INVALID_REGISTRATION, "A directory id was given twice")
    for name, level in finalized.items():
        oldest, latest = supported.get(name, (0, 0))
        if name != KRAFT_VERSION and not oldest <= level <= latest:
            raise KafkaError(
                ErrorCode.UNSUPPORTED_VERSION,
                f"Level {level} of {name} is finalized, but the broker supports {oldest} to {latest}",
            )


def fence_broker(view: ControllerView, schema: ConfigSchema, broker_id: int) -> ControllerResult[None]:
    """It is gone. Nothing happens if it is fenced already."""
    broker = _registered(view, broker_id)
    if broker.fenced:
        return ControllerResult([], None)
    records = records_for_broker_gone(view, schema, broker_id)
    records.append(_change(broker, 0, fenced=FENCE))
    return ControllerResult(records, None)


def unfence_broker(
    view: ControllerView, schema: ConfigSchema, broker_id: int, broker_epoch: int
) -> ControllerResult[None]:
    """The broker has caught up with the metadata: it may lead. None of its directories is cordoned."""
    broker = _in_epoch(view, broker_id, broker_epoch)
    records: list[VersionedRecord] = []
    if broker.fenced:
        records.append(_change(broker, 0, fenced=UNFENCE))
        records += records_for_broker_unfenced(view, schema, broker_id)
    if broker.cordoned_directories is None and view.image.features.metadata_version >= METADATA_4_3_IV0:
        change = BrokerRegistrationChangeRecord(broker_id=broker_id, broker_epoch=broker_epoch, cordoned_log_dirs=[])
        records.append(VersionedRecord(change, 3))
    return ControllerResult(records, None)


def begin_controlled_shutdown(
    view: ControllerView, schema: ConfigSchema, broker_id: int, broker_epoch: int
) -> ControllerResult[None]:
    """It wants to stop: it leads nothing and is in no ISR from here on. `fence_broker` completes it."""
    broker = _in_epoch(view, broker_id, broker_epoch)
    if broker.in_controlled_shutdown or broker.fenced:
        return ControllerResult([], None)
    records = [_change(broker, 1, in_controlled_shutdown=1)]
    records += records_for_broker_gone(view, schema, broker_id)
    return ControllerResult(records, None)


def unregister_broker(view: ControllerView, schema: ConfigSchema, broker_id: int) -> ControllerResult[None]:
    """It will not come back: it leaves every ISR, and its registration is gone."""
    broker = _registered(view, broker_id)
    records = records_for_broker_gone(view, schema, broker_id)
    records.append(VersionedRecord(UnregisterBrokerRecord(broker_id=broker_id, broker_epoch=broker.epoch)))
    return ControllerResult(records, None)


def _change(
    broker: BrokerRegistration, version: int, *, fenced: int = 0, in_controlled_shutdown: int = 0
) -> VersionedRecord:
    record = BrokerRegistrationChangeRecord(
        broker_id=broker.broker_id,
        broker_epoch=broker.epoch,
        fenced=fenced,
        in_controlled_shutdown=in_controlled_shutdown,
    )
    return VersionedRecord(record, version)


def _registered(view: ControllerView, broker_id: int) -> BrokerRegistration:
    broker = view.image.cluster.brokers.get(broker_id)
    if broker is None:
        raise KafkaError(ErrorCode.BROKER_ID_NOT_REGISTERED, f"No broker is registered as {broker_id}")
    return broker


def _in_epoch(view: ControllerView, broker_id: int, broker_epoch: int) -> BrokerRegistration:
    broker = view.image.cluster.brokers.get(broker_id)
    if broker is None or broker.epoch != broker_epoch:
        raise KafkaError(ErrorCode.STALE_BROKER_EPOCH, f"Broker {broker_id} is not registered in epoch {broker_epoch}")
    return broker
