"""Brokers register, are fenced and unfenced, and shut down. KIP-631, 841, 858, 966, 1066.

Kafka's `ClusterControlManager`. What a heartbeat does is in `broker_heartbeat.py`.
"""

from ottla.metadata.controller.broker_epoch import broker_in_epoch, registered_broker
from ottla.metadata.controller.config_schema import ConfigSchema
from ottla.metadata.controller.heartbeats import BrokerHeartbeats
from ottla.metadata.controller.leadership import (
    records_for_broker_gone,
    records_for_broker_unfenced,
    records_for_broker_unregistered,
    records_for_unclean_shutdown,
)
from ottla.metadata.controller.partition_changes import elr_enabled
from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.features import (
    KRAFT_VERSION,
    METADATA_VERSION,
    assigns_directories,
    cordons_directories,
    register_broker_record_version,
)
from ottla.metadata.image import MetadataImage
from ottla.metadata.partition import is_reserved_directory
from ottla.metadata.record_serde import VersionedRecord
from ottla.metadata.registration import BrokerRegistration
from ottla.protocol.api.broker_registration import BrokerRegistrationRequest
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.broker_registration_change_record import BrokerRegistrationChangeRecord
from ottla.protocol.metadata_record.register_broker_record import BrokerEndpoint, BrokerFeature, RegisterBrokerRecord
from ottla.protocol.metadata_record.unregister_broker_record import UnregisterBrokerRecord

FENCE = 1
UNFENCE = -1
SECURITY_PROTOCOLS = range(4)
TELLS_PREVIOUS_EPOCH = 3
"""The version of BrokerRegistration from which a broker says how its last run ended."""


def has_directory_of_former_run(image: MetadataImage, request: BrokerRegistrationRequest) -> bool:
    """Another run of the broker has a log directory of the one registered: a process locks those that it uses.

    Ottla's own, and no proof alone (it may be a copy); Apache Kafka waits for the session of the former run to end.
    """
    known = image.cluster.brokers.get(request.broker_id)
    return (
        known is not None
        and request.incarnation_id != known.incarnation_id
        and not set(request.log_dirs).isdisjoint(known.directories)
    )


def register_broker(
    view: ControllerView,
    schema: ConfigSchema,
    heartbeats: BrokerHeartbeats,
    request: BrokerRegistrationRequest,
    *,
    api_version: int,
    cluster_id: str,
    kraft_version: int,
) -> ControllerResult[int]:
    """Answers the broker's epoch: the offset that the decision starts at. A new run of a broker is fenced.

    A run that does not say that it follows the clean end of the one registered may have lost records: the broker
    leaves every ISR and ELR first.
    """
    image = view.image
    if request.cluster_id != cluster_id:
        raise KafkaError(ErrorCode.INCONSISTENT_CLUSTER_ID, f"The cluster id is {cluster_id}, not {request.cluster_id}")
    broker_id = request.broker_id
    existing = image.cluster.brokers.get(broker_id)
    amends = existing is not None and existing.incarnation_id == request.incarnation_id
    if existing is not None and not amends and heartbeats.has_valid_session(broker_id, view.monotonic_ms):
        raise KafkaError(
            ErrorCode.DUPLICATE_BROKER_REGISTRATION,
            f"Another broker is registered as {broker_id}, and its session is not over",
        )
    if request.is_migrating_zk_broker:
        raise KafkaError(ErrorCode.BROKER_ID_NOT_REGISTERED, "Brokers of ZooKeeper cannot register")
    _check_directories(image, request)
    _check_listeners(request)
    _check_features(image, request, kraft_version)
    records: list[VersionedRecord] = []
    if existing is not None and amends:
        record = _registration(image, request, existing.epoch)
        record.fenced, record.in_controlled_shutdown = existing.fenced, existing.in_controlled_shutdown
    else:
        stored_epoch = -2 if existing is None else existing.epoch
        clean = api_version >= TELLS_PREVIOUS_EPOCH and request.previous_broker_epoch == stored_epoch
        if elr_enabled(image) and not clean:
            records += records_for_unclean_shutdown(view, schema, broker_id)
        else:
            records += records_for_broker_gone(view, schema, broker_id)
        record = _registration(image, request, view.next_offset)
    records.append(VersionedRecord(record, register_broker_record_version(image.features.metadata_version)))
    heartbeats.register(
        broker_id,
        record.broker_epoch,
        fenced=record.fenced,
        registration_offset=view.next_offset + len(records) - 1,
    )
    return ControllerResult(records, record.broker_epoch, atomic=False)  # the registration comes last


def _check_directories(image: MetadataImage, request: BrokerRegistrationRequest) -> None:
    if not assigns_directories(image.features.metadata_version):
        return
    if not request.log_dirs:
        raise KafkaError(ErrorCode.INVALID_REGISTRATION, "No directories were given")
    if any(is_reserved_directory(directory) for directory in request.log_dirs):
        raise KafkaError(ErrorCode.INVALID_REGISTRATION, "A directory id was given that is reserved")
    if len(set(request.log_dirs)) != len(request.log_dirs):
        raise KafkaError(ErrorCode.INVALID_REGISTRATION, "A directory id was given twice")
    for broker in image.cluster.brokers.values():
        if broker.broker_id != request.broker_id and not set(broker.directories).isdisjoint(request.log_dirs):
            raise KafkaError(
                ErrorCode.INVALID_REGISTRATION, f"Broker {broker.broker_id} is registered with one of the directories"
            )


def _check_listeners(request: BrokerRegistrationRequest) -> None:
    for listener in request.listeners:
        if listener.security_protocol not in SECURITY_PROTOCOLS:
            raise KafkaError(
                ErrorCode.UNKNOWN_SERVER_ERROR,
                f"Listener {listener.name} has the unknown security protocol {listener.security_protocol}",
            )


def _check_features(image: MetadataImage, request: BrokerRegistrationRequest, kraft_version: int) -> None:
    """What the broker supports must include what is finalized; 0, where nothing is."""
    features = image.features
    finalized = {
        **features.finalized_levels,
        METADATA_VERSION: features.metadata_version,
        KRAFT_VERSION: kraft_version,
    }
    supported = {f.name: (f.min_supported_version, f.max_supported_version) for f in request.features}
    for name, levels in supported.items():
        _check_feature(name, finalized.get(name, 0), levels)
    if METADATA_VERSION not in supported:
        raise KafkaError(ErrorCode.INVALID_REGISTRATION, f"The broker's features do not contain {METADATA_VERSION}")
    for name, level in finalized.items():
        if name not in supported:
            _check_feature(name, level, (0, 0))


def _check_feature(name: str, level: int, supported: tuple[int, int]) -> None:
    oldest, latest = supported
    if not oldest <= level <= latest:
        raise KafkaError(
            ErrorCode.UNSUPPORTED_VERSION,
            f"Level {level} of {name} is finalized, but the broker supports {oldest} to {latest}",
        )


def _registration(image: MetadataImage, request: BrokerRegistrationRequest, epoch: int) -> RegisterBrokerRecord:
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
        log_dirs=list(request.log_dirs) if assigns_directories(image.features.metadata_version) else [],
    )


def fence_broker(
    view: ControllerView, schema: ConfigSchema, broker_id: int, heartbeats: BrokerHeartbeats | None = None
) -> ControllerResult[None]:
    """It is gone, whoever found that out. Nothing happens if it is fenced already.

    With `heartbeats` its session ends too: it may register again at once.
    """
    broker = registered_broker(view, broker_id)
    if heartbeats is not None:
        heartbeats.fence(broker_id)
    if broker.fenced:
        return ControllerResult([], None)
    return ControllerResult(records_for_fencing(view, schema, broker), None, atomic=False)


def fence_stale_broker(
    view: ControllerView, schema: ConfigSchema, heartbeats: BrokerHeartbeats
) -> ControllerResult[int | None]:
    """The one that was silent for longest, if its session is over; `None`: nobody's is.

    One a decision, for what becomes of partitions depends on those that were fenced before: ask again until `None`.
    """
    broker_id = heartbeats.stale_broker(view.monotonic_ms)
    if broker_id is None:
        return ControllerResult([], None)
    heartbeats.fence(broker_id)
    broker = view.image.cluster.brokers.get(broker_id)
    if broker is None:
        heartbeats.remove(broker_id)
        return ControllerResult([], broker_id)
    return ControllerResult(records_for_fencing(view, schema, broker), broker_id, atomic=False)


def records_for_fencing(
    view: ControllerView, schema: ConfigSchema, broker: BrokerRegistration
) -> list[VersionedRecord]:
    records = records_for_broker_gone(view, schema, broker.broker_id)
    records.append(_change(broker, 0, fenced=FENCE))
    return records


def records_for_unfencing(
    view: ControllerView, schema: ConfigSchema, broker: BrokerRegistration
) -> list[VersionedRecord]:
    records = [_change(broker, 0, fenced=UNFENCE)]
    records += records_for_broker_unfenced(view, schema, broker.broker_id)
    return records


def records_for_controlled_shutdown(
    view: ControllerView, schema: ConfigSchema, broker: BrokerRegistration
) -> list[VersionedRecord]:
    records = [] if broker.in_controlled_shutdown else [_change(broker, 1, in_controlled_shutdown=1)]
    records += records_for_broker_gone(view, schema, broker.broker_id)
    return records


def unfence_broker(
    view: ControllerView, schema: ConfigSchema, broker_id: int, broker_epoch: int
) -> ControllerResult[None]:
    """The broker has caught up with the metadata: it may lead. None of its directories is cordoned."""
    broker = broker_in_epoch(view, broker_id, broker_epoch)
    records: list[VersionedRecord] = []
    if broker.fenced:
        records += records_for_unfencing(view, schema, broker)
    if broker.cordoned_directories is None and cordons_directories(view.image.features.metadata_version):
        change = BrokerRegistrationChangeRecord(broker_id=broker_id, broker_epoch=broker_epoch, cordoned_log_dirs=[])
        records.append(VersionedRecord(change, 3))
    return ControllerResult(records, None, atomic=False)


def begin_controlled_shutdown(
    view: ControllerView, schema: ConfigSchema, broker_id: int, broker_epoch: int
) -> ControllerResult[None]:
    """It wants to stop: it leads nothing and is in no ISR from here on. `fence_broker` completes it."""
    broker = broker_in_epoch(view, broker_id, broker_epoch)
    if broker.in_controlled_shutdown or broker.fenced:
        return ControllerResult([], None)
    return ControllerResult(records_for_controlled_shutdown(view, schema, broker), None, atomic=False)


def unregister_broker(
    view: ControllerView, schema: ConfigSchema, broker_id: int, heartbeats: BrokerHeartbeats | None = None
) -> ControllerResult[None]:
    """It will not come back: it leaves every ISR, and its registration is gone."""
    broker = registered_broker(view, broker_id)
    records = records_for_broker_unregistered(view, schema, broker_id)
    records.append(VersionedRecord(UnregisterBrokerRecord(broker_id=broker_id, broker_epoch=broker.epoch)))
    if heartbeats is not None:
        heartbeats.remove(broker_id)
    return ControllerResult(records, None, atomic=False)


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
