"""A broker says that it lives, what it has of the metadata, and what it wants. KIP-631, 841, 858, 1066.

| version | what it adds |
|---|---|
| 0 | fencing, unfencing, controlled shutdown (KIP-631, 841) |
| 1 | log directories that failed (KIP-858) |
| 2 | log directories that are cordoned (KIP-1066) |

Kafka's `ReplicationControlManager.processBrokerHeartbeat`.
"""

from collections.abc import Sequence
from dataclasses import replace

from ottla.metadata.controller.broker_epoch import broker_in_epoch
from ottla.metadata.controller.brokers import (
    records_for_controlled_shutdown,
    records_for_fencing,
    records_for_unfencing,
)
from ottla.metadata.controller.config_schema import ConfigSchema
from ottla.metadata.controller.directories import records_for_cordoned_directories, records_for_offline_directories
from ottla.metadata.controller.heartbeats import BrokerControlState, BrokerHeartbeats
from ottla.metadata.controller.leadership import leads_anything
from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.delta import MetadataDelta
from ottla.metadata.features import assigns_directories, cordons_directories
from ottla.metadata.record_serde import VersionedRecord
from ottla.metadata.registration import BrokerRegistration
from ottla.protocol.api.broker_heartbeat import BrokerHeartbeatRequest, BrokerHeartbeatResponse
from ottla.protocol.errors import ErrorCode, KafkaError


def broker_heartbeat(
    view: ControllerView, schema: ConfigSchema, heartbeats: BrokerHeartbeats, request: BrokerHeartbeatRequest
) -> ControllerResult[BrokerHeartbeatResponse]:
    """Raises `KafkaError` STALE_BROKER_EPOCH: the broker has to register first.

    One that may stop has no session any more: its next run registers at once (Apache Kafka lets it wait).
    """
    broker_id = request.broker_id
    heartbeats.contact(broker_id, request.broker_epoch, view.monotonic_ms)
    broker = broker_in_epoch(view, broker_id, request.broker_epoch)
    state = heartbeats.state(broker_id)
    if state is None:
        raise KafkaError(ErrorCode.STALE_BROKER_EPOCH, f"Broker {broker_id} has not registered")
    if state.fenced != broker.fenced:  # by another decision than a heartbeat
        heartbeats.touch(broker_id, fenced=broker.fenced, metadata_offset=state.metadata_offset)
    metadata_version = view.image.features.metadata_version
    records: list[VersionedRecord] = []
    if assigns_directories(metadata_version):
        records += records_for_offline_directories(view, schema, broker, request.offline_log_dirs)
    seen = _after(view, records)  # who comes back without a directory leads nothing there
    before = state.state
    after = heartbeats.next_state(broker_id, request, lambda: leads_anything(seen.image, broker_id))
    if before is not after:
        records += _records(seen, schema, broker, after)
    heartbeats.touch(broker_id, fenced=after.fenced, metadata_offset=request.current_metadata_offset)
    if cordons_directories(metadata_version) and request.cordoned_log_dirs is not None:
        records += records_for_cordoned_directories(broker, request.cordoned_log_dirs)
    if after is BrokerControlState.CONTROLLED_SHUTDOWN:
        heartbeats.begin_controlled_shutdown(broker_id, view.next_offset + len(records) - 1)
    if after is BrokerControlState.SHUTDOWN_NOW:
        heartbeats.end_session(broker_id)
    response = BrokerHeartbeatResponse(
        error_code=ErrorCode.NONE,
        is_caught_up=request.current_metadata_offset >= state.registration_offset,
        is_fenced=after.fenced,
        should_shut_down=after is BrokerControlState.SHUTDOWN_NOW,
    )
    return ControllerResult(records, response, atomic=False)


def _after(view: ControllerView, records: Sequence[VersionedRecord]) -> ControllerView:
    if not records:
        return view
    image = view.image
    delta = MetadataDelta(image)
    for versioned in records:
        delta.replay(versioned.record)
    return replace(view, image=delta.apply(offset=image.offset, epoch=image.epoch, timestamp_ms=image.timestamp_ms))


def _records(
    view: ControllerView, schema: ConfigSchema, broker: BrokerRegistration, state: BrokerControlState
) -> list[VersionedRecord]:
    """A broker that is fenced already and may stop is fenced again, as by Apache Kafka."""
    match state:
        case BrokerControlState.UNFENCED:
            return records_for_unfencing(view, schema, broker)
        case BrokerControlState.CONTROLLED_SHUTDOWN:
            return records_for_controlled_shutdown(view, schema, broker)
        case _:
            return records_for_fencing(view, schema, broker)
