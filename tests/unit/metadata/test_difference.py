"""One step from any image of a history to any other, back and forth, as a snapshot makes it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.unit.metadata.decisions import Controller, topic
from tests.unit.metadata.test_snapshot_records import records_of_everything

from ottla.metadata.delta import MetadataDelta
from ottla.metadata.difference import difference
from ottla.metadata.image import EMPTY_IMAGE
from ottla.protocol.metadata_record.remove_topic_record import RemoveTopicRecord
from ottla.protocol.metadata_record.topic_record import TopicRecord

if TYPE_CHECKING:
    from ottla.metadata.image import MetadataImage


def history() -> list[MetadataImage]:
    """Every record of Kafka 4.3 makes one more image."""
    controller = Controller()
    controller.add_brokers(1, 2, 3)
    controller.create(topic("kept", 2, 1), topic("doomed"), topic("other"))
    images = [EMPTY_IMAGE, controller.image]
    for record in records_of_everything(controller.image):
        delta = MetadataDelta(images[-1])
        delta.replay(record)
        images.append(delta.apply(offset=images[-1].offset + 1, epoch=3, timestamp_ms=9))
    return images


def step(before: MetadataImage, after: MetadataImage) -> MetadataImage:
    made = difference(before, after).apply(offset=after.offset, epoch=after.epoch, timestamp_ms=after.timestamp_ms)
    return without_controllers(made)


def without_controllers(image: MetadataImage) -> MetadataImage:
    """No record says that a controller is gone."""
    return replace(image, cluster=replace(image.cluster, controllers={}))


def test_any_image_leads_to_any_other() -> None:
    images = history()
    for before in images:
        for after in images:
            assert step(before, after) == without_controllers(after)


def test_what_is_the_same_is_not_told() -> None:
    for image in history():
        delta = difference(image, image)
        assert not (delta.changed_topics or delta.deleted_topics or delta.changed_configs)
        assert not (delta.changed_brokers or delta.changed_features)


def test_a_topic_that_was_made_anew_is_gone_and_there() -> None:
    controller = Controller()
    controller.add_brokers(1)
    controller.create(topic("t"))
    before, old_id, new_id = controller.image, controller.image.topics.by_name["t"].topic_id, bytes([7]) * 16
    meanwhile = MetadataDelta(before)
    meanwhile.replay(RemoveTopicRecord(topic_id=old_id))
    meanwhile.replay(TopicRecord(name="t", topic_id=new_id))
    after = meanwhile.apply(offset=before.offset + 2, epoch=1, timestamp_ms=1)
    delta = difference(before, after)
    assert (set(delta.deleted_topics), set(delta.changed_topics)) == ({old_id}, {new_id})
    assert step(before, after) == after
