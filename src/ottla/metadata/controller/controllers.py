"""Controllers register themselves, so that brokers can say where they are, and what they support. KIP-919."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.features import SUPPORTED_FEATURES, registers_controllers
from ottla.metadata.record_serde import VersionedRecord
from ottla.metadata.registration import ControllerRegistration, Endpoint, SupportedRange
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.protocol.api.controller_registration import ControllerRegistrationRequest


def register_controller(
    view: ControllerView, controller_id: int, incarnation_id: bytes, endpoints: Sequence[Endpoint]
) -> ControllerResult[None]:
    """The active controller itself."""
    if not registers_controllers(view.image.features.metadata_version):
        return ControllerResult([], None)
    registration = ControllerRegistration(
        controller_id=controller_id,
        incarnation_id=incarnation_id,
        zk_migration_ready=False,
        listeners={endpoint.listener_name: endpoint for endpoint in endpoints},
        supported_features=SUPPORTED_FEATURES,
    )
    return ControllerResult([VersionedRecord(registration.to_record())], None)


def register_other_controller(view: ControllerView, request: ControllerRegistrationRequest) -> ControllerResult[None]:
    """One that asks for it. Raises `KafkaError` UNSUPPORTED_VERSION where the metadata has no place for it."""
    if not registers_controllers(view.image.features.metadata_version):
        raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, "This metadata.version has no registrations of controllers")
    registration = ControllerRegistration(
        controller_id=request.controller_id,
        incarnation_id=request.incarnation_id,
        zk_migration_ready=False,
        listeners={e.name: Endpoint(e.name, e.host, e.port, e.security_protocol) for e in request.listeners},
        supported_features={
            f.name: SupportedRange(f.min_supported_version, f.max_supported_version) for f in request.features
        },
    )
    return ControllerResult([VersionedRecord(registration.to_record())], None)
