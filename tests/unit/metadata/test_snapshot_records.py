"""An image survives as records: every record of Kafka 4.3 replayed, the image written, and read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.metadata.decisions import Controller, topic

from ottla.metadata.delta import MetadataDelta
from ottla.metadata.image import EMPTY_IMAGE, MetadataImage
from ottla.metadata.loader import MetadataLoader
from ottla.metadata.record_serde import MetadataError, VersionedRecord, decode_record, encode_record
from ottla.metadata.snapshot_records import snapshot_records
from ottla.protocol.metadata_record.abort_transaction_record import AbortTransactionRecord
from ottla.protocol.metadata_record.access_control_entry_record import AccessControlEntryRecord
from ottla.protocol.metadata_record.begin_transaction_record import BeginTransactionRecord
from ottla.protocol.metadata_record.clear_elr_record import ClearElrRecord
from ottla.protocol.metadata_record.client_quota_record import ClientQuotaRecord, EntityData
from ottla.protocol.metadata_record.config_record import ConfigRecord
from ottla.protocol.metadata_record.delegation_token_record import DelegationTokenRecord
from ottla.protocol.metadata_record.end_transaction_record import EndTransactionRecord
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord
from ottla.protocol.metadata_record.fence_broker_record import FenceBrokerRecord
from ottla.protocol.metadata_record.frame import RECORD_TYPES
from ottla.protocol.metadata_record.no_op_record import NoOpRecord
from ottla.protocol.metadata_record.partition_change_record import PartitionChangeRecord
from ottla.protocol.metadata_record.producer_ids_record import ProducerIdsRecord
from ottla.protocol.metadata_record.register_controller_record import ControllerEndpoint, RegisterControllerRecord
from ottla.protocol.metadata_record.remove_access_control_entry_record import RemoveAccessControlEntryRecord
from ottla.protocol.metadata_record.remove_delegation_token_record import RemoveDelegationTokenRecord
from ottla.protocol.metadata_record.remove_topic_record import RemoveTopicRecord
from ottla.protocol.metadata_record.remove_user_scram_credential_record import RemoveUserScramCredentialRecord
from ottla.protocol.metadata_record.unfence_broker_record import UnfenceBrokerRecord
from ottla.protocol.metadata_record.unregister_broker_record import UnregisterBrokerRecord
from ottla.protocol.metadata_record.user_scram_credential_record import UserScramCredentialRecord
from ottla.protocol.metadata_record.zk_migration_state_record import ZkMigrationStateRecord

if TYPE_CHECKING:
    from ottla.protocol.message import MetadataRecord


def an_id(number: int) -> bytes:
    return bytes(15) + bytes([number])


def acl(number: int) -> AccessControlEntryRecord:
    return AccessControlEntryRecord(
        id=an_id(number),
        resource_type=2,
        resource_name="t",
        pattern_type=3,
        principal="User:a",
        host="*",
        operation=3,
        permission_type=3,
    )


def scram(name: str) -> UserScramCredentialRecord:
    return UserScramCredentialRecord(
        name=name, mechanism=1, salt=b"s", stored_key=b"k", server_key=b"v", iterations=4096
    )


def token(token_id: str) -> DelegationTokenRecord:
    return DelegationTokenRecord(
        owner="User:a",
        requester="User:b",
        renewers=["User:c"],
        issue_timestamp=1,
        max_timestamp=2,
        expiration_timestamp=3,
        token_id=token_id,
    )


def quota(user: str | None, key: str, value: float, *, remove: bool = False) -> ClientQuotaRecord:
    entity = [EntityData(entity_type="user", entity_name=user), EntityData(entity_type="client-id", entity_name="c")]
    return ClientQuotaRecord(entity=entity, key=key, value=value, remove=remove)


def records_of_everything(image: MetadataImage) -> list[MetadataRecord]:
    """Beside what the decisions below write."""
    doomed = image.topics.by_name["doomed"].topic_id
    kept = image.topics.by_name["kept"].topic_id
    broker = image.cluster.brokers[2]
    return [
        ZkMigrationStateRecord(zk_migration_state=0),
        NoOpRecord(),
        FenceBrokerRecord(id=2, epoch=broker.epoch),
        UnfenceBrokerRecord(id=2, epoch=broker.epoch),
        UnregisterBrokerRecord(broker_id=3, broker_epoch=image.cluster.brokers[3].epoch),
        RegisterControllerRecord(
            controller_id=1,
            incarnation_id=an_id(1),
            zk_migration_ready=False,
            end_points=[ControllerEndpoint(name="C", host="h", port=65535, security_protocol=0)],
            features=[],
        ),
        RemoveTopicRecord(topic_id=doomed),
        PartitionChangeRecord(
            partition_id=0, topic_id=kept, isr=[], leader=-1, eligible_leader_replicas=[1], last_known_elr=[1]
        ),
        PartitionChangeRecord(
            partition_id=1, topic_id=kept, adding_replicas=[2], replicas=[1, 2], directories=[an_id(1), an_id(2)]
        ),
        ConfigRecord(resource_type=2, resource_name="kept", name="retention.ms", value="7"),
        ConfigRecord(resource_type=32, resource_name="g", name="x", value="1"),
        ConfigRecord(resource_type=32, resource_name="g", name="x", value=None),
        FeatureLevelRecord(name="some.feature", feature_level=3),
        FeatureLevelRecord(name="share.version", feature_level=0),
        ProducerIdsRecord(broker_id=1, broker_epoch=5, next_producer_id=3000),
        quota("a", "producer_byte_rate", 10.5),
        quota("a", "request_percentage", 1.0),
        quota("a", "request_percentage", 1.0, remove=True),
        quota(None, "consumer_byte_rate", 2.0),
        acl(1),
        acl(2),
        RemoveAccessControlEntryRecord(id=an_id(2)),
        scram("a"),
        scram("b"),
        RemoveUserScramCredentialRecord(name="b", mechanism=1),
        token("1"),
        token("2"),
        RemoveDelegationTokenRecord(token_id="2"),
        ClearElrRecord(topic_name="other"),
    ]


def everything() -> tuple[MetadataImage, set[type[MetadataRecord]]]:
    controller = Controller()
    controller.add_brokers(1, 2, 3)
    controller.create(topic("kept", 2, 1), topic("doomed"), topic("other"))
    records = records_of_everything(controller.image)
    delta = MetadataDelta(controller.image)
    for record in records:
        delta.replay(record)
    return delta.apply(offset=500, epoch=3, timestamp_ms=9), {type(record) for record in records}


def again(image: MetadataImage) -> MetadataImage:
    delta = MetadataDelta(EMPTY_IMAGE)
    for record in snapshot_records(image):
        delta.replay(decode_record(encode_record(record)))
    return delta.apply(offset=image.offset, epoch=image.epoch, timestamp_ms=image.timestamp_ms)


def test_an_image_survives_as_records() -> None:
    image, replayed = everything()
    assert again(image) == image
    assert image.topics.by_name.keys() == {"kept", "other"}
    assert image.features.level("share.version") == 0
    assert image.configs.by_resource.keys() == {(2, "kept"), (4, "")}
    assert image.client_quotas.by_entity == {
        (("client-id", "c"), ("user", "a")): {"producer_byte_rate": 10.5},
        (("client-id", "c"), ("user", None)): {"consumer_byte_rate": 2.0},
    }
    assert (list(image.acls.by_id), list(image.scram.credentials)) == ([an_id(1)], [(1, "a")])
    assert list(image.delegation_tokens.by_id) == ["1"]
    assert 3 not in image.cluster.brokers
    by_decisions = {
        "RegisterBrokerRecord",
        "TopicRecord",
        "PartitionRecord",
        "BrokerRegistrationChangeRecord",
        "BeginTransactionRecord",
        "EndTransactionRecord",
    }
    known = {cls.__name__ for cls in replayed} | by_decisions | {"AbortTransactionRecord"}
    assert known == set(RECORD_TYPES.values())  # nothing that Kafka has is left out of this test


def test_an_old_image_does_not_change() -> None:
    controller = Controller()
    controller.add_brokers(1)
    controller.create(topic("t", 2))
    before = controller.image
    written = again(before)
    controller.create(topic("u"))
    delta = MetadataDelta(before)
    delta.replay(RemoveTopicRecord(topic_id=before.topics.by_name["t"].topic_id))
    after = delta.apply(offset=before.offset + 1, epoch=1, timestamp_ms=1)
    assert before == written
    assert "t" not in after.topics.by_name
    assert delta.deleted_topics.keys() == before.topics.by_id.keys()
    assert after.cluster is before.cluster


def test_a_transaction_shows_when_it_ends() -> None:
    loader = MetadataLoader()
    feature = FeatureLevelRecord(name="metadata.version", feature_level=30)
    loader.take([BeginTransactionRecord(), feature], 1)
    assert loader.publish(epoch=1, timestamp_ms=1) is None
    assert loader.image is EMPTY_IMAGE
    loader.take([EndTransactionRecord()], 2)
    assert loader.publish(epoch=1, timestamp_ms=1) is not None
    assert (loader.image.features.metadata_version, loader.image.offset) == (30, 2)
    loader.take([BeginTransactionRecord(), FeatureLevelRecord(name="x", feature_level=1), AbortTransactionRecord()], 5)
    loader.publish(epoch=1, timestamp_ms=1)
    assert loader.image.features.level("x") == 0


@pytest.mark.parametrize(
    "records",
    [
        [EndTransactionRecord()],
        [BeginTransactionRecord(), BeginTransactionRecord()],
        [RemoveTopicRecord(topic_id=an_id(1))],
        [PartitionChangeRecord(partition_id=0, topic_id=an_id(1))],
        [FenceBrokerRecord(id=1, epoch=1)],
    ],
)
def test_what_does_not_fit_stops_the_loader(records: list[MetadataRecord]) -> None:
    with pytest.raises(MetadataError):
        MetadataLoader().take(records, 0)


@pytest.mark.parametrize(
    "value", [b"", b"\x02\x0c\x00", b"\x01\x0d\x00", b"\x01\x0c\x09", b"\x01\x0c\x00\x05a", b"\xff" * 9]
)
def test_malformed_records(value: bytes) -> None:
    with pytest.raises(MetadataError):
        decode_record(value)


def test_the_bytes_are_those_of_kafka() -> None:
    """Read out of `bootstrap.checkpoint` of `kafka-storage format`, 4.3.1."""
    record = VersionedRecord(FeatureLevelRecord(name="metadata.version", feature_level=30))
    assert encode_record(record) == b"\x01\x0c\x00\x11metadata.version\x00\x1e\x00"
