"""Coming in through TLS: Ottla lets in whom Apache Kafka lets in, by the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.interop.tls_scenarios import Doors, Keys, play
from tests.peers.apache_kafka import KafkaNode
from tests.peers.ottla_node import OttlaNode
from tests.peers.process import wait_until_listening

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.java
@pytest.mark.timeout(300)
async def test_the_same_guests(tmp_path: Path) -> None:
    keys, theirs, ours = Keys(tmp_path), Doors(), Doors()
    kafka = KafkaNode(tmp_path / "kafka", theirs.settings(keys), port=theirs.required)
    with kafka, OttlaNode(tmp_path / "ottla", ours.settings(keys)):
        wait_until_listening(kafka, "127.0.0.1", theirs.none, 60)
        expected = await play(theirs, keys)
        assert await play(ours, keys) == expected
    assert sum("no handshake" in note for note in expected) > 5
    assert sum("for 'boss'" in note for note in expected) > 3
