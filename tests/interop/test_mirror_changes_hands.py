"""One flow, run in turn by Ottla and by Apache Kafka's MirrorMaker 2: each goes on where the other stopped.

And Apache Kafka's `RemoteClusterUtils` reads what Ottla wrote: hops, heartbeats, checkpoints, translated offsets.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from tests.conformance.test_confluent_kafka import Librdkafka
from tests.conftest import TEST_SETTINGS
from tests.interop.test_mirror import contents, records_of, values
from tests.peers.apache_kafka import jars, mirror_jars
from tests.peers.mirror import MirrorMaker, MirrorProcess
from tests.peers.ottla_node import OttlaNode
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from tests.conformance.client import Record

pytestmark = [pytest.mark.java, pytest.mark.timeout(600)]

PROGRAM: Final = Path(__file__).parent.parent / "peers" / "java" / "MirrorFacts.java"
FLOW: Final = {"a->b.enabled": "true", "topics": "orders", "groups": "billing"}
TURN_S: Final = 120.0


def mirror_facts(address: str, source: str, group: str) -> dict[str, str]:
    command = ["java", "-XX:+UseSerialGC", "-cp", f"{mirror_jars()}/*:{jars()}/*", str(PROGRAM), address, source, group]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TURN_S, check=False)
    assert done.returncode == 0, done.stderr
    return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)


def read_some(client: Librdkafka, count: int) -> None:
    member = client.join("billing", "orders")
    seen: list[Record] = []
    while len(seen) < count:
        seen += member.poll()
    member.commit()
    member.close()


@pytest.mark.long
def test_a_flow_changes_hands_between_ottla_and_mirrormaker(tmp_path: Path) -> None:
    with OttlaNode(tmp_path / "a", TEST_SETTINGS) as a, OttlaNode(tmp_path / "b", TEST_SETTINGS) as b:
        addresses = {"a": a.address, "b": b.address}
        source, target = Librdkafka(a.address), Librdkafka(b.address)
        source.create_topic("orders", 2)

        def same() -> bool:
            return all(contents(target, "a.orders", index) == contents(source, "orders", index) for index in (0, 1))

        source.produce("orders", records_of(0, 300), "lz4")
        read_some(source, 300)
        with MirrorProcess(tmp_path / "mirror", addresses, FLOW) as mirror:
            wait_for(lambda: len(values(target, "a.orders")) == 300, "the first records, by Ottla")
            wait_for(lambda: _is_at(target, 150), "the group in the target")
            assert mirror.stop() == 0
        facts = mirror_facts(b.address, "a", "billing")
        assert facts["hops"] == "1"
        assert facts["upstream"] == "[a]"
        assert facts["heartbeats"] == "[a.heartbeats, heartbeats]"
        assert facts["checkpoints"] == "[a.checkpoints.internal]"
        assert facts["offsets"] == "{a.orders-0=150/, a.orders-1=150/}"

        source.produce("orders", records_of(300, 200), "zstd")
        with MirrorMaker(tmp_path / "mirror-maker", addresses, FLOW) as mirror_maker:
            wait_for(lambda: len(values(target, "a.orders")) >= 500, "what followed, by MirrorMaker 2", TURN_S)
            assert same(), "MirrorMaker 2 began where Ottla had stopped"
            read_some(source, 200)
            wait_for(lambda: _is_at(target, 250), "the group in the target, by MirrorMaker 2", TURN_S)
            mirror_maker.stop()

        source.produce("orders", records_of(500, 100), "gzip")
        with MirrorProcess(tmp_path / "mirror", addresses, FLOW) as mirror:
            wait_for(lambda: len(values(target, "a.orders")) >= 600, "the last records, by Ottla")
            assert same(), "Ottla began where MirrorMaker 2 had stopped"
            read_some(source, 100)
            wait_for(lambda: _is_at(target, 300), "the group in the target, by Ottla again")
            assert mirror.stop() == 0


def _is_at(target: Librdkafka, offset: int) -> bool:
    return all(target.committed("billing", "a.orders", index) == offset for index in (0, 1))
