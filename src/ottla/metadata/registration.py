"""A broker and a controller as they are registered with the quorum. KIP-631, 858, 919, 1066."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ottla.metadata.partition import LOST_DIRECTORY, MIGRATING_DIRECTORY, UNASSIGNED_DIRECTORY
from ottla.protocol.metadata_record.broker_registration_change_record import BrokerRegistrationChangeRecord
from ottla.protocol.metadata_record.register_broker_record import BrokerEndpoint, BrokerFeature, RegisterBrokerRecord
from ottla.protocol.metadata_record.register_controller_record import (
    ControllerEndpoint,
    ControllerFeature,
    RegisterControllerRecord,
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    listener_name: str
    host: str
    port: int
    security_protocol: int
    """0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL."""


@dataclass(frozen=True, slots=True)
class SupportedRange:
    """The levels of a feature that a node can run, both inclusive."""

    min_level: int
    max_level: int


@dataclass(frozen=True, slots=True)
class BrokerRegistration:
    broker_id: int
    epoch: int
    incarnation_id: bytes
    listeners: Mapping[str, Endpoint]
    supported_features: Mapping[str, SupportedRange]
    rack: str | None
    fenced: bool
    in_controlled_shutdown: bool
    directories: tuple[bytes, ...]
    """Log directories that are online, sorted."""
    cordoned_directories: tuple[bytes, ...] | None = None
    """`None` until the broker's first heartbeat of a session tells."""

    @classmethod
    def from_record(cls, record: RegisterBrokerRecord) -> "BrokerRegistration":
        cordoned = record.cordoned_log_dirs
        return cls(
            broker_id=record.broker_id,
            epoch=record.broker_epoch,
            incarnation_id=record.incarnation_id,
            listeners={e.name: Endpoint(e.name, e.host, e.port, e.security_protocol) for e in record.end_points},
            supported_features={
                f.name: SupportedRange(f.min_supported_version, f.max_supported_version) for f in record.features
            },
            rack=record.rack,
            fenced=record.fenced,
            in_controlled_shutdown=record.in_controlled_shutdown,
            directories=tuple(sorted(record.log_dirs)),
            cordoned_directories=None if cordoned is None else tuple(sorted(cordoned)),
        )

    @property
    def active(self) -> bool:
        """May lead."""
        return not self.fenced and not self.in_controlled_shutdown

    @property
    def usable(self) -> bool:
        """May hold new replicas: not on its way out, and not every directory cordoned."""
        if self.in_controlled_shutdown and not self.fenced:
            return False
        if not self.directories or self.cordoned_directories is None:
            return True
        return any(directory not in self.cordoned_directories for directory in self.directories)

    def has_online_directory(self, directory: bytes) -> bool:
        """As far as is known: one that nobody has told yet counts as online."""
        if directory in (MIGRATING_DIRECTORY, UNASSIGNED_DIRECTORY):
            return True
        if directory == LOST_DIRECTORY:
            return False
        return not self.directories or directory in self.directories

    def merge(self, change: BrokerRegistrationChangeRecord) -> "BrokerRegistration":
        cordoned = change.cordoned_log_dirs
        return replace(
            self,
            fenced=change.fenced > 0 if change.fenced else self.fenced,
            in_controlled_shutdown=self.in_controlled_shutdown or change.in_controlled_shutdown == 1,
            directories=tuple(sorted(change.log_dirs)) if change.log_dirs else self.directories,
            cordoned_directories=self.cordoned_directories if cordoned is None else tuple(sorted(cordoned)),
        )

    def with_fenced(self, fenced: bool) -> "BrokerRegistration":
        return replace(self, fenced=fenced)

    def to_record(self, version: int) -> RegisterBrokerRecord:
        record = RegisterBrokerRecord(
            broker_id=self.broker_id,
            incarnation_id=self.incarnation_id,
            broker_epoch=self.epoch,
            end_points=[
                BrokerEndpoint(name=e.listener_name, host=e.host, port=e.port, security_protocol=e.security_protocol)
                for e in self.listeners.values()
            ],
            features=[
                BrokerFeature(name=name, min_supported_version=r.min_level, max_supported_version=r.max_level)
                for name, r in self.supported_features.items()
            ],
            rack=self.rack,
            fenced=self.fenced,
            in_controlled_shutdown=self.in_controlled_shutdown,
        )
        if version >= 3:
            record.log_dirs = list(self.directories)
        if version >= 4:
            record.cordoned_log_dirs = None if self.cordoned_directories is None else list(self.cordoned_directories)
        return record


@dataclass(frozen=True, slots=True)
class ControllerRegistration:
    controller_id: int
    incarnation_id: bytes
    zk_migration_ready: bool
    listeners: Mapping[str, Endpoint]
    supported_features: Mapping[str, SupportedRange]

    @classmethod
    def from_record(cls, record: RegisterControllerRecord) -> "ControllerRegistration":
        return cls(
            controller_id=record.controller_id,
            incarnation_id=record.incarnation_id,
            zk_migration_ready=record.zk_migration_ready,
            listeners={e.name: Endpoint(e.name, e.host, e.port, e.security_protocol) for e in record.end_points},
            supported_features={
                f.name: SupportedRange(f.min_supported_version, f.max_supported_version) for f in record.features
            },
        )

    def to_record(self) -> RegisterControllerRecord:
        return RegisterControllerRecord(
            controller_id=self.controller_id,
            incarnation_id=self.incarnation_id,
            zk_migration_ready=self.zk_migration_ready,
            end_points=[
                ControllerEndpoint(
                    name=e.listener_name, host=e.host, port=e.port, security_protocol=e.security_protocol
                )
                for e in self.listeners.values()
            ],
            features=[
                ControllerFeature(name=name, min_supported_version=r.min_level, max_supported_version=r.max_level)
                for name, r in self.supported_features.items()
            ],
        )
