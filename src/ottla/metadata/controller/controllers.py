"""Controllers register themselves, so that brokers can say where they are. KIP-919."""

from collections.abc import Sequence

from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.features import SUPPORTED_FEATURES, registers_controllers
from ottla.metadata.record_serde import VersionedRecord
from ottla.metadata.registration import ControllerRegistration, Endpoint


def register_controller(
    view: ControllerView, controller_id: int, incarnation_id: bytes, endpoints: Sequence[Endpoint]
) -> ControllerResult[None]:
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
