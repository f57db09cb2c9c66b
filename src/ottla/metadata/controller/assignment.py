"""Who holds a new partition, and who leads it at first: from a placement, or from what a person wrote. KIP-455, 858."""

from collections.abc import Callable, Sequence

from ottla.metadata.features import partition_record_version
from ottla.metadata.image import MetadataImage
from ottla.metadata.partition import MIGRATING_DIRECTORY, UNASSIGNED_DIRECTORY, PartitionRegistration
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.errors import ErrorCode, KafkaError

MAX_PARTITIONS_PER_BATCH = 10_000
"""What one request may create: its records are one batch."""


def check_manual_assignment(image: MetadataImage, replicas: Sequence[int], replication_factor: int | None) -> None:
    """Raises `KafkaError` INVALID_REPLICA_ASSIGNMENT. `replication_factor`: of the partitions before, if any."""
    if not replicas:
        raise _invalid("the replica list is empty")
    for replica in replicas:
        if replica not in image.cluster.brokers:
            raise _invalid(f"no broker is registered as {replica}")
    for replica in replicas:
        if list(replicas).count(replica) > 1:
            raise _invalid(f"broker {replica} is named more than once")
    if replication_factor is not None and len(replicas) != replication_factor:
        raise _invalid(f"a partition has {len(replicas)} replica(s), others have {replication_factor}")


def new_manual_partition(image: MetadataImage, index: int, replicas: Sequence[int]) -> PartitionRegistration:
    registration = _new_partition(image, replicas)
    if registration is None:
        raise _invalid(f"all brokers of partition {index} are fenced or shutting down")
    return registration


def new_placed_partition(image: MetadataImage, replicas: Sequence[int]) -> PartitionRegistration:
    registration = _new_partition(image, replicas)
    if registration is None:
        raise KafkaError(
            ErrorCode.INVALID_REPLICATION_FACTOR, "Unable to place replicas: all brokers are fenced or shutting down"
        )
    return registration


def _new_partition(image: MetadataImage, replicas: Sequence[int]) -> PartitionRegistration | None:
    isr = tuple(replica for replica in replicas if image.cluster.is_active(replica))
    if not isr:
        return None
    return PartitionRegistration(
        replicas=tuple(replicas),
        directories=tuple(default_directory(image, replica) for replica in replicas),
        isr=isr,
        leader=isr[0],
        leader_epoch=0,
        partition_epoch=0,
    )


def directory_chooser(image: MetadataImage) -> Callable[[int], bytes] | None:
    """The directory of a new replica on a broker; `None` where records cannot say it yet."""
    if partition_record_version(image.features.metadata_version) == 0:
        return None
    return lambda broker_id: default_directory(image, broker_id)


def default_directory(image: MetadataImage, broker_id: int) -> bytes:
    """With several directories the broker chooses, and tells (AssignReplicasToDirs)."""
    directories = image.cluster.brokers[broker_id].directories
    if not directories:
        return MIGRATING_DIRECTORY
    return directories[0] if len(directories) == 1 else UNASSIGNED_DIRECTORY


def partition_record(
    image: MetadataImage, topic_id: bytes, index: int, registration: PartitionRegistration
) -> VersionedRecord:
    version = partition_record_version(image.features.metadata_version)
    return VersionedRecord(registration.to_record(topic_id, index, version), version)


def _invalid(why: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, f"The manual partition assignment is invalid: {why}")
