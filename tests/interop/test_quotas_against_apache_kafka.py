"""Quotas on bytes, requests and changes of the metadata: Ottla lets wait and refuses whom Apache Kafka does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.interop.quota_scenarios import play
from tests.peers.apache_kafka import KafkaNode
from tests.peers.ottla_node import OttlaNode

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.java
@pytest.mark.timeout(300)
async def test_the_same_who_waits(tmp_path: Path) -> None:
    with KafkaNode(tmp_path / "kafka") as kafka, OttlaNode(tmp_path / "ottla") as ottla:
        theirs, ours = await asyncio.gather(play(kafka.address), play(ottla.address))
    assert ours == theirs
    assert any("True" in note for note in ours)
    assert any("EXCEEDED" in note for note in ours)
