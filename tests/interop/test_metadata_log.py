"""The metadata log and its snapshots, both ways: Apache Kafka's tools read ours, and we read those of a real node."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.peers.apache_kafka import CLUSTER_ID, KafkaNode, run_java, shell_jars
from tests.peers.process import wait_for
from tests.unit.broker.controllers import TestNode, creation

from ottla.broker.controller.loading import load_metadata, newest_snapshot
from ottla.broker.controller.metadata_log import MetadataLog
from ottla.broker.controller.quorum_files import QuorumFiles
from ottla.broker.controller.settings import QuorumSettings
from ottla.broker.storage_format import CLUSTER_METADATA_DIRECTORY, read_meta_properties
from ottla.metadata.controller.topics import create_topics
from ottla.metadata.features import BOOTSTRAP_LEVELS, METADATA_VERSION, SUPPORTED_FEATURES
from ottla.raft.voter_set import VoterSet
from ottla.runtime.disk import Disk

if TYPE_CHECKING:
    from pathlib import Path

    from ottla.metadata.image import MetadataImage

pytestmark = [pytest.mark.java, pytest.mark.timeout(400)]


def dump(path: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """(control records, metadata records) as `DumpLogSegments` prints them."""
    output = run_java(
        "org.apache.kafka.tools.DumpLogSegments", "--cluster-metadata-decoder", "--files", str(path)
    ).stdout
    assert "isvalid: false" not in output, output
    assert "Could not" not in output, output
    assert "Found" not in output, output
    control = re.findall(
        r"headerKeys: \[\] (LeaderChange|KRaftVersion|KRaftVoters|SnapshotHeader|SnapshotFooter)", output
    )
    return control, [json.loads(text) for text in re.findall(r"payload: (\{.*\})", output)]


def test_the_metadata_shell_shows_our_metadata(data: Path) -> None:
    """Apache Kafka's `kafka-metadata-shell` on the log of a node after mixed use; it may answer too early."""
    log = data / CLUSTER_METADATA_DIRECTORY / "00000000000000000000.log"

    def show(*words: str) -> str:
        command = ["java", "-cp", f"{shell_jars()}/*", "org.apache.kafka.shell.MetadataShell"]
        done = subprocess.run(
            [*command, "--snapshot", str(log), *words], capture_output=True, text=True, timeout=120, check=False
        )
        return done.stdout

    wait_for(
        lambda: "replicas=[1]" in show("tree", "/image/topics/byName/__consumer_offsets"), "it has read the topics"
    )
    wait_for(lambda: "__consumer_offsets" in show("ls", "/image/topics/byName").split(), "it lists the topics")
    wait_for(lambda: "ControllerRegistration(id=1" in show("tree", "/image/cluster/controllers"), "and the controllers")


async def test_kafka_reads_our_metadata(tmp_path: Path) -> None:
    node = TestNode(tmp_path)
    shell = node.shell

    def create(name: str) -> None:
        request = creation(name, 2, retention_ms="5")
        shell.decide_now(lambda view: create_topics(view, shell.schema, shell.settings.topic_defaults, request))

    create("one")
    image = shell.image
    snapshot_id = shell.quorum._snapshots.write(image, *shell.history.before(image.offset + 1), node.clock.ms)
    create("two")
    await node.restart()
    await node.shell.close()

    control, records = dump(node.metadata_directory / "00000000000000000000.log")
    assert control == ["LeaderChange", "KRaftVersion", "KRaftVoters", "LeaderChange"]
    types = [record["type"] for record in records]
    assert types[:9] == [
        "BEGIN_TRANSACTION_RECORD",
        *["FEATURE_LEVEL_RECORD"] * 6,
        "CONFIG_RECORD",
        "END_TRANSACTION_RECORD",
    ]
    assert types[9:13] == [
        "REGISTER_CONTROLLER_RECORD",
        "REGISTER_BROKER_RECORD",
        "BROKER_REGISTRATION_CHANGE_RECORD",
        "BROKER_REGISTRATION_CHANGE_RECORD",
    ]
    assert types[13:17] == ["TOPIC_RECORD", "CONFIG_RECORD", "PARTITION_RECORD", "PARTITION_RECORD"]
    assert [r["data"]["name"] for r in records if r["type"] == "TOPIC_RECORD"] == ["one", "two"]

    control, records = dump(node.metadata_directory / snapshot_id.file_name)
    assert control == ["SnapshotHeader", "KRaftVersion", "KRaftVoters", "SnapshotFooter"]
    assert [r["data"]["name"] for r in records if r["type"] == "TOPIC_RECORD"] == ["one"]
    control, records = dump(tmp_path / "bootstrap.checkpoint")
    assert {r["data"]["name"]: r["data"]["featureLevel"] for r in records} == BOOTSTRAP_LEVELS


def load(directory: Path) -> MetadataImage:
    properties = read_meta_properties(Disk(), directory)
    assert properties is not None
    assert properties.cluster_id == CLUSTER_ID
    log_directory = directory / CLUSTER_METADATA_DIRECTORY
    quorum_files = QuorumFiles(Disk(), log_directory)
    settings = QuorumSettings(
        node_id=1,
        cluster_id=CLUSTER_ID,
        metadata_directory=directory,
        directory_id=properties.directory_id,
    )
    log = MetadataLog.open(Disk(), log_directory, settings, clean=False, recovery_point=0, now_ms=0)
    election = quorum_files.load_election()
    assert election is not None
    assert (election.leader_id, election.epoch) == (1, log.epochs[-1][0])
    loaded = load_metadata(log, newest_snapshot(quorum_files), VoterSet(()))
    log.close()
    [voter] = loaded.history.voters.voters
    assert (voter.key.node_id, voter.key.directory_id) == (1, properties.directory_id)
    return loaded.loader.image


def test_we_read_the_metadata_of_kafka(tmp_path: Path) -> None:
    confluent = pytest.importorskip("confluent_kafka.admin")
    node = KafkaNode(tmp_path / "kafka", {"metadata.log.max.record.bytes.between.snapshots": "2000"})
    node.start()
    try:
        admin = confluent.AdminClient({"bootstrap.servers": node.address})
        wanted = [confluent.NewTopic("one", 3, 1, config={"retention.ms": "5"}), confluent.NewTopic("two", 1, 1)]
        for future in admin.create_topics(wanted).values():
            future.result(60)
        admin.delete_topics(["two"])["two"].result(60)
    finally:
        node.stop()
    image = load(node.data)
    assert image.topics.by_name.keys() == {"one"}
    assert {p.leader_epoch for p in image.topics.by_name["one"].partitions.values()} == {1}  # after its shutdown
    assert image.configs.by_resource == {(2, "one"): {"retention.ms": "5"}, (4, ""): {"min.insync.replicas": "1"}}
    levels = {METADATA_VERSION: image.features.metadata_version, **image.features.finalized_levels}
    assert levels == BOOTSTRAP_LEVELS
    [broker] = image.cluster.brokers.values()
    assert (broker.fenced, broker.in_controlled_shutdown) == (True, True)
    assert broker.supported_features == SUPPORTED_FEATURES
    assert image.cluster.controllers[1].supported_features == SUPPORTED_FEATURES
